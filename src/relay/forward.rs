//! What a client asks → the message of a relay agent (RFC 1542 4.1.1, RFC 3046, RFC 3527).
//!
//! All that the client says of itself goes on as it came, its classes and its identifier among it: the
//! server is to answer as if it had been asked directly.
//!
//! A client that is behind a relay already is spoken for from our own address as well, so that the answer
//! comes to us; the link that its lease is for is named in option 82.5, as far as its relay has not.

use std::net::Ipv4Addr;

use crate::wire::dhcp::{Kind, Message, Options, code};
use crate::wire::pxe::sub_options;
use crate::wire::relay::{LINK_SELECTION, RelayAgent};

/// The message, from our address `here` and under our number. `server`: who it is for, where the
/// client has chosen one (54).
pub fn forwarded(message: &Message, here: Ipv4Addr, xid: u32, server: Option<Ipv4Addr>) -> Message {
    let server = server.map(|server| server.octets());
    let mut options = Options::default();
    let kept = message.options.iter();
    for (code, value) in kept.filter(|(code, _)| !SET_HERE.contains(code)) {
        options.push(code, value);
        if code == code::MESSAGE_TYPE {
            // The safe place for it (facts A).
            if let Some(id) = &server {
                options.push(code::SERVER_ID, id);
            }
        }
    }
    if let Some(agent) = agent(message) {
        options.push(code::RELAY_AGENT, &agent);
    }
    Message {
        hops: message.hops.saturating_add(1),
        xid,
        giaddr: here,
        sname: [0; 64],
        file: [0; 128],
        options,
        ..message.clone()
    }
}

/// A REQUEST for a lease as the DISCOVER that it came of: for one that we know nothing of any more.
pub fn retraced(request: &Message, here: Ipv4Addr, xid: u32) -> Message {
    let discover = [Kind::Discover.number()];
    let options = request.options.iter().map(|(code, value)| match code {
        code::MESSAGE_TYPE => (code, &discover[..]),
        _ => (code, value),
    });
    let message = Message {
        options: options.collect(),
        ciaddr: Ipv4Addr::UNSPECIFIED,
        ..request.clone()
    };
    forwarded(&message, here, xid, None)
}

/// What is said here and not by the client: 52 was read already (see `wire::dhcp`).
const SET_HERE: [u8; 3] = [code::SERVER_ID, code::OVERLOAD, code::RELAY_AGENT];

/// The words of the relays on the way (option 82).
fn agent(message: &Message) -> Option<Vec<u8>> {
    let said = message.options.get(code::RELAY_AGENT);
    if message.giaddr.is_unspecified() {
        return said.map(port_alone).filter(|said| !said.is_empty());
    }
    if RelayAgent::of(message).link.is_some() {
        return said.map(<[u8]>::to_vec);
    }
    let mut said = said.unwrap_or_default().to_vec();
    said.extend([LINK_SELECTION, 4]);
    said.extend(message.giaddr.octets());
    Some(said)
}

/// What no relay has said but a switch on the way, or the client itself: the port that it is behind (82.1 and
/// 82.2), and nothing that servers heed as a relay's word (RFC 3046 2.1 has relays discard it).
fn port_alone(said: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for (code, value) in sub_options(said).filter(|(code, _)| matches!(code, 1 | 2)) {
        kept.extend([code, value.len() as u8]);
        kept.extend(value);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Mac;

    const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn asks(kind: Kind, options: &[(u8, &[u8])]) -> Message {
        let number = [kind.number()];
        let all = std::iter::once((code::MESSAGE_TYPE, &number[..]));
        Message {
            flags: 0x8000,
            secs: 4,
            options: all.chain(options.iter().copied()).collect(),
            ..Message::request(Mac::ethernet([2, 0, 0, 0, 0, 1]), 7)
        }
    }

    #[test]
    fn the_client_is_passed_on_as_it_is() {
        let said: [(u8, &[u8]); 4] = [(57, &[5, 0]), (60, b"PXEClient"), (61, &[1, 2]), (55, &[1])];
        let discover = asks(Kind::Discover, &said);
        let sent = forwarded(&discover, HERE, 99, None);
        assert_eq!((sent.hops, sent.xid, sent.giaddr), (1, 99, HERE));
        assert_eq!((sent.flags, sent.secs), (0x8000, 4));
        assert_eq!(sent.options, discover.options);
        assert_eq!(Message::decode(&sent.encode()), Ok(sent));
    }

    #[test]
    fn a_request_names_the_server_itself() {
        let request = asks(Kind::Request, &[(50, &[10, 0, 0, 9]), (54, &HERE.octets())]);
        let sent = forwarded(&request, HERE, 99, Some(SERVER));
        assert_eq!(sent.address(code::SERVER_ID), Some(SERVER));
        assert_eq!(
            sent.options.iter().map(|(c, _)| c).collect::<Vec<_>>(),
            [53, 54, 50]
        );
        let again = retraced(&request, HERE, 98);
        assert_eq!(again.kind(), Some(Kind::Discover));
        assert!(!again.options.has(code::SERVER_ID));
        assert_eq!(
            again.address(code::REQUESTED_ADDRESS),
            Some([10, 0, 0, 9].into())
        );
    }

    #[test]
    fn of_a_relayed_client_its_own_link_is_named() {
        let relay = Ipv4Addr::new(10, 9, 0, 1);
        let with = |option: &[(u8, &[u8])]| {
            let message = Message {
                giaddr: relay,
                hops: 3,
                ..asks(Kind::Discover, option)
            };
            let sent = forwarded(&message, HERE, 1, None);
            assert_eq!((sent.giaddr, sent.hops), (HERE, 4));
            sent.options.get(code::RELAY_AGENT).map(<[u8]>::to_vec)
        };
        assert_eq!(with(&[]), Some(vec![5, 4, 10, 9, 0, 1]));
        assert_eq!(
            with(&[(82, &[1, 1, 7])]),
            Some(vec![1, 1, 7, 5, 4, 10, 9, 0, 1])
        );
        let selected: &[u8] = &[5, 4, 10, 8, 0, 0];
        assert_eq!(with(&[(82, selected)]), Some(selected.to_vec()));
    }

    #[test]
    fn what_a_switch_says_of_a_clients_port_goes_on_and_no_more() {
        let said = [1, 1, 7, 5, 4, 10, 9, 0, 0, 2, 1, 8, 11, 4, 10, 9, 0, 1];
        let discover = asks(Kind::Discover, &[(82, &said)]);
        let sent = forwarded(&discover, HERE, 1, None);
        let told = sent.options.get(code::RELAY_AGENT);
        assert_eq!(told, Some(&[1, 1, 7, 2, 1, 8][..]));
        let link = asks(Kind::Discover, &[(82, &[5, 4, 10, 9, 0, 0])]);
        assert!(
            !forwarded(&link, HERE, 1, None)
                .options
                .has(code::RELAY_AGENT)
        );
    }
}
