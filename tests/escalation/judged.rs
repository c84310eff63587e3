//! What is evidence that a client does not follow, and what is not: packets with their times, and
//! what is said of them.

use bootjack::client::Shape;
use bootjack::client::progress::{Learnt, Memory, Progress};
use bootjack::client::quirk::Behaviour;
use bootjack::wire::Platform;

use crate::talk::{BIOS, Lab, UEFI, mac, uefi};

/// Firmware that takes its lease and stops there, and begins again after ten seconds.
const DEAF: &str = "D +0.1 r +10";
/// EDK2 that ignores every proxy (bootimus#77), beside a DHCP server that answers it.
const IGNORES: &str = "D o +4 d +8 d o +16 d +35";

#[test]
fn who_takes_his_lease_and_fetches_nothing_twice_is_offered_the_next_shape() {
    let mut lab = uefi();
    lab.talk(DEAF).talk(DEAF).says(&[]);
    lab.talk(DEAF)
        .says(&["offer-4011 failed 2 times, then bypass-prompt"]);
    assert_eq!(lab.shape(), Shape::BypassPrompt);
    lab.talk(DEAF)
        .talk(DEAF)
        .says(&["bypass-prompt failed 2 times, then self-sufficient"]);
    lab.talk(DEAF)
        .talk(DEAF)
        .says(&["self-sufficient failed 2 times, nothing left"]);
    assert_eq!(lab.shape(), Shape::Offer4011);
}

#[test]
fn what_is_followed_at_last_is_remembered() {
    let mut lab = uefi();
    for _ in 0..4 {
        lab.talk(DEAF);
    }
    lab.said.clear();
    lab.talk("D +0.1 r +1 f").says(&[
        "bypass-prompt failed 2 times, then self-sufficient",
        "follows self-sufficient, kept: true",
    ]);
    lab.talk("+300 D +0.1 r +1 f").says(&[]);
    assert_eq!(lab.shape(), Shape::SelfSufficient);
    assert_eq!(lab.past().seen, []);
}

#[test]
fn whoever_is_slow_is_left_alone() {
    for (who, talk) in [
        (
            "repeats its DISCOVER, and boots",
            "D +4 d +8 d +16 d +1 r +1 4 +1 f",
        ),
        (
            "hears nothing for half a minute (spanning tree)",
            "D +4 d +8 d +16 d +20 r +2 f",
        ),
        ("waits a minute before it fetches", "D +0.1 r +60 4 +60 f"),
        (
            "is refused its address, and gets another",
            "D +0.1 r +0.5 D +0.1 r +1 f",
        ),
        (
            "is refused its address ten times",
            "D +0.1 r +0.5 D +0.1 r +0.5 D +0.1 r +0.5 D +0.1 r +0.5 D +0.1 r +0.5 D +0.1 r +0.5 D +0.1 r +1 f",
        ),
        (
            "asks for its lease again and again",
            "D +0.1 r +4 r +8 r +16 r +32 D +0.1 r +4 r +8 r +40 D +0.1 r +4 r +8 r +40 D",
        ),
        (
            "has no DHCP server",
            "D +4 d +8 d +16 d +40 D +4 d +8 d +16 d +40 D +4 d +8 d +16 d +40 D",
        ),
        (
            "had none, which is there later",
            "D +4 d +8 d +16 d +60 o +60 D +4 d +8 d +16 d +60 o +60 D +4 d +8 d +16 d +60 o +60 D",
        ),
        (
            "is refused by a server that dies then",
            "D +0.1 r +0.4 D +4 d +8 d +16 d +40 D +0.1 r +0.4 D +4 d +8 d +16 d +40 D",
        ),
        ("is switched off at once", "D +1 D +2 D +3 D +3600 D +1 D"),
        (
            "leaves by a key, each day",
            "D o +2 o +86400 D o +2 o +86400 D o +2 o +86400 D o",
        ),
        (
            "repeats one transaction for two minutes",
            "D o +4 d o +8 d o +16 d o +32 d o +40 d o",
        ),
        (
            "is cut off once in the midst",
            "D +0.1 r +86400 D +0.1 r +1 f +86400 D +0.1 r +86400 D +0.1 r +1 f",
        ),
        (
            "goes on to iPXE from elsewhere",
            "D +0.1 r +2 i +30 D +0.1 r +2 i +30 D +0.1 r +2 i +30 D",
        ),
        (
            "asks for a file that is not there",
            "D +0.1 r +2 n +30 D +0.1 r +2 n +30 D +0.1 r +2 n +30 D",
        ),
        (
            "asks where there is no room for it",
            "D +0.1 r +2 a +4 a +8 a +16 D +0.1 r +2 a +30 D +0.1 r +2 a +30 D",
        ),
        (
            "asks port 4011, and for a file where there is no room",
            "D +0.1 r +1 4 +2 a +30 D +0.1 r +1 4 +2 a +30 D +0.1 r +1 4 +2 a +30 D",
        ),
        (
            "is switched off now and then, and refused in between",
            "D +0.1 r +30 D +0.1 r +2 a +30 D +0.1 r +30 D +0.1 r +2 a +30 D",
        ),
        (
            "could not be sent its OFFER",
            "D u +0.1 r +30 D u +0.1 r +30 D u +0.1 r +30 D",
        ),
        (
            "could not be sent the answer from port 4011",
            "D +0.1 r +1 4 u +30 D +0.1 r +1 4 u +30 D +0.1 r +1 4 u +30 D",
        ),
        (
            "is shown its menu by PXE and by HTTP boot",
            "D +0.1 r +1 f +20 h +1 f +30 D +0.1 r +1 f +20 h +1 f +30 D",
        ),
    ] {
        let mut lab = uefi();
        lab.talk(talk).talk("+10").talk(talk);
        assert!(lab.said.is_empty(), "{who}: {:?}", lab.said);
        assert_eq!(lab.shape(), Shape::Offer4011, "{who}");
    }
}

#[test]
fn another_boot_server_is_told_of_where_nothing_is_judged() {
    let mut lab = uefi();
    lab.pinned = true;
    lab.talk("D p +0.1 r +60 D p +60").ahead().talk("D");
    lab.says(&[]);
    assert_eq!(lab.rivals.len(), 1);
    // Answers to whom we do not answer say nothing of our machines.
    let mut lab = uefi();
    lab.pinned = true;
    lab.talk("D +31 p");
    assert_eq!(lab.rivals.len(), 0);
}

#[test]
fn whoever_may_boot_from_another_server_is_left_to_it() {
    for (who, talk) in [
        ("another proxy answers it", "D p +0.1 r +60"),
        (
            "later, and at the second DISCOVER",
            "D +4 d +1 p +0.1 r +60",
        ),
        ("its DHCP server boots it", "D b +0.1 r +60"),
        ("by the ACK alone", "D +0.1 r +0.1 b +60"),
        ("it takes nothing of both", "D o p +4 d +8 d +16 d +35"),
    ] {
        let mut lab = uefi();
        for _ in 0..6 {
            lab.talk(talk);
        }
        assert!(lab.said.is_empty(), "{who}: {:?}", lab.said);
        assert_eq!(lab.rivals.len(), 1, "{who}: {:?}", lab.rivals);
    }
    // Heard before the DISCOVER itself came to us.
    let mut lab = uefi();
    for _ in 0..6 {
        lab.ahead().talk("+0.1 D +0.1 r +60");
    }
    lab.says(&[]);
    assert_eq!(lab.rivals.len(), 1);
    // Once it is gone, two attempts are enough again.
    lab.talk("+60").talk(DEAF).talk(DEAF).talk("D");
    lab.says(&["offer-4011 failed 2 times, then bypass-prompt"]);
}

#[test]
fn where_it_was_not_heard_what_a_machine_was_offered_nothing_is_proven() {
    for (why, talk) in [
        ("behind a relay, or sent to it alone", "D +0.1 r +60"),
        ("in a flood", "D o +0.1 r m +60"),
        ("in a flood that ends when it begins", "m +1 D o +0.1 r +60"),
        ("no DHCP server for this machine", "D +4 d +8 d +16 d +35"),
        ("one that is there later", "D +4 d +8 d +16 d +35 o"),
    ] {
        let mut lab = uefi();
        lab.unheard = true;
        for _ in 0..6 {
            lab.talk(talk);
        }
        assert!(lab.said.is_empty(), "{why}: {:?}", lab.said);
    }
    let mut lab = uefi();
    lab.unheard = true;
    lab.talk("m +3").talk("D o +0.1 r +10 D o +0.1 r +10 D");
    lab.says(&["offer-4011 failed 2 times, then bypass-prompt"]);
}

#[test]
fn who_ignores_all_offers_of_leases_is_told_of_after_all_shapes() {
    let mut lab = uefi();
    lab.talk(IGNORES).talk(IGNORES).says(&[]);
    lab.talk(IGNORES)
        .says(&["offer-4011 failed 2 times, then bypass-prompt"]);
    lab.talk(IGNORES).talk(IGNORES);
    lab.talk(IGNORES).talk(IGNORES).says(&[
        "bypass-prompt failed 2 times, then self-sufficient",
        "self-sufficient failed 2 times, nothing left",
    ]);
    assert_eq!(lab.shape(), Shape::Offer4011);
    assert_eq!(lab.past().seen, [Behaviour::FollowsNothing]);
    // An hour of rest, then from the start; and what follows after all is no more such a one.
    for _ in 0..40 {
        lab.talk(IGNORES);
    }
    lab.says(&[]);
    lab.talk("+1500").talk(IGNORES).talk(IGNORES);
    lab.says(&["offer-4011 failed 2 times, then bypass-prompt"]);
    lab.talk("D +0.1 r +1 f")
        .says(&["follows bypass-prompt, kept: true"]);
    assert_eq!(lab.past().seen, []);
}

#[test]
fn what_has_worked_is_left_after_three_times_with_a_lease() {
    let mut lab = uefi();
    lab.talk("D +0.1 r +1 4 +0.1 f +60").says(&[]);
    for _ in 0..6 {
        lab.talk(IGNORES);
    }
    lab.says(&[]);
    lab.talk(DEAF).talk(DEAF).talk(DEAF).says(&[]);
    lab.talk(DEAF)
        .says(&["offer-4011 failed 3 times, then bypass-prompt"]);
}

#[test]
fn one_that_asks_4011_and_fetches_nothing_does_not_follow() {
    let mut lab = uefi();
    let loops = "D +0.1 r +0.5 4 +1 4 +2 4 +10";
    lab.talk(loops).talk(loops).says(&[]);
    lab.talk("D")
        .says(&["offer-4011 failed 2 times at 4011, then bypass-prompt"]);
}

#[test]
fn who_was_refused_follows_with_the_file_that_it_gets_at_last() {
    let mut lab = uefi();
    lab.talk(DEAF).talk(DEAF).talk("D +0.1 r +2 a +4 a +8 f");
    lab.says(&[
        "offer-4011 failed 2 times, then bypass-prompt",
        "follows bypass-prompt, kept: true",
    ]);
    // Also after minutes; a file of its system's, an hour later, is none of these.
    let refused = "D +0.1 r +500 a";
    for (later, follows) in [("+500 f", true), ("+3600 f", false)] {
        let mut lab = uefi();
        lab.talk(DEAF).talk(DEAF).talk(refused).talk(later);
        let said = lab.said.iter().any(|said| said.starts_with("follows"));
        assert_eq!(said, follows, "{later}");
    }
    // Refused alone, it is left with what it is tried with.
    let mut lab = uefi();
    lab.talk(DEAF).talk(DEAF);
    for _ in 0..5 {
        lab.talk("D +0.1 r +2 a +30");
    }
    lab.says(&["offer-4011 failed 2 times, then bypass-prompt"]);
    assert_eq!(lab.shape(), Shape::BypassPrompt);
}

#[test]
fn bios_and_uefi_of_one_machine_are_two() {
    let mut lab = uefi();
    lab.talk(DEAF).talk(DEAF);
    lab.platform = Platform::Bios;
    lab.ladder = BIOS.to_vec();
    lab.talk("D +0.1 r +1 f +60 D +0.1 r +1 f +60").says(&[]);
    assert_eq!(lab.shape(), Shape::SelfSufficient);
    lab.platform = Platform::EfiX64;
    lab.ladder = UEFI.to_vec();
    lab.talk("D")
        .says(&["offer-4011 failed 2 times, then bypass-prompt"]);
}

#[test]
fn a_pinned_shape_is_never_judged_and_a_ladder_of_one_is_told_of() {
    let mut lab = uefi();
    lab.pinned = true;
    for _ in 0..9 {
        lab.talk(DEAF);
    }
    lab.says(&[]);
    let mut lab = Lab::new(Platform::UbootArm64, &[Shape::HeaderOnly]);
    for _ in 0..9 {
        lab.talk(DEAF);
    }
    lab.says(&["header-only failed 2 times, nothing left"]);
    assert_eq!(lab.shape(), Shape::HeaderOnly);
}

#[test]
fn what_was_kept_is_known_after_a_restart_until_it_is_forgotten() {
    let mut lab = uefi();
    let learnt = Learnt {
        shape: Some(Shape::SelfSufficient),
        seen: Vec::new(),
        at: 1_800_000_000,
    };
    let kept = [(lab.firmware(), learnt)];
    lab.progress = Progress::new(16, Memory::new(16, kept));
    lab.talk("D +0.1 r +1 f +60").says(&[]);
    lab.talk(DEAF).talk(DEAF).talk(DEAF).says(&[]);
    assert_eq!(lab.shape(), Shape::SelfSufficient);
    lab.talk("D")
        .says(&["self-sufficient failed 3 times, then offer-4011"]);
    lab.talk("+0.1 r +1 f")
        .says(&["follows offer-4011, kept: false"]);
    assert_eq!(lab.progress.learnt().count(), 0);

    for _ in 0..4 {
        lab.talk("+60").talk(DEAF);
    }
    lab.talk("D +0.1 r +1 f").said.clear();
    assert_eq!(lab.shape(), Shape::BypassPrompt);
    let gone = lab.progress.forget(Some(mac()));
    assert_eq!(gone, [(lab.firmware(), None)]);
    assert_eq!(lab.shape(), Shape::Offer4011);
    assert_eq!(lab.progress.forget(None), []);
}
