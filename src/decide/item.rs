//! Boot-server discovery: what was chosen in a menu that firmware shows (43.71) → the loader that
//! starts it.
//!
//! ```text
//! REQUEST or INFORM with 43{71 = type, layer} → the entry of that type in the machine's profile
//!     → its own program, or the loader that starts that entry alone → ACK with 71 as it came
//! ```
//!
//! It comes to 4011 by unicast or multicast, and to 67 by broadcast or a relay, where it is no lease
//! REQUEST. The answer goes to where it came from, by the port it came to (facts A "Boot-server
//! discovery").
//! Servers are silent about types that they do not serve: another one may.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::finish::{Parts, answers_there, finish};
use super::form::Form;
use super::loader::{self, Here};
use super::strategy::{BOOT_ITEM, By};
use super::{Answer, Ignore, Incoming, Port, menu, origin, reply};
use crate::client::quirk::Treatment;
use crate::client::{Choice, Class, Client, Registry};
use crate::profile::{Entry, Profile, Snapshot, choose};
use crate::wire::dhcp::{Kind, code};
use crate::wire::pxe::{self, CLASS_PXE, SUB_BOOT_ITEM, menu::LOCAL};

/// In a layer: the credentials of that layer are wanted, which we have for none.
const CREDENTIALS: u16 = 0x8000;
/// The layer of the first program.
const FIRST_LAYER: u16 = 0;

/// An item asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its boot server type.
    pub kind: u16,
    /// Which of its programs, 0 for the first; what wants credentials is answered without.
    pub layer: u16,
}

/// What was chosen, for events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its type.
    pub kind: u16,
    /// The entry's line.
    pub title: String,
    /// What becomes known of the machine.
    pub choice: Choice,
}

/// The item that a message asks for; `None` for all other messages, a lease REQUEST with 43.71 in it
/// among them.
pub fn asked(incoming: Incoming<'_>) -> Option<Item> {
    let message = incoming.message;
    let asks = matches!(message.kind(), Some(Kind::Request | Kind::Inform));
    let class = message.options.get(code::VENDOR_CLASS)?;
    if !asks || !class.starts_with(CLASS_PXE) || takes_a_lease(incoming) {
        return None;
    }
    let (kind, layer) = pxe::boot_item(message.options.get(code::VENDOR_SPECIFIC)?)?;
    let layer = layer & !CREDENTIALS;
    Some(Item { kind, layer })
}

/// On 67, who asks for an address, or names another server, is about to take a lease (RFC 2131 4.3.2,
/// SELECTING and INIT-REBOOT), which nobody but its DHCP server answers.
fn takes_a_lease(
    Incoming {
        message,
        port,
        local,
        ..
    }: Incoming<'_>,
) -> bool {
    let server = message.address(code::SERVER_ID);
    let another = server.is_some_and(|server| server != local);
    port == Port::Dhcp && (message.options.has(code::REQUESTED_ADDRESS) || another)
}

/// A machine with what was seen of it before: who loaded what speaks now and what was chosen on it,
/// and where it goes on with what it began by a DISCOVER, what it was known by there.
pub fn with_past(known: &Registry, client: Client, incoming: Incoming<'_>) -> Client {
    let side = origin::side(known, client.mac, incoming);
    let client = Client { side, ..client };
    let before = known.on(client.mac, side);
    let client = client.coming_from(before, incoming.message);
    match incoming.port {
        Port::Dhcp if asked(incoming).is_none() => client,
        Port::Dhcp | Port::Pxe => known.going_on(client),
    }
}

/// Answers for an item.
pub(super) fn answer(
    snapshot: &Snapshot,
    incoming: Incoming<'_>,
    client: &Client,
    item: Item,
) -> Result<Box<Answer>, Ignore> {
    let selection = choose(snapshot, client).ok_or(Ignore::NoProfile)?;
    let quirks = snapshot.quirks.treat(client);
    answers_there(incoming, &quirks)?;
    let profile = &selection.profile;
    let entry = entry(profile, client, item).ok_or(Ignore::BootServerType(item.kind))?;
    if !entry.is_booted_at(incoming.local) {
        return Err(elsewhere(entry, item, incoming.local));
    }
    if item.layer != FIRST_LAYER {
        return Err(Ignore::BootServerLayer(item.kind, item.layer));
    }
    let (asks, here) = ((client, &quirks), Here::of(snapshot, incoming));
    let (loader, by_loader) = loader::for_item(snapshot, profile, entry, asks, here)?;
    let chosen = Chosen::of(profile, entry, by_loader);
    let echoed = item.option();
    let form = form(&quirks, client, &echoed);
    let to = destination(incoming, &form);
    let parts = Parts {
        incoming,
        kind: Kind::Ack,
        strategy: &BOOT_ITEM,
        form,
        loader: Some(loader),
    };
    let answer = finish(parts, (selection, By::Profile))?;
    Ok(Box::new(Answer {
        to,
        chosen: Some(chosen),
        ..*answer
    }))
}

/// Some ROMs want the item echoed, and some boot only where it is not (quirks 33 and 2).
fn form<'t>(quirks: &Treatment<'t>, client: &Client, item: &'t [u8]) -> Form<'t> {
    let echoes = quirks.set(|changes| changes.echoes_item).unwrap_or(true);
    Form {
        menu: if echoes { item } else { &[] },
        ..Form::of(&BOOT_ITEM, quirks, client)
    }
}

impl Chosen {
    fn of(profile: &Profile, entry: &Entry, by_loader: bool) -> Self {
        Self {
            kind: entry.item_type,
            title: entry.title.clone(),
            choice: Choice {
                profile: profile.name.clone(),
                entry: Arc::from(entry.id.as_str()),
                by_loader,
            },
        }
    }
}

impl Item {
    /// Option 43 with this item, and its end mark.
    fn option(self) -> [u8; 7] {
        let ([t1, t2], [l1, l2]) = (self.kind.to_be_bytes(), self.layer.to_be_bytes());
        [SUB_BOOT_ITEM, 4, t1, t2, l1, l2, 255]
    }
}

/// Of a menu that several servers are in, what another one has is no fault. What is asked of us and
/// boots nothing is.
fn elsewhere(entry: &Entry, item: Item, here: Ipv4Addr) -> Ignore {
    let servers = entry.served_at(here);
    if servers.contains(&here) {
        return Ignore::BootServerType(item.kind);
    }
    Ignore::OthersItem(item.kind, servers)
}

/// The entry of this type, where the machine sees it. The menu may have been another one when it was
/// shown: a type stands for an id, whatever else has changed.
fn entry<'p>(profile: &'p Profile, client: &Client, item: Item) -> Option<&'p Entry> {
    let shown = client.class == Class::Pxe && profile.firmware_shows(client.platform());
    let mut all = profile.menu.entries.iter().filter(|_| shown);
    let is = |e: &&Entry| e.item_type == item.kind && menu::sees(client, e);
    all.find(is).filter(|_| item.kind != LOCAL)
}

/// To where it came from; on 67 to the relay that it came by, which listens on 67 and sends from
/// anywhere. A client that did not say who it is hears a broadcast. What a quirk says of the ACK from
/// port 4011 goes for this one too.
fn destination(incoming: Incoming<'_>, form: &Form<'_>) -> SocketAddrV4 {
    let peer = incoming.peer;
    let says = |address: &Ipv4Addr| !address.is_unspecified();
    match incoming.port {
        Port::Pxe if says(peer.ip()) => return reply::destination(incoming, form),
        Port::Dhcp if says(&incoming.message.giaddr) => return reply::destination(incoming, form),
        Port::Dhcp if says(peer.ip()) => return peer,
        Port::Pxe | Port::Dhcp => {}
    }
    let has = Some(incoming.message.ciaddr).filter(says);
    SocketAddrV4::new(has.unwrap_or(Ipv4Addr::BROADCAST), 68)
}
