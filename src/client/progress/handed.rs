//! What becomes of the iPXE, or the shim, that a machine was sent: it runs and asks, or it is never heard of.
//!
//! | iPXE was sent whole, nothing else asked for since, and then | that says |
//! |---|---|
//! | iPXE asks | it runs, and so Secure Boot is off (GRUB's menu has a line to say so, too) |
//! | UEFI asks anew that there is a signed shim for | it was not run: Secure Boot is on |
//! | other firmware asks anew, and that twice in a row | a chain loop: it may be an iPXE itself ([`Cut::Script`]) |
//! | that one took no script either | it is none ([`Cut::OtherLoader`]) |
//! | iPXE asks again, and that twice in a row | a chain loop: another server names it iPXE ([`Cut::ScriptInPlace`]) |
//!
//! | shim was sent whole, nothing else asked for since, and then | that says |
//! |---|---|
//! | UEFI asks anew | shim was refused, or went to another server: told each time, and nothing is learnt of it |
//!
//! shim asks for its GRUB within a second, so that its silence says much. Firmware that trusts Microsoft's own
//! programs alone ("Secured-core" PCs come so, with the third-party UEFI CA switched off) refuses shim as it
//! does iPXE, and there is nothing else that it could be given.
//!
//! Seen of EDK2 with Secure Boot: the loader is fetched whole, "Access Denied", and the next boot option
//! a minute later, which is HTTP boot, and the same again.
//!
//! Once is enough for Secure Boot. What looks alike is an iPXE that was switched off within the seconds
//! before its first DISCOVER, or whose network never came up; that machine loses little, for shim and
//! GRUB boot it just as well, and GRUB's menu has a line that takes the verdict back. A second
//! time would be one more failed boot of every machine that has Secure Boot on. For the same reason it
//! may come back a day later: it may have booted from its disk meanwhile, or somebody read its screen.
//!
//! A chain loop is one of minutes; it is cut for an hour from when the cut last helped. No verdict comes
//! of size probes and broken transfers (they are not whole), nor of other loaders: whose an operator's own is
//! nobody knows. Nor of what is fetched long after it asked for boot data: that is a system that downloads a file.

use std::time::{Duration, Instant};

use super::FETCH_WITHIN;
use crate::assets::pair;
use crate::client::Cut;
use crate::wire::Platform;

/// So long after it was sent its loader, a machine may come back without having run it.
const COMES_BACK: Duration = Duration::from_secs(super::DAY);
/// A round of a loop takes no longer.
const ROUND: Duration = Duration::from_secs(300);
/// So many rounds in a row, and the loop is cut.
const ROUNDS: u8 = 2;
/// How long a cut lasts.
const CUT_FOR: Duration = Duration::from_secs(3600);
/// What takes a script has asked for it by then: firmware's DISCOVERs go on for a minute.
const TAKES: Duration = Duration::from_secs(120);

/// A file that was sent whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// An iPXE of ours.
    Ipxe,
    /// The shim that starts our GRUB, or an operator's in its place.
    Shim,
    /// What GRUB asks for where its user tells it that Secure Boot is off, and GRUB finds it so.
    SecureBootOff,
    /// Anything else.
    Other,
}

/// The name of that.
pub const SECURE_BOOT_OFF: &str = "boot/secure-boot-off.cfg";

impl Given {
    /// What a text is by its name.
    pub fn of_text(path: &str) -> Self {
        match path.trim_start_matches('/') {
            SECURE_BOOT_OFF => Self::SecureBootOff,
            _ => Self::Other,
        }
    }

    /// What an asset is by its name; what stands in the image folder is the operator's.
    pub fn of(path: &str) -> Self {
        let path = path.trim_start_matches('/').to_ascii_lowercase();
        let file = path.rsplit('/').next().unwrap_or(&path);
        if path.starts_with("images/") {
            return Self::Other;
        }
        if pair::ALL.iter().any(|pair| pair.shim == file) {
            return Self::Shim;
        }
        let is = ["snponly", "ipxe", "undionly"]
            .iter()
            .any(|word| file.starts_with(word));
        let ends = [".efi", ".kpxe", ".kkpxe", ".pxe"]
            .iter()
            .any(|ending| file.ends_with(ending));
        if is && ends && !file.contains("shim") {
            Self::Ipxe
        } else {
            Self::Other
        }
    }
}

/// Who of a machine asked for boot data last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Speaker {
    #[default]
    Nobody,
    Firmware(Platform),
    Ipxe,
}

/// What firmware was sent, and has to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Ipxe,
    Shim,
}

/// What a machine was sent, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Handed {
    speaker: Speaker,
    /// When that was.
    spoke: Option<Instant>,
    /// What was sent whole to who speaks, and when, where nothing was asked for since.
    whole: Option<(First, Instant)>,
    /// Whether that was counted.
    counted: bool,
    /// Rounds in a row.
    pub(super) rounds: u8,
    cut: Option<Cutting>,
    /// Whose firmware asked last.
    platform: Option<Platform>,
    /// Which of its programs has Secure Boot on, also where there was no room to remember that.
    pub(super) refuses: Option<Platform>,
}

/// A cut in force.
#[derive(Debug, Clone, Copy)]
struct Cutting {
    cut: Cut,
    since: Instant,
    /// Whether what it names was asked for: it was there, or not.
    took: Option<bool>,
}

impl Handed {
    /// What is cut now.
    pub(super) fn cut(&self) -> Option<Cut> {
        self.cut.map(|cutting| cutting.cut)
    }

    /// Whose firmware asked last.
    pub(super) const fn firmware(&self) -> Option<Platform> {
        self.platform
    }

    /// How its loop is cut, and of which of its programs that is.
    pub(super) fn cut_of(&self) -> Option<(Platform, Cut)> {
        self.platform.zip(self.cut())
    }

    /// Firmware asks for boot data; what it was sent, where it comes back without having run it.
    pub(super) fn begins(&mut self, now: Instant, platform: Platform) -> Option<First> {
        self.forget_cut(now);
        let speaker = Speaker::Firmware(platform);
        (self.platform, self.spoke) = (Some(platform), Some(now));
        if self.speaker != speaker {
            // Its BIOS, where its UEFI came before: the machine has moved on.
            (self.speaker, self.whole, self.rounds) = (speaker, None, 0);
        }
        self.comes_back(now)
    }

    /// What who speaks was sent, and speaks again. Told once of each.
    fn comes_back(&mut self, now: Instant) -> Option<First> {
        let (what, sent) = self.whole.filter(|_| !self.counted)?;
        let since = now.saturating_duration_since(sent);
        self.counted = true;
        if what == First::Ipxe {
            let in_a_row = if since < ROUND { self.rounds } else { 0 };
            self.rounds = in_a_row.saturating_add(1);
        }
        (since < COMES_BACK).then_some(what)
    }

    /// Firmware that has run nothing, and has no Secure Boot to refuse it: how its loop is cut from now on,
    /// where that is new.
    pub(super) fn cuts(&mut self, now: Instant) -> Option<Cut> {
        let next = match self.cut {
            None if self.rounds >= ROUNDS => Cut::Script,
            Some(cutting) if cutting.is_declined(now) => Cut::OtherLoader,
            _ => return None,
        };
        Some(self.cut_by(now, next))
    }

    /// iPXE asks for boot data: which of its machine's programs is known to have run it by that, and how
    /// its loop is cut from now on, where that is new.
    pub(super) fn runs(&mut self, now: Instant) -> (Option<Platform>, Option<Cut>) {
        self.forget_cut(now);
        self.spoke = Some(now);
        let ran = match std::mem::replace(&mut self.speaker, Speaker::Ipxe) {
            Speaker::Firmware(platform) => {
                self.rounds = 0;
                let ran = self.whole.take();
                ran.filter(|(what, _)| *what == First::Ipxe)
                    .map(|_| platform)
            }
            Speaker::Nobody => None,
            Speaker::Ipxe => return (None, self.runs_again(now)),
        };
        (ran, None)
    }

    fn runs_again(&mut self, now: Instant) -> Option<Cut> {
        let again = self.comes_back(now) == Some(First::Ipxe);
        self.whole = None;
        let looped = again && self.rounds >= ROUNDS && self.cut.is_none();
        looped.then(|| self.cut_by(now, Cut::ScriptInPlace))
    }

    /// It asks for something.
    pub(super) const fn asks(&mut self) {
        if self.whole.take().is_some() && !self.counted {
            self.rounds = 0;
        }
    }

    /// What it asks for is there, or not.
    pub(super) fn is_answered(&mut self, now: Instant, found: bool) {
        let firmware = matches!(self.speaker, Speaker::Firmware(_));
        if let Some(cutting) = &mut self.cut {
            let named = firmware == (cutting.cut != Cut::ScriptInPlace);
            if named && cutting.took != Some(true) {
                cutting.took = Some(found);
            }
            if named && found {
                cutting.since = now;
            }
        }
    }

    /// A file was sent whole.
    pub(super) fn is_sent(&mut self, now: Instant, given: Given) {
        match (self.speaker, given) {
            (Speaker::Nobody, _) => {}
            _ if !self.is_loading(now) => (self.whole, self.rounds) = (None, 0),
            (_, Given::Ipxe) => self.has(First::Ipxe, now),
            (_, Given::Shim) => {
                self.has(First::Shim, now);
                self.rounds = 0;
            }
            (_, Given::Other | Given::SecureBootOff) => {
                self.whole = None;
                self.rounds = 0;
            }
        }
    }

    /// Whether what is fetched now can be the loader of who spoke last.
    fn is_loading(&self, now: Instant) -> bool {
        self.spoke
            .is_some_and(|spoke| now.saturating_duration_since(spoke) < FETCH_WITHIN)
    }

    const fn has(&mut self, what: First, now: Instant) {
        self.whole = Some((what, now));
        self.counted = false;
    }

    const fn cut_by(&mut self, now: Instant, cut: Cut) -> Cut {
        self.cut = Some(Cutting {
            cut,
            since: now,
            took: None,
        });
        cut
    }

    fn forget_cut(&mut self, now: Instant) {
        let over = |c: &Cutting| now.saturating_duration_since(c.since) >= CUT_FOR;
        if self.cut.as_ref().is_some_and(over) {
            (self.cut, self.rounds) = (None, 0);
        }
    }
}

impl Cutting {
    /// Whether firmware was named the script and did not take it.
    fn is_declined(self, now: Instant) -> bool {
        let late = now.saturating_duration_since(self.since) >= TAKES;
        let declined = self.took == Some(false) || (self.took.is_none() && late);
        self.cut == Cut::Script && declined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipxe_or_shim_of_ours_is_told_by_its_name() {
        for path in [
            "snponly.efi",
            "/assets/SNPONLY.EFI",
            "ipxe.efi",
            "undionly.kpxe",
            "snponly-arm64.efi",
            "boot/undionly.kpxe",
        ] {
            assert_eq!(Given::of(path), Given::Ipxe, "{path}");
        }
        for path in [
            "ipxe.lkrn",
            "images/shimx64.efi",
            "ipxe-shimx64.efi",
            "grubx64.efi",
            "lpxelinux.0",
            "images/ipxe.efi",
            "boot/52-54-00-12-34-56.ipxe",
        ] {
            assert_eq!(Given::of(path), Given::Other, "{path}");
        }
        for path in ["shimx64.efi", "/assets/SHIMAA64.EFI", "boot/shimia32.efi"] {
            assert_eq!(Given::of(path), Given::Shim, "{path}");
        }
    }
}
