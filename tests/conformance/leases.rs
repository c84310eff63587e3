//! Conversations with mode `dhcp`.
//!
//! A file holds `dhcp:` of the config file, perhaps profiles and quirks, and what is said in turn:
//! each message as the client sends it, and the whole reply (every option, in order) or the reason
//! for silence.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use bootjack::client::{Client, Past, Registry, Side};
use bootjack::decide::grant::{First, Grant};
use bootjack::decide::lease::{Desk, decide_knowing};
use bootjack::decide::{Incoming, Port, note};
use bootjack::lease::{Book, Limits};
use bootjack::wire::dhcp::Message;
use serde::Deserialize;

use crate::asked::{self, Header, bytes, text};
use crate::rules;
use crate::server::{Known, US, snapshot};

/// All addresses of this host.
const OURS: [Ipv4Addr; 2] = [US, Ipv4Addr::new(10, 0, 0, 3)];
/// When every conversation begins.
const START: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "covers")]
    _covers: Vec<String>,
    dhcp: String,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(default)]
    quirks: String,
    past: Option<Known>,
    talk: Vec<Turn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    /// Seconds after the turn before.
    #[serde(default)]
    after: u64,
    ask: Packet,
    answer: Option<Expected>,
    silence: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Packet {
    /// `discover`, `request`, `decline`, `release`, `inform`; `bootp` has no option 53.
    kind: String,
    #[serde(default = "first_mac")]
    mac: String,
    #[serde(default)]
    flags: u16,
    #[serde(default = "nowhere")]
    ciaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    giaddr: Ipv4Addr,
    from: Option<SocketAddrV4>,
    /// Our address that it comes to, or to the interface of.
    #[serde(default = "us")]
    at: Ipv4Addr,
    #[serde(default)]
    unicast: bool,
    #[serde(default)]
    options: BTreeMap<u8, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// `offer`, `ack`, `nak`, `inform`, `bootp`.
    told: String,
    #[serde(default = "everybody")]
    to: SocketAddrV4,
    #[serde(default = "nowhere")]
    yiaddr: Ipv4Addr,
    /// The broadcast bit, where it matters.
    flags: Option<u16>,
    #[serde(default = "nowhere")]
    ciaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    siaddr: Ipv4Addr,
    #[serde(default)]
    file: String,
    /// In milliseconds.
    #[serde(default)]
    delay: u128,
    strategy: Option<String>,
    no_boot: Option<String>,
    /// Why a menu for the firmware is left to the loader.
    no_menu: Option<String>,
    options: Vec<(u8, String)>,
}

fn first_mac() -> String {
    "52 54 00 00 00 01".to_owned()
}

fn us() -> Ipv4Addr {
    US
}

fn nowhere() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

fn everybody() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::BROADCAST, 68)
}

fn message(packet: &Packet) -> Message {
    let kind = match packet.kind.as_str() {
        "discover" => Some(1),
        "request" => Some(3),
        "decline" => Some(4),
        "release" => Some(7),
        "inform" => Some(8),
        "bootp" => None,
        other => panic!("no kind of message: {other}"),
    };
    let header = Header {
        op: 1,
        flags: packet.flags,
        ciaddr: packet.ciaddr,
        giaddr: packet.giaddr,
        chaddr: packet.mac.clone(),
    };
    let further = packet.options.iter().map(|(c, v)| (*c, bytes(v)));
    let options = kind.map(|kind| (53, vec![kind])).into_iter().chain(further);
    asked::message(&header, &options.collect::<Vec<_>>())
}

/// What was sent to everybody, or by an address of our link, is of our link.
fn side(packet: &Packet) -> Side {
    let near =
        |a: &Ipv4Addr| *a == nowhere() || OURS.iter().any(|o| o.octets()[..3] == a.octets()[..3]);
    let from = packet.from.is_none_or(|from| near(from.ip()));
    if (from || !packet.unicast) && near(&packet.giaddr) {
        Side::Link
    } else {
        Side::Beyond
    }
}

/// Plays the conversation of this text: probes find nobody, and the disk takes every record.
pub fn play(case: &str) {
    let case: Case = serde_saphyr::from_str(case).unwrap_or_else(|e| panic!("{e}"));
    let snapshot = snapshot(Some(&case.profiles), &case.quirks, &case.dhcp);
    let mut book = Book::new(Limits::default());
    let mut machines = Registry::new(100);
    let mut now = START;
    book.set_networks(now, &snapshot.networks);
    for (number, turn) in (1..).zip(&case.talk) {
        println!("  turn {number}: {}", turn.ask.kind);
        now += turn.after;
        book.expire(now);
        let request = message(&turn.ask);
        let incoming = Incoming {
            message: &request,
            port: Port::Dhcp,
            local: turn.ask.at,
            peer: turn.ask.from.unwrap_or(SocketAddrV4::new(nowhere(), 68)),
            unicast: turn.ask.unicast,
            side: Some(side(&turn.ask)),
        };
        let desk = Desk {
            snapshot: &snapshot,
            book: &mut book,
            now,
            authoritative: true,
            is_own: &|address| OURS.contains(&address),
            is_booting: &|mac| machines.is_booting(mac),
        };
        let past = case.past.as_ref().map_or_else(Past::default, Known::past);
        let leasing = decide_knowing(desk, incoming, |client| Client { past, ..client });
        note::keep(&mut machines, leasing.client.clone(), incoming, true);
        match (leasing.decision, &turn.answer, &turn.silence) {
            (Ok(grant), Some(expected), None) => {
                same(&grant, expected);
                rules(&request, &grant);
                if grant.first == First::Store {
                    assert!(!leasing.records.is_empty(), "an ACK without a record");
                }
                let binding = grant.told.binding();
                match (grant.first, binding) {
                    (First::Probe, Some(b)) => assert!(book.probed(b.address, b.serial)),
                    (First::Store, Some(b)) => assert!(book.stored(b.address, b.serial)),
                    _ => {}
                }
            }
            (Err(why), None, Some(word)) => assert_eq!(why.word(), word, "{why}"),
            (got, ..) => panic!("expected the other outcome, got {got:#?}"),
        }
    }
}

fn same(grant: &Grant, expected: &Expected) {
    let message = Message::decode(&grant.bytes).unwrap();
    assert_eq!(grant.told.name(), expected.told);
    assert_eq!(grant.to, expected.to, "destination");
    assert_eq!(grant.delay.as_millis(), expected.delay, "delay");
    assert_eq!(message.yiaddr, expected.yiaddr, "yiaddr");
    let flags = expected.flags.unwrap_or(message.flags);
    assert_eq!(message.flags, flags, "flags");
    assert_eq!(message.ciaddr, expected.ciaddr, "ciaddr");
    assert_eq!(message.siaddr, expected.siaddr, "siaddr");
    assert_eq!(text(&message.file), expected.file, "file");
    let boot = grant.boot.as_ref();
    let strategy = boot.and_then(|b| b.as_ref().ok()).map(|b| b.strategy.name);
    assert_eq!(strategy, expected.strategy.as_deref());
    let booted = boot.and_then(|b| b.as_ref().ok());
    let no_menu = booted.and_then(|b| Some(b.no_menu.as_ref()?.to_string()));
    assert_eq!(no_menu, expected.no_menu);
    let no_boot = boot
        .and_then(|b| b.as_ref().err())
        .map(bootjack::decide::Ignore::word);
    assert_eq!(no_boot, expected.no_boot.as_deref());
    let got = asked::options(&message);
    let wanted = expected.options.iter().map(|(c, v)| (*c, bytes(v)));
    assert_eq!(got, wanted.collect::<Vec<_>>(), "options");
}

/// What must hold for every reply (facts A, RFC 2131 table 3).
fn rules(request: &Message, grant: &Grant) {
    let reply = asked::reply(request, &grant.bytes);
    assert!((300..=1472).contains(&grant.bytes.len()));
    assert_eq!(grant.bytes.len(), grant.message.encoded_len());
    let told = grant.told.name();
    let has = |code| reply.options.has(code);
    assert!(!has(52), "option overload");
    for never in [50, 55, 57] {
        assert!(!has(never), "option {never} is the client's");
    }
    match told {
        "offer" | "ack" => assert!(has(51) && has(1) && has(54), "lease time, mask, server"),
        "nak" => {
            assert!(!has(51) && !has(1) && has(54), "a NAK says no more");
            assert_eq!(
                (reply.yiaddr, reply.ciaddr, reply.siaddr),
                (nowhere(), nowhere(), nowhere())
            );
        }
        "inform" => assert!(!has(51) && reply.yiaddr == nowhere(), "no lease"),
        _ => assert!(!has(53) && !has(51) && grant.bytes.len() == 300, "BOOTP"),
    }
    let order: Vec<u8> = reply.options.iter().map(|(code, _)| code).collect();
    if told != "bootp" {
        assert_eq!(order[..2], [53, 54]);
        assert_eq!(reply.options.get(61), request.options.get(61), "RFC 6842");
    }
    assert_eq!(
        reply.options.get(82),
        request.options.get(82),
        "82 verbatim"
    );
    rules::check(&grant.bytes);
}
