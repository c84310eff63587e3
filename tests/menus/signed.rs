//! The menus of machines that were seen to have Secure Boot on, and of those in a loop that is cut.

use bootjack::client::quirk::Behaviour;
use bootjack::client::{Client, Cut, Past, Stage};
use bootjack::tree::{Found, Missing};
use bootjack::wire::Arch;

use super::dialects::assert_grub_reads;
use super::{client, get, snapshot, text};

const MENU: &str = "menu: { title: T, timeout: 5s, default: s, entries: [
    { id: d, title: Debian, linux: { kernel: d/linux, initrd: d/initrd.gz } },
    { id: f, title: Mirror, linux: { kernel: \"http://10.0.0.9/linux\" } },
    { id: s, title: \"It's a script\", ipxe: shell },
    { id: b, title: BIOS alone, arch: bios, ipxe: shell } ] }\n";

fn secure(client: Client) -> Client {
    let past = Past {
        seen: vec![Behaviour::SecureBoot],
        ..Past::default()
    };
    Client { past, ..client }
}

fn grub(profile: &str, client: Client) -> String {
    text(&snapshot(profile), Some(client), "grub/grub.cfg")
}

#[test]
fn grub_says_what_is_missing_and_the_way_back_where_secure_boot_was_learnt() {
    let uefi = || client(Arch::EFI_X64, Stage::Rom);
    let config = grub(MENU, secure(uefi()));
    for part in [
        "menuentry 'Debian' --id 'd'",
        "set timeout=-1\n",
        "if [ \"$lockdown\" = y ]; then\nmenuentry 'Not with Secure Boot: Mirror, It'\\''s a script' --id",
        "if [ \"$lockdown\" != y ]; then\nmenuentry 'Secure Boot is off: start again with all entries' --id",
        "configfile '(tftp,10.0.0.2)/boot/secure-boot-off.cfg'",
    ] {
        assert!(config.contains(part), "{part} is missing in {config}");
    }
    assert_grub_reads(&config);
    let taken_back = text(&snapshot(MENU), None, "boot/secure-boot-off.cfg");
    assert!(taken_back.contains("\nreboot\n"), "{taken_back}");
    assert_grub_reads(&taken_back);
    // Whoever said it himself, or was not seen to have it, has an ordinary menu.
    for (profile, who) in [
        ("secure_boot: true\n", secure(uefi())),
        ("secure_boot: false\n", secure(uefi())),
        ("loader: ipxe\n", secure(uefi())),
        ("", uefi()),
    ] {
        let config = grub(&format!("{profile}{MENU}"), who);
        assert!(!config.contains("lockdown"), "{profile}: {config}");
    }
}

#[test]
fn a_menu_without_any_entry_for_grub_says_so_too() {
    let profile = "menu: { title: T, entries: [ { id: s, title: Script, ipxe: shell } ] }";
    let config = grub(profile, secure(client(Arch::EFI_X64, Stage::Rom)));
    assert!(
        config.contains("'Not with Secure Boot: Script'"),
        "{config}"
    );
    assert!(config.contains("set timeout=-1\n"), "{config}");
    assert_grub_reads(&config);
}

#[test]
fn an_ipxe_in_a_loop_is_handed_its_script_under_the_name_of_the_program() {
    let snapshot = snapshot(MENU);
    let looping = |stage| Client {
        past: Past {
            cut: Some(Cut::ScriptInPlace),
            ..Past::default()
        },
        ..client(Arch::BIOS, stage)
    };
    for name in ["undionly.kpxe", "assets/ipxe.efi"] {
        let script = text(&snapshot, Some(looping(Stage::Ipxe)), name);
        assert!(script.starts_with("#!ipxe\n"), "{script}");
        assert!(script.contains("Debian"), "{script}");
    }
    // All else is what it is, and so it is for others.
    let other = get(&snapshot, Some(looping(Stage::Ipxe)), "ipxe.lkrn");
    let nobody = get(
        &snapshot,
        Some(client(Arch::BIOS, Stage::Ipxe)),
        "undionly.kpxe",
    );
    for found in [other, nobody] {
        assert!(matches!(found, Ok(Found::Asset(_)) | Err(Missing::Unknown)));
    }
}
