//! Why there is nothing for a client to load, and what to do about it.

use crate::profile::Loader;
use crate::wire::{Arch, Platform};

/// The client has no such loader: none at all, or not the one that its profile asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no {loader} loader for {}; {}", self.machine(), self.remedy())]
pub struct NoKind {
    /// What the profile asks for.
    pub loader: &'static str,
    /// What the client is.
    pub platform: Platform,
    /// The architecture that it named first.
    pub arch: Arch,
    /// Whether there is one, and it is of no use to UEFI HTTP boot: Debian's GRUB looks for the DHCPACK
    /// in PXE's protocol, where there is none then, and ends in its prompt (seen with OVMF x64, IA32
    /// and AAVMF).
    pub by_pxe: bool,
}

impl NoKind {
    /// The name of the platform; where it has none, that of option 93's table, or the number.
    fn machine(&self) -> String {
        let door = if self.by_pxe { "HTTP boot of " } else { "" };
        match self.platform {
            Platform::Other => format!("{door}{} firmware", self.arch),
            named => format!("{door}{named} firmware"),
        }
    }

    fn remedy(&self) -> &'static str {
        if self.by_pxe {
            "GRUB that HTTP boot has started knows no network: have the machine boot by PXE"
        } else if Loader::Auto.program(self.platform).is_some() {
            "set `loader:` in its profile to one that exists there"
        } else {
            "bootjack brings none for it: put one that you have into the folder of --assets, and name it in a row of `quirks:` (`changes: { loader: … }`)"
        }
    }
}

/// Why there is nothing for the client to load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLoader {
    /// Its loader does not exist for it.
    #[error("{0}")]
    Kind(#[from] NoKind),
    /// Its profile wants HTTPS, and none is served: it is not told http in its place.
    #[error("its profile says http_boot: {{ https: true }}, and no HTTPS is served; set tls-cert")]
    Https,
    /// It asks by HTTP, and was seen to run nothing that is not signed.
    #[error(
        "this machine has Secure Boot on, as was seen of it, and the signed GRUB cannot go on by HTTP: it would end at its prompt; its firmware goes on to its next boot option, so have PXE among those; or let `http_boot: entry` of its profile name a signed program. If Secure Boot is off after all: `bootjack machines forget`"
    )]
    SignedByHttp,
    /// Its profile says that Secure Boot is on, and it asks by HTTP.
    #[error(
        "\"secure_boot: true\" of its profile \"{0}\" leaves no loader for HTTP boot: the signed GRUB cannot go on by HTTP, and would end at its prompt; its firmware goes on to its next boot option, so have PXE among those; or let `http_boot: entry` of that profile name a signed program"
    )]
    SecureByHttp(Box<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_loader() {
        let why = |loader, number| {
            let arch = Arch(number);
            NoKind {
                loader,
                platform: arch.platform(),
                arch,
                by_pxe: false,
            }
            .to_string()
        };
        let other = "set `loader:` in its profile to one that exists there";
        assert_eq!(
            why("GRUB", 0),
            format!("no GRUB loader for bios firmware; {other}")
        );
        let none = "bootjack brings none for it: put one that you have into the folder of --assets, \
                    and name it in a row of `quirks:` (`changes: { loader: … }`)";
        for (number, name) in [
            (2, "itanium (2)"),
            (41, "rpiboot (41)"),
            (27, "efi-riscv64"),
            (999, "arch 999"),
        ] {
            let said = why("automatic", number);
            assert_eq!(
                said,
                format!("no automatic loader for {name} firmware; {none}")
            );
        }
    }
}
