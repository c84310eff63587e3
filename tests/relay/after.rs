//! After the boot: the lease is the real server's, whoever handed it on.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::lab::{Lab, SERVER, US, edk2, kind, mac, server};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, Reply};
use crate::support::packet::{Packet, REQUEST};
use crate::support::poll;
use crate::support::servers::{KINDS, Server};

/// Option 53.
const RELEASE: u8 = 7;
const DECLINE: u8 = 4;

/// An operating system that goes on with the firmware's lease renews with whom that named: us. It is told the
/// server's own name, and asks that from then on.
#[test]
fn a_renewal_with_us_leads_to_the_server() {
    as_root!("a_renewal_with_us_leads_to_the_server");
    for servers in KINDS {
        let lab = Lab::new();
        let _theirs = servers.plain(&lab.lan.dhcp_host());
        let client = edk2(1);
        let address = lab.offer(&client).yiaddr();
        assert_eq!(kind(&lab.request(&client, address)), 5);
        lab.card.take(address);
        let system = BootClient::new(Speaker::Udhcpc, 1);
        let renewal = Packet {
            ciaddr: address,
            ..Packet::new(REQUEST, system.mac, 0x1234)
        };
        let (from, to) = (SocketAddrV4::new(address, 68), SocketAddrV4::new(US, 67));
        lab.card.send(from, to, &renewal.bytes());
        let ack = lab.card.answer(US, 0x1234);
        assert_eq!(
            (kind(&ack), ack.yiaddr(), server(&ack)),
            (5, address, SERVER),
            "{servers:?}"
        );
        assert_eq!((*ack.to.ip(), ack.to.port()), (address, 68));
        let directly = Packet {
            xid: 0x1235,
            ..renewal
        };
        lab.card
            .send(from, SocketAddrV4::new(SERVER, 67), &directly.bytes());
        assert_eq!(kind(&lab.card.answer(SERVER, 0x1235)), 5);
        assert_eq!(lab.events(&client, "renewed").len(), 1);
    }
}

/// Somebody else's renewal, from another address than it is of, is nobody's.
#[test]
fn a_renewal_for_another_is_not_handed_on() {
    as_root!("a_renewal_for_another_is_not_handed_on");
    let lab = Lab::new();
    let _theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    assert_eq!(kind(&lab.request(&client, address)), 5);
    lab.card.take([10, 77, 0, 90].into());
    let renewal = Packet {
        ciaddr: address,
        ..Packet::new(REQUEST, client.mac, 0x77)
    };
    let from = SocketAddrV4::new([10, 77, 0, 90].into(), 68);
    lab.card
        .send(from, SocketAddrV4::new(US, 67), &renewal.bytes());
    lab.card.broadcast(&edk2(9).discover());
    let last = |r: &Reply| *r.from.ip() == US && r.xid() == edk2(9).xid;
    let said = lab.card.heard_until(last);
    assert!(said.iter().all(|r| r.xid() != 0x77), "{said:?}");
}

#[test]
fn a_lease_that_is_given_back_is_given_back_to_its_server() {
    as_root!("a_lease_that_is_given_back_is_given_back_to_its_server");
    let lab = Lab::new();
    let theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    assert_eq!(kind(&lab.request(&client, address)), 5);
    poll::expect("leased", ANSWER, || {
        theirs.lease_of(&mac(&client)).is_some()
    });
    lab.card.take(address);
    let release = Packet {
        ciaddr: address,
        ..Packet::new(RELEASE, client.mac, 0x99)
    };
    let release = release.with(54, &US.octets());
    let (from, to) = (SocketAddrV4::new(address, 68), SocketAddrV4::new(US, 67));
    lab.card.send(from, to, &release.bytes());
    poll::expect("given back", ANSWER, || {
        theirs.lease_of(&mac(&client)).is_none()
    });
}

/// What gives back a lease that was never handed on goes nowhere, and is told of with its reason.
#[test]
fn what_gives_back_a_lease_of_nobodys_is_told_of() {
    as_root!("what_gives_back_a_lease_of_nobodys_is_told_of");
    let lab = Lab::new();
    let _theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    lab.request(&client, address);
    let other = Ipv4Addr::new(10, 77, 0, 90);
    lab.card.take(other);
    let release = Packet {
        ciaddr: other,
        ..Packet::new(RELEASE, client.mac, 0x99)
    };
    let decline = Packet::new(DECLINE, client.mac, 0x98).with(50, &other.octets());
    let to = SocketAddrV4::new(US, 67);
    for (from, packet) in [(other, release), (Ipv4Addr::UNSPECIFIED, decline)] {
        let packet = packet.with(54, &US.octets());
        lab.card
            .send(SocketAddrV4::new(from, 68), to, &packet.bytes());
    }
    let told = || {
        let mut events = lab.events(&client, "ignored");
        events.retain(|event| event["reason"] == "unknown-lease");
        (events.len() == 2).then_some(events)
    };
    let told = poll::until(ANSWER, told).expect("both are told of");
    for (event, what) in told.iter().zip(["RELEASE", "DECLINE"]) {
        let detail = event["detail"].as_str().unwrap();
        let words = format!("a {what}: 10.77.0.90 is no lease that was handed on");
        assert!(detail.starts_with(&words), "{detail}");
    }
    let forwarded = lab.events(&client, "forwarded");
    assert_eq!(forwarded.len(), 2, "the DISCOVER and the REQUEST alone");
}
