//! The shapes of replies, as a table: whom a shape serves, and on what evidence.
//!
//! No single reply suits every machine (facts, quirks 3, 4, 8, 11, 14, 17, 27), so a shape is a row
//! and not code in the reply builder. The first row that serves a client is taken.

use serde::Serialize;

use crate::client::{Class, Client, Stage};
use crate::network::PxeShape;
use crate::wire::pxe::{CLASS_HTTP, CLASS_PXE};

/// One shape of reply.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Strategy {
    /// The name in events, metrics and `explain`.
    pub name: &'static str,
    /// Option 60 of the reply, where it has one.
    #[serde(skip)]
    pub class: Option<&'static [u8]>,
    /// Whether the reply carries 43{6=8}: "boot this file, ask nobody else".
    pub boot_at_once: bool,
    /// Whether the reply names the loader; `false`: only the one from port 4011 does.
    pub names_loader: bool,
    /// Whether the client is expected to come to port 4011.
    pub asks_4011: bool,
    /// Why this shape, and where that is on record.
    pub evidence: &'static str,
    #[serde(skip)]
    whom: Whom,
}

#[derive(Debug, PartialEq, Eq)]
enum Whom {
    Http,
    Ipxe,
    Uefi,
    Everyone,
    Shape(PxeShape),
    Chosen,
}

/// The table of a proxy's replies. The last row serves everyone, so there is always one.
pub const STRATEGIES: [Strategy; 4] = [
    Strategy {
        name: "http-uri",
        class: Some(CLASS_HTTP),
        boot_at_once: false,
        names_loader: true,
        asks_4011: false,
        evidence: "UEFI HTTP boot takes its URI from the OFFER, also from a proxy's, and never asks 4011; \
                   option 60 must be HTTPClient (EDK2 HttpBootDhcp4.c)",
        whom: Whom::Http,
    },
    Strategy {
        name: "ipxe-uri",
        class: Some(CLASS_PXE),
        boot_at_once: true,
        names_loader: true,
        asks_4011: false,
        evidence: "iPXE consumes a proxy OFFER with siaddr and a file name, which may be a URI; \
                   43{6=8} keeps it from 4011 (iPXE dhcp.c)",
        whom: Whom::Ipxe,
    },
    Strategy {
        name: "offer-4011",
        class: Some(CLASS_PXE),
        boot_at_once: false,
        names_loader: true,
        asks_4011: true,
        evidence: "UEFI firmware mishandles a self-sufficient OFFER on some boards, and takes one without option 43 \
                   to port 4011 at siaddr (quirks 3 and 7; EDK2 PxeBcDhcp4.c)",
        whom: Whom::Uefi,
    },
    Strategy {
        name: "self-sufficient",
        class: Some(CLASS_PXE),
        boot_at_once: true,
        names_loader: true,
        asks_4011: false,
        evidence: "BIOS ROMs of PXE 2.x boot at once from siaddr and file with 43{6=8}; \
                   the few that still ask 4011 are answered there (quirk 5)",
        whom: Whom::Everyone,
    },
];

/// The table of leases with boot data in them (facts, section 0, kind 1). The last row serves
/// everyone whose shape is not set.
pub const LEASES: [Strategy; 5] = [
    Strategy {
        name: "lease-http",
        class: Some(CLASS_HTTP),
        boot_at_once: false,
        names_loader: true,
        asks_4011: false,
        evidence: "UEFI HTTP boot takes an OFFER for its own that has option 60 HTTPClient and the URI, \
                   and drops one with 60 and no URI (EDK2 HttpBootDhcp4.c)",
        whom: Whom::Http,
    },
    Strategy {
        name: "lease-ipxe",
        class: None,
        boot_at_once: false,
        names_loader: true,
        asks_4011: false,
        evidence: "iPXE boots from the lease's file name, which may be a URI; option 175.176 keeps it \
                   from waiting for a proxy (quirk 32; iPXE dhcp.c)",
        whom: Whom::Ipxe,
    },
    Strategy {
        name: "lease-single-offer",
        class: Some(CLASS_PXE),
        boot_at_once: true,
        names_loader: true,
        asks_4011: false,
        evidence: "option 60 with 43{6=8} and the file in OFFER and ACK: everything in one offer, for \
                   firmware that waits for a proxy or ignores one (quirks 12 and 14; set by `pxe`)",
        whom: Whom::Shape(PxeShape::SingleOffer),
    },
    Strategy {
        name: "lease-4011",
        class: Some(CLASS_PXE),
        boot_at_once: false,
        names_loader: false,
        asks_4011: true,
        evidence: "option 60 and nothing else sends firmware to port 4011 for its loader, as beside \
                   a DHCP server of its own (facts, section 0, kind 2; set by `pxe`)",
        whom: Whom::Shape(PxeShape::Offer4011),
    },
    Strategy {
        name: "lease-plain",
        class: None,
        boot_at_once: false,
        names_loader: true,
        asks_4011: false,
        evidence: "EDK2, iPXE and ROMs boot from a lease with a file name; option 60 without 43 would send \
                   EDK2 to port 4011 (facts, section 0, kind 1; quirks 7 and 17)",
        whom: Whom::Everyone,
    },
];

/// The reply to firmware that shows the menu by itself.
pub const MENU: Strategy = Strategy {
    name: "menu",
    class: Some(CLASS_PXE),
    boot_at_once: false,
    names_loader: true,
    asks_4011: false,
    evidence: "the profile says `loader: firmware`: EDK2 and iPXE show a menu of 43{6=3, 8, 9, 10} and ask \
               each item's servers (facts B; PxeBcBoot.c, pxemenu.c); the file is for firmware that shows none",
    whom: Whom::Chosen,
};

/// The reply to what was chosen in it.
pub const BOOT_ITEM: Strategy = Strategy {
    name: "boot-item",
    class: Some(CLASS_PXE),
    boot_at_once: false,
    names_loader: true,
    asks_4011: false,
    evidence: "firmware takes an ACK from port 4011 or 67 that names a file and has its 43.71 in it \
               (facts A, boot-server discovery)",
    whom: Whom::Chosen,
};

/// The shape of this client's lease, where `shape` is what its network, profile or reservation
/// says. iPXE and HTTP boot have one shape alone.
pub fn for_lease(client: &Client, shape: PxeShape) -> &'static Strategy {
    let [http, ipxe, single, ask, plain] = &LEASES;
    [http, ipxe, single, ask]
        .into_iter()
        .find(|row| row.whom == Whom::Shape(shape) || serves(&row.whom, client))
        .unwrap_or(plain)
}

/// The shape of a proxy's reply for this client.
pub fn for_client(client: &Client) -> &'static Strategy {
    let [http, ipxe, uefi, rest] = &STRATEGIES;
    [http, ipxe, uefi]
        .into_iter()
        .find(|row| serves(&row.whom, client))
        .unwrap_or(rest)
}

fn serves(whom: &Whom, client: &Client) -> bool {
    match whom {
        Whom::Http => client.class == Class::Http,
        Whom::Ipxe => client.stage == Stage::Ipxe,
        Whom::Uefi => client.platform().is_efi(),
        Whom::Everyone => true,
        Whom::Shape(_) | Whom::Chosen => false,
    }
}
