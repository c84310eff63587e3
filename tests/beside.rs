//! An ordinary DHCP client beside bootjack gets its lease exactly as without it: the same address
//! and options from the same server after the same packets, and not one packet of bootjack's.
//!
//! The times are printed side by side, as information: on the wire there is nothing that could
//! make a difference.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use support::appliance::{Appliance, Setup};
use support::clients::{BootClient, Speaker};
use support::dhcp_client::DhcpClient;
use support::lan::{Host, Lan};
use support::servers::{self, Server};

const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The client's, in every round: the server picks an address by it.
const MAC: [u8; 6] = [0x52, 0x54, 0, 0x79, 0, 1];
const EVERYONE: &str = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
/// How often each client takes its lease with bootjack and without.
const ROUNDS: usize = 2;

/// A way to take a lease.
type Client = fn(&Host);

/// What one round looked like.
#[derive(Debug, PartialEq)]
struct Story {
    /// What the client sent: type, length and options of each message.
    asked: Vec<String>,
    /// What it was answered, without what differs by its nature (transaction, seconds).
    told: Vec<String>,
    /// Who answered.
    servers: Vec<Ipv4Addr>,
}

/// Everything on one host's cables, as it sends and hears it.
struct Ear(Socket);

impl Ear {
    fn new(host: &Host) -> Self {
        let socket = host.enter(|| {
            let every = Some(Protocol::from(0x0300)); // ETH_P_ALL
            Socket::new(Domain::PACKET, Type::RAW, every).unwrap()
        });
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// The frames since then; of IPv6, which every Linux host speaks by itself, none.
    fn frames(&self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2048];
        let mut frames: Vec<Vec<u8>> = Vec::new();
        while let Ok(length) = (&self.0).read(&mut buffer) {
            frames.push(buffer[..length].to_vec());
        }
        frames.retain(|frame| frame[12..14] != [0x86, 0xdd]);
        frames
    }
}

/// A DHCP message in a frame.
fn message(frame: &[u8]) -> Option<&[u8]> {
    let udp = frame
        .get(34..)
        .filter(|_| frame[12..14] == [8, 0] && frame[23] == 17)?;
    let length = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
    udp.get(8..length)
        .filter(|m| m.len() >= 240 && m[236..240] == [99, 130, 83, 99])
}

/// Type, length, flags, addresses and options, in hex.
fn described(message: &[u8]) -> String {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |text, b| format!("{text}{b:02x}"))
    };
    let (flags, addresses, options) = (&message[10..12], &message[12..28], &message[240..]);
    format!(
        "op {} {} bytes {} {} {}",
        message[0],
        message.len(),
        hex(flags),
        hex(addresses),
        hex(options)
    )
}

fn story(frames: &[Vec<u8>]) -> Story {
    let (sent, heard): (Vec<_>, Vec<_>) = frames.iter().partition(|frame| frame[6..12] == MAC);
    let all = |frames: &[&Vec<u8>]| -> Vec<String> {
        let other = |frame: &&Vec<u8>| format!("a frame of type {:02x?}", &frame[12..14]);
        let each = |frame: &&Vec<u8>| message(frame).map_or_else(|| other(frame), described);
        frames.iter().map(each).collect()
    };
    let source = |frame: &&Vec<u8>| Ipv4Addr::from(<[u8; 4]>::try_from(&frame[26..30]).unwrap());
    Story {
        asked: all(&sent),
        told: all(&heard),
        servers: heard.iter().map(source).collect(),
    }
}

/// One lease on a LAN of its own, with bootjack or without; what it looked like, and how long.
fn round(client: Client, with: bool) -> (Story, Duration) {
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let boot = lan.appliance_host();
    let appliance = with.then(|| start(&boot));
    let host = lan.client("client");
    let mac = MAC.map(|octet| format!("{octet:02x}")).join(":");
    host.ip(&["link", "set", "eth0", "address", &mac]);

    let (near, far) = (Ear::new(&host), Ear::new(&boot));
    let began = Instant::now();
    client(&host);
    let took = began.elapsed();
    let frames = near.frames();
    if let Some(appliance) = appliance {
        said_nothing(&lan, &appliance, &far, boot.mac("eth0"));
    }
    (story(&frames), took)
}

fn start(host: &Host) -> Appliance {
    Setup::new(host, env!("CARGO_BIN_EXE_bootjack"))
        .profile("p.yaml", EVERYONE)
        .start()
}

/// bootjack heard the client, let it be, and is well: the first thing it says on the wire is the
/// answer to a boot client that comes later.
fn said_nothing(lan: &Lan, appliance: &Appliance, ear: &Ear, own: [u8; 6]) {
    let card = DhcpClient::new(&lan.client("pc"));
    let pc = BootClient::new(Speaker::Edk2, 9);
    card.broadcast(&pc.discover());
    card.answer(US, pc.xid);
    let frames = ear.frames();
    let heard = frames.iter().filter(|frame| frame[6..12] == MAC).count();
    assert!(heard >= 2, "bootjack's host heard DISCOVER and REQUEST");
    let said: Vec<_> = frames.iter().filter(|frame| frame[6..12] == own).collect();
    let to_pc = |frame: &&Vec<u8>| message(frame).is_some_and(|m| m[28..34] == pc.mac);
    assert!(said.len() == 1 && said.iter().all(to_pc), "{said:?}");
    let metrics = appliance.get("/metrics");
    assert!(metrics.contains(r#"reason="not-booting""#), "{metrics}");
}

fn same_with_and_without(name: &str, client: Client) {
    let mut times = [Vec::new(), Vec::new()];
    let mut stories = Vec::new();
    for with in [false, true].repeat(ROUNDS) {
        let (story, took) = round(client, with);
        times[usize::from(with)].push(took);
        stories.push(story);
    }
    let first = &stories[0];
    assert_eq!(first.asked.len(), 2, "DISCOVER and REQUEST: {first:#?}");
    assert_eq!(
        first.servers,
        [Ipv4Addr::new(10, 77, 0, 1); 2],
        "OFFER and ACK"
    );
    for story in &stories[1..] {
        assert_eq!(story, first, "{name}");
    }
    let [without, with] = times;
    let line =
        format!("{name}: lease without bootjack after {without:.0?}, with it after {with:.0?}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn udhcpc_gets_the_same_lease_after_the_same_packets() {
    if support::left_out("udhcpc_gets_the_same_lease_after_the_same_packets") {
        return;
    }
    same_with_and_without("udhcpc", |host| {
        servers::udhcpc(host);
    });
}

#[test]
fn dhclient_gets_the_same_lease_after_the_same_packets() {
    if support::left_out("dhclient_gets_the_same_lease_after_the_same_packets") {
        return;
    }
    same_with_and_without("dhclient", |host| {
        servers::dhclient(host);
    });
}
