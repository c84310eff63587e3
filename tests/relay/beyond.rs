//! Clients behind a relay: their link is named to the server, the answer goes back the way they came. And a server
//! behind one.

use std::net::Ipv4Addr;

use crate::lab::{Lab, US, edk2, kind, mac, server};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::Host;
use crate::support::poll;
use crate::support::relay;
use crate::support::servers::Server;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
/// A server on the far link.
const CENTRE: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 5);

/// A DHCP server that gives addresses on both links.
#[derive(Debug, Clone, Copy)]
enum Both {
    Dnsmasq,
    Isc,
    Kea,
}

impl Both {
    fn start(self, host: &Host) -> Server {
        match self {
            Self::Dnsmasq => Server::dnsmasq_bare(
                host,
                &[
                    "--dhcp-range=10.78.0.100,10.78.0.199,255.255.255.0,1h",
                    "--dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h",
                ],
            ),
            Self::Isc => Server::isc_dhcpd(
                host,
                "subnet 10.78.0.0 netmask 255.255.255.0 { range 10.78.0.100 10.78.0.199; }",
            ),
            Self::Kea => Server::kea_by(host, &kea(host)),
        }
    }
}

fn kea(host: &Host) -> String {
    let subnet = |id: u8| {
        format!(
            r#"{{ "id": {id}, "subnet": "10.{id}.0.0/24", "pools": [ {{ "pool": "10.{id}.0.100 - 10.{id}.0.199" }} ] }}"#
        )
    };
    format!(
        r#"{{ "Dhcp4": {{ "interfaces-config": {{ "interfaces": [ "eth0" ] }}, "authoritative": true, "valid-lifetime": 3600,
  "lease-database": {{ "type": "memfile", "name": "{}", "lfc-interval": 0 }},
  "subnet4": [ {}, {} ] }} }}"#,
        host.file("kea.leases").display(),
        subnet(77),
        subnet(78)
    )
}

/// Each heeds the link that is selected (RFC 3527).
#[test]
fn a_client_behind_a_relay_gets_a_lease_of_its_own_link() {
    as_root!("a_client_behind_a_relay_gets_a_lease_of_its_own_link");
    for both in [Both::Dnsmasq, Both::Isc, Both::Kea] {
        println!("{both:?}");
        behind_a_relay(both);
    }
}

/// Nobody is asked for it: the log says what it lacks, and what to do. A machine of our own link, and one that takes
/// the usual OFFER, lack nothing.
#[test]
fn a_machine_behind_a_relay_while_no_server_is_named() {
    as_root!("a_machine_behind_a_relay_while_no_server_is_named");
    let far = "name: far\nmatch: { subnet: 10.78.0.0/24 }\nsecure_boot: true\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
    let lab = Lab::unpinned(|setup| setup.profile("far.yaml", far));
    let ask = |number: u8, relay: Ipv4Addr| {
        let client = edk2(number);
        let mut packet = client.discover();
        packet.giaddr = relay;
        lab.card.broadcast(&packet);
        poll::expect("its DISCOVER", ANSWER, || {
            !lab.events(&client, "answer").is_empty() || !lab.events(&client, "ignored").is_empty()
        });
        client
    };
    let other = Ipv4Addr::new(10, 79, 0, 1);
    let usual = ask(1, other);
    let lacks = ask(2, GATEWAY);
    poll::expect("the event", ANSWER, || {
        !lab.events(&lacks, "no-server-named").is_empty()
    });
    let event = &lab.events(&lacks, "no-server-named")[0];
    assert_eq!(
        (&event["relay"], &event["chosen_by"]),
        (&"10.78.0.1".into(), &"loader".into())
    );
    assert!(event["detail"].to_string().contains("--dhcp-server"));
    let near = ask(3, Ipv4Addr::UNSPECIFIED);
    for client in [usual, near] {
        assert!(lab.events(&client, "no-server-named").is_empty());
    }
}

fn behind_a_relay(both: Both) {
    let lab = Lab::with(|setup| setup.flag("--dhcp-server=10.77.0.1"));
    let host = lab.lan.dhcp_host();
    let theirs = both.start(&host);
    let router = lab.lan.host("router", "10.77.0.9/24");
    let segment = lab.lan.segment();
    let interface = lab.lan.plug(&router, segment);
    router.address(&interface, "10.78.0.1/24");
    relay::forward(&router);
    let _relay = relay::dnsmasq(&router, GATEWAY, US);
    for end in [&host, &lab.host] {
        end.ip(&["route", "add", "10.78.0.0/24", "via", "10.77.0.9"]);
    }
    let card = DhcpClient::new(&lab.lan.client_on("far", segment));
    let client = edk2(1);
    let to_it = |reply: &Reply| reply.xid() == client.xid && reply.from.port() == 67;
    // Asks until it is answered, as firmware does: a server may still be looking at its network.
    let offer = poll::until(3 * ANSWER, || {
        card.broadcast(&client.discover());
        card.hear(ANSWER, to_it)
    });
    let offer = offer.expect("the OFFER");
    assert_eq!(
        (offer.yiaddr().octets()[1], server(&offer)),
        (78, US),
        "{:?}",
        offer.options()
    );
    assert_eq!(offer.file(), "snponly.efi");
    card.broadcast(&client.lease_request(offer.yiaddr(), US));
    let acked = |reply: &Reply| to_it(reply) && kind(reply) == 5;
    let ack = card.hear(ANSWER, acked).expect("the ACK");
    assert_eq!((ack.yiaddr(), server(&ack)), (offer.yiaddr(), US));
    poll::expect("theirs", ANSWER, || {
        theirs.lease_of(&mac(&client)) == Some(ack.yiaddr())
    });
}

/// The campus: a router carries what the link says to a server that bootjack has no way to.
#[test]
fn a_server_that_a_relay_alone_can_reach() {
    as_root!("a_server_that_a_relay_alone_can_reach");
    let lab = Lab::new();
    let router = lab.lan.host("router", "10.77.0.9/24");
    let segment = lab.lan.segment();
    let interface = lab.lan.plug(&router, segment);
    router.address(&interface, "10.78.0.1/24");
    relay::forward(&router);
    let centre = lab.lan.client_on("centre", segment);
    centre.address("eth0", "10.78.0.5/24");
    centre.ip(&["route", "add", "10.77.0.0/24", "via", "10.78.0.1"]);
    let range = ["--dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h"];
    let theirs = Server::dnsmasq_bare(&centre, &range);
    let _relay = relay::dnsmasq(&router, Ipv4Addr::new(10, 77, 0, 9), CENTRE);
    for number in 1..=4 {
        let client = edk2(number);
        let to_it = |reply: &Reply| *reply.from.ip() == US && reply.xid() == client.xid;
        let offer = poll::until(3 * ANSWER, || {
            lab.card.broadcast(&client.discover());
            lab.card.hear(ANSWER, to_it)
        });
        let offer = offer.expect("the OFFER");
        let address = offer.yiaddr();
        assert_eq!((address.octets()[1], server(&offer)), (77, US), "{number}");
        let ack = lab.request(&client, address);
        assert_eq!((kind(&ack), ack.yiaddr()), (5, address), "{number}");
        poll::expect("theirs", ANSWER, || {
            theirs.lease_of(&mac(&client)) == Some(address)
        });
        assert!(lab.events(&client, "no-lease").is_empty(), "{number}");
    }
}
