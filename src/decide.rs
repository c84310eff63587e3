//! The heart: a DHCP message, what is in force, and where it came in → what to answer, and why.
//!
//! ```text
//! message → identify → select a profile → quirks → strategy (shape of the reply) → loader → reply → destination
//! ```
//!
//! * [`strategy`]: the shapes of replies, as a table with evidence
//! * `form`: a shape with what quirks change in it
//! * [`loader`]: which program or URI this client is named
//! * `reply`: the message that is sent, and where to; `finish`: the answer, encoded
//! * [`menu`], [`item`]: a menu that the firmware shows, and what was chosen in it
//! * `excess`: a reply that does not fit
//! * [`note`]: what a message tells of a machine beside that
//! * [`lease`], [`grant`]: the same in mode `dhcp`, where the reply is a lease with boot data in it
//!
//! Invariants: beside another's leases, a client that is not booting is never answered, nor is a
//! lease REQUEST on 67; every answer stays within the client's size limit; every other outcome is
//! an [`Ignore`] with its reason.

mod excess;
mod finish;
mod form;
pub mod grant;
pub mod item;
pub mod lease;
pub mod loader;
pub mod menu;
pub mod note;
mod reply;
pub mod strategy;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::client::progress::Offered;
use crate::client::quirk::Treatment;
use crate::client::{Client, NotBooting, Shape, identify};
use crate::lease::Silence;
use crate::profile::{Selection, Snapshot, choose};
use crate::wire::dhcp::{BOOTREQUEST, Kind, Message, code};
use crate::wire::pxe;
pub use excess::Excess;
use finish::{Parts, answers_there, finish};
use form::Form;
use loader::{Here, NoLoader};
use menu::NoRoom;
use strategy::{By, Strategy};

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
    pub loader: Option<String>,
    /// Why a menu that its firmware would show is left to the loader.
    pub no_menu: Option<NoRoom>,
    /// What was chosen in a menu that its firmware showed, where this answers for that.
    pub chosen: Option<item::Chosen>,
}

/// Why a message is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignore {
    /// A reply of some other server, or noise.
    #[error("not a request")]
    NotRequest,
    /// An ordinary client; the DHCP server's business.
    #[error("{0}")]
    NotBooting(#[from] NotBooting),
    /// A boot client takes its lease from the DHCP server; not ours to answer or refuse.
    #[error("a lease REQUEST: the DHCP server's to answer")]
    LeaseRequest,
    /// A message type that a boot server has no answer to on this port.
    #[error("a message type that is not answered on port {0}")]
    Kind(u16),
    /// Discovery of a boot-server type that is not served (facts A).
    #[error("asks for PXE boot server type {0}, which is not served")]
    BootServerType(u16),
    /// Discovery of one that the machine's menu gives to other servers alone.
    #[error("asks for PXE boot server type {0}, which its menu gives to {servers}", servers = Listed(.1))]
    OthersItem(u16, Vec<Ipv4Addr>),
    /// A boot-server type in a message that asks for none.
    #[error(
        "names PXE boot server type {0}, but is no REQUEST or INFORM of a PXE client: those ask for one"
    )]
    NoItemRequest(u16),
    /// Discovery of a program that comes after the first one of its boot server type.
    #[error("asks for layer {1} of PXE boot server type {0}, which has one program alone")]
    BootServerLayer(u16, u16),
    /// No profile matches and there is no default.
    #[error(
        "no profile matches this machine and there is none for everyone; add one without a match"
    )]
    NoProfile,
    /// The profile's loader does not exist for this machine.
    #[error("{0}")]
    NoLoader(#[from] NoLoader),
    /// `giaddr` is no host's address: what answers it would go anywhere.
    #[error("relayed by {0}, which is no host's address")]
    Relay(Ipv4Addr),
    /// Mode `dhcp`: `chaddr` is empty.
    #[error("no hardware address")]
    NoHardwareAddress,
    /// Mode `dhcp`: no subnet has the client's link.
    #[error("no subnet under `dhcp: networks:` holds {0}, the address on its link")]
    NoNetwork(Ipv4Addr),
    /// Mode `dhcp`: a RELEASE or DECLINE for another server.
    #[error("meant for another DHCP server")]
    OtherServers,
    /// Mode `dhcp`: it names another address of this host, and is answered where it comes to that.
    #[error("names another address of this host, and is answered there")]
    OtherAddress,
    /// Mode `dhcp`: the lease that is offered could not be stored, and so would never be given;
    /// another server's can.
    #[error("the lease store cannot be written, so nothing is offered")]
    Unwritable,
    /// It came by an interface that has lost its address, so nothing could be answered from there.
    #[error("the interface it came by has no address any more")]
    NoOwnAddress,
    /// Mode `dhcp`: the book of leases has no answer to it.
    #[error("{0}")]
    Lease(Silence),
    /// A quirk says that this client is not answered on port 4011.
    #[error("quirk \"{0}\" says that port 4011 does not answer this machine")]
    Quirk(Arc<str>),
    /// The name of the loader goes where it has no room; its bytes.
    #[error(
        "the loader's name has {0} bytes, and this machine is told it in the header alone, which holds {most}; give it a shorter one",
        most = reply::FILE_MAX
    )]
    NameTooLong(usize),
    /// The reply would not fit the client's limit.
    #[error("{0}")]
    TooLarge(Box<Excess>),
}

/// Addresses in a sentence.
struct Listed<'a>(&'a [Ipv4Addr]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" and "))
    }
}

impl Ignore {
    /// The reason as a word, for metrics and the JSON log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotRequest => "not-request",
            Self::NotBooting(_) => "not-booting",
            Self::LeaseRequest => "lease-request",
            Self::Kind(_) | Self::NoItemRequest(_) => "message-type",
            Self::BootServerType(_) => "boot-server-type",
            Self::BootServerLayer(..) => "boot-server-layer",
            Self::NoProfile => "no-profile",
            Self::NoLoader(_) => "no-loader",
            Self::Relay(_) => "bad-relay",
            Self::NoHardwareAddress => "no-hardware-address",
            Self::NoNetwork(_) => "no-network",
            Self::OtherServers | Self::OtherAddress | Self::OthersItem(..) => "other-server",
            Self::Unwritable => "unwritable",
            Self::NoOwnAddress => "no-own-address",
            Self::Lease(why) => why.word(),
            Self::Quirk(_) => "quirk",
            Self::NameTooLong(_) => "name-too-long",
            Self::TooLarge(_) => "too-large",
        }
    }
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
    match identify(incoming.message, incoming.local).map(complete) {
        Ok(client) => {
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
    let kind = answerable(incoming)?;
    relayed_by_a_host(incoming.message)?;
    let selection = choose(snapshot, client).ok_or(Ignore::NoProfile)?;
    let treatment = snapshot.quirks.treat(client);
    answers_there(incoming, &treatment)?;
    let here = Here::of(snapshot, incoming);
    let menu = menu::option(&selection.profile, client, &treatment, here);
    let case = Case {
        incoming,
        kind,
        client,
        treatment: &treatment,
        selection: &selection,
        here,
    };
    match menu {
        Some(menu) => case.told_menu(&menu),
        None => case.told(None),
    }
}

/// One message, and what is known of who sent it.
struct Case<'a> {
    incoming: Incoming<'a>,
    kind: Kind,
    client: &'a Client,
    treatment: &'a Treatment<'a>,
    selection: &'a Selection,
    here: Here,
}

impl Case<'_> {
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
        let (strategy, by) = match menu {
            Some(_) => (strategy::of(Shape::Menu), By::Profile),
            None => strategy::for_client(client, profile, treatment),
        };
        let form = Form {
            menu: menu.unwrap_or_default(),
            ..Form::of(strategy, treatment, client)
        };
        let offered = (self.kind == Kind::Offer)
            .then(|| strategy::offered(client, (strategy, &by), (treatment, form.bypasses())));
        let parts = Parts {
            incoming: self.incoming,
            kind: self.kind,
            strategy,
            form,
            loader: loader::beside(menu.is_some(), profile, (client, treatment), self.here)?,
        };
        let answer = finish(parts, (self.selection.clone(), by))?;
        Ok(Box::new(Answer {
            offered: offered.flatten(),
            ..*answer
        }))
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

/// The type of the reply, where this message has one on this port.
fn answerable(incoming: Incoming<'_>) -> Result<Kind, Ignore> {
    if (incoming.port, incoming.message.kind()) == (Port::Dhcp, Some(Kind::Request)) {
        return Err(Ignore::LeaseRequest);
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
