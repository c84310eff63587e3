//! Which entries a menu has for everybody: those of the profile, and those found below the image folder.
//!
//! Absent on purpose: who of the machines sees which (`view`).

use crate::profile::boot_server::type_of;
use crate::profile::{Action, Entry, Installed, PerArch, Profile, Snapshot, Target, Template};

/// The profile's entries, then one for each distribution found installed.
pub(super) fn all(snapshot: &Snapshot, profile: &Profile) -> Vec<Entry> {
    let found = snapshot
        .installed
        .iter()
        .filter(|_| profile.menu.installed)
        .map(installed);
    profile.menu.entries.iter().cloned().chain(found).collect()
}

fn installed(found: &Installed) -> Entry {
    let path = |file: &str| Target::Path(format!("{}/{file}", found.name));
    let id = found.name.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    });
    let id = format!("installed-{}", id.collect::<String>());
    Entry {
        item_type: type_of(&id),
        id,
        title: found.name.clone(),
        arch: Vec::new(),
        action: Action::Linux {
            kernel: PerArch::All(path(&found.kernel)),
            initrd: PerArch::All(vec![path(&found.initrd)]),
            args: PerArch::All(Template::default()),
        },
        servers: Vec::new(),
    }
}
