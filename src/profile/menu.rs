//! `menu:` → [`Menu`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use super::entry::{self, Placed};
use super::matching::Match;
use super::model::{Entry, Menu};
use super::schema::MENU;
use super::template::Values;
use super::words::{prompt, timeout, title};
use crate::wire::ArchFilter;
use crate::yaml::{At, Node, Report, Section, Value, kind, similar, text, yes_no};

/// More entries than this make no menu that a screen could show.
const MAX_ENTRIES: usize = 256;

/// A menu and where its entries stand.
#[derive(Debug)]
pub(super) struct Placement {
    /// The menu.
    pub menu: Menu,
    /// Where each entry's id stands, in the order of the entries.
    pub at: Vec<At>,
}

/// Reads the menu; without a title it takes the profile's `name`.
pub(super) fn read(
    node: &Node,
    name: &str,
    sample: &Values,
    report: &mut Report<'_>,
) -> Option<Placement> {
    let section = Section::open(node, &MENU, report)?;
    let headline = section.or("title", name.to_owned(), |n| {
        title(n, "the menu's title", report)
    });
    // Of what is wrong, None may stand in the menu: a file with an error is not used.
    let timeout = section.get("timeout").and_then(|n| timeout(n, report));
    let prompt = match section.get("prompt") {
        Some(node) => prompt(node, report).map(Some),
        None => Some(None),
    };
    let installed = section.or("installed", false, |n| yes_no(n, "installed", report));
    let entries = section.or("entries", Vec::new(), |n| entries(n, sample, report));
    let named = section.get("default");
    let default = named.and_then(|n| default(n, entries.as_deref(), report));
    let (entries, installed) = (entries?, installed?);
    if entries.is_empty() && !installed {
        let hint = "add an entry below entries:, or installed: true".to_owned();
        report.error(section.at, "the menu is empty", hint);
        return None;
    }
    let (entries, at) = entries.into_iter().map(|p| (p.entry, p.at)).unzip();
    let menu = Menu {
        title: headline?,
        timeout,
        default,
        entries,
        installed,
        prompt: prompt?,
    };
    Some(Placement { menu, at })
}

fn entries(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Vec<Placed>> {
    let items = listed(node, report)?;
    let read = items.iter().map(|n| entry::read(n, sample, report));
    let read: Vec<_> = read.collect();
    let unique = unique(read.iter().flatten(), report);
    let read: Option<Vec<_>> = read.into_iter().collect();
    read.filter(|_| unique)
}

fn listed<'n>(node: &'n Node, report: &mut Report<'_>) -> Option<&'n [Node]> {
    let Value::List(items) = &node.value else {
        let message = format!("entries must be a list, not {}", kind(node));
        let hint = "begin every entry with \"- id:\"".to_owned();
        report.error(node.at, message, hint);
        return None;
    };
    let number = items.len();
    if number > MAX_ENTRIES {
        let message = format!("{number} entries; a menu holds at most {MAX_ENTRIES}");
        report.error(node.at, message, None);
        return None;
    }
    Some(items)
}

fn unique<'p>(entries: impl Iterator<Item = &'p Placed>, report: &mut Report<'_>) -> bool {
    let mut seen: BTreeMap<&str, At> = BTreeMap::new();
    let mut unique = true;
    for Placed { entry, at } in entries {
        match seen.entry(&entry.id) {
            Slot::Vacant(slot) => {
                slot.insert(*at);
            }
            Slot::Occupied(first) => {
                unique = false;
                let message = format!("the id \"{}\" is used twice", entry.id);
                report.error(*at, message, format!("first in line {}", first.get().line));
            }
        }
    }
    unique
}

fn default(node: &Node, entries: Option<&[Placed]>, report: &mut Report<'_>) -> Option<String> {
    let wanted = text(node, "default", report)?;
    // Where an entry is wrong, it may be the one that is meant: no second finding.
    let entries = entries?;
    if entries.iter().any(|p| p.entry.id == wanted) {
        return Some(wanted.to_owned());
    }
    let ids = entries.iter().map(|p| p.entry.id.as_str());
    let hint = similar::hint(wanted, ids);
    let message = format!("no entry has the id \"{}\"", wanted.escape_debug());
    report.error(node.at, message, hint);
    None
}

impl Placement {
    /// A menu that stands nowhere.
    pub const fn of(menu: Menu) -> Self {
        let at = Vec::new();
        Self { menu, at }
    }

    /// Warns of entries that none of the profile's machines can boot.
    pub fn warn_of_dead_entries(&self, matching: &Match, report: &mut Report<'_>) {
        let archs: Vec<_> = matching.archs.iter().map(|(arch, _)| *arch).collect();
        let entries = self.menu.entries.iter().zip(&self.at);
        for (entry, at) in entries.filter(|(entry, _)| !entry_serves(entry, &archs)) {
            let message = format!("no machine of this profile can boot \"{}\"", entry.id);
            let hint = "compare the entry's platforms with match: arch".to_owned();
            report.warn(*at, message, hint);
        }
    }
}

/// Whether a machine of one of `archs` (all, where it is empty) can boot the entry.
fn entry_serves(entry: &Entry, archs: &[ArchFilter]) -> bool {
    let shown = |f: ArchFilter| entry.arch.is_empty() || entry.arch.iter().any(|e| e.overlaps(f));
    if archs.is_empty() {
        let every = crate::wire::Platform::NAMED.map(ArchFilter::Platform);
        every
            .into_iter()
            .any(|f| shown(f) && entry.action.serves(f.platform()))
    } else {
        archs
            .iter()
            .any(|f| shown(*f) && entry.action.serves(f.platform()))
    }
}
