//! Boot-server discovery: what was chosen in a menu that firmware shows (43.71) → the loader that
//! starts it.
//!
//! ```text
//! REQUEST or INFORM with 43{71 = type, layer} → the entry of that type in the machine's profile
//!     → its own program, or the loader that starts that entry alone → ACK with 71 as it came
//! ```
//!
//! It comes to 4011 by unicast or multicast, and to 67 by broadcast, where it is no lease REQUEST.
//! The answer goes to where it came from, by the port it came to (facts A "Boot-server discovery").
//! Servers are silent about types that they do not serve: another one may.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::loader::{self, Here};
use super::strategy::BOOT_ITEM;
use super::{Answer, Excess, Ignore, Incoming, menu, reply};
use crate::client::{Choice, Class, Client};
use crate::profile::{Entry, Profile, Snapshot, choose};
use crate::wire::dhcp::{Kind, Message, Options, code};
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

/// The item that a message asks for; `None` for all other messages.
pub fn asked(message: &Message) -> Option<Item> {
    let asks = matches!(message.kind(), Some(Kind::Request | Kind::Inform));
    let class = message.options.get(code::VENDOR_CLASS)?;
    if !asks || !class.starts_with(CLASS_PXE) {
        return None;
    }
    let (kind, layer) = pxe::boot_item(message.options.get(code::VENDOR_SPECIFIC)?)?;
    let layer = layer & !CREDENTIALS;
    Some(Item { kind, layer })
}

/// Answers for an item.
pub(super) fn answer(
    snapshot: &Snapshot,
    incoming: Incoming<'_>,
    client: &Client,
    item: Item,
) -> Result<Box<Answer>, Ignore> {
    let selection = choose(snapshot, client).ok_or(Ignore::NoProfile)?;
    let profile = &selection.profile;
    let entry = entry(profile, client, item).ok_or(Ignore::BootServerType(item.kind))?;
    if item.layer != FIRST_LAYER {
        return Err(Ignore::BootServerLayer(item.kind, item.layer));
    }
    let here = Here {
        server: incoming.local,
        http_port: snapshot.http_port,
    };
    let (loader, by_loader) = loader::for_item(snapshot, profile, entry, client, here)?;
    let name = loader.to_string();
    let message = message(incoming, item, &name);
    let bytes = message.encode();
    let limit = incoming.message.reply_limit();
    if let Some(excess) = Excess::of(&message, bytes.len(), limit) {
        return Err(Ignore::TooLarge(excess));
    }
    let chosen = Chosen {
        kind: item.kind,
        title: entry.title.clone(),
        choice: Choice {
            profile: Arc::from(profile.name.as_str()),
            entry: Arc::from(entry.id.as_str()),
            by_loader,
        },
    };
    Ok(Box::new(Answer {
        message,
        bytes,
        to: destination(incoming),
        strategy: &BOOT_ITEM,
        chosen: Some(chosen),
        loader: name,
        selection,
    }))
}

/// The entry of this type, where the machine sees it and bootjack serves it. The menu may have been
/// another one when it was shown: a type stands for an id, whatever else has changed.
fn entry<'p>(profile: &'p Profile, client: &Client, item: Item) -> Option<&'p Entry> {
    let shown = client.class == Class::Pxe && profile.firmware_shows(client.platform());
    let mut all = profile.menu.entries.iter().filter(|_| shown);
    let is = |e: &&Entry| e.item_type() == item.kind && menu::sees(client, e) && e.is_served_here();
    all.find(is).filter(|_| item.kind != LOCAL)
}

fn message(incoming: Incoming<'_>, item: Item, name: &str) -> Message {
    let request = incoming.message;
    let mut message = Message {
        ciaddr: request.ciaddr,
        options: options(incoming, item, name),
        ..reply::blank(request)
    };
    reply::name_loader(&mut message, incoming.local, name);
    message
}

fn options(incoming: Incoming<'_>, item: Item, name: &str) -> Options {
    let request = &incoming.message.options;
    let mut options = Options::default();
    options.push(code::MESSAGE_TYPE, &[Kind::Ack.number()]);
    options.push(code::SERVER_ID, &incoming.local.octets());
    reply::push_boot(request, &BOOT_ITEM, name, &mut options);
    let [t1, t2] = item.kind.to_be_bytes();
    let [l1, l2] = item.layer.to_be_bytes();
    options.push(
        code::VENDOR_SPECIFIC,
        &[SUB_BOOT_ITEM, 4, t1, t2, l1, l2, 255],
    );
    if let Some(relay) = request.get(code::RELAY_AGENT) {
        options.push(code::RELAY_AGENT, relay);
    }
    options
}

/// To where it came from; a client that did not say who it is hears a broadcast.
fn destination(incoming: Incoming<'_>) -> SocketAddrV4 {
    let peer = incoming.peer;
    let says = |address: &Ipv4Addr| !address.is_unspecified();
    if says(peer.ip()) {
        return peer;
    }
    let has = Some(incoming.message.ciaddr).filter(says);
    SocketAddrV4::new(has.unwrap_or(Ipv4Addr::BROADCAST), 68)
}
