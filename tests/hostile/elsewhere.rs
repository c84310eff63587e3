//! Strangers who speak for a machine: from another network, with nothing spoofed but what the packet
//! itself says, and from the machine's own link. What it boots stays what it was.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use bootjack::client::progress::SETTLE;
use bootjack::wire::pxe::menu::BootMenu;
use serde_json::Value;

use crate::lab::{US, to};
use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{DhcpClient, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;
use crate::support::{poll, relay};

/// The firmware shows this menu.
const EVERYONE: &str = "
name: Own
loader: firmware
menu:
  title: Own
  default: disk
  entries:
    - { id: disk, title: Disk, local: true }
    - { id: reinstall, title: Reinstall, linux: { kernel: a, args: WIPED } }
";
/// What a machine of another UUID or subnet would get.
const BY_UUID: &str = "
name: By UUID
match: { uuid: 42424242-4242-4242-4242-424242424202 }
menu: { title: U, entries: [ { id: wipe, title: Wipe, linux: { kernel: a, args: WIPED } } ] }
";
const BY_SUBNET: &str = "
name: By subnet
match: { subnet: 10.99.0.0/16 }
menu: { title: S, entries: [ { id: wipe, title: Wipe, linux: { kernel: a, args: WIPED } } ] }
";
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 5);
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 66);
const OWN: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const MAC: &str = "52:54:00:78:00:01";
const SOON: Duration = Duration::from_secs(20);

/// bootjack, a machine on its link that is about to fetch its script, and two who speak for it.
struct Scene {
    // Dropped in this order: logs are shown before their folder goes.
    appliance: Appliance,
    far: UdpSocket,
    /// The same host, as servers send.
    far_server: UdpSocket,
    near: UdpSocket,
    /// The type of the second line of its menu.
    shown: Option<u16>,
    card: DhcpClient,
    pc: Host,
    _router: Host,
    _lan: Lan,
}

impl Scene {
    fn new() -> Self {
        Self::of(EVERYONE)
    }

    fn of(everyone: &str) -> Self {
        let lan = Lan::new();
        let host = lan.appliance_host();
        let (router, far) = beyond(&lan, &host);
        let near = lan.host("near", &format!("{NEAR}/24"));
        let pc = lan.host("pc", &format!("{OWN}/24"));
        let setup = Setup::new(&host, env!("CARGO_BIN_EXE_bootjack"));
        let setup = setup.profile("a.yaml", everyone);
        let setup = setup.profile("b.yaml", BY_UUID);
        let mut scene = Self {
            appliance: setup
                .profile("c.yaml", BY_SUBNET)
                .flag("--log-level=debug")
                .start(),
            far: udp(&far, FAR, 9999),
            far_server: udp(&far, FAR, 67),
            near: udp(&near, NEAR, 9999),
            shown: None,
            card: DhcpClient::new(&pc),
            pc,
            _router: router,
            _lan: lan,
        };
        scene.boots();
        scene
    }

    /// Its firmware takes a lease, loads iPXE, and that does.
    fn boots(&mut self) {
        for speaker in [Speaker::Edk2, Speaker::Snponly] {
            let client = BootClient::new(speaker, 1);
            let offered = poll::until(SOON, || {
                self.card.broadcast(&client.discover());
                let own = |r: &Reply| r.xid() == client.xid;
                self.card.hear(Duration::from_millis(500), own)
            });
            self.shown = item(&offered.unwrap()).or(self.shown);
            self.card.broadcast(&client.lease_request(OWN, SERVER));
            let leased = |e: &Value| e["event"] == "leased" && e["client"] == MAC;
            self.appliance.wait_for_event(SOON, leased);
        }
        self.is_its_own("nobody");
    }

    /// The script that it fetches is that of its own profile, and nothing is chosen in it.
    fn is_its_own(&self, after: &str) {
        let url = format!("http://{US}:8067/boot/52-54-00-78-00-01.ipxe");
        let script = self.pc.run("curl", &["-sS", "-f", &url]);
        let menu = script.contains("\nmenu Own") && script.contains("item disk");
        assert!(menu, "{after}: {script}");
    }

    /// What it would send to choose the entry that wipes its disk.
    fn chooses(&self, address: Ipv4Addr) -> Packet {
        let client = BootClient::new(Speaker::Edk2, 1);
        let [high, low] = self.shown.unwrap().to_be_bytes();
        let packet = client.proxy_request(address, US);
        packet.with(43, &[71, 4, high, low, 0, 0, 255])
    }

    /// What the metrics count as not answered.
    fn ignored(&self, reason: &str) -> u32 {
        let text = self
            .pc
            .run("curl", &["-sS", "-f", &format!("http://{US}:8067/metrics")]);
        let of = format!("bootjack_dhcp_ignored_total{{reason=\"{reason}\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&of));
        count.map_or(0, |count| count.parse().unwrap())
    }

    /// It may be NAT on the machine's own way: it stands in the machine's timeline, and once where all look.
    fn told_of_forgery(&self) {
        let url = format!("http://{US}:8067/api/v1/clients/{MAC}");
        let timeline = || self.pc.run("curl", &["-sS", "-f", &url]);
        let told = poll::until(SOON, || {
            Some(timeline()).filter(|t| t.contains("not-its-address"))
        });
        assert!(told.is_some(), "{}", timeline());
        let notice = |e: &Value| {
            let text = e["text"].as_str().unwrap_or_default();
            e["event"] == "notice" && text.starts_with("what 10.77.0.66 sends to UDP 4011 of ")
        };
        self.appliance.wait_for_event(SOON, notice);
    }

    /// Waits until a packet of this kind was passed over.
    fn passed_over(&self, reason: &str, says: &str) {
        let is = |e: &Value| {
            let detail = e["detail"].as_str().unwrap_or_default();
            e["reason"] == reason && (detail.contains(says) || e["client"] == says)
        };
        self.appliance.wait_for_event(SOON, is);
    }
}

/// A router beside bootjack and a host behind it, which nobody relays for.
fn beyond(lan: &Lan, appliance: &Host) -> (Host, Host) {
    let router = lan.host("router", &format!("{ROUTER}/24"));
    let segment = lan.segment();
    let interface = lan.plug(&router, segment);
    router.address(&interface, &format!("{GATEWAY}/24"));
    relay::forward(&router);
    let via = ROUTER.to_string();
    appliance.ip(&["route", "add", "10.88.0.0/24", "via", &via]);
    let far = lan.client_on("far", segment);
    far.address("eth0", &format!("{FAR}/24"));
    far.ip(&["route", "add", "default", "via", &GATEWAY.to_string()]);
    (router, far)
}

fn udp(host: &Host, address: Ipv4Addr, port: u16) -> UdpSocket {
    host.enter(|| UdpSocket::bind((address, port))).unwrap()
}

/// The second line of a menu that the firmware shows.
fn item(offer: &Reply) -> Option<u16> {
    let menu = BootMenu::decode(&offer.option(43)?)?;
    Some(menu.items.get(1)?.0)
}

/// The same MAC, another UUID.
fn another_uuid() -> Packet {
    let BootClient { uuid, .. } = BootClient::new(Speaker::Snponly, 2);
    let client = BootClient::new(Speaker::Snponly, 1);
    BootClient { uuid, ..client }.discover()
}

#[test]
fn another_network_does_not_choose_what_a_machine_boots() {
    as_root!("another_network_does_not_choose_what_a_machine_boots");
    let scene = Scene::new();
    let send = |packet: &Packet, port| scene.far.send_to(&packet.bytes(), to(port)).unwrap();

    send(&scene.chooses([9, 9, 9, 9].into()), 4011);
    scene.passed_over(
        "not-its-address",
        "sent by 10.88.0.5 in the name of 9.9.9.9",
    );
    scene.is_its_own("a choice for another address");

    send(&scene.chooses(FAR), 67);
    scene.passed_over("no-relay", "sent to us alone by 10.88.0.5");
    scene.is_its_own("a choice on 67");

    send(&another_uuid(), 67);
    scene.passed_over("no-relay", MAC);
    scene.is_its_own("a DISCOVER of another UUID");

    // What it says of itself alone is answered, and is nobody else's.
    send(&scene.chooses(FAR), 4011);
    let far = format!("{FAR}:9999");
    let heard = |e: &Value| e["event"] == "request" && e["peer"] == *far;
    scene.appliance.wait_for_event(SOON, heard);
    scene.is_its_own("a choice for its own address");
}

/// Who says that he is a relay, and what a DHCP server says, has not seen a machine fail.
#[test]
fn a_made_up_relay_does_not_say_that_a_machine_of_our_link_does_not_follow() {
    as_root!("a_made_up_relay_does_not_say_that_a_machine_of_our_link_does_not_follow");
    let scene = Scene::of(&EVERYONE.replace("loader: firmware", ""));
    let relayed = |packet: Packet| Packet {
        giaddr: FAR,
        ..packet
    };
    let send = |bytes: &[u8], port| scene.far_server.send_to(bytes, to(port)).unwrap();
    for xid in 0x500..0x503 {
        let client = BootClient {
            xid,
            ..BootClient::new(Speaker::Edk2, 1)
        };
        send(&relayed(client.discover()).bytes(), 67);
        send(&lease_offered(&client), 68);
        // The OFFER is heard before it is said to be taken.
        std::thread::sleep(Duration::from_millis(300));
        send(&relayed(client.lease_request(OWN, FAR)).bytes(), 67);
        std::thread::sleep(SETTLE + Duration::from_millis(300));
    }
    let moved = |e: &Value| e["event"] == "escalated";
    assert!(!scene.appliance.events().iter().any(moved));
    let client = BootClient::new(Speaker::Edk2, 1);
    scene.card.broadcast(&client.discover());
    let own = |reply: &Reply| reply.xid() == client.xid;
    let offer = scene.card.hear(SOON, own).unwrap();
    assert_eq!(offer.option(43), None, "it is sent to 4011 as before");
}

/// As a DHCP server offers it, to bootjack alone.
fn lease_offered(client: &BootClient) -> Vec<u8> {
    let offer = Packet {
        op: 2,
        ..Packet::new(2, client.mac, client.xid)
    };
    let offer = offer.with(54, &FAR.octets()).with(51, &[0, 0, 14, 16]);
    let mut bytes = offer.with(1, &[255, 255, 255, 0]).bytes();
    bytes[16..20].copy_from_slice(&OWN.octets());
    bytes
}

/// Whoever can reach port 67 can say that he is a relay.
#[test]
fn a_made_up_relay_does_not_move_a_machine_of_our_link() {
    as_root!("a_made_up_relay_does_not_move_a_machine_of_our_link");
    let scene = Scene::new();
    let giaddr = Ipv4Addr::new(10, 99, 0, 1);
    for (nth, packet) in [
        another_uuid(),
        BootClient::new(Speaker::Snponly, 1).discover(),
        BootClient::new(Speaker::Snponly, 1).lease_request(OWN, SERVER),
        scene.chooses(Ipv4Addr::new(10, 99, 0, 7)),
        scene.chooses(OWN),
    ]
    .into_iter()
    .enumerate()
    {
        let packet = Packet { giaddr, ..packet };
        scene.far.send_to(&packet.bytes(), to(67)).unwrap();
        // Whatever became of it is known when what came behind it is passed over.
        let mac = format!("02:00:00:00:00:{nth:02x}");
        let marker = Packet {
            giaddr: [10, 77, 0, 255].into(),
            ..BootClient {
                mac: [2, 0, 0, 0, 0, nth as u8],
                ..BootClient::new(Speaker::Edk2, 1)
            }
            .discover()
        };
        scene.far.send_to(&marker.bytes(), to(67)).unwrap();
        scene.passed_over("bad-relay", &mac);
        scene.is_its_own(&format!("relayed packet {nth}"));
    }
}

/// On its own link frames can be forged whole; who does not even do that changes nothing.
#[test]
fn a_neighbour_does_not_choose_from_his_own_address() {
    as_root!("a_neighbour_does_not_choose_from_his_own_address");
    let scene = Scene::new();
    let socket = &scene.near;
    socket
        .send_to(&scene.chooses(OWN).bytes(), to(4011))
        .unwrap();
    scene.passed_over(
        "not-its-address",
        "sent by 10.77.0.66 in the name of 10.77.0.100",
    );
    scene.told_of_forgery();
    scene.is_its_own("a choice for the machine's address");
    socket
        .send_to(&scene.chooses(NEAR).bytes(), to(4011))
        .unwrap();
    let answered = |e: &Value| e["event"] == "not-kept" && e["asked"] == *OWN.to_string();
    scene.appliance.wait_for_event(SOON, answered);
    assert_eq!(scene.ignored("not-its-address"), 1, "one was not answered");
    scene.is_its_own("a choice from another address");
    let chosen = |e: &Value| e["event"] == "chosen";
    assert!(!scene.appliance.events().iter().any(chosen));
    // And the machine itself does.
    let own = SocketAddrV4::new(OWN, 4011);
    scene.card.send(own, to(4011), &scene.chooses(OWN).bytes());
    scene.appliance.wait_for_event(SOON, chosen);
    let url = format!("http://{US}:8067/boot/52-54-00-78-00-01.ipxe");
    let script = scene.pc.run("curl", &["-sS", "-f", &url]);
    assert!(
        script.contains("WIPED") && !script.contains("item disk"),
        "{script}"
    );
}
