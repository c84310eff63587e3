//! The messages, held against what real firmware sent.

use std::net::Ipv4Addr;
use std::path::Path;

use bootjack::firmware::Kind;
use bootjack::firmware::kind::Firmware;
use bootjack::firmware::message::{Identity, Purpose, message};
use bootjack::wire::dhcp::Message;
use bootjack::wire::{Mac, Uuid};

/// Address of the lease and of both servers in the captures.
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
const DHCP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const BOOT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let text = std::fs::read_to_string(path.join(name).with_extension("hex")).unwrap();
    let digits: String = text.lines().filter(|l| !l.starts_with('#')).collect();
    let octet = |i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(octet).collect()
}

fn said(firmware: &Firmware, purpose: Purpose, like: &Message) -> Vec<u8> {
    let uuid = like.options.get(97).and_then(Uuid::from_option_97);
    let mac = Mac::new(&like.chaddr[..6]).unwrap();
    message(
        firmware,
        Identity { mac, uuid },
        purpose,
        like.xid,
        like.secs,
    )
    .encode()
}

#[test]
fn what_is_said_is_what_was_on_the_wire() {
    let lease = Purpose::Lease(LEASED, DHCP);
    let boot = Purpose::Boot(BOOT, LEASED);
    for (kind, name, purpose) in [
        (Kind::EfiX64, "edk2-pxe-discover", Purpose::Discover),
        (Kind::EfiX64, "edk2-pxe-discover-no-uuid", Purpose::Discover),
        (Kind::EfiX64, "edk2-pxe-request", lease),
        (Kind::EfiX64, "edk2-pxe-request-4011", boot),
        (
            Kind::EfiX64,
            "edk2-pxe-boot-server",
            Purpose::Item(LEASED, 0x8002, false),
        ),
        (Kind::HttpX64, "edk2-http-discover", Purpose::Discover),
        (Kind::Ipxe, "ipxe-rom-discover", Purpose::Discover),
        (Kind::Ipxe, "ipxe-rom-discover-no-uuid", Purpose::Discover),
        (Kind::Ipxe, "ipxe-rom-request", lease),
    ] {
        let mut captured = capture(name);
        let like = Message::decode(&captured).unwrap();
        // Ours are padded to 300 bytes, and END is the last byte of theirs.
        let mut said = said(kind.firmware(), purpose, &like);
        let length = said.len().max(captured.len());
        said.resize(length, 0);
        captured.resize(length, 0);
        assert_eq!(
            Message::decode(&said).unwrap(),
            like,
            "{name}: what it says"
        );
        assert_eq!(said, captured, "{name}: byte for byte");
    }
}

/// The proxy's answer came to `snponly.efi`, which says another architecture and other features.
#[test]
fn ipxe_asks_4011_with_the_same_fields() {
    let like = Message::decode(&capture("snponly-request-4011")).unwrap();
    let ours = said(Kind::Ipxe.firmware(), Purpose::Boot(BOOT, LEASED), &like);
    let ours = Message::decode(&ours).unwrap();
    let codes = |m: &Message| m.options.iter().map(|(c, _)| c).collect::<Vec<_>>();
    assert_eq!(codes(&ours), codes(&like));
    assert_eq!(
        (ours.flags, ours.ciaddr, ours.options.get(54)),
        (like.flags, like.ciaddr, like.options.get(54))
    );
}
