//! The heart: a DHCP message, what is in force, and where it came in → what to answer, and why.
//!
//! ```text
//! message → identify → select a profile → quirks → strategy (shape of the reply) → loader → reply → destination
//! ```
//!
//! * [`strategy`]: the shapes of replies, as a table with evidence
//! * `ignore`: why a message is not answered
//! * `form`: a shape with what quirks change in it
//! * [`loader`]: which program or URI this client is named
//! * `reply`: the message that is sent, and where to; `finish`: the answer, encoded
//! * `pxelinux`: what that loader is told beside its file
//! * [`menu`], [`item`]: a menu that the firmware shows, and what was chosen in it
//! * `excess`: a reply that does not fit; `unleased`: one without the lease that it should have
//! * [`origin`]: where a message comes from, and whether it can be its machine's own
//! * [`note`]: what a message tells of a machine beside that
//! * [`lease`], [`grant`]: the same in mode `dhcp`, where the reply is a lease with boot data in it
//!
//! Invariants: beside another's leases, a client that is not booting is never answered, nor is a
//! lease REQUEST on 67 for any lease but one that we have handed on ([`takes_our_lease`]); every answer
//! stays within the client's size limit; every other outcome is an [`Ignore`] with its reason.

mod excess;
mod finish;
mod form;
pub mod grant;
mod ignore;
pub mod item;
pub mod lease;
pub mod loader;
pub mod menu;
pub mod needs;
mod no_loader;
pub mod note;
pub mod origin;
mod pxelinux;
mod reply;
pub mod strategy;
mod unleased;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::client::progress::Offered;
use crate::client::quirk::Treatment;
use crate::client::{Client, Shape, Side, identify};
use crate::profile::{Selection, Snapshot, choose};
use crate::wire::dhcp::{BOOTREQUEST, Kind, Message, code};
use crate::wire::pxe;
pub use excess::Excess;
use finish::{Parts, answers_there, finish};
use form::Form;
pub use ignore::Ignore;
use loader::Here;
use menu::NoRoom;
use strategy::{By, Strategy};
pub use unleased::Unleased;

/// The port a message came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// UDP 67, shared in spirit with the LAN's DHCP server
    Dhcp,
    /// UDP 4011, the PXE boot service
    Pxe,
}

impl Port {
    /// The UDP port number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Dhcp => 67,
            Self::Pxe => 4011,
        }
    }
}

/// A message and where it came in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The message.
    pub message: &'a Message,
    /// The port it came to.
    pub port: Port,
    /// Our address: the one it was sent to, or our first on the interface for broadcasts.
    pub local: Ipv4Addr,
    /// Where it came from.
    pub peer: SocketAddrV4,
    /// Whether it was sent to us alone, not to everybody.
    pub unicast: bool,
    /// Whether the machine that it is of is on our link, as far as the packet's way shows; `None`:
    /// nobody knows, as in a capture.
    pub side: Option<Side>,
}

/// What becomes of a message.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Who asked, where it is a boot client.
    pub client: Option<Client>,
    /// Answer or silence.
    pub decision: Result<Box<Answer>, Ignore>,
}

/// A reply, ready to be sent.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The reply.
    pub message: Message,
    /// The reply, encoded.
    pub bytes: Vec<u8>,
    /// Where it goes; a broadcast address leaves by the interface the request came in by.
    pub to: SocketAddrV4,
    /// Its shape, with the evidence.
    pub strategy: &'static Strategy,
    /// Who chose it.
    pub by: By,
    /// Of an OFFER to firmware, what it is among the shapes that may be tried.
    pub offered: Option<Offered>,
    /// How long it waits before it leaves.
    pub delay: Duration,
    /// The profile and why.
    pub selection: Selection,
    /// What the client is told to load; `None`: its menu is all that it is told.
    pub loader: Option<loader::Named>,
    /// Why a menu that its firmware would show is left to the loader.
    pub no_menu: Option<NoRoom>,
    /// What was chosen in a menu that its firmware showed, where this answers for that.
    pub chosen: Option<item::Chosen>,
    /// Where the shape is `augment`: this message is the boot data alone, for the lease of the LAN's own
    /// DHCP server to be put into (room `relay`). Whether it is filled up to 300 bytes.
    pub padded: bool,
    /// What an OFFER of that shape is where no lease comes: a proxy's.
    pub otherwise: Option<Box<Self>>,
    /// Of an OFFER, why there is no lease in it though this machine is to have one.
    pub unleased: Option<Unleased>,
}

/// Decides one message under one snapshot.
pub fn decide(snapshot: &Snapshot, incoming: Incoming<'_>) -> Outcome {
    decide_knowing(snapshot, incoming, |client| client)
}

/// The same where more may be known of the machine than this message shows: `complete` adds it.
pub fn decide_knowing(
    snapshot: &Snapshot,
    incoming: Incoming<'_>,
    complete: impl FnOnce(Client) -> Client,
) -> Outcome {
    if incoming.message.op != BOOTREQUEST {
        return Outcome {
            client: None,
            decision: Err(Ignore::NotRequest),
        };
    }
    match identify(incoming.message, incoming.local) {
        Ok(client) => {
            if let Err(forged) = origin::believed(incoming) {
                return Outcome {
                    client: None,
                    decision: Err(forged),
                };
            }
            let client = complete(client);
            let decision = match item::asked(incoming) {
                Some(item) => item::answer(snapshot, incoming, &client, item),
                None => answer(snapshot, incoming, &client),
            };
            Outcome {
                client: Some(having_chosen(client, decision.as_deref().ok())),
                decision,
            }
        }
        Err(not) => Outcome {
            client: None,
            decision: Err(not.into()),
        },
    }
}

/// With what this message itself shows to be chosen.
fn having_chosen(client: Client, answer: Option<&Answer>) -> Client {
    let chosen = answer.and_then(|answer| answer.chosen.as_ref());
    let chosen = chosen.map(|chosen| chosen.choice.clone());
    Client {
        chosen: chosen.or(client.chosen),
        ..client
    }
}

fn answer(
    snapshot: &Snapshot,
    incoming: Incoming<'_>,
    client: &Client,
) -> Result<Box<Answer>, Ignore> {
    let kind = answerable(snapshot, incoming)?;
    relayed_by_a_host(incoming.message)?;
    let selection = choose(snapshot, client).ok_or(Ignore::NoProfile)?;
    let treatment = snapshot.quirks.treat(client);
    answers_there(incoming, &treatment)?;
    let here = Here::of(snapshot, incoming);
    let menu = menu::option(&selection.profile, client, &treatment, here);
    let relays = incoming.port == Port::Dhcp && snapshot.relays.serve(incoming.message);
    let asked = Asked {
        incoming,
        kind,
        client,
        treatment: &treatment,
        selection: &selection,
        here,
        relays,
        unnamed: Unleased::relay(snapshot, incoming, kind),
    };
    asked.answer(menu.as_deref())
}

/// One message, and what is known of who sent it.
struct Asked<'a> {
    incoming: Incoming<'a>,
    kind: Kind,
    client: &'a Client,
    treatment: &'a Treatment<'a>,
    selection: &'a Selection,
    here: Here<'a>,
    relays: bool,
    /// The relay of one for whom no server is named.
    unnamed: Option<Ipv4Addr>,
}

impl Asked<'_> {
    /// The answer; and where a lease is to be fetched for it, what it is without one.
    fn answer(self, menu: Option<&[u8]>) -> Result<Box<Answer>, Ignore> {
        let answer = self.full(menu)?;
        if self.kind != Kind::Offer || !answer.strategy.leased {
            return Ok(answer);
        }
        let alone = Self {
            relays: false,
            ..self
        };
        Ok(Box::new(Answer {
            otherwise: Some(alone.full(menu)?),
            ..*answer
        }))
    }

    fn full(&self, menu: Option<&[u8]>) -> Result<Box<Answer>, Ignore> {
        match menu {
            Some(menu) => self.told_menu(menu),
            None => self.told(None),
        }
    }

    /// The answer with this menu for the firmware; where it has no room for that (a relay's option 82
    /// and a client that takes 548 bytes), as if its loader were to show it.
    fn told_menu(&self, menu: &[u8]) -> Result<Box<Answer>, Ignore> {
        let excess = match self.told(Some(menu)) {
            Err(Ignore::TooLarge(excess)) => excess,
            told => return told,
        };
        match self.told(None) {
            Ok(answer) => Ok(Box::new(Answer {
                no_menu: Some(NoRoom::Reply(excess)),
                ..*answer
            })),
            Err(Ignore::NoLoader(_)) => Err(Ignore::TooLarge(excess)),
            Err(why) => Err(why),
        }
    }

    /// The answer, with a menu for the firmware or without.
    fn told(&self, menu: Option<&[u8]>) -> Result<Box<Answer>, Ignore> {
        let (client, treatment) = (self.client, self.treatment);
        let profile = &self.selection.profile;
        let loader = loader::beside(menu.is_some(), profile, (client, treatment), self.here)?;
        let around = strategy::Circumstances {
            relays: self.relays,
            reads_the_ack: loader
                .as_ref()
                .is_some_and(|named| loader::reads_the_ack(named.as_str())),
        };
        let (strategy, by) = self.shape(menu.is_some(), around);
        let unleased = self.unleased(around).filter(|_| !strategy.leased);
        let form = Form::of(strategy, treatment, client).of_profile(profile);
        let form = menu.map_or(form, |menu| form.with_menu(menu));
        let offered = (self.kind == Kind::Offer).then(|| {
            let row = (treatment, form.bypasses());
            strategy::offered(client, (strategy, &by), row, around)
        });
        let parts = Parts {
            incoming: self.incoming,
            kind: self.kind,
            strategy,
            form,
            loader,
        };
        let mut answer = finish(parts, (self.selection.clone(), by))?;
        answer.offered = offered.flatten();
        answer.unleased = unleased;
        Ok(answer)
    }

    /// Whether it would be another shape, were there a server to ask.
    fn unleased(&self, around: strategy::Circumstances) -> Option<Unleased> {
        let relay = self.unnamed?;
        let named = strategy::Circumstances {
            relays: true,
            ..around
        };
        let profile = &self.selection.profile;
        let (shape, by) = strategy::for_client(self.client, profile, self.treatment, named);
        shape.leased.then_some(Unleased { relay, by })
    }

    /// The shape, and who chose it. Firmware that is shown a menu gets it in a lease where it needs one;
    /// and who asks us for the lease that we have offered gets boot data with that, whatever has changed since.
    fn shape(&self, menu: bool, around: strategy::Circumstances) -> (&'static Strategy, By) {
        let profile = &self.selection.profile;
        let (shape, by) = strategy::for_client(self.client, profile, self.treatment, around);
        let takes_lease = self.kind == Kind::Ack && self.incoming.port == Port::Dhcp;
        match shape {
            _ if takes_lease => (strategy::augmenting(self.client), by),
            shape if menu && !shape.leased => (strategy::of(Shape::Menu), By::Profile),
            shape => (shape, by),
        }
    }
}

/// A relay is a host: neither everybody, nor a group, nor this host itself.
fn relayed_by_a_host(message: &Message) -> Result<(), Ignore> {
    let relay = message.giaddr;
    if relay.is_broadcast() || relay.is_multicast() || relay.is_loopback() {
        return Err(Ignore::Relay(relay));
    }
    Ok(())
}

/// Whether a message asks us for a lease that we have offered in another server's name: it names us as
/// its server (RFC 2131 4.3.2, SELECTING).
pub fn takes_our_lease(incoming: Incoming<'_>) -> bool {
    let message = incoming.message;
    incoming.port == Port::Dhcp
        && message.kind() == Some(Kind::Request)
        && message.address(code::SERVER_ID) == Some(incoming.local)
        && message.options.has(code::REQUESTED_ADDRESS)
}

/// The type of the reply, where this message has one on this port.
fn answerable(snapshot: &Snapshot, incoming: Incoming<'_>) -> Result<Kind, Ignore> {
    if (incoming.port, incoming.message.kind()) == (Port::Dhcp, Some(Kind::Request)) {
        let ours = snapshot.relays.serve(incoming.message) && takes_our_lease(incoming);
        return ours.then_some(Kind::Ack).ok_or(Ignore::LeaseRequest);
    }
    if let Some((item, _)) = incoming
        .message
        .options
        .get(code::VENDOR_SPECIFIC)
        .and_then(pxe::boot_item)
    {
        return Err(Ignore::NoItemRequest(item));
    }
    match (incoming.port, incoming.message.kind()) {
        (Port::Dhcp, Some(Kind::Discover)) => Ok(Kind::Offer),
        (Port::Pxe, Some(Kind::Request)) => Ok(Kind::Ack),
        _ => Err(Ignore::Kind(incoming.port.number())),
    }
}
