//! A message to port 67 → who asks what, on which network, and what is known of him.
//!
//! Invariants: what leaves no room for a reply, came from no host, or is meant for another server is
//! told apart here, before the book hears of it; link, network and reservation are those of the
//! client, whichever of our addresses and whatever relay it came by.

use std::net::Ipv4Addr;

use super::Asked;
use crate::client::quirk::Table;
use crate::client::{Client, identify, identify_classless};
use crate::decide::{Excess, Ignore, Incoming, grant, item, origin, relayed_by_a_host};
use crate::lease::{Book, Holder, Kind};
use crate::network::{Network, Networks, Reservation, Who};
use crate::profile::{Selection, Snapshot, Subject, chosen};
use crate::wire::dhcp::{BOOTREQUEST, Kind as Type, Message, code};
use crate::wire::relay::RelayAgent;
use crate::wire::{Mac, Uuid};

/// What a reply takes without what is echoed and what can be left out, in bytes.
const LEAST_REPLY: usize = 320;

/// The same of BOOTP: header and cookie, the mask, the end, and what the relay's option begins with.
const LEAST_BOOTP_REPLY: usize = 240 + 6 + 1 + 2;

/// What goes back as it came.
const ECHOED: [u8; 3] = [code::CLIENT_ID, code::CLIENT_UUID, code::RELAY_AGENT];

/// What is known beside the message.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Whether an address is this host's.
    pub(super) is_own: &'a dyn Fn(Ipv4Addr) -> bool,
    /// Whether what was heard last of a machine was that it boots.
    pub(super) is_booting: &'a dyn Fn(Mac) -> bool,
}

/// A message that may be answered: what it asks, and where from.
struct Heard<'a> {
    incoming: Incoming<'a>,
    relay: RelayAgent<'a>,
    mac: Mac,
    kind: Kind,
    /// An address on the client's link.
    link: Ipv4Addr,
    network: &'a Network,
}

impl<'a> Asked<'a> {
    pub(super) fn read(
        snapshot: &'a Snapshot,
        book: &Book,
        (incoming, known): (Incoming<'a>, Known<'_>),
    ) -> Result<Self, Ignore> {
        let heard = Heard::of(&snapshot.networks, incoming, known.is_own)?;
        let client = heard.machine(&snapshot.quirks, known.is_booting);
        let who = heard.who();
        let holder = Holder::new(heard.mac, who.client_id, heard.network.match_client_id);
        let reservation = heard.reservation(&snapshot.networks, book, (&holder, &who));
        let selection = heard.selection(snapshot, reservation, client.as_ref(), who.uuid);
        Ok(Self {
            incoming,
            relay: heard.relay,
            kind: heard.kind,
            holder,
            network: heard.network,
            reservation,
            client,
            selection,
        })
    }
}

impl<'a> Heard<'a> {
    fn of(
        networks: &'a Networks,
        incoming: Incoming<'a>,
        is_own: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Result<Self, Ignore> {
        let message = incoming.message;
        let mac = asker(message)?;
        let relay = RelayAgent::of(message);
        meant_for_this_address(incoming, relay, is_own)?;
        let kind = kind(incoming, relay)?;
        if has_none_yet(kind) {
            origin::comes_by_its_link(incoming)?;
        }
        fits(message, kind)?;
        let link = link(incoming, relay, kind);
        let network = networks.of_link(link).ok_or(Ignore::NoNetwork(link))?;
        relayed_by_one_host(message, networks)?;
        Ok(Self {
            incoming,
            relay,
            mac,
            kind,
            link,
            network,
        })
    }

    /// The machine, where it boots; of BOOTP nobody says whether it does.
    fn machine(&self, quirks: &Table, is_booting: &dyn Fn(Mac) -> bool) -> Option<Client> {
        let (message, local) = (self.incoming.message, self.incoming.local);
        match self.kind {
            Kind::Bootp => Some(Client::unknown(self.mac, self.link)),
            Kind::Selecting { .. } => {
                let booting = identify(message, local).ok();
                booting.or_else(|| {
                    classless(message, local, quirks).filter(|client| is_booting(client.mac))
                })
            }
            _ => identify(message, local).ok(),
        }
    }

    /// What a reservation can know it by.
    fn who(&self) -> Who<'a> {
        let options = &self.incoming.message.options;
        let uuid = options.get(code::CLIENT_UUID);
        Who {
            mac: self.mac,
            client_id: options.get(code::CLIENT_ID),
            uuid: uuid.and_then(Uuid::from_option_97),
            circuit: self.relay.circuit_id,
        }
    }

    /// What is reserved for it; of several, that of the address which the message is about.
    fn reservation(
        &self,
        networks: &'a Networks,
        book: &Book,
        asks: (&Holder, &Who<'_>),
    ) -> Option<&'a Reservation> {
        let named = self.incoming.message.address(code::REQUESTED_ADDRESS);
        let about = named.or_else(|| has(self.incoming, self.kind));
        let about = about.filter(|_| self.kind != Kind::Discover);
        book.reserved_for(networks, self.network, asks, about)
    }

    fn selection(
        &self,
        snapshot: &Snapshot,
        reservation: Option<&Reservation>,
        client: Option<&Client>,
        uuid: Option<Uuid>,
    ) -> Option<Selection> {
        let subject = Subject {
            mac: self.mac,
            uuid,
            archs: client.map_or(&[], |c| &c.archs),
            network: self.link,
        };
        chosen(snapshot, reservation, &subject)
    }
}

/// Who asks, directly or through a relay that is a host.
fn asker(message: &Message) -> Result<Mac, Ignore> {
    if message.op != BOOTREQUEST {
        return Err(Ignore::NotRequest);
    }
    let mac = message.mac().ok_or(Ignore::NoHardwareAddress)?;
    relayed_by_a_host(message)?;
    Ok(mac)
}

/// What is asked. The four kinds of REQUEST are told apart by RFC 2131 4.3.2 (table 4).
fn kind(incoming: Incoming<'_>, relay: RelayAgent<'_>) -> Result<Kind, Ignore> {
    let message = incoming.message;
    if let Some(item) = item::asked(incoming) {
        return Err(Ignore::BootServerType(item.kind));
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

/// Whether it is asked by one who has no address yet, and so asks everybody.
const fn has_none_yet(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bootp | Kind::Discover | Kind::Selecting { .. } | Kind::InitReboot
    )
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
pub(super) fn has(incoming: Incoming<'_>, kind: Kind) -> Option<Ipv4Addr> {
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

/// A boot client that leaves option 60 out of the REQUEST it chooses us by (quirk 28). The operating
/// system of such a machine looks the same; what its DISCOVER said tells the two apart.
fn classless(message: &Message, local: Ipv4Addr, quirks: &Table) -> Option<Client> {
    let client = identify_classless(message, local).ok()?;
    let boots = quirks
        .treat(&client)
        .set(|changes| changes.classless_request);
    (boots == Some(true)).then_some(client)
}
