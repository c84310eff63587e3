//! Leases, their states, and what goes into the book of leases and comes out of it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::network::{Criteria, Network, Networks, Reservation, Terms, Whom};
use crate::wire::Mac;

/// Seconds of lease time: it never runs backwards and is not moved by a clock that is set. About
/// seconds since 1970; the service translates it to the wall clock for people.
pub type Time = u64;

/// For ever (RFC 2131 3.3), as the end of a lease.
pub const FOREVER: Time = Time::MAX;

/// A client in the eyes of RFC 2131: its client identifier where it sends one and the network goes
/// by it, else its hardware address. An identifier that is just the hardware address (type 1 and
/// `chaddr`) is the hardware address: iPXE sends it and the firmware before it does not (quirk 22).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// `chaddr`
    pub mac: Mac,
    /// Option 61, unless it says no more than `mac`, is longer than an option is, or is not to be
    /// looked at.
    pub id: Option<Box<[u8]>>,
}

impl Holder {
    /// The longest client identifier that tells clients apart, in bytes: what one option holds
    /// (RFC 2132 2). Several of them joined (RFC 3396) could hold more, which nobody has a use for.
    pub const IDENTIFIER: usize = 255;

    /// The client of a message with this `chaddr` and option 61.
    pub fn new(mac: Mac, option_61: Option<&[u8]>, match_client_id: bool) -> Self {
        let fits = |id: &&[u8]| (1..=Self::IDENTIFIER).contains(&id.len());
        let id = option_61.filter(|id| match_client_id && fits(id) && !mac.is_identifier(id));
        Self {
            mac,
            id: id.map(Into::into),
        }
    }

    /// Whether both are one client: the same identifier, or the same hardware address where one of
    /// them has no identifier. So a machine keeps its address from firmware to operating system,
    /// and two identifiers behind one hardware address stay two clients.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(own), Some(their)) => own == their,
            _ => self.mac == other.mac,
        }
    }
}

/// The state of an address that has, or had, a holder. An address without one is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Free to be given to anybody
    Available,
    /// Offered, not yet asked for
    Offered,
    /// Leased
    Leased,
    /// The lease ran out; kept for its client until somebody else needs it
    Expired,
    /// Given back by its client; kept for it as above
    Released,
    /// Unavailable: its client, or a probe, found somebody else using it
    Declined,
}

impl State {
    /// The word in events and lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Offered => "offered",
            Self::Leased => "leased",
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Declined => "declined",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One address with its holder, now or last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Who has it, or had it last.
    pub holder: Holder,
    /// Its state.
    pub state: State,
    /// Since when it is in this state.
    pub since: Time,
    /// Until when: the end of the offer, the lease or the quarantine; when it ended, for the rest.
    pub until: Time,
    /// The name the client gave (option 12), printable and short.
    pub host_name: Option<Box<str>>,
    /// The profile it got, where it boots.
    pub profile: Option<Arc<str>>,
    /// What the reservation that it was given by knows its client by, where there is one.
    pub reserved: Option<Whom>,
}

/// A lease as it is stored. Fields may be added with a default; a store of an older version is
/// read all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The address: the key it is stored under.
    pub address: Ipv4Addr,
    /// `chaddr` in hex with colons.
    pub mac: String,
    /// Option 61 in hex, where it tells the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Leased, released or declined; the others are not stored.
    pub state: State,
    /// Since when.
    pub since: Time,
    /// Until when.
    pub until: Time,
    /// For how long it was given last, in seconds, where it is leased: a renewal moves `until` and
    /// leaves `since`. Without it: `until` less `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// The name the client gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The profile it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What the reservation that it was given by knows its client by: `circuit-id 65746831`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<String>,
}

/// Bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Offers outstanding at once; the oldest is taken back first.
    pub offers: usize,
    /// Seconds an offer is kept. EDK2 collects offers for up to 32 s, iPXE for some seconds.
    pub offer: Time,
    /// Seconds that an offer is left alone at least. After that it gives its address to a newcomer
    /// for whom nothing else is left: made-up clients would close a pool for the whole time above.
    pub unclaimed: Time,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            offers: 65_536,
            offer: 120,
            // EDK2 asks for it when its window of 4 s or 8 s is over, iPXE and operating systems
            // within 3 s. One that has waited in vain for both windows takes 16 s the next time;
            // it goes last, for the oldest offer gives way first.
            unclaimed: 10,
        }
    }
}

/// What a client asks (RFC 2131 table 4; 4.3.2 tells the four kinds of REQUEST apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// DHCPDISCOVER
    Discover,
    /// DHCPREQUEST with server identifier: `ours` says whether it is one of ours
    Selecting {
        /// Whether the server chosen is this one.
        ours: bool,
    },
    /// DHCPREQUEST without server identifier and `ciaddr`: "may I keep this address?"
    InitReboot,
    /// DHCPREQUEST with `ciaddr`, sent to us alone
    Renewing,
    /// DHCPREQUEST with `ciaddr`, sent to everybody
    Rebinding,
    /// DHCPDECLINE: somebody else uses the address
    Decline,
    /// DHCPRELEASE
    Release,
    /// DHCPINFORM: options alone
    Inform,
    /// BOOTP, without a message type (RFC 951, RFC 1534)
    Bootp,
}

/// One message in the terms of leases.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What is asked.
    pub kind: Kind,
    /// Who asks.
    pub holder: &'a Holder,
    /// The address in question: option 50, else `ciaddr`.
    pub address: Option<Ipv4Addr>,
    /// Option 51, where sent.
    pub seconds: Option<u32>,
    /// Option 12, where sent; raw.
    pub host_name: Option<&'a [u8]>,
    /// All networks.
    pub networks: &'a Networks,
    /// The client's network.
    pub network: &'a Network,
    /// What is reserved for it there ([`super::Book::reserved_for`]).
    pub reservation: Option<&'a Reservation>,
    /// The profile it gets, where it boots.
    pub profile: Option<&'a Arc<str>>,
    /// The profile's terms and criteria.
    pub terms: &'a Terms,
    /// Which pools it may have an address from.
    pub criteria: &'a Criteria,
    /// Whether clients without a record are told NAK.
    pub authoritative: bool,
}

/// Tells one state of a lease from its later ones: what was stored, or probed, may be outdated.
pub type Serial = u64;

/// An address given or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The address.
    pub address: Ipv4Addr,
    /// The lease time in seconds; [`u32::MAX`]: for ever.
    pub seconds: u32,
    /// The state of the lease that this speaks of.
    pub serial: Serial,
}

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// OFFER this. With `probe`: nobody had it lately; try it first, then tell
    /// [`super::Book::probed`].
    Offer {
        /// The address.
        binding: Binding,
        /// Whether to try it first.
        probe: bool,
    },
    /// ACK this, once the record of the outcome is on disk.
    Ack(Binding),
    /// ACK without a lease, to an INFORM.
    Inform,
    /// BOOTREPLY with this, once the record is on disk.
    Bootp(Binding),
    /// NAK.
    Nak(Nak),
    /// Nothing.
    Silence(Silence),
}

/// Why a client is told NAK. The text goes to it as option 56.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Nak {
    /// The address is of another network.
    #[error("wrong network")]
    WrongNetwork,
    /// It is another client's.
    #[error("address in use by another client")]
    Taken,
    /// It was not offered to this client, and is not its own.
    #[error("not offered to you")]
    NotOffered,
    /// There is no such lease.
    #[error("no such lease")]
    Unknown,
    /// It is the client's, but it may not have it any longer: the pool is gone, the address is
    /// reserved for another or another one is for it.
    #[error("not given to you any longer")]
    Revoked,
}

/// Why a client is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Nothing is free that it may have.
    #[error("no address is free for it ({pools} in its pools)")]
    Exhausted {
        /// Addresses in its pools that it could have.
        pools: u64,
    },
    /// It has chosen another server.
    #[error("it chose another server's offer")]
    OtherServer,
    /// Its address is being tried.
    #[error("its address is being tried")]
    Probing,
    /// Too many records of its address are on their way to disk.
    #[error("its earlier requests are still being written")]
    Storing,
    /// Not authoritative, and there is no record.
    #[error("no record of it, and not authoritative")]
    NoRecord,
    /// RELEASE and DECLINE have no answer.
    #[error("no answer is due")]
    NoneDue,
    /// RELEASE or DECLINE of what is not its own.
    #[error("the address is not its own")]
    NotOwn,
    /// BOOTP without reservation or pool for it.
    #[error("BOOTP, and neither reservation nor pool for it")]
    NoBootp,
    /// It lacks the address that its kind must name.
    #[error("it names no address")]
    NoAddress,
}

impl Silence {
    /// The reason as a word, for metrics and the JSON log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Exhausted { .. } => "exhausted",
            Self::OtherServer => "other-server",
            Self::Probing => "probing",
            Self::Storing => "storing",
            Self::NoRecord => "no-record",
            Self::NoneDue => "none-due",
            Self::NotOwn => "not-own",
            Self::NoBootp => "no-bootp",
            Self::NoAddress => "no-address",
        }
    }
}

/// One change of an address's state: an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The lease as it is now.
    pub lease: Lease,
    /// What it was.
    pub was: State,
}

/// What came of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// What changed, in order.
    pub changes: Vec<Change>,
    /// What to put on disk, in this order: before the verdict goes out where it is an ACK, at
    /// leisure otherwise. Records of one address must be written in the order they were given.
    pub records: Vec<Record>,
}
