//! `http_boot:` of a profile, and images: what firmware that boots by HTTP is told to load.
//!
//! Such firmware shows no menu. It loads one program, the loader of the profile; or one image of a
//! disk or CD, which becomes a RAM disk (UEFI 2.10 section 24.7.2): the entry that `http_boot` names,
//! or the only entry of the profile where that is an image.
//!
//! Absent on purpose: the address (`decide`), and whether firmware trusts the certificate.

use super::matching::Match;
use super::model::{Action, Entry, PerArch, Profile, Target};
use super::schema::HTTP_BOOT;
use crate::wire::{Arch, ArchFilter, Platform};
use crate::yaml::{At, Node, Report, Section, similar, text, yes_no};

/// What UEFI HTTP boot is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpBoot {
    /// By https in the place of http.
    pub https: bool,
    /// The id of the entry that it loads in the place of a loader.
    pub entry: Option<String>,
}

/// The architectures of UEFI whose firmware loads by HTTP.
const BY_HTTP: [(Arch, &str); 4] = [
    (Arch(15), "http-ia32"),
    (Arch(16), "http-x64"),
    (Arch(18), "http-arm32"),
    (Arch(19), "http-arm64"),
];
/// The architectures of UEFI whose firmware loads by TFTP: it comes to images by a loader alone.
const BY_TFTP: [(Arch, &str); 4] = [
    (Arch(6), "http-ia32"),
    (Arch(7), "http-x64"),
    (Arch(10), "http-arm32"),
    (Arch(11), "http-arm64"),
];

impl Profile {
    /// What firmware of this platform loads by HTTP in the place of a loader, where it does: `seen`
    /// says which entries its machine sees.
    pub fn http_entry(&self, platform: Platform, seen: impl Fn(&Entry) -> bool) -> Option<&Target> {
        let entries = &self.menu.entries;
        let only = match entries.as_slice() {
            [only] if !self.menu.installed => Some(only),
            _ => None,
        };
        let only = only.filter(|entry| matches!(entry.action, Action::Image(_)));
        let named = self.http_boot.entry.as_ref();
        let named = named.and_then(|id| entries.iter().find(|entry| entry.id == *id));
        let entry = named.or(only).filter(|entry| seen(entry))?;
        entry.action.http_target(platform)
    }
}

impl Action {
    /// The program or image that firmware itself can load by HTTP; on UEFI alone.
    fn http_target(&self, platform: Platform) -> Option<&Target> {
        let (Self::Image(target) | Self::Loader(target)) = self else {
            return None;
        };
        let target = target.get(platform).filter(|_| platform.is_efi())?;
        let script = has_ending(target, &["ipxe"]);
        (!script).then_some(target)
    }
}

/// Reads `http_boot:`.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<HttpBoot> {
    let section = Section::open(node, &HTTP_BOOT, report)?;
    let https = section.or("https", false, |n| yes_no(n, "https", report));
    let entry = section.or("entry", None, |n| {
        text(n, "entry", report).map(|id| Some(id.to_owned()))
    });
    Some(HttpBoot {
        https: https?,
        entry: entry?,
    })
}

/// Reports what cannot be meant; `at` is where `http_boot:` stands, `entries` where those do.
pub(super) fn check(
    profile: &Profile,
    matching: &Match,
    (at, entries): (At, &[At]),
    report: &mut Report<'_>,
) {
    named(profile, at, report);
    warn_of_plain(profile, at, report);
    for (entry, at) in profile.menu.entries.iter().zip(entries) {
        if matches!(entry.action, Action::Image(_)) {
            warn_of_pxe(profile, matching, (entry, *at), report);
            warn_of_every_arch(profile, matching, (entry, *at), report);
        }
    }
}

/// The entry that is named has to be there, and to be something that firmware loads.
fn named(profile: &Profile, at: At, report: &mut Report<'_>) {
    let Some(id) = &profile.http_boot.entry else {
        return;
    };
    let mut all = profile.menu.entries.iter();
    let Some(entry) = all.find(|entry| entry.id == *id) else {
        let ids = profile.menu.entries.iter().map(|e| e.id.as_str());
        let message = format!("http_boot: no entry has the id \"{}\"", id.escape_debug());
        return report.error(at, message, similar::hint(id, ids));
    };
    let loads = |platform: &Platform| entry.action.http_target(*platform).is_some();
    if !Platform::NAMED.iter().any(loads) {
        let message = format!("http_boot: firmware cannot load \"{id}\" by itself");
        let hint = "name an entry with image, or with a loader for UEFI".to_owned();
        report.error(at, message, hint);
    }
}

/// What other servers have is named as it is, and not by https in the place of http.
fn warn_of_plain(profile: &Profile, at: At, report: &mut Report<'_>) {
    let told = |platform: &Platform| profile.http_entry(*platform, |_| true);
    let mut urls = Platform::NAMED.iter().filter_map(told).filter_map(plain);
    let Some(url) = urls.next().filter(|_| profile.http_boot.https) else {
        return;
    };
    let message = format!(
        "http_boot: https is true, and firmware is told {}: what is not bootjack's own goes by the URL that it has",
        url.escape_debug()
    );
    let hint = "write https:// there, put the file into the image folder, or take https out";
    report.warn(at, message, hint.to_owned());
}

fn plain(target: &Target) -> Option<&str> {
    match target {
        Target::Url(url) if url.starts_with("http://") => Some(url),
        _ => None,
    }
}

/// An image that UEFI machines would see in no menu: iPXE starts none there, nor does GRUB.
fn warn_of_pxe(
    profile: &Profile,
    matching: &Match,
    (entry, at): (&Entry, At),
    report: &mut Report<'_>,
) {
    let Action::Image(images) = &entry.action else {
        return;
    };
    let meant = |arch: Arch| is_for(matching, entry, arch) && images.get(arch.platform()).is_some();
    // Where nothing is said of machines, those that we have loaders for are meant.
    let ours = |arch: Arch| !matching.archs.is_empty() || arch == Arch::EFI_X64;
    let all = BY_TFTP
        .into_iter()
        .filter(|(arch, _)| ours(*arch) && meant(*arch));
    let Some((arch, http)) = all.into_iter().next() else {
        return;
    };
    let by_http = if profile
        .http_entry(arch.platform(), |e| e.id == entry.id)
        .is_some()
    {
        "by HTTP boot of the firmware alone"
    } else {
        "by HTTP boot of the firmware alone, where http_boot: { entry: … } names it"
    };
    let message = format!(
        "{} machines boot \"{}\" {by_http}: in the menu of those that boot by PXE it is left out",
        arch.platform(),
        entry.id
    );
    let hint = format!("write arch: [bios, {http}] at the entry to say so");
    report.warn(at, message, hint);
}

/// An image that goes to machines of several architectures, and is built for one of them.
fn warn_of_every_arch(
    profile: &Profile,
    matching: &Match,
    (entry, at): (&Entry, At),
    report: &mut Report<'_>,
) {
    let Action::Image(PerArch::All(_)) = &entry.action else {
        return;
    };
    let told = |arch: Arch| profile.http_entry(arch.platform(), |seen| seen.id == entry.id);
    let all = BY_HTTP.into_iter();
    let all = all.filter(|(arch, _)| is_for(matching, entry, *arch) && told(*arch).is_some());
    let all: Vec<&str> = all.map(|(_, name)| name).collect();
    if all.len() < 2 {
        return;
    }
    let message = format!(
        "\"{}\" goes to the HTTP boot of each of {}: what is in an image is not looked at, neither what it is \
         built for nor who signed it (Secure Boot)",
        entry.id,
        all.join(", ")
    );
    let hint = "write at the entry whom it is for, say arch: [bios, http-x64], or name an image for each of them";
    report.warn(at, message, hint.to_owned());
}

/// Whether machines of this architecture come to the entry.
fn is_for(matching: &Match, entry: &Entry, arch: Arch) -> bool {
    let exact = ArchFilter::Exact(arch);
    let own = matching.archs.is_empty() || matching.archs.iter().any(|(a, _)| a.overlaps(exact));
    own && (entry.arch.is_empty() || entry.arch.iter().any(|a| a.overlaps(exact)))
}

/// Whether an image is a CD's.
pub fn is_cd(target: &Target) -> bool {
    has_ending(target, &["iso"])
}

/// Whether a file's name ends so, in capitals or not; what a URL asks of it is no part of its name.
pub(super) fn has_ending(target: &Target, endings: &[&str]) -> bool {
    let path = match target {
        Target::Path(path) => path,
        Target::Url(url) => url.split(['?', '#']).next().unwrap_or(url),
    };
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    endings.iter().any(|e| ending.eq_ignore_ascii_case(e))
}
