//! The compiled forms of a profile: what selection, decision and rendering work with.
//!
//! Invariants, made by `compile` and relied on everywhere: a menu has at least one entry or lists
//! installed images; `default` names an entry; ids are unique; every template parses and names only
//! variables that exist; every path is relative and has no `..`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::http_boot::HttpBoot;
use crate::assets::pair;
use crate::client::Shape;
use crate::network::{Criteria, Terms};
use crate::wire::{ArchFilter, Platform};

/// One profile, ready to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// `name:`, else the file name without its ending.
    pub name: Arc<str>,
    /// The file it came from, as the operator would name it; `(embedded default)` for ours.
    pub file: Arc<str>,
    /// What a client is offered.
    pub menu: Menu,
    /// Which loader carries the menu.
    pub loader: PerArch<Loader>,
    /// The shape of the proxy's reply, where the operator knows better than the quirk table.
    pub strategy: Option<PerArch<Shape>>,
    /// Whether to boot through signed shim and GRUB; `None`: those machines that were seen to have
    /// Secure Boot on.
    pub secure_boot: Option<bool>,
    /// What firmware that boots by HTTP is told.
    pub http_boot: HttpBoot,
    /// Where machines whose firmware shows the menu ask for its items by multicast; `None`: they
    /// ask by unicast.
    pub multicast: Option<Ipv4Addr>,
    /// What a Raspberry Pi is given; `None`: nothing but what lies in the asset folder.
    pub raspberry_pi: Option<RaspberryPi>,
    /// What pxelinux is told beside its file.
    pub pxelinux: Option<Pxelinux>,
    /// The profile's own variables, for templates.
    pub vars: BTreeMap<String, String>,
    /// Mode `dhcp`: what its machines are told beside their address.
    pub terms: Terms,
    /// Mode `dhcp`: which pools they may have an address from.
    pub criteria: Criteria,
}

/// What a Raspberry Pi is given, which shows no menus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaspberryPi {
    /// The folder of its boot partition, below the image folder.
    pub folder: String,
    /// `cmdline.txt`, where the folder's own is not to be given.
    pub cmdline: Option<Template>,
    /// `config.txt` likewise.
    pub config: Option<Template>,
}

/// What pxelinux is told by DHCP (RFC 5071); U-Boot reads the first of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pxelinux {
    /// Option 209: the configuration that it looks for before all others.
    pub config: Option<String>,
    /// Option 210: what it puts in front of names.
    pub prefix: Option<String>,
    /// Option 211: after so many seconds it reboots where it cannot boot.
    pub reboot: Option<u32>,
}

/// A boot menu, in no dialect yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Menu {
    /// Headline.
    pub title: String,
    /// How long the menu waits before it starts the default; `None` waits for the user.
    pub timeout: Option<Duration>,
    /// The id of the default entry; `None`: the first one that the client can boot.
    pub default: Option<String>,
    /// The entries, in the order shown.
    pub entries: Vec<Entry>,
    /// Whether an entry is added for every distribution found below the image folder.
    pub installed: bool,
    /// What firmware that shows the menu writes in front of the time left.
    pub prompt: Option<String>,
}

/// One boot target.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Unique in its menu; letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// The line shown.
    pub title: String,
    /// Clients that see it; empty: all of them.
    pub arch: Vec<ArchFilter>,
    /// What choosing it does.
    pub action: Action,
    /// Who serves it in a menu that the firmware shows; empty: bootjack.
    pub servers: Vec<BootServer>,
    /// Its type in such a menu: how firmware names it when it asks for it (see `boot_server`).
    pub item_type: u16,
}

/// Who serves an entry in a menu that the firmware shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootServer {
    /// bootjack, by its address on the machine's link.
    Here,
    /// A server of this address.
    At(Ipv4Addr),
}

/// What choosing an entry does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start a Linux kernel.
    Linux {
        /// The kernel image.
        kernel: PerArch<Target>,
        /// Initial RAM disks, loaded in this order.
        initrd: PerArch<Vec<Target>>,
        /// The kernel's command line.
        args: PerArch<Template>,
        /// What U-Boot hands it; the firmware of other machines has its own way.
        device_tree: PerArch<DeviceTree>,
    },
    /// Start another network boot program (an asset or a file below the image folder).
    Loader(PerArch<Target>),
    /// Boot from the local disk.
    Local,
    /// Hand over to another boot server's file or script.
    Chain(PerArch<Target>),
    /// Run this iPXE script.
    Ipxe(Template),
    /// Boot from this image of a CD or disk (`.iso`, `.img`).
    Image(PerArch<Target>),
    /// Whatever its servers say: only firmware can ask them.
    Elsewhere,
}

impl Action {
    /// Whether there is something for this platform to boot.
    pub fn serves(&self, platform: Platform) -> bool {
        match self {
            Self::Linux { kernel: target, .. }
            | Self::Loader(target)
            | Self::Chain(target)
            | Self::Image(target) => target.get(platform).is_some(),
            Self::Local | Self::Ipxe(_) | Self::Elsewhere => true,
        }
    }
}

/// Where a board's device tree is: with the board, or at a path in our own tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceTree {
    /// The one that its firmware has.
    Firmware,
    /// This file.
    File(Target),
    /// The file of its board in this folder: U-Boot knows the name (`fdtfile`, else `soc` and `board`).
    Folder(Target),
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A name in our own tree: an asset's name, else a path below the image folder.
    Path(String),
    /// A complete URL (`http`, `https`, `tftp`).
    Url(String),
}

impl Target {
    /// As it was written.
    pub fn written(&self) -> &str {
        match self {
            Self::Path(text) | Self::Url(text) => text,
        }
    }
}

/// Text with `{{ variables }}`. The source is kept; it is known to parse.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(pub String);

/// A value for all platforms, or one each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PerArch<T> {
    /// The same for every platform.
    All(T),
    /// One each; a platform that is not named has none.
    Each(BTreeMap<Platform, T>),
}

impl<T> PerArch<T> {
    /// The value for this platform.
    pub fn get(&self, platform: Platform) -> Option<&T> {
        match self {
            Self::All(value) => Some(value),
            Self::Each(map) => map.get(&platform),
        }
    }

    /// Every value, whatever its platform.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match self {
            Self::All(value) => (Some(value), None),
            Self::Each(map) => (None, Some(map.values())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// The loader that carries the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loader {
    /// BIOS: pxelinux; UEFI x64: snponly.efi (iPXE); UEFI IA32 and ARM64: GRUB behind shim; what is iPXE
    /// already: its script.
    #[default]
    Auto,
    /// `lpxelinux.0` and a pxelinux config.
    Pxelinux,
    /// `undionly.kpxe` or `snponly.efi` and an iPXE script. Debian builds it for BIOS and UEFI x64.
    Ipxe,
    /// GRUB behind shim, and its config. Debian has network images of it for UEFI, and none for BIOS.
    Grub,
    /// The firmware shows the menu itself; what is chosen is started as by `auto`.
    Firmware,
}

/// What U-Boot is named as its boot file: its menu, which it reads itself (`pxe get`). It fetches
/// whatever it is named, and looks for its menus in the folder of that: so it is at the root.
pub const U_BOOT_MENU: &str = "u-boot.cfg";

impl Loader {
    /// Every loader, in the order that messages list them.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Pxelinux,
        Self::Ipxe,
        Self::Grub,
        Self::Firmware,
    ];

    /// The first program of this loader on a platform, as an asset, or [`U_BOOT_MENU`]; `None` where it
    /// has none. Where that is GRUB, it is the signed shim, which starts GRUB with Secure Boot on and off
    /// alike: firmware with Microsoft's keys alone refuses GRUB itself, which Debian has signed.
    pub fn program(self, platform: Platform) -> Option<&'static str> {
        match (platform, self) {
            (Platform::Bios, Self::Auto | Self::Pxelinux | Self::Firmware) => Some("lpxelinux.0"),
            (Platform::Bios, Self::Ipxe) => Some("undionly.kpxe"),
            (Platform::EfiX64, Self::Auto | Self::Ipxe | Self::Firmware) => Some("snponly.efi"),
            (
                Platform::UbootArm32 | Platform::UbootArm64,
                Self::Auto | Self::Pxelinux | Self::Firmware,
            ) => Some(U_BOOT_MENU),
            _ => self.shim(platform),
        }
    }

    /// The signed first stage of Secure Boot on a platform, as an asset: it starts the signed GRUB.
    /// `None` where this loader is none that shim starts, or Debian has no signed shim.
    pub fn shim(self, platform: Platform) -> Option<&'static str> {
        match self {
            Self::Ipxe | Self::Pxelinux => None,
            _ => pair::of(platform).map(|pair| pair.shim),
        }
    }

    /// Whether GRUB carries the menu there without Secure Boot, as far as our own loaders go.
    pub fn is_grub(self, platform: Platform) -> bool {
        let first = self.program(platform);
        first.is_some() && first == self.shim(platform)
    }

    /// The word a profile uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pxelinux => "pxelinux",
            Self::Ipxe => "ipxe",
            Self::Grub => "grub",
            Self::Firmware => "firmware",
        }
    }
}
