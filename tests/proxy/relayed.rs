//! Clients behind a relay: a real one (dnsmasq's) in a router between two segments, and an
//! imitated one that adds option 82.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::lab::{EVERYONE, LEASED, Lab, US, at, never, setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::DhcpClient;
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;
use crate::support::process::Process;
use crate::support::relay;

const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 100);

/// A router at 10.77.0.9 and 10.78.0.1 that relays DHCP to bootjack.
struct Router {
    host: Host,
    _relay: Process,
}

impl Router {
    fn new(lan: &Lan) -> (Self, Host) {
        let host = lan.host("router", "10.77.0.9/24");
        let segment = lan.segment();
        let interface = lan.plug(&host, segment);
        host.address(&interface, "10.78.0.1/24");
        relay::forward(&host);
        let relay = relay::dnsmasq(&host, GATEWAY, US);
        let router = Self {
            host,
            _relay: relay,
        };
        (router, lan.client_on("far", segment))
    }
}

#[test]
fn a_client_behind_a_real_relay_boots() {
    as_root!("a_client_behind_a_real_relay_boots");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let (router, far_host) = Router::new(&lan);
    host.ip(&["route", "add", "10.78.0.0/24", "via", &ROUTER.to_string()]);
    let far = DhcpClient::new(&far_host);
    let there = format!("match: {{ subnet: 10.78.0.0/16 }}\nname: There\n{EVERYONE}");
    let lab = Lab::on(
        lan,
        setup(&host)
            .profile("a.yaml", &there)
            .profile("b.yaml", EVERYONE),
    );

    let client = BootClient::new(Speaker::Edk2, 1);
    far.broadcast(&client.discover());
    let answered = |reply: &crate::support::dhcp_client::Reply| reply.xid() == client.xid;
    let offer = far
        .hear(crate::support::dhcp_client::ANSWER, answered)
        .expect("the relayed OFFER");
    assert_eq!((offer.siaddr(), offer.file().as_str()), (US, "snponly.efi"));
    assert_eq!(
        offer.to,
        "255.255.255.255:68".parse().unwrap(),
        "the last hop is broadcast"
    );

    far_host.address("eth0", &format!("{FAR}/24"));
    far_host.ip(&["route", "add", "default", "via", &GATEWAY.to_string()]);
    let ack = crate::lab::ack(&far, &client.proxy_request(FAR, US), at(FAR, &client), US);
    assert_eq!(ack.file(), "snponly.efi");
    let loader = far_host.run(
        "curl",
        &[
            "-sS",
            "-f",
            "-o",
            "/dev/null",
            "-w",
            "%{size_download}",
            &format!("tftp://{US}/snponly.efi"),
        ],
    );
    assert!(loader.parse::<u64>().unwrap() > 100_000, "{loader}");

    let events = lab.appliance.timeline("52:54:00:78:00:01");
    assert_eq!(events[0]["relay"], GATEWAY.to_string());
    assert_eq!(
        (&events[1]["profile"], &events[1]["to"]),
        (&"There".into(), &"10.78.0.1:67".into())
    );
    drop(router.host);
}

#[test]
fn a_relayed_offer_goes_to_the_relay_with_its_option_82_last() {
    as_root!("a_relayed_offer_goes_to_the_relay_with_its_option_82_last");
    let lab = Lab::new();
    let relay = lab.lan.host("relay", "10.77.0.9/24");
    let card = DhcpClient::new(&relay);
    for (number, speaker) in [
        (1, Speaker::Edk2),
        (2, Speaker::IpxeRom),
        (3, Speaker::Bare),
    ] {
        let client = BootClient::new(speaker, number);
        let request = Packet {
            giaddr: ROUTER,
            hops: 1,
            ..client.discover()
        }
        .with(82, &[1, 4, 0, 0, 0, 5, 2, 2, 255, 255]);
        let (from, to) = (SocketAddrV4::new(ROUTER, 67), SocketAddrV4::new(US, 67));
        card.send(from, to, &request.bytes());
        let offer = card.answer(US, client.xid);
        never(&offer, &request);
        assert_eq!(
            (offer.from, offer.to),
            (to, from),
            "from 67 to the relay's 67"
        );
        assert_eq!(
            offer.bytes[10] & 0x80,
            0x80,
            "broadcast on the last hop (quirk 25)"
        );
    }
}

/// What a reservation knows a machine by is said in its DISCOVER alone: at 4011 it speaks to us
/// directly, so no relay names its circuit, and EDK2 sends no identifier either.
#[test]
fn a_machine_known_by_its_circuit_or_identifier_is_the_same_at_4011() {
    as_root!("a_machine_known_by_its_circuit_or_identifier_is_the_same_at_4011");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let config = "dhcp:
  networks: [ { subnet: 10.77.0.0/24 } ]
  reservations: [ { circuit-id: port7, profile: Desk }, { client-id: red, profile: Desk } ]
";
    let desk =
        format!("name: Desk\nmatch: {{ mac: \"02:00:00:00:00:01\" }}\nloader: grub\n{EVERYONE}");
    let setup = setup(&host).config(config).profile("desk.yaml", &desk);
    let lab = Lab::on(lan, setup.profile("z.yaml", EVERYONE));
    let relay = lab.lan.host("relay", "10.77.0.9/24");
    let router = DhcpClient::new(&relay);
    lab.card.take(LEASED);

    let client = BootClient::new(Speaker::Edk2, 1);
    let relayed = |circuit: &[u8]| {
        let option = [&[1, circuit.len() as u8], circuit].concat();
        let request = Packet {
            giaddr: ROUTER,
            hops: 1,
            ..client.discover()
        };
        request.with(82, &option)
    };
    let offered = |packet: &Packet| {
        let (from, to) = (SocketAddrV4::new(ROUTER, 67), SocketAddrV4::new(US, 67));
        router.send(from, to, &packet.bytes());
        router.answer(US, packet.xid).file()
    };
    let request = Packet {
        xid: client.xid + 1,
        ..client.proxy_request(LEASED, US)
    };
    let told = || lab.ack(&request, at(LEASED, &client), US).file();
    for (discover, file) in [
        (relayed(b"port7"), "shimx64.efi"),
        // Moved to another circuit, and back.
        (relayed(b"port8"), "snponly.efi"),
        (relayed(b"port7"), "shimx64.efi"),
        // Moved to where no relay is: it shows what it is known by anew with each DISCOVER.
        (client.discover(), "snponly.efi"),
        (client.discover().with(61, b"red"), "shimx64.efi"),
        (client.discover(), "snponly.efi"),
    ] {
        assert_eq!(offered(&discover), file, "{discover:?}");
        // Twice: the first one does not take away what is known.
        assert_eq!([told(), told()], [file, file], "{discover:?}");
    }
}
