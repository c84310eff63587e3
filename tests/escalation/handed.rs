//! What becomes of the iPXE or shim that a machine was sent, in virtual time: Secure Boot that is learnt and
//! taken back, shim that is refused, chain loops that are cut.

use bootjack::client::progress::{Learnt, Memory, Progress};
use bootjack::client::quirk::Behaviour;
use bootjack::client::{Class, Client, Cut, Stage};
use bootjack::wire::{Arch, Platform};
use proptest::prelude::*;

use crate::talk::{Lab, UEFI, bios, mac, uefi};

/// EDK2 to its loader, in mode `proxy`: DISCOVER, REQUEST, port 4011, size probe, transfer.
const LOADS: &str = "D +4 r +0.1 4 +0.1 a +0.1 a f +0.1 W";
/// The same where no shape is ours: in modes `dhcp` and `colocated`.
const LOADS_BY_LEASE: &str = "B +4 a +0.1 a f +0.1 W";
const SECURE: &[&str] = &["secure-boot"];

fn asks(arch: Arch, stage: Stage, class: Class) -> Client {
    Client {
        archs: vec![arch],
        stage,
        class,
        ..Client::unknown(mac(), "10.0.0.2".parse().unwrap())
    }
}

#[test]
fn who_was_sent_ipxe_whole_and_comes_back_has_secure_boot() {
    for (how, loads, back) in [
        ("switched on again", LOADS, "+30 D"),
        ("its next boot option, HTTP boot", LOADS, "+68 h"),
        ("after a night with its disk's system", LOADS, "+50000 D"),
        ("mode dhcp", LOADS_BY_LEASE, "+30 B"),
        ("mode dhcp, its next boot option", LOADS_BY_LEASE, "+68 h"),
    ] {
        let mut lab = uefi();
        lab.talk(loads).says(&[]).talk(back);
        assert_eq!(lab.said, SECURE, "{how}");
        assert_eq!(lab.past().seen, [Behaviour::SecureBoot], "{how}");
        lab.said.clear();
        lab.talk("+4 a +1 s +1 a +1 s +3600 D +100 D").says(&[]);
        assert_eq!(lab.past().seen, [Behaviour::SecureBoot], "{how}");
    }
}

#[test]
fn what_looks_like_secure_boot_and_is_none() {
    for (what, talk) in [
        ("it runs", "+2 i +1 a f s +300"),
        ("it runs, and its script is elsewhere", "+2 i +300"),
        ("it repeats its DISCOVER", ""),
        ("it came back after days", "+200000"),
        ("its shim or GRUB asks for more", "+1 a n +1 a f s +30"),
    ] {
        let mut lab = uefi();
        lab.talk(LOADS)
            .talk(talk)
            .talk(if talk.is_empty() { "" } else { "D" });
        assert_eq!(lab.said, [""; 0], "{what}");
    }
    for (what, talk) in [
        ("the size alone was asked for", "D +4 r +0.1 a +60 D +60 D"),
        ("the transfer broke", "D +4 r +0.1 a +0.1 a f +60 D +60 D"),
        ("another loader was sent", "D +4 r +0.1 a +0.1 a f s +60 D"),
        (
            "the file was another program's, of nobody who asked",
            "W +60 D",
        ),
        ("DISCOVERs alone", "D +4 d +8 d +16 d +40 D"),
        (
            "its system downloads the file, hours after the boot",
            "D +4 r +0.1 4 +0.1 a f s +7200 a f W +60 D",
        ),
        (
            "its system downloads the file, and it booted nothing of ours",
            "D +601 a f W +60 D",
        ),
    ] {
        let mut lab = uefi();
        lab.talk(talk);
        assert_eq!(lab.said, [""; 0], "{what}");
    }
}

#[test]
fn its_bios_says_nothing_of_its_uefi() {
    let mut lab = uefi();
    lab.talk(LOADS).platform = Platform::Bios;
    lab.talk("+30 B").says(&[]);
    lab.platform = Platform::EfiX64;
    lab.talk("+30 B").says(&[]);
    assert_eq!(lab.past().seen, []);
    for platform in [Platform::EfiRiscv64, Platform::EfiArm32, Platform::Bios] {
        let mut lab = Lab::new(platform, &[]);
        lab.talk(LOADS_BY_LEASE).talk("+30 B").says(&[]);
    }
}

#[test]
fn an_ipxe_of_ours_that_runs_takes_it_back() {
    let learnt = |lab: &mut Lab| {
        lab.talk(LOADS).talk("+30 D").says(SECURE);
    };
    // Slow, and switched on again in between by nobody: a DISCOVER that somebody forged.
    let mut lab = uefi();
    learnt(&mut lab);
    lab.talk("+5 i").says(&["not secure-boot"]);
    assert_eq!(lab.past().seen, []);
    // From GRUB's menu, once Secure Boot is off.
    let mut lab = uefi();
    learnt(&mut lab);
    lab.talk("+4 a s +1 a s +20 a W +3 i")
        .says(&["not secure-boot"]);
    assert_eq!(lab.progress.learnt().count(), 0);
    // GRUB says so.
    let mut lab = uefi();
    learnt(&mut lab);
    lab.talk("+4 a s +1 a s +20 a f O")
        .says(&["not secure-boot"]);
    assert_eq!(lab.progress.learnt().count(), 0);
    // An iPXE from elsewhere may be signed.
    let mut lab = uefi();
    learnt(&mut lab);
    lab.talk("+4 a s +1 a s +20 i").says(&[]);
    assert_eq!(lab.past().seen, [Behaviour::SecureBoot]);
    // And it is learnt anew where it is switched on.
    let mut lab = uefi();
    learnt(&mut lab);
    lab.talk("+5 i +60").talk(LOADS).talk("+30 D");
    lab.says(&["not secure-boot", "secure-boot"]);
}

#[test]
fn it_is_known_to_pxe_and_to_http_boot_and_not_to_ipxe() {
    let mut lab = uefi();
    lab.talk(LOADS).talk("+30 D");
    let past = |arch, stage, class| lab.progress.past(&asks(arch, stage, class)).seen;
    let x64 = Arch::EFI_X64;
    assert_eq!(past(x64, Stage::Rom, Class::Pxe), [Behaviour::SecureBoot]);
    let http = past(Arch::HTTP_X64, Stage::HttpBoot, Class::Http);
    assert_eq!(http, [Behaviour::SecureBoot]);
    assert_eq!(past(x64, Stage::Ipxe, Class::Pxe), []);
    assert_eq!(past(Arch::BIOS, Stage::Rom, Class::Pxe), []);
}

#[test]
fn it_holds_after_a_restart_until_it_is_forgotten() {
    let mut lab = uefi();
    let row = Learnt {
        shape: None,
        seen: vec![Behaviour::SecureBoot],
        at: 1_800_000_000,
    };
    lab.progress = Progress::new(16, Memory::new(16, [(lab.firmware(), row)]));
    lab.talk("D +30 D").talk(LOADS).talk("+30 D").says(&[]);
    assert_eq!(lab.past().seen, [Behaviour::SecureBoot]);
    let _ = lab.progress.forget(Some(mac()));
    assert_eq!(lab.past().seen, []);
    lab.talk(LOADS).talk("+30 D").says(SECURE);
}

#[test]
fn where_there_is_no_room_to_remember_it_holds_until_the_end() {
    let mut lab = uefi();
    lab.progress = Progress::new(16, Memory::new(0, []));
    lab.talk(LOADS).talk("+30 D").says(SECURE);
    let seen = |lab: &Lab| {
        let client = asks(Arch::EFI_X64, Stage::Rom, Class::Pxe);
        lab.progress.past(&client).seen
    };
    assert_eq!(seen(&lab), [Behaviour::SecureBoot]);
    lab.talk(LOADS).talk("+30 D").says(&[]);
    lab.talk("+4 i").says(&["not secure-boot"]);
    assert_eq!(seen(&lab), []);
}

/// A ROM that is sent undionly.kpxe and comes back for it.
const ROUND: &str = "B +1 a f +1 W +20";

#[test]
fn a_rom_that_comes_back_for_ipxe_is_named_its_script_after_the_second_round() {
    let mut lab = bios();
    lab.talk(ROUND).talk(ROUND).says(&[]);
    lab.talk("B").says(&["cut by script after 2"]);
    assert_eq!(lab.past().cut, Some(Cut::Script));
    // It takes it: so it goes on, for an hour from then.
    lab.talk("+1 a f s +3000 B +1 a f s +3000 B").says(&[]);
    assert_eq!(lab.past().cut, Some(Cut::Script));
    lab.talk("+3700 B").says(&[]);
    assert_eq!(lab.past().cut, None);
    // And from the start.
    lab.talk(ROUND).talk(ROUND).says(&[]);
    lab.talk("B").says(&["cut by script after 2"]);
}

#[test]
fn a_rom_that_takes_no_script_is_named_another_loader() {
    for (how, declines) in [
        ("it asks for a file of that name", "+1 a n +10 B"),
        ("it asks for nothing", "+4 B +8 B +16 B +100 B"),
    ] {
        let mut lab = bios();
        lab.talk(ROUND).talk(ROUND).talk("B").said.clear();
        lab.talk(declines);
        assert_eq!(lab.said, ["cut by other-loader after 2"], "{how}");
        assert_eq!(lab.past().cut, Some(Cut::OtherLoader), "{how}");
        lab.said.clear();
        lab.talk("+1 a f s +60 B +200 B +300 B").says(&[]);
        lab.talk("+3700 B").says(&[]);
        assert_eq!(lab.past().cut, None, "{how}");
    }
}

#[test]
fn what_is_no_loop() {
    for (what, talk) in [
        (
            "once, and again an hour later",
            "B +1 a f W +3600 B +1 a f W +3600 B +1 a f W +3600 B",
        ),
        (
            "it runs",
            "B +1 a f W +3 i +1 a f s +60 B +1 a f W +3 i +1 a f s +60 B +1 a f W +3 i",
        ),
        (
            "it runs at the second time",
            "B +1 a f W +20 B +1 a f W +3 i +60 B +1 a f W +20 B",
        ),
        (
            "iPXE asks again, and again",
            "B +1 a f W +3 i +1 a f s +5 i +5 i +5 i +1 a f s +5 i",
        ),
        (
            "another iPXE of its menu",
            "i +1 a f s +9 a f W +3 i +1 a f s +9 a f W +3 i +1 a f s +9 a f W +3 i",
        ),
        (
            "another loader",
            "B +1 a f s +20 B +1 a f s +20 B +1 a f s +20 B",
        ),
    ] {
        let mut lab = bios();
        lab.talk(talk);
        assert_eq!(lab.said, [""; 0], "{what}");
    }
}

#[test]
fn an_ipxe_that_another_server_names_ipxe_is_handed_its_script_for_it() {
    let mut lab = bios();
    lab.talk("B +1 a f W +3 i +2 a f W +3 i +2 a f W").says(&[]);
    lab.talk("+3 i").says(&["cut by script-in-place after 2"]);
    let past = |stage| {
        let client = asks(Arch::BIOS, stage, Class::Pxe);
        lab.progress.past(&client).cut
    };
    assert_eq!(past(Stage::Ipxe), Some(Cut::ScriptInPlace));
    assert_eq!(past(Stage::Rom), None);
    // As text, under that name; and at its next boot at once.
    lab.talk("+2 a f s +60 i +2 a f s +500 B +1 a f W +3 i")
        .says(&[]);
    lab.talk("+3700 i").says(&[]);
    assert_eq!(lab.past().cut, None);
}

/// EDK2 to shim, as it is sent to firmware that is known to have Secure Boot on.
const LOADS_SHIM: &str = "D +4 r +0.1 4 +0.1 a +0.1 a f +0.1 S";

#[test]
fn who_was_sent_shim_and_comes_back_without_its_grub_is_told_of_each_time() {
    for platform in [Platform::EfiX64, Platform::EfiArm64, Platform::EfiIa32] {
        let mut lab = Lab::new(platform, &UEFI);
        for back in ["+30 D", "+68 h", "+50000 D"] {
            lab.talk(LOADS_SHIM).says(&[]).talk(back);
            lab.says(&["shim refused"])
                .talk("+4 d +8 d +16 D")
                .says(&[]);
        }
        assert_eq!((lab.past().seen, lab.past().cut), (vec![], None));
    }
    // What was learnt before stays so, and the machine does not go from iPXE to shim for ever unseen.
    let mut lab = uefi();
    lab.talk(LOADS).talk("+30 D").says(SECURE);
    lab.talk(LOADS_SHIM).talk("+30 D").says(&["shim refused"]);
    assert_eq!(lab.past().seen, [Behaviour::SecureBoot]);
}

#[test]
fn what_looks_like_a_shim_that_is_refused_and_is_none() {
    for (what, talk) in [
        ("it asks for GRUB", "+1 a +1 a f s +30 D"),
        ("it asks for what is not there", "+1 a n +30 D"),
        ("iPXE comes behind it", "+5 i +300 D"),
        ("it comes back after days", "+200000 D"),
        ("nothing more is heard of it", "+30"),
    ] {
        let mut lab = uefi();
        lab.talk(LOADS_SHIM).talk(talk);
        assert_eq!(lab.said, [""; 0], "{what}");
    }
    // That iPXE came is no sign of Secure Boot's being off: shim may have started it.
    let mut lab = uefi();
    lab.talk(LOADS).talk("+30 D").says(SECURE);
    lab.talk(LOADS_SHIM).talk("+2 i").says(&[]);
    assert_eq!(lab.past().seen, [Behaviour::SecureBoot]);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Saw {
    Nothing,
    Whole,
    Shim,
    Ran,
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever comes in whatever order: Secure Boot is learnt of UEFI alone that was sent iPXE whole and
    /// asked for nothing before it came back; a cut comes after two whole transfers since the last.
    #[test]
    fn verdicts_need_their_evidence(
        uefi_asks in any::<bool>(),
        words in proptest::collection::vec(
            proptest::sample::select(vec!["B", "B", "i", "h", "a", "f", "n", "W", "W", "S", "s", "+1", "+30", "+700", "+90000"]),
            0..120,
        )
    ) {
        let mut lab = if uefi_asks { uefi() } else { bios() };
        let (mut saw, mut sent) = (Saw::Nothing, 0_u32);
        for word in words {
            lab.talk(word);
            for said in std::mem::take(&mut lab.said) {
                match said.as_str() {
                    "secure-boot" => prop_assert!(uefi_asks && saw == Saw::Whole),
                    "shim refused" => prop_assert!(uefi_asks && saw == Saw::Shim),
                    "not secure-boot" => prop_assert!(uefi_asks && word == "i"),
                    // It goes on from another cut.
                    cut if cut.starts_with("cut by other-loader") => prop_assert!(!uefi_asks),
                    cut => {
                        prop_assert!(sent >= 2, "{cut}");
                        let in_place = cut.starts_with("cut by script-in-place");
                        prop_assert!(word == "i" || (!uefi_asks && !in_place), "{cut}");
                        sent = 0;
                    }
                }
            }
            saw = match word {
                "W" => Saw::Whole,
                "S" => Saw::Shim,
                "a" | "s" => Saw::Nothing,
                "i" => Saw::Ran,
                _ => saw,
            };
            sent += u32::from(word == "W");
        }
    }
}
