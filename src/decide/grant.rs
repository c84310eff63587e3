//! A verdict of the book → the reply: RFC 2131 table 3, boot data (facts, section 0, kind 1), and
//! the options of the client's terms (see `options`). Never in it: option 52.

mod options;
mod shape;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::finish::encoded;
use super::form::Form;
use super::lease::Asked;
use super::loader::{self, Here, Named};
use super::menu::{self, NoRoom};
use super::reply;
use super::strategy::{self, Strategy};
use super::{Ignore, Port};
use crate::client::quirk::{FileIn, Treatment};
use crate::client::{Client, PxeShape, Stage};
use crate::lease::{Binding, Nak, Verdict};
use crate::profile::{Selection, Snapshot};
use crate::wire::dhcp::{BROADCAST, Message};
pub(super) use options::limit;
pub use shape::Shaped;

/// What a client is told.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The reply.
    pub message: Message,
    /// The reply, encoded.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub to: SocketAddrV4,
    /// What it is.
    pub told: Told,
    /// What has to happen before it leaves.
    pub first: First,
    /// How long it waits even then (quirk 27).
    pub delay: Duration,
    /// The boot data in it; `None` for a client that boots nothing.
    pub boot: Option<Result<Boot, Ignore>>,
    /// Options that the client's size limit had no room for.
    pub left_out: Vec<u8>,
}

/// The kind of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An address is offered.
    Offer(Binding),
    /// An address is leased.
    Ack(Binding),
    /// An address is leased by BOOTP.
    Bootp(Binding),
    /// Options alone, to an INFORM.
    Inform,
    /// The client has to start again.
    Nak(Nak),
}

/// What has to happen before a reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// Nothing.
    Nothing,
    /// The address is tried: somebody may use it.
    Probe,
    /// The lease is put on disk.
    Store,
}

/// Boot data in a lease.
#[derive(Debug, Clone)]
pub struct Boot {
    /// Its shape, with the evidence.
    pub strategy: &'static Strategy,
    /// Who chose that among the shapes that a lease may have; `None`: it follows from who asks, or its
    /// profile has the firmware show the menu.
    pub shaped: Option<Shaped>,
    /// The profile and why.
    pub selection: Selection,
    /// What the client is told to load; `None`: its menu is all that it is told.
    pub loader: Option<Named>,
    /// The menu that its firmware is to show: option 43.
    menu: Option<Vec<u8>>,
    /// Why a menu that its firmware would show is left to the loader.
    pub no_menu: Option<NoRoom>,
}

impl Boot {
    /// The name that an OFFER or an ACK holds; empty where it holds none.
    fn name(&self) -> String {
        let named = self.loader.as_ref();
        let named = named.filter(|_| self.strategy.names_loader);
        named.map(ToString::to_string).unwrap_or_default()
    }
}

/// Builds the reply to what was asked.
pub(super) fn build(
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    verdict: Verdict,
) -> Result<Grant, Ignore> {
    let what = said(verdict)?;
    let Some(client) = boots(what.0, asked) else {
        return granted(asked, what, None, None);
    };
    let quirks = snapshot.quirks.treat(client);
    let asks = (client, &quirks);
    let full = booting(snapshot, asked, what, asks, WithMenu::Yes);
    let Some(no_room) = no_room(&full) else {
        return full;
    };
    match booting(snapshot, asked, what, asks, WithMenu::No) {
        Ok(bare) if bare.is_better_than(full.as_ref().ok()) => Ok(bare.without(no_room)),
        _ => full,
    }
}

/// Whether a menu may be for the firmware to show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WithMenu {
    Yes,
    No,
}

/// The reply to a machine that boots.
fn booting(
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    what: (Told, First),
    asks: (&Client, &Treatment<'_>),
    menu: WithMenu,
) -> Result<Grant, Ignore> {
    let boot = boot(snapshot, asked, what.0, asks, menu);
    let form = boot.as_ref().ok().map(|boot| form(what.0, boot, asks));
    granted(asked, what, Some(boot), form)
}

/// Where a menu may take up the room of something else.
fn no_room(told: &Result<Grant, Ignore>) -> Option<NoRoom> {
    match told {
        Err(Ignore::TooLarge(excess)) => Some(NoRoom::Reply(excess.clone())),
        Ok(grant) if grant.has_menu() && !grant.left_out.is_empty() => {
            Some(NoRoom::Options(grant.left_out.clone()))
        }
        _ => None,
    }
}

impl Grant {
    /// The boot data in it.
    fn booted(&self) -> Option<&Boot> {
        self.boot.as_ref()?.as_ref().ok()
    }

    fn has_menu(&self) -> bool {
        self.booted().is_some_and(|boot| boot.menu.is_some())
    }

    /// Whether it boots the machine, and leaves out less than another that would too.
    fn is_better_than(&self, other: Option<&Self>) -> bool {
        let leaves_less = |other: &Self| self.left_out.len() < other.left_out.len();
        self.booted().is_some() && other.is_none_or(leaves_less)
    }

    fn without(mut self, no_room: NoRoom) -> Self {
        if let Some(Ok(boot)) = &mut self.boot {
            boot.no_menu = Some(no_room);
        }
        self
    }
}

/// What a verdict is to be told as, and what has to happen before.
const fn said(verdict: Verdict) -> Result<(Told, First), Ignore> {
    Ok(match verdict {
        Verdict::Offer {
            binding,
            probe: true,
        } => (Told::Offer(binding), First::Probe),
        Verdict::Offer { binding, .. } => (Told::Offer(binding), First::Nothing),
        Verdict::Ack(binding) => (Told::Ack(binding), First::Store),
        Verdict::Bootp(binding) => (Told::Bootp(binding), First::Store),
        Verdict::Inform => (Told::Inform, First::Nothing),
        Verdict::Nak(why) => (Told::Nak(why), First::Nothing),
        Verdict::Silence(why) => return Err(Ignore::Lease(why)),
    })
}

/// The reply, with boot data and the form they take where the client boots.
fn granted(
    asked: &Asked<'_>,
    (told, first): (Told, First),
    boot: Option<Result<Boot, Ignore>>,
    form: Option<Form<'_>>,
) -> Result<Grant, Ignore> {
    let data = boot.as_ref().and_then(|boot| boot.as_ref().ok());
    let data = data.zip(form).map(|(boot, form)| Data {
        boot,
        form: Form {
            menu: boot.menu.as_deref().unwrap_or_default(),
            ..form.of_profile(&boot.selection.profile)
        },
    });
    let (message, left_out) = message(asked, told, data.as_ref());
    let limit = limit(asked.incoming.message, asked.kind);
    let form = data.as_ref().map(|data| &data.form);
    let bytes = encoded(&message, form, limit)?;
    let delay = form.filter(|_| matches!(told, Told::Offer(_)));
    Ok(Grant {
        bytes,
        delay: delay.map_or(Duration::ZERO, |form| form.delay),
        to: destination(asked, told),
        message,
        told,
        first,
        boot,
        left_out,
    })
}

/// The machine, where it boots and is told an address.
fn boots<'a>(told: Told, asked: &'a Asked<'_>) -> Option<&'a Client> {
    match told {
        Told::Offer(_) | Told::Ack(_) | Told::Bootp(_) => asked.client.as_ref(),
        Told::Inform | Told::Nak(_) => None,
    }
}

fn boot(
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    told: Told,
    (client, quirks): (&Client, &Treatment<'_>),
    with: WithMenu,
) -> Result<Boot, Ignore> {
    let selection = asked.selection.clone().ok_or(Ignore::NoProfile)?;
    let here = Here::of(snapshot, asked.incoming);
    let shaped = Shaped::of(asked, told, quirks);
    let menu = menu::option(&selection.profile, client, quirks, here);
    let menu = menu.filter(|_| with == WithMenu::Yes);
    // Port 4011 has the menu where the client is sent there; BOOTP has no option 43.
    let menu =
        menu.filter(|_| !matches!(told, Told::Bootp(_)) && shaped.shape != PxeShape::Offer4011);
    let boot = Boot {
        strategy: match menu {
            Some(_) => &strategy::LEASE_MENU,
            None => strategy::for_lease(client, shaped.shape),
        },
        shaped: Some(shaped).filter(|_| menu.is_none() && client.stage == Stage::Rom),
        loader: loader::beside(menu.is_some(), &selection.profile, (client, quirks), here)?,
        menu,
        no_menu: None,
        selection,
    };
    reply::holds(&form(told, &boot, (client, quirks)), &boot.name())?;
    Ok(boot)
}

/// The form of boot data. BOOTP has the header alone.
fn form<'t>(told: Told, boot: &Boot, (client, quirks): (&Client, &Treatment<'t>)) -> Form<'t> {
    let form = Form::of(boot.strategy, quirks, client);
    match told {
        Told::Bootp(_) => Form {
            file: Some(FileIn::Header),
            ..form
        },
        _ => form,
    }
}

/// Boot data and the form they take.
struct Data<'a> {
    boot: &'a Boot,
    form: Form<'a>,
}

fn message(asked: &Asked<'_>, told: Told, data: Option<&Data<'_>>) -> (Message, Vec<u8>) {
    let request = asked.incoming.message;
    let mut message = Message {
        flags: flags(asked, told, data),
        ..reply::blank(request)
    };
    match told {
        Told::Offer(binding) | Told::Bootp(binding) => message.yiaddr = binding.address,
        Told::Ack(binding) => {
            message.yiaddr = binding.address;
            message.ciaddr = asked.has().unwrap_or(message.ciaddr);
        }
        Told::Inform => message.ciaddr = request.ciaddr,
        Told::Nak(_) => {}
    }
    let server = asked.incoming.local;
    if let Some(Data { boot, form }) = data {
        message.siaddr = server; // also where port 4011 is
        if boot.strategy.names_loader {
            reply::name_loader(&mut message, server, form, &boot.name());
        }
    }
    let left_out = options::fill(asked, told, data, &mut message);
    (message, left_out)
}

/// As asked; a NAK through a relay asks for broadcast, since its client has no address (RFC 2131
/// 4.3.2).
fn flags(asked: &Asked<'_>, told: Told, data: Option<&Data<'_>>) -> u16 {
    let forced = data.is_some_and(|data| data.form.broadcast == Some(true));
    match told {
        _ if forced => asked.incoming.message.flags | BROADCAST,
        Told::Nak(_) => asked.incoming.message.flags | BROADCAST,
        _ => asked.incoming.message.flags,
    }
}

/// RFC 2131 4.1: to the relay; to a client that has an address, there; else to everybody on the
/// link. That last goes for clients that could hear unicast before they have an address too: the
/// link-layer address could be told to the kernel only with privileges that are gone by now, and
/// a broadcast is heard by all of them (facts A "Destination").
fn destination(asked: &Asked<'_>, told: Told) -> SocketAddrV4 {
    let request = asked.incoming.message;
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 68);
    if !request.giaddr.is_unspecified() {
        return SocketAddrV4::new(request.giaddr, Port::Dhcp.number());
    }
    let peer = asked.incoming.peer;
    match (told, asked.has()) {
        // Past its relay, by unicast: our broadcast would not reach it.
        (Told::Nak(_), Some(has)) if asked.is_afar() => SocketAddrV4::new(has, 68),
        (Told::Nak(_), _) | (_, None) => everybody,
        (_, Some(has)) if *peer.ip() == has => peer,
        (_, Some(has)) => SocketAddrV4::new(has, 68),
    }
}

impl Told {
    /// The word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Ack(_) => "ack",
            Self::Bootp(_) => "bootp",
            Self::Inform => "inform",
            Self::Nak(_) => "nak",
        }
    }

    /// The address it is about.
    pub const fn binding(self) -> Option<Binding> {
        match self {
            Self::Offer(binding) | Self::Ack(binding) | Self::Bootp(binding) => Some(binding),
            Self::Inform | Self::Nak(_) => None,
        }
    }

    /// For how long, or why not, in words.
    pub fn detail(self) -> String {
        match self {
            Self::Nak(why) => why.to_string(),
            Self::Inform => "options alone".to_owned(),
            Self::Offer(b) | Self::Ack(b) | Self::Bootp(b) => match b.seconds {
                u32::MAX => "for ever".to_owned(),
                seconds => format!("{seconds} s"),
            },
        }
    }
}
