//! Two machines at once, on a LAN where a third host answers the relay with whatever it can make up.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lab::{BOOT, CHAIN, CONFIRMED, Lab};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{DhcpClient, Reply};
use crate::support::lan::Host;
use crate::support::packet::Packet;
use crate::support::qemu::{Firmware, Machine};
use crate::support::servers::{Kind, POOL};

const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const ROGUE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 66);
const OFFER: u8 = 2;
const ACK: u8 = 5;

/// The rogue also speaks from the server's address: it answers no ARP for it, and asks for nobody
/// in its name.
fn take_the_servers_address(rogue: &Host, us: &Host) {
    rogue.ip(&["addr", "add", &format!("{SERVER}/32"), "dev", "lo"]);
    rogue
        .enter(|| std::fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", "1"))
        .unwrap();
    let mac = us.mac("eth0").map(|octet| format!("{octet:02x}")).join(":");
    rogue.ip(&[
        "neigh",
        "replace",
        &US.to_string(),
        "lladdr",
        &mac,
        "dev",
        "eth0",
    ]);
}

/// A lease of the rogue's for a machine.
fn forged(kind: u8, mac: [u8; 6], xid: u32) -> Vec<u8> {
    let reply = Packet {
        op: 2,
        giaddr: US,
        ..Packet::new(kind, mac, xid)
    };
    let reply = reply
        .with(54, &ROGUE.octets())
        .with(51, &[0, 0, 14, 16])
        .with(1, &[255, 255, 255, 0])
        .with(3, &ROGUE.octets());
    let mut bytes = reply.bytes();
    bytes[16..20].copy_from_slice(&ROGUE.octets());
    bytes
}

/// Answers until it is told to stop: numbers made up and numbers that were once right, for the
/// machines and for others, from its own address and the server's. How many.
fn flood(rogue: &Host, macs: &[[u8; 6]], stale: u32, stop: &AtomicBool, sent: &AtomicU64) {
    let open = |from: Ipv4Addr| rogue.enter(|| UdpSocket::bind((from, 67))).unwrap();
    let mouths = [open(ROGUE), open(SERVER)];
    let other = [0x52, 0x54, 0, 0xee, 0xee, 0xee];
    for n in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let number = n.wrapping_mul(0x9e37_79b9);
        for mac in macs.iter().chain([&other]) {
            for (kind, xid) in [
                (OFFER, stale),
                (ACK, stale),
                (OFFER, number),
                (ACK, !number),
            ] {
                let mouth = &mouths[n as usize % 2];
                mouth.send_to(&forged(kind, *mac, xid), (US, 67)).unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// The number of a question that was answered long ago: everybody on the link hears the first one.
fn stale_number(lab: &Lab, rogue: &Host) -> u32 {
    let ear = rogue.enter(|| UdpSocket::bind("0.0.0.0:67")).unwrap();
    let card = DhcpClient::new(&lab.lan.client("first"));
    let first = BootClient::new(Speaker::Edk2, 1);
    card.broadcast(&first.discover());
    let mut question = [0; 2048];
    loop {
        ear.recv(&mut question).unwrap();
        if question[24..28] == US.octets() {
            break;
        }
    }
    assert!(!card.answer(US, first.xid).yiaddr().is_unspecified());
    u32::from_be_bytes(question[4..8].try_into().unwrap())
}

#[test]
fn two_machines_at_once_among_forged_answers() {
    as_root!("two_machines_at_once_among_forged_answers");
    let lab = Lab::new(|host| Kind::Kea.plain(host));
    let rogue = lab.lan.host("rogue", &format!("{ROGUE}/24"));
    let stale = stale_number(&lab, &rogue);
    take_the_servers_address(&rogue, &lab.host);
    let ear = DhcpClient::new(&lab.lan.client("ear"));

    let machines = [30, 31].map(|number| Machine::new(Firmware::SecureBoot, number));
    let macs = [30, 31].map(|number| [0x52, 0x54, 0, 0x77, 0, number]);
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let pcs = std::thread::scope(|scope| {
        scope.spawn(|| flood(&rogue, &macs, stale, &stop, &sent));
        let end = End(&stop);
        let mut pcs = Machine::power_on_together(machines.to_vec(), &lab.lan);
        for pc in &mut pcs {
            pc.wait_for(&[CONFIRMED], BOOT);
        }
        drop(end);
        pcs
    });

    for pc in &pcs {
        lab.tells(pc, &[&["answer shimx64.efi"], &CHAIN[..]].concat());
    }
    let leases: Vec<_> = pcs.iter().map(|pc| lab.server.lease_of(pc.mac())).collect();
    assert!(leases[0].is_some() && leases[1].is_some(), "{leases:?}");
    assert_ne!(leases[0], leases[1]);
    assert!(sent.load(Ordering::Relaxed) > 1000, "{sent:?} forged");
    let strays = lab.appliance.get("/metrics");
    assert!(strays.contains("reason=\"stray-reply\""), "{strays}");
    nothing_forged_was_said(&ear);
}

/// All that bootjack has said to everybody since the ear began to listen.
fn nothing_forged_was_said(ear: &DhcpClient) {
    let last = BootClient::new(Speaker::Edk2, 2);
    ear.broadcast(&last.discover());
    let said = ear.heard_until(|reply| *reply.from.ip() == US && reply.xid() == last.xid);
    let ours: Vec<&Reply> = said.iter().filter(|reply| *reply.from.ip() == US).collect();
    assert!(ours.len() >= 4, "OFFER and ACK of two machines: {ours:?}");
    for reply in ours {
        assert!((POOL.0..=POOL.1).contains(&reply.yiaddr()), "{reply:?}");
        assert_eq!(reply.siaddr(), US);
        for (code, value) in reply.options() {
            assert_ne!(value, ROGUE.octets(), "option {code}");
        }
    }
}

/// The flood ends with the test, however that ends.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
