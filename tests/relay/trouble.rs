//! What may go wrong between a machine and its lease: nothing wrong is ever given out.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::lab::{Lab, SERVER, US, edk2, kind, mac};
use crate::support::dhcp_client::{ANSWER, Reply};
use crate::support::poll;
use crate::support::servers::Server;

/// No server: a proxy's OFFER after two seconds, and why.
#[test]
fn without_an_answer_there_is_a_proxys_offer() {
    as_root!("without_an_answer_there_is_a_proxys_offer");
    let lab = Lab::new();
    let client = edk2(1);
    let offer = lab.answer(&client.discover());
    assert_eq!((kind(&offer), offer.yiaddr()), (2, Ipv4Addr::UNSPECIFIED));
    assert_eq!((offer.siaddr(), offer.file().as_str()), (US, "snponly.efi"));
    poll::expect("the event", ANSWER, || {
        !lab.events(&client, "no-lease").is_empty()
    });
    let answers = lab.events(&client, "answer");
    assert_eq!(answers[0]["strategy"], "offer-4011");
    // A REQUEST that names us is not answered either: there is no lease to be had.
    lab.card
        .broadcast(&client.lease_request([10, 77, 0, 150].into(), US));
    let ours = |r: &Reply| *r.from.ip() == US && r.from.port() == 67 && kind(r) != 2;
    assert!(lab.card.hear(Duration::from_secs(4), ours).is_none());
}

/// Our memory of the OFFER is gone: its server is found again, and gives the same address.
#[test]
fn a_restart_between_offer_and_request() {
    as_root!("a_restart_between_offer_and_request");
    let mut lab = Lab::new();
    let theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    lab.restart();
    let ack = lab.request(&client, address);
    assert_eq!((kind(&ack), ack.yiaddr()), (5, address));
    poll::expect("theirs", ANSWER, || {
        theirs.lease_of(&mac(&client)) == Some(address)
    });
    // An address that nobody offers it: it has to begin anew.
    let stranger = edk2(2);
    let nak = lab.request(&stranger, [10, 77, 0, 250].into());
    assert_eq!((kind(&nak), nak.yiaddr()), (6, Ipv4Addr::UNSPECIFIED));
    assert_eq!(lab.events(&stranger, "lease-refused").len(), 1);
}

#[test]
fn a_server_that_dies_between_offer_and_request_gives_nothing() {
    as_root!("a_server_that_dies_between_offer_and_request_gives_nothing");
    let lab = Lab::new();
    let host = lab.lan.dhcp_host();
    let theirs = Server::dnsmasq(&host);
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    drop(theirs);
    lab.card.broadcast(&client.lease_request(address, US));
    let ours = |r: &Reply| *r.from.ip() == US && kind(r) != 2;
    assert!(lab.card.hear(Duration::from_secs(3), ours).is_none());
    let _back = Server::dnsmasq_without_ipv6(&host);
    assert_eq!(
        kind(&lab.request(&client, address)),
        5,
        "the client asks again"
    );
}

/// Somebody who sees no questions answers all the same, while real ones are open.
#[test]
fn forged_answers_are_not_believed() {
    as_root!("forged_answers_are_not_believed");
    let lab = Lab::new();
    let _theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let rogue = lab.lan.host("rogue", "10.77.0.66/24");
    let evil: Ipv4Addr = [10, 77, 0, 66].into();
    for number in 1..=5 {
        let client = edk2(number);
        rogue.enter(|| {
            let socket = std::net::UdpSocket::bind((evil, 67)).unwrap();
            for guess in 0..200_u32 {
                let mut forged = client.discover();
                forged.op = 2;
                forged.xid = if guess == 0 {
                    client.xid
                } else {
                    guess.wrapping_mul(0x9e37_79b9)
                };
                forged.giaddr = US;
                let mut bytes = forged.bytes();
                bytes[16..20].copy_from_slice(&evil.octets());
                bytes[242] = 2;
                socket.send_to(&bytes, (US, 67)).unwrap();
            }
        });
        let address = lab.offer(&client).yiaddr();
        assert_ne!(address, evil);
        assert_eq!(lab.request(&client, address).yiaddr(), address);
    }
    let from = SocketAddrV4::new(SERVER, 67).to_string();
    let strays = lab.appliance.events();
    let strays: Vec<_> = strays
        .iter()
        .filter(|e| e["reason"] == "stray-reply")
        .collect();
    assert!(!strays.is_empty());
    assert!(
        strays
            .iter()
            .all(|e| !e["detail"].as_str().unwrap().contains(&from)),
        "{strays:?}"
    );
}
