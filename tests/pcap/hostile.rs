//! Captures of strangers: nothing in them ends bootjack, and what can be read is explained.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bootjack::service::capture::{Capture, Damage, Packet};
use proptest::prelude::*;

use crate::file::{Order, captured, pcap, pcapng, read, udp};
use crate::{by, explain, folder};

fn good() -> Vec<u8> {
    pcap(&[captured(1, "edk2-pxe-discover"), read(2, "snponly.efi")])
}

#[test]
fn what_is_no_capture_is_told_what_it_is() {
    for (bytes, word) in [
        (&b""[..], "it is empty"),
        (b"{}", "neither pcap nor pcapng"),
        (&[0; 5000], "neither pcap nor pcapng"),
        (&[0x1f, 0x8b, 8, 0], "it is compressed; `gunzip` it first"),
    ] {
        explain(bytes, &[]).fails(1, &["the capture ", word]);
    }
    by(&folder(), "/nope.pcap", &[]).fails(1, &["cannot read the capture /nope.pcap"]);
    by(&folder(), "/", &[]).fails(1, &["it is a folder"]);
}

#[test]
fn a_capture_that_was_cut_off_in_its_header_is_no_other_file() {
    let ng = pcapng(&[captured(1, "edk2-pxe-discover")], Order::Big);
    for bytes in [
        &good()[..4],
        &good()[..20],
        &good()[..30],
        &ng[..11],
        &ng[..27],
    ] {
        let why =
            "it ends in the middle of its header or first packet; the capture was cut off there";
        explain(bytes, &[]).fails(1, &[why]);
    }
}

#[test]
fn a_capture_that_was_cut_off_is_explained_up_to_there() {
    let whole = good();
    let said = explain(&whole[..whole.len() - 3], &[]);
    let why = "it ends in the middle of what follows packet 1; the capture was cut off there";
    said.fails(1, &[why]);
    assert!(
        said.out.contains("DISCOVER of 52:54:00:77:00:07"),
        "{said:?}"
    );
    assert!(said.out.ends_with("\n1 packet, 1 explained\n"), "{said:?}");
}

/// `tcpdump -s 96` and the like: the packet is named, and what follows is explained.
#[test]
fn a_packet_that_was_cut_is_named_and_the_rest_goes_on() {
    let mut short = captured(1, "edk2-pxe-discover");
    short.ip.truncate(200);
    let said = explain(&pcap(&[short, captured(2, "ipxe-rom-discover")]), &[]);
    let out = said.succeeds();
    for word in ["no DHCP message: only 172 of its ", "`tcpdump -s 0`"] {
        assert!(out.contains(word), "{word}: {out}");
    }
    assert!(out.contains("#2 ") && out.contains("stage ipxe"), "{out}");
}

#[test]
fn rubbish_on_the_right_ports_is_named_and_the_rest_goes_on() {
    let packets = [
        udp(1, "10.77.0.9:68", "255.255.255.255:67", b"hello"),
        udp(2, "10.77.0.9:2000", "10.77.0.2:69", b"\0\x01half a request"),
        captured(3, "ipxe-rom-discover"),
    ];
    let said = explain(&pcap(&packets), &[]);
    let out = said.succeeds();
    for word in [
        "no DHCP message: shorter than a DHCP header",
        "no TFTP message: the packet ends too early",
        "stage ipxe",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

/// Nothing that could be told: a script must see that too.
#[test]
fn a_link_that_is_not_known_is_counted_and_is_no_success() {
    let mut capture = good();
    capture[20] = 105;
    let said = explain(&capture, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    for word in [
        "Not one of its packets can be looked into.",
        "2 left out: link type 105 is not understood",
    ] {
        assert!(said.out.contains(word), "{said:?}");
    }
}

/// The upper bits of the link's number tell of check sums behind the frames.
#[test]
fn frames_with_their_check_sums_are_ethernet() {
    let mut capture = good();
    capture[23] = 0x14;
    assert_eq!(
        explain(&capture, &[]).succeeds(),
        explain(&good(), &[]).succeeds()
    );
}

/// Records of patched tools of old are eight bytes longer.
#[test]
fn a_capture_with_longer_records_is_read() {
    let plain = good();
    let mut capture = 0xa1b2_cd34_u32.to_le_bytes().to_vec();
    capture.extend(&plain[4..24]);
    let mut rest = &plain[24..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(*rest[8..].first_chunk().unwrap()) as usize;
        let (record, after) = rest.split_at(16 + length);
        capture.extend([&record[..16], &[0; 8], &record[16..]].concat());
        rest = after;
    }
    assert_eq!(
        explain(&capture, &[]).succeeds(),
        explain(&plain, &[]).succeeds()
    );
}

/// A terminal obeys what it is sent; a stranger's file name must not reach it as it is.
#[test]
fn names_from_the_network_do_not_reach_the_terminal_raw() {
    let packets = [
        captured(1, "edk2-pxe-discover"),
        read(2, "\x1b[2Jowned\x07"),
    ];
    let said = explain(&pcap(&packets), &[]);
    let out = said.succeeds();
    assert!(out.contains("\\u{1b}[2Jowned\\u{7}"), "{out}");
    assert!(!out.contains('\x1b') && !out.contains('\x07'));
}

/// Gives these bytes, then zeros without end, and counts them.
struct Endless(std::io::Cursor<Vec<u8>>, Arc<AtomicU64>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut n = self.0.read(buffer)?;
        if n == 0 {
            buffer.fill(0);
            n = buffer.len();
        }
        self.1.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// A packet that says it is 4 GiB is not waited for.
#[test]
fn memory_has_a_bound_whatever_a_packet_says_of_its_size() {
    let mut pcap = good();
    pcap[24 + 8..24 + 16].fill(0xff);
    let mut ng = pcapng(&[captured(1, "edk2-pxe-discover")], Order::Little);
    ng[4..8].copy_from_slice(&28_u32.to_le_bytes());
    ng.truncate(28);
    ng.extend([6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff]);
    for bytes in [pcap, ng] {
        let count = Arc::new(AtomicU64::new(0));
        let source = Endless(std::io::Cursor::new(bytes), count.clone());
        let ended = Capture::new(source).unwrap().last().unwrap();
        assert!(matches!(ended, Err(Damage::TooLarge(0))), "{ended:?}");
        assert!(count.load(Ordering::Relaxed) < 40 << 20, "{count:?}");
    }
}

/// Every packet, and how the capture ended.
fn read_all(bytes: Vec<u8>) -> (Vec<Packet>, Option<Damage>) {
    let mut packets = Vec::new();
    match Capture::new(std::io::Cursor::new(bytes)) {
        Ok(capture) => {
            for packet in capture {
                match packet {
                    Ok(packet) => packets.push(packet),
                    Err(why) => return (packets, Some(why)),
                }
            }
            (packets, None)
        }
        Err(why) => (packets, Some(why)),
    }
}

#[test]
fn a_capture_may_end_anywhere() {
    for whole in [
        good(),
        pcapng(
            &[captured(1, "edk2-pxe-discover"), read(2, "x")],
            Order::Big,
        ),
    ] {
        let (all, damage) = read_all(whole.clone());
        assert_eq!((all.len(), damage), (2, None));
        for length in 0..whole.len() {
            let (packets, damage) = read_all(whole[..length].to_vec());
            assert!(packets.len() < 2, "cut at {length}");
            assert_eq!(packets, all[..packets.len()]);
            let between_packets = damage.is_none();
            assert!(between_packets || packets.len() < 2, "cut at {length}");
        }
    }
}

proptest! {
    #[test]
    fn damaged_captures_are_read_as_far_as_they_go(
        big: bool, ng: bool, at in prop::collection::vec((0_usize..900, any::<u8>()), 1..8)
    ) {
        let packets = [captured(1, "edk2-pxe-discover"), read(2, "x")];
        let order = if big { Order::Big } else { Order::Little };
        let mut bytes = if ng { pcapng(&packets, order) } else { pcap(&packets) };
        for (at, value) in at {
            if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        }
        let length = bytes.len();
        let (packets, _) = read_all(bytes);
        prop_assert!(packets.iter().map(|p| p.frame.len()).sum::<usize>() <= length);
    }
}
