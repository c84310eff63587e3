//! Clients behind real relays: dnsmasq's, ISC's with option 82, ISC's with link selection
//! (RFC 3527: `-U`). Server-id override (RFC 5107), which neither can, by an imitated one.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::house::{
    ACK, Imitated, NAK, OFFER, US, at, event, kind, mac, plain, row, setup, together,
};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::{Host, Lan, Segment};
use crate::support::lease_clients::{ALL, LeaseClient};
use crate::support::packet::Packet;
use crate::support::process::Process;
use crate::support::relay;
use crate::support::requests::{Ear, State};
use crate::support::servers::Server;

/// A router between the first segment, where it is 10.77.0.N, and one of its own, 10.N.0.0/24.
struct Router {
    host: Host,
    down: String,
    segment: Segment,
    near: Ipv4Addr,
}

impl Router {
    fn new(lan: &Lan, boot: &Host, number: u8) -> Self {
        let host = lan.host(&format!("router{number}"), &format!("{}/24", at(number)));
        let segment = lan.segment();
        let down = lan.plug(&host, segment);
        let near = Ipv4Addr::new(10, number, 0, 1);
        host.address(&down, &format!("{near}/24"));
        relay::forward(&host);
        boot.ip(&[
            "route",
            "add",
            &format!("10.{number}.0.0/24"),
            "via",
            &at(number).to_string(),
        ]);
        Self {
            host,
            down,
            segment,
            near,
        }
    }

    fn isc(&self, flags: &[&str]) -> Process {
        relay::isc(&self.host, &self.down, "eth0", US, flags)
    }
}

fn network(number: u8) -> String {
    format!(
        "    - {{ name: n{number}, subnet: 10.{number}.0.0/24, pools: [ 10.{number}.0.100-10.{number}.0.199 ], options: {{ routers: 10.{number}.0.1 }} }}\n"
    )
}

#[test]
fn real_clients_behind_real_relays() {
    as_root!("real_clients_behind_real_relays");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let routers = [81, 82, 83].map(|number| Router::new(&lan, &boot, number));
    let _relays = [
        relay::dnsmasq(&routers[0].host, routers[0].near, US),
        routers[1].isc(&["-a"]),
        relay::isc_link_selecting(&routers[2].host, &routers[2].down, "eth0", US),
    ];
    // The relays' own link is a network too: with RFC 3527 it is the giaddr, and not the client's.
    let networks: String = [77, 81, 82, 83].map(network).concat();
    let circuit = format!(
        "  reservations: [ {{ circuit-id: {}, host-name: by-circuit }} ]\n",
        routers[1].down
    );
    let appliance = setup(&boot, &format!("  networks:\n{networks}{circuit}")).start();
    let hosts: Vec<Host> = routers
        .iter()
        .map(|router| lan.client_on(&format!("far{}", router.near.octets()[1]), router.segment))
        .collect();
    let ears: Vec<Ear> = hosts.iter().map(Ear::new).collect();
    let clients = ALL.iter().zip(&hosts);
    let mut clients: Vec<_> = clients
        .map(|(p, h)| LeaseClient::new(*p, h).eager())
        .collect();

    let first = together(&mut clients, LeaseClient::get);
    for (lease, router) in first.iter().zip(&routers) {
        assert_eq!(lease.address.octets()[1], router.near.octets()[1]);
        assert_eq!(
            (lease.routers.as_slice(), lease.server),
            (&[router.near][..], Some(US))
        );
    }
    // Every circuit of this name, on either relay.
    assert_eq!(first[0].host_name, None);
    assert_eq!(first[1].host_name.as_deref(), Some("by-circuit"));
    let giaddrs = [routers[0].near, routers[1].near, at(83)];
    for (host, giaddr) in hosts.iter().zip(giaddrs) {
        let ack = event(
            &appliance,
            "granted",
            &[("client", &mac(host)), ("message", "ack")],
        );
        assert_eq!(ack["to"], format!("{giaddr}:67"), "{ack}");
    }

    // By unicast, past the relay; what it then cannot say about the circuit is not held against it.
    let again = together(&mut clients, LeaseClient::renew);
    for ((lease, old), ear) in again.iter().zip(&first).zip(&ears) {
        assert_eq!(lease.address, old.address);
        ear.heard(&State::Renewing);
    }
    for client in &mut clients[..2] {
        let address = client.rebind().address;
        assert!(first.iter().any(|lease| lease.address == address));
    }
    // Behind the second relay, with the lease that it got behind the first: the NAK comes by it.
    let (moved, others) = clients.split_first_mut().unwrap();
    moved.crash();
    lan.replug(&hosts[0], "eth0", routers[1].segment);
    assert_eq!(moved.reboot().address.octets()[1], 82);
    assert_eq!(moved.naks(), 1);
    for (client, lease) in others.iter_mut().zip(&first[1..]) {
        client.crash();
        assert_eq!(client.reboot().address, lease.address);
        assert_eq!(client.naks(), 0);
        client.release();
        let words = [
            ("address", &*lease.address.to_string()),
            ("state", "released"),
        ];
        event(&appliance, "lease", &words);
        assert_eq!(row(&boot, lease.address).unwrap()["state"], "released");
    }
}

/// What a relay of RFC 5107 says: the clients' server is itself, so that renewals come by it too.
#[test]
fn a_relay_that_stands_in_for_the_server() {
    as_root!("a_relay_that_stands_in_for_the_server");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let relay = lan.host("relay", "10.77.0.9/24");
    let networks: String = [77, 84].map(network).concat();
    let _appliance = setup(&boot, &format!("  networks:\n{networks}")).start();
    let client = Imitated::new(&relay, 1);
    let stand_in = Ipv4Addr::new(10, 84, 0, 1);
    // Circuit, link selection, server-id override.
    let words: &[u8] = &[1, 2, 7, 7, 5, 4, 10, 84, 0, 0, 11, 4, 10, 84, 0, 1];
    let ask = |packet: Packet| {
        let packet = Packet {
            giaddr: at(9),
            hops: 1,
            ..packet
        }
        .with(82, words);
        let (from, to) = (SocketAddrV4::new(at(9), 67), SocketAddrV4::new(US, 67));
        client.card.send(from, to, &packet.bytes());
        let reply = client.card.answer(US, packet.xid);
        reply.assert_sound(&packet);
        assert_eq!((reply.from, reply.to), (to, from));
        assert_eq!(reply.options().last(), Some(&(82, words.to_vec())));
        assert_eq!(reply.option(54), Some(stand_in.octets().to_vec()));
        reply
    };
    let offer = ask(client.discover());
    let address = offer.yiaddr();
    assert_eq!((kind(&offer), address.octets()[1]), (OFFER, 84));
    assert_eq!(kind(&ask(client.request(address, stand_in))), ACK);
    // A renewal, that the relay has carried since it is the server in the client's eyes.
    let renewal = Packet {
        ciaddr: address,
        ..client.reboot(address).without(50)
    };
    let ack = ask(renewal);
    assert_eq!((kind(&ack), ack.yiaddr()), (ACK, address));
    // Another network's address, by the same relay.
    assert_eq!(kind(&ask(client.reboot(at(100)))), NAK);
}

/// Mode `proxy`: the relay asks the DHCP server and bootjack, and takes its option 82 off again.
#[test]
fn a_proxy_offer_through_a_relay_with_option_82() {
    as_root!("a_proxy_offer_through_a_relay_with_option_82");
    let lan = Lan::new();
    let (dhcp, boot) = (lan.dhcp_host(), lan.appliance_host());
    let router = Router::new(&lan, &boot, 82);
    dhcp.ip(&["route", "add", "10.82.0.0/24", "via", "10.77.0.82"]);
    let _server = Server::dnsmasq_with(
        &dhcp,
        &["--dhcp-range=10.82.0.100,10.82.0.199,255.255.255.0,1h"],
    );
    let _relay = router.isc(&["-a", "10.77.0.1"]);
    let profile = "name: Far\nmatch: { subnet: 10.82.0.0/24 }\nmenu: { entries: [ { id: d, local: true } ] }\n";
    let appliance = plain(&boot).profile("far.yaml", profile).start();
    let card = DhcpClient::new(&lan.client_on("far", router.segment));
    let client = BootClient::new(Speaker::Edk2, 1);
    card.broadcast(&client.discover());
    let answered = |us: bool| {
        move |r: &Reply| {
            let by = r.option(54).map(|id| id == US.octets());
            r.xid() == client.xid && by == Some(us)
        }
    };
    let offer = card
        .hear(ANSWER, answered(true))
        .expect("the proxy's offer");
    assert_eq!(
        (offer.yiaddr(), offer.file().as_str()),
        (Ipv4Addr::UNSPECIFIED, "snponly.efi")
    );
    assert_eq!(offer.option(82), None, "the relay takes it off");
    let mac = client.mac.map(|octet| format!("{octet:02x}")).join(":");
    assert_eq!(
        event(&appliance, "answer", &[("client", &mac)])["profile"],
        "Far"
    );
    let again = Packet {
        xid: 9,
        ..client.discover()
    };
    card.broadcast(&again);
    let theirs = |r: &Reply| r.xid() == 9 && r.yiaddr().octets()[1] == 82;
    assert!(card.hear(ANSWER, theirs).is_some(), "the lease's offer");
}

/// A relay with two helper addresses, both of this host: each hears everything.
#[test]
fn a_relay_may_ask_two_of_our_addresses() {
    as_root!("a_relay_may_ask_two_of_our_addresses");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    boot.address("eth0", &format!("{}/24", at(3)));
    let _appliance = setup(&boot, &format!("  networks:\n{}", network(77))).start();
    let relay = lan.host("relay", &format!("{}/24", at(9)));
    for (number, copies) in [(1, [US, at(3)]), (2, [at(3), US])] {
        let client = Imitated::new(&relay, number);
        let ask = |packet: Packet, copies: [Ipv4Addr; 2]| {
            let packet = Packet {
                giaddr: at(9),
                hops: 1,
                ..packet
            };
            for to in copies {
                let (from, to) = (SocketAddrV4::new(at(9), 67), SocketAddrV4::new(to, 67));
                client.card.send(from, to, &packet.bytes());
            }
            let ours = |r: &Reply| r.xid() == packet.xid && *r.from.ip() == US;
            client.card.hear(ANSWER, ours).expect("an answer")
        };
        let offer = ask(client.discover(), [US, at(3)]);
        let request = || client.request(offer.yiaddr(), US);
        let answers = [ask(request(), copies), ask(request(), copies)];
        assert_eq!(kind(&offer), OFFER);
        for ack in answers {
            assert_eq!((kind(&ack), ack.yiaddr()), (ACK, offer.yiaddr()));
        }
    }
}
