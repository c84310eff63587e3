//! What is to be started under Secure Boot on a platform: by the entries of profiles, each file once.
//!
//! A file that says that it is built for another platform is none of this one's, unless the profile names the
//! two together: a kernel for x64 is looked at as one for x64, though machines of IA32 can boot it.

use std::collections::HashSet;

use crate::firmware::secure::Starter;
use crate::profile::{Action, Entry, PerArch, Profile, Profiles, Snapshot, Target};
use crate::wire::Platform;

/// More files are not looked at.
const MAX_FILES: usize = 500;

/// Who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// GRUB, by shim's leave.
    Shim,
    /// The firmware, from its own menu.
    Menu,
    /// The firmware, by its HTTP boot (`http_boot: { entry: … }`).
    Http,
}

impl By {
    /// Whose keys count.
    pub(super) const fn starter(self) -> Starter {
        match self {
            Self::Shim => Starter::Shim,
            Self::Menu | Self::Http => Starter::Firmware,
        }
    }
}

/// What will be started.
pub(super) struct Wanted<'p> {
    /// The first profile that has it.
    pub(super) profile: &'p Profile,
    /// The key that names it; `None`: it was found below the image folder.
    pub(super) key: Option<&'static str>,
    /// As the profile names it.
    pub(super) written: String,
    /// The name in the tree.
    pub(super) name: String,
    pub(super) by: By,
}

/// Everything that is to be started there.
pub(super) fn all<'p>(
    profiles: &'p Profiles,
    platform: Platform,
    tree: &Snapshot,
) -> Vec<Wanted<'p>> {
    let by_shim = profiles.all().filter(|p| p.boots_by_shim(platform));
    let all = by_shim.flat_map(|profile| {
        let named = named(profile, platform, tree);
        let installed = installed(profile, platform, tree);
        let by_http = by_http(profile, platform, tree);
        named.into_iter().chain(installed).chain(by_http)
    });
    let mut seen = HashSet::new();
    all.filter(|w| seen.insert((w.name.clone(), w.by)))
        .take(MAX_FILES)
        .collect()
}

fn named<'p>(profile: &'p Profile, platform: Platform, tree: &Snapshot) -> Vec<Wanted<'p>> {
    let sees = |entry: &Entry| is_seen(entry, platform);
    let has_menu = profile.items(platform, (true, true), sees).is_some();
    let entries = profile.menu.entries.iter();
    let started = entries.filter(|entry| sees(entry) && entry.is_served_here());
    let wanted = started.filter_map(|entry| {
        let Program { key, path, own } = program(&entry.action, platform)?;
        let alone = has_menu && entry.action.boot_program(platform).is_some();
        let name = tree.tree_name(path);
        let meant = own || !entry.arch.is_empty() || tree.starts_program(platform, &name);
        meant.then(|| Wanted {
            profile,
            key: Some(key),
            name,
            written: path.to_owned(),
            by: if alone { By::Menu } else { By::Shim },
        })
    });
    wanted.collect()
}

fn is_seen(entry: &Entry, platform: Platform) -> bool {
    let mut filters = entry.arch.iter();
    entry.arch.is_empty() || filters.any(|filter| filter.platform() == platform)
}

/// What the firmware's HTTP boot is told in the place of a loader, where that is a program.
fn by_http<'p>(profile: &'p Profile, platform: Platform, tree: &Snapshot) -> Option<Wanted<'p>> {
    let target = profile.http_entry(platform, |entry| is_seen(entry, platform))?;
    let mut entries = profile.menu.entries.iter();
    let program = entries.find_map(|entry| {
        let found = program(&entry.action, platform)?;
        (found.key == "loader" && found.path == target.written()).then_some(found)
    })?;
    let name = tree.tree_name(program.path);
    let meant = program.own || tree.starts_program(platform, &name);
    meant.then(|| Wanted {
        profile,
        key: Some(program.key),
        name,
        written: program.path.to_owned(),
        by: By::Http,
    })
}

/// The kernels that `installed: true` shows.
fn installed<'p>(profile: &'p Profile, platform: Platform, tree: &Snapshot) -> Vec<Wanted<'p>> {
    let shown = tree.installed.iter().filter(|_| profile.menu.installed);
    let wanted = shown.map(|found| {
        let path = format!("{}/{}", found.name, found.kernel);
        Wanted {
            profile,
            key: None,
            name: format!("images/{path}"),
            written: path,
            by: By::Shim,
        }
    });
    wanted
        .filter(|wanted| tree.starts_program(platform, &wanted.name))
        .collect()
}

/// What an entry starts.
struct Program<'e> {
    /// The key that names it.
    key: &'static str,
    path: &'e str,
    /// Whether it is named for this platform alone.
    own: bool,
}

/// What an entry starts there; scripts are nothing that GRUB starts.
fn program(action: &Action, platform: Platform) -> Option<Program<'_>> {
    let (key, each) = match action {
        Action::Linux { kernel, .. } => ("kernel", kernel),
        Action::Loader(target) => ("loader", target),
        Action::Chain(target) => ("chain", target),
        Action::Local | Action::Ipxe(_) | Action::Image(_) | Action::Elsewhere => return None,
    };
    let Target::Path(path) = each.get(platform)? else {
        return None;
    };
    let own = matches!(each, PerArch::Each(_));
    let script = path.to_ascii_lowercase().ends_with(".ipxe");
    (!script).then_some(Program { key, path, own })
}
