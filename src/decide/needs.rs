//! Which machines take lease and loader of one server alone, as far as that can be told before one asks: what
//! `doctor` goes by where a DHCP server answers no relay agents.
//!
//! By the same words as the decision itself. Absent on purpose: our own rows of the quirk table, for nobody
//! knows whether such a machine is on the LAN.

use super::loader::{first, reads_the_ack};
use crate::client::quirk::Changes;
use crate::client::{Past, Shape};
use crate::profile::Profile;
use crate::wire::Platform;

/// Whether a profile has machines of this platform have both of one server: it pins `augment`, or names them a
/// loader that reads the ACK of its lease alone.
pub fn by_profile(profile: &Profile, platform: Platform) -> bool {
    let pinned = profile.strategy.as_ref();
    match pinned.and_then(|each| each.get(platform)) {
        Some(shape) => *shape == Shape::Augment,
        None => first(profile, platform).is_some_and(reads_the_ack),
    }
}

/// Whether an operator's row does.
pub fn by_row(changes: &Changes) -> bool {
    let shapes = changes.strategies.as_ref();
    let augments = shapes.and_then(|shapes| shapes.first()) == Some(&Shape::Augment);
    augments || changes.loader.as_deref().is_some_and(reads_the_ack)
}

/// Whether what was learnt of a machine does.
pub fn by_past(past: &Past) -> bool {
    past.shape == Some(Shape::Augment) || past.has_secure_boot()
}
