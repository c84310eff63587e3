//! The shapes of replies, as a table: whom a shape serves, and on what evidence.
//!
//! No single reply suits every machine (facts, quirks 3, 4, 8, 11, 14, 17, 27), so a shape is a row
//! and not code in the reply builder. The first row that serves a client is taken.

use serde::Serialize;

use crate::client::{Class, Client, Stage};

/// One shape of reply.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Strategy {
    /// The name in events, metrics and `explain`.
    pub name: &'static str,
    /// Option 60 of the reply.
    #[serde(skip)]
    pub class: &'static [u8],
    /// Whether the OFFER carries 43{6=8}: "boot this file, ask nobody else".
    pub boot_at_once: bool,
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
}

/// The table. The last row serves everyone, so there is always one.
pub const STRATEGIES: [Strategy; 4] = [
    Strategy {
        name: "http-uri",
        class: crate::wire::pxe::CLASS_HTTP,
        boot_at_once: false,
        asks_4011: false,
        evidence: "UEFI HTTP boot takes its URI from the OFFER, also from a proxy's, and never asks 4011; \
                   option 60 must be HTTPClient (EDK2 HttpBootDhcp4.c)",
        whom: Whom::Http,
    },
    Strategy {
        name: "ipxe-uri",
        class: crate::wire::pxe::CLASS_PXE,
        boot_at_once: true,
        asks_4011: false,
        evidence: "iPXE consumes a proxy OFFER with siaddr and a file name, which may be a URI; \
                   43{6=8} keeps it from 4011 (iPXE dhcp.c)",
        whom: Whom::Ipxe,
    },
    Strategy {
        name: "offer-4011",
        class: crate::wire::pxe::CLASS_PXE,
        boot_at_once: false,
        asks_4011: true,
        evidence: "UEFI firmware mishandles a self-sufficient OFFER on some boards, and takes one without option 43 \
                   to port 4011 at siaddr (quirks 3 and 7; EDK2 PxeBcDhcp4.c)",
        whom: Whom::Uefi,
    },
    Strategy {
        name: "self-sufficient",
        class: crate::wire::pxe::CLASS_PXE,
        boot_at_once: true,
        asks_4011: false,
        evidence: "BIOS ROMs of PXE 2.x boot at once from siaddr and file with 43{6=8}; \
                   the few that still ask 4011 are answered there (quirk 5)",
        whom: Whom::Everyone,
    },
];

/// The shape for this client.
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
    }
}
