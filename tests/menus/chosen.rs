//! What was chosen in a menu of the firmware: its loader is told of that entry alone.

use bootjack::client::{Choice, Client, Stage};
use bootjack::wire::Arch;

use crate::{client, snapshot, text};

const PROFILE: &str = "name: Lab
loader: firmware
menu:
  title: T
  timeout: 5s
  entries:
    - { id: wipe, title: Wipe, linux: { kernel: wipe } }
    - { id: debian, title: Debian, linux: { kernel: debian } }
";

fn having_chosen(of: Client, profile: &str, entry: &str, by_loader: bool) -> Client {
    Client {
        chosen: Some(Choice {
            profile: profile.into(),
            entry: entry.into(),
            by_loader,
        }),
        ..of
    }
}

/// Who asks, for which name, and what starts an entry at once there.
fn askers() -> [(Client, &'static str, &'static str); 3] {
    let rom = Stage::Rom;
    [
        (
            client(Arch::BIOS, rom),
            "pxelinux.cfg/default",
            "PROMPT 0\nDEFAULT debian\nONERROR",
        ),
        (
            client(Arch::EFI_X64, Stage::Ipxe),
            "boot/52-54-00-12-34-56.ipxe",
            "debian",
        ),
        (client(Arch::EFI_X64, rom), "grub/grub.cfg", "debian"),
    ]
}

#[test]
fn the_entry_chosen_is_all_that_its_loader_is_told_of() {
    let snapshot = snapshot(PROFILE);
    for (asker, path, at_once) in askers() {
        let said = text(
            &snapshot,
            Some(having_chosen(asker, "Lab", "debian", true)),
            path,
        );
        assert!(said.contains(at_once), "{said}");
        assert!(!said.contains("wipe"), "{said}");
    }
}

#[test]
fn a_choice_that_is_gone_since_then_starts_nothing_else() {
    let snapshot = snapshot(PROFILE);
    for (profile, entry) in [("Lab", "gone"), ("Other", "debian")] {
        let asker = client(Arch::BIOS, Stage::Rom);
        let asker = having_chosen(asker, profile, entry, true);
        let said = text(&snapshot, Some(asker), "pxelinux.cfg/default");
        assert!(
            said.contains("LABEL wipe") && said.contains("LABEL debian"),
            "{said}"
        );
        assert!(said.contains("TIMEOUT 0\n"), "it waits: {said}");
    }
}

/// A loader that was chosen itself shows what it always shows.
#[test]
fn a_program_that_was_chosen_itself_gets_the_whole_menu() {
    let snapshot = snapshot(PROFILE);
    let asker = having_chosen(client(Arch::BIOS, Stage::Rom), "Lab", "debian", false);
    let said = text(&snapshot, Some(asker), "pxelinux.cfg/default");
    assert!(
        said.contains("LABEL wipe") && said.contains("TIMEOUT 50\n"),
        "{said}"
    );
}
