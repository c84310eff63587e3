//! Rows that leave a machine without an answer that it takes are a warning, in the mode that they do.

use std::sync::Arc;

use bootjack::client::quirk::{Replies, of_config};
use bootjack::network::CONFIG_FILE;
use bootjack::yaml::Report;

/// What is warned of below `changes`, in a mode.
fn told(rows: &[(&str, &str)], replies: Replies) -> Vec<String> {
    let row = |(n, (tells, changes)): (usize, &(&str, &str))| {
        format!("  - {{name: r{n}, tells: {{{tells}}}, changes: {{{changes}}}}}\n")
    };
    let rows: String = rows.iter().enumerate().map(row).collect();
    let (file, text): (Arc<str>, _) = ("c.yaml".into(), format!("quirks:\n{rows}"));
    let mut report = Report::new(&file, &text);
    let root = report.parse(&CONFIG_FILE).unwrap();
    of_config(&root, Some(replies), &mut report);
    let said = report.finish().into_iter().map(|f| f.message);
    said.filter(|m| !m.contains(" is for ")).collect()
}

const CLOSED: &str = "port-4011: false";
const CLASSLESS: &str = "option-60: false";

#[test]
fn port_4011_is_closed_to_nobody_who_needs_it() {
    let uefi = |platform: &str| {
        format!(
            "offer-4011, which {platform} is offered, sends it to port 4011, and that does not answer: PXE-E16"
        )
    };
    for (tells, changes, platform) in [
        ("arch: efi-x64", CLOSED, Some("efi-x64")),
        ("arch: [bios, efi-arm64]", CLOSED, Some("efi-arm64")),
        ("mac: \"fe\"", CLOSED, Some("efi-x64")),
        ("class: \"PXEClient:Arch:00007*\"", CLOSED, Some("efi-x64")),
        (
            "arch: bios",
            "port-4011: false, strategies: offer-4011",
            Some("bios"),
        ),
        ("arch: bios", CLOSED, None),
        ("arch: efi-x64, stage: ipxe", CLOSED, None),
        ("arch: efi-x64", "port-4011: true", None),
        (
            "arch: efi-x64",
            "port-4011: false, strategies: self-sufficient",
            None,
        ),
    ] {
        let expected: Vec<String> = platform.map(uefi).into_iter().collect();
        assert_eq!(
            told(&[(tells, changes)], Replies::Proxy),
            expected,
            "{tells} {changes}"
        );
    }
    let both = [
        ("arch: efi-x64", "strategies: bypass-prompt"),
        ("arch: efi-x64", CLOSED),
    ];
    assert_eq!(told(&both, Replies::Proxy), Vec::<String>::new());
}

#[test]
fn in_the_other_modes_port_4011_matters_otherwise() {
    let colocated = told(&[("arch: bios", CLOSED)], Replies::Port4011);
    assert_eq!(
        colocated,
        ["port 4011 is all that answers in mode colocated, and these machines are not"]
    );
    let lease = |changes| told(&[("arch: efi-x64", changes)], Replies::Leases);
    assert_eq!(lease(CLOSED), Vec::<String>::new());
    assert_eq!(
        lease("port-4011: false, pxe: offer-4011"),
        ["pxe offer-4011 sends these machines to port 4011, and it does not answer"]
    );
}

#[test]
fn a_proxy_offers_no_rom_anything_without_option_60() {
    let none = |platform: &str| {
        format!("a proxy's OFFER without option 60 is none to the firmware of {platform}: PXE-E53")
    };
    for (tells, platform) in [
        ("arch: efi-arm64", Some("efi-arm64")),
        ("mac: \"fe\"", Some("bios")),
        ("arch: [uboot-arm64, uboot-arm32]", None),
        ("stage: ipxe", None),
    ] {
        let row = [(tells, CLASSLESS)];
        let expected: Vec<String> = platform.map(none).into_iter().collect();
        assert_eq!(told(&row, Replies::Proxy), expected, "{tells}");
        for mode in [Replies::Leases, Replies::Port4011] {
            assert_eq!(told(&row, mode), Vec::<String>::new(), "{tells}");
        }
    }
}
