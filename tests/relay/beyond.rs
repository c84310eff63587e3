//! Clients behind a relay: their link is named to the server, the answer goes back the way they came.

use std::net::Ipv4Addr;

use crate::lab::{Lab, US, edk2, kind, mac, server};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::poll;
use crate::support::relay;
use crate::support::servers::Server;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);

#[test]
fn a_client_behind_a_relay_gets_a_lease_of_its_own_link() {
    as_root!("a_client_behind_a_relay_gets_a_lease_of_its_own_link");
    let lab = Lab::with(|setup| setup.flag("--dhcp-server=10.77.0.1"));
    let host = lab.lan.dhcp_host();
    let far = "--dhcp-range=10.78.0.100,10.78.0.199,255.255.255.0,1h";
    let theirs = Server::dnsmasq_bare(
        &host,
        &[far, "--dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h"],
    );
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
    card.broadcast(&client.discover());
    let to_it = |reply: &Reply| reply.xid() == client.xid && reply.from.port() == 67;
    let offer = card.hear(ANSWER, to_it).expect("the OFFER");
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
