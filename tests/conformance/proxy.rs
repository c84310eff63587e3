//! One message beside another's leases: the packet as the client sends it, by its fields or as it was
//! captured; the server's state; and the whole reply (every option, in order) or the reason for
//! silence.
//!
//! With `relays: true` leases can be fetched from the LAN's DHCP server, and `lease` is what that says: then
//! the reply is the one in which both are, and `otherwise` the shape where no lease comes.
//!
//! `archs: { 6: efi-ia32, 11: efi-arm64 }` plays it once for each number, and says which machine each
//! one is. A case that covers `D.6` has the 6 in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use bootjack::client::{Class, Client, Past, Registry, Side, identify};
use bootjack::decide::{Answer, Incoming, Port, decide_knowing, item};
use bootjack::profile::{Relays, Snapshot};
use bootjack::relay::hand::augmented;
use bootjack::wire::dhcp::{Message, Options};
use bootjack::wire::{Arch, Platform};
use serde::Deserialize;

use crate::asked::{self, bytes, text};
use crate::files::place;
use crate::rules;
use crate::server::{Known, US, snapshot};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    covers: Vec<String>,
    packet: Packet,
    /// The same answer for each of these, in option 93 and in the class, and its platform.
    #[serde(default)]
    archs: BTreeMap<u16, String>,
    /// What its DISCOVER was like, where this one comes after it.
    discovered: Option<Packet>,
    past: Option<Known>,
    profiles: Option<Vec<String>>,
    #[serde(default)]
    quirks: String,
    #[serde(default)]
    dhcp: String,
    #[serde(default)]
    relays: bool,
    lease: Option<Packet>,
    answer: Option<Expected>,
    ignored: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Packet {
    #[serde(default = "dhcp_port")]
    port: u16,
    from: Option<SocketAddrV4>,
    /// Whether it is sent to us alone, as all is that comes to 4011.
    #[serde(default)]
    unicast: bool,
    /// A file of `tests/captures`, or all bytes.
    capture: Option<String>,
    hex: Option<String>,
    #[serde(default = "one")]
    op: u8,
    #[serde(default = "one")]
    htype: u8,
    hlen: Option<u8>,
    #[serde(default)]
    secs: u16,
    #[serde(default)]
    flags: u16,
    #[serde(default = "nowhere")]
    ciaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    yiaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    siaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    giaddr: Ipv4Addr,
    #[serde(default = "a_mac")]
    chaddr: String,
    #[serde(default)]
    sname: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    options: BTreeMap<u8, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    to: SocketAddrV4,
    strategy: String,
    by: String,
    flags: u16,
    #[serde(default = "nowhere")]
    ciaddr: Ipv4Addr,
    #[serde(default = "nowhere")]
    yiaddr: Ipv4Addr,
    file: String,
    /// Where no lease comes.
    otherwise: Option<String>,
    /// In all, in bytes, where that is not what its options make, with zeros up to 300.
    length: Option<usize>,
    /// In milliseconds.
    #[serde(default)]
    delay: u128,
    /// Why a menu for the firmware is left to the loader.
    no_menu: Option<String>,
    options: Vec<(u8, String)>,
}

const fn one() -> u8 {
    1
}

const fn dhcp_port() -> u16 {
    67
}

const fn nowhere() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

fn a_mac() -> String {
    "52 54 00 12 34 56".to_owned()
}

/// Plays the case of this text.
pub fn play(case: &str) {
    let case: Case = serde_saphyr::from_str(case).unwrap_or_else(|e| panic!("{e}"));
    let mut named = BTreeSet::new();
    if case.archs.is_empty() {
        let client = check(&case, &case.packet.bytes());
        named.extend(client.iter().flat_map(|client| client.archs.clone()));
    }
    for (arch, platform) in &case.archs {
        println!("  arch {arch}");
        let client = check(&case, &case.packet.of_arch(*arch)).unwrap();
        is_platform(&client, *arch, platform);
        named.insert(Arch(*arch));
    }
    case.names_what_it_covers(&named);
}

/// It is this machine.
fn is_platform(client: &Client, arch: u16, platform: &str) {
    assert_eq!(client.arch(), Arch(arch));
    assert_eq!(client.platform().name(), platform, "arch {arch}");
}

/// A number that we know is one of HTTP boot where the machine calls itself so, and only there.
fn calls_itself_as_its_number_is(client: &Client) {
    if client.arch().platform() != Platform::Other {
        let by_http = client.class == Class::Http;
        assert_eq!(client.arch().is_http(), by_http, "{}", client.arch());
    }
}

/// Who asked, where that is a boot client.
fn check(case: &Case, packet: &[u8]) -> Option<Client> {
    let request = match (Message::decode(packet), &case.ignored) {
        (Ok(request), _) => request,
        (Err(_), Some(word)) if word == "malformed" => return None,
        (Err(why), _) => panic!("no message: {why}"),
    };
    let snapshot = Snapshot {
        relays: if case.relays {
            Relays::Everybody
        } else {
            Relays::Nobody
        },
        ..snapshot(case.profiles.as_deref(), &case.quirks, &case.dhcp)
    };
    let incoming = case.packet.incoming(&request);
    let complete = |client| case.complete(client, incoming);
    let outcome = decide_knowing(&snapshot, incoming, complete);
    match (outcome.decision, &case.answer, &case.ignored) {
        (Ok(answer), Some(expected), None) => {
            let bytes = case.handed(&request, &answer);
            same(&answer, &bytes, expected);
            rules(&request, &bytes, case.lease.is_some());
        }
        (Err(why), None, Some(word)) => assert_eq!(why.word(), word, "{why}"),
        (got, ..) => panic!("expected the other outcome, got {got:#?}"),
    }
    outcome.client.inspect(calls_itself_as_its_number_is)
}

impl Case {
    /// A row of table D is covered by nobody who does not send its number.
    fn names_what_it_covers(&self, named: &BTreeSet<Arch>) {
        let rows = self.covers.iter().filter_map(|row| row.strip_prefix("D."));
        for number in rows.filter_map(|row| row.parse().ok()) {
            assert!(named.contains(&Arch(number)), "D.{number} is not in it");
        }
    }

    /// The reply that leaves: the answer itself, or with the lease that it is for.
    fn handed(&self, request: &Message, answer: &Answer) -> Vec<u8> {
        let Some(lease) = &self.lease else {
            return answer.bytes.clone();
        };
        assert!(answer.strategy.leased, "it needs a lease");
        let lease = Message::decode(&lease.bytes()).unwrap();
        let handed = augmented(&lease, &answer.message, request);
        handed.message.encode()
    }

    /// What a server that runs adds to what a message shows.
    fn complete(&self, client: Client, incoming: Incoming<'_>) -> Client {
        let mut registry = Registry::new(4);
        if let Some(before) = &self.discovered {
            let before = Message::decode(&before.bytes()).unwrap();
            registry.saw(identify(&before, US).unwrap()).unwrap();
        }
        let client = item::with_past(&registry, client, incoming);
        let past = self.past.as_ref().map_or_else(Past::default, Known::past);
        Client { past, ..client }
    }
}

impl Packet {
    fn bytes(&self) -> Vec<u8> {
        let captured = self.capture.as_ref().map(|name| {
            let file = place("tests/captures").join(name).with_extension("hex");
            let text = std::fs::read_to_string(&file).unwrap();
            text.lines().filter(|l| !l.starts_with('#')).collect()
        });
        match captured.or_else(|| self.hex.clone()) {
            Some(digits) => bytes(&digits),
            None => self.message().encode(),
        }
    }

    /// The same machine, but for its architecture.
    fn of_arch(&self, arch: u16) -> Vec<u8> {
        let mut message = self.message();
        let class = bytes(&self.options[&60]);
        let class = String::from_utf8_lossy(&class).replace("ARCH", &format!("{arch:05}"));
        let fixed = |(code, value): (u8, &[u8])| match code {
            60 => (code, class.as_bytes().to_vec()),
            93 => (code, arch.to_be_bytes().to_vec()),
            _ => (code, value.to_vec()),
        };
        let options: Vec<(u8, Vec<u8>)> = message.options.iter().map(fixed).collect();
        message.options = options.iter().map(|(c, v)| (*c, &v[..])).collect();
        message.encode()
    }

    fn message(&self) -> Message {
        let mac = bytes(&self.chaddr);
        let options: Vec<_> = self.options.iter().map(|(c, v)| (*c, bytes(v))).collect();
        Message {
            op: self.op,
            htype: self.htype,
            hlen: self.hlen.unwrap_or(mac.len() as u8),
            hops: 0,
            xid: 0x0102_0304,
            secs: self.secs,
            flags: self.flags,
            ciaddr: self.ciaddr,
            yiaddr: self.yiaddr,
            siaddr: self.siaddr,
            giaddr: self.giaddr,
            chaddr: filled(&mac),
            sname: filled(self.sname.as_bytes()),
            file: filled(self.file.as_bytes()),
            options: options
                .iter()
                .map(|(c, v)| (*c, &v[..]))
                .collect::<Options>(),
        }
    }

    fn incoming<'a>(&self, message: &'a Message) -> Incoming<'a> {
        let port = if self.port == 67 {
            Port::Dhcp
        } else {
            Port::Pxe
        };
        let peer = self.from.unwrap_or(SocketAddrV4::new(nowhere(), 68));
        let unicast = self.unicast || port == Port::Pxe;
        let near =
            |address: &Ipv4Addr| *address == nowhere() || address.octets()[..3] == US.octets()[..3];
        let heard_here = !unicast || near(peer.ip());
        let here = heard_here && (port == Port::Pxe || near(&message.giaddr));
        Incoming {
            message,
            port,
            local: US,
            peer,
            unicast,
            side: Some(if here { Side::Link } else { Side::Beyond }),
        }
    }
}

fn filled<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    field[..bytes.len()].copy_from_slice(bytes);
    field
}

fn same(answer: &Answer, bytes_sent: &[u8], expected: &Expected) {
    let message = Message::decode(bytes_sent).unwrap();
    assert_eq!(answer.to, expected.to, "destination");
    assert_eq!(answer.strategy.name, expected.strategy, "strategy");
    assert_eq!(answer.by.word(), expected.by, "who chose it");
    assert_eq!(answer.delay.as_millis(), expected.delay, "delay");
    let no_menu = answer.no_menu.as_ref().map(ToString::to_string);
    assert_eq!(no_menu, expected.no_menu);
    assert_eq!(message.flags, expected.flags, "flags");
    assert_eq!(message.ciaddr, expected.ciaddr, "ciaddr");
    assert_eq!(message.yiaddr, expected.yiaddr, "yiaddr");
    let otherwise = answer.otherwise.as_ref().map(|a| a.strategy.name);
    assert_eq!(otherwise, expected.otherwise.as_deref(), "otherwise");
    assert_eq!(text(&message.file), expected.file, "file");
    let wanted = expected.options.iter().map(|(c, v)| (*c, bytes(v)));
    let wanted: Vec<(u8, Vec<u8>)> = wanted.collect();
    assert_eq!(asked::options(&message), wanted, "options");
    let padded = || (241 + wanted.iter().map(|(_, v)| 2 + v.len()).sum::<usize>()).max(300);
    let length = expected.length.unwrap_or_else(padded);
    assert_eq!(bytes_sent.len(), length, "length");
}

/// What must hold for every answer (facts A).
fn rules(request: &Message, bytes: &[u8], leased: bool) {
    let reply = asked::reply(request, bytes);
    assert!(bytes.len() <= request.reply_limit());
    let own = (reply.siaddr, text(&reply.sname));
    assert_eq!(own, (US, US.to_string()));
    assert_eq!(reply.yiaddr != nowhere(), leased);
    for never in [13, 52] {
        assert!(!reply.options.has(never), "option {never} in any reply");
    }
    for lease in [1, 3, 51].iter().filter(|_| !leased) {
        assert!(
            !reply.options.has(*lease),
            "option {lease} in a proxy reply"
        );
    }
    assert_eq!(reply.options.get(54), Some(&US.octets()[..]));
    let uuid = request.options.get(97).filter(|uuid| !uuid.is_empty());
    assert_eq!(reply.options.get(97), uuid, "97 is echoed as it came");
    let order: Vec<u8> = reply.options.iter().map(|(code, _)| code).collect();
    assert_eq!(order[..2], [53, 54]);
    rules::check(bytes);
}
