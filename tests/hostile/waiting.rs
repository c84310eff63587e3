//! Replies to addresses that nobody has wait in the kernel, for ARP: whoever makes such addresses up
//! keeps no reply from an honest machine.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::forged::Raw;
use crate::lab::{STRANGER, US, to};
use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{DhcpClient, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::packet::{DISCOVER, INFORM, Packet, REQUEST};
use crate::support::poll;

const CONFIG: &str = "mode: dhcp\nforce: true\ndhcp:\n  conflict-check: off\n  networks:\n    \
                      - { subnet: 10.77.0.0/24, pools: [ 10.77.0.240-10.77.0.250 ] }\n";
const PROFILE: &str = "menu: { title: Lab, entries: [ { id: d, title: Disk, local: true } ] }\n";
/// As under systemd: without `CAP_NET_ADMIN` no buffer is larger than the system's `wmem_max`
/// (Debian: 212,992; some have 4 MiB, which this flood fills in three seconds).
const CONFINED: [&str; 3] = [
    "setpriv",
    "--bounding-set=-net_admin",
    "--inh-caps=-net_admin",
];
const A_SECOND: u32 = 4000;
/// What a machine waits for an answer until it asks again.
const TRY: Duration = Duration::from_secs(1);
/// Until as much waits as may.
const FILLED: Duration = Duration::from_secs(20);
const TRIES: usize = 20;
const ROUNDS: u8 = 8;
/// Between two of them: ARP gives an address up after three seconds.
const PAUSE: Duration = Duration::from_millis(500);
/// Whose messages the flood is made of.
const FORGER: [u8; 6] = [2, 0, 0, 0, 0, 9];
const OFFER: u8 = 2;
const ACK: u8 = 5;

/// Each asks for a reply to an address on this link that nobody has, or for one elsewhere.
fn forge(raw: &Raw, number: u32) {
    let last = 80 + (number / 8 % 150) as u8;
    let (nobody, elsewhere) = (Ipv4Addr::new(10, 77, 0, last), [10, 99, 0, last].into());
    let inform = Packet::new(INFORM, FORGER, number);
    let boot = BootClient::new(Speaker::Edk2, 9);
    let (from, port, packet) = match number % 8 {
        0 => (nobody, 4011, boot.proxy_request(nobody, US)),
        1 => (elsewhere, 4011, boot.proxy_request(elsewhere, US)),
        2..5 => {
            let giaddr = nobody;
            (STRANGER, 67, Packet { giaddr, ..inform })
        }
        _ => {
            let ciaddr = nobody;
            (STRANGER, 67, Packet { ciaddr, ..inform })
        }
    };
    raw.send(SocketAddrV4::new(from, port), to(port), &packet.bytes());
}

/// So many a second, until somebody says that it is enough.
fn flood(stranger: &Host, enough: &AtomicBool) {
    let raw = Raw::new(stranger);
    let (began, mut sent) = (Instant::now(), 0);
    while !enough.load(Ordering::Relaxed) {
        let due = began.elapsed().as_millis() as u32 * A_SECOND / 1000;
        for number in sent..due {
            forge(&raw, number);
        }
        sent = due;
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Asks until it is answered, as firmware does.
fn answered(card: &DhcpClient, packet: &Packet, ask: impl Fn(), kind: u8) -> Reply {
    let wanted = |r: &Reply| r.xid() == packet.xid && r.option(53) == Some(vec![kind]);
    for _ in 0..TRIES {
        ask();
        if let Some(reply) = card.hear(TRY, wanted) {
            return reply;
        }
    }
    panic!("no answer to {packet:?}")
}

/// From DISCOVER to ACK.
fn leases(card: &DhcpClient, number: u8) -> Ipv4Addr {
    let mac = [0x52, 0x54, 0, 0x7a, 0, number];
    let discover = Packet::new(DISCOVER, mac, 0x100 + u32::from(number));
    let offer = answered(card, &discover, || card.broadcast(&discover), OFFER);
    let address = offer.yiaddr();
    let request = Packet::new(REQUEST, mac, 0x200 + u32::from(number))
        .with(50, &address.octets())
        .with(54, &US.octets());
    let ack = answered(card, &request, || card.broadcast(&request), ACK);
    assert_eq!(ack.yiaddr(), address);
    address
}

/// One whose lease is given: it extends it, and asks port 4011, by unicast.
fn renews_and_boots(card: &DhcpClient, mac: [u8; 6], address: Ipv4Addr, round: u8) {
    let renewal = Packet {
        ciaddr: address,
        ..Packet::new(REQUEST, mac, 0x300 + u32::from(round))
    };
    let from = SocketAddrV4::new(address, 68);
    let ask = || card.send(from, to(67), &renewal.bytes());
    let ack = answered(card, &renewal, ask, ACK);
    assert_eq!((*ack.to.ip(), ack.from.port()), (address, 67));

    let boot = BootClient {
        mac,
        xid: 0x400 + u32::from(round),
        ..BootClient::new(Speaker::Edk2, 1)
    };
    let request = boot.proxy_request(address, US);
    let from = SocketAddrV4::new(address, 4011);
    let ask = || card.send(from, to(4011), &request.bytes());
    let ack = answered(card, &request, ask, ACK);
    assert_eq!((ack.to, ack.from), (from, to(4011)));
}

/// Replies that could not be sent, as far as a machine's timeline goes.
fn unsent(appliance: &Appliance, mac: [u8; 6]) -> usize {
    let mac = mac.map(|octet| format!("{octet:02x}")).join(":");
    let events = appliance.timeline(&mac);
    events
        .iter()
        .filter(|e| e["reason"] == "unreachable")
        .count()
}

#[test]
fn replies_to_nobody_keep_no_other_in() {
    as_root!("replies_to_nobody_keep_no_other_in");
    let lan = Lan::new();
    let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"));
    let setup = setup.config(CONFIG).profile("p.yaml", PROFILE);
    let appliance = setup.under(&CONFINED).start();
    let stranger = lan.host("stranger", &format!("{STRANGER}/24"));
    let pc = lan.client("pc");
    let card = DhcpClient::new(&pc);
    let held = [0x52, 0x54, 0, 0x7a, 0, 0];
    let address = leases(&card, 0);
    card.take(address);
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| flood(&stranger, &enough));
        let rounds = std::panic::catch_unwind(AssertUnwindSafe(|| {
            poll::expect("no room for more", FILLED, || {
                unsent(&appliance, FORGER) > 0
            });
            for round in 1..=ROUNDS {
                leases(&card, round);
                renews_and_boots(&card, held, address, round);
                std::thread::sleep(PAUSE);
            }
        }));
        enough.store(true, Ordering::Relaxed);
        rounds.unwrap();
    });
    for number in 0..=ROUNDS {
        let mac = [0x52, 0x54, 0, 0x7a, 0, number];
        assert_eq!(unsent(&appliance, mac), 0, "machine {number}");
    }
}

/// An interface whose packets are shorter than a reply: it leaves in pieces.
#[test]
fn a_reply_that_waits_for_arp_may_be_longer_than_a_packet() {
    as_root!("a_reply_that_waits_for_arp_may_be_longer_than_a_packet");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    boot.ip(&["link", "set", "eth0", "mtu", "290"]);
    let setup = Setup::new(&boot, env!("CARGO_BIN_EXE_bootjack"));
    let _appliance = setup.config(CONFIG).start();
    let pc = lan.host("pc", "10.77.0.100/24");
    let ciaddr = Ipv4Addr::new(10, 77, 0, 100);
    let card = pc.enter(|| UdpSocket::bind((ciaddr, 68))).unwrap();
    card.set_broadcast(true).unwrap();
    card.set_read_timeout(Some(TRY)).unwrap();
    let inform = Packet {
        ciaddr,
        ..Packet::new(INFORM, FORGER, 7)
    };
    let everybody = SocketAddrV4::new([10, 77, 0, 255].into(), 67);
    let mut reply = [0; 600];
    let heard = (0..TRIES).find_map(|_| {
        card.send_to(&inform.bytes(), everybody).unwrap();
        card.recv_from(&mut reply).ok()
    });
    assert_eq!(heard, Some((300, to(67).into())));
}
