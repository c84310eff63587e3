//! What strangers may send to the TFTP door; after each of it the door still serves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "support/tftp_client.rs"]
mod client;
#[path = "support/tftp_server.rs"]
mod server;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use bootjack::service::Limits;
use client::{ack, data, error, get, next, oack, request, socket};
use server::{Server, poll};

const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Bounds that a test can reach.
fn tight() -> Limits {
    Limits {
        tftp_transfers: 20,
        tftp_per_client: 5,
        idle: Duration::from_secs(1),
        ..Limits::default()
    }
}

fn still_serves(server: &Server) {
    let bytes = server.file("still", 100_000);
    let options = [("blksize", "1468"), ("windowsize", "8")];
    let got = get(HOME, server.at(1), "still", &options).unwrap();
    assert!(got.bytes == bytes);
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides
    }

    fn rubbish(&mut self) -> Vec<u8> {
        let len = self.roll(1600);
        (0..len).map(|_| self.roll(256) as u8).collect()
    }

    /// A packet with a few bytes changed, cut or added.
    fn mutated(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.roll(4) {
            let at = self.roll(packet.len());
            match self.roll(3) {
                0 => packet[at] = self.roll(256) as u8,
                1 => packet.insert(at, self.roll(256) as u8),
                _ => packet.truncate(at + 1),
            }
        }
        packet
    }
}

fn drain(socket: &UdpSocket) -> usize {
    socket.set_nonblocking(true).unwrap();
    let mut buf = vec![0; 65536];
    let count = std::iter::from_fn(|| socket.recv(&mut buf).ok()).count();
    socket.set_nonblocking(false).unwrap();
    count
}

#[test]
fn random_and_mutated_packets() {
    let server = Server::start_with(tight());
    server.file("file", 50_000);
    let mut dice = Dice(42);
    let options = [("blksize", "1468"), ("tsize", "0"), ("windowsize", "4")];
    let good = [
        request(1, "file", "octet", &options),
        request(2, "file", "netascii", &options),
        b"\0\x06blksize\x008\0".to_vec(),
        [&[0, 3, 0, 1][..], &[7; 512]].concat(),
        ack(1),
        b"\0\x05\0\x01text\0".to_vec(),
    ];
    for round in 0..200 {
        let sender = socket(STRANGER);
        for _ in 0..50 {
            let packet = if dice.roll(3) == 0 {
                dice.rubbish()
            } else {
                let one = good[dice.roll(good.len())].clone();
                dice.mutated(one)
            };
            let _ = sender.send_to(&packet, server.at(1));
        }
        // Once this is answered, all before it has been seen.
        let last = socket(HOME);
        last.send_to(&ack(1), server.at(1)).unwrap();
        assert_eq!(error(&next(&last).0).code, 5);
        if round % 50 == 0 {
            still_serves(&server);
        }
    }
    still_serves(&server);
}

#[test]
fn rubbish_inside_a_transfer_does_not_disturb_it() {
    let server = Server::start();
    let bytes = server.file("file", 3000);
    let mut dice = Dice(7);
    let peer = socket(HOME);
    let asked = request(1, "file", "octet", &[("blksize", "1000")]);
    peer.send_to(&asked, server.at(1)).unwrap();
    let (packet, transfer) = next(&peer);
    oack(&packet);
    let mut got = Vec::new();
    for block in 0..4 {
        for _ in 0..100 {
            let mut packet = dice.rubbish();
            packet.insert(0, 9); // no opcode begins with it
            let _ = peer.send_to(&packet, transfer);
        }
        peer.send_to(&ack(block), transfer).unwrap();
        // A repetition may come first: rubbish takes its time.
        let fresh = loop {
            let (packet, _) = next(&peer);
            if packet[1] == 3 && data(&packet).0 == block + 1 {
                break data(&packet).1.to_vec();
            }
        };
        got.extend_from_slice(&fresh);
    }
    assert!(got == bytes);
}

#[test]
fn a_flood_of_requests_is_bounded_for_one_address_and_in_all() {
    let server = Server::start_with(Limits {
        idle: Duration::from_secs(4),
        ..tight()
    });
    server.file("file", 50_000);
    let machine = server.know(STRANGER);
    let asked = request(1, "file", "octet", &[("blksize", "1468")]);
    let flood = |from: Ipv4Addr, count| {
        let sockets: Vec<UdpSocket> = (0..count).map(|_| socket(from)).collect();
        for socket in &sockets {
            socket.send_to(&asked, server.at(1)).unwrap();
        }
        sockets
    };
    let _one = flood(STRANGER, 50);
    let refused = server.event(machine, "refused");
    assert!(refused.contains("5 transfers for one address"), "{refused}");
    still_serves(&server); // another address is not touched
    let last = Ipv4Addr::new(127, 0, 1, 9);
    let machine = server.know(last);
    let _many: Vec<_> = (1..=4)
        .map(|n| flood(Ipv4Addr::new(127, 0, 1, n), 5))
        .collect();
    // The first flood may have used up what this second may log: ask until it is logged.
    let refused = server.event_after(machine, "refused", || drop(flood(last, 1)));
    assert!(refused.contains("20 transfers in all"), "{refused}");
    still_serves(&server); // our client asks again until a place is free
}

#[test]
fn each_of_a_flood_of_bad_packets_is_counted() {
    let server = Server::start();
    let machine = server.know(STRANGER);
    let sender = socket(STRANGER);
    for _ in 0..5000 {
        let _ = sender.send_to(&[0, 9, 9], server.at(1));
    }
    still_serves(&server); // all packets before have been seen then
    let text = server.shared.metrics.text().unwrap();
    let series = "bootjack_events_total{event=\"malformed\"} ";
    let counted = text.lines().find_map(|line| line.strip_prefix(series));
    let counted: u32 = counted.unwrap().parse().unwrap();
    assert!(counted > 128, "{counted} of 5000"); // of the rest the kernel had no room
    assert!(
        server
            .event(machine, "malformed")
            .contains("no TFTP opcode: 9")
    );
}

#[test]
fn a_client_that_never_acknowledges_costs_few_packets_whatever_it_asks() {
    let server = Server::start();
    server.file("file", 5_000_000);
    let machine = server.know(STRANGER);
    let greedy = socket(STRANGER);
    let options = [("blksize", "65464"), ("windowsize", "65535")];
    let asked = request(1, "file", "octet", &options);
    greedy.send_to(&asked, server.at(1)).unwrap();
    let failed = server.event(machine, "failed");
    assert!(failed.contains("never answered"), "{failed}");
    let oacks = drain(&greedy);
    assert!((1..=6).contains(&oacks), "{oacks} packets");
    still_serves(&server);
}

#[test]
fn a_client_that_stops_in_mid_transfer_is_given_up() {
    let server = Server::start_with(tight());
    server.file("file", 5_000_000);
    let machine = server.know(STRANGER);
    let stalled = socket(STRANGER);
    let asked = request(1, "file", "octet", &[("windowsize", "64")]);
    stalled.send_to(&asked, server.at(1)).unwrap();
    let (_, transfer) = next(&stalled);
    stalled.send_to(&ack(0), transfer).unwrap();
    let failed = server.event(machine, "failed");
    assert!(failed.contains("fell silent"), "{failed}");
    still_serves(&server);
}

#[test]
fn one_request_a_thousand_times_is_one_transfer() {
    let server = Server::start();
    server.file("file", 5_000_000);
    let machine = server.know(STRANGER);
    let sender = socket(STRANGER);
    let asked = request(1, "file", "octet", &[("windowsize", "64")]);
    for _ in 0..1000 {
        sender.send_to(&asked, server.at(1)).unwrap();
    }
    still_serves(&server);
    let started = || {
        let events = server.events(machine);
        events.iter().filter(|e| e.0 == "started").count()
    };
    poll(|| started() > 0);
    assert_eq!(started(), 1);
    assert!(drain(&sender) < 60, "an OACK each 50 ms at most");
}

#[test]
fn acknowledgements_from_a_wrong_port_change_nothing() {
    let server = Server::start();
    let bytes = server.file("file", 1200);
    let peer = socket(HOME);
    peer.send_to(&request(1, "file", "octet", &[]), server.at(1))
        .unwrap();
    let (first, transfer) = next(&peer);
    let wrong = socket(HOME);
    wrong.send_to(&ack(1), transfer).unwrap();
    // The kernel answers for the transfer's port: it is closed to everyone else.
    let connected = socket(HOME);
    connected.connect(transfer).unwrap();
    connected.send(&ack(1)).unwrap();
    let refused = connected.recv(&mut [0; 100]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    // The request port answers by itself.
    wrong.send_to(&ack(1), server.at(1)).unwrap();
    assert_eq!(error(&next(&wrong).0).code, 5);
    let mut got = data(&first).1.to_vec();
    for block in 1..=2 {
        peer.send_to(&ack(block), transfer).unwrap();
        let fresh = loop {
            let (packet, _) = next(&peer);
            if data(&packet).0 == block + 1 {
                break data(&packet).1.to_vec();
            }
        };
        got.extend_from_slice(&fresh);
    }
    assert!(got == bytes);
}

#[test]
fn requests_to_a_broadcast_address_are_passed_over() {
    let server = Server::start();
    server.file("file", 100);
    let machine = server.know(HOME);
    let sender = socket(HOME);
    sender.set_broadcast(true).unwrap();
    let to = (Ipv4Addr::new(127, 255, 255, 255), server.port);
    sender
        .send_to(&request(1, "file", "octet", &[]), to)
        .unwrap();
    let malformed = server.event(machine, "malformed");
    assert!(malformed.contains("broadcast"), "{malformed}");
    assert_eq!(drain(&sender), 0);
}
