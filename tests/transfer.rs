//! The TFTP sender against model clients on a network that loses, doubles and reorders, in virtual
//! time; and the situations that firmware is on record for, one by one.

#[path = "support/tftp_model.rs"]
mod model;

use std::time::{Duration, Instant};

use bootjack::transfer::{Bounds, Ending, Failure, Input, Next, Send, Sender, Step, agree};
use bootjack::wire::tftp::{ErrorCode, Options};
use model::{Case, Manner, file, run};
use proptest::prelude::*;

fn asked(blksize: u16, windowsize: u16) -> Options {
    Options {
        blksize: (blksize != 512).then_some(blksize),
        windowsize: (windowsize != 1).then_some(windowsize),
        ..Options::default()
    }
}

fn blocks(size: u64, blksize: u16) -> u64 {
    size / u64::from(blksize) + 1
}

/// Sizes where things go wrong: empty, around whole blocks, anything.
fn sizes(blksize: u16) -> impl Strategy<Value = u64> {
    let most = 400_000 / u64::from(blksize) + 3;
    (0..most.min(700), 0..4_u8, 0..blksize).prop_map(move |(whole, kind, rest)| {
        let whole = whole * u64::from(blksize);
        match kind {
            0 => whole,
            1 => whole + 1,
            2 => whole.saturating_sub(1),
            _ => whole + u64::from(rest),
        }
    })
}

prop_compose! {
    fn shapes()(
        blksize in prop_oneof![Just(512_u16), Just(1428), Just(1468), 8..2000_u16, 8..=65464_u16],
        windowsize in prop_oneof![Just(1_u16), Just(2), Just(4), Just(64), 1..=64_u16],
    )(size in sizes(blksize), blksize in Just(blksize), windowsize in Just(windowsize)) -> (u64, u16, u16) {
        (size, blksize, windowsize)
    }
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![Just(Manner::Quiet), Just(Manner::Echoing)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_the_network_does_the_bytes_arrive(
        (size, blksize, windowsize) in shapes(),
        manner in manners(),
        (lost, doubled, delayed) in (0..50_u64, 0..300_u64, 0..300_u64),
        seed: u64,
    ) {
        let asked = asked(blksize, windowsize);
        let case = Case { lost, doubled, delayed, seed, ..Case::clean(size, asked, manner) };
        let outcome = run(&case);
        prop_assert_eq!(outcome.ending, Ending::Sent);
        prop_assert!(outcome.bytes == file(size));
    }

    #[test]
    fn on_a_faultless_network_every_block_leaves_once(
        (size, blksize, windowsize) in shapes(),
        manner in manners(),
    ) {
        let outcome = run(&Case::clean(size, asked(blksize, windowsize), manner));
        prop_assert_eq!(outcome.ending, Ending::Sent);
        prop_assert!(outcome.bytes == file(size));
        prop_assert_eq!(outcome.blocks, blocks(size, blksize));
        prop_assert!(outcome.oacks <= 1);
    }

    #[test]
    fn doubled_packets_never_make_a_sorcerers_apprentice(
        (size, blksize) in (0..300_000_u64, 512..2000_u16),
        manner in manners(),
    ) {
        let case = Case { doubled: 1000, ..Case::clean(size, asked(blksize, 1), manner) };
        let outcome = run(&case);
        prop_assert_eq!(outcome.ending, Ending::Sent);
        prop_assert_eq!(outcome.blocks, blocks(size, blksize));
    }

    /// Beside the least possible, a packet that was lost costs a window at most.
    #[test]
    fn a_loss_costs_a_window_at_most(
        (size, blksize, windowsize) in shapes(),
        manner in manners(),
        lost in 1..100_u64,
        seed: u64,
    ) {
        let clean = Case::clean(size, asked(blksize, windowsize), manner);
        let outcome = run(&Case { lost, seed, ..clean });
        let spare = outcome.harmed * u64::from(windowsize);
        prop_assert!(
            outcome.blocks <= blocks(size, blksize) + spare,
            "{} blocks, {} lost", outcome.blocks, outcome.harmed
        );
    }

    /// The same where packets are doubled and overtake each other, too.
    #[test]
    fn whatever_a_packet_suffers_costs_a_window_at_most(
        (size, blksize, windowsize) in shapes(),
        manner in manners(),
        (lost, doubled, delayed) in (0..50_u64, 0..300_u64, 0..300_u64),
        seed: u64,
    ) {
        let clean = Case::clean(size, asked(blksize, windowsize), manner);
        let outcome = run(&Case { lost, doubled, delayed, seed, ..clean });
        let spare = outcome.harmed * u64::from(windowsize);
        prop_assert!(
            outcome.blocks <= blocks(size, blksize) + spare,
            "{} blocks, {} harmed", outcome.blocks, outcome.harmed
        );
    }

    #[test]
    fn a_bad_moment_does_not_double_the_traffic_that_follows(
        windowsize in 2..=64_u16,
        manner in manners(),
        seed: u64,
    ) {
        let size = 30_000;
        let case = Case {
            doubled: 200,
            delayed: 300,
            until: 300,
            seed,
            ..Case::clean(size, asked(10, windowsize), manner)
        };
        let outcome = run(&case);
        prop_assert!(outcome.bytes == file(size));
        // 300 packets and what a window of echoes adds; 3,000 blocks in all.
        prop_assert!(outcome.repeated < 600, "block {} was sent twice", outcome.repeated);
    }
}

#[test]
fn block_numbers_roll_over() {
    for (whole, windowsize) in (65_533..=65_538).zip([1, 7, 64].into_iter().cycle()) {
        for rest in [0, 3] {
            let size = whole * 8 + rest;
            let case = Case {
                lost: 2,
                seed: whole,
                ..Case::clean(size, asked(8, windowsize), Manner::Quiet)
            };
            let outcome = run(&case);
            assert_eq!(outcome.ending, Ending::Sent, "{case:?}");
            assert!(outcome.bytes == file(size), "{case:?}");
        }
    }
}

#[test]
fn one_percent_of_loss_costs_no_seconds() {
    for (windowsize, seconds) in [(1, 3), (8, 2), (64, 2)] {
        let case = Case {
            lost: 10,
            seed: 7,
            ..Case::clean(1_048_576, asked(1468, windowsize), Manner::Quiet)
        };
        let outcome = run(&case);
        assert_eq!(outcome.ending, Ending::Sent);
        let bound = Duration::from_secs(seconds);
        assert!(outcome.took < bound, "{windowsize}: {:?}", outcome.took);
        eprintln!(
            "window {windowsize}: {:?}, {} blocks",
            outcome.took, outcome.blocks
        );
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const ALL: Options = Options {
    blksize: Some(1468),
    tsize: Some(0),
    timeout: None,
    windowsize: Some(4),
};

fn start(size: u64, asked: &Options) -> (Sender, Step, Instant) {
    let now = Instant::now();
    let terms = agree(asked, size, &Bounds::of_mtu(1500));
    let (sender, step) = Sender::start(now, size, terms, PATIENCE);
    (sender, step, now)
}

/// The first and last block that a step sends.
fn sent(step: Step) -> Option<(u64, u64)> {
    match step.send {
        Some(Send::Blocks(run)) => Some((run.first(), run.last())),
        _ => None,
    }
}

/// Lets every wait run out. How the transfer ends, after how long, and how often it sent.
fn into_silence(sender: &mut Sender, mut step: Step, begin: Instant) -> (Ending, Duration, u32) {
    let (mut now, mut sends) = (begin, 0);
    loop {
        sends += u32::from(step.send.is_some());
        match step.next {
            Next::Wait(until) => now = until,
            Next::Done(ending) => return (ending, now - begin, sends),
        }
        step = sender.on(now, Input::Timeout);
    }
}

#[test]
fn a_size_probe_of_edk2_is_no_failure() {
    let (mut sender, step, now) = start(1_000_000, &ALL);
    assert_eq!(step.send, Some(Send::Oack));
    let step = sender.on(now, Input::Error(ErrorCode::OPTIONS));
    assert_eq!(step.next, Next::Done(Ending::Probed));
}

#[test]
fn pxelinux_closing_early_is_no_failure_but_a_full_disk_is_one() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    sender.on(now, Input::Ack(0));
    sender.on(now, Input::Ack(4));
    let mut full = sender.clone();
    let step = sender.on(now, Input::Error(ErrorCode::UNDEFINED));
    assert_eq!(step.next, Next::Done(Ending::Probed));
    let told = Ending::Failed(Failure::Told(ErrorCode(3)));
    let step = full.on(now, Input::Error(ErrorCode(3)));
    assert_eq!(step.next, Next::Done(told));
    assert_eq!(full.acknowledged(), 4 * 1468);
}

#[test]
fn without_options_the_first_block_answers_the_request() {
    let (mut sender, step, now) = start(600, &Options::default());
    assert_eq!(sent(step), Some((1, 1)));
    assert_eq!(sent(sender.on(now, Input::Ack(1))), Some((2, 2)));
    let step = sender.on(now, Input::Ack(2));
    assert_eq!(step.next, Next::Done(Ending::Sent));
}

#[test]
fn an_ack_below_the_windows_end_sends_from_there_at_once() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    assert_eq!(sent(sender.on(now, Input::Ack(0))), Some((1, 4)));
    assert_eq!(sent(sender.on(now, Input::Ack(2))), Some((3, 6)));
    let echo = sender.on(now, Input::Ack(2));
    assert_eq!(echo.send, None);
    assert_eq!(sent(sender.on(now, Input::Ack(6))), Some((7, 10)));
}

#[test]
fn the_first_block_of_a_window_lost_is_sent_again_at_once() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    sender.on(now, Input::Ack(0));
    assert_eq!(sent(sender.on(now, Input::Ack(4))), Some((5, 8)));
    assert_eq!(sent(sender.on(now, Input::Ack(4))), Some((5, 8)));
    assert_eq!(sender.on(now, Input::Ack(4)).send, None);
}

#[test]
fn an_ack_of_nothing_sent_or_long_past_is_passed_over() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    assert_eq!(sender.on(now, Input::Ack(1)).send, None);
    sender.on(now, Input::Ack(0));
    sender.on(now, Input::Ack(4));
    for number in [0, 3, 9, 1000, 65535] {
        assert_eq!(sender.on(now, Input::Ack(number)).send, None, "{number}");
    }
    assert_eq!(sender.acknowledged(), 4 * 1468);
}

#[test]
fn a_repeated_request_gets_its_oack_again_a_doubled_one_does_not() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    let step = sender.on(now + Duration::from_millis(1), Input::Again);
    assert_eq!(step.send, None);
    let step = sender.on(now + Duration::from_millis(400), Input::Again);
    assert_eq!(step.send, Some(Send::Oack));
}

#[test]
fn a_repeated_request_in_mid_transfer_starts_over_unless_it_is_a_late_twin() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    sender.on(now, Input::Ack(0));
    sender.on(now, Input::Ack(4));
    let late_twin = sender.on(now + Duration::from_millis(1), Input::Again);
    assert_eq!(late_twin.send, None);
    let rebooted = sender.on(now + Duration::from_secs(20), Input::Again);
    assert_eq!(rebooted.send, Some(Send::Oack));
    assert_eq!(sender.acknowledged(), 0);
    let step = sender.on(now + Duration::from_secs(20), Input::Ack(0));
    assert_eq!(sent(step), Some((1, 4)));
}

#[test]
fn a_client_that_never_answers_costs_six_packets_and_a_few_seconds() {
    let (mut sender, step, now) = start(1_000_000, &ALL);
    let (ending, took, sends) = into_silence(&mut sender, step, now);
    assert_eq!(ending, Ending::Failed(Failure::NeverHeard));
    assert_eq!(sends, 6);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_client_that_falls_silent_is_given_up_when_patience_ends() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    let step = sender.on(now, Input::Ack(0));
    let (ending, took, _) = into_silence(&mut sender, step, now);
    assert_eq!(ending, Ending::Failed(Failure::Silent));
    assert_eq!(took, PATIENCE);
}

#[test]
fn acks_without_progress_do_not_prolong_it() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    sender.on(now, Input::Ack(0));
    let mut ended = None;
    for ms in (0..60_000).step_by(10) {
        let now = now + Duration::from_millis(ms);
        sender.on(now, Input::Ack(0));
        if let Next::Done(ending) = sender.on(now, Input::Timeout).next {
            ended = Some((ms, ending));
            break;
        }
    }
    assert_eq!(ended, Some((30_000, Ending::Failed(Failure::Silent))));
}

#[test]
fn a_last_ack_that_never_comes_is_a_finished_transfer() {
    let (mut sender, _, now) = start(10_000, &ALL);
    sender.on(now, Input::Ack(0));
    let step = sender.on(now, Input::Ack(4));
    assert_eq!(sent(step), Some((5, 7)));
    let mut gone = sender.clone();
    let (ending, took, _) = into_silence(&mut sender, step, now);
    assert_eq!(ending, Ending::Sent);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let step = gone.on(now, Input::Gone);
    assert_eq!(step.next, Next::Done(Ending::Sent));
}

#[test]
fn a_client_that_asks_for_something_else_had_probed_or_broken_off() {
    let (mut sender, _, now) = start(1_000_000, &ALL);
    let mut later = sender.clone();
    let step = sender.on(now, Input::Superseded);
    assert_eq!(step.next, Next::Done(Ending::Probed));
    later.on(now, Input::Ack(0));
    let step = later.on(now, Input::Superseded);
    let superseded = Ending::Failed(Failure::Superseded);
    assert_eq!(step.next, Next::Done(superseded));
}

#[test]
fn waits_adapt_and_keep_to_the_timeout_negotiated() {
    let asked = Options {
        timeout: Some(5),
        ..ALL
    };
    let (mut sender, step, now) = start(1_000_000, &asked);
    assert_eq!(step.next, Next::Wait(now + Duration::from_millis(200)));
    let now = now + Duration::from_millis(1);
    let mut step = sender.on(now, Input::Ack(0));
    let mut waits = Vec::new();
    let mut at = now;
    while let Next::Wait(until) = step.next {
        waits.push((until - at).as_millis());
        at = until;
        step = sender.on(at, Input::Timeout);
    }
    assert_eq!(waits[..9], [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
}
