//! Who is shown a menu by its firmware, and the option 43 that says so.

use std::fmt;

use super::Excess;
use super::loader::Here;
use super::strategy;
use crate::client::quirk::Treatment;
use crate::client::{Class, Client, Shape, Stage};
use crate::profile::items::Items;
use crate::profile::{Entry, Profile};
use crate::wire::Platform;

/// The menu that this client's firmware shows by itself; `None` where a loader shows it.
///
/// A card's own iPXE shows it as any ROM does. One that firmware has loaded is a loader, and goes on
/// with what was chosen before; HTTP boot knows no menus, nor does U-Boot, or firmware that
/// reads the header alone or looks for a menu of its own making (quirks 28 and 30). A machine that port 4011 does not
/// answer could choose nothing.
pub fn of<'p>(profile: &'p Profile, client: &Client, quirks: &Treatment<'_>) -> Option<Items<'p>> {
    let (shapes, _) = strategy::ladder(client, quirks);
    let reads = !matches!(shapes.first(), Some(Shape::RaspberryPi | Shape::HeaderOnly));
    let u_boot = matches!(
        client.platform(),
        Platform::UbootArm32 | Platform::UbootArm64
    );
    let answered = quirks.set(|changes| changes.answers_4011) != Some(false);
    if client.class != Class::Pxe || client.loaded_by.is_some() || !reads || u_boot || !answered {
        return None;
    }
    let loader = has_loader_of_its_own(client, quirks);
    let shim = profile.starts_by_shim(client);
    profile.items(client.platform(), (loader, shim), |entry| {
        sees(client, entry)
    })
}

/// Whether a machine whose platform has no loader of ours is told one all the same: a row names it, or
/// it is iPXE, whose script needs none.
fn has_loader_of_its_own(client: &Client, quirks: &Treatment<'_>) -> bool {
    client.stage == Stage::Ipxe || quirks.set(|changes| changes.loader.as_deref()).is_some()
}

/// Option 43 with that menu. One that does not fit (a finding at load, but for machines of several
/// architectures) is left to the loader: no menu is cut.
pub(super) fn option(
    profile: &Profile,
    client: &Client,
    quirks: &Treatment<'_>,
    here: Here,
) -> Option<Vec<u8>> {
    let items = of(profile, client, quirks)?;
    items.told(profile, here.server).encode().ok()
}

/// Why a menu that firmware would show is left to the loader all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoom {
    /// The reply would be larger with it than the client takes.
    Reply(Box<Excess>),
    /// Mode `dhcp`: these options of the operator's would have to be left out for it.
    Options(Vec<u8>),
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for a menu in the firmware: with it ")?;
        match self {
            Self::Reply(excess) => write!(f, "{excess}"),
            Self::Options(codes) => write!(f, "options {codes:?} would have to be left out"),
        }
    }
}

/// Whether an entry is meant for this machine.
pub(super) fn sees(client: &Client, entry: &Entry) -> bool {
    entry.arch.is_empty() || entry.arch.iter().any(|f| f.matches(&client.archs))
}
