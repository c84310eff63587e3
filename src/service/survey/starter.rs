//! One of several bootjacks that begin at the same moment: neither answers yet, so none would find
//! the others, and all would serve.
//!
//! So the question that mode `dhcp` asks before it serves says who asks, in the vendor class of an
//! ordinary DISCOVER (option 60, RFC 2132 9.13: "bootjack-starts 52:54:00:12:34:56 10.0.0.2"): a
//! hardware address that is the same on all its interfaces, and its address on this one. Whoever
//! hears that of another while he asks gives way to the lower hardware address; the lower one says
//! it once more, in case the other had not begun to listen when it asked.

use std::net::Ipv4Addr;

use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREQUEST, Kind, Message, code};

/// The first word of the vendor class.
const WORD: &str = "bootjack-starts";

/// A bootjack that is about to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Starter {
    /// The lowest hardware address of its interfaces.
    pub(super) mac: Mac,
    /// Its address on the link.
    pub(super) address: Ipv4Addr,
}

impl Starter {
    /// Marks a question as its own.
    pub(super) fn mark(&self, question: &mut Message) {
        let class = format!("{WORD} {} {}", self.mac, self.address);
        question.options.push(code::VENDOR_CLASS, class.as_bytes());
    }

    /// The one that asks, where the message is such a question.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let message = Message::decode(payload).ok()?;
        if message.op != BOOTREQUEST || message.kind() != Some(Kind::Discover) {
            return None;
        }
        let class = message.options.get(code::VENDOR_CLASS)?;
        let mut words = str::from_utf8(class).ok()?.split(' ');
        let ours = words.next()? == WORD;
        let (mac, address) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        (ours && words.next().is_none()).then_some(Self { mac, address })
    }

    /// Whether this one serves and the other gives way.
    pub(super) fn goes_before(&self, other: &Self) -> bool {
        self.mac < other.mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::sample::{Flavour, discover};

    fn starter(last: u8) -> Starter {
        Starter {
            mac: Mac::ethernet([2, 0, 0, 0, 0, last]),
            address: Ipv4Addr::new(10, 0, 0, last),
        }
    }

    #[test]
    fn a_mark_is_read_by_others_and_no_other_question_has_one() {
        let question = |flavour| discover(flavour, starter(1).mac, 7, 0);
        let mut marked = question(Flavour::Plain);
        starter(1).mark(&mut marked);
        assert_eq!(Starter::read(&marked.encode()), Some(starter(1)));
        for flavour in Flavour::ALL {
            assert_eq!(Starter::read(&question(flavour).encode()), None);
        }
        assert!(starter(1).goes_before(&starter(2)));
        assert!(!starter(1).goes_before(&starter(1)), "our own, come back");
    }

    #[test]
    fn what_is_half_a_mark_is_none() {
        for class in [
            "bootjack-starts",
            "bootjack-starts 02:00:00:00:00:01",
            "bootjack-starts 02:00:00:00:00:01 10.0.0.1 more",
            "bootjack-starts x 10.0.0.1",
            "PXEClient 02:00:00:00:00:01 10.0.0.1",
        ] {
            let mut message = discover(Flavour::Plain, starter(1).mac, 7, 0);
            message.options.push(code::VENDOR_CLASS, class.as_bytes());
            assert_eq!(Starter::read(&message.encode()), None, "{class}");
        }
    }
}
