//! A verdict of the book → the reply: RFC 2131 table 3, boot data (facts, section 0, kind 1), and
//! the options of the client's terms.
//!
//! The order of options is the safe one: 53, 54, lease times, the client's own, 60, 97, 43, 67, 175,
//! 61, 82. Never in it: option 52. What a client's size limit has no room for is left out from the
//! end of the client's own, and named.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::lease::Asked;
use super::loader::{self, Named};
use super::reply;
use super::strategy::{self, Strategy};
use super::{Ignore, Port};
use crate::client::{Client, Stage};
use crate::lease::{Binding, Kind as Asking, Nak, Verdict};
use crate::network::{Subnet, Terms};
use crate::profile::{Selection, Snapshot};
use crate::wire::dhcp::{BROADCAST, Kind, Message, Options, code};

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
    /// The profile and why.
    pub selection: Selection,
    /// What the client is told to load.
    pub loader: Named,
}

/// iPXE's option 175, sub-option 176 (`no-pxedhcp`): wait for no proxy (quirk 32).
const NO_PROXY: [u8; 3] = [176, 1, 1];
/// What a BOOTP client has room for: 300 bytes in all (RFC 1542 2.1).
const BOOTP_REPLY: usize = 300;
/// Options that say how long, asked for or not (RFC 2131 4.4.5).
const TIMES: [u8; 3] = [code::LEASE_TIME, code::RENEWAL_TIME, code::REBINDING_TIME];

/// Builds the reply to what was asked.
pub(super) fn build(
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    verdict: Verdict,
) -> Result<Grant, Ignore> {
    let (told, first) = match verdict {
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
    };
    let boot = boots(told, asked).map(|client| boot(snapshot, asked, client));
    let (message, left_out) = message(asked, told, boot.as_ref().and_then(|b| b.as_ref().ok()));
    Ok(Grant {
        bytes: message.encode(),
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
        Told::Offer(_) | Told::Ack(_) => asked.client.as_ref(),
        Told::Bootp(_) | Told::Inform | Told::Nak(_) => None,
    }
}

fn boot(snapshot: &Snapshot, asked: &Asked<'_>, client: &Client) -> Result<Boot, Ignore> {
    let selection = asked.selection.clone().ok_or(Ignore::NoProfile)?;
    let here = loader::Here {
        server: asked.incoming.local,
        http_port: snapshot.http_port,
    };
    Ok(Boot {
        strategy: strategy::for_lease(client, Terms::pxe_of(&layers(asked, None))),
        loader: loader::for_client(&selection.profile, client, here)?,
        selection,
    })
}

/// The terms of a client, the most specific first; of an address, its pool's or its subnet's last.
fn layers<'a>(asked: &'a Asked<'_>, address: Option<Ipv4Addr>) -> Vec<&'a Terms> {
    let place = address.or(Some(asked.incoming.message.ciaddr));
    let subnet = place.and_then(|a| asked.network.subnet_of(a));
    let subnet = subnet.or_else(|| asked.network.subnets.first());
    let pool = place.and_then(|a| asked.network.pool_of(a));
    let own = asked.reservation.map(|r| &r.terms);
    let profile = asked.selection.as_ref().map(|s| &s.profile.terms);
    let place = pool.map(|p| &p.terms).or(subnet.map(|s| &s.terms));
    [own, profile, place].into_iter().flatten().collect()
}

fn message(asked: &Asked<'_>, told: Told, boot: Option<&Boot>) -> (Message, Vec<u8>) {
    let request = asked.incoming.message;
    let mut message = Message {
        flags: flags(asked, told),
        ..reply::blank(request)
    };
    match told {
        Told::Offer(binding) | Told::Bootp(binding) => message.yiaddr = binding.address,
        Told::Ack(binding) => {
            message.yiaddr = binding.address;
            message.ciaddr = request.ciaddr;
        }
        Told::Inform => message.ciaddr = request.ciaddr,
        Told::Nak(_) => {}
    }
    let name = boot
        .filter(|b| b.strategy.names_loader)
        .map(|b| b.loader.to_string());
    match (&name, boot) {
        (Some(name), _) => reply::name_loader(&mut message, asked.incoming.local, name),
        (None, Some(_)) => message.siaddr = asked.incoming.local, // where port 4011 is
        (None, None) => {}
    }
    let left_out = options(asked, told, boot, name.as_deref(), &mut message);
    (message, left_out)
}

/// As asked; a NAK through a relay asks for broadcast, since its client has no address (RFC 2131
/// 4.3.2).
fn flags(asked: &Asked<'_>, told: Told) -> u16 {
    match told {
        Told::Nak(_) => asked.incoming.message.flags | BROADCAST,
        _ => asked.incoming.message.flags,
    }
}

/// Fills in the options; gives those that there was no room for.
fn options(
    asked: &Asked<'_>,
    told: Told,
    boot: Option<&Boot>,
    name: Option<&str>,
    message: &mut Message,
) -> Vec<u8> {
    let head = head(asked, told);
    let tail = tail(asked, told, boot, name);
    let mut own = own(asked, told);
    // What the operator sets beside it would be joined to it, or lead elsewhere.
    own.retain(|(code, _)| !head.has(*code) && !tail.has(*code));
    if name.is_some() {
        own.retain(|(code, _)| ![code::TFTP_SERVER, code::BOOT_FILE].contains(code));
    }
    let limit = match told {
        Told::Bootp(_) => BOOTP_REPLY,
        _ => asked.incoming.message.reply_limit(),
    };
    let mut left_out = Vec::new();
    loop {
        message.options = joined(&head, &own, &tail);
        if message.encoded_len() <= limit {
            return left_out;
        }
        match own.pop() {
            Some((code, _)) => left_out.push(code),
            None => return left_out,
        }
    }
}

fn joined(head: &Options, own: &[(u8, Vec<u8>)], tail: &Options) -> Options {
    let own = own.iter().map(|(code, value)| (*code, value.as_slice()));
    head.iter().chain(own).chain(tail.iter()).collect()
}

/// What the kind of reply asks for: 53, 54, the times, the message of a NAK.
fn head(asked: &Asked<'_>, told: Told) -> Options {
    let mut head = Options::default();
    let kind = match told {
        Told::Offer(_) => Kind::Offer,
        Told::Ack(_) | Told::Inform => Kind::Ack,
        Told::Nak(_) => Kind::Nak,
        Told::Bootp(_) => return head,
    };
    head.push(code::MESSAGE_TYPE, &[kind.number()]);
    head.push(code::SERVER_ID, &asked.server_id().octets());
    match told {
        Told::Offer(binding) | Told::Ack(binding) => push_times(binding.seconds, &mut head),
        Told::Nak(why) => head.push(code::MESSAGE, why.to_string().as_bytes()),
        Told::Inform | Told::Bootp(_) => {}
    }
    head
}

/// The lease time, and where it ends some day when to renew and when to ask everybody (RFC 2131
/// 4.4.5: at half and at seven eighths).
fn push_times(seconds: u32, to: &mut Options) {
    to.push(code::LEASE_TIME, &seconds.to_be_bytes());
    if seconds < u32::MAX {
        to.push(code::RENEWAL_TIME, &(seconds / 2).to_be_bytes());
        let rebinding = seconds - seconds / 8;
        to.push(code::REBINDING_TIME, &rebinding.to_be_bytes());
    }
}

/// What the client's terms say, in the order that the client lists (RFC 2131 4.3.1): the mask
/// always, else what it asks for, and what is marked `always`. Without a list: everything.
fn own(asked: &Asked<'_>, told: Told) -> Vec<(u8, Vec<u8>)> {
    let address = match told {
        Told::Offer(binding) | Told::Ack(binding) | Told::Bootp(binding) => binding.address,
        Told::Inform => asked.incoming.message.ciaddr,
        Told::Nak(_) => return Vec::new(),
    };
    let layers = layers(asked, Some(address));
    let wanted = asked.incoming.message.options.get(code::PARAMETER_LIST);
    let mut codes = vec![code::SUBNET_MASK];
    codes.extend(wanted.unwrap_or_default());
    let all = layers.iter().flat_map(|terms| &terms.options);
    let further = all.filter(|o| o.always || wanted.is_none());
    codes.extend(further.map(|o| o.code));
    let mut own: Vec<(u8, Vec<u8>)> = Vec::new();
    for code in codes {
        if own.iter().any(|(known, _)| *known == code) || TIMES.contains(&code) {
            continue;
        }
        own.extend(value(asked, &layers, address, code).map(|value| (code, value)));
    }
    own
}

/// One option: as configured, else as it follows from the subnet or the reservation.
fn value(asked: &Asked<'_>, layers: &[&Terms], address: Ipv4Addr, code: u8) -> Option<Vec<u8>> {
    if let Some(option) = Terms::option(layers, code) {
        return Some(option.value.to_vec());
    }
    let subnet: Option<&Subnet> = asked.network.subnet_of(address);
    match code {
        code::SUBNET_MASK => subnet.map(|s| s.net.netmask().octets().to_vec()),
        code::BROADCAST_ADDRESS => subnet.map(|s| s.net.broadcast().octets().to_vec()),
        code::HOST_NAME => {
            let reserved = asked.reservation?.host_name.as_ref()?;
            Some(reserved.as_bytes().to_vec())
        }
        _ => None,
    }
}

/// What comes last: boot data, the identifiers as they came, the relay's words.
fn tail(asked: &Asked<'_>, told: Told, boot: Option<&Boot>, name: Option<&str>) -> Options {
    let request = &asked.incoming.message.options;
    let mut tail = Options::default();
    if let Some(boot) = boot {
        reply::push_boot(request, boot.strategy, name.unwrap_or_default(), &mut tail);
    }
    let ipxe = asked
        .client
        .as_ref()
        .is_some_and(|c| c.stage == Stage::Ipxe);
    if boot.is_some() && ipxe {
        tail.push(code::ETHERBOOT, &NO_PROXY);
    }
    // RFC 6842: the client identifier goes back as it came.
    let id = request.get(code::CLIENT_ID).filter(|id| !id.is_empty());
    if let Some(id) = id.filter(|_| !matches!(told, Told::Bootp(_))) {
        tail.push(code::CLIENT_ID, id);
    }
    if let Some(relay) = request.get(code::RELAY_AGENT) {
        tail.push(code::RELAY_AGENT, relay);
    }
    tail
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
    match told {
        Told::Nak(_) => everybody,
        _ if request.ciaddr.is_unspecified() && asked.kind == Asking::Inform => peer,
        _ if request.ciaddr.is_unspecified() => everybody,
        _ if *peer.ip() == request.ciaddr => peer,
        _ => SocketAddrV4::new(request.ciaddr, 68),
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
