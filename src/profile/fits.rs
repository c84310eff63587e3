//! What a menu that the firmware shows cannot carry: found when a profile is loaded, so that no
//! menu is ever cut.
//!
//! Every platform that the profile can match is tried, each with all entries that one of its
//! machines could see, and with a server of its own for each item.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::items::{Items, MAX_SECONDS};
use super::matching::Match;
use super::model::{Entry, Loader, Profile};
use super::words::{MAX_LINE, unshown};
use crate::wire::pxe::menu::{LOCAL, MAX_BYTES};
use crate::wire::{ArchFilter, Platform};
use crate::yaml::{At, Report};

/// What EDK2 shows; it reads no further (quirk 10).
const MAX_ITEMS: usize = 24;

/// Where the parts of a profile stand.
pub(super) struct Places<'a> {
    /// `strategy:`, else the profile.
    pub strategy: At,
    /// The menu.
    pub menu: At,
    /// Its time-out.
    pub timeout: At,
    /// Its `installed:`.
    pub installed: At,
    /// The entries, in their order.
    pub entries: &'a [At],
    /// What only such a menu has a use for: the first such key and where it stands.
    pub only_firmware: Option<(&'static str, At)>,
}

/// Reports everything that does not fit.
pub(super) fn check(profile: &Profile, matching: &Match, at: &Places<'_>, report: &mut Report<'_>) {
    let shows = |p: &Platform| profile.firmware_shows(*p);
    let platforms: Vec<Platform> = platforms(matching).into_iter().filter(shows).collect();
    if platforms.is_empty() {
        warn_of_idle_keys(profile, at, report);
        return;
    }
    pinned(profile, &platforms, at, report);
    installed(profile, at, report);
    timeout(profile, at, report);
    let mut told = Vec::new();
    for platform in platforms {
        let seen = |entry: &Entry| sees(matching, platform, entry);
        // A profile for everybody is seldom written with GRUB in mind, which few machines boot by.
        let meant = !matching.archs.is_empty() || !Loader::Firmware.is_grub(platform);
        if meant {
            warn_of_left_out(profile, platform, &seen, at, report);
        }
        // Where we have no loader, a quirk may name one, and then there is more in the menu.
        let shim = profile.boots_by_shim(platform);
        for items in [false, true].map(|loader| profile.items(platform, (loader, shim), seen)) {
            let Some(items) = items else { continue };
            Menu {
                platform,
                items,
                at,
            }
            .check(profile, &mut told, report);
        }
    }
}

/// The platforms of the machines that a profile can match.
fn platforms(matching: &Match) -> Vec<Platform> {
    let mut named: Vec<_> = matching.archs.iter().map(|(a, _)| a.platform()).collect();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return Platform::NAMED.to_vec();
    }
    named
}

/// Whether a machine of this profile and platform could see an entry.
fn sees(matching: &Match, platform: Platform, entry: &Entry) -> bool {
    let own = matching.archs.iter().map(|(arch, _)| *arch);
    let own: Vec<ArchFilter> = own.filter(|a| a.platform() == platform).collect();
    let all = [ArchFilter::Platform(platform)];
    let archs = if own.is_empty() { &all[..] } else { &own };
    let overlaps = |e: &ArchFilter| archs.iter().any(|a| a.overlaps(*e));
    entry.arch.is_empty() || entry.arch.iter().any(overlaps)
}

fn warn_of_idle_keys(profile: &Profile, at: &Places<'_>, report: &mut Report<'_>) {
    if let Some((key, at)) = at.only_firmware {
        let message = format!("{key} has no effect: no firmware shows this menu");
        report.warn(at, message, "write loader: firmware".to_owned());
    }
    let elsewhere = profile.menu.entries.iter().zip(at.entries);
    for (entry, at) in elsewhere.filter(|(e, _)| !e.servers.is_empty()) {
        let message = format!(
            "servers of \"{}\" has no effect: no firmware shows this menu",
            entry.id
        );
        report.warn(*at, message, "write loader: firmware".to_owned());
    }
}

/// An entry that the menu of other machines has, and nobody would miss before they look for it.
fn warn_of_left_out(
    profile: &Profile,
    platform: Platform,
    seen: &impl Fn(&Entry) -> bool,
    at: &Places<'_>,
    report: &mut Report<'_>,
) {
    let entries = profile.menu.entries.iter().zip(at.entries);
    for (entry, at) in entries.filter(|(entry, _)| seen(entry)) {
        if let Some((why, hint)) = profile.left_out(entry, platform) {
            let message = format!("\"{}\" is not in the menu of {platform}: {why}", entry.id);
            report.warn(*at, message, hint.to_owned());
        }
    }
}

fn pinned(profile: &Profile, platforms: &[Platform], at: &Places<'_>, report: &mut Report<'_>) {
    let pins = |p: &&Platform| {
        profile
            .strategy
            .as_ref()
            .is_some_and(|s| s.get(**p).is_some())
    };
    if let Some(platform) = platforms.iter().find(pins) {
        let message =
            format!("strategy has no effect on {platform}: its firmware is given the menu");
        let hint = "leave it out, or choose another loader".to_owned();
        report.warn(at.strategy, message, hint);
    }
}

/// What the image folder holds changes while machines boot, and one entry more may be one too many.
fn installed(profile: &Profile, at: &Places<'_>, report: &mut Report<'_>) {
    if profile.menu.installed {
        let message =
            "a menu that the firmware shows cannot take in what is installed: it may not fit";
        let hint = "list the entries, and take installed out or choose another loader".to_owned();
        report.error(at.installed, message, hint);
    }
}

fn timeout(profile: &Profile, at: &Places<'_>, report: &mut Report<'_>) {
    let longest = u128::from(MAX_SECONDS) * 1000;
    if profile
        .menu
        .timeout
        .is_some_and(|t| t.as_millis() > longest)
    {
        let message = format!("the timeout is too long; firmware counts up to {MAX_SECONDS}s");
        let hint = "without timeout the menu waits for the user".to_owned();
        report.error(at.timeout, message, hint);
    }
}

/// What gives two entries different types: bootjack's own follows from the id, and the one that servers
/// know an entry by is written down.
fn told_apart(first: &Entry, second: &Entry) -> String {
    let other = |entry: &Entry| match entry.servers.as_slice() {
        [] => "another id",
        _ => "another type",
    };
    if other(first) == other(second) {
        return format!("give one of the two {}", other(first));
    }
    let each = [first, second].map(|entry| format!("\"{}\" {}", entry.id, other(entry)));
    format!("give {}", each.join(", or "))
}

/// One platform's menu under test.
struct Menu<'a> {
    platform: Platform,
    items: Items<'a>,
    at: &'a Places<'a>,
}

impl Menu<'_> {
    /// `told` holds what was said of another platform already.
    fn check(&self, profile: &Profile, told: &mut Vec<String>, report: &mut Report<'_>) {
        let (lines, types) = (self.lines(profile), self.types(profile));
        let size = self.size(profile).into_iter().chain(self.number());
        let whole = size
            .chain(self.prompt())
            .map(|(m, hint)| (self.at.menu, m, hint));
        for (at, message, hint) in lines.into_iter().chain(types).chain(whole) {
            let key = format!(
                "{at:?} {}",
                message.split(" for ").next().unwrap_or_default()
            );
            if !told.contains(&key) {
                told.push(key);
                report.error(at, message, hint);
            }
        }
    }

    /// Where an entry stands.
    fn place(&self, profile: &Profile, entry: &Entry) -> At {
        let number = profile.menu.entries.iter().position(|e| e.id == entry.id);
        let at = number.and_then(|n| self.at.entries.get(n));
        at.copied().unwrap_or(self.at.menu)
    }

    fn lines(&self, profile: &Profile) -> Vec<(At, String, String)> {
        let wrong = self.items.entries.iter().filter_map(|entry| {
            let why = unshown(&entry.title)?;
            let plain = deunicode::deunicode_with_tofu(&entry.title, "?");
            let hint = match unshown(&plain) {
                None => format!("write \"{plain}\""),
                Some(_) => format!("write it in ASCII, with at most {MAX_LINE} characters"),
            };
            Some((
                self.place(profile, entry),
                format!("the title of \"{}\" {why}", entry.id),
                hint,
            ))
        });
        wrong.collect()
    }

    fn types(&self, profile: &Profile) -> Vec<(At, String, String)> {
        let mut known: BTreeMap<u16, &Entry> = BTreeMap::new();
        let mut wrong = Vec::new();
        for entry in &self.items.entries {
            let kind = entry.item_type;
            let first = *known.entry(kind).or_insert(entry);
            if first.id != entry.id && kind != LOCAL {
                let message = format!(
                    "\"{}\" and \"{}\" have the same boot server type, {kind}",
                    first.id, entry.id
                );
                let hint = told_apart(first, entry);
                wrong.push((self.place(profile, entry), message, hint));
            }
        }
        wrong
    }

    fn prompt(&self) -> Option<(String, String)> {
        let why = unshown(self.items.prompt)?;
        let message = format!("the title, which the firmware writes above its menu, {why}");
        Some((
            message,
            "give the menu a prompt for the firmware".to_owned(),
        ))
    }

    fn number(&self) -> Option<(String, String)> {
        let number = self.items.entries.len();
        (number > MAX_ITEMS).then(|| {
            let message = format!(
                "{number} entries for {}; firmware shows {MAX_ITEMS}",
                self.platform
            );
            (
                message,
                "leave some out, or give them to other architectures".to_owned(),
            )
        })
    }

    /// The addresses are any: all are of one length.
    fn size(&self, profile: &Profile) -> Option<(String, String)> {
        let menu = self.items.told(profile, Ipv4Addr::LOCALHOST);
        let over = menu.len().checked_sub(MAX_BYTES).filter(|over| *over > 0)?;
        let message = format!(
            "the menu for {} has {} bytes, {over} more than firmware reads",
            self.platform,
            menu.len()
        );
        let titles: usize = menu.items.iter().map(|(_, line)| line.len()).sum();
        let hint = format!(
            "shorten the titles (together {titles} bytes) and the prompt, or leave entries out: each takes 10 bytes and its title"
        );
        Some((message, hint))
    }
}
