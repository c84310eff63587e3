//! A lease and boot data → the message that the client gets.
//!
//! Of the DHCP server: the address, and every option that does not lead a boot client elsewhere. Of us: who
//! the server is, where the loader is, and all that says how to boot.

use std::net::Ipv4Addr;

use crate::firmware::formats;
use crate::wire::dhcp::{BROADCAST, Kind, Message, Options, code};

/// What leads a boot client elsewhere, or is of one leg of the way alone: 13 (the file's size, which is
/// another file's), 43, 60, 66, 67, 150, 175 and 208 to 211, 52, 82 and 97.
const NOT_HANDED_ON: [u8; 14] = [
    code::BOOT_FILE_SIZE,
    code::VENDOR_SPECIFIC,
    code::OVERLOAD,
    code::VENDOR_CLASS,
    code::TFTP_SERVER,
    code::BOOT_FILE,
    code::RELAY_AGENT,
    code::CLIENT_UUID,
    code::TFTP_SERVER_ADDRESS,
    code::ETHERBOOT,
    208,
    209,
    210,
    211,
];

/// Without these a lease is none: mask, router, times, and what a resolver needs.
const NEEDED: [u8; 8] = [
    code::SUBNET_MASK,
    code::ROUTER,
    code::DNS,
    code::LEASE_TIME,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
    code::CLIENT_ID,
    code::DOMAIN,
];

/// A message for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The message.
    pub message: Message,
    /// Options of the server's that the client's size limit had no room for.
    pub left_out: Vec<u8>,
    /// Those of a length that they cannot have.
    pub malformed: Vec<u8>,
}

/// An OFFER or ACK: the lease that the server gives, and `boot`, our own reply to the same `request`, of
/// which it is the rest. Its server is the one that `boot` names (54).
pub fn augmented(lease: &Message, boot: &Message, request: &Message) -> Handed {
    let (mut server, malformed) = from_server(lease, boot);
    let limit = request.reply_limit();
    let mut left_out = Vec::new();
    let handed = |message, left_out| Handed {
        message,
        left_out,
        malformed,
    };
    loop {
        let message = joined(lease, boot, &server);
        if message.encoded_len() <= limit {
            return handed(message, left_out);
        }
        let last = server.iter().rposition(|(code, _)| !NEEDED.contains(code));
        match last {
            Some(last) => left_out.push(server.remove(last).0),
            None => return handed(message, left_out),
        }
    }
}

/// The options of the server's that go on, 53 and 54 apart, and those that would and have a wrong length, or none:
/// UEFI drops such a packet as a whole (facts A, [`formats`]).
fn from_server<'a>(lease: &'a Message, boot: &Message) -> (Vec<(u8, &'a [u8])>, Vec<u8>) {
    let ours = |code| boot.options.has(code) || NOT_HANDED_ON.contains(&code);
    let sound = |(code, value): &(u8, &[u8])| !value.is_empty() && formats::fits(*code, value);
    let all = lease.options.iter().filter(|(code, _)| !ours(*code));
    let (sound, malformed): (Vec<_>, Vec<_>) = all.partition(sound);
    (sound, malformed.into_iter().map(|(code, _)| code).collect())
}

/// 53 and 54, the server's options, ours (facts A "Safe order"; 82 is the last of ours).
fn joined(lease: &Message, boot: &Message, server: &[(u8, &[u8])]) -> Message {
    let head = [code::MESSAGE_TYPE, code::SERVER_ID];
    let first = boot.options.iter().filter(|(code, _)| head.contains(code));
    let ours = boot.options.iter().filter(|(code, _)| !head.contains(code));
    let options: Options = first.chain(server.iter().copied()).chain(ours).collect();
    Message {
        yiaddr: lease.yiaddr,
        flags: boot.flags | BROADCAST,
        options,
        ..boot.clone()
    }
}

/// A refusal, in our name where the client takes us for its server (RFC 2131 4.3.2). It is broadcast: the
/// address that the client may have is in doubt.
pub fn refused(nak: Option<&Message>, request: &Message, here: Ipv4Addr) -> Message {
    let message = nak.and_then(|nak| nak.options.get(code::MESSAGE));
    let kind = [Kind::Nak.number()];
    let here = here.octets();
    let mut options: Options = [(code::MESSAGE_TYPE, &kind[..]), (code::SERVER_ID, &here)]
        .into_iter()
        .collect();
    let said = message.unwrap_or(b"the DHCP server does not offer this address any more");
    options.push(code::MESSAGE, said);
    for code in [code::CLIENT_ID, code::RELAY_AGENT] {
        if let Some(value) = request.options.get(code) {
            options.push(code, value);
        }
    }
    answer_to(request, Ipv4Addr::UNSPECIFIED, options)
}

/// The answer to a renewal, as the server gave it: its own name is in it, so that the next one goes to it.
pub fn renewed(answer: &Message, request: &Message) -> Message {
    let said = answer.options.iter();
    let options = said
        .filter(|(code, _)| *code != code::RELAY_AGENT)
        .collect();
    Message {
        ciaddr: request.ciaddr,
        siaddr: answer.siaddr,
        sname: answer.sname,
        file: answer.file,
        ..answer_to(request, answer.yiaddr, options)
    }
}

fn answer_to(request: &Message, yiaddr: Ipv4Addr, options: Options) -> Message {
    Message {
        op: crate::wire::dhcp::BOOTREPLY,
        hops: 0,
        secs: 0,
        flags: request.flags | BROADCAST,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr,
        siaddr: Ipv4Addr::UNSPECIFIED,
        sname: [0; 64],
        file: [0; 128],
        options,
        ..request.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Mac;
    use crate::wire::dhcp::BOOTREPLY;

    const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const LEASED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 99);

    fn client() -> Message {
        Message::request(Mac::ethernet([2, 0, 0, 0, 0, 1]), 7)
    }

    fn reply(options: &[(u8, &[u8])]) -> Message {
        Message {
            op: BOOTREPLY,
            options: options.iter().copied().collect(),
            ..client()
        }
    }

    fn boot() -> Message {
        let mut boot = reply(&[
            (53, &[2]),
            (54, &HERE.octets()),
            (60, b"PXEClient"),
            (97, &[0; 17]),
            (43, &[6, 1, 8, 255]),
        ]);
        boot.siaddr = HERE;
        boot.file[..3].copy_from_slice(b"a.b");
        boot
    }

    fn lease(more: &[(u8, &[u8])]) -> Message {
        let mask: (u8, &[u8]) = (1, &[255, 255, 255, 0]);
        let server = SERVER.octets();
        let own = [
            (53, &[2][..]),
            (54, &server[..]),
            (51, &[0, 0, 14, 16]),
            mask,
        ];
        let all: Vec<_> = own.iter().chain(more).copied().collect();
        Message {
            yiaddr: LEASED,
            siaddr: SERVER,
            giaddr: HERE,
            hops: 1,
            xid: 99,
            file: [b'x'; 128],
            ..reply(&all)
        }
    }

    #[test]
    fn the_lease_is_the_servers_and_all_else_is_ours() {
        let lease = lease(&[
            (3, &[10, 0, 0, 1]),
            (66, b"evil"),
            (67, b"evil"),
            (43, &[1]),
            (60, b"x"),
            (97, &[9]),
            (82, &[1]),
            (6, &[]),
            (15, &[]),
            (28, &[255; 3]),
            (42, &[10, 0, 0, 1, 10]),
        ]);
        let Handed {
            message,
            left_out,
            malformed,
        } = augmented(&lease, &boot(), &client());
        assert!(left_out.is_empty(), "{left_out:?}");
        assert_eq!(malformed, [6, 15, 28, 42]);
        assert_eq!(
            (message.xid, message.giaddr, message.hops),
            (7, Ipv4Addr::UNSPECIFIED, 0)
        );
        assert_eq!(
            (message.yiaddr, message.siaddr, message.flags),
            (LEASED, HERE, BROADCAST)
        );
        assert_eq!(&message.file[..4], b"a.b\0");
        let told: Vec<_> = message.options.iter().collect();
        let wanted: [(u8, &[u8]); 8] = [
            (53, &[2]),
            (54, &HERE.octets()),
            (51, &[0, 0, 14, 16]),
            (1, &[255, 255, 255, 0]),
            (3, &[10, 0, 0, 1]),
            (60, b"PXEClient"),
            (97, &[0; 17]),
            (43, &[6, 1, 8, 255]),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_has_no_room_is_left_out_from_the_end_and_never_what_a_lease_is_made_of() {
        let long = [7; 200];
        let lease = lease(&[
            (224, &long),
            (3, &[10, 0, 0, 1]),
            (119, &long),
            (6, &[10, 0, 0, 3]),
        ]);
        let Handed {
            message, left_out, ..
        } = augmented(&lease, &boot(), &client());
        assert_eq!(left_out, [119]);
        assert!(message.encoded_len() <= 548);
        for code in [1, 3, 6, 51, 43, 60] {
            assert!(message.options.has(code), "{code}");
        }
    }

    #[test]
    fn a_refusal_is_in_our_name_and_a_renewal_in_the_servers() {
        let request = Message {
            ciaddr: LEASED,
            ..client()
        };
        let nak = refused(None, &request, HERE);
        assert_eq!((nak.kind(), nak.address(54)), (Some(Kind::Nak), Some(HERE)));
        assert_eq!(
            (nak.yiaddr, nak.ciaddr),
            (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED)
        );
        let ack = renewed(&lease(&[(82, &[1])]), &request);
        assert_eq!((ack.xid, ack.ciaddr, ack.yiaddr), (7, LEASED, LEASED));
        assert_eq!(ack.address(54), Some(SERVER));
        assert!(!ack.options.has(82));
    }
}
