//! Bytes → message or request: real packets out of `tests/captures`, and one made to cost much.

use std::hint::black_box;

use bootjack::wire::dhcp::Message;
use bootjack::wire::tftp;
use criterion::{Criterion, Throughput};

use super::packet::{DISCOVER, Packet, capture};

/// The longest datagram that is looked at.
const LONGEST: usize = 2048;
/// What EDK2 asks for in its capture.
const ASKED: &[u8] = b"\0\x01snponly.efi\0octet\0";

pub(crate) fn all(c: &mut Criterion) {
    let packets = [
        ("EDK2's DISCOVER", capture("edk2-pxe-discover")),
        ("iPXE's DISCOVER", capture("ipxe-rom-discover")),
        ("a hostile DISCOVER", hostile()),
    ];
    let mut group = c.benchmark_group("decode");
    for (name, bytes) in packets {
        Message::decode(&bytes).expect("a DISCOVER");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| Message::decode(black_box(&bytes))));
    }
    let request = request();
    tftp::Packet::decode(&request).expect("a request");
    group.throughput(Throughput::Bytes(request.len() as u64));
    group.bench_function("EDK2's TFTP request", |b| {
        b.iter(|| tftp::Packet::decode(black_box(&request)).is_ok());
    });
    group.finish();
}

/// As long as any, full of options of no byte or one, each code again and again, so that all have to be
/// joined (RFC 3396); and there is more in `file` and `sname` (RFC 2132 9.3).
fn hostile() -> Vec<u8> {
    let packet = Packet::new(DISCOVER, [0x52, 0x54, 0, 0x66, 0x66, 0x66], 1);
    let packet = packet.with(60, b"PXEClient:Arch:00000:UNDI:002001");
    let mut packet = packet.with(52, &[3]);
    let mut code = 0_u8;
    while packet.bytes().len() < LONGEST - 2 {
        code = code % 250 + 1;
        let len = usize::from(code % 2);
        if ![52, 53, 60].contains(&code) {
            packet.options.push((code, vec![0; len]));
        }
    }
    packet.bytes()
}

/// The first TFTP request in EDK2's capture: what its UDP header says is its length.
fn request() -> Vec<u8> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/captures/edk2-x64-pxe.pcap"
    );
    let bytes = std::fs::read(file).expect("the capture");
    let at = bytes
        .windows(ASKED.len())
        .position(|window| window == ASKED)
        .expect("a request for snponly.efi");
    let length = u16::from_be_bytes([bytes[at - 4], bytes[at - 3]]);
    bytes[at..at + usize::from(length) - 8].to_vec()
}
