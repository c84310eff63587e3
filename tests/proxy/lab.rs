//! bootjack alone on a LAN, and what holds for every reply of it.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{DhcpClient, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;

/// bootjack on the first segment.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// A machine that has its lease.
pub const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
/// Where HTTP is.
pub const HTTP: &str = "http://10.77.0.2:8067";

/// A profile for everyone.
pub const EVERYONE: &str = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

/// What is sent to see that an earlier packet was not answered: its answer comes after.
const MARKER: u8 = 250;

/// A LAN with bootjack and one machine.
pub struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    pub appliance: Appliance,
    pub card: DhcpClient,
    pub pc: Host,
    pub lan: Lan,
}

impl Lab {
    pub fn new() -> Self {
        Self::with(EVERYONE)
    }

    pub fn with(profile: &str) -> Self {
        let lan = Lan::new();
        let host = lan.appliance_host();
        Self::on(lan, setup(&host).profile("profile.yaml", profile))
    }

    /// `setup` on this LAN, with a machine on its first segment.
    pub fn on(lan: Lan, setup: Setup) -> Self {
        let pc = lan.client("pc");
        Self {
            appliance: setup.start(),
            card: DhcpClient::new(&pc),
            pc,
            lan,
        }
    }

    /// The OFFER to a client's DISCOVER.
    pub fn offer(&self, client: &BootClient) -> Reply {
        offer(&self.card, client, US)
    }

    /// The ACK to a request at 4011.
    pub fn ack(&self, request: &Packet, from: SocketAddrV4, server: Ipv4Addr) -> Reply {
        ack(&self.card, request, from, server)
    }

    /// Sends what must stay unanswered, then something that is answered; what came before that.
    pub fn silent(&self, what: &str, send: impl FnOnce(&DhcpClient)) {
        send(&self.card);
        let marker = BootClient::new(Speaker::Edk2, MARKER);
        self.card.broadcast(&marker.discover());
        let closing = |reply: &Reply| *reply.from.ip() == US && reply.xid() == marker.xid;
        let mut said = self.card.heard_until(closing);
        said.retain(|reply| reply.from.port() != 68); // a card hears itself too
        assert!(said.is_empty(), "{what} was answered: {said:?}");
    }

    /// As [`Lab::silent`], for a broadcast to port 67.
    pub fn silent_to(&self, what: &str, packet: &Packet) {
        self.silent(what, |card| card.broadcast(packet));
    }
}

/// The appliance in a host, logging also what it ignores.
pub fn setup(host: &Host) -> Setup {
    Setup::new(host, env!("CARGO_BIN_EXE_bootjack")).flag("--log-level=debug")
}

/// The OFFER of `server` to a client's DISCOVER.
pub fn offer(card: &DhcpClient, client: &BootClient, server: Ipv4Addr) -> Reply {
    card.broadcast(&client.discover());
    let reply = card.answer(server, client.xid);
    assert_eq!(reply.from, SocketAddrV4::new(server, 67));
    assert_eq!(reply.option(53), Some(vec![2]), "an OFFER");
    never(&reply, &client.discover());
    reply
}

/// The ACK of `server` to a request from `from` at its port 4011.
pub fn ack(card: &DhcpClient, request: &Packet, from: SocketAddrV4, server: Ipv4Addr) -> Reply {
    card.send(from, SocketAddrV4::new(server, 4011), &request.bytes());
    let reply = card.answer(server, request.xid);
    assert_eq!((reply.from.port(), reply.to), (4011, from), "to the asker");
    assert_eq!(reply.option(53), Some(vec![5]), "an ACK");
    assert_eq!(reply.bytes[12..16], request.ciaddr.octets(), "ciaddr");
    never(&reply, request);
    reply
}

/// What no reply may be, and what each must have (facts A): held against every reply of this file.
pub fn never(reply: &Reply, request: &Packet) {
    reply.assert_sound(request);
    let codes: Vec<u8> = reply.options().iter().map(|(code, _)| *code).collect();
    for lease in [1, 3, 51, 58, 59] {
        assert!(!codes.contains(&lease), "option {lease} belongs to a lease");
    }
    for (code, why) in [(52, "overload"), (13, "suppresses EDK2's size probe")] {
        assert!(!codes.contains(&code), "option {code}: {why}");
    }
    assert_eq!(codes[0], 53, "the type comes first: {codes:?}");
    assert!(
        reply.bytes.len() <= limit(request),
        "past the client's limit"
    );
    assert_eq!(
        reply.yiaddr(),
        Ipv4Addr::UNSPECIFIED,
        "no lease is ours to give"
    );
    let us = *reply.from.ip();
    assert_eq!(reply.siaddr(), us, "siaddr is who answers");
    assert_eq!(reply.option(54), Some(us.octets().to_vec()), "so is 54");
    assert!(
        reply.bytes[44..108].starts_with(us.to_string().as_bytes()),
        "so is sname"
    );
    assert_eq!(reply.option(97), asked(request, 97), "97 as it came");
    assert_eq!(reply.option(82), asked(request, 82), "82 as it came");
    if codes.contains(&82) {
        assert_eq!(codes.last(), Some(&82), "82 is the last");
    }
    assert_eq!(reply.option(60).as_deref(), Some(class(request)), "60");
    assert_eq!(reply.bytes[235], 0, "the file name ends within its field");
    if let Some(pxe) = reply.option(43) {
        assert_eq!(pxe.last(), Some(&255), "43 is closed");
    }
}

/// min(option 57, 1472), 548 without it or below it.
fn limit(request: &Packet) -> usize {
    let told = asked(request, 57).map_or(548, |b| usize::from(b[0]) << 8 | usize::from(b[1]));
    told.clamp(548, 1472)
}

fn asked(request: &Packet, code: u8) -> Option<Vec<u8>> {
    let found = request.options.iter().find(|(c, _)| *c == code);
    found.map(|(_, data)| data.clone())
}

fn class(request: &Packet) -> &'static [u8] {
    match asked(request, 60) {
        Some(text) if text.starts_with(b"HTTPClient") => b"HTTPClient",
        _ => b"PXEClient",
    }
}

/// A machine at an address, on the port that it asks 4011 from.
pub fn at(address: Ipv4Addr, client: &BootClient) -> SocketAddrV4 {
    SocketAddrV4::new(address, client.port_to_4011())
}
