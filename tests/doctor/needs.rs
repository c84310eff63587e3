//! Whether profiles, rows of `quirks:` and what was learnt have machines that take lease and loader of one
//! server: those whom a DHCP server that answers no relays leaves without a boot.

use std::fs;

use bootjack::client::quirk::Behaviour;
use bootjack::client::{Past, Shape};
use bootjack::decide::needs;
use bootjack::service::load::Loader;
use tempfile::TempDir;

use crate::support::places;

fn needs_leases(profile: &str, config: &str) -> bool {
    let place = TempDir::new().unwrap();
    let dir = place.path();
    fs::create_dir(dir.join("profiles")).unwrap();
    let menu = "menu: {entries: [{id: disk, local: true}]}\n";
    fs::write(dir.join("profiles/a.yaml"), format!("{profile}\n{menu}")).unwrap();
    fs::write(dir.join("bootjack.yaml"), config).unwrap();
    let mut loader = Loader::new(places::below(dir));
    let loaded = loader.load();
    assert!(
        loaded.snapshot.is_some(),
        "{profile}: {:?}",
        loaded.findings
    );
    loader.needs_leases()
}

#[test]
fn profiles_that_need_a_lease() {
    for profile in [
        "secure_boot: true",
        "loader: grub",
        "match: {arch: efi-arm64}",
        "match: {arch: [efi-x64, efi-ia32]}",
        "match: {arch: efi-arm64}\nsecure_boot: false",
        "loader: {efi-arm64: grub}",
        "strategy: augment",
        "strategy: {efi-x64: augment}",
        "match: {arch: efi-ia32}\nsecure_boot: true",
    ] {
        assert!(needs_leases(profile, ""), "{profile}");
    }
    for profile in [
        "",
        "secure_boot: true\nloader: ipxe",
        "match: {arch: bios}\nsecure_boot: true",
        "match: {arch: efi-x64}",
        "loader: grub\nstrategy: self-sufficient",
    ] {
        assert!(!needs_leases(profile, ""), "{profile}");
    }
}

#[test]
fn rows_that_need_a_lease() {
    let row = |changes: &str| {
        let tells = "mac: [\"52:54:00\"]";
        format!("quirks: [{{ name: a, tells: {{ {tells} }}, changes: {{ {changes} }} }}]\n")
    };
    for changes in ["strategies: [augment]", "loader: grubx64.efi"] {
        assert!(needs_leases("", &row(changes)), "{changes}");
    }
    for changes in [
        "strategies: [self-sufficient, augment]",
        "loader: snponly.efi",
    ] {
        assert!(!needs_leases("", &row(changes)), "{changes}");
    }
}

#[test]
fn machines_that_were_learnt_to_need_a_lease() {
    let past = |shape, seen: &[Behaviour]| Past {
        shape,
        seen: seen.to_vec(),
        cut: None,
    };
    assert!(needs::by_past(&past(Some(Shape::Augment), &[])));
    assert!(needs::by_past(&past(None, &[Behaviour::SecureBoot])));
    assert!(!needs::by_past(&past(Some(Shape::BypassPrompt), &[])));
    assert!(!needs::by_past(&past(None, &[Behaviour::FollowsNothing])));
}
