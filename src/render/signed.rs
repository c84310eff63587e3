//! What GRUB's menu says beside its entries to a machine that was seen to have Secure Boot on: which entries
//! need a program that is not signed, and where Secure Boot is off after all, the way back to that.
//!
//! GRUB itself knows whether Secure Boot is on: it sets `lockdown` then (grub-core/kern/lockdown.c). It could not
//! go on to iPXE: `snponly.efi` ends at once where GRUB has its card (seen with Debian's). Of a
//! profile that says `secure_boot` outright nothing of this is said: its menu is written for GRUB.

use std::fmt::Write as _;

use super::grub::quoted;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Titles of entries that the machine would have with Secure Boot off, and has not now.
    pub left_out: Vec<String>,
    /// What GRUB asks for to say that Secure Boot is off, by URI.
    pub off: String,
}

/// What is there: the next start is by the usual loader.
pub const TAKEN_BACK: &str = "echo 'Starting again, with all entries ...'\nsleep 2\nreboot\n";

/// As further entries, none of which starts by itself.
pub(super) fn entries(signed: &Signed, out: &mut String) {
    let Signed { left_out, off } = signed;
    if !left_out.is_empty() {
        let titles = left_out.join(", ");
        let title = quoted(&format!("Not with Secure Boot: {titles}"));
        let why = "They are started by iPXE, which is not signed. Switch Secure Boot off in the setup of this machine to have them.";
        let _ = writeln!(
            out,
            "\nif [ \"$lockdown\" = y ]; then\nmenuentry {title} --id bootjack-not-signed {{\n  echo {}\n  sleep --interruptible 15\n}}\nfi",
            quoted(why)
        );
    }
    let title = quoted("Secure Boot is off: start again with all entries");
    let _ = writeln!(
        out,
        "\nif [ \"$lockdown\" != y ]; then\nmenuentry {title} --id bootjack-secure-boot-off {{\n  configfile {}\n}}\nfi",
        quoted(off)
    );
}
