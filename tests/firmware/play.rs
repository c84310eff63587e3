//! A LAN of functions: each server sees a datagram and says what it answers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bootjack::firmware::fault::Fault;
use bootjack::firmware::machine::web::{Answer, NoPage, Page, Question};
use bootjack::firmware::machine::{Datagram, Loader, Setup, Step, Topic, Verdict};
use bootjack::firmware::message::Identity;
use bootjack::firmware::{Input, Kind, Machine, Output};
use bootjack::wire::Mac;
use bootjack::wire::dhcp::{self, Message, Options, code};

pub use crate::virtual_time::VirtualTime;

pub const DHCP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const BOOT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);
pub const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x77, 0, 7]);
/// Nothing takes longer in virtual time.
const LONGEST: Duration = Duration::from_secs(600);

/// An answer on its way: from where, after how long.
pub struct Sent {
    pub from: SocketAddrV4,
    pub after: Duration,
    pub bytes: Vec<u8>,
}

/// A server: a datagram → what it answers.
pub type Server<'a> = Box<dyn Fn(&Datagram) -> Vec<Sent> + 'a>;

/// How it went.
#[derive(Debug)]
pub struct Played {
    pub verdict: Verdict,
    pub at: Duration,
    pub steps: Vec<Step>,
    pub sent: Vec<(Duration, Datagram)>,
    pub released: Option<Datagram>,
}

impl Played {
    pub fn screen(&self) -> Vec<&str> {
        self.told(Topic::Screen)
    }

    pub fn told(&self, topic: Topic) -> Vec<&str> {
        let all = self.steps.iter().filter(|s| s.topic == topic);
        all.map(|s| s.text.as_str()).collect()
    }

    pub fn loader(&self) -> &Loader {
        match &self.verdict {
            Verdict::Boots(loader) => loader,
            Verdict::Fails(fault) => panic!("{fault}\n{:#?}", self.steps),
        }
    }

    pub fn fault(&self) -> &Fault {
        match &self.verdict {
            Verdict::Fails(fault) => fault,
            Verdict::Boots(loader) => panic!("{loader:?}"),
        }
    }

    /// When it sent something to this port, in milliseconds.
    pub fn sent_to(&self, port: u16) -> Vec<u128> {
        let to = self.sent.iter().filter(|(_, d)| d.to.port() == port);
        to.map(|(at, _)| at.as_millis()).collect()
    }
}

pub fn setup(kind: Kind) -> Setup {
    Setup {
        kind,
        identity: Identity {
            mac: MAC,
            uuid: Some("77e21a5c-0b1e-4c0f-9d3a-525400770007".parse().unwrap()),
        },
        seed: 7,
        fetch: false,
        choose: None,
    }
}

/// Plays a machine against servers, without the web.
pub fn play(setup: Setup, servers: &[Server<'_>]) -> Played {
    play_with(setup, servers, |_| {
        panic!("nothing is fetched by HTTP here")
    })
}

/// Plays a machine to its end.
pub fn play_with(
    setup: Setup,
    servers: &[Server<'_>],
    web: impl Fn(&Question) -> Result<Page, NoPage>,
) -> Played {
    let mut machine = Machine::new(setup);
    let mut time = VirtualTime::default();
    let (mut steps, mut sent) = (Vec::new(), Vec::new());
    let mut outputs = machine.handle(Duration::ZERO, Input::Start);
    loop {
        let mut answer = None;
        for output in outputs {
            match output {
                Output::Say(step) => steps.push(step),
                Output::Own(lease) => assert_eq!(lease.address, OWN),
                Output::Offered(address) => assert_eq!(address, OWN),
                Output::Fetch(question) => answer = Some(web(&question)),
                Output::Send(datagram) => {
                    hear(servers, &datagram, &mut time);
                    sent.push((time.now, datagram));
                }
                Output::Done(verdict) => {
                    return Played {
                        verdict,
                        at: time.now,
                        steps,
                        sent,
                        released: machine.release(),
                    };
                }
            }
        }
        assert!(time.now < LONGEST, "it does not end: {steps:#?}");
        outputs = match answer {
            Some(outcome) => {
                let took = Duration::from_millis(5);
                time.now += took;
                machine.handle(time.now, Input::Web(Answer { outcome, took }))
            }
            None => time.next(&mut machine),
        };
    }
}

/// Servers hear a datagram; their answers are on their way.
pub fn hear(servers: &[Server<'_>], datagram: &Datagram, time: &mut VirtualTime) {
    for reply in servers.iter().flat_map(|server| server(datagram)) {
        time.brings(reply.after, reply.from, datagram.from.port(), reply.bytes);
    }
}

/// The DHCP message in a datagram, where it is one to this port.
pub fn asked(datagram: &Datagram, port: u16) -> Option<Message> {
    (datagram.to.port() == port).then(|| Message::decode(&datagram.bytes).unwrap())
}

/// A reply to a message, with these options and nothing else.
pub fn reply(to: &Message, kind: u8, server: Ipv4Addr, options: &[(u8, &[u8])]) -> Message {
    let fixed = [
        (code::MESSAGE_TYPE, vec![kind]),
        (code::SERVER_ID, server.octets().to_vec()),
    ];
    let fixed = fixed.iter().map(|(c, v)| (*c, v.as_slice()));
    Message {
        op: 2,
        options: fixed.chain(options.iter().copied()).collect::<Options>(),
        ciaddr: to.ciaddr,
        file: [0; 128],
        ..to.clone()
    }
}

pub fn file(message: &mut Message, name: &str) {
    message.file[..name.len()].copy_from_slice(name.as_bytes());
}

fn at_once(server: Ipv4Addr, port: u16, message: &Message) -> Vec<Sent> {
    vec![Sent {
        from: SocketAddrV4::new(server, port),
        after: Duration::from_millis(1),
        bytes: message.encode(),
    }]
}

/// A DHCP server that offers [`OWN`]; `change` adds to its OFFER and its ACK.
pub fn dhcp<'a>(change: impl Fn(&mut Message) + 'a) -> Server<'a> {
    Box::new(move |datagram| {
        let Some(asked) = asked(datagram, 67) else {
            return vec![];
        };
        let kind = match asked.kind() {
            Some(dhcp::Kind::Discover) => 2,
            Some(dhcp::Kind::Request) if asked.address(54) == Some(DHCP) => 5,
            _ => return vec![],
        };
        let mut message = reply(&asked, kind, DHCP, &[(1, &[255, 255, 255, 0])]);
        message.yiaddr = OWN;
        change(&mut message);
        at_once(DHCP, 67, &message)
    })
}

pub fn plain() -> Server<'static> {
    dhcp(|_| {})
}

/// A boot server's OFFER beside it.
pub fn proxy<'a>(change: impl Fn(&mut Message) + 'a) -> Server<'a> {
    Box::new(move |datagram| match asked(datagram, 67) {
        Some(asked) if asked.kind() == Some(dhcp::Kind::Discover) => {
            let class: &[u8] = if asked.options.get(60).unwrap().starts_with(b"HTTP") {
                b"HTTPClient"
            } else {
                b"PXEClient"
            };
            let mut message = reply(&asked, 2, BOOT, &[(60, class)]);
            change(&mut message);
            at_once(BOOT, 67, &message)
        }
        _ => vec![],
    })
}

/// Its port 4011.
pub fn on_4011<'a>(change: impl Fn(&mut Message) + 'a) -> Server<'a> {
    Box::new(move |datagram| match asked(datagram, 4011) {
        Some(asked) if *datagram.to.ip() == BOOT || datagram.to.ip().is_multicast() => {
            let mut message = reply(&asked, 5, BOOT, &[(60, b"PXEClient")]);
            change(&mut message);
            at_once(BOOT, 4011, &message)
        }
        _ => vec![],
    })
}

/// A file and its server, as most name it.
pub fn names(name: &'static str) -> impl Fn(&mut Message) {
    move |message| {
        file(message, name);
        message.siaddr = BOOT;
    }
}

/// What a Raspberry Pi 3 cannot do without.
pub const PI_3: [(&str, &[u8]); 6] = [
    ("bootcode.bin", &[1; 600]),
    ("start.elf", b"firmware"),
    ("fixup.dat", b"data"),
    ("bcm2710-rpi-3-b.dtb", b"tree"),
    ("cmdline.txt", b"line"),
    ("kernel8.img", b"kernel"),
];

/// A TFTP server with these files, one block an ACK or a window.
pub fn tftp(server: Ipv4Addr, files: &[(&str, &[u8])]) -> Server<'static> {
    let files: HashMap<Vec<u8>, Vec<u8>> = files
        .iter()
        .map(|(name, content)| (name.as_bytes().to_vec(), content.to_vec()))
        .collect();
    let open = RefCell::new(HashMap::new());
    Box::new(move |datagram| {
        if *datagram.to.ip() != server || matches!(datagram.to.port(), 67 | 4011) {
            return vec![];
        }
        let port = datagram.from.port();
        let bytes = match &datagram.bytes[..2] {
            [0, 1] => {
                let mut words = datagram.bytes[2..].split(|b| *b == 0);
                let name = words.next().unwrap().to_vec();
                let options: Vec<&[u8]> = words.skip(1).collect();
                let Some(content) = files.get(&name) else {
                    return from_port(server, b"\0\x05\0\x01File not found\0".to_vec());
                };
                let block = value(&options, b"blksize").unwrap_or(512);
                let window = value(&options, b"windowsize").unwrap_or(1);
                let file = (content.clone(), block, window);
                open.borrow_mut().insert(port, file);
                if options.len() < 2 {
                    data(content, block, 1)
                } else {
                    oack(&options, content.len())
                }
            }
            [0, 4] => {
                let after = u16::from_be_bytes([datagram.bytes[2], datagram.bytes[3]]);
                let open = open.borrow();
                let Some((content, block, window)) = open.get(&port) else {
                    return vec![];
                };
                let blocks = (1..=*window).map(|n| data(content, *block, usize::from(after) + n));
                let some = blocks.filter(|b| !b.is_empty());
                return some.flat_map(|b| from_port(server, b)).collect();
            }
            _ => return vec![],
        };
        from_port(server, bytes)
    })
}

fn from_port(server: Ipv4Addr, bytes: Vec<u8>) -> Vec<Sent> {
    vec![Sent {
        from: SocketAddrV4::new(server, 5000),
        after: Duration::from_millis(1),
        bytes,
    }]
}

fn value(options: &[&[u8]], name: &[u8]) -> Option<usize> {
    let at = options.iter().position(|o| *o == name)?;
    std::str::from_utf8(options.get(at + 1)?).ok()?.parse().ok()
}

fn oack(options: &[&[u8]], size: usize) -> Vec<u8> {
    let mut bytes = vec![0, 6];
    for pair in options.chunks_exact(2) {
        let value = if pair[0] == b"tsize" {
            size.to_string().into_bytes()
        } else {
            pair[1].to_vec()
        };
        bytes.extend([pair[0], &[0], &value, &[0]].concat());
    }
    bytes
}

/// Block `number`; nothing behind the last one.
fn data(content: &[u8], block: usize, number: usize) -> Vec<u8> {
    let begin = (number - 1) * block;
    if begin > content.len() {
        return vec![];
    }
    let end = content.len().min(begin + block);
    let [high, low] = (number as u16).to_be_bytes();
    [&[0, 3, high, low][..], &content[begin..end]].concat()
}

/// An EFI program for a machine.
pub fn efi(machine: u16, length: usize) -> Vec<u8> {
    let mut file = vec![0; length];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x80;
    file[0x80..0x84].copy_from_slice(b"PE\0\0");
    file[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    file
}

/// A page of HTTP.
pub fn page(head: &[u8], length: Option<u64>, kind: Option<&str>) -> Page {
    Page {
        status: 200,
        reason: "OK".into(),
        length,
        kind: kind.map(str::to_owned),
        stays: true,
        nameless: false,
        head: head.to_vec(),
        received: length.unwrap_or(0),
    }
}

/// Takes an option out.
pub fn without(message: &mut Message, left_out: u8) {
    let kept: Vec<(u8, Vec<u8>)> = message
        .options
        .iter()
        .filter(|(code, _)| *code != left_out)
        .map(|(code, value)| (code, value.to_vec()))
        .collect();
    let kept = kept.iter().map(|(code, value)| (*code, value.as_slice()));
    message.options = kept.collect::<Options>();
}
