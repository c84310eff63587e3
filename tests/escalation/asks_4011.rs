//! Machines that ask port 4011 although their OFFER told them not to: what is made of that.

use bootjack::client::Shape;
use bootjack::client::quirk::Behaviour;

use crate::talk::{bios, uefi};

/// Firmware that takes its lease and stops there, and begins again after ten seconds.
const DEAF: &str = "D +0.1 r +10";

/// Quirk 5: build 071 of PXE 2.0.
#[test]
fn one_that_asks_4011_all_the_same_twice_is_told_of_once() {
    let asks = "D +0.1 r +1 4 +0.2 4 +0.3 f +60";
    let mut lab = bios();
    lab.talk(asks).says(&[]);
    lab.talk(asks).says(&["asks-4011-all-the-same"]);
    assert_eq!(lab.past().seen, [Behaviour::Asks4011AllTheSame]);
    assert_eq!(lab.past().shape, None);
    lab.talk(asks).says(&[]);
    // What it is known to follow stays.
    let mut lab = bios();
    lab.talk("D +0.1 r +1 f +60").talk(asks).talk(asks);
    lab.says(&["asks-4011-all-the-same"]);
    assert_eq!(lab.past().shape, Some(Shape::SelfSufficient));
    // And what it follows without asking there says that it does not ask there.
    lab.talk("D +0.1 r +1 f")
        .says(&["follows self-sufficient, kept: true"]);
    assert_eq!(lab.past().seen, []);
    // An OFFER without 43{6=8} sends it there.
    let mut lab = uefi();
    lab.talk(asks).talk(asks).says(&[]);
}

#[test]
fn a_uefi_that_finds_its_file_at_4011_all_the_same_follows_what_it_was_offered() {
    let mut lab = uefi();
    lab.talk(DEAF).talk(DEAF);
    let asks = "D +0.1 r +1 4 +0.2 4 +0.3 f +60";
    lab.talk(asks).talk(asks).talk(asks).says(&[
        "offer-4011 failed 2 times, then bypass-prompt",
        "follows bypass-prompt, kept: true",
    ]);
    assert_eq!(lab.past().seen, []);
    assert_eq!(lab.shape(), Shape::BypassPrompt);
}

#[test]
fn one_that_asks_4011_all_the_same_and_finds_nothing_there_is_tried_with_each_shape_once() {
    let loops = "D +0.1 r +0.5 4 +10";
    let mut lab = uefi();
    for _ in 0..7 {
        lab.talk(loops);
    }
    lab.says(&[
        "offer-4011 failed 2 times at 4011, then bypass-prompt",
        "bypass-prompt failed 2 times at 4011, then self-sufficient",
        "self-sufficient failed 2 times, nothing left",
    ]);
    let mut lab = bios();
    lab.talk(DEAF).talk(DEAF);
    for _ in 0..7 {
        lab.talk(loops);
    }
    lab.says(&[
        "self-sufficient failed 2 times, then bypass-prompt",
        "asks-4011-all-the-same",
        "bypass-prompt failed 2 times at 4011, then offer-4011",
        "offer-4011 failed 2 times, nothing left",
    ]);
}

#[test]
fn requests_at_4011_that_may_be_anybodys_say_nothing_of_a_machine() {
    for (what, talk) in [
        ("without a lease", "D +1 4 +60"),
        ("before the lease", "D +1 4 +1 r +60"),
        ("from another address", "D +0.1 r +1 ? +60"),
        ("after its file", "D +0.1 r +1 f +1 4 +60"),
        ("again and again in one attempt", "D +0.1 r +1 f +60"),
    ] {
        let mut lab = bios();
        lab.talk("D +0.1 r +1 4 +1 4 +1 4 +1 f +60");
        for _ in 0..5 {
            lab.talk(talk);
        }
        assert!(lab.past().seen.is_empty(), "{what}: {:?}", lab.said);
    }
}
