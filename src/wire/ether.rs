//! Ethernet II headers (RFC 894): to whom, from whom, what.
//!
//! Absent on purpose: VLAN tags, which the kernel takes off, and the checksum, which the card makes.

/// Everybody.
pub const BROADCAST: [u8; 6] = [0xff; 6];
/// IPv4.
pub const IPV4: u16 = 0x0800;
/// ARP.
pub const ARP: u16 = 0x0806;
/// The shortest frame without its checksum, in bytes; shorter ones are padded.
const SHORTEST: usize = 60;

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// To whom.
    pub to: [u8; 6],
    /// From whom.
    pub from: [u8; 6],
    /// What: [`IPV4`], [`ARP`], ….
    pub kind: u16,
    /// The packet, perhaps with padding behind it.
    pub packet: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None`: it is shorter than its header.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (to, rest) = bytes.split_first_chunk()?;
        let (from, rest) = rest.split_first_chunk()?;
        let (kind, packet) = rest.split_first_chunk()?;
        Some(Self {
            to: *to,
            from: *from,
            kind: u16::from_be_bytes(*kind),
            packet,
        })
    }

    /// The bytes, padded.
    pub fn encode(&self) -> Vec<u8> {
        let kind = self.kind.to_be_bytes();
        let mut bytes = [&self.to[..], &self.from, &kind, self.packet].concat();
        bytes.resize(bytes.len().max(SHORTEST), 0);
        bytes
    }
}

/// The address of a multicast group of IPv4 (RFC 1112 6.4).
pub const fn group(address: std::net::Ipv4Addr) -> [u8; 6] {
    let [_, b, c, d] = address.octets();
    [0x01, 0x00, 0x5e, b & 0x7f, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_padded() {
        let frame = Frame {
            to: BROADCAST,
            from: [2, 0, 0, 0, 0, 1],
            kind: ARP,
            packet: b"who has",
        };
        let bytes = frame.encode();
        assert_eq!(bytes.len(), 60);
        let read = Frame::decode(&bytes).unwrap();
        assert_eq!((read.to, read.from, read.kind), (frame.to, frame.from, ARP));
        assert!(read.packet.starts_with(b"who has"));
        assert_eq!(Frame::decode(&bytes[..13]), None);
        assert_eq!(group([224, 129, 1, 2].into()), [1, 0, 0x5e, 1, 1, 2]);
    }
}
