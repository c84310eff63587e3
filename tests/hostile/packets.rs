//! Malformed messages on 67, 4011 and 69.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::lab::{Lab, STRANGER, US, to};
use crate::noise::{Noise, broken_captures, option_bombs, wrong_headers};
use crate::support::clients::{BootClient, Speaker};

const PORTS: [u16; 3] = [67, 4011, 69];

#[test]
fn random_bytes_on_every_port() {
    as_root!("random_bytes_on_every_port");
    let mut lab = Lab::new();
    let (socket, mut noise) = (lab.udp(), Noise::new(1));
    for port in PORTS {
        for _ in 0..1500 {
            socket.send_to(&noise.bytes(1472), to(port)).unwrap();
        }
        lab.well(&format!("random bytes on {port}"));
    }
}

#[test]
fn broken_dhcp_messages() {
    as_root!("broken_dhcp_messages");
    let mut lab = Lab::new();
    let socket = lab.udp();
    for (what, packets) in [
        ("captures, cut and changed", broken_captures()),
        ("option bombs", option_bombs()),
        ("wrong headers", wrong_headers()),
    ] {
        for packet in &packets {
            for port in PORTS {
                socket.send_to(packet, to(port)).unwrap();
            }
            let everyone = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
            let _ = socket.send_to(packet, everyone);
        }
        lab.well(what);
    }
}

/// A whole DISCOVER at the front of 60,000 bytes is no DHCP message.
#[test]
fn huge_packets_and_fragments() {
    as_root!("huge_packets_and_fragments");
    let mut lab = Lab::new();
    let socket = lab.udp();
    let client = BootClient::new(Speaker::Edk2, 9);
    let mut huge = client.discover().bytes();
    huge.resize(60_000, 0);
    for port in PORTS {
        for _ in 0..20 {
            socket.send_to(&huge, to(port)).unwrap();
        }
    }
    lab.well("huge packets");
    assert!(
        lab.appliance.timeline("52:54:00:78:00:09").is_empty(),
        "none was taken for a DISCOVER"
    );

    let raw = crate::forged::Raw::new(&lab.stranger);
    let discover = client.discover().bytes();
    let udp = crate::forged::udp(4000, 67, &discover);
    for id in 0..2000 {
        // First pieces that are never followed, last ones without a first, and ones that overlap.
        raw.fragment(STRANGER, US, id, 0, true, &udp[..64]);
        raw.fragment(STRANGER, US, id ^ 0x8000, 8, false, &udp[64..]);
        raw.fragment(STRANGER, US, id, 4, true, &udp[..64]);
    }
    lab.well("fragments");
}

/// What no TFTP packet may be.
fn tftp_packets() -> Vec<Vec<u8>> {
    let mut noise = Noise::new(69);
    let request = b"\0\x01lpxelinux.0\0octet\0blksize\x001468\0tsize\x000\0".to_vec();
    let mut all: Vec<Vec<u8>> = (0..request.len())
        .map(|end| request[..end].to_vec())
        .collect();
    all.extend((0..500).map(|_| noise.mutated(&request)));
    all.extend((0..=20).map(|code| vec![0, code, 0, 1, b'x', 0]));
    for name in [
        &b"../../etc/passwd"[..],
        b"/etc/shadow",
        b"\\..\\..\\x",
        b"%n%s",
        b"\xff\xfe\x1b[2J",
    ] {
        all.push([b"\0\x01", name, b"\0octet\0"].concat());
        all.push([b"\0\x02", name, b"\0octet\0"].concat());
    }
    let name = [b'a'; 1400];
    all.push([b"\0\x01", &name[..], b"\0octet\0"].concat());
    for (option, value) in [
        ("blksize", "0"),
        ("blksize", "65465"),
        ("blksize", "-1"),
        ("blksize", "99999999999999999999"),
        ("windowsize", "0"),
        ("windowsize", "65535"),
        ("timeout", "0"),
        ("timeout", "255"),
        ("tsize", "x"),
    ] {
        all.push(format!("\0\x01lpxelinux.0\0octet\0{option}\0{value}\0").into_bytes());
    }
    all.push([&request[..], &b"a\0b\0".repeat(300)].concat());
    all
}

#[test]
fn broken_tftp_packets() {
    as_root!("broken_tftp_packets");
    let mut lab = Lab::new();
    for packet in tftp_packets() {
        lab.udp().send_to(&packet, to(69)).unwrap();
    }
    lab.well("broken TFTP packets");
    let raw = crate::forged::Raw::new(&lab.stranger);
    let everyone = Ipv4Addr::new(10, 77, 0, 255);
    let request = b"\0\x01lpxelinux.0\0octet\0";
    raw.send(
        SocketAddrV4::new(STRANGER, 2070),
        SocketAddrV4::new(everyone, 69),
        request,
    );
    lab.well("a TFTP request to everyone");
}
