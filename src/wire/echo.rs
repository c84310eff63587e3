//! ICMP echo (RFC 792), as far as trying an address needs it: the request as it is sent, the reply
//! as a raw socket gives it, with its IP header.

use std::net::Ipv4Addr;

/// Bytes of a request: header and token.
pub const LEN: usize = 16;

/// Bytes that only who heard the request can send back.
pub type Token = [u8; 8];

const REPLY: u8 = 0;
const REQUEST: u8 = 8;
const ICMP: u8 = 1;

/// A reply: who sent it, and what it carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The sender.
    pub from: Ipv4Addr,
    /// The token of the request.
    pub token: Token,
}

/// A request with a checksum. Identifier and sequence number are the token's first bytes: a
/// translator on the way may change them, so they are not looked at again.
pub fn request(token: Token) -> [u8; LEN] {
    let [a, b, c, d, e, f, g, h] = token;
    let unsummed = [REQUEST, 0, 0, 0, a, b, c, d, a, b, c, d, e, f, g, h];
    let [high, low] = checksum(&unsummed).to_be_bytes();
    let [kind, code, _, _, rest @ ..] = unsummed;
    let mut bytes = [0; LEN];
    let parts = [&[kind, code, high, low][..], &rest];
    for (byte, value) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *value;
    }
    bytes
}

impl Reply {
    /// An echo reply with a token, out of an IP packet; `None` for anything else.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let (first, from) = (packet.first()?, packet.get(12..16)?.first_chunk::<4>()?);
        let header = usize::from(first & 15) * 4;
        if first >> 4 != 4 || header < 20 || *packet.get(9)? != ICMP {
            return None;
        }
        let icmp = packet.get(header..)?;
        let token = icmp.get(8..)?.first_chunk()?;
        (icmp.first() == Some(&REPLY)).then(|| Self {
            from: (*from).into(),
            token: *token,
        })
    }
}

/// RFC 1071, of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.as_chunks::<2>().0.iter();
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded + (folded >> 16)) as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: Token = [1, 2, 3, 4, 5, 6, 7, 8];

    fn packet(kind: u8, words: u8) -> Vec<u8> {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        packet[9] = ICMP;
        packet[12..16].copy_from_slice(&[10, 0, 0, 9]);
        let mut icmp = request(TOKEN);
        icmp[0] = kind;
        packet.extend(icmp);
        packet
    }

    #[test]
    fn a_request_sums_to_nothing() {
        let bytes = request(TOKEN);
        assert_eq!(checksum(&bytes), 0);
        assert_eq!((bytes[0], &bytes[8..]), (8, TOKEN.as_slice()));
    }

    #[test]
    fn a_reply_is_known_with_and_without_ip_options() {
        let reply = Reply {
            from: Ipv4Addr::new(10, 0, 0, 9),
            token: TOKEN,
        };
        for words in [5, 6, 15] {
            assert_eq!(Reply::decode(&packet(0, words)), Some(reply));
        }
        assert_eq!(Reply::decode(&packet(8, 5)), None, "a request");
        assert_eq!(Reply::decode(&packet(0, 4)), None, "a header too short");
        let whole = packet(0, 5);
        assert_eq!(Reply::decode(&whole[..whole.len() - 1]), None, "cut off");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Reply::decode(&bytes);
        }
    }
}
