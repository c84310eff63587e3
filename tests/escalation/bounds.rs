//! What no order of packets brings about, true or forged.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bootjack::client::progress::{
    FAILURES, Firmware, Known, Memory, Now, Offered, Overheard, Progress, REST, SETTLE, Step, Turn,
    Windows,
};
use bootjack::client::quirk::Behaviour;
use bootjack::client::{Shape, Stage};
use bootjack::wire::{Mac, Platform};
use proptest::prelude::*;

use crate::talk::{self, BIOS, HOME, UEFI};

/// Machines that are remembered in these tests.
const ROOM: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Word {
    Discover { xid: u32 },
    Request,
    Ask4011,
    Fetch { found: bool },
    Refused,
    Unanswered,
    Other(Stage),
    Heard { lease: bool, boots: bool },
}

/// The ladder of a BIOS that asks port 4011 all the same.
const ASKS_4011: [Shape; 3] = [Shape::Offer4011, Shape::SelfSufficient, Shape::BypassPrompt];

/// Attempts: deaf, deaf at port 4011 too, booted from there, booted, refused, given up.
const ATTEMPTS: [&str; 8] = [
    "D +0.1 r +60",
    "D +0.1 r +60",
    "D +0.1 r +1 4 +60",
    "D +0.1 r +1 4 +60",
    "D +0.1 r +1 4 +1 f +60",
    "D +0.1 r +1 f +60",
    "D +0.1 r +1 a +60",
    "D o +1 +60",
];

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        4 => (0_u32..3).prop_map(|xid| Word::Discover { xid }),
        3 => Just(Word::Request),
        1 => Just(Word::Ask4011),
        1 => any::<bool>().prop_map(|found| Word::Fetch { found }),
        1 => prop_oneof![Just(Word::Refused), Just(Word::Unanswered)],
        1 => prop_oneof![Just(Stage::Ipxe), Just(Stage::HttpBoot)].prop_map(Word::Other),
        3 => (any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(lease, boots)| Word::Heard { lease, boots }),
    ]
}

fn said(progress: &mut Progress, now: Now, firmware: Firmware, word: Word) -> Turn {
    match word {
        Word::Discover { xid } => {
            let turn = progress.discovered(now, firmware, xid);
            let shape = shape(progress, firmware);
            let offered = Offered {
                shape,
                ladder: UEFI.iter().copied().collect(),
                windows: Windows::of(&[]),
                bypass: shape != Shape::Offer4011,
            };
            let _ = progress.offered(now, firmware, xid, Some(offered));
            turn
        }
        Word::Request => {
            progress.requested(now, firmware, 0, Some(HOME));
            Turn::default()
        }
        Word::Ask4011 => progress.asked_4011(now, firmware, HOME),
        Word::Fetch { found } => progress.fetched(now, firmware.mac, found),
        Word::Refused => {
            progress.asks_for_a_file(now, firmware.mac);
            Turn::default()
        }
        Word::Unanswered => {
            progress.unanswered(firmware);
            Turn::default()
        }
        Word::Other(stage) => progress.other_stage(now, firmware.mac, stage),
        Word::Heard { lease, boots } => {
            for xid in 0..3 {
                let heard = Overheard {
                    mac: firmware.mac,
                    xid,
                    server: HOME,
                    named: HOME,
                    whole: false,
                    lease,
                    boots,
                };
                let _ = progress.overheard(now, heard);
            }
            Turn::default()
        }
    }
}

/// What it is offered next.
fn shape(progress: &Progress, firmware: Firmware) -> Shape {
    let known = progress.known_of(firmware.mac);
    let known = known.into_iter().find(|known| known.firmware == firmware);
    let learnt = |known: Known| known.learnt.and_then(|learnt| learnt.shape);
    let shape = known.and_then(|known| known.trying.or_else(|| learnt(known)));
    shape.unwrap_or(UEFI[0])
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Steps stay in the ladder, come after two attempts that took their time, and end for an hour.
    #[test]
    fn steps_are_bounded(
        words in proptest::collection::vec((0_u8..4, 0_u64..40_000, word()), 0..400)
    ) {
        let mut progress = Progress::new(ROOM, Memory::new(ROOM, []));
        let began = Instant::now();
        let mut at = Duration::ZERO;
        // Of each machine: DISCOVERs since its last step, and when that was.
        let mut since: HashMap<u8, (u8, Duration)> = HashMap::new();
        let mut rests: HashMap<u8, Duration> = HashMap::new();
        for (n, later, word) in words {
            at += Duration::from_millis(later);
            let firmware = Firmware {
                mac: Mac::ethernet([2, 0, 0, 0, 0, n]),
                platform: Platform::EfiX64,
            };
            let now = Now { at: began + at, wall: at.as_secs() };
            let (count, last) = since.entry(n).or_default();
            if matches!(word, Word::Discover { .. }) {
                *count = count.saturating_add(1);
            }
            let before = shape(&progress, firmware);
            let turn = said(&mut progress, now, firmware, word);
            let after = shape(&progress, firmware);
            prop_assert!(UEFI.contains(&after));
            match turn.step {
                Some(Step::Next { left, next, .. }) => {
                    prop_assert!(left == before && next == after && left != next);
                }
                Some(Step::NothingLeft { .. }) => prop_assert_eq!(after, UEFI[0]),
                Some(Step::Follows { shape, .. }) => prop_assert_eq!(after, shape),
                // Where others have taken its place, it goes back to what was learnt.
                Some(
                    Step::Seen(_)
                    | Step::Disproved(_)
                    | Step::ShimRefused
                    | Step::Looped { .. },
                )
                | None => {
                    let known = progress.known_of(firmware.mac);
                    let tries = known.iter().any(|known| known.trying.is_some());
                    prop_assert!(after == before || !tries);
                }
            }
            if let Some(Step::Next { .. } | Step::NothingLeft { .. }) = turn.step {
                prop_assert!(*count > FAILURES, "a step after {count} DISCOVERs");
                prop_assert!(at >= *last + SETTLE * u32::from(FAILURES));
                prop_assert!(rests.get(&n).is_none_or(|until| at >= *until));
                (*count, *last) = (1, at);
            }
            if let Some(Step::NothingLeft { .. }) = turn.step {
                rests.insert(n, at + REST);
            }
            // Whoever was fetching, or has left to make room, starts anew.
            if matches!(turn.step, Some(Step::Follows { .. })) || progress.known_of(firmware.mac).is_empty() {
                rests.remove(&n);
            }
            prop_assert!(progress.learnt().count() <= ROOM);
            prop_assert!(turn.rows.len() <= 2);
        }
    }

    /// As many steps as there are shapes, whatever it does meanwhile, until it follows one.
    #[test]
    fn each_shape_is_left_once(
        bios in any::<bool>(),
        attempts in proptest::collection::vec(proptest::sample::select(&ATTEMPTS[..]), 0..40)
    ) {
        let mut lab = if bios { talk::bios() } else { talk::uefi() };
        let mut left: Vec<String> = Vec::new();
        for attempt in attempts {
            lab.talk(attempt);
            for said in std::mem::take(&mut lab.said) {
                let words: Vec<&str> = said.split(' ').collect();
                match words[..] {
                    [shape, "failed", .., "nothing", "left"] => {
                        left.push(shape.to_owned());
                        let all: BTreeSet<&String> = left.iter().collect();
                        prop_assert!(all.len() == lab.ladder.len() && left.len() == all.len());
                        left.clear();
                    }
                    [shape, "failed", .., "then", next] => {
                        left.push(shape.to_owned());
                        prop_assert!(!left.iter().any(|shape| shape == next), "{left:?}, {next}");
                    }
                    ["follows", ..] => left.clear(),
                    _ => prop_assert_eq!(said, "asks-4011-all-the-same"),
                }
            }
            // What it fetches without a word is followed too; not what a BIOS finds at 4011 all the same.
            let all_the_same = bios && attempt.contains('4') && lab.shape() != Shape::Offer4011;
            if attempt.ends_with("f +60") && !all_the_same {
                left.clear();
            }
            // The row of those that ask 4011 all the same is about a BIOS.
            if lab.past().seen.contains(&Behaviour::Asks4011AllTheSame) {
                prop_assert!(bios);
                lab.ladder = ASKS_4011.to_vec();
            } else if bios {
                lab.ladder = BIOS.to_vec();
            }
        }
    }

    /// DISCOVERs alone, from whomever and however many, move nobody where no lease is given.
    #[test]
    fn discovers_alone_move_nobody(
        words in proptest::collection::vec((0_u8..4, 0_u64..90_000, 0_u32..3), 0..400)
    ) {
        let mut progress = Progress::new(ROOM, Memory::new(ROOM, []));
        let began = Instant::now();
        let mut at = Duration::ZERO;
        for (n, later, xid) in words {
            at += Duration::from_millis(later);
            let firmware = Firmware {
                mac: Mac::ethernet([2, 0, 0, 0, 0, n]),
                platform: Platform::EfiX64,
            };
            let now = Now { at: began + at, wall: at.as_secs() };
            let turn = said(&mut progress, now, firmware, Word::Discover { xid });
            prop_assert_eq!(turn, Turn::default());
        }
    }
}
