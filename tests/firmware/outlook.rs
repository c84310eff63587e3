//! How far a firmware comes by offers alone, as `doctor` tells it: the same as it does when played.

use std::net::SocketAddrV4;

use bootjack::firmware::Kind::{self, *};
use bootjack::firmware::message::{Purpose, message};
use bootjack::firmware::reply::Incoming;
use bootjack::firmware::{Outlook, Reply};
use bootjack::wire::dhcp::Message;

use crate::play::*;

/// What these servers' offers are good for.
fn outlook(kind: Kind, servers: &[Server<'_>]) -> String {
    let who = setup(kind).identity;
    let discover = message(kind.firmware(), who, Purpose::Discover, 7, 0);
    let asked = bootjack::firmware::machine::Datagram {
        from: SocketAddrV4::new([0; 4].into(), 68),
        to: SocketAddrV4::new([255; 4].into(), 67),
        bytes: discover.encode(),
    };
    let answers = servers.iter().flat_map(|server| server(&asked));
    let read = |sent: Sent| {
        let incoming = Incoming {
            from: sent.from,
            port: 68,
            payload: &sent.bytes,
            length: sent.bytes.len(),
        };
        Reply::read(incoming).unwrap()
    };
    Outlook::of(kind, MAC, answers.map(read).collect()).to_string()
}

#[test]
fn it_is_told_by_the_machine_itself() {
    let bypass = |m: &mut Message| {
        m.options.push(43, &[6, 1, 8, 255]);
        names("a.efi")(m);
    };
    let menu: &[u8] = &[6, 1, 2, 9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 0, 255];
    let class = |m: &mut Message| m.options.push(60, b"PXEClient");
    let uri = |m: &mut Message| m.options.push(67, b"http://10.0.0.2/a.efi");
    let rows: [(Kind, Vec<Server<'_>>, &str); 9] = [
        (
            Bios,
            vec![plain(), proxy(bypass)],
            "fetches tftp://10.0.0.2/a.efi",
        ),
        (
            EfiX64,
            vec![plain(), proxy(bypass)],
            "fetches tftp://10.0.0.2/a.efi",
        ),
        (
            EfiX64,
            vec![plain(), proxy(names("a.efi"))],
            "asks port 4011 of 10.0.0.2",
        ),
        (
            EfiX64,
            vec![dhcp(class), proxy(bypass)],
            "asks port 4011 of 10.0.0.1",
        ),
        (
            Bios,
            vec![plain(), proxy(|m| m.options.push(43, menu))],
            "has a menu",
        ),
        (
            HttpX64,
            vec![plain(), proxy(uri)],
            "fetches http://10.0.0.2/a.efi",
        ),
        (
            Bios,
            vec![plain()],
            "would not boot: an address was offered, and nobody named a boot file (PXE-E53: No boot \
             filename received.)",
        ),
        (
            EfiX64,
            vec![],
            "would not boot: nobody answered (PXE-E18: Server response timeout.)",
        ),
        (
            HttpX64,
            vec![dhcp(|m| m.options.push(60, b"HTTPClient"))],
            "would not boot: servers answered, and this firmware can use none of their answers (Error: \
             Server response timeout.)",
        ),
    ];
    for (kind, servers, told) in rows {
        assert_eq!(outlook(kind, &servers), told, "{kind:?}");
    }
}
