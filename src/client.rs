//! Who is asking, and at which stage of its boot.
//!
//! * [`Client`]: everything a DHCP packet tells about a machine
//! * [`Cut`]: how a chain loop of a machine is cut
//! * [`Choice`]: what its user chose in a menu that its firmware showed; what it has behind it
//! * [`Stage`]: which program speaks now
//! * [`quirk`]: firmware oddities as data, and what is done about them
//! * [`Shape`]: the shapes of replies by name; [`Ladder`]: those that may be tried with a client
//! * [`Side`]: whether a machine is on our link or beyond it
//! * [`Registry`]: what was last seen of each machine, and which machine an IP address belongs to;
//!   bounded, the machine unseen for longest leaves first
//! * [`Recent`]: a map that knows what was touched longest ago
//! * [`progress`]: whether machines follow what they are offered, and what is tried next
//! * [`Loaders`]: what is known of the loader that an address runs
//! * [`Serial`]: the number by which a Raspberry Pi names the folder of its files
//! * [`identify`]: a decoded DHCP message → [`Client`]

mod choice;
mod cut;
mod identify;
mod ladder;
mod loaders;
pub mod progress;
pub mod quirk;
mod recent;
mod registry;
mod serial;
mod shape;
mod side;
mod stage;

use std::net::Ipv4Addr;

use serde::Serialize;

use self::quirk::Behaviour;
use crate::wire::pxe::IpxeFeatures;
use crate::wire::{Arch, Mac, Platform, Uuid};

pub use choice::Choice;
pub use cut::Cut;
pub use identify::{NotBooting, identify, identify_classless};
pub use ladder::Ladder;
pub use loaders::{Boot, Loaders};
pub use recent::Recent;
pub use registry::Registry;
pub use serial::Serial;
pub use shape::{PxeShape, Shape};
pub use side::Side;
pub use stage::Stage;

/// The vendor class under which a client asks (option 60).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// `PXEClient…`: loader over TFTP, or whatever the stage can
    Pxe,
    /// `HTTPClient…`: UEFI HTTP boot, wants a URI
    Http,
}

/// What else than its hardware address and UUID a reservation can know a machine by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KnownBy {
    /// Option 61, where it sends one.
    #[serde(skip)]
    pub client_id: Option<Box<[u8]>>,
    /// Its relay's circuit id (option 82.1).
    #[serde(skip)]
    pub circuit: Option<Box<[u8]>>,
}

impl KnownBy {
    /// What is known, and where nothing is, what was known before.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        Self {
            client_id: self.client_id.or_else(|| before.client_id.clone()),
            circuit: self.circuit.or_else(|| before.circuit.clone()),
        }
    }
}

/// One machine as it showed itself in its last DHCP packet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    /// Its hardware address: the key under which everything about it is kept (quirk 22).
    pub mac: Mac,
    /// Its UUID, where it sends a sane one.
    pub uuid: Option<Uuid>,
    /// Architectures in the order of option 93, else from the class string; never empty.
    pub archs: Vec<Arch>,
    /// PXE or HTTP.
    pub class: Class,
    /// Who speaks.
    pub stage: Stage,
    /// UNDI major and minor version from option 94, else from the class string.
    pub undi: Option<(u8, u8)>,
    /// Option 60 as text, at most [`MAX_CLASS`] bytes of it; what is no text is shown as such.
    pub vendor_class: Box<str>,
    /// Option 77 likewise, without the lengths of RFC 3004; empty where it sends none.
    pub user_class: Box<str>,
    /// What iPXE says it can do; `None` where it says nothing.
    pub ipxe: Option<IpxeFeatures>,
    /// Its own address, where it has one.
    pub ip: Option<Ipv4Addr>,
    /// An address in its subnet: its own, else the link its relay selects (RFC 3527), else the
    /// relay's, else ours on the interface it came by.
    pub network: Ipv4Addr,
    /// Whether it is on our link.
    #[serde(skip)]
    pub side: Side,
    /// Its client identifier and circuit.
    #[serde(skip)]
    pub known_by: KnownBy,
    /// The firmware that loaded the iPXE that speaks; `None` where it is a card's own, or another
    /// program speaks.
    #[serde(skip)]
    pub loaded_by: Option<Stage>,
    /// What was chosen in the menu that its firmware showed.
    #[serde(skip)]
    pub chosen: Option<Choice>,
    /// What earlier boots of it have shown.
    #[serde(skip)]
    pub past: Past,
}

/// What earlier boots of a machine have shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// What it was seen to do.
    pub seen: Vec<Behaviour>,
    /// The shape to go on with.
    pub shape: Option<Shape>,
    /// How its chain loop is cut, where it is in one.
    pub cut: Option<Cut>,
}

impl Past {
    /// As it is for the HTTP boot of the same firmware: Secure Boot goes for that too, the rest is PXE's.
    #[must_use]
    pub fn of_http_boot(self) -> Self {
        let secure = |seen: &Behaviour| *seen == Behaviour::SecureBoot;
        Self {
            seen: self.seen.into_iter().filter(secure).collect(),
            ..Self::default()
        }
    }

    /// Whether its firmware was seen to refuse what is not signed.
    pub fn has_secure_boot(&self) -> bool {
        self.seen.contains(&Behaviour::SecureBoot)
    }
}

/// The longest class that is kept, in bytes: what one option holds (RFC 2132 2).
pub const MAX_CLASS: usize = 255;

impl Client {
    /// A machine of which no more is known: BIOS, as all BOOTP clients were.
    pub fn unknown(mac: Mac, network: Ipv4Addr) -> Self {
        Self {
            mac,
            uuid: None,
            archs: vec![Arch::BIOS],
            class: Class::Pxe,
            stage: Stage::Rom,
            undi: None,
            vendor_class: Box::default(),
            user_class: Box::default(),
            ipxe: None,
            ip: None,
            network,
            side: Side::Link,
            known_by: KnownBy::default(),
            loaded_by: None,
            chosen: None,
            past: Past::default(),
        }
    }

    /// The first architecture it named.
    pub fn arch(&self) -> Arch {
        self.archs.first().copied().unwrap_or(Arch::BIOS)
    }

    /// Whether this is its UUID, in either byte order.
    pub fn has_uuid(&self, uuid: Uuid) -> bool {
        self.uuid
            .is_some_and(|own| own == uuid || own.swapped() == uuid)
    }

    /// The platform of its first architecture that we know, else of the first.
    pub fn platform(&self) -> Platform {
        let known = self
            .archs
            .iter()
            .map(|a| a.platform())
            .find(|p| *p != Platform::Other);
        known.unwrap_or(Platform::Other)
    }
}
