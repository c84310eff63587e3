//! Lease and loader in one OFFER and one ACK, of every server.

use crate::lab::{Lab, SERVER, US, edk2, kind, mac, server};
use crate::support::clients::{BootClient, Speaker};
use crate::support::servers::{KINDS, POOL, Server};

/// A whole conversation of a client, and whose lease it is in the end.
fn leases_and_boots(lab: &Lab, theirs: &Server, client: &BootClient, loader: &str) {
    let offer = lab.offer(client);
    let address = offer.yiaddr();
    assert!((POOL.0..=POOL.1).contains(&address), "{address}");
    let ack = lab.request(client, address);
    assert_eq!((kind(&offer), kind(&ack)), (2, 5));
    for reply in [&offer, &ack] {
        assert_eq!((reply.yiaddr(), server(reply)), (address, US));
        assert_eq!(reply.siaddr(), US);
        assert_eq!(reply.file(), loader);
        assert_eq!(reply.to, "255.255.255.255:68".parse().unwrap());
        assert_eq!(reply.option(1), Some(vec![255, 255, 255, 0]));
        assert!(reply.option(51).is_some(), "a lease time");
        reply.assert_sound(&client.discover());
    }
    crate::support::poll::expect(
        "the lease is theirs",
        crate::support::dhcp_client::ANSWER,
        || theirs.lease_of(&mac(client)) == Some(address),
    );
    let leased = lab.events(client, "leased");
    assert_eq!(leased[0]["server"], SERVER.to_string(), "{leased:?}");
    let answers = lab.events(client, "answer");
    assert_eq!(answers[0]["lease"]["address"], address.to_string());
    assert_eq!(answers[0]["lease"]["server"], SERVER.to_string());
}

#[test]
fn beside_every_server() {
    as_root!("beside_every_server");
    for kind in KINDS {
        let lab = Lab::new();
        let theirs = kind.plain(&lab.lan.dhcp_host());
        let client = edk2(1);
        leases_and_boots(&lab, &theirs, &client, "snponly.efi");
        let offer = lab.offer(&edk2(2));
        assert_eq!(offer.option(43), Some(vec![6, 1, 8, 255]), "{kind:?}");
        assert_eq!(offer.option(60), Some(b"PXEClient".to_vec()));
        assert_eq!(offer.option(97).map(|v| v.len()), Some(17));
    }
}

/// It refuses the client's own REQUEST, which names us, in public; ours it answers.
#[test]
fn beside_an_authoritative_dnsmasq() {
    as_root!("beside_an_authoritative_dnsmasq");
    let lab = Lab::new();
    let flags = ["--dhcp-authoritative"];
    let theirs = Server::dnsmasq_with(&lab.lan.dhcp_host(), &flags);
    leases_and_boots(&lab, &theirs, &edk2(1), "snponly.efi");
}

/// HTTP boot and iPXE, where a profile pins it.
#[test]
fn other_clients_get_what_they_take() {
    as_root!("other_clients_get_what_they_take");
    let lab = Lab::new();
    let theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let http = BootClient::new(Speaker::Edk2Http, 1);
    leases_and_boots(
        &lab,
        &theirs,
        &http,
        "http://10.77.0.2:8067/assets/snponly.efi",
    );
    let offer = lab.offer(&BootClient::new(Speaker::Edk2Http, 2));
    assert_eq!(offer.option(60), Some(b"HTTPClient".to_vec()));
    assert_eq!(offer.option(43), None);
    let rom = BootClient::new(Speaker::IpxeRom, 3);
    leases_and_boots(
        &lab,
        &theirs,
        &rom,
        "http://10.77.0.2:8067/boot/52-54-00-78-00-03.ipxe",
    );
    assert_eq!(lab.offer(&rom).option(175), Some(vec![176, 1, 1]));
    let intel = BootClient::new(Speaker::Intel, 4);
    leases_and_boots(&lab, &theirs, &intel, "lpxelinux.0");
}

/// Each is asked by its address once it is known; whoever is named is the only one asked.
#[test]
fn several_servers_and_those_that_are_named() {
    as_root!("several_servers_and_those_that_are_named");
    let lab = Lab::new();
    let first = Server::dnsmasq_without_ipv6(&lab.lan.dhcp_host());
    let other = lab.lan.host("other", "10.77.0.5/24");
    let range = "--dhcp-range=10.77.0.210,10.77.0.220,255.255.255.0,1h";
    let second = Server::dnsmasq_bare(&other, &[range]);
    for number in 1..=6 {
        let client = edk2(number);
        let address = lab.offer(&client).yiaddr();
        assert_eq!(lab.request(&client, address).yiaddr(), address);
        let leases = || [&first, &second].map(|s| s.lease_of(&mac(&client)) == Some(address));
        crate::support::poll::expect(
            "one server's lease",
            crate::support::dhcp_client::ANSWER,
            || leases().iter().filter(|has| **has).count() == 1,
        );
    }
    drop(lab);

    let lab = Lab::with(|setup| setup.flag("--dhcp-server=10.77.0.5"));
    let _first = Server::dnsmasq_without_ipv6(&lab.lan.dhcp_host());
    let other = lab.lan.host("other", "10.77.0.5/24");
    let second = Server::dnsmasq_bare(&other, &[range]);
    for number in 1..=4 {
        let client = edk2(number);
        let address = lab.offer(&client).yiaddr();
        assert_eq!(address.octets()[3] / 10, 21, "{address}");
        assert_eq!(kind(&lab.request(&client, address)), 5);
        crate::support::poll::expect(
            "the lease is theirs",
            crate::support::dhcp_client::ANSWER,
            || second.lease_of(&mac(&client)) == Some(address),
        );
    }
}
