//! What a message tells of a machine, beside what it is answered: that it boots, that it boots no
//! more, and which address it takes. The service and `explain --pcap` keep the same of it.
//!
//! Absent on purpose: whether machines follow what they are offered (`client::progress`).

use std::net::Ipv4Addr;

use super::{Incoming, Port, item, origin};
use crate::client::{Client, Registry};
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, code};

/// What a boot client has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// An OFFER.
    Discover,
    /// An address by BOOTP.
    Bootp,
    /// The reply of port 4011, or an item of its menu by whichever port.
    Request,
    /// That, from another address than this one, which the machine has asked a DHCP server for: nothing
    /// is kept of it.
    Elsewhere(Ipv4Addr),
}

/// Takes note of the boot client that has sent this, where it is one and asks for boot data. BOOTP is
/// for him who gives leases. Its next message may come by another port at once, so this is before
/// the answer.
pub fn keep(
    clients: &mut Registry,
    client: Option<Client>,
    incoming: Incoming<'_>,
    gives_leases: bool,
) -> Option<Noted> {
    let Some(client) = client else {
        if let Some(mac) = discovers(incoming) {
            let side = origin::side(clients, mac, incoming);
            clients.has_booted(mac, side);
        }
        return None;
    };
    let noted = noted(incoming, gives_leases)?;
    let kept = clients.saw(client);
    Some(kept.map_or_else(Noted::Elsewhere, |()| noted))
}

/// A machine goes on with what it began before we were started: its REQUEST is the first that is heard
/// of it.
pub fn goes_on(clients: &mut Registry, client: &Client) {
    if clients.on(client.mac, client.side).is_none() {
        // Nothing is known that could speak against it.
        let _ = clients.saw(client.clone());
    }
}

fn noted(incoming: Incoming<'_>, gives_leases: bool) -> Option<Noted> {
    if item::asked(incoming).is_some() {
        return Some(Noted::Request);
    }
    match (incoming.port, incoming.message.kind()) {
        (Port::Dhcp, Some(Kind::Discover)) => Some(Noted::Discover),
        (Port::Dhcp, None) if gives_leases => Some(Noted::Bootp),
        (Port::Pxe, Some(Kind::Request)) => Some(Noted::Request),
        _ => None,
    }
}

fn discovers(incoming: Incoming<'_>) -> Option<Mac> {
    let discovers = (incoming.port, incoming.message.kind()) == (Port::Dhcp, Some(Kind::Discover));
    let discovers = discovers && origin::believed(incoming).is_ok();
    incoming.message.mac().filter(|_| discovers)
}

/// A machine has told which address it takes, or was given one: files that are fetched from there later
/// are its own, as far as nobody else is there. Whether it was seen to boot.
pub fn has_address(
    clients: &mut Registry,
    incoming: Incoming<'_>,
    (mac, address): (Mac, Ipv4Addr),
) -> bool {
    let side = origin::side(clients, mac, incoming);
    clients.has_address(mac, side, address)
}

/// The machine that takes an address by this message, a REQUEST on 67: how files it fetches later
/// are known to be its own. That goes for its operating system too.
pub fn lease_taken(incoming: Incoming<'_>) -> Option<(Mac, Ipv4Addr)> {
    let message = incoming.message;
    let leases = message.kind() == Some(Kind::Request) && item::asked(incoming).is_none();
    if incoming.port != Port::Dhcp || !leases || origin::believed(incoming).is_err() {
        return None;
    }
    let renewing = Some(message.ciaddr).filter(|a| !a.is_unspecified());
    let address = message.address(code::REQUESTED_ADDRESS).or(renewing)?;
    Some((message.mac()?, address))
}
