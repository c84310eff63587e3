//! A profile's menu as firmware shows it (`loader: firmware`): which entries, in which order, and
//! when the first of them starts.
//!
//! Firmware starts the first item when nobody chooses, so the default stands first whatever its
//! place in the file. What is chosen is started by the loader that `auto` takes, which is told of
//! that entry alone, or is itself what the firmware loads. What neither could start is not shown.
//!
//! Absent on purpose: who is shown it (`decide`), and what does not fit (`fits`).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::model::{Action, Entry, Loader, Profile, Target};
use crate::client::{Client, Stage};
use crate::wire::Platform;
use crate::wire::pxe::area::{NO_BROADCAST, NO_MULTICAST};
use crate::wire::pxe::menu::{BootMenu, LOCAL};

/// Seconds in 43.10 that show the menu at once and wait for the user.
pub const WAIT: u8 = 255;
/// The longest time-out that 43.10 can say, in seconds.
pub const MAX_SECONDS: u8 = 254;
/// What stands in front of the time left, unless the profile has a word of its own.
pub const PROMPT: &str = "Press F8 for the boot menu";

/// A menu for the firmware of one platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Items<'p> {
    /// The entries shown, the one that starts by itself first.
    pub entries: Vec<&'p Entry>,
    /// Until the first one starts: 0 at once, [`WAIT`] never.
    pub seconds: u8,
    /// What stands in front of the time left, or above the menu.
    pub prompt: &'p str,
}

impl Profile {
    /// Whether firmware of this platform shows the menu.
    pub fn firmware_shows(&self, platform: Platform) -> bool {
        self.loader.get(platform) == Some(&Loader::Firmware)
    }

    /// The menu that firmware of this platform shows to a machine that sees the entries that `seen`
    /// says; `None` where its loader does as well: with one entry there is nothing to choose, and
    /// many a UEFI gets menus wrong (quirk 4). `loader`: whether there is one where its platform has
    /// none of ours.
    /// `shim`: whether signed shim and GRUB carry it there ([`Self::starts_by_shim`]).
    pub fn items(
        &self,
        platform: Platform,
        (loader, shim): (bool, bool),
        seen: impl Fn(&Entry) -> bool,
    ) -> Option<Items<'_>> {
        if !self.firmware_shows(platform) {
            return None;
        }
        let starter = starter(platform, (loader, shim));
        let leads = |e: &&Entry| seen(e) && leads_somewhere(e, platform, starter);
        let mut entries: Vec<&Entry> = self.menu.entries.iter().filter(leads).collect();
        let timeout = default_first(self.menu.default.as_deref(), &mut entries)
            .then_some(self.menu.timeout)
            .flatten();
        let seconds = seconds(timeout);
        let needless = |only: &Entry| only.is_served_here() && starter != Starter::Nothing;
        match entries.as_slice() {
            [] => return None,
            [only] if needless(only) => return None,
            _ => {}
        }
        Some(Items {
            entries,
            seconds,
            prompt: self.prompt(seconds),
        })
    }

    /// What firmware writes: what the profile says, else the title above a menu that is there at
    /// once, and else how to come to it.
    fn prompt(&self, seconds: u8) -> &str {
        match &self.menu.prompt {
            Some(prompt) => prompt,
            None if matches!(seconds, 0 | WAIT) => &self.menu.title,
            None => PROMPT,
        }
    }

    /// Why firmware of this platform is not shown an entry that its loader is there to start, where it
    /// is not: what the loader cannot do, and what to do instead.
    pub(super) fn left_out(
        &self,
        entry: &Entry,
        platform: Platform,
    ) -> Option<(&'static str, &'static str)> {
        let shim = self.boots_by_shim(platform);
        let starter = starter(platform, (false, shim));
        if starter == Starter::Nothing
            || !entry.action.serves(platform)
            || leads_somewhere(entry, platform, starter)
        {
            return None;
        }
        if matches!(entry.action, Action::Image(_)) && platform.is_efi() {
            return None; // told of whatever shows the menu (`http_boot`)
        }
        Some(match starter {
            Starter::Grub if shim => (
                "signed GRUB, which starts it under secure_boot, fetches from bootjack alone and runs no iPXE script",
                "put its files below the image folder, or name its architectures in arch: of the entry",
            ),
            Starter::Grub => (
                "GRUB, which starts it, fetches from bootjack alone and runs no iPXE script",
                "put its files below the image folder, or name its architectures in arch: of the entry",
            ),
            _ => (
                "lpxelinux.0, which starts it, speaks no https",
                "name it by http, or name its architectures in arch: of the entry",
            ),
        })
    }

    /// Whether signed shim and GRUB carry the menu to every machine of a platform: the profile says so.
    pub fn boots_by_shim(&self, platform: Platform) -> bool {
        self.secure_boot == Some(true) && self.has_use_for_shim(platform)
    }

    /// Whether they carry it to this machine: its profile says so, or leaves it to what was seen of it.
    pub fn starts_by_shim(&self, client: &Client) -> bool {
        let learnt = || client.stage != Stage::Ipxe && client.past.has_secure_boot();
        self.secure_boot.unwrap_or_else(learnt) && self.has_use_for_shim(client.platform())
    }

    /// Whether there is a shim for the platform, and its loader one that shim starts.
    fn has_use_for_shim(&self, platform: Platform) -> bool {
        let loader = self.loader.get(platform).copied().unwrap_or_default();
        loader.shim(platform).is_some()
    }
}

/// What starts an entry that firmware cannot start by itself; `by_row`: whether a quirk row names a loader,
/// which may do all that iPXE does. `shim`: whether that is GRUB behind shim.
fn starter(platform: Platform, (by_row, shim): (bool, bool)) -> Starter {
    match platform {
        _ if shim => Starter::Grub,
        Platform::Bios => Starter::Pxelinux,
        _ if by_row => Starter::Ipxe,
        _ if Loader::Firmware.is_grub(platform) => Starter::Grub,
        _ if Loader::Firmware.program(platform).is_some() => Starter::Ipxe,
        _ => Starter::Nothing,
    }
}

/// What starts an entry that was chosen in the firmware's menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starter {
    Pxelinux,
    Ipxe,
    Grub,
    /// The firmware alone.
    Nothing,
}

/// Whether choosing an entry could start anything.
fn leads_somewhere(entry: &Entry, platform: Platform, starter: Starter) -> bool {
    let by_loader = || match starter {
        Starter::Pxelinux => pxelinux_starts(&entry.action, platform),
        Starter::Ipxe => !matches!(entry.action, Action::Image(_)) && entry.action.serves(platform),
        Starter::Grub => grub_starts(&entry.action, platform),
        Starter::Nothing => false,
    };
    match &entry.action {
        Action::Local | Action::Elsewhere => true,
        action if !entry.is_served_here() => action.serves(platform),
        action => action.boot_program(platform).is_some() || by_loader(),
    }
}

impl Items<'_> {
    /// The menu as bytes carry it, where our address is `here`. Clients ask by multicast where the
    /// profile has a group, else each item's servers by unicast: what EDK2 and iPXE both do, and
    /// what goes to no other server of the LAN (facts B).
    pub fn told(&self, profile: &Profile, here: Ipv4Addr) -> BootMenu {
        let kinds = self.entries.iter().map(|e| (*e, e.item_type));
        let asked = kinds.clone().filter(|(_, kind)| *kind != LOCAL);
        BootMenu {
            control: match profile.multicast {
                Some(_) => NO_BROADCAST,
                None => NO_BROADCAST | NO_MULTICAST,
            },
            multicast: profile.multicast,
            servers: asked.map(|(e, kind)| (kind, e.served_at(here))).collect(),
            items: kinds.map(|(e, kind)| (kind, e.title.clone())).collect(),
            prompt: Some((self.seconds, self.prompt.to_owned())),
        }
    }
}

impl Action {
    /// The path of a program that firmware can load and start by itself, by TFTP: on BIOS a network
    /// boot program, on UEFI any that is no script. `None` where a loader has to start it.
    pub fn boot_program(&self, platform: Platform) -> Option<&str> {
        /// `file` of the header holds 127 bytes, and `images/` may come before the path.
        const LONGEST: usize = 120;
        let Self::Loader(target) = self else {
            return None;
        };
        let Target::Path(path) = target.get(platform)? else {
            return None;
        };
        let starts = if platform.is_efi() {
            !is_script(path)
        } else {
            is_boot_program(path)
        };
        (starts && path.len() <= LONGEST).then_some(path)
    }
}

/// Whether a name is that of a network boot program for BIOS.
pub fn is_boot_program(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "0" | "kpxe" | "kkpxe" | "pxe")
}

fn is_script(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".ipxe")
}

/// Debian's signed GRUB fetches by TFTP from us alone, and runs no scripts of iPXE.
fn grub_starts(action: &Action, platform: Platform) -> bool {
    let ours = |target: &Target| matches!(target, Target::Path(path) if !is_script(path));
    match action {
        Action::Linux { kernel, initrd, .. } => {
            let initrd = initrd.get(platform).into_iter().flatten();
            let kernel = kernel.get(platform);
            let path = |t: &Target| matches!(t, Target::Path(_));
            kernel.is_some_and(path) && initrd.into_iter().all(path)
        }
        Action::Loader(target) | Action::Chain(target) => target.get(platform).is_some_and(ours),
        Action::Local => true,
        Action::Ipxe(_) | Action::Image(_) | Action::Elsewhere => false,
    }
}

/// `lpxelinux.0` speaks no TLS; scripts and what is elsewhere it hands to an iPXE.
fn pxelinux_starts(action: &Action, platform: Platform) -> bool {
    let plain = |target: &Target| !matches!(target, Target::Url(url) if url.starts_with("https:"));
    match action {
        Action::Linux { kernel, initrd, .. } => {
            let initrd = initrd.get(platform).into_iter().flatten();
            kernel.get(platform).is_some_and(plain) && initrd.into_iter().all(plain)
        }
        Action::Image(target) => target.get(platform).is_some_and(plain),
        action => action.serves(platform),
    }
}

/// Puts the default first. Where it is not among the entries, nothing may start by itself: the
/// entry that happens to stand first may be "erase and reinstall".
fn default_first(default: Option<&str>, entries: &mut [&Entry]) -> bool {
    let Some(named) = default else { return true };
    let Some(place) = entries.iter().position(|e| e.id == named) else {
        return false;
    };
    if let Some(up_to) = entries.get_mut(..=place) {
        up_to.rotate_right(1);
    }
    true
}

/// A time-out in whole seconds, rounded up.
fn seconds(timeout: Option<Duration>) -> u8 {
    let Some(timeout) = timeout else { return WAIT };
    let seconds = timeout.as_millis().div_ceil(1000);
    u8::try_from(seconds)
        .unwrap_or(MAX_SECONDS)
        .min(MAX_SECONDS)
}
