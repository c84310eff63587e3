//! ARP for IPv4 on Ethernet (RFC 826): trying an address (RFC 5227), asking for one and answering.
//!
//! Packets are without their Ethernet header, which the kernel keeps.

use std::net::Ipv4Addr;

use super::Mac;

/// The length of a packet in bytes; Ethernet pads it.
pub const LEN: usize = 28;

/// Ethernet, IPv4, and the lengths of their addresses.
const KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];

/// Who says what: the addresses of a request or a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// The sender's hardware address.
    pub from: [u8; 6],
    /// The sender's address; 0.0.0.0 in a probe.
    pub sender: Ipv4Addr,
    /// The address asked for, or of whom it is told.
    pub target: Ipv4Addr,
    /// Whether it is a question.
    pub asks: bool,
}

impl Arp {
    /// A request or reply; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first_chunk()?;
        let (operation, rest) = rest.split_first_chunk()?;
        let (from, rest) = rest.split_first_chunk()?;
        let (sender, rest) = rest.split_first_chunk::<4>()?;
        let (_, rest) = rest.split_first_chunk::<6>()?;
        let target = rest.first_chunk::<4>()?;
        let ours = *kind == KIND && [REQUEST, REPLY].contains(operation);
        ours.then(|| Self {
            from: *from,
            sender: (*sender).into(),
            target: (*target).into(),
            asks: *operation == REQUEST,
        })
    }

    /// "Does anybody use this address?" (RFC 5227 2.1.1: the sender's address is zero, so that
    /// nobody learns it.)
    pub fn probe(from: [u8; 6], target: Ipv4Addr) -> [u8; LEN] {
        Self::request(from, Ipv4Addr::UNSPECIFIED, target)
    }

    /// "Who has that address? I have this one."
    pub fn request(from: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr) -> [u8; LEN] {
        encode(REQUEST, (from, sender), ([0; 6], target))
    }

    /// The answer to this question: `from` has the address.
    pub fn answer(&self, from: [u8; 6]) -> [u8; LEN] {
        encode(REPLY, (from, self.target), (self.from, self.sender))
    }

    /// Which address this shows in use by somebody other than `own`: the sender's.
    ///
    /// A probe (a sender without address) is a question and shows no use. RFC 5227 2.1.1 has a host
    /// that wants an address for itself give way to another one that asks for the same; we ask for
    /// a client, who tries the address again himself, and of two servers that ask for one client
    /// at the same moment neither would ever offer him anything. A host that means to have the
    /// address gives way to our question or announces itself, which is heard here or by the client.
    pub fn claims(&self, own: [u8; 6]) -> Option<(Ipv4Addr, Mac)> {
        let used = self.from != own && !self.sender.is_unspecified();
        used.then(|| (self.sender, Mac::ethernet(self.from)))
    }
}

/// Who says it, and to whom.
fn encode(
    operation: [u8; 2],
    sender: ([u8; 6], Ipv4Addr),
    target: ([u8; 6], Ipv4Addr),
) -> [u8; LEN] {
    let (from, to) = (sender.1.octets(), target.1.octets());
    let parts = [&KIND[..], &operation, &sender.0, &from, &target.0, &to];
    let mut bytes = [0; LEN];
    for (byte, value) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *value;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    #[test]
    fn a_probe_is_a_request_without_a_sender() {
        let bytes = Arp::probe(OWN, ADDRESS);
        let expected = [
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9,
        ];
        assert_eq!(bytes, expected);
        let probe = Arp::decode(&bytes).unwrap();
        assert_eq!(probe.claims(OWN), None, "our own");
        assert_eq!(probe.claims(OTHER), None, "somebody's question");
    }

    #[test]
    fn whoever_speaks_from_an_address_uses_it() {
        let arp = Arp {
            from: OTHER,
            sender: ADDRESS,
            target: Ipv4Addr::new(10, 0, 0, 1),
            asks: false,
        };
        assert_eq!(arp.claims(OWN), Some((ADDRESS, Mac::ethernet(OTHER))));
    }

    #[test]
    fn a_question_and_its_answer() {
        let asker = Ipv4Addr::new(10, 0, 0, 1);
        let question = Arp::decode(&Arp::request(OTHER, asker, ADDRESS)).unwrap();
        assert!(question.asks && question.target == ADDRESS);
        let bytes = question.answer(OWN);
        let answer = Arp::decode(&bytes).unwrap();
        assert_eq!((answer.from, answer.sender), (OWN, ADDRESS));
        assert_eq!((answer.target, answer.asks), (asker, false));
        assert_eq!(bytes[18..24], OTHER, "to whom it is told");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if Arp::decode(&bytes).is_some() {
                prop_assert!(bytes.len() >= LEN && bytes[..6] == KIND);
            }
        }
    }
}
