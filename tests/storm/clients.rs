//! Many imitated clients behind one relay: each takes a lease, extends it, gives it back, comes
//! again under another name, in an order that a seed tells.
//!
//! A lease is asked for ten seconds longer each time, so that a stored one tells which it is.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use crate::server::RELAY_IP;
use crate::support::lan::{APPLIANCE_IP, Host};
use crate::support::packet::{DISCOVER, Packet, REQUEST};
use crate::told::{Told, now};

const RELEASE: u8 = 7;
const OFFER: u8 = 2;
const ACK: u8 = 5;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(400);

/// Numbers that look random and come again with their seed.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// Below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let step = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = step.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A lease that a client has.
#[derive(Debug, Clone, Copy)]
struct Lease {
    address: Ipv4Addr,
    server: [u8; 4],
}

#[derive(Debug, Clone, Copy)]
enum Question {
    /// Any address?
    Discover,
    /// The one offered.
    Select(Lease),
    /// The one it has, for longer.
    Renew,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    xid: u32,
    what: Question,
    at: Instant,
    since: i64,
    seconds: u32,
}

/// A machine that is there now.
#[derive(Debug)]
struct Machine {
    identity: u32,
    lease: Option<Lease>,
    asked: Option<Asked>,
}

/// What was heard in a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    pub offers: u64,
    pub acks: u64,
    pub naks: u64,
}

/// All of them.
#[derive(Debug)]
pub struct Clients {
    card: UdpSocket,
    machines: Vec<Machine>,
    /// Names that may be taken: those of machines that are not there.
    away: Vec<u32>,
    random: Random,
    xid: u32,
    questions: u32,
    heard: Heard,
    /// What they were told.
    pub told: Told,
}

impl Clients {
    /// So many at once, under so many names.
    pub fn new(relay: &Host, count: u32, names: u32, seed: u64) -> Self {
        let card = relay.enter(|| UdpSocket::bind((Ipv4Addr::from(RELAY_IP), 67)).unwrap());
        let machine = |identity| Machine {
            identity,
            lease: None,
            asked: None,
        };
        Self {
            card,
            machines: (0..count).map(machine).collect(),
            away: (count..names).collect(),
            random: Random(seed),
            xid: 0,
            questions: 0,
            heard: Heard::default(),
            told: Told::default(),
        }
    }

    /// They ask until `over` says, by what was heard, that it is.
    pub fn run(&mut self, mut over: impl FnMut(Heard) -> bool) -> Heard {
        self.heard = Heard::default();
        while !over(self.heard) {
            self.ask_some();
            self.hear_for(Duration::from_millis(1));
        }
        self.heard
    }

    /// They ask for so long.
    pub fn run_for(&mut self, long: Duration) -> Heard {
        let end = Instant::now() + long;
        self.run(|_| Instant::now() >= end)
    }

    /// The server is gone: what it said before is heard, what is unanswered is given up.
    pub fn hear_the_last(&mut self) {
        while self.hear_for(Duration::from_millis(10)) {}
        for machine in &mut self.machines {
            machine.asked = None;
        }
    }

    /// Everybody who waits for nothing, or has waited too long, asks.
    fn ask_some(&mut self) {
        for n in 0..self.machines.len() {
            match self.machines[n].asked {
                None => self.begin(n),
                Some(asked) if asked.at.elapsed() < PATIENCE => {}
                Some(asked) => self.ask_again(n, asked.what),
            }
        }
    }

    /// Nobody answers: another machine comes, or it begins anew, or insists.
    fn ask_again(&mut self, n: usize, what: Question) {
        match what {
            Question::Discover => {
                self.change_name(n);
                self.ask(n, Question::Discover);
            }
            Question::Select(_) if self.random.below(3) == 0 => self.ask(n, Question::Discover),
            Question::Select(_) | Question::Renew => self.ask(n, what),
        }
    }

    fn begin(&mut self, n: usize) {
        match self.machines[n].lease {
            None => self.ask(n, Question::Discover),
            Some(lease) if self.random.below(3) == 0 => {
                self.release(n, lease);
                self.ask(n, Question::Discover);
            }
            Some(_) => self.ask(n, Question::Renew),
        }
    }

    fn release(&mut self, n: usize, lease: Lease) {
        self.told.given_up(lease.address);
        let message = Packet {
            ciaddr: lease.address,
            ..self.message(n, RELEASE).with(54, &lease.server)
        };
        self.send(&message);
        self.machines[n].lease = None;
        if self.random.below(2) == 0 {
            self.change_name(n);
        }
    }

    /// A machine goes, another one comes.
    fn change_name(&mut self, n: usize) {
        if self.away.is_empty() {
            return;
        }
        let which = self.random.below(self.away.len() as u64) as usize;
        let identity = &mut self.machines[n].identity;
        std::mem::swap(identity, &mut self.away[which]);
    }

    fn ask(&mut self, n: usize, what: Question) {
        self.questions += 1;
        self.xid = self.xid.wrapping_add(1) & 0xffff;
        let seconds = 3600 + 10 * self.questions;
        let lease = self.machines[n].lease;
        let message = match what {
            Question::Discover => self.message(n, DISCOVER),
            Question::Select(offered) => {
                let message = self.message(n, REQUEST).with(54, &offered.server);
                message.with(50, &offered.address.octets())
            }
            Question::Renew => Packet {
                ciaddr: lease.unwrap().address,
                ..self.message(n, REQUEST)
            },
        };
        let xid = (n as u32) << 16 | self.xid;
        let message = Packet { xid, ..message };
        self.machines[n].asked = Some(Asked {
            xid,
            what,
            at: Instant::now(),
            since: now(),
            seconds,
        });
        self.send(&message.with(51, &seconds.to_be_bytes()));
    }

    fn message(&self, n: usize, kind: u8) -> Packet {
        let mac = mac(self.machines[n].identity);
        Packet {
            giaddr: Ipv4Addr::from(RELAY_IP),
            hops: 1,
            ..Packet::new(kind, mac, 0)
        }
    }

    /// Between two servers nobody listens.
    fn send(&self, message: &Packet) {
        let _ = self.card.send_to(&message.bytes(), (APPLIANCE_IP, 67));
    }

    /// Whether anything was heard within that time; what else is there is heard with it.
    fn hear_for(&mut self, wait: Duration) -> bool {
        self.card.set_read_timeout(Some(wait)).unwrap();
        let mut buffer = [0; 1500];
        let Some(len) = self.receive(&mut buffer) else {
            return false;
        };
        self.hear(&buffer[..len]);
        self.card.set_nonblocking(true).unwrap();
        while let Some(len) = self.receive(&mut buffer) {
            self.hear(&buffer[..len]);
        }
        self.card.set_nonblocking(false).unwrap();
        true
    }

    fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        match self.card.recv(buffer) {
            Ok(len) => Some(len),
            Err(error) => {
                let silence = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                let refused = error.kind() == ErrorKind::ConnectionRefused;
                assert!(refused || silence.contains(&error.kind()), "{error}");
                None
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let xid = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
        let n = (xid >> 16) as usize;
        let Some(asked) = self.machines[n].asked.filter(|asked| asked.xid == xid) else {
            return;
        };
        let yours = Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[16..20]).unwrap());
        let offered = || Lease {
            address: yours,
            server: option(bytes, 54).try_into().unwrap(),
        };
        let lease = match (asked.what, option(bytes, 53)) {
            (Question::Discover, [OFFER]) => {
                self.heard.offers += 1;
                return self.ask(n, Question::Select(offered()));
            }
            (Question::Select(lease), [ACK]) => Some(lease),
            (Question::Renew, [ACK]) => self.machines[n].lease,
            (Question::Select(_), _) => None,
            (what, kind) => panic!("{what:?} of a lease that was acknowledged: told {kind:?}"),
        };
        self.machines[n].asked = None;
        self.machines[n].lease = lease;
        let Some(lease) = lease else {
            self.heard.naks += 1;
            return;
        };
        assert_eq!(lease.address, yours, "the address that was asked for");
        assert_eq!(option(bytes, 51), asked.seconds.to_be_bytes(), "as long");
        self.heard.acks += 1;
        let mac = mac(self.machines[n].identity);
        self.told.acked(yours, mac, asked.since, asked.seconds);
    }
}

fn mac(identity: u32) -> [u8; 6] {
    let [_, a, b, c] = identity.to_be_bytes();
    [0x52, 0x54, 0x00, a, b, c]
}

/// The value of an option.
fn option(bytes: &[u8], code: u8) -> &[u8] {
    let mut rest = &bytes[240..];
    while let [number, len, ..] = *rest
        && number != 255
    {
        let (value, further) = rest[2..].split_at(len.into());
        if number == code {
            return value;
        }
        rest = further;
    }
    panic!("no option {code}")
}
