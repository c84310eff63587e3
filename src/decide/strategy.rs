//! The shapes of replies, as tables: what each is on the wire, and on what evidence; and which one a
//! client gets.
//!
//! No single reply suits every machine (facts, quirks 3, 4, 8, 11, 14, 17, 27), so a shape is a row
//! and not code in the reply builder. Which shapes a client's firmware takes, and in which order they
//! are tried, say the rows of [`quirk`](crate::client::quirk); a profile may pin one.

mod leases;

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::client::progress::{Firmware, Offered, Windows};
use crate::client::quirk::{FileIn, Quirk, Treatment, Vendor};
use crate::client::{Class, Client, Ladder, Shape, Stage};
use crate::profile::Profile;
use crate::wire::pxe::{CLASS_HTTP, CLASS_PXE};
pub use leases::{LEASE_MENU, LEASES, for_lease};

/// One shape of reply.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Strategy {
    /// The name in events, metrics and `explain`.
    pub name: &'static str,
    /// Option 60 of the reply, where it has one.
    #[serde(skip)]
    pub class: Option<&'static [u8]>,
    /// What option 43 holds: with `bypass`, "boot this file, ask nobody else".
    #[serde(skip)]
    pub vendor: Vendor,
    /// Where the loader's name goes; `None`: see [`Form::file`](super::form).
    #[serde(skip)]
    pub file: Option<FileIn>,
    /// Whether an OFFER or a lease names the loader; `false`: only the reply from port 4011 does.
    pub names_loader: bool,
    /// Whether the client is expected to come to port 4011.
    pub asks_4011: bool,
    /// How long an OFFER waits.
    #[serde(skip)]
    pub delay: Duration,
    /// Options that name the server beside the header.
    #[serde(skip)]
    pub server_options: &'static [u8],
    /// Whether there is a lease in it that is fetched from the LAN's own DHCP server (room `relay`).
    pub leased: bool,
    /// Why this shape, and where that is on record.
    pub evidence: &'static str,
}

/// What a shape is where nothing else is said.
const PLAIN: Strategy = Strategy {
    name: "",
    class: Some(CLASS_PXE),
    vendor: Vendor::None,
    file: None,
    names_loader: true,
    asks_4011: false,
    delay: Duration::ZERO,
    server_options: &[],
    leased: false,
    evidence: "",
};

/// The shape of a proxy's reply.
pub const fn of(shape: Shape) -> &'static Strategy {
    match shape {
        Shape::HttpUri => &HTTP_URI,
        Shape::IpxeUri => &IPXE_URI,
        Shape::Menu => &MENU,
        Shape::Offer4011 => &OFFER_4011,
        Shape::Bare4011 => &BARE_4011,
        Shape::SelfSufficient => &SELF_SUFFICIENT,
        Shape::BypassPrompt => &BYPASS_PROMPT,
        Shape::HeaderOnly => &HEADER_ONLY,
        Shape::RaspberryPi => &RASPBERRY_PI,
        Shape::Delayed => &DELAYED,
        Shape::Augment => &AUGMENT,
    }
}

static HTTP_URI: Strategy = Strategy {
    name: Shape::HttpUri.name(),
    class: Some(CLASS_HTTP),
    evidence: "UEFI HTTP boot takes its URI from the OFFER, also from a proxy's, and never asks 4011; \
               option 60 must be HTTPClient (EDK2 HttpBootDhcp4.c)",
    ..PLAIN
};
static IPXE_URI: Strategy = Strategy {
    name: Shape::IpxeUri.name(),
    vendor: Vendor::Bypass,
    evidence: "iPXE consumes a proxy OFFER with siaddr and a file name, which may be a URI; \
               43{6=8} keeps it from 4011 (iPXE dhcp.c)",
    ..PLAIN
};
static MENU: Strategy = Strategy {
    name: Shape::Menu.name(),
    vendor: Vendor::Menu,
    evidence: "firmware shows the menu of 43.9 and asks port 4011 for the item chosen, of the servers in \
               43.8 (PXE 2.1; EDK2 PxeBcBoot.c; iPXE pxemenu.c); the file is for ESC in EDK2's menu, and for \
               firmware that shows none",
    ..PLAIN
};
/// The reply to what was chosen in such a menu.
pub static BOOT_ITEM: Strategy = Strategy {
    name: "boot-item",
    vendor: Vendor::Menu,
    evidence: "an ACK that names a file and has the 43.71 of the request in it is what EDK2 and iPXE take for \
               the item chosen (facts A, boot-server discovery; EDK2 PxeBcDhcp4Discover; iPXE dhcp.c)",
    ..PLAIN
};
static OFFER_4011: Strategy = Strategy {
    name: Shape::Offer4011.name(),
    asks_4011: Shape::Offer4011.asks_4011(),
    evidence: "UEFI firmware mishandles a self-sufficient OFFER on some boards, and takes one without option 43 \
               to port 4011 at siaddr (quirks 3 and 7; EDK2 PxeBcDhcp4.c)",
    ..PLAIN
};
static BARE_4011: Strategy = Strategy {
    name: Shape::Bare4011.name(),
    names_loader: false,
    asks_4011: Shape::Bare4011.asks_4011(),
    evidence: "an OFFER that names no file leaves nothing to boot before port 4011 was asked: for firmware that \
               takes the file of an OFFER and loses where it is (quirks 3 and 13; facts, section 0, kind 3)",
    ..PLAIN
};
static SELF_SUFFICIENT: Strategy = Strategy {
    name: Shape::SelfSufficient.name(),
    vendor: Vendor::Bypass,
    evidence: "BIOS ROMs of PXE 2.x boot at once from siaddr and file with 43{6=8}; \
               the few that still ask 4011 are answered there (quirk 5)",
    ..PLAIN
};
static BYPASS_PROMPT: Strategy = Strategy {
    name: Shape::BypassPrompt.name(),
    vendor: Vendor::BypassPrompt,
    evidence: "43{6=8} with a prompt of no time in 43.10 is what OVMF booted from where an OFFER \
               with 60 alone had sent it to port 4011 (quirk 11, edk2#8149; quirk 20: 43.10 is looked for wherever 43.6 is)",
    ..PLAIN
};
static HEADER_ONLY: Strategy = Strategy {
    name: Shape::HeaderOnly.name(),
    class: None,
    file: Some(FileIn::Header),
    evidence: "siaddr, sname and file of the header, and none of 43, 60 and 67: for a client that takes the header \
               of any reply without an address for it, and stumbles over more (quirks 15, 17 and 30; U-Boot \
               bootp.c, store_bootp_params); a ROM that wants 60 takes it for no offer",
    ..PLAIN
};
static RASPBERRY_PI: Strategy = Strategy {
    name: Shape::RaspberryPi.name(),
    vendor: Vendor::RaspberryPi,
    delay: Duration::from_secs(2),
    server_options: &[66],
    evidence: "a Raspberry Pi looks for \"Raspberry Pi Boot\" in 43.9, for the server in option 66, and starts \
               over when it is answered at once (quirks 27 and 28)",
    ..PLAIN
};
static DELAYED: Strategy = Strategy {
    name: Shape::Delayed.name(),
    vendor: Vendor::Bypass,
    delay: Duration::from_secs(2),
    evidence: "everything in the OFFER, two seconds later: for firmware that takes in the first offer and \
               forgets it, or is not ready for one (quirk 27)",
    ..PLAIN
};

static AUGMENT: Strategy = Strategy {
    name: Shape::Augment.name(),
    vendor: Vendor::Bypass,
    leased: true,
    evidence: "the lease of the LAN's own DHCP server, fetched as a relay agent, and the loader in one OFFER and one \
               ACK: EDK2 ranks an OFFER with both above all others, firmware that ignores proxies sees none, and \
               shim and GRUB ask the server of their lease for files (quirks 8, 12, 13, 14, 17 and 37; EDK2 \
               PxeBcDhcp4.c)",
    ..PLAIN
};
/// The same for UEFI HTTP boot.
static AUGMENT_HTTP: Strategy = Strategy {
    class: Some(CLASS_HTTP),
    vendor: Vendor::None,
    ..AUGMENT
};
/// The same for iPXE, which takes any lease with a file name, and looks for no proxy beside one that
/// tells it so (175.176).
static AUGMENT_IPXE: Strategy = Strategy {
    class: None,
    vendor: Vendor::None,
    ..AUGMENT
};

/// The boot data that go with a lease of another server, for this client.
pub(super) fn augmenting(client: &Client) -> &'static Strategy {
    match (client.class, client.stage) {
        (Class::Http, _) => &AUGMENT_HTTP,
        (_, Stage::Ipxe) => &AUGMENT_IPXE,
        _ => &AUGMENT,
    }
}

/// Who chose a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The profile pins it.
    Profile,
    /// It is what this client was found to follow, or what is tried now because it did not follow
    /// what came before.
    Learnt,
    /// Its loader: it asks the server of its lease for the rest.
    Loader,
    /// This row of the quirk table: its name, and its evidence.
    Row(Arc<str>, Arc<str>),
    /// Nobody: there is no row for such a client.
    Nobody,
}

impl By {
    fn row(row: &Quirk) -> Self {
        Self::Row(row.name.clone(), row.record.clone())
    }

    /// In a word: the row's name, `profile`, `learnt`, `loader`.
    pub fn word(&self) -> &str {
        match self {
            Self::Profile => "profile",
            Self::Learnt => "learnt",
            Self::Loader => "loader",
            Self::Row(name, _) => name,
            Self::Nobody => "none",
        }
    }
}

/// In a word.
impl Serialize for By {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Profile => f.write_str("the profile pins it"),
            Self::Learnt => f.write_str("learnt from this machine's earlier tries"),
            Self::Loader => f.write_str(
                "its loader reads nothing but the ACK of its lease, and asks that server for its files (quirk 37)",
            ),
            Self::Row(name, record) if record.is_empty() => write!(f, "quirk \"{name}\""),
            Self::Row(name, record) => write!(f, "quirk \"{name}\": {record}"),
            Self::Nobody => f.write_str("no quirk tells this machine"),
        }
    }
}

/// The shapes that may be tried with a client, in order, and the row that says so.
pub fn ladder<'t>(client: &Client, treatment: &Treatment<'t>) -> (Ladder, Option<&'t Quirk>) {
    let usable = |shapes: &Vec<Shape>| {
        let usable = shapes.iter().copied().filter(|s| suits(*s, client));
        Some(usable.collect::<Ladder>()).filter(|usable| !usable.is_empty())
    };
    match treatment.first(|changes| changes.strategies.as_ref().and_then(usable)) {
        Some((shapes, row)) => (shapes, Some(row)),
        None => ([usual(client)].into_iter().collect(), None),
    }
}

/// What else than the client itself decides which shapes there are for it.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Whether a lease can be fetched for it from the LAN's own DHCP server.
    pub relays: bool,
    /// Whether the loader that it is named reads nothing but the ACK of its lease.
    pub reads_the_ack: bool,
}

impl Circumstances {
    /// Whether a shape can be had.
    fn has(self, shape: Shape) -> bool {
        self.relays || shape != Shape::Augment
    }
}

/// The shape of a proxy's reply for this client, and who chose it.
pub fn for_client(
    client: &Client,
    profile: &Profile,
    treatment: &Treatment<'_>,
    around: Circumstances,
) -> (&'static Strategy, By) {
    let shaped = |shape| match shape {
        Shape::Augment => augmenting(client),
        shape => of(shape),
    };
    let pinned = profile.strategy.as_ref();
    let pinned = pinned.and_then(|each| each.get(client.platform()).copied());
    if let Some(shape) = pinned.filter(|shape| suits(*shape, client) && around.has(*shape)) {
        return (shaped(shape), By::Profile);
    }
    if around.relays && around.reads_the_ack {
        return (augmenting(client), By::Loader);
    }
    let (ladder, row) = ladder(client, treatment);
    let ladder = ladder.only(|shape| around.has(shape));
    if let Some(shape) = client.past.shape.filter(|shape| ladder.contains(shape)) {
        let first = ladder.first() == Some(&shape);
        return (shaped(shape), if first { chosen(row) } else { By::Learnt });
    }
    let shape = ladder.first().copied().unwrap_or_else(|| usual(client));
    (shaped(shape), chosen(row))
}

/// What an OFFER of this shape is among the shapes that may be tried with firmware; nothing where
/// it is no choice of ours: a profile pins it, or it follows from who asks.
pub fn offered(
    client: &Client,
    (strategy, by): (&'static Strategy, &By),
    (treatment, bypass): (&Treatment<'_>, bool),
    around: Circumstances,
) -> Option<Offered> {
    let shape = Shape::from_name(strategy.name).filter(|shape| shape.is_for_roms())?;
    if matches!(by, By::Profile | By::Loader) || Firmware::of(client).is_none() {
        return None;
    }
    let waits = treatment.set(|changes| changes.windows.as_deref());
    let (ladder, _) = ladder(client, treatment);
    Some(Offered {
        shape,
        ladder: ladder.only(|shape| around.has(shape)),
        windows: Windows::of(waits.unwrap_or_default()),
        bypass,
    })
}

fn chosen(row: Option<&Quirk>) -> By {
    row.map_or(By::Nobody, By::row)
}

/// Whether a client who asks like this can make something of the shape.
fn suits(shape: Shape, client: &Client) -> bool {
    match (client.class, client.stage) {
        (Class::Http, _) => matches!(shape, Shape::HttpUri | Shape::Augment),
        (Class::Pxe, Stage::Ipxe) => matches!(shape, Shape::IpxeUri | Shape::Augment),
        (Class::Pxe, _) => shape.is_for_roms(),
    }
}

/// Where no row says anything.
fn usual(client: &Client) -> Shape {
    match (client.class, client.stage) {
        (Class::Http, _) => Shape::HttpUri,
        (Class::Pxe, Stage::Ipxe) => Shape::IpxeUri,
        (Class::Pxe, _) => Shape::SelfSufficient,
    }
}
