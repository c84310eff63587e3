//! What stands before the IPv4 header in a capture: Ethernet with VLAN tags, Linux "cooked" headers,
//! BSD loopback, or nothing. Numbers are those of `LINKTYPE_` (tcpdump.org/linktypes.html).
//!
//! Total, and in constant time: at most [`TAGS`] tags are looked through. Absent on purpose: LLC and
//! SNAP, Wi-Fi, tunnels, and writing any of it.

/// `LINKTYPE_`: what a capture's packets begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// 1: Ethernet (IEEE 802.3)
    Ethernet,
    /// 113: Linux "cooked" capture, as of `tcpdump -i any`
    Cooked,
    /// 276: its second version
    Cooked2,
    /// 101 and 228 (and 12 and 14, as some systems write it): the IP header itself
    Raw,
    /// 0 and 108: BSD loopback, four bytes of address family
    Loopback,
}

/// A packet without its link layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside<'a> {
    /// The VLAN it was tagged with: the innermost tag, 1 to 4094.
    pub vlan: Option<u16>,
    /// From the IPv4 header on.
    pub packet: &'a [u8],
}

/// VLAN tags on one packet that are looked through: a customer's in a provider's, and two more.
const TAGS: usize = 4;
const IPV4: u16 = 0x0800;
/// 802.1Q, 802.1ad, and what came before it.
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

impl Link {
    /// What this number of a capture means, where it is known.
    pub const fn of_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Ethernet),
            113 => Some(Self::Cooked),
            276 => Some(Self::Cooked2),
            12 | 14 | 101 | 228 => Some(Self::Raw),
            0 | 108 => Some(Self::Loopback),
            _ => None,
        }
    }

    /// The IPv4 packet inside, where there is one.
    pub fn ipv4(self, frame: &[u8]) -> Option<Inside<'_>> {
        match self {
            Self::Ethernet => tagged(number(frame, 12)?, frame.get(14..)?),
            Self::Cooked => tagged(number(frame, 14)?, frame.get(16..)?),
            Self::Cooked2 => tagged(number(frame, 0)?, frame.get(20..)?),
            Self::Raw => untagged(frame),
            Self::Loopback => untagged(frame.get(4..)?),
        }
    }
}

fn tagged(mut kind: u16, mut rest: &[u8]) -> Option<Inside<'_>> {
    let mut vlan = None;
    for _ in 0..TAGS {
        if !VLAN.contains(&kind) {
            break;
        }
        // Tag 0 says a priority and no VLAN.
        vlan = Some(number(rest, 0)? & 0x0fff).filter(|id| *id != 0);
        kind = number(rest, 2)?;
        rest = rest.get(4..)?;
    }
    (kind == IPV4).then_some(Inside { vlan, packet: rest })
}

fn untagged(packet: &[u8]) -> Option<Inside<'_>> {
    let four = packet.first()? >> 4 == 4;
    four.then_some(Inside { vlan: None, packet })
}

/// Two bytes, big-endian.
fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*two))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IP: &[u8] = &[0x45, 0, 0, 20];

    /// The VLAN and the packet inside of these parts put together.
    fn inside(link: i32, parts: &[&[u8]]) -> Option<(Option<u16>, Vec<u8>)> {
        let frame = parts.concat();
        let inside = Link::of_number(link).unwrap().ipv4(&frame)?;
        Some((inside.vlan, inside.packet.to_vec()))
    }

    #[test]
    fn what_stands_before_the_ip_header_is_taken_off() {
        let plain = Some((None, IP.to_vec()));
        let (macs, zeros) = ([2; 12], [0; 20]);
        assert_eq!(inside(1, &[&macs, &[8, 0], IP]), plain);
        assert_eq!(inside(113, &[&zeros[..14], &[8, 0], IP]), plain);
        assert_eq!(inside(276, &[&[8, 0], &zeros[..18], IP]), plain);
        assert_eq!(inside(101, &[IP]), plain);
        assert_eq!(inside(0, &[&[2, 0, 0, 0], IP]), plain);
    }

    #[test]
    fn the_innermost_vlan_tag_counts() {
        let macs: &[u8] = &[2; 12];
        let tag = |kind: [u8; 2], id: [u8; 2]| [kind, id].concat();
        let (seven, nine) = (tag([0x81, 0], [0xe0, 7]), tag([0x88, 0xa8], [0, 9]));
        let one = inside(1, &[macs, &seven, &[8, 0], IP]);
        assert_eq!(one, Some((Some(7), IP.to_vec())));
        let two = inside(1, &[macs, &nine, &seven, &[8, 0], IP]);
        assert_eq!(two, Some((Some(7), IP.to_vec())));
        let priority = inside(1, &[macs, &tag([0x81, 0], [0xe0, 0]), &[8, 0], IP]);
        assert_eq!(priority, Some((None, IP.to_vec())));
        let five = seven.repeat(5);
        assert_eq!(inside(1, &[macs, &five, &[8, 0], IP]), None);
    }

    #[test]
    fn other_protocols_and_other_captures_are_none() {
        assert_eq!(inside(1, &[&[2; 12], &[0x86, 0xdd], IP]), None, "IPv6");
        assert_eq!(inside(101, &[&[0x60, 0, 0, 0]]), None, "IPv6");
        assert_eq!(Link::of_number(105), None, "Wi-Fi");
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(frame in prop::collection::vec(any::<u8>(), 0..60)) {
            for link in [Link::Ethernet, Link::Cooked, Link::Cooked2, Link::Raw, Link::Loopback] {
                if let Some(inside) = link.ipv4(&frame) {
                    prop_assert!(inside.packet.len() <= frame.len());
                }
            }
        }
    }
}
