//! Which shape the boot data of a lease take, and who says so.
//!
//! What is said of one machine goes first: by its reservation, by its profile. Then what its firmware
//! is known to need, a row of the quirk table; and then what is said of a place (pool, subnet, network,
//! all of `dhcp:`), which speaks of every machine there. So `pxe: plain` of a network, which is no more
//! than the default written down, takes no Raspberry Pi its menu.

use std::fmt;
use std::sync::Arc;

use super::Told;
use super::options::place;
use crate::client::PxeShape;
use crate::client::quirk::Treatment;
use crate::decide::lease::Asked;

/// A shape, and how it came to be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shaped {
    /// The shape.
    pub shape: PxeShape,
    /// All that was said, what counts first: who says it, and what.
    said: Vec<(By, PxeShape)>,
}

/// Who says something of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    Reservation,
    Profile,
    /// The row's name, and its evidence.
    Row(Arc<str>, Arc<str>),
    Place,
    /// It is BOOTP, which has no options.
    Bootp,
}

impl Shaped {
    /// The shape of what is told with this address. BOOTP has no options for any but the plain one.
    pub(super) fn of(asked: &Asked<'_>, told: Told, quirks: &Treatment<'_>) -> Self {
        let said = match told {
            Told::Offer(binding) | Told::Ack(binding) => {
                let own = asked.reservation.and_then(|r| r.terms.pxe);
                let profile = asked.selection.as_ref();
                let profile = profile.and_then(|s| s.profile.terms.pxe);
                let row = quirks.first(|changes| changes.pxe);
                let row = row.map(|(s, row)| (By::Row(row.name.clone(), row.record.clone()), s));
                let place = place(asked, binding.address).and_then(|terms| terms.pxe);
                let all = [
                    own.map(|s| (By::Reservation, s)),
                    profile.map(|s| (By::Profile, s)),
                    row,
                    place.map(|s| (By::Place, s)),
                ];
                all.into_iter().flatten().collect()
            }
            Told::Bootp(_) => vec![(By::Bootp, PxeShape::Plain)],
            Told::Inform | Told::Nak(_) => Vec::new(),
        };
        Self {
            shape: said.first().map(|(_, shape)| *shape).unwrap_or_default(),
            said,
        }
    }
}

/// Who chose it, and who says otherwise.
impl fmt::Display for Shaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((by, _)) = self.said.first() else {
            return f.write_str("the default, for nothing is set");
        };
        write!(f, "{by}")?;
        if let By::Row(_, record) = by
            && !record.is_empty()
        {
            write!(f, ": {record}")?;
        }
        let others = self.said.iter().filter(|(_, shape)| *shape != self.shape);
        for (by, shape) in others {
            write!(f, "; {by} says {}, and counts less", shape.name())?;
        }
        Ok(())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reservation => f.write_str("pxe of its reservation"),
            Self::Profile => f.write_str("pxe of its profile"),
            Self::Row(name, _) => write!(f, "quirk \"{name}\""),
            Self::Place => f.write_str("pxe of its network"),
            Self::Bootp => f.write_str("it asks by BOOTP"),
        }
    }
}
