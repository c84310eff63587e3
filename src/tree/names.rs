//! The one table of names: what each path in the tree means, before anything is looked up.
//!
//! ```text
//! assets/NAME · NAME                an embedded asset (firmware asks at the root)
//! images/PATH                       a file below the image folder
//! boot/MAC.ipxe                     the iPXE script of a machine
//! boot/menu.ipxe                    … of whoever asks: for USB sticks and other boot servers
//! boot/PLATFORM-CPU/MAC.ipxe        … of a machine that no DHCP packet has shown
//! boot/NAME, boot/pxelinux.cfg/…    as without boot/, for a pxelinux that takes it for its folder
//! boot/MAC/ENTRY.ipxe               one entry's own script
//! boot/PLATFORM-CPU/MAC/ENTRY.ipxe  … of a machine that no DHCP packet has shown
//! boot/secure-boot-off.cfg          what GRUB asks for where Secure Boot was learnt, and is off
//! pxelinux.cfg/UUID|01-MAC|IP|default, in any folder; u-boot.cfg: the asker's
//! FOLDER/grub.cfg, grub.cfg, each with -UUID, -01-MAC, -IP; below images/ where no file is there; FOLDER
//!                                   may tell the architecture, x86_64-efi
//! ```

use super::CleanPath;
use crate::client::progress::SECURE_BOOT_OFF;
use crate::profile::U_BOOT_MENU;
use crate::wire::{Arch, Mac, Uuid};

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An asset of this name, if there is one.
    Asset(String),
    /// A file below the image folder.
    Image(CleanPath),
    /// A menu for whoever is meant.
    Menu(MenuKind, Whose),
    /// What GRUB goes on with where Secure Boot is off.
    SecureBootOff,
    /// One entry's script.
    EntryScript {
        /// Whose menu.
        mac: Mac,
        /// What the path tells of the machine.
        arch: Option<Arch>,
        /// The entry's id.
        id: String,
    },
}

/// Which dialect, and what a loader that asks so runs on, where no DHCP packet has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MenuKind {
    /// A pxelinux configuration: BIOS.
    Pxelinux,
    /// A GRUB configuration; the path may tell the architecture.
    Grub(Option<Arch>),
    /// An iPXE script; the path may tell the architecture.
    Ipxe(Option<Arch>),
}

/// Whom a menu's name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The machine of this MAC.
    Mac(Mac),
    /// The machine of this UUID.
    Uuid(Uuid),
    /// Whoever asks.
    Asker,
}

/// Reads a path.
pub fn name(path: &CleanPath) -> Name {
    let whole = || Name::Asset(path.as_str().to_owned());
    match path.split_first() {
        ("assets", Some(rest)) => Name::Asset(rest.as_str().to_owned()),
        ("images", Some(rest)) => grub(rest.as_str()).unwrap_or(Name::Image(rest)),
        _ if path.as_str() == SECURE_BOOT_OFF => Name::SecureBootOff,
        ("boot", Some(rest)) => script(rest.as_str())
            .or_else(|| beside_scripts(&rest))
            .or_else(|| grub(path.as_str()))
            .unwrap_or_else(whole),
        ("pxelinux.cfg", Some(rest)) => Name::Menu(MenuKind::Pxelinux, pxelinux(rest.as_str())),
        (U_BOOT_MENU, None) => Name::Menu(MenuKind::Pxelinux, Whose::Asker),
        _ => grub(path.as_str())
            .or_else(|| in_a_folder(path.as_str()))
            .unwrap_or_else(whole),
    }
}

/// pxelinux and U-Boot look for their menus in the folder of the boot file that they were named, or of
/// their path prefix (option 210).
fn in_a_folder(path: &str) -> Option<Name> {
    let (_, rest) = path.split_once("/pxelinux.cfg/")?;
    Some(Name::Menu(MenuKind::Pxelinux, pxelinux(rest)))
}

/// Where the LAN's DHCP server names `pxelinux.0` to an iPXE that we named a script, pxelinux takes
/// the script's folder for its own (seen): it asks for `http://…/boot/ldlinux.c32` and
/// `http://…/boot/pxelinux.cfg/…`.
fn beside_scripts(rest: &CleanPath) -> Option<Name> {
    match rest.split_first() {
        (file, None) if grub(file).is_some() => None,
        (_, None) => Some(Name::Asset(rest.as_str().to_owned())),
        ("pxelinux.cfg", Some(_)) => Some(name(rest)),
        _ => None,
    }
}

fn script(rest: &str) -> Option<Name> {
    let stem = rest.strip_suffix(".ipxe")?;
    if stem == "menu" {
        return Some(Name::Menu(MenuKind::Ipxe(None), Whose::Asker));
    }
    let (arch, machine) = match stem.split_once('/') {
        Some((build, rest)) if Arch::of_ipxe_build(build).is_some() => {
            (Arch::of_ipxe_build(build), rest)
        }
        _ => (None, stem),
    };
    Some(match machine.split_once('/') {
        None => Name::Menu(MenuKind::Ipxe(arch), Whose::Mac(machine.parse().ok()?)),
        Some((mac, id)) => Name::EntryScript {
            mac: mac.parse().ok()?,
            arch,
            id: id.to_owned(),
        },
    })
}

/// `01-` is Ethernet's number in front of the MAC; anything else than a MAC or a UUID (an address
/// in hex, `default`) means the asker.
fn pxelinux(rest: &str) -> Whose {
    let mac = rest
        .get(3..)
        .and_then(|text| text.parse().ok())
        .map(Whose::Mac);
    let uuid = || rest.parse().ok().map(Whose::Uuid);
    mac.or_else(uuid).unwrap_or(Whose::Asker)
}

/// GRUB looks in the folder that it takes for its own, which behind a proxy is a wrong one or half a
/// name (quirk 38): its menu is in every folder.
fn grub(path: &str) -> Option<Name> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let rest = file.strip_prefix("grub.cfg")?;
    let whose = match rest.strip_prefix('-') {
        Some(key) => pxelinux(key),
        None if rest.is_empty() => Whose::Asker,
        None => return None,
    };
    Some(Name::Menu(MenuKind::Grub(grub_build(path)), whose))
}

/// GRUB's own names of what it is built for: the folders of its modules, in which it looks for its menu
/// as well.
const GRUB_BUILDS: [(&str, Arch); 6] = [
    ("i386-pc", Arch(0)),
    ("i386-efi", Arch(6)),
    ("x86_64-efi", Arch(7)),
    ("arm-efi", Arch(10)),
    ("arm64-efi", Arch(11)),
    ("riscv64-efi", Arch(27)),
];

fn grub_build(path: &str) -> Option<Arch> {
    let folder = path.rsplit('/').nth(1)?;
    let build = GRUB_BUILDS.iter().find(|(name, _)| *name == folder)?;
    Some(build.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);

    fn of(path: &str) -> Name {
        name(&CleanPath::new(path.as_bytes()).unwrap())
    }

    #[test]
    fn names_that_loaders_ask_for() {
        let uuid: Uuid = "b8945908-d6a6-41a9-611d-74a6ab80b83d".parse().unwrap();
        for (path, kind, whose) in [
            (
                "pxelinux.cfg/01-52-54-00-12-34-56",
                MenuKind::Pxelinux,
                Whose::Mac(MAC),
            ),
            (
                "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d",
                MenuKind::Pxelinux,
                Whose::Uuid(uuid),
            ),
            ("pxelinux.cfg/C0A84D64", MenuKind::Pxelinux, Whose::Asker),
            (
                "boot/pxelinux.cfg/default",
                MenuKind::Pxelinux,
                Whose::Asker,
            ),
            ("pxelinux.cfg/default", MenuKind::Pxelinux, Whose::Asker),
            (
                "pxelinux.cfg/default-arm-qemu-arm",
                MenuKind::Pxelinux,
                Whose::Asker,
            ),
            (
                "arm/boards/pxelinux.cfg/01-52-54-00-12-34-56",
                MenuKind::Pxelinux,
                Whose::Mac(MAC),
            ),
            ("u-boot.cfg", MenuKind::Pxelinux, Whose::Asker),
            ("grub/grub.cfg", MenuKind::Grub(None), Whose::Asker),
            ("grub.cfg", MenuKind::Grub(None), Whose::Asker),
            (
                "grub/grub.cfg-01-52-54-00-12-34-56",
                MenuKind::Grub(None),
                Whose::Mac(MAC),
            ),
            ("grub.cfg-C0A84D64", MenuKind::Grub(None), Whose::Asker),
            ("images/ubuntu/grub.cfg", MenuKind::Grub(None), Whose::Asker),
            ("boot/grub.cfg", MenuKind::Grub(None), Whose::Asker),
            (
                "debian-installer/amd64/grub/grub.cfg",
                MenuKind::Grub(None),
                Whose::Asker,
            ),
            (
                "grub/arm64-efi/grub.cfg-01-52-54-00-12-34-56",
                MenuKind::Grub(Some(Arch(11))),
                Whose::Mac(MAC),
            ),
            (
                "a/i386-efi/grub.cfg",
                MenuKind::Grub(Some(Arch(6))),
                Whose::Asker,
            ),
            (
                "boot/52-54-00-12-34-56.ipxe",
                MenuKind::Ipxe(None),
                Whose::Mac(MAC),
            ),
            (
                "boot/52:54:00:12:34:56.ipxe",
                MenuKind::Ipxe(None),
                Whose::Mac(MAC),
            ),
            ("boot/menu.ipxe", MenuKind::Ipxe(None), Whose::Asker),
            (
                "boot/efi-x86_64/52-54-00-12-34-56.ipxe",
                MenuKind::Ipxe(Some(Arch(7))),
                Whose::Mac(MAC),
            ),
        ] {
            assert_eq!(of(path), Name::Menu(kind, whose), "{path}");
        }
        for (path, arch) in [
            ("boot/52-54-00-12-34-56/net.ipxe", None),
            ("boot/efi-x86_64/52-54-00-12-34-56/net.ipxe", Some(Arch(7))),
        ] {
            let id = "net".into();
            assert_eq!(of(path), Name::EntryScript { mac: MAC, arch, id });
        }
    }

    #[test]
    fn all_else_is_an_asset_or_an_image() {
        assert_eq!(of("pxelinux.0"), Name::Asset("pxelinux.0".into()));
        assert_eq!(of("/assets/pxelinux.0"), Name::Asset("pxelinux.0".into()));
        assert_eq!(of("boot/ldlinux.c32"), Name::Asset("ldlinux.c32".into()));
        assert_eq!(
            of("images/a/b"),
            Name::Image(CleanPath::new(b"a/b").unwrap())
        );
        for path in [
            "images",
            "assets",
            "boot",
            "boot/images/a",
            "boot/isolinux/ldlinux.c32",
            "boot/plan9-vax/52-54-00-12-34-56.ipxe",
            "boot/plan9-vax/52-54-00-12-34-56/net.ipxe",
            "grub/x86_64-efi/command.lst",
            "grub.cfgx",
            "revocations_sbat.efi",
        ] {
            assert_eq!(of(path), Name::Asset(path.into()), "{path}");
        }
    }
}
