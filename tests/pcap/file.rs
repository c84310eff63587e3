//! Captures, made of datagrams: in pcap and pcapng, of either byte order, for each kind of link.

use std::net::SocketAddrV4;

use bootjack::wire::frame::Datagram;

use crate::support::packet;

/// A packet to be written down: from the IPv4 header on.
#[derive(Clone)]
pub struct Packet {
    pub micros: u64,
    pub ip: Vec<u8>,
}

/// A UDP datagram between `address:port`s.
pub fn udp(micros: u64, from: &str, to: &str, payload: &[u8]) -> Packet {
    let ends: [SocketAddrV4; 2] = [from, to].map(|end| end.parse().unwrap());
    let datagram = Datagram::new(ends[0], ends[1], payload);
    Packet {
        micros,
        ip: datagram.encode().unwrap(),
    }
}

/// A packet of real firmware, by the name of its capture; to 67, or from 10.77.0.100 to 4011.
pub fn captured(micros: u64, name: &str) -> Packet {
    let payload = packet::capture(name);
    if name.contains("4011") || name.contains("boot-server") {
        udp(micros, "10.77.0.100:4011", "10.77.0.2:4011", &payload)
    } else {
        udp(micros, "0.0.0.0:68", "255.255.255.255:67", &payload)
    }
}

/// A TFTP request of the machine that was leased 10.77.0.100.
pub fn read(micros: u64, name: &str) -> Packet {
    let request = [
        &[0, 1],
        name.as_bytes(),
        b"\0octet\0blksize\x001432\0tsize\x000\0",
    ]
    .concat();
    udp(micros, "10.77.0.100:2070", "10.77.0.2:69", &request)
}

/// What stands before the IP header, by the kind of link.
pub fn before(link: u32) -> Vec<u8> {
    match link {
        1 => [&[2; 12][..], &[8, 0]].concat(),
        113 => [&[0; 14][..], &[8, 0]].concat(),
        276 => [&[8, 0][..], &[0; 18]].concat(),
        0 => vec![2, 0, 0, 0],
        _ => Vec::new(),
    }
}

/// Numbers in one byte order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, n: u32) -> [u8; 4] {
        match self {
            Self::Little => n.to_le_bytes(),
            Self::Big => n.to_be_bytes(),
        }
    }

    fn u16(self, n: u16) -> [u8; 2] {
        match self {
            Self::Little => n.to_le_bytes(),
            Self::Big => n.to_be_bytes(),
        }
    }
}

/// A pcap file as tcpdump writes it.
pub fn pcap(packets: &[Packet]) -> Vec<u8> {
    pcap_of(packets, 1, Order::Little, false)
}

/// A pcap file of any link and byte order, with nanoseconds or microseconds.
pub fn pcap_of(packets: &[Packet], link: u32, order: Order, nanoseconds: bool) -> Vec<u8> {
    let magic = if nanoseconds {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let mut out = order.u32(magic).to_vec();
    out.extend([order.u16(2), order.u16(4)].concat());
    out.extend([0, 0, 262_144, link].map(|n| order.u32(n)).concat());
    for packet in packets {
        let frame = [before(link), packet.ip.clone()].concat();
        let parts = packet.micros % 1_000_000 * if nanoseconds { 1000 } else { 1 };
        let (seconds, length) = (packet.micros / 1_000_000, frame.len() as u32);
        let head = [seconds as u32, parts as u32, length, length];
        out.extend(head.map(|n| order.u32(n)).concat());
        out.extend(frame);
    }
    out
}

/// A pcapng file of one Ethernet interface, as Wireshark writes it.
pub fn pcapng(packets: &[Packet], order: Order) -> Vec<u8> {
    let mut section = order.u32(0x1a2b_3c4d).to_vec();
    section.extend([order.u16(1), order.u16(0)].concat());
    section.extend([0xff; 8]);
    let interface = [order.u16(1), order.u16(0)].concat();
    let interface = [&interface[..], &order.u32(0)].concat();
    let mut out = block(0x0a0d_0d0a, &section, order);
    out.extend(block(1, &interface, order));
    out.extend(block(0x0bad, &[7; 8], order)); // of some later version
    for packet in packets {
        let frame = [before(1), packet.ip.clone()].concat();
        let (high, low) = (packet.micros >> 32, packet.micros & 0xffff_ffff);
        let length = frame.len() as u32;
        let head = [0, high as u32, low as u32, length, length];
        let head = head.map(|n| order.u32(n)).concat();
        out.extend(block(6, &[head, frame].concat(), order));
    }
    out
}

fn block(kind: u32, body: &[u8], order: Order) -> Vec<u8> {
    let padding = vec![0; body.len().wrapping_neg() % 4];
    let length = order.u32((body.len() + padding.len() + 12) as u32);
    let head = [order.u32(kind), length].concat();
    [&head[..], body, &padding, &length].concat()
}
