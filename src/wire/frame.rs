//! IPv4 and UDP headers (RFC 791, 768) around a payload: what a packet socket sends and hears,
//! without the link layer's own header.
//!
//! Total and linear in the packet's length. Of a fragmented datagram the first fragment is decoded,
//! with the length it says the whole has. The IPv4 checksum is checked; the UDP checksum is not:
//! packets of this very host and of virtual cards come without it (checksum offload), and what is
//! read here is only looked at. Of a capture, neither is, and packets may be cut.
//!
//! Absent on purpose: IPv6, IP options on sending, and putting fragments together.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Bytes of an IPv4 header without options.
const IP: usize = 20;
/// Bytes of a UDP header.
const UDP: usize = 8;
/// The protocol number of UDP.
const PROTOCOL: u8 = 17;
/// How many routers a packet may pass.
const TTL: u8 = 64;
/// The largest payload of one datagram, in bytes.
pub const MAX_PAYLOAD: usize = 65_535 - IP - UDP;

/// A UDP datagram with its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source address and port.
    pub from: SocketAddrV4,
    /// Destination address and port.
    pub to: SocketAddrV4,
    /// The payload, or the part of it that the first fragment carries.
    pub payload: &'a [u8],
    /// Bytes of the whole payload, as the UDP header says.
    pub length: usize,
}

/// Bytes that are no UDP datagram, or only a later part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUdp {
    /// Fewer bytes than the headers, or than they say.
    #[error("shorter than its headers say")]
    Short,
    /// Not IPv4.
    #[error("not IPv4")]
    Version,
    /// The header's checksum is wrong.
    #[error("wrong IPv4 checksum")]
    Checksum,
    /// Another protocol.
    #[error("not UDP")]
    Protocol,
    /// A fragment that is not the first.
    #[error("a later fragment")]
    Fragment,
    /// More payload than a datagram can carry.
    #[error("more than 65507 bytes of payload")]
    Long,
}

impl<'a> Datagram<'a> {
    /// A whole datagram.
    pub fn new(from: SocketAddrV4, to: SocketAddrV4, payload: &'a [u8]) -> Self {
        Self {
            from,
            to,
            payload,
            length: payload.len(),
        }
    }

    /// The packet from its IPv4 header on, with both checksums.
    ///
    /// # Errors
    /// [`NotUdp::Long`].
    pub fn encode(&self) -> Result<Vec<u8>, NotUdp> {
        let udp_length = checked_length(self.payload.len() + UDP, MAX_PAYLOAD + UDP)?;
        let total = checked_length(self.payload.len() + UDP + IP, MAX_PAYLOAD + UDP + IP)?;
        let mut packet = self.ip_header(total);
        let udp = self.udp_header(udp_length);
        packet.extend(udp);
        packet.extend(self.payload);
        Ok(packet)
    }

    fn ip_header(&self, total: u16) -> Vec<u8> {
        let [high, low] = total.to_be_bytes();
        let mut header = vec![0x45, 0, high, low, 0, 0, 0, 0, TTL, PROTOCOL, 0, 0];
        header.extend(self.from.ip().octets());
        header.extend(self.to.ip().octets());
        let sum = checksum(&[&header]).to_be_bytes();
        if let Some(field) = header.get_mut(10..12) {
            field.copy_from_slice(&sum);
        }
        header
    }

    /// The header with its checksum over pseudo header and payload; 0 is sent as 0xFFFF, for 0
    /// means "none" (RFC 768).
    fn udp_header(&self, length: u16) -> [u8; UDP] {
        let [s1, s2] = self.from.port().to_be_bytes();
        let [d1, d2] = self.to.port().to_be_bytes();
        let [l1, l2] = length.to_be_bytes();
        let (from, to) = (self.from.ip().octets(), self.to.ip().octets());
        let pseudo = [0, PROTOCOL, l1, l2];
        let bare = [s1, s2, d1, d2, l1, l2, 0, 0];
        let sum = match checksum(&[&from, &to, &pseudo, &bare, self.payload]) {
            0 => u16::MAX,
            sum => sum,
        };
        let [c1, c2] = sum.to_be_bytes();
        [s1, s2, d1, d2, l1, l2, c1, c2]
    }

    /// Reads a packet from its IPv4 header on; padding behind the datagram is ignored.
    ///
    /// # Errors
    /// What it is instead.
    pub fn decode(packet: &'a [u8]) -> Result<Self, NotUdp> {
        Self::read(packet, Trust::Wire)
    }

    /// The same of a packet in a capture, which may have been cut where it was taken ("snaplen"), and
    /// may have left this host before its card filled in the checksum.
    ///
    /// # Errors
    /// What it is instead, as far as it is there.
    pub fn decode_captured(packet: &'a [u8]) -> Result<Self, NotUdp> {
        Self::read(packet, Trust::Capture)
    }

    fn read(packet: &'a [u8], trust: Trust) -> Result<Self, NotUdp> {
        let ip = IpHeader::decode(packet, trust)?;
        let udp = ip.payload;
        let &[s1, s2, d1, d2, l1, l2, _, _] = udp.first_chunk().ok_or(NotUdp::Short)?;
        let port = |high, low| u16::from_be_bytes([high, low]);
        let length = usize::from(port(l1, l2));
        let whole = length.checked_sub(UDP).ok_or(NotUdp::Short)?;
        let there = udp.get(UDP..).unwrap_or_default();
        let payload = match there.get(..whole) {
            Some(payload) => payload,
            None if ip.more_fragments || trust == Trust::Capture => there,
            None => return Err(NotUdp::Short),
        };
        Ok(Self {
            from: SocketAddrV4::new(ip.from, port(s1, s2)),
            to: SocketAddrV4::new(ip.to, port(d1, d2)),
            payload,
            length: whole,
        })
    }

    /// Whether part of the payload came in other fragments, or was cut off in a capture.
    pub fn is_cut(&self) -> bool {
        self.payload.len() < self.length
    }
}

fn checked_length(length: usize, most: usize) -> Result<u16, NotUdp> {
    let fits = u16::try_from(length).ok().filter(|_| length <= most);
    fits.ok_or(NotUdp::Long)
}

/// Where a packet was met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// It arrived, so it is whole.
    Wire,
    /// Somebody wrote it down.
    Capture,
}

struct IpHeader<'a> {
    from: Ipv4Addr,
    to: Ipv4Addr,
    more_fragments: bool,
    payload: &'a [u8],
}

impl<'a> IpHeader<'a> {
    fn decode(packet: &'a [u8], trust: Trust) -> Result<Self, NotUdp> {
        let fixed: &[u8; IP] = packet.first_chunk().ok_or(NotUdp::Short)?;
        let [first, _, t1, t2, _, _, f1, f2, _, protocol, ..] = *fixed;
        let [.., a, b, c, d, e, f, g, h] = *fixed;
        if first >> 4 != 4 {
            return Err(NotUdp::Version);
        }
        let header = packet
            .get(..usize::from(first & 15) * 4)
            .filter(|h| h.len() >= IP)
            .ok_or(NotUdp::Short)?;
        if trust == Trust::Wire && checksum(&[header]) != 0 {
            return Err(NotUdp::Checksum);
        }
        let fragment = u16::from_be_bytes([f1, f2]);
        match (protocol, fragment & 0x1fff) {
            (PROTOCOL, 0) => {}
            (PROTOCOL, _) => return Err(NotUdp::Fragment),
            _ => return Err(NotUdp::Protocol),
        }
        let total = usize::from(u16::from_be_bytes([t1, t2]));
        let there = match trust {
            Trust::Wire => total,
            Trust::Capture => total.min(packet.len()),
        };
        Ok(Self {
            from: Ipv4Addr::new(a, b, c, d),
            to: Ipv4Addr::new(e, f, g, h),
            more_fragments: fragment & 0x2000 != 0,
            payload: packet.get(header.len()..there).ok_or(NotUdp::Short)?,
        })
    }
}

/// The Internet checksum (RFC 1071) over parts; each but the last is of even length. Over a header
/// with its own checksum in it: 0.
fn checksum(parts: &[&[u8]]) -> u16 {
    let sum: u64 = parts.iter().map(|part| sum_of(part)).sum();
    let mut folded = sum;
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    !(folded as u16)
}

fn sum_of(bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let even: u64 = pairs
        .iter()
        .map(|pair| u64::from(u16::from_be_bytes(*pair)))
        .sum();
    even + rest.first().map_or(0, |odd| u64::from(*odd) << 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(address: [u8; 4], port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(address.into(), port)
    }

    /// Both checksums worked out by hand.
    #[test]
    fn known_bytes() {
        let datagram = Datagram::new(at([0, 0, 0, 0], 68), at([255; 4], 67), b"boot");
        let packet = datagram.encode().unwrap();
        assert_eq!(
            packet,
            [
                0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0x7a, 0xce, 0, 0, 0, 0, 255, 255, 255, 255, 0,
                68, 0, 67, 0, 12, 0x2d, 0x6c, b'b', b'o', b'o', b't'
            ]
        );
        assert_eq!(Datagram::decode(&packet), Ok(datagram));
    }

    #[test]
    fn what_is_no_datagram_is_told_why() {
        let good = Datagram::new(at([10, 0, 0, 1], 67), at([10, 0, 0, 2], 68), b"offer");
        let good = good.encode().unwrap();
        // Changed in one place, with the header's checksum made right again.
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            bytes[10..12].fill(0);
            let sum = checksum(&[&bytes[..20]]).to_be_bytes();
            bytes[10..12].copy_from_slice(&sum);
            Datagram::decode(&bytes).map(|d| d.length)
        };
        assert_eq!(with(1, 4), Ok(5), "another type of service is fine");
        assert_eq!(with(0, 0x65), Err(NotUdp::Version));
        assert_eq!(with(0, 0x44), Err(NotUdp::Short));
        assert_eq!(with(9, 6), Err(NotUdp::Protocol));
        assert_eq!(with(7, 9), Err(NotUdp::Fragment));
        assert_eq!(with(3, 34), Err(NotUdp::Short));
        assert_eq!(with(25, 7), Err(NotUdp::Short));
        let mut wrong = good.clone();
        wrong[8] = 1;
        assert_eq!(Datagram::decode(&wrong), Err(NotUdp::Checksum));
        assert_eq!(Datagram::decode(&good[..32]), Err(NotUdp::Short));
        let mut padded = good.clone();
        padded.extend([0; 20]);
        assert_eq!(Datagram::decode(&padded).unwrap().payload, b"offer");
    }

    #[test]
    fn a_first_fragment_says_how_long_the_whole_is() {
        let payload = vec![7; 1600];
        let whole = Datagram::new(at([10, 0, 0, 1], 67), at([255; 4], 68), &payload);
        let mut first = whole.encode().unwrap();
        first.truncate(1500);
        first[2..4].copy_from_slice(&1500_u16.to_be_bytes());
        first[6] = 0x20;
        first[10..12].fill(0);
        let sum = checksum(&[&first[..20]]).to_be_bytes();
        first[10..12].copy_from_slice(&sum);
        let heard = Datagram::decode(&first).unwrap();
        assert_eq!((heard.length, heard.payload.len()), (1600, 1472));
        assert!(heard.is_cut() && !whole.is_cut());
    }

    #[test]
    fn a_captured_packet_may_be_cut_and_without_its_checksum() {
        let whole = Datagram::new(at([10, 0, 0, 1], 67), at([255; 4], 68), b"a whole offer");
        let mut packet = whole.encode().unwrap();
        packet[10..12].fill(0);
        assert_eq!(Datagram::decode(&packet), Err(NotUdp::Checksum));
        assert_eq!(Datagram::decode_captured(&packet), Ok(whole));
        packet.truncate(35);
        let heard = Datagram::decode_captured(&packet).unwrap();
        assert_eq!((heard.payload, heard.length), (&b"a whole"[..], 13));
        assert!(heard.is_cut());
        let headers = Datagram::decode_captured(&packet[..27]);
        assert_eq!(headers, Err(NotUdp::Short));
    }

    #[test]
    fn too_much_for_one_datagram() {
        let payload = vec![0; MAX_PAYLOAD + 1];
        let encode = |bytes| Datagram::new(at([0; 4], 1), at([0; 4], 2), bytes).encode();
        assert_eq!(encode(&payload), Err(NotUdp::Long));
        assert_eq!(encode(&payload[1..]).unwrap().len(), 65_535);
    }

    proptest! {
        #[test]
        fn it_comes_back_the_same(
            from: [u8; 4], to: [u8; 4], ports: (u16, u16), payload in prop::collection::vec(any::<u8>(), 0..600)
        ) {
            let datagram = Datagram::new(at(from, ports.0), at(to, ports.1), &payload);
            let packet = datagram.encode().unwrap();
            prop_assert_eq!(Datagram::decode(&packet), Ok(datagram));
            prop_assert_eq!(checksum(&[&from, &to, &[0, 17], &packet[24..26], &packet[20..]]), 0);
        }

        #[test]
        fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), first in 0x44_u8..0x4f) {
            let mut bytes = bytes;
            if let Some(b) = bytes.first_mut() { *b = first; }
            for read in [Datagram::decode, Datagram::decode_captured] {
                if let Ok(datagram) = read(&bytes) {
                    prop_assert!(datagram.payload.len() <= datagram.length);
                }
            }
        }
    }
}
