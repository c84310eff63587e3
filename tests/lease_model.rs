//! The book of leases against a simple model of what RFC 2131 promises, under random messages,
//! disks that fail, restarts, reloads and jumps of time.
//!
//! The model keeps no leases of its own: it notes who was offered or had what, what is on disk and
//! what was acknowledged, and holds every answer against that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "lease/model.rs"]
mod model;
#[path = "lease/world.rs"]
mod world;

use model::layout::{CLIENTS, CONFIGS, OFFERS};
use model::{Model, Op, Which};
use proptest::prelude::*;

use bootjack::lease::Kind;

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => Just(Kind::Discover),
        8 => Just(Kind::Selecting { ours: true }),
        1 => Just(Kind::Selecting { ours: false }),
        3 => Just(Kind::InitReboot),
        3 => Just(Kind::Renewing),
        2 => Just(Kind::Rebinding),
        1 => Just(Kind::Decline),
        2 => Just(Kind::Release),
        1 => Just(Kind::Inform),
        1 => Just(Kind::Bootp),
    ]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        6 => Just(Which::Mine),
        2 => (0..12_usize).prop_map(Which::Any),
        1 => Just(Which::None),
    ]
}

fn sends() -> impl Strategy<Value = Op> {
    let seconds = prop_oneof![
        4 => Just(None),
        1 => Just(Some(1)),
        1 => Just(Some(100)),
        1 => Just(Some(u32::MAX)),
    ];
    let network = prop_oneof![4 => Just(0_usize), 1 => Just(1)];
    (
        0..CLIENTS,
        network,
        kinds(),
        which(),
        seconds,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(client, network, kind, which, seconds, authoritative, shows)| Op::Send {
                client,
                network,
                kind,
                which,
                seconds,
                authoritative,
                shows,
            },
        )
}

fn ops() -> impl Strategy<Value = Op> {
    let steps = prop_oneof![
        6 => 0..40_u64,
        3 => 40..400_u64,
        1 => Just(5000_u64),
        1 => Just(1 << 40),
    ];
    prop_oneof![
        24 => sends(),
        5 => (any::<prop::sample::Index>(), prop::bool::weighted(0.8))
            .prop_map(|(which, free)| Op::Probe { which, free }),
        8 => (1..5_usize, prop::bool::weighted(0.75)).prop_map(|(n, works)| Op::Commit { n, works }),
        5 => steps.prop_map(Op::Step),
        1 => (0..3_usize).prop_map(|written| Op::Restart { written }),
        1 => (0..CONFIGS).prop_map(Op::Reload),
        1 => (0..12_usize).prop_map(Op::Operator),
    ]
}

/// Enough for a few seconds; `PROPTEST_CASES=20000` for a long look.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.map_or(250, |n| n.parse().expect("PROPTEST_CASES is a number"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_interleaving_breaks_a_promise(
        all in prop::collection::vec(ops(), 1..120),
        start in prop_oneof![Just(0_u64), Just(1_700_000_000)],
        first in 0..CONFIGS,
    ) {
        let mut model = Model::new(start, first);
        for op in &all {
            model.step(op);
        }
    }
}

/// The random walks do reach what they are to try: else the test above could not fail.
#[test]
fn the_walks_go_everywhere() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let walks = prop::collection::vec(ops(), 100..120);
    let mut seen = model::Seen::default();
    for n in 0..150 {
        let mut model = Model::new(0, n % CONFIGS);
        for op in &walks.new_tree(&mut runner).unwrap().current() {
            model.step(op);
        }
        seen.add(&model.seen);
    }
    assert!(seen.offers > OFFERS, "{seen:?}");
    let least = [
        seen.acks,
        seen.void,
        seen.naks,
        seen.unstored,
        seen.conflicts,
        seen.exhausted,
        seen.expired,
        seen.survived,
        seen.declined,
        seen.bootp,
        seen.evicted,
        seen.kept,
        seen.unclaimed,
        seen.taken_over,
    ];
    assert!(least.iter().all(|n| *n >= 10), "{seen:?}");
}
