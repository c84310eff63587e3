//! The message that is sent, and where to (facts A and "Defaults that work").
//!
//! Never in it: option 52, a lease (1, 3, 51), `yiaddr`. Always in it: 53, 54, 60, siaddr, sname
//! and file in the header, 97 as it came where it came, 82 verbatim and last.
//!
//! At 4011, iPXE takes what comes from port 4011 with siaddr, a file name and, in 54, the server that
//! its OFFER named, which in mode `colocated` is the DHCP server of this host (`dhcp_proxy_rx`); EDK2
//! listens on its own 4011 and wants a file name (`PxeBcDhcp4Discover`). So 54 and siaddr are the
//! address that was asked, and the ACK goes to where the request came from.
//!
//! A relay's override of the server (82.11, RFC 5107) makes renewals come by the relay. Here is no lease
//! to renew, and iPXE asks port 4011 of whom 54 names, where a relay does not listen: so 54 is ours
//! all the same. In mode `dhcp` it is followed (see `grant`).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::form::Form;
use super::loader::Named;
use super::pxelinux;
use super::strategy::Strategy;
use super::{Ignore, Incoming, Port};
use crate::client::quirk::{FileIn, ReplyPort, Vendor};
use crate::wire::dhcp::{BOOTREPLY, BROADCAST, Kind, Message, Options, code};
use crate::wire::pxe;

/// The bytes of `file` that text may fill: one is left for NUL.
pub(super) const FILE_MAX: usize = 127;

/// iPXE's option 175, sub-option 1 (`priority`): settings of a larger one go before those of others,
/// and those of the DHCP server's ACK before a proxy's of the same (facts C and H; iPXE settings.c). A
/// lease of ours has nobody beside it, and no use for it.
const IPXE_PRIORITY: u8 = 1;

/// iPXE's option 175, sub-option 176 (`no-pxedhcp`): wait for no proxy (quirk 32).
pub(super) const NO_PROXY: [u8; 3] = [176, 1, 1];

/// Builds an OFFER or an ACK, where the loader's name has room in it.
pub(super) fn build(
    incoming: Incoming<'_>,
    kind: Kind,
    strategy: &Strategy,
    form: &Form<'_>,
    loader: Option<&Named>,
) -> Result<Message, Ignore> {
    let request = incoming.message;
    let named = kind == Kind::Ack || strategy.names_loader;
    let name = loader.filter(|_| named).map(Named::as_str);
    let name = name.unwrap_or_default();
    holds(form, name)?;
    let mut message = Message {
        flags: flags(incoming, kind, form),
        ciaddr: if kind == Kind::Ack {
            request.ciaddr
        } else {
            Ipv4Addr::UNSPECIFIED
        },
        options: options(incoming, kind, form, name),
        ..blank(request)
    };
    name_loader(&mut message, incoming.local, form, name);
    Ok(message)
}

/// What every reply copies from its request (facts A "Every IPv4 reply"), and nothing else yet.
pub(super) fn blank(request: &Message) -> Message {
    let nobody = Ipv4Addr::UNSPECIFIED;
    Message {
        op: BOOTREPLY,
        htype: request.htype,
        hlen: request.hlen,
        hops: 0,
        xid: request.xid,
        secs: 0,
        flags: request.flags,
        ciaddr: nobody,
        yiaddr: nobody,
        siaddr: nobody,
        giaddr: request.giaddr,
        chaddr: request.chaddr,
        sname: [0; 64],
        file: [0; 128],
        options: Options::default(),
    }
}

/// Puts the loader and where it is into the header.
pub(super) fn name_loader(message: &mut Message, server: Ipv4Addr, form: &Form<'_>, name: &str) {
    message.siaddr = server;
    message.sname = pxe::dotted(server);
    if form.file != Some(FileIn::Option) {
        message.file = header_file(name);
    }
}

/// A proxy OFFER asks for broadcast, also of a relay: the client has no address yet (quirks 24, 25).
/// So does an item's ACK through a relay, which sends what has no broadcast bit to yiaddr (RFC 1542,
/// 4.1.2): a lease is not ours to give, so that is 0.
fn flags(incoming: Incoming<'_>, kind: Kind, form: &Form<'_>) -> u16 {
    let relayed = incoming.port == Port::Dhcp && !incoming.message.giaddr.is_unspecified();
    let asks = kind == Kind::Offer || relayed;
    if asks && form.broadcast.unwrap_or(true) {
        incoming.message.flags | BROADCAST
    } else {
        incoming.message.flags
    }
}

/// Whether a name has room where it is to go.
pub(super) fn holds(form: &Form<'_>, name: &str) -> Result<(), Ignore> {
    match form.file {
        Some(FileIn::Header) if name.len() > FILE_MAX => Err(Ignore::NameTooLong(name.len())),
        _ => Ok(()),
    }
}

fn header_file(name: &str) -> [u8; 128] {
    let mut file = [0; 128];
    if name.len() <= FILE_MAX {
        file.iter_mut()
            .zip(name.bytes())
            .for_each(|(to, from)| *to = from);
    }
    file
}

fn options(incoming: Incoming<'_>, kind: Kind, form: &Form<'_>, name: &str) -> Options {
    let request = &incoming.message.options;
    let mut options = Options::default();
    options.push(code::MESSAGE_TYPE, &[kind.number()]);
    options.push(code::SERVER_ID, &incoming.local.octets());
    push_boot(request, form, (incoming.local, name), &mut options);
    if form.ipxe_priority > 0 {
        options.push(code::ETHERBOOT, &[IPXE_PRIORITY, 1, form.ipxe_priority]);
    }
    if form.no_proxy {
        options.push(code::ETHERBOOT, &NO_PROXY);
    }
    if let Some(relay) = request.get(code::RELAY_AGENT) {
        options.push(code::RELAY_AGENT, relay);
    }
    options
}

/// What a form adds to the options, in the safe order: 60, 97, 43, 66, 67 (facts A), and pxelinux's own.
pub(super) fn push_boot(
    request: &Options,
    form: &Form<'_>,
    (server, name): (Ipv4Addr, &str),
    to: &mut Options,
) {
    if let Some(class) = form.class {
        to.push(code::VENDOR_CLASS, class);
    }
    if let Some(uuid) = request.get(code::CLIENT_UUID).filter(|v| !v.is_empty()) {
        to.push(code::CLIENT_UUID, uuid);
    }
    let own = pxelinux::options(form.pxelinux, name);
    push_vendor(form, &own, to);
    for option in form.server_options {
        match *option {
            code::TFTP_SERVER => to.push(code::TFTP_SERVER, server.to_string().as_bytes()),
            option => to.push(option, &server.octets()),
        }
    }
    if in_option_67(form, name) {
        // Its NUL counts (quirks 15, 16).
        to.push(
            code::BOOT_FILE,
            &[name.as_bytes(), form.ending.bytes()].concat(),
        );
    }
    for (code, value) in &own {
        to.push(*code, value);
    }
}

fn push_vendor(form: &Form<'_>, own: &[(u8, Vec<u8>)], to: &mut Options) {
    if let Some(own) = form.own_vendor {
        return to.push(code::VENDOR_SPECIFIC, own);
    }
    let text = match form.vendor {
        Vendor::None => return,
        // Firmware refuses a packet whose option 43 is empty (facts A).
        Vendor::Menu if form.menu.is_empty() => return,
        Vendor::Menu => return to.push(code::VENDOR_SPECIFIC, form.menu),
        Vendor::Bypass => {
            let with_own = pxelinux::within(&pxe::BOOT_AT_ONCE, own);
            return to.push(code::VENDOR_SPECIFIC, &with_own);
        }
        Vendor::BypassPrompt => {
            let with_own = pxelinux::within(&pxe::BOOT_AT_ONCE_PROMPT, own);
            return to.push(code::VENDOR_SPECIFIC, &with_own);
        }
        Vendor::RaspberryPi => "Raspberry Pi Boot",
        Vendor::RaspberryPi3 => "Raspberry Pi Boot   ",
    };
    to.push(code::VENDOR_SPECIFIC, &pxe::raspberry_pi(text));
}

/// The header holds every name of ours; 67 is for longer URIs, unless a quirk says otherwise.
const fn in_option_67(form: &Form<'_>, name: &str) -> bool {
    match form.file {
        Some(FileIn::Header) => false,
        Some(FileIn::Option | FileIn::Both) => !name.is_empty(),
        None => name.len() > FILE_MAX,
    }
}

/// Where the reply goes (facts A "Destination" and "ACK from 4011").
pub(super) fn destination(incoming: Incoming<'_>, form: &Form<'_>) -> SocketAddrV4 {
    let relay = incoming.message.giaddr;
    let nobody = incoming.peer.ip().is_unspecified();
    match incoming.port {
        Port::Pxe if !nobody => match form.reply_port {
            ReplyPort::Source => incoming.peer,
            ReplyPort::Client => SocketAddrV4::new(*incoming.peer.ip(), 68),
        },
        _ if !relay.is_unspecified() => SocketAddrV4::new(relay, Port::Dhcp.number()),
        _ => SocketAddrV4::new(Ipv4Addr::BROADCAST, 68),
    }
}
