//! What profiles say that comes to nothing on this host, in the mode served: a shape that the mode does not have, and
//! entries of other servers that are this one. Warnings, since the same profiles may be served elsewhere.
//!
//! Absent on purpose: shapes that firmware does not take (`profile/pinned`, whatever the mode).

use super::Places;
use super::at::Pen;
use crate::client::Shape;
use crate::profile::{Part, PerArch, Profile, Profiles, Relays};
use crate::service::interfaces;
use crate::yaml::Finding;

/// All of it.
pub fn check(places: &Places, profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    let mut findings = asked(profiles, pen);
    findings.extend(pinned(places, profiles, pen));
    findings
}

/// The lease of another DHCP server is fetched in mode `proxy` alone.
fn pinned(places: &Places, profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    if places.relays() != Relays::Nobody {
        return Vec::new();
    }
    let wrong = profiles.all().filter(|profile| pins_augment(profile));
    let wrong = wrong.map(|profile| {
        let message = format!(
            "strategy {} of \"{}\" has no effect in mode {}: the lease of another DHCP server is fetched in mode proxy alone",
            Shape::Augment,
            profile.name,
            places.mode.name()
        );
        let hint = "take it out, or serve in mode proxy";
        pen.warning((profile, Part::Strategy), message, hint)
    });
    wrong.collect()
}

fn pins_augment(profile: &Profile) -> bool {
    let mut pinned = profile.strategy.iter().flat_map(PerArch::values);
    pinned.any(|shape| *shape == Shape::Augment)
}

/// Entries that other servers are said to have, by an address of this very host.
fn asked(profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    let own = interfaces::addresses();
    let entries = profiles
        .all()
        .flat_map(|profile| (profile.menu.entries.iter().enumerate()).map(move |e| (profile, e)));
    let wrong = entries.filter_map(|(profile, (number, entry))| {
        let address = entry.asks_in_vain(&own)?;
        let message = format!(
            "the servers of \"{}\" name {address}, which is this host, and nothing says what it boots",
            entry.id
        );
        let hint = "write self in its place, and one of linux, loader, chain, ipxe, image";
        Some(pen.warning((profile, Part::Entry(number)), message, hint))
    });
    wrong.collect()
}
