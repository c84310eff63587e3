//! Mode `dhcp`: a message and the book of leases → what its client is told, with boot data in it.
//!
//! ```text
//! message → link → network → who asks, and how (read) → reservation, profile → the book's verdict
//!         → reply (see `grant`) → destination
//! ```
//!
//! Invariants: a client is answered from the network of its link alone; an ACK names the record that
//! must be on disk before it leaves, and a lease that no reply has room for is none; a client that boots nothing gets its lease without boot data,
//! and one that nothing can be named to gets the lease all the same, with the reason beside it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::grant::{self, Grant};
use super::{Excess, Ignore, Incoming};
use crate::client::{Client, identify};
use crate::lease::{Ask, Book, Change, Holder, Kind, Record, Time};
use crate::network::{Criteria, Network, Networks, Reservation, Terms, Who};
use crate::profile::{Selection, Snapshot, Subject, chosen};
use crate::wire::dhcp::{BOOTREQUEST, Kind as Type, Message, code};
use crate::wire::pxe;
use crate::wire::relay::RelayAgent;
use crate::wire::{Mac, Uuid};

/// What a reply takes without what is echoed and what can be left out, in bytes.
const LEAST_REPLY: usize = 320;

/// The same of BOOTP: header and cookie, the mask, the end, and what the relay's option begins with.
const LEAST_BOOTP_REPLY: usize = 240 + 6 + 1 + 2;

/// What goes back as it came.
const ECHOED: [u8; 3] = [code::CLIENT_ID, code::CLIENT_UUID, code::RELAY_AGENT];

/// What a lease depends on beside the message.
pub struct Desk<'a> {
    /// What is in force.
    pub snapshot: &'a Snapshot,
    /// Who has which address.
    pub book: &'a mut Book,
    /// Lease time.
    pub now: Time,
    /// Whether clients without a record are told NAK, where the config file does not say.
    pub authoritative: bool,
    /// Whether an address is this host's, on whichever interface.
    pub is_own: &'a dyn Fn(Ipv4Addr) -> bool,
}

/// What becomes of a message in mode `dhcp`.
#[derive(Debug)]
pub struct Leasing {
    /// Whose message it is, where it says.
    pub mac: Option<Mac>,
    /// The machine, where it boots.
    pub client: Option<Client>,
    /// The network it is on, where it is on one of ours.
    pub network: Option<Arc<str>>,
    /// Addresses whose state has changed.
    pub changes: Vec<Change>,
    /// What is to be put on disk; of an ACK, before it leaves.
    pub records: Vec<Record>,
    /// What it is told, or why nothing.
    pub decision: Result<Box<Grant>, Ignore>,
}

/// A message understood: who asks what, on which network, and what is known of him.
pub(super) struct Asked<'a> {
    pub(super) incoming: Incoming<'a>,
    pub(super) relay: RelayAgent<'a>,
    pub(super) kind: Kind,
    pub(super) holder: Holder,
    pub(super) network: &'a Network,
    pub(super) reservation: Option<&'a Reservation>,
    pub(super) client: Option<Client>,
    pub(super) selection: Option<Selection>,
}

/// Decides one message that came to port 67.
pub fn decide(desk: Desk<'_>, incoming: Incoming<'_>) -> Leasing {
    let Desk {
        snapshot,
        book,
        now,
        authoritative,
        is_own,
    } = desk;

    let asked = match Asked::read(snapshot, book, (incoming, is_own)) {
        Ok(asked) => asked,
        Err(why) => return Leasing::silence(incoming.message.mac(), why),
    };
    let authoritative = snapshot.networks.authoritative.unwrap_or(authoritative);
    let mut outcome = asked.put(snapshot, authoritative, |ask| book.handle(now, ask));
    let decision = grant::build(snapshot, &asked, outcome.verdict).map(Box::new);
    if decision.is_err() {
        outcome = book.unanswered(now, outcome);
    }
    Leasing {
        mac: Some(asked.holder.mac),
        network: Some(asked.network.name.clone()),
        client: asked.client,
        changes: outcome.changes,
        records: outcome.records,
        decision,
    }
}

impl Leasing {
    fn silence(mac: Option<Mac>, why: Ignore) -> Self {
        Self {
            mac,
            client: None,
            network: None,
            changes: Vec::new(),
            records: Vec::new(),
            decision: Err(why),
        }
    }
}

impl<'a> Asked<'a> {
    fn read(
        snapshot: &'a Snapshot,
        book: &Book,
        (incoming, is_own): (Incoming<'a>, &dyn Fn(Ipv4Addr) -> bool),
    ) -> Result<Self, Ignore> {
        let message = incoming.message;
        if message.op != BOOTREQUEST {
            return Err(Ignore::NotRequest);
        }
        let mac = message.mac().ok_or(Ignore::NoHardwareAddress)?;
        super::relayed_by_a_host(message)?;
        let relay = RelayAgent::of(message);
        meant_for_this_address(incoming, relay, is_own)?;
        let kind = kind(incoming, relay)?;
        fits(message, kind)?;
        let link = link(incoming, relay, kind);
        let networks = &snapshot.networks;
        let network = networks.of_link(link).ok_or(Ignore::NoNetwork(link))?;
        relayed_by_one_host(message, networks)?;
        let option_61 = message.options.get(code::CLIENT_ID);
        let client = match kind {
            Kind::Bootp => Some(Client::unknown(mac, link)),
            _ => identify(message, incoming.local).ok(),
        };
        let uuid = message.options.get(code::CLIENT_UUID);
        let who = Who {
            mac,
            client_id: option_61,
            uuid: uuid.and_then(Uuid::from_option_97),
            circuit: relay.circuit_id,
        };
        let holder = Holder::new(mac, option_61, network.match_client_id);
        let about = message.address(code::REQUESTED_ADDRESS);
        let about = about.or_else(|| has(incoming, kind));
        let about = about.filter(|_| kind != Kind::Discover);
        let reservation = book.reserved_for(networks, network, (&holder, &who), about);
        let subject = Subject {
            mac,
            uuid: who.uuid,
            archs: client.as_ref().map_or(&[], |c| &c.archs),
            network: link,
        };
        Ok(Self {
            incoming,
            relay,
            kind,
            holder,
            network,
            reservation,
            selection: chosen(snapshot, reservation, &subject),
            client,
        })
    }

    /// Puts the question.
    fn put<T>(
        &self,
        snapshot: &Snapshot,
        authoritative: bool,
        to: impl FnOnce(&Ask<'_>) -> T,
    ) -> T {
        let (no_terms, no_criteria) = (Terms::default(), Criteria::default());
        let profile = self.selection.as_ref().map(|s| &s.profile);
        to(&Ask {
            kind: self.kind,
            holder: &self.holder,
            address: self.address(),
            seconds: self.seconds(),
            host_name: self.incoming.message.options.get(code::HOST_NAME),
            networks: &snapshot.networks,
            network: self.network,
            reservation: self.reservation,
            profile: self.profile_name().as_ref(),
            terms: profile.map_or(&no_terms, |p| &p.terms),
            criteria: profile.map_or(&no_criteria, |p| &p.criteria),
            authoritative,
        })
    }

    /// The address that the message is about: what it asks for, else what it has.
    fn address(&self) -> Option<Ipv4Addr> {
        let asked = self.incoming.message.address(code::REQUESTED_ADDRESS);
        asked.or_else(|| self.has())
    }

    /// The address that the client has.
    pub(super) fn has(&self) -> Option<Ipv4Addr> {
        has(self.incoming, self.kind)
    }

    /// Whether the client speaks to us from another link than ours.
    pub(super) fn is_afar(&self) -> bool {
        let here = self.network.subnet_of(self.incoming.local).is_some();
        self.incoming.unicast && !here
    }

    fn seconds(&self) -> Option<u32> {
        let option = self.incoming.message.options.get(code::LEASE_TIME)?;
        Some(u32::from_be_bytes(option.try_into().ok()?))
    }

    /// The profile's name goes into the lease of a machine that boots.
    fn profile_name(&self) -> Option<Arc<str>> {
        let boots = self.client.is_some();
        let selection = self.selection.as_ref().filter(|_| boots)?;
        Some(selection.profile.name.as_str().into())
    }

    /// The address that clients know us by: ours on this link, or what their relay asks us to say
    /// so that renewals come by it too (RFC 5107).
    pub(super) fn server_id(&self) -> Ipv4Addr {
        self.relay.server_id.unwrap_or(self.incoming.local)
    }
}

/// What is asked. The four kinds of REQUEST are told apart by RFC 2131 4.3.2 (table 4).
fn kind(incoming: Incoming<'_>, relay: RelayAgent<'_>) -> Result<Kind, Ignore> {
    let message = incoming.message;
    if let Some(item) = boot_server(message) {
        return Err(Ignore::BootServerType(item));
    }
    Ok(match message.kind() {
        None => Kind::Bootp,
        Some(Type::Discover) => Kind::Discover,
        Some(Type::Request) => request(incoming, relay),
        Some(Type::Decline) if is_ours(incoming, relay) != Some(false) => Kind::Decline,
        Some(Type::Release) if is_ours(incoming, relay) != Some(false) => Kind::Release,
        Some(Type::Decline | Type::Release) => return Err(Ignore::OtherServers),
        Some(Type::Inform) => Kind::Inform,
        Some(_) => return Err(Ignore::Kind(incoming.port.number())),
    })
}

/// The boot server type that firmware asks for; the tag means that to PXE clients alone.
fn boot_server(message: &Message) -> Option<u16> {
    let class = message.options.get(code::VENDOR_CLASS)?;
    let asks = matches!(message.kind(), Some(Type::Request | Type::Inform));
    let data = message.options.get(code::VENDOR_SPECIFIC)?;
    let (item, _) = pxe::boot_item(data).filter(|_| asks && class.starts_with(pxe::CLASS_PXE))?;
    Some(item)
}

fn request(incoming: Incoming<'_>, relay: RelayAgent<'_>) -> Kind {
    let has_address = held(incoming.message).is_some();
    match is_ours(incoming, relay) {
        Some(false) => Kind::Selecting { ours: false },
        Some(true) if !has_address => Kind::Selecting { ours: true },
        None if !has_address => Kind::InitReboot,
        _ if incoming.unicast => Kind::Renewing,
        _ => Kind::Rebinding,
    }
}

/// Whether the server that a message names is this one; `None` where it names none.
fn is_ours(incoming: Incoming<'_>, relay: RelayAgent<'_>) -> Option<bool> {
    let named = incoming.message.address(code::SERVER_ID)?;
    Some(named == incoming.local || Some(named) == relay.server_id)
}

/// Two addresses of this host may hear one message, by two interfaces on one wire or by a relay that
/// asks both. It is for the one that it names, and chooses no other server than us.
fn meant_for_this_address(
    incoming: Incoming<'_>,
    relay: RelayAgent<'_>,
    is_own: &dyn Fn(Ipv4Addr) -> bool,
) -> Result<(), Ignore> {
    let named = incoming.message.address(code::SERVER_ID);
    let names = matches!(
        incoming.message.kind(),
        Some(Type::Request | Type::Decline | Type::Release)
    );
    if names && is_ours(incoming, relay) == Some(false) && named.is_some_and(is_own) {
        return Err(Ignore::OtherAddress);
    }
    Ok(())
}

/// An address on the client's link: what its relay selects (RFC 3527), its relay's own, that of a
/// client that speaks to us directly, else ours on the interface. A client that asks everybody
/// may be on another link than its address: there ours counts.
fn link(incoming: Incoming<'_>, relay: RelayAgent<'_>, kind: Kind) -> Ipv4Addr {
    let own = has(incoming, kind).filter(|_| incoming.unicast || kind == Kind::Inform);
    relay
        .link
        .or(known(incoming.message.giaddr))
        .or(own)
        .unwrap_or(incoming.local)
}

/// The address that a client has; of an INFORM without one, where it comes from.
fn has(incoming: Incoming<'_>, kind: Kind) -> Option<Ipv4Addr> {
    let from = known(*incoming.peer.ip()).filter(|_| kind == Kind::Inform);
    held(incoming.message).or(from)
}

/// `ciaddr`, where it means something: a client that DISCOVERs, or names an address in option 50,
/// has none yet, whatever stands there (quirk 21; RFC 2131 table 5).
fn held(message: &Message) -> Option<Ipv4Addr> {
    let none =
        message.kind() == Some(Type::Discover) || message.options.has(code::REQUESTED_ADDRESS);
    known(message.ciaddr).filter(|_| !none)
}

/// A relay is neither a whole subnet nor everybody in it (RFC 3021: but where it has only two
/// addresses).
fn relayed_by_one_host(message: &Message, networks: &Networks) -> Result<(), Ignore> {
    let relay = message.giaddr;
    let subnet = networks.of_link(relay).and_then(|n| n.subnet_of(relay));
    let whole = subnet.is_some_and(|subnet| {
        let net = subnet.net;
        net.prefix_len() < 31 && [net.network(), net.broadcast()].contains(&relay)
    });
    if whole {
        Err(Ignore::Relay(relay))
    } else {
        Ok(())
    }
}

/// What goes back as it came must leave room for the rest of a reply.
fn fits(message: &Message, kind: Kind) -> Result<(), Ignore> {
    let (rest, echoed): (usize, &[u8]) = match kind {
        Kind::Bootp => (LEAST_BOOTP_REPLY, &[code::RELAY_AGENT]),
        _ => (LEAST_REPLY, &ECHOED),
    };
    let echoed = echoed.iter();
    let echoed = echoed.filter_map(|code| Some((*code, message.options.get(*code)?)));
    let echoed: Vec<(u8, &[u8])> = echoed.collect();
    let least = rest + echoed.iter().map(|(_, value)| value.len()).sum::<usize>();
    let limit = grant::limit(message, kind);
    if least > limit {
        let excess = Excess::with(&echoed.into_iter().collect(), least, limit);
        return Err(Ignore::TooLarge(Box::new(excess)));
    }
    Ok(())
}

fn known(address: Ipv4Addr) -> Option<Ipv4Addr> {
    (!address.is_unspecified()).then_some(address)
}
