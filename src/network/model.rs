//! The compiled forms of `dhcp:`.
//!
//! Invariants, made by the compiler and relied on everywhere: subnets do not overlap; pools lie in
//! their subnet, without its network and broadcast address, and do not overlap; a reserved address
//! lies in a subnet and is reserved once in its network; option values are encoded and not longer
//! than a message carries. The terms of a subnet hold those of its network and of `dhcp:` itself,
//! the terms of a pool those of its subnet: the more specific one has won.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::links::Links;
use super::reserved::Reservations;
use crate::client::PxeShape;
use crate::wire::{Mac, Uuid, hex_digits};
use crate::yaml::At;

/// All of `dhcp:`. The default is no network at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Networks {
    /// Whether clients of whom there is no record are told NAK; `None`: not set.
    pub authoritative: Option<bool>,
    /// How an address is tried before it is offered.
    pub conflict: Conflict,
    /// How long a declined address, or one that somebody else uses, is left alone.
    pub quarantine: Duration,
    /// When what is acknowledged is on the disk.
    pub syncing: Syncing,
    /// The networks, in the order of the file.
    pub all: Vec<Network>,
    /// Which address belongs to which of them; found at the first question.
    pub links: Links,
    /// All reservations.
    pub reservations: Reservations,
}

/// One link: the subnets that share a wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Its name in events; the first subnet's where none is given.
    pub name: Arc<str>,
    /// Whether option 61 tells clients apart; `false`: `chaddr` alone (quirk 22).
    pub match_client_id: bool,
    /// Its subnets, at least one.
    pub subnets: Vec<Subnet>,
}

/// One IP subnet.
#[derive(Debug, Clone, PartialEq)]
pub struct Subnet {
    /// Its prefix.
    pub net: Ipv4Net,
    /// What it hands out by itself; may be empty (reservations alone).
    pub pools: Vec<Pool>,
    /// What its clients are told, all outer layers included.
    pub terms: Terms,
}

/// A range that addresses are taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its addresses.
    pub range: Range,
    /// Parts of it that are not handed out: inside the range, apart from each other, sorted.
    pub exclude: Vec<Range>,
    /// What clients may ask to have or to avoid ([`Criteria`]).
    pub tags: BTreeSet<String>,
    /// Whether BOOTP clients without a reservation are given addresses from here, for ever.
    pub bootp: bool,
    /// What its clients are told, all outer layers included.
    pub terms: Terms,
}

/// Addresses from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    /// The lowest.
    pub first: Ipv4Addr,
    /// The highest.
    pub last: Ipv4Addr,
}

/// What clients are told beside their address, of one layer or of several merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    /// Options, each number once.
    pub options: Vec<Opt>,
    /// For how long.
    pub lease: LeaseTimes,
    /// In which shape boot data come; `None`: not set.
    pub pxe: Option<PxeShape>,
}

/// One option, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opt {
    /// Its number.
    pub code: u8,
    /// Its value as sent.
    pub value: Box<[u8]>,
    /// Whether it is sent also to a client that did not ask for it.
    pub always: bool,
}

/// Lease times in seconds; `None`: not set. [`u32::MAX`] is for ever (RFC 2131 3.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeaseTimes {
    /// The shortest that a client may ask for.
    pub min: Option<u32>,
    /// For a client that asks for none.
    pub default: Option<u32>,
    /// The longest that a client may ask for.
    pub max: Option<u32>,
}

/// Trying an address before it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// How.
    pub method: ConflictMethod,
    /// How long an answer is waited for.
    pub wait: Duration,
}

/// How an address is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictMethod {
    /// `auto`: ARP on our own link, ICMP echo behind a relay
    #[default]
    Auto,
    /// `arp`: on our own link alone
    Arp,
    /// `ping`: ICMP echo everywhere
    Ping,
    /// `off`: not at all
    Off,
}

/// When leases are synced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Syncing {
    /// `each`: before their clients are told; nothing acknowledged is ever lost
    #[default]
    Each,
    /// `lazy`: every second; a crash of the machine, or of bootjack, may lose the last one's, and
    /// their addresses may then be offered to others (conflict detection catches those that answer)
    Lazy,
}

impl Default for Conflict {
    /// A quarter of a second: hosts on a LAN answer ARP within milliseconds, and EDK2 and iPXE
    /// wait at least a second for an OFFER.
    fn default() -> Self {
        Self {
            method: ConflictMethod::Auto,
            wait: Duration::from_millis(250),
        }
    }
}

/// An address, or other terms, kept for one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// Whom it is for.
    pub whom: Whom,
    /// The address; `None`: any of a pool.
    pub address: Option<Ipv4Addr>,
    /// The name it is told (option 12).
    pub host_name: Option<String>,
    /// The profile it gets, by name, whatever the profiles match.
    pub profile: Option<Arc<str>>,
    /// What it is told.
    pub terms: Terms,
    /// Where it stands in the config file.
    pub at: At,
}

/// What a reservation knows its client by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whom {
    /// `chaddr`
    Mac(Mac),
    /// Option 61, all of it
    ClientId(Box<[u8]>),
    /// Option 97, in either byte order
    Uuid(Uuid),
    /// The relay agent's circuit id (option 82.1, RFC 3046)
    Circuit(Box<[u8]>),
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, bytes) = match self {
            Self::Mac(mac) => return write!(f, "mac {mac}"),
            Self::Uuid(uuid) => return write!(f, "uuid {uuid}"),
            Self::ClientId(id) => ("client-id", id),
            Self::Circuit(id) => ("circuit-id", id),
        };
        write!(f, "{what} {}", hex_digits(bytes))
    }
}

/// What a client shows that a reservation can know it by.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// `chaddr`
    pub mac: Mac,
    /// Option 61.
    pub client_id: Option<&'a [u8]>,
    /// Option 97, where it is sane.
    pub uuid: Option<Uuid>,
    /// Option 82.1.
    pub circuit: Option<&'a [u8]>,
}

/// Which pools a client may have an address from: those that carry every tag of `include` and
/// none of `exclude` (facts, extension points 10 and 11: selection criteria).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Criteria {
    /// Tags a pool must carry.
    pub include: BTreeSet<String>,
    /// Tags it must not carry.
    pub exclude: BTreeSet<String>,
}

impl Default for Networks {
    fn default() -> Self {
        Self {
            authoritative: None,
            conflict: Conflict::default(),
            quarantine: Self::QUARANTINE,
            syncing: Syncing::Each,
            all: Vec::new(),
            links: Links::default(),
            reservations: Reservations::default(),
        }
    }
}

impl ConflictMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Arp, Self::Ping, Self::Off];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Arp => "arp",
            Self::Ping => "ping",
            Self::Off => "off",
        }
    }
}

impl Syncing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Each, Self::Lazy];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Lazy => "lazy",
        }
    }
}

impl Range {
    /// Whether an address lies in it.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// How many addresses it has.
    pub fn size(&self) -> u64 {
        u64::from(u32::from(self.last)) + 1 - u64::from(u32::from(self.first))
    }

    /// Whether it shares an address with another.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether all of another lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Pool {
    /// Whether the pool hands out this address.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        let behind = self.exclude.partition_point(|part| part.last < address);
        let excluded = self
            .exclude
            .get(behind)
            .is_some_and(|p| p.contains(address));
        self.range.contains(address) && !excluded
    }

    /// Whether a client with these criteria may have an address from here.
    pub fn suits(&self, criteria: &Criteria) -> bool {
        criteria.include.is_subset(&self.tags) && criteria.exclude.is_disjoint(&self.tags)
    }

    /// How many addresses it hands out.
    pub fn size(&self) -> u64 {
        let excluded: u64 = self.exclude.iter().map(Range::size).sum();
        self.range.size().saturating_sub(excluded)
    }
}

impl Terms {
    /// The option that the most specific of these layers has; layers from the most specific on.
    pub fn option<'t>(layers: &[&'t Self], code: u8) -> Option<&'t Opt> {
        let mut all = layers.iter().flat_map(|terms| &terms.options);
        all.find(|option| option.code == code)
    }
}

impl LeaseTimes {
    /// Where nothing is set, in seconds.
    pub const DEFAULT: u32 = 3600;
    /// The longest where nothing is set, in seconds.
    pub const MAX: u32 = 86_400;
    /// The shortest where nothing is set, in seconds.
    pub const MIN: u32 = 120;

    /// How long a client is given that asks for `wanted` seconds, by layers from the most specific
    /// on: what it asks for between min and max, else the default. What is not set gives way to
    /// what is.
    pub fn granted(layers: &[&Terms], wanted: Option<u32>) -> u32 {
        let set = |of: fn(&Self) -> Option<u32>| layers.iter().find_map(|t| of(&t.lease));
        let (least, most) = (set(|l| l.min), set(|l| l.max));
        let usual = Self::DEFAULT.max(least.unwrap_or_default());
        let usual = usual.min(most.unwrap_or(u32::MAX));
        let default = set(|l| l.default).unwrap_or(usual);
        let min = least.unwrap_or(Self::MIN).min(default);
        let max = most.unwrap_or(Self::MAX).max(default);
        wanted.map_or(default, |wanted| wanted.clamp(min, max.max(min)))
    }
}
