//! What no order of packets brings about, true or forged.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bootjack::client::progress::{
    FAILURES, Firmware, Known, Memory, Now, Offered, Overheard, Progress, REST, SETTLE, Step, Turn,
    Windows,
};
use bootjack::client::{Shape, Stage};
use bootjack::wire::{Mac, Platform};
use proptest::prelude::*;

use crate::talk::{HOME, UEFI};

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
                ladder: UEFI.to_vec(),
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
        Word::Other(stage) => {
            progress.other_stage(firmware.mac, stage);
            Turn::default()
        }
        Word::Heard { lease, boots } => {
            for xid in 0..3 {
                let heard = Overheard {
                    mac: firmware.mac,
                    xid,
                    server: HOME,
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
                Some(Step::Seen(_)) | None => {
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
