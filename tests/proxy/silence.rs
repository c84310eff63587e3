//! What is never answered: everybody's business but ours. Silence is shown by the answer to a
//! later packet coming first.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::lab::{LEASED, Lab, US};
use crate::support::clients::{BootClient, Speaker};
use crate::support::packet::{DISCOVER, INFORM, Packet, REQUEST, capture};
use crate::support::poll;

const DHCP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const TO_67: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
const FROM_NOBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
const PATIENCE: Duration = Duration::from_secs(30);
const EVERY: [Speaker; 6] = [
    Speaker::Edk2,
    Speaker::Edk2Http,
    Speaker::IpxeRom,
    Speaker::Snponly,
    Speaker::Intel,
    Speaker::Bare,
];

#[test]
fn ordinary_clients() {
    as_root!("ordinary_clients");
    let lab = Lab::new();
    for name in [
        "udhcpc-discover",
        "dhclient-discover",
        "dhclient-request-init-reboot",
    ] {
        lab.silent(name, |card| card.send(FROM_NOBODY, TO_67, &capture(name)));
    }
    let udhcpc = BootClient::new(Speaker::Udhcpc, 1);
    lab.silent_to("udhcpc", &udhcpc.discover());
    lab.silent_to("its REQUEST", &udhcpc.lease_request(LEASED, DHCP));
    for class in [
        &b"MSFT 5.0"[..],
        b"PXEServer",
        b"AAPLBSDPC/i386",
        b"pxeclient",
        b"",
        b"PXE",
    ] {
        let packet = Packet::new(DISCOVER, [2, 0, 0, 0, 0, 1], 7).with(60, class);
        lab.silent_to(&String::from_utf8_lossy(class), &packet);
    }
    lab.silent_to("no class", &Packet::new(DISCOVER, [2, 0, 0, 0, 0, 1], 8));
}

/// Selecting, requesting us, init-reboot, renewing and rebinding (RFC 2131 4.3.2).
#[test]
fn lease_requests_of_boot_clients() {
    as_root!("lease_requests_of_boot_clients");
    let lab = Lab::new();
    lab.card.take(LEASED);
    for (number, speaker) in (1..).zip(EVERY) {
        let client = BootClient::new(speaker, number);
        lab.offer(&client);
        let selecting = client.lease_request(LEASED, DHCP);
        let rebooting = selecting.clone().without(54);
        let renewing = Packet {
            ciaddr: LEASED,
            ..rebooting.clone().without(50)
        };
        lab.silent_to("selecting", &selecting);
        lab.silent_to("selecting us", &client.lease_request(LEASED, US));
        lab.silent_to("init-reboot", &rebooting);
        lab.silent_to("rebinding", &renewing);
        let (from, to) = (SocketAddrV4::new(LEASED, 68), SocketAddrV4::new(US, 67));
        lab.silent("renewing", |card| card.send(from, to, &renewing.bytes()));
    }
}

#[test]
fn other_messages_of_boot_clients() {
    as_root!("other_messages_of_boot_clients");
    let lab = Lab::new();
    lab.card.take(LEASED);
    let client = BootClient::new(Speaker::Edk2, 1);
    let kinds = [
        ("OFFER", 2),
        ("DECLINE", 4),
        ("ACK", 5),
        ("NAK", 6),
        ("RELEASE", 7),
    ];
    for (what, kind) in [("INFORM", INFORM), ("none", 0), ("99", 99)]
        .into_iter()
        .chain(kinds)
    {
        let mut packet = client.discover().without(53);
        packet.options.insert(0, (53, vec![kind]));
        lab.silent_to(what, &packet);
        let (from, to) = (SocketAddrV4::new(LEASED, 4011), SocketAddrV4::new(US, 4011));
        lab.silent(what, |card| card.send(from, to, &packet.bytes()));
    }
    lab.silent_to("BOOTP", &client.discover().without(53));
    let reply = Packet {
        op: 2,
        ..client.discover()
    };
    lab.silent_to("another server's reply", &reply);
    let server = client.discover().without(60).with(60, b"PXEServer");
    lab.silent_to("PXEServer", &server);
    let events = lab.appliance.timeline("52:54:00:78:00:01");
    let asked = events
        .iter()
        .find(|e| e["event"] == "discover" || e["event"] == "request");
    assert_eq!(asked, None, "none of these was a DISCOVER or a REQUEST");
}

/// Who sends what is no DHCP message can be found by the MAC in it; without its length (hlen) there is none.
#[test]
fn a_broken_message_is_told_with_its_mac() {
    as_root!("a_broken_message_is_told_with_its_mac");
    let lab = Lab::new();
    let packet = BootClient::new(Speaker::Edk2, 1).discover();
    let broken = |packet: &Packet| [&packet.bytes()[..240], &[93, 9, 0]].concat();
    let nobody = Packet {
        hlen: 0,
        ..packet.clone()
    };
    lab.silent_to("hlen 0", &nobody);
    for packet in [&nobody, &packet] {
        let bytes = broken(packet);
        lab.silent("broken", |card| card.send(FROM_NOBODY, TO_67, &bytes));
    }
    let malformed = || {
        let mut events = lab.appliance.events();
        events.retain(|event| event["event"] == "malformed");
        (events.len() == 2).then_some(events)
    };
    let told = poll::until(PATIENCE, malformed).expect("both are told of");
    assert_eq!(told[0].get("mac"), None, "{told:#?}");
    assert_eq!(told[1]["mac"], "52:54:00:78:00:01", "{told:#?}");
    assert_eq!(
        told[1]["reason"],
        "option 93 runs past the end of the packet"
    );
}

/// Types of boot servers that are not ours, by broadcast on 67 and unicast to 4011.
#[test]
fn discovery_of_boot_servers_that_are_not_served() {
    as_root!("discovery_of_boot_servers_that_are_not_served");
    let lab = Lab::new();
    lab.card.take(LEASED);
    let rom = BootClient::new(Speaker::IpxeRom, 1);
    for item in [0, 1, 0x8000, 0xffff] {
        let request = rom.boot_server_request(LEASED, item);
        lab.silent_to("broadcast", &request);
        let (from, to) = (SocketAddrV4::new(LEASED, 68), SocketAddrV4::new(US, 4011));
        lab.silent("unicast", |card| card.send(from, to, &request.bytes()));
    }
    let discover = rom.discover().with(43, &[71, 4, 0x80, 0, 0, 0, 255]);
    lab.silent_to("a DISCOVER with an item", &discover);
    let inform = Packet::new(INFORM, rom.mac, 5).with(60, b"PXEClient");
    lab.silent_to(
        "INFORM with an item",
        &inform.with(43, &[71, 4, 0, 1, 0, 0, 255]),
    );
    let other = Packet {
        xid: 9,
        ..Packet::new(REQUEST, rom.mac, 9)
    };
    lab.silent_to("REQUEST without class", &other);
}

#[test]
fn a_machine_that_no_profile_matches_is_not_answered_and_the_event_says_so() {
    as_root!("a_machine_that_no_profile_matches_is_not_answered_and_the_event_says_so");
    // The marker of `silent` ends in fa.
    let only = format!(
        "match: {{ mac: \"52:54:00:78:00:fa\" }}\n{}",
        crate::lab::EVERYONE
    );
    let lab = Lab::with(&only);
    lab.card.take(LEASED);
    let client = BootClient::new(Speaker::Edk2, 1);
    lab.silent_to("DISCOVER", &client.discover());
    let (from, to) = (SocketAddrV4::new(LEASED, 4011), SocketAddrV4::new(US, 4011));
    let request = client.proxy_request(LEASED, US).bytes();
    lab.silent("REQUEST at 4011", |card| card.send(from, to, &request));
    for port in [67, 4011] {
        let event = lab.appliance.wait_for_event(Duration::from_secs(10), |e| {
            e["event"] == "ignored" && e["port"] == port && e["reason"] == "no-profile"
        });
        assert_eq!(event["client"], "52:54:00:78:00:01");
        let detail = event["detail"].as_str().unwrap();
        assert!(
            detail.contains("no profile matches this machine"),
            "{detail}"
        );
    }
}
