//! Where a message comes from, and whether it can be its machine's own.
//!
//! Anybody who can send us a packet can name any MAC in it. What a boot client says of itself is
//! believed only as far as where it comes from bears it out:
//! * Its own address, at port 4011 and with an item of a menu, is where the packet comes from. EDK2 and
//!   iPXE send both from the address that they put into `ciaddr` (`PxeBcDhcp4Discover`: `StationIp`;
//!   `dhcp_create_request`), the captures of other ROMs too; a forger from elsewhere would have to be
//!   routed as that address.
//! * On 67, boot clients ask everybody, or a relay asks for them. What a host in another network sends to us
//!   alone without a relay is no boot client's, nor of one who has no address yet. (Renewals are: mode `dhcp` hears those.)
//!
//! Absent on purpose: whether a relay is one. Whoever can send to our port 67 can say that he is.

use super::{Ignore, Incoming, Port, item};
use crate::client::{Registry, Side};
use crate::wire::Mac;

/// Whether a message may be taken for its machine's own.
///
/// # Errors
/// Why it may not.
pub fn believed(incoming: Incoming<'_>) -> Result<(), Ignore> {
    speaks_for_itself(incoming)?;
    comes_by_its_link(incoming)
}

/// Whether a message has come as one to everybody does: over our link, or by a relay. Of port 4011
/// nobody asks that.
///
/// # Errors
/// It has not.
pub fn comes_by_its_link(incoming: Incoming<'_>) -> Result<(), Ignore> {
    match (incoming.port, incoming.side) {
        (Port::Dhcp, Some(Side::Beyond)) if !is_relayed(incoming) => {
            Err(Ignore::NoRelay(*incoming.peer.ip()))
        }
        _ => Ok(()),
    }
}

/// What names the sender's address comes from there. A relay speaks for others on 67 alone.
fn speaks_for_itself(incoming: Incoming<'_>) -> Result<(), Ignore> {
    let (named, from) = (incoming.message.ciaddr, *incoming.peer.ip());
    let other = !named.is_unspecified() && !from.is_unspecified() && named != from;
    let for_itself = match incoming.port {
        Port::Pxe => true,
        Port::Dhcp => !is_relayed(incoming) && item::asked(incoming).is_some(),
    };
    if for_itself && other {
        return Err(Ignore::NotItsAddress { named, from });
    }
    Ok(())
}

/// The side of the machine that has sent a message.
pub fn side(known: &Registry, mac: Mac, incoming: Incoming<'_>) -> Side {
    let from = *incoming.peer.ip();
    let by_address = known.side_at(mac, from);
    let relayed = incoming.port == Port::Dhcp && is_relayed(incoming);
    match incoming.side {
        // Of several subnets on one link we may have an address in one.
        Some(Side::Beyond) if !relayed && by_address == Some(Side::Link) => Side::Link,
        Some(side) => side,
        None if relayed => Side::Beyond,
        None => {
            let last = known.by_mac(mac).map(|client| client.side);
            by_address.or(last).unwrap_or(Side::Link)
        }
    }
}

const fn is_relayed(incoming: Incoming<'_>) -> bool {
    !incoming.message.giaddr.is_unspecified()
}
