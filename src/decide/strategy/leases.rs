//! The shapes of leases of our own (mode `dhcp`) with boot data in them.

use super::{PLAIN, Strategy};
use crate::client::quirk::Vendor;
use crate::client::{Class, Client, PxeShape, Stage};
use crate::wire::pxe::CLASS_HTTP;

/// The table of leases with boot data in them (facts, section 0, kind 1).
pub const LEASES: [Strategy; 5] = [
    Strategy {
        name: "lease-http",
        class: Some(CLASS_HTTP),
        evidence: "UEFI HTTP boot takes an OFFER for its own that has option 60 HTTPClient and the URI, \
                   and drops one with 60 and no URI (EDK2 HttpBootDhcp4.c)",
        ..PLAIN
    },
    Strategy {
        name: "lease-ipxe",
        class: None,
        evidence: "iPXE boots from the lease's file name, which may be a URI; option 175.176 keeps it \
                   from waiting for a proxy (quirk 32; iPXE dhcp.c)",
        ..PLAIN
    },
    Strategy {
        name: "lease-single-offer",
        vendor: Vendor::Bypass,
        evidence: "option 60 with 43{6=8} and the file in OFFER and ACK: everything in one offer, for \
                   firmware that waits for a proxy or ignores one (quirk 14; set by `pxe`)",
        ..PLAIN
    },
    Strategy {
        name: "lease-4011",
        names_loader: false,
        asks_4011: true,
        evidence: "option 60 and nothing else sends firmware to port 4011 for its loader, as beside \
                   a DHCP server of its own (facts, section 0, kind 2; set by `pxe`)",
        ..PLAIN
    },
    Strategy {
        name: "lease-plain",
        class: None,
        evidence: "EDK2, iPXE and ROMs boot from a lease with a file name; option 60 without 43 would send \
                   EDK2 to port 4011 (facts, section 0, kind 1; quirks 7 and 17)",
        ..PLAIN
    },
];

/// A lease with a menu that the firmware shows.
pub static LEASE_MENU: Strategy = Strategy {
    name: "lease-menu",
    vendor: Vendor::Menu,
    evidence: "a lease with option 60 and the menu in 43, in OFFER and ACK, is one that firmware shows the menu \
               of (facts, section 0, kind 1; EDK2's DhcpPxe10; iPXE pxemenu.c)",
    ..PLAIN
};

/// The shape of this client's lease, where `shape` is what its network, profile or reservation
/// says. iPXE and HTTP boot have one shape alone.
pub fn for_lease(client: &Client, shape: PxeShape) -> &'static Strategy {
    let [http, ipxe, single, ask, plain] = &LEASES;
    match (client.class, client.stage, shape) {
        (Class::Http, ..) => http,
        (_, Stage::Ipxe, _) => ipxe,
        (_, _, PxeShape::SingleOffer) => single,
        (_, _, PxeShape::Offer4011) => ask,
        (_, _, PxeShape::Plain) => plain,
    }
}
