//! What GRUB's menu says beside its entries to a machine that was seen to have Secure Boot on: which entries
//! need a program that is not signed, and where Secure Boot is off after all, the way back to that.
//!
//! GRUB itself knows whether Secure Boot is on: it sets `lockdown` then (grub-core/kern/lockdown.c). Of a
//! profile that says `secure_boot` outright nothing of this is said: its menu is written for GRUB.

use std::fmt::Write as _;

use super::grub::quoted;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Titles of entries that the machine would have with Secure Boot off, and has not now.
    pub left_out: Vec<String>,
    /// The unsigned loader, by URI.
    pub unsigned: String,
}

/// As further entries, none of which starts by itself.
pub(super) fn entries(signed: &Signed, out: &mut String) {
    let Signed { left_out, unsigned } = signed;
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
    let title = quoted("Secure Boot is off: all entries, by iPXE");
    let _ = writeln!(
        out,
        "\nif [ \"$lockdown\" != y ]; then\nmenuentry {title} --id bootjack-unsigned {{\n  chainloader {}\n}}\nfi",
        quoted(unsigned)
    );
}
