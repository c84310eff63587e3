//! Addresses that lie: sources that are nobody's, everybody's or our own, relays that are none.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::lab::{Lab, STRANGER, US, to};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::DhcpClient;
use crate::support::lan::Host;
use crate::support::packet::Packet;

/// Sends IPv4 packets with any header (raw(7), `IPPROTO_RAW`).
pub struct Raw(Socket);

impl Raw {
    pub fn new(host: &Host) -> Self {
        let socket = host.enter(|| {
            let raw = Some(Protocol::from(255));
            Socket::new(Domain::IPV4, Type::RAW, raw).unwrap()
        });
        socket.set_broadcast(true).unwrap();
        Self(socket)
    }

    /// A whole datagram.
    pub fn send(&self, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) {
        let udp = udp(from.port(), to.port(), bytes);
        self.fragment(*from.ip(), *to.ip(), 1, 0, false, &udp);
    }

    /// A piece of one, at `offset` eighths. What cannot be sent is no attack.
    pub fn fragment(
        &self,
        from: Ipv4Addr,
        to: Ipv4Addr,
        id: u16,
        offset: u16,
        more: bool,
        data: &[u8],
    ) {
        let flags = offset | if more { 0x2000 } else { 0 };
        let mut packet = vec![0x45, 0, 0, 0];
        packet.extend(id.to_be_bytes());
        packet.extend(flags.to_be_bytes());
        packet.extend([64, 17, 0, 0]);
        packet.extend(from.octets());
        packet.extend(to.octets());
        packet.extend(data);
        let _ = self
            .0
            .send_to(&packet, &SockAddr::from(SocketAddrV4::new(to, 0)));
    }
}

/// A UDP datagram without a checksum.
pub fn udp(from: u16, to: u16, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16 + 8;
    let mut udp: Vec<u8> = [from, to, length, 0]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    udp.extend(bytes);
    udp
}

const SOON: Duration = Duration::from_secs(20);

/// Nobody, everybody, us, the host itself, groups, and addresses that no route leads to.
const LIARS: [Ipv4Addr; 9] = [
    Ipv4Addr::new(0, 0, 0, 1),
    Ipv4Addr::BROADCAST,
    Ipv4Addr::new(10, 77, 0, 255),
    Ipv4Addr::new(10, 77, 0, 0),
    US,
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(224, 0, 0, 1),
    Ipv4Addr::new(240, 0, 0, 1),
    Ipv4Addr::new(192, 0, 2, 1),
];

#[test]
fn sources_that_lie() {
    as_root!("sources_that_lie");
    let mut lab = Lab::new();
    let raw = Raw::new(&lab.stranger);
    let client = BootClient::new(Speaker::Intel, 9);
    let (discover, request) = (
        client.discover().bytes(),
        client.proxy_request(STRANGER, US).bytes(),
    );
    let read = b"\0\x01lpxelinux.0\0octet\0".to_vec();
    for source in LIARS.into_iter().chain([STRANGER]) {
        for source_port in [0, 1, 67, 68, 69, 4011, 65535] {
            let from = SocketAddrV4::new(source, source_port);
            for (port, bytes) in [(67, &discover), (4011, &request), (69, &read)] {
                raw.send(from, to(port), bytes);
            }
            raw.send(
                from,
                SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 255), 67),
                &discover,
            );
        }
    }
    lab.well("sources that lie");
    // An answer that cannot be sent (to port 0) is told, and is no failure of ours.
    let unreachable = |e: &serde_json::Value| e["reason"] == "unreachable" && e["port"] == 4011;
    let events = lab.appliance.events();
    assert!(events.iter().any(unreachable));
    let fault = events.iter().find(|e| e["event"] == "fault");
    assert_eq!(
        fault, None,
        "a source without a route is no failure of ours"
    );
}

/// A relay is where an OFFER goes to: it may be anything, and none of it is a failure of ours.
#[test]
fn relays_that_lie() {
    as_root!("relays_that_lie");
    let mut lab = Lab::new();
    let socket = lab.udp();
    let client = BootClient::new(Speaker::Edk2, 9);
    for _ in 0..20 {
        for giaddr in LIARS {
            let packet = Packet {
                giaddr,
                ciaddr: giaddr,
                ..client.discover()
            };
            socket.send_to(&packet.bytes(), to(67)).unwrap();
            let packet = Packet {
                giaddr,
                ciaddr: giaddr,
                ..client.proxy_request(giaddr, US)
            };
            socket.send_to(&packet.bytes(), to(4011)).unwrap();
        }
    }
    lab.well("relays that lie");
}

/// The addresses that stand for our own subnet and for everybody in it are no relay's.
#[test]
fn a_relay_that_is_everybody() {
    as_root!("a_relay_that_is_everybody");
    let mut lab = Lab::new();
    let socket = lab.udp();
    let client = BootClient::new(Speaker::Edk2, 9);
    for giaddr in [[10, 77, 0, 255], [10, 77, 0, 0]] {
        let giaddr = Ipv4Addr::from(giaddr);
        let packet = Packet {
            giaddr,
            ..client.discover()
        };
        socket.send_to(&packet.bytes(), to(67)).unwrap();
        let detail =
            format!("relayed by {giaddr}, which is no host's address from 52:54:00:78:00:09");
        lab.appliance.wait_for_event(SOON, |e| {
            e["reason"] == "bad-relay" && e["detail"] == *detail
        });
    }
    lab.well("relays that are everybody");
}

/// What comes by an interface that has lost its address is no malformed packet.
#[test]
fn an_interface_without_address() {
    as_root!("an_interface_without_address");
    let lab = Lab::new();
    lab.boot.ip(&["addr", "flush", "dev", "eth0"]);
    let client = BootClient::new(Speaker::Edk2, 9);
    DhcpClient::new(&lab.pc).broadcast(&client.discover());
    let ignored = lab
        .appliance
        .wait_for_event(SOON, |e| e["event"] == "ignored");
    assert_eq!(ignored["reason"], "no-own-address", "{ignored}");
}

/// Answers of other servers, and our own answers sent back to us, are not talked to.
#[test]
fn our_own_words_sent_back() {
    as_root!("our_own_words_sent_back");
    let mut lab = Lab::new();
    let raw = Raw::new(&lab.stranger);
    let mut offer = BootClient::new(Speaker::Edk2, 9).discover();
    offer.op = 2;
    for (port, bytes) in [
        (67, offer.bytes()),
        (4011, offer.bytes()),
        (69, vec![0, 3, 0, 1, 1, 2, 3]),
        (69, vec![0, 4, 0, 1]),
        (69, b"\0\x05\0\0bye\0".to_vec()),
        (69, b"\0\x06tsize\x005\0".to_vec()),
    ] {
        for from in [67, 69, 4011, 40000] {
            for _ in 0..50 {
                raw.send(SocketAddrV4::new(STRANGER, from), to(port), &bytes);
            }
        }
    }
    lab.well("our own words");
}
