//! Port 4011 alone, beside a DHCP server of the same host: dnsmasq, ISC dhcpd and Kea, each with the
//! lines that README gives for it.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use crate::lab::{EVERYONE, LEASED, Lab, US, ack, at, setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::{DHCP_IP, Host, Lan};
use crate::support::packet::{INFORM, Packet};
use crate::support::servers::{KINDS, Kind};

/// The host of both.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const COLOCATED: &str = "--mode=colocated";
/// What a machine is given at 4011, by the name of its loader.
const PXE: [(Speaker, &str); 5] = [
    (Speaker::Edk2, "snponly.efi"),
    (Speaker::IpxeRom, "/boot/52-54-00-78-00-02.ipxe"),
    (Speaker::Snponly, "/boot/52-54-00-78-00-03.ipxe"),
    (Speaker::Intel, "lpxelinux.0"),
    (Speaker::Bare, "lpxelinux.0"),
];

/// bootjack in mode `colocated` alone in its host, 10.77.0.2, and one machine.
fn alone(lan: Lan, host: &Host) -> Lab {
    Lab::on(lan, setup(host).flag(COLOCATED).profile("p.yaml", EVERYONE))
}

/// What a server offers, in the order of `speakers`. There is one OFFER each, or more than the
/// server speaks.
fn offers(card: &DhcpClient, speakers: &[Speaker]) -> Vec<Reply> {
    let numbered = (1..).zip(speakers);
    let offers = numbered.map(|(number, speaker)| {
        let client = BootClient::new(*speaker, number);
        card.broadcast(&client.discover());
        let offer = card.answer(HOST, client.xid);
        assert_eq!(offer.option(53), Some(vec![2]), "an OFFER");
        assert_eq!(offer.from.port(), 67);
        offer
    });
    offers.collect()
}

/// The lease, as the server of the host gives it: exactly one ACK comes from port 67.
fn leased(card: &DhcpClient, client: &BootClient, offer: &Reply) {
    card.broadcast(&client.lease_request(offer.yiaddr(), HOST));
    let ack = card.answer(HOST, client.xid);
    assert_eq!((ack.option(53), ack.from.port()), (Some(vec![5]), 67));
    card.take(offer.yiaddr());
}

fn speakers() -> Vec<Speaker> {
    let pxe = PXE.iter().map(|(speaker, _)| *speaker);
    pxe.chain([Speaker::Udhcpc, Speaker::Edk2Http]).collect()
}

/// Everything but option 60 and what follows from the order of clients.
fn without_class(offer: &Reply) -> Vec<(u8, Vec<u8>)> {
    let mut options = offer.options();
    options.retain(|(code, _)| *code != 60);
    options.sort();
    options
}

fn through_4011(kind: Kind) {
    let speakers = speakers();
    let before = {
        let lan = Lan::new();
        let _server = kind.plain(&lan.dhcp_host());
        offers(&DhcpClient::new(&lan.client("pc")), &speakers)
    };
    let lan = Lan::new();
    let host = lan.dhcp_host();
    let _server = kind.colocated(&host, DHCP_IP);
    let mut lab = alone(lan, &host);
    let ready = lab.appliance.ready_line();
    let ports = "ready on eth0 10.77.0.1; pxe 4011, tftp 69, http 8067; ";
    assert!(ready.contains(ports), "{ready}");
    let after = offers(&lab.card, &speakers);

    for ((number, (speaker, loader)), offer) in (1..).zip(PXE).zip(&after) {
        let was = &before[usize::from(number) - 1];
        assert_eq!(was.option(60), None, "{kind:?} {speaker:?}");
        assert_eq!(
            offer.option(60),
            Some(b"PXEClient".to_vec()),
            "{kind:?} {speaker:?}"
        );
        assert_eq!(
            without_class(offer),
            without_class(was),
            "{kind:?} {speaker:?}"
        );
        assert_eq!((offer.file().as_str(), offer.option(43)), ("", None));

        let client = BootClient::new(speaker, number);
        leased(&lab.card, &client, offer);
        let mine = offer.yiaddr();
        let ack = lab.ack(&client.proxy_request(mine, HOST), at(mine, &client), HOST);
        assert!(ack.file().ends_with(loader), "{speaker:?}: {}", ack.file());
    }

    // udhcpc: not a byte of its OFFER is another one.
    let ordinary = PXE.len();
    assert_eq!(after[ordinary].bytes, before[ordinary].bytes, "{kind:?}");
    // HTTP boot: its URI comes from the server alone.
    let http = &after[ordinary + 1];
    assert_eq!(http.option(60), Some(b"HTTPClient".to_vec()), "{kind:?}");
    let uri = "http://10.77.0.1:8067/assets/snponly.efi";
    let named = http.option(67).unwrap_or_else(|| http.file().into_bytes());
    assert_eq!(
        String::from_utf8_lossy(&named).trim_end_matches('\0'),
        uri,
        "{kind:?}"
    );
    let size = lab.pc.run(
        "curl",
        &["-sSf", "-o", "/dev/null", "-w", "%{size_download}", uri],
    );
    assert!(size.parse::<u64>().unwrap() > 100_000, "{size}");
    other_http_boot_is_told_nothing(&lab.card, kind);
}

/// The loader is one for x64: IA32 and ARM64 get their lease, and no word of it.
fn other_http_boot_is_told_nothing(card: &DhcpClient, kind: Kind) {
    for arch in [15, 19] {
        let client = BootClient::new(Speaker::Edk2Http, arch);
        let class = format!("HTTPClient:Arch:{arch:05}:UNDI:003001");
        let packet = client.discover().without(93).without(60);
        card.broadcast(&packet.with(93, &[0, arch]).with(60, class.as_bytes()));
        let offer = card.answer(HOST, client.xid);
        assert!(!offer.yiaddr().is_unspecified(), "{kind:?} {arch}");
        let told = (offer.option(60), offer.option(67), offer.file());
        assert_eq!(told, (None, None, String::new()), "{kind:?} {arch}");
    }
}

#[test]
fn every_client_boots_through_4011_beside_dnsmasq() {
    as_root!("every_client_boots_through_4011_beside_dnsmasq");
    through_4011(Kind::Dnsmasq);
}

#[test]
fn every_client_boots_through_4011_beside_isc_dhcpd() {
    as_root!("every_client_boots_through_4011_beside_isc_dhcpd");
    through_4011(Kind::Isc);
}

#[test]
fn every_client_boots_through_4011_beside_kea() {
    as_root!("every_client_boots_through_4011_beside_kea");
    through_4011(Kind::Kea);
}

/// Without a DHCP server nothing at all comes from port 67, and 67 stays free for one.
#[test]
fn port_67_is_left_alone() {
    as_root!("port_67_is_left_alone");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let lab = alone(lan, &host);
    lab.appliance.wait_for_event(ANSWER, |event| {
        let text = event["text"].as_str().unwrap_or_default();
        event["event"] == "warning" && text.contains("no DHCP server runs on this host")
    });
    for kind in KINDS {
        drop(kind.plain(&host));
    }
    let _free = host.enter(|| UdpSocket::bind("0.0.0.0:67")).unwrap();

    lab.card.take(LEASED);
    let client = BootClient::new(Speaker::Edk2, 1);
    let to_67 = |packet: &Packet| {
        let (from, to) = (SocketAddrV4::new(LEASED, 68), SocketAddrV4::new(US, 67));
        lab.card.send(from, to, &packet.bytes());
    };
    for (number, speaker) in (1..).zip(speakers()) {
        lab.card
            .broadcast(&BootClient::new(speaker, number).discover());
    }
    lab.card.broadcast(&client.lease_request(LEASED, HOST));
    lab.card.broadcast(&Packet {
        ciaddr: LEASED,
        ..Packet::new(INFORM, client.mac, 7)
    });
    to_67(&client.discover());
    to_67(&client.proxy_request(LEASED, US));
    quiet_until_an_ack(&lab, "what came to port 67");
}

/// At 4011 only requests for boot data are answered.
#[test]
fn at_4011_what_is_not_asked_for_is_not_answered() {
    as_root!("at_4011_what_is_not_asked_for_is_not_answered");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let lab = alone(lan, &host);
    lab.card.take(LEASED);
    let pxe = BootClient::new(Speaker::IpxeRom, 1);
    let ordinary = BootClient::new(Speaker::Udhcpc, 2);
    let request = pxe.proxy_request(LEASED, US);
    for packet in [
        pxe.discover(),
        ordinary.lease_request(LEASED, HOST),
        Packet {
            options: vec![(53, vec![INFORM])],
            ..request.clone()
        }
        .with(60, pxe.class()),
        Packet {
            op: 2,
            ..request.clone()
        },
        request.clone().without(60),
        request.clone().without(53),
        pxe.boot_server_request(LEASED, 7),
    ] {
        let (from, to) = (SocketAddrV4::new(LEASED, 68), SocketAddrV4::new(US, 4011));
        lab.card.send(from, to, &packet.bytes());
    }
    quiet_until_an_ack(&lab, "what is no request for boot data");
}

/// Nothing was said before the answer to a request that is made now.
fn quiet_until_an_ack(lab: &Lab, what: &str) {
    let marker = BootClient::new(Speaker::Edk2, 250);
    let request = marker.proxy_request(LEASED, US);
    let (from, to) = (at(LEASED, &marker), SocketAddrV4::new(US, 4011));
    lab.card.send(from, to, &request.bytes());
    let mut said = lab.card.heard_until(|reply| reply.xid() == marker.xid);
    said.retain(|reply| *reply.from.ip() == US); // a card hears itself too
    assert!(said.is_empty(), "{what} was answered: {said:?}");
}

/// Its address is known from the request at 4011 alone, so menus by address are its own.
#[test]
fn a_machine_that_only_came_to_4011_gets_its_own_menus() {
    as_root!("a_machine_that_only_came_to_4011_gets_its_own_menus");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let its_own = format!("name: Mine\nmatch: {{ mac: \"52:54:00:78:00:01\" }}\n{EVERYONE}");
    let setup = setup(&host).flag(COLOCATED);
    let setup = setup
        .profile("a.yaml", &its_own)
        .profile("b.yaml", EVERYONE);
    let lab = Lab::on(lan, setup);
    lab.card.take(LEASED);
    let menus = || {
        let urls = [
            format!("tftp://{US}/pxelinux.cfg/default"),
            format!("http://{US}:8067/boot/menu.ipxe"),
        ];
        urls.map(|url| {
            let answer = lab.pc.attempt("curl", &["-sSf", "--max-time", "20", &url]);
            String::from_utf8_lossy(&answer.stdout).into_owned()
        })
    };
    assert!(!menus().iter().any(|menu| menu.contains("Mine")));
    let client = BootClient::new(Speaker::Intel, 1);
    lab.ack(&client.proxy_request(LEASED, US), at(LEASED, &client), US);
    let after = menus();
    assert!(after.iter().all(|menu| menu.contains("Mine")), "{after:?}");
    let told: Vec<String> = lab
        .appliance
        .timeline("52:54:00:78:00:01")
        .iter()
        .filter_map(|event| event["event"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(told[..2], ["request", "answer"], "{told:?}");
    assert!(told.contains(&"menu".to_owned()), "{told:?}");
}

/// iPXE drops an ACK whose option 54 is not the server that its OFFER named.
#[test]
fn each_address_of_the_host_answers_for_itself() {
    as_root!("each_address_of_the_host_answers_for_itself");
    let lan = Lan::new();
    let segment = lan.segment();
    let host = lan.appliance_host();
    host.address("eth0", "10.77.0.3/24");
    let second = lan.plug(&host, segment);
    host.address(&second, "10.78.0.2/24");
    let far_host = lan.client_on("far", segment);
    let lab = alone(lan, &host);
    lab.card.take(LEASED);
    let far = Ipv4Addr::new(10, 78, 0, 100);
    far_host.address("eth0", &format!("{far}/24"));
    far_host.ip(&["route", "add", "default", "via", "10.78.0.2"]);
    let card = DhcpClient::new(&far_host);
    for (number, (speaker, _)) in (1..).zip(PXE) {
        let client = BootClient::new(speaker, number);
        for server in [[10, 77, 0, 2], [10, 77, 0, 3]].map(Ipv4Addr::from) {
            lab.ack(
                &client.proxy_request(LEASED, server),
                at(LEASED, &client),
                server,
            );
        }
        // Also that of the other segment, where the DHCP server names itself by it.
        for server in [[10, 78, 0, 2], [10, 77, 0, 3]].map(Ipv4Addr::from) {
            ack(
                &card,
                &client.proxy_request(far, server),
                at(far, &client),
                server,
            );
        }
    }
}
