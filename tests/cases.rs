//! Client situation → reply, one YAML file each in `tests/cases/`, without sockets.
//!
//! A case holds the packet as the client sends it, the profiles in force, and either the whole
//! answer (every option, in order) or the reason for silence. What must hold for every answer
//! whatever the case is checked here for all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "support/asked.rs"]
mod asked;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use bootjack::decide::{Answer, Incoming, Port, decide};
use bootjack::profile::{Snapshot, Source, compile};
use bootjack::wire::dhcp::Message;
use serde::Deserialize;

use asked::{Header, bytes, text};

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    packet: Packet,
    profiles: Vec<String>,
    answer: Option<Expected>,
    ignored: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Packet {
    port: u16,
    from: Option<SocketAddrV4>,
    #[serde(default = "request")]
    op: u8,
    #[serde(default)]
    flags: u16,
    #[serde(default = "nowhere")]
    ciaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    giaddr: Ipv4Addr,
    chaddr: String,
    options: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    to: SocketAddrV4,
    strategy: String,
    flags: u16,
    #[serde(default = "nowhere")]
    ciaddr: Ipv4Addr,
    file: String,
    options: Vec<(u8, String)>,
}

fn request() -> u8 {
    1
}

fn nowhere() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

fn message(packet: &Packet) -> Message {
    let header = Header {
        op: packet.op,
        flags: packet.flags,
        ciaddr: packet.ciaddr,
        giaddr: packet.giaddr,
        chaddr: packet.chaddr.clone(),
    };
    let value = |(code, value): (&String, &String)| (code.parse().unwrap(), bytes(value));
    let options: Vec<(u8, Vec<u8>)> = packet.options.iter().map(value).collect();
    asked::message(&header, &options)
}

fn snapshot(case: &Case) -> Snapshot {
    let sources: Vec<Source> = case
        .profiles
        .iter()
        .enumerate()
        .map(|(n, text)| Source {
            file: format!("{n}.yaml").into(),
            text: text.clone(),
        })
        .collect();
    let (profiles, findings) = compile(&sources);
    let profiles = profiles.unwrap_or_else(|| panic!("{findings:#?}"));
    Snapshot {
        profiles,
        http_port: 8067,
        ..Snapshot::default()
    }
}

fn check(case: &Case) {
    let request = message(&case.packet);
    let port = if case.packet.port == 67 {
        Port::Dhcp
    } else {
        Port::Pxe
    };
    let peer = case.packet.from.unwrap_or(SocketAddrV4::new(nowhere(), 68));
    let outcome = decide(
        &snapshot(case),
        Incoming {
            message: &request,
            port,
            local: US,
            peer,
            unicast: port == Port::Pxe,
        },
    );
    match (outcome.decision, &case.answer, &case.ignored) {
        (Ok(answer), Some(expected), None) => {
            same(&answer, expected);
            rules(&request, &answer, port);
        }
        (Err(why), None, Some(word)) => assert_eq!(why.word(), word, "{why}"),
        (got, ..) => panic!("expected the other outcome, got {got:#?}"),
    }
}

fn same(answer: &Answer, expected: &Expected) {
    let message = Message::decode(&answer.bytes).unwrap();
    assert_eq!(answer.to, expected.to, "destination");
    assert_eq!(answer.strategy.name, expected.strategy);
    assert_eq!(message.flags, expected.flags, "flags");
    assert_eq!(message.ciaddr, expected.ciaddr, "ciaddr");
    assert_eq!(text(&message.file), expected.file, "file");
    let got = asked::options(&message);
    let wanted: Vec<(u8, Vec<u8>)> = expected
        .options
        .iter()
        .map(|(c, v)| (*c, bytes(v)))
        .collect();
    assert_eq!(got, wanted, "options");
}

/// What must hold for every answer (facts A).
fn rules(request: &Message, answer: &Answer, port: Port) {
    let reply = Message::decode(&answer.bytes).unwrap();
    assert!((300..=1472).contains(&answer.bytes.len()));
    assert_eq!(
        (reply.op, reply.xid, reply.htype, reply.hlen),
        (2, request.xid, request.htype, request.hlen)
    );
    assert_eq!(
        (reply.chaddr, reply.giaddr),
        (request.chaddr, request.giaddr)
    );
    assert_eq!(
        (reply.yiaddr, reply.siaddr, text(&reply.sname)),
        (nowhere(), US, US.to_string())
    );
    for never in [1, 3, 51, 52] {
        assert!(!reply.options.has(never), "option {never} in a proxy reply");
    }
    assert_eq!(reply.options.get(54), Some(&US.octets()[..]));
    assert_eq!(
        reply.options.get(97),
        request.options.get(97),
        "97 is echoed as it came"
    );
    let order: Vec<u8> = reply.options.iter().map(|(code, _)| code).collect();
    assert_eq!(order[..2], [53, 54]);
    if reply.options.has(82) {
        assert_eq!(order.last(), Some(&82), "82 is last");
    }
    if port == Port::Pxe {
        assert_eq!(reply.ciaddr, request.ciaddr);
    }
}

#[test]
fn every_case_gets_the_reply_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    assert!(files.len() >= 12, "the cases are missing");
    for file in files {
        println!("case {}", file.display());
        let case: Case = serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|e| panic!("{e}"));
        check(&case);
    }
}
