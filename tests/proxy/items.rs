//! Menus that the firmware shows: the OFFER with the menu, and requests for its items by unicast,
//! multicast and broadcast.

use std::net::{Ipv4Addr, SocketAddrV4};

use bootjack::wire::pxe::menu::BootMenu;
use serde_json::Value;

use crate::lab::{LEASED, Lab, US, never, setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::Lan;
use crate::support::packet::Packet;
use crate::support::poll;

/// The second boot server of the lab.
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 40, 11);
/// Types of the ids below: they are the same in every bootjack.
const DEBIAN: u16 = 47883;
const MEMTEST: u16 = 46382;

const PROFILE: &str = "
name: Lab
loader: firmware
menu:
  title: Lab
  timeout: 20s
  default: debian
  entries:
    - { id: disk, title: Local disk, local: true }
    - { id: debian, title: Debian, linux: { kernel: debian/linux } }
    - { id: memtest, title: Memory test, loader: { efi-x64: memtest.efi, bios: undionly.kpxe } }
    - { id: wds, title: Windows, servers: 10.77.0.3, type: 7 }
    - { id: both, title: Both, servers: [10.77.0.3, self], linux: { kernel: both/linux } }
";

fn with_group(group: Ipv4Addr) -> String {
    PROFILE.replace(
        "menu:",
        &format!("firmware: {{ multicast: {group} }}\nmenu:"),
    )
}

/// A request for an item, as EDK2 makes it after its menu.
fn edk2_asks(client: &BootClient, item: u16) -> Packet {
    let [high, low] = item.to_be_bytes();
    client
        .proxy_request(LEASED, US)
        .with(43, &[71, 4, high, low, 0, 0, 255])
}

fn echoed(reply: &Reply) -> (u16, u16) {
    let option = reply.option(43).unwrap();
    assert_eq!(
        (option[..2].to_vec(), option[6..].to_vec()),
        (vec![71, 4], vec![255])
    );
    let number = |at: usize| u16::from_be_bytes([option[at], option[at + 1]]);
    (number(2), number(4))
}

/// The answer to a request for an item, sent so; what must hold for each.
fn answer(card: &DhcpClient, packet: &Packet, from: SocketAddrV4, to: SocketAddrV4) -> Reply {
    card.send(from, to, &packet.bytes());
    let reply = card.answer(US, packet.xid);
    never(&reply, packet);
    assert_eq!((reply.from.port(), reply.to), (to.port(), from));
    assert_eq!(reply.option(53), Some(vec![5]), "an ACK");
    assert_eq!(reply.option(54), Some(US.octets().to_vec()));
    assert_eq!(
        (reply.siaddr(), reply.yiaddr()),
        (US, Ipv4Addr::UNSPECIFIED)
    );
    reply
}

fn chosen(lab: &Lab, client: &BootClient) -> Vec<String> {
    let mac = client.mac.map(|b| format!("{b:02x}")).join(":");
    let events = lab.appliance.timeline(&mac);
    let chosen = events.iter().filter(|e| e["event"] == "chosen");
    chosen
        .map(|e: &Value| e["entry"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn firmware_is_offered_the_menu_with_all_its_servers() {
    as_root!("firmware_is_offered_the_menu_with_all_its_servers");
    let lab = Lab::with(PROFILE);
    let by_number = [
        (Speaker::Edk2, "snponly.efi"),
        (Speaker::Intel, "lpxelinux.0"),
        (
            Speaker::IpxeRom,
            "http://10.77.0.2:8067/boot/52-54-00-78-00-03.ipxe",
        ),
    ];
    for (number, (speaker, file)) in (1..).zip(by_number) {
        let offer = lab.offer(&BootClient::new(speaker, number));
        let menu = BootMenu::decode(&offer.option(43).unwrap()).unwrap();
        let kinds: Vec<u16> = menu.items.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds[..4], [DEBIAN, 0, MEMTEST, 7], "the default first");
        assert_eq!(
            (menu.control, menu.multicast),
            (3, None),
            "by unicast alone"
        );
        assert_eq!(menu.prompt, Some((20, "Press F8 for the boot menu".into())));
        let both = kinds[4];
        let servers = [
            (DEBIAN, vec![US]),
            (MEMTEST, vec![US]),
            (7, vec![OTHER]),
            (both, vec![OTHER, US]),
        ];
        assert_eq!(menu.servers, servers);
        assert_eq!((offer.file(), offer.siaddr()), (file.to_owned(), US));
    }
    let http = lab.offer(&BootClient::new(Speaker::Edk2Http, 4));
    assert_eq!(http.option(43), None, "HTTP boot knows no menus");
    for number in [1, 4] {
        let loaded = lab.offer(&BootClient::new(Speaker::Snponly, number));
        assert_eq!(loaded.option(43), Some(vec![6, 1, 8, 255]), "a loader");
        let script = format!("http://10.77.0.2:8067/boot/52-54-00-78-00-0{number}.ipxe");
        assert_eq!(loaded.file(), script);
    }
}

#[test]
fn an_item_asked_for_by_unicast_is_answered_to_the_asking_port() {
    as_root!("an_item_asked_for_by_unicast_is_answered_to_the_asking_port");
    let lab = Lab::with(PROFILE);
    lab.card.take(LEASED);
    let to = SocketAddrV4::new(US, 4011);
    let edk2 = BootClient::new(Speaker::Edk2, 1);
    let ask = |packet: &Packet, port| {
        let from = SocketAddrV4::new(LEASED, port);
        answer(&lab.card, packet, from, to)
    };
    let reply = ask(&edk2_asks(&edk2, DEBIAN), 4011);
    assert_eq!(
        (echoed(&reply), reply.file()),
        ((DEBIAN, 0), "snponly.efi".into())
    );
    let reply = ask(&edk2_asks(&edk2, MEMTEST), 4011);
    assert_eq!(
        (echoed(&reply), reply.file()),
        ((MEMTEST, 0), "memtest.efi".into())
    );
    let rom = BootClient::new(Speaker::IpxeRom, 2);
    let reply = ask(&rom.boot_server_request(LEASED, DEBIAN), 68);
    let script = "http://10.77.0.2:8067/boot/52-54-00-78-00-02.ipxe";
    assert_eq!((echoed(&reply), reply.file()), ((DEBIAN, 0), script.into()));
    poll::expect("the choices", ANSWER, || {
        chosen(&lab, &edk2) == ["debian", "memtest"] && chosen(&lab, &rom) == ["debian"]
    });
}

#[test]
fn items_of_other_servers_further_layers_and_unknown_types_are_met_with_silence() {
    as_root!("items_of_other_servers_further_layers_and_unknown_types_are_met_with_silence");
    let lab = Lab::with(PROFILE);
    lab.card.take(LEASED);
    let client = BootClient::new(Speaker::Edk2, 1);
    let from = SocketAddrV4::new(LEASED, 4011);
    let [high, low] = DEBIAN.to_be_bytes();
    for (what, item) in [
        ("another server's", vec![71, 4, 0, 7, 0, 0, 255]),
        ("unknown", vec![71, 4, 0, 8, 0, 0, 255]),
        ("local boot", vec![71, 4, 0, 0, 0, 0, 255]),
        ("layer 1", vec![71, 4, high, low, 0, 1, 255]),
    ] {
        let packet = client.proxy_request(LEASED, US).with(43, &item).bytes();
        lab.silent(what, |card| {
            card.send(from, SocketAddrV4::new(US, 4011), &packet);
        });
    }
}

#[test]
fn an_item_asked_for_by_broadcast_is_no_lease_request() {
    as_root!("an_item_asked_for_by_broadcast_is_no_lease_request");
    let lab = Lab::with(PROFILE);
    lab.card.take(LEASED);
    let client = BootClient::new(Speaker::Edk2, 1);
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
    let from = SocketAddrV4::new(LEASED, 68);
    let reply = answer(&lab.card, &edk2_asks(&client, DEBIAN), from, everybody);
    assert_eq!(
        (echoed(&reply), reply.file()),
        ((DEBIAN, 0), "snponly.efi".into())
    );
    let mut inform = edk2_asks(&client, MEMTEST);
    inform.options[0] = (53, vec![8]);
    let reply = answer(&lab.card, &inform, from, everybody);
    assert_eq!(reply.file(), "memtest.efi");
}

#[test]
fn a_group_is_joined_and_left_as_profiles_say() {
    as_root!("a_group_is_joined_and_left_as_profiles_say");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let lab = Lab::on(
        lan,
        setup(&host).profile("profile.yaml", &with_group(GROUP)),
    );
    lab.card.take(LEASED);
    // Multicast has no way out of a namespace without a route.
    lab.pc.ip(&["route", "add", "224.0.0.0/4", "dev", "eth0"]);
    let client = BootClient::new(Speaker::Edk2, 1);
    let menu = lab.offer(&client).option(43).unwrap();
    let menu = BootMenu::decode(&menu).unwrap();
    assert_eq!((menu.control, menu.multicast), (1, Some(GROUP)));
    let joined = |group: Ipv4Addr| {
        let groups = host.ip(&["maddr", "show", "dev", "eth0"]);
        groups.contains(&group.to_string())
    };
    poll::expect("the group is joined", ANSWER, || joined(GROUP));
    let from = SocketAddrV4::new(LEASED, 4011);
    let to = SocketAddrV4::new(GROUP, 4011);
    let reply = answer(&lab.card, &edk2_asks(&client, DEBIAN), from, to);
    assert_eq!(
        (echoed(&reply), reply.file()),
        ((DEBIAN, 0), "snponly.efi".into())
    );

    let other = Ipv4Addr::new(239, 255, 40, 12);
    lab.appliance
        .write_profile("profile.yaml", &with_group(other));
    poll::expect("another group", ANSWER, || joined(other) && !joined(GROUP));
    let to = SocketAddrV4::new(other, 4011);
    answer(&lab.card, &edk2_asks(&client, MEMTEST), from, to);
}

/// Two appliances, each with items of its own, and one that both have.
#[test]
fn a_second_boot_server_answers_for_what_is_its_own() {
    as_root!("a_second_boot_server_answers_for_what_is_its_own");
    let lan = Lan::new();
    let other = lan.host("other", "10.77.0.3/24");
    let theirs = "
loader: firmware
menu:
  title: Other
  entries:
    - { id: win, title: Windows, servers: [self, 10.77.0.4], type: 7, loader: { efi-x64: snponly.efi } }
    - { id: both, title: Both, linux: { kernel: both/linux } }
    - { id: disk, title: Local disk, local: true }
";
    let host = lan.appliance_host();
    let _second = setup(&other).profile("profile.yaml", theirs).start();
    let lab = Lab::on(lan, setup(&host).profile("profile.yaml", PROFILE));
    lab.card.take(LEASED);
    let client = BootClient::new(Speaker::Edk2, 1);
    let from = SocketAddrV4::new(LEASED, 4011);
    let packet = edk2_asks(&client, 7);
    lab.card
        .send(from, SocketAddrV4::new(OTHER, 4011), &packet.bytes());
    let reply = lab.card.answer(OTHER, packet.xid);
    assert_eq!((echoed(&reply), reply.siaddr()), ((7, 0), OTHER));
    // By broadcast each of them answers for what it has: both for the one, the other for the other.
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
    let from = SocketAddrV4::new(LEASED, 68);
    lab.card.send(from, everybody, &packet.bytes());
    let first = lab.card.answer(OTHER, packet.xid);
    assert_eq!(first.siaddr(), OTHER);
    let menu = lab.offer(&client).option(43).unwrap();
    let both = BootMenu::decode(&menu).unwrap().items[4].0;
    let packet = edk2_asks(&client, both);
    lab.card.send(from, everybody, &packet.bytes());
    let mut said = vec![
        lab.card
            .hear(ANSWER, |r| echoed_is(r, both))
            .unwrap()
            .siaddr(),
    ];
    said.push(
        lab.card
            .hear(ANSWER, |r| echoed_is(r, both))
            .unwrap()
            .siaddr(),
    );
    said.sort();
    assert_eq!(said, [US, OTHER]);
}

fn echoed_is(reply: &Reply, kind: u16) -> bool {
    reply.option(53) == Some(vec![5]) && echoed(reply).0 == kind
}
