//! Whether the operator's own words bring machines to take lease and boot data of one server alone, which
//! bootjack fetches as a relay agent in mode `proxy`.
//!
//! A profile with `secure_boot: true`, with a loader or a `strategy:` that comes to it, or a quirk row that
//! pins it or names such a loader. What every profile would come to with machines that may not be there (ARM64
//! with the usual loader) is none of it.

use crate::client::Shape;
use crate::client::quirk::Quirk;
use crate::decide::loader::reads_the_ack;
use crate::profile::{Loader, Profile};
use crate::wire::Platform;

use super::Loader as Folders;

impl Folders {
    /// Whether a profile or a quirk row asks for it; not where they cannot be read. It blocks on the disk.
    pub fn asks_for_leases(&mut self) -> bool {
        let snapshot = self.load().snapshot;
        snapshot.is_some_and(|snapshot| {
            snapshot.profiles.all().any(of_profile) || snapshot.quirks.own().iter().any(of_row)
        })
    }
}

fn of_profile(profile: &Profile) -> bool {
    let says = |platform: Platform| {
        let pinned = profile
            .strategy
            .as_ref()
            .and_then(|each| each.get(platform));
        let loader = profile.loader.get(platform).copied().unwrap_or_default();
        pinned == Some(&Shape::Augment)
            || loader == Loader::Grub && loader.is_grub(platform)
            || profile.boots_by_shim(platform)
    };
    Platform::NAMED.into_iter().any(says)
}

fn of_row(row: &Quirk) -> bool {
    let changes = &row.changes;
    let tries = |shapes: &Vec<Shape>| shapes.contains(&Shape::Augment);
    changes.strategies.as_ref().is_some_and(tries)
        || changes.loader.as_deref().is_some_and(reads_the_ack)
}
