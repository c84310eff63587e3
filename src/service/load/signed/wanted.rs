//! What is to be started under Secure Boot on a platform: by the entries of profiles, each file once.

use std::collections::HashSet;

use crate::firmware::secure::Starter;
use crate::profile::{Action, Entry, Profile, Profiles, Snapshot, Target};
use crate::wire::Platform;

/// More files are not looked at.
const MAX_FILES: usize = 500;

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
    pub(super) starter: Starter,
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
        named.into_iter().chain(installed(profile, tree))
    });
    let mut seen = HashSet::new();
    all.filter(|w| seen.insert((w.name.clone(), w.starter)))
        .take(MAX_FILES)
        .collect()
}

fn named<'p>(profile: &'p Profile, platform: Platform, tree: &Snapshot) -> Vec<Wanted<'p>> {
    let sees = |entry: &Entry| {
        let mut filters = entry.arch.iter();
        entry.arch.is_empty() || filters.any(|filter| filter.platform() == platform)
    };
    let has_menu = profile.items(platform, (true, true), sees).is_some();
    let entries = profile.menu.entries.iter();
    let started = entries.filter(|entry| sees(entry) && entry.is_served_here());
    let wanted = started.filter_map(|entry| {
        let (key, path) = program(&entry.action, platform)?;
        let alone = has_menu && entry.action.boot_program(platform).is_some();
        Some(Wanted {
            profile,
            key: Some(key),
            name: tree.tree_name(path),
            written: path.to_owned(),
            starter: if alone {
                Starter::Firmware
            } else {
                Starter::Shim
            },
        })
    });
    wanted.collect()
}

/// The kernels that `installed: true` shows.
fn installed<'p>(profile: &'p Profile, tree: &Snapshot) -> Vec<Wanted<'p>> {
    let shown = tree.installed.iter().filter(|_| profile.menu.installed);
    let wanted = shown.map(|found| {
        let path = format!("{}/{}", found.name, found.kernel);
        Wanted {
            profile,
            key: None,
            name: format!("images/{path}"),
            written: path,
            starter: Starter::Shim,
        }
    });
    wanted.collect()
}

/// What an entry starts, and the key that names it; scripts are nothing that GRUB starts.
fn program(action: &Action, platform: Platform) -> Option<(&'static str, &str)> {
    let (key, target) = match action {
        Action::Linux { kernel, .. } => ("kernel", kernel.get(platform)?),
        Action::Loader(target) => ("loader", target.get(platform)?),
        Action::Chain(target) => ("chain", target.get(platform)?),
        Action::Local | Action::Ipxe(_) | Action::Image(_) | Action::Elsewhere => return None,
    };
    let Target::Path(path) = target else {
        return None;
    };
    let script = path.to_ascii_lowercase().ends_with(".ipxe");
    (!script).then_some((key, path))
}
