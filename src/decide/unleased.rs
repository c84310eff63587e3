//! A lease that is not fetched for a machine behind a relay: whoever can send to port 67 can say that he is
//! one, so in mode `proxy` only the servers that the operator names are asked for such machines
//! ([`Relays::Everybody`]). Where none is named, this is what the answer lacks.
//!
//! Absent on purpose: leases that were asked for and did not come (room `relay`).

use std::fmt;
use std::net::Ipv4Addr;

use super::strategy::By;
use super::{Incoming, Port};
use crate::profile::{Relays, Snapshot};
use crate::wire::dhcp::Kind;

/// What would have been `augment`, had a DHCP server been named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unleased {
    /// The relay that it comes through.
    pub relay: Ipv4Addr,
    /// Who would have chosen it.
    pub by: By,
}

impl Unleased {
    /// The relay of a DISCOVER for which a lease would be fetched if a server were named.
    pub(super) fn relay(
        snapshot: &Snapshot,
        incoming: Incoming<'_>,
        kind: Kind,
    ) -> Option<Ipv4Addr> {
        let message = incoming.message;
        let offer = incoming.port == Port::Dhcp && kind == Kind::Offer;
        let only_unnamed = snapshot.relays == Relays::Link
            && !snapshot.relays.serve(message)
            && Relays::Everybody.serve(message);
        (offer && only_unnamed).then_some(message.giaddr)
    }
}

impl fmt::Display for Unleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relay, by } = self;
        write!(
            f,
            "it comes through the relay {relay}, and no DHCP server is named: so no lease is fetched for it, and it is \
             offered its loader alone, though augment would be its strategy ({by}); name the server that gives it its \
             lease: --dhcp-server, or dhcp-server in the config file"
        )
    }
}
