//! The laboratory itself: its LAN carries leases, loses packets on demand and leaves nothing
//! behind; its imitated clients speak as the captured ones; its machines have console, screen and
//! keyboard.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::clients::{BootClient, Speaker};
use support::dhcp_client::{ANSWER, DhcpClient, Reply};
use support::ipxe;
use support::lan::{DHCP_IP, Host, Lan};
use support::netns::{self, run};
use support::packet::{Packet, capture};
use support::poll;
use support::qemu::{Firmware, Machine};
use support::serial;
use support::servers::{Kind, POOL, Server};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const PROXY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

/// The machine that the captures of real firmware were taken from.
fn captured(speaker: Speaker, name: &str) -> (BootClient, Vec<u8>) {
    let bytes = capture(name);
    let uuid = [
        0x5c, 0x1a, 0xe2, 0x77, 0x1e, 0x0b, 0x0f, 0x4c, 0x9d, 0x3a, 0x52, 0x54, 0, 0x77, 0, 7,
    ];
    let client = BootClient {
        speaker,
        mac: bytes[28..34].try_into().unwrap(),
        uuid,
        xid: u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
    };
    (client, bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, b| format!("{text}{b:02x}"))
}

fn assert_same(name: &str, made: &Packet, captured: &[u8]) {
    assert_eq!(hex(&made.bytes()), hex(captured), "{name}");
}

#[test]
fn imitated_clients_speak_byte_for_byte_as_captured() {
    for (speaker, name) in [
        (Speaker::Edk2, "edk2-pxe-discover"),
        (Speaker::Edk2Http, "edk2-http-discover"),
        (Speaker::IpxeRom, "ipxe-rom-discover"),
        (Speaker::Snponly, "snponly-discover"),
        (Speaker::Udhcpc, "udhcpc-discover"),
    ] {
        let (client, bytes) = captured(speaker, name);
        assert_same(name, &client.discover(), &bytes);
    }
    for (speaker, name) in [
        (Speaker::Edk2, "edk2-pxe-request"),
        (Speaker::IpxeRom, "ipxe-rom-request"),
        (Speaker::Snponly, "snponly-request"),
    ] {
        let (client, bytes) = captured(speaker, name);
        assert_same(name, &client.lease_request(LEASED, SERVER), &bytes);
    }
    for (speaker, name) in [
        (Speaker::Edk2, "edk2-pxe-request-4011"),
        (Speaker::Snponly, "snponly-request-4011"),
    ] {
        let (client, bytes) = captured(speaker, name);
        assert_same(name, &client.proxy_request(LEASED, PROXY), &bytes);
    }
    let (client, bytes) = captured(Speaker::IpxeRom, "ipxe-rom-boot-server");
    let request = client.boot_server_request(LEASED, 0x8000);
    assert_same("ipxe-rom-boot-server", &request, &bytes);
}

#[test]
fn control_sequences_go_and_words_stay_apart() {
    let drawn = b"\x1b[2J\x1b[1;1HBoot\x1b[0m menu\x1b[5;3HDebian\r\n\x1b(B#";
    assert_eq!(serial::plain(drawn), "\nBoot menu\nDebian\n#");
}

#[test]
fn real_dhcp_clients_get_leases_and_the_lan_is_gone_afterwards() {
    if support::left_out("real_dhcp_clients_get_leases_and_the_lan_is_gone_afterwards") {
        return;
    }
    let lan = Lan::new();
    let folder = lan.folder().to_owned();
    let server = Server::dnsmasq(&lan.dhcp_host());
    let (busybox, isc) = (lan.client("udhcpc"), lan.client("dhclient"));

    let said = support::servers::udhcpc(&busybox);
    assert!(said.contains(&format!("obtained from {DHCP_IP}")), "{said}");
    let leased = support::servers::dhclient(&isc);
    assert!(leased >= POOL.0 && leased <= POOL.1, "{leased}");
    assert_eq!(server.lease_of(&mac_text(&isc)), Some(leased));

    let names = [busybox.namespace(), isc.namespace()].map(str::to_owned);
    drop((server, busybox, isc, lan));
    let left = run(Command::new("ip").arg("netns"));
    assert!(!names.iter().any(|name| left.contains(name)), "{left}");
    assert!(!folder.exists());
}

#[test]
fn an_imitated_client_takes_a_lease() {
    if support::left_out("an_imitated_client_takes_a_lease") {
        return;
    }
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let card = DhcpClient::new(&lan.client("pc"));
    let client = BootClient::new(Speaker::Intel, 9);

    card.broadcast(&client.discover());
    let offer = card.answer(SERVER, client.xid);
    offer.assert_sound(&client.discover());
    assert_eq!(offer.option(53), Some(vec![2]));

    let request = client.lease_request(offer.yiaddr(), SERVER);
    card.broadcast(&request);
    let ack = card.answer(SERVER, client.xid);
    ack.assert_sound(&request);
    assert_eq!(
        (ack.option(53), ack.yiaddr()),
        (Some(vec![5]), offer.yiaddr())
    );
    assert_eq!(ack.decoded().yiaddr(), offer.yiaddr());
}

/// How a server is started.
type Make = fn(&Host) -> Server;

/// Which DHCP servers answer a relay. All of them answer the client that asks by itself afterwards.
#[test]
fn all_servers_but_one_answer_a_relay() {
    as_root!("all_servers_but_one_answer_a_relay");
    let makes: [(&str, Make, bool); 5] = [
        ("dnsmasq", |host| Kind::Dnsmasq.plain(host), true),
        ("ISC dhcpd", |host| Kind::Isc.plain(host), true),
        ("Kea", |host| Kind::Kea.plain(host), true),
        ("udhcpd", Server::udhcpd, true),
        ("deaf", Server::deaf_to_relays, false),
    ];
    for (name, make, answers) in makes {
        let lan = Lan::new();
        let server = make(&lan.dhcp_host());
        let relay = lan.host("relay", "10.77.0.9/24");
        let address: Ipv4Addr = [10, 77, 0, 9].into();
        let card = DhcpClient::new(&relay);
        let relayed = Packet {
            giaddr: address,
            hops: 1,
            ..BootClient::new(Speaker::Edk2, 1).discover()
        };
        let (from, to) = (
            SocketAddrV4::new(address, 67),
            SocketAddrV4::new(SERVER, 67),
        );
        card.send(from, to, &relayed.bytes());
        let is_relayed = |reply: &Reply| reply.xid() == relayed.xid && reply.to == from;
        if answers {
            let answer = card.hear(ANSWER, is_relayed);
            assert!(answer.is_some(), "{name}: {}", server.log());
        }
        let client = BootClient::new(Speaker::Edk2, 2);
        card.broadcast(&client.discover());
        let direct = |reply: &Reply| *reply.from.ip() == SERVER && reply.xid() == client.xid;
        let before = card.heard_until(direct);
        assert!(!before.iter().any(is_relayed), "{name}: {}", server.log());
    }
}

#[test]
fn the_switch_loses_what_it_is_told_to_and_no_more() {
    if support::left_out("the_switch_loses_what_it_is_told_to_and_no_more") {
        return;
    }
    let lan = Lan::new();
    let (one, two) = (
        lan.host("one", "10.77.0.11/24"),
        lan.host("two", "10.77.0.12/24"),
    );
    assert_eq!(arrived_of_200(&one, &two), 200);
    lan.loss(500);
    let arrived = arrived_of_200(&one, &two);
    assert_eq!(arrived + lan.lost(), 200);
    assert!(
        (40..160).contains(&arrived),
        "{arrived} of 200 at a loss of one half"
    );
    lan.loss(0);
    assert_eq!(arrived_of_200(&one, &two), 200);
}

#[test]
fn a_host_on_two_segments_reaches_both_and_joins_neither() {
    if support::left_out("a_host_on_two_segments_reaches_both_and_joins_neither") {
        return;
    }
    let lan = Lan::new();
    let second = lan.segment();
    let both = lan.host("both", "10.77.0.11/24");
    let interface = lan.plug(&both, second);
    both.address(&interface, "10.78.0.11/24");
    let near = lan.host("near", "10.77.0.12/24");
    let far = lan.client_on("far", second);
    far.address("eth0", "10.78.0.12/24");
    assert_eq!(arrived_of_200(&near, &both), 200);
    assert_eq!(arrived_of_200(&far, &both), 200);
    let network = far.attempt("ip", &["route", "get", "10.77.0.12"]);
    assert!(!network.status.success(), "the segments are not joined");
}

#[test]
fn what_a_killed_test_left_behind_is_removed() {
    if support::left_out("what_a_killed_test_left_behind_is_removed") {
        return;
    }
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let name = format!("bjlab-{}-0-left", dead.id());
    run(Command::new("ip").args(["netns", "add", &name]));
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &name, "sleep", "1000"])
        .stdin(Stdio::null());
    let mut sleeper = command.spawn().unwrap();
    let inside = || run(Command::new("ip").args(["netns", "pids", &name]));
    poll::expect("the sleeper is inside", Duration::from_secs(10), || {
        inside().contains(&sleeper.id().to_string())
    });

    netns::remove_leftovers();
    assert!(!Path::new("/run/netns").join(&name).exists());
    poll::expect("the sleeper ends", Duration::from_secs(10), || {
        sleeper.try_wait().unwrap().is_some()
    });
}

#[test]
fn a_machine_has_console_screen_and_keyboard() {
    if support::left_out("a_machine_has_console_screen_and_keyboard") {
        return;
    }
    let lan = Lan::new();
    let server = Server::dnsmasq(&lan.dhcp_host());
    let mut pc = Machine::new(Firmware::Bios, 1).memory(256).power_on(&lan);
    pc.wait_for(&["SeaBIOS"], Duration::from_secs(60));
    ipxe::command_line(&pc, Duration::from_secs(60));
    pc.monitor().type_text("dhcp\n");
    // A machine that was asked too late has booted by itself before: "... ok" alone tells nothing.
    poll::expect("the words typed", Duration::from_secs(60), || {
        pc.monitor().text().unwrap().contains("iPXE> dhcp")
    });
    pc.wait_for(&["... ok"], Duration::from_secs(120));
    assert!(server.lease_of(pc.mac()).is_some(), "{}", server.log());
}

/// How many of 200 small packets from one host reach the other.
fn arrived_of_200(from: &Host, to: &Host) -> u64 {
    let subnet = from.ip(&["-4", "-br", "addr", "show", "eth0"]);
    let prefix = subnet
        .split_whitespace()
        .nth(2)
        .unwrap()
        .rsplit_once('.')
        .unwrap()
        .0
        .to_owned();
    let target = to.enter(|| {
        let listing = to.ip(&["-4", "-br", "addr"]);
        let cidr = listing
            .split_whitespace()
            .find(|word| word.starts_with(&prefix));
        let address = cidr
            .and_then(|c| c.split('/').next())
            .unwrap()
            .parse()
            .unwrap();
        SocketAddrV4::new(address, 4000)
    });
    let ear = to.enter(|| UdpSocket::bind(target)).unwrap();
    let mouth = from.enter(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    for n in 0..200_u32 {
        mouth.send_to(&n.to_be_bytes(), target).unwrap();
    }
    ear.set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut buffer = [0; 4];
    std::iter::from_fn(|| ear.recv(&mut buffer).ok()).count() as u64
}

fn mac_text(host: &Host) -> String {
    host.mac("eth0")
        .map(|octet| format!("{octet:02x}"))
        .join(":")
}
