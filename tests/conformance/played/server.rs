//! bootjack in one of its modes, made of the pure rooms as the service makes it of them: which port
//! hears what, what is remembered of a machine, and what it is told.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bootjack::client::{Client, Registry};
use bootjack::decide::grant::{First, Grant};
use bootjack::decide::lease::{self, Desk};
use bootjack::decide::{Answer, Ignore, Incoming, Port, decide_knowing, item, note};
use bootjack::firmware::machine::Datagram;
use bootjack::firmware::machine::web::{NoPage, Page, Question};
use bootjack::lease::{Book, Limits};
use bootjack::profile::Snapshot;
use bootjack::wire::dhcp::{Kind, Message};
use bootjack::wire::tftp::Packet;

use super::doors::Doors;
use super::{Case, Mode, Sent};
use crate::rules;
use crate::server::{Known, US, snapshot};

/// The second at which the first machine is switched on.
const START: u64 = 1_000_000;

/// bootjack.
pub struct Server {
    pub mode: Mode,
    /// What is in force.
    pub snapshot: Snapshot,
    book: Book,
    machines: Registry,
    past: Option<Known>,
    doors: Doors,
}

/// What it makes of a datagram.
#[derive(Default)]
pub struct Told {
    /// What it answers, or why not; `None`: it does not hear it.
    pub words: Option<String>,
    pub sent: Vec<Sent>,
}

/// An answer to a DHCP message.
struct Reply {
    words: String,
    to: SocketAddrV4,
    delay: Duration,
    bytes: Vec<u8>,
}

impl Server {
    /// As a case has it.
    pub fn new(case: &Case) -> Self {
        let snapshot = Snapshot {
            overrides: case.assets.keys().cloned().collect(),
            ..snapshot(case.profiles.as_deref(), &case.quirks, &case.dhcp)
        };
        let mut book = Book::new(Limits::default());
        book.set_networks(START, &snapshot.networks);
        Self {
            mode: case.mode,
            snapshot,
            book,
            machines: Registry::new(100),
            past: case.past.clone(),
            doors: Doors::new(case),
        }
    }

    /// A datagram to it or to everybody.
    pub fn hears(&mut self, datagram: &Datagram, now: Duration) -> Told {
        let address = *datagram.to.ip();
        if address != US && !address.is_broadcast() && !address.is_multicast() {
            return Told::default();
        }
        match datagram.to.port() {
            67 if self.mode == Mode::Colocated => Told::default(),
            67 => self.dhcp(datagram, Port::Dhcp, now),
            4011 => self.dhcp(datagram, Port::Pxe, now),
            _ => self.doors.tftp(&self.snapshot, &self.machines, datagram),
        }
    }

    /// A page.
    pub fn web(&self, own: Ipv4Addr, asked: &Question) -> (Result<Page, NoPage>, String) {
        self.doors.web(&self.snapshot, &self.machines, own, asked)
    }

    fn dhcp(&mut self, datagram: &Datagram, port: Port, now: Duration) -> Told {
        let message = Message::decode(&datagram.bytes).unwrap();
        let incoming = Incoming {
            message: &message,
            port,
            local: US,
            peer: datagram.from,
            unicast: *datagram.to.ip() == US,
            side: None,
        };
        let gives = self.mode == Mode::Dhcp && port == Port::Dhcp;
        let reply = if gives && item::asked(incoming).is_none() {
            self.leases(incoming, now)
        } else {
            self.boots(incoming)
        };
        let from = SocketAddrV4::new(US, port.number());
        if let Ok(reply) = &reply {
            rules::check(&reply.bytes);
        }
        match reply {
            Err(why) => Told {
                words: Some(format!("nothing: {}", why.word())),
                sent: Vec::new(),
            },
            Ok(reply) => Told {
                words: Some(reply.words),
                sent: vec![Sent {
                    from,
                    to: reply.to,
                    after: reply.delay,
                    bytes: reply.bytes,
                }],
            },
        }
    }

    fn boots(&mut self, incoming: Incoming<'_>) -> Result<Reply, Ignore> {
        let known = |client| complete(&self.machines, self.past.as_ref(), client, incoming);
        let outcome = decide_knowing(&self.snapshot, incoming, known);
        note::keep(
            &mut self.machines,
            outcome.client.clone(),
            incoming,
            self.mode == Mode::Dhcp,
        );
        if let Some((mac, address)) = note::lease_taken(incoming) {
            note::has_address(&mut self.machines, incoming, (mac, address));
        }
        outcome.decision.map(|answer| answered(&answer))
    }

    /// Probes find nobody, and the disk takes every record.
    fn leases(&mut self, incoming: Incoming<'_>, now: Duration) -> Result<Reply, Ignore> {
        let desk = Desk {
            snapshot: &self.snapshot,
            book: &mut self.book,
            now: START + now.as_secs(),
            authoritative: true,
            is_own: &|address| address == US,
            is_booting: &|mac| self.machines.is_booting(mac),
        };
        let known = |client| complete(&self.machines, self.past.as_ref(), client, incoming);
        let leasing = lease::decide_knowing(desk, incoming, known);
        note::keep(&mut self.machines, leasing.client.clone(), incoming, true);
        let grant = leasing.decision?;
        let binding = grant.told.binding();
        match (grant.first, binding) {
            (First::Probe, Some(b)) => assert!(self.book.probed(b.address, b.serial)),
            (First::Store, Some(b)) => {
                assert!(self.book.stored(b.address, b.serial));
                let mac = leasing.mac.unwrap();
                note::has_address(&mut self.machines, incoming, (mac, b.address));
            }
            _ => {}
        }
        Ok(granted(&grant))
    }
}

/// With what is known of the machine beside this message.
fn complete(
    machines: &Registry,
    past: Option<&Known>,
    client: Client,
    incoming: Incoming<'_>,
) -> Client {
    let client = item::with_past(machines, client, incoming);
    let past = past.map_or(client.past, Known::past);
    Client { past, ..client }
}

fn answered(answer: &Answer) -> Reply {
    let kind = match answer.message.kind() {
        Some(Kind::Offer) => "offer",
        _ => "ack",
    };
    let (shape, by) = (answer.strategy.name, answer.by.word());
    let loader = answer
        .loader
        .as_ref()
        .map_or("no loader", |loader| loader.as_str());
    Reply {
        words: format!("{kind} {shape} ({by}): {loader}{}", later(answer.delay)),
        to: answer.to,
        delay: answer.delay,
        bytes: answer.bytes.clone(),
    }
}

fn granted(grant: &Grant) -> Reply {
    let binding = grant.told.binding();
    let address = binding.map_or_else(String::new, |b| format!(" {}", b.address));
    let boot = match &grant.boot {
        None => "no boot data".to_owned(),
        Some(Err(why)) => why.word().to_owned(),
        Some(Ok(boot)) => {
            let loader = boot.loader.as_ref().map(ToString::to_string);
            let loader = loader.filter(|_| boot.strategy.names_loader);
            let loader = loader.unwrap_or_else(|| "no loader".to_owned());
            format!("{}: {loader}", boot.strategy.name)
        }
    };
    let kind = grant.told.name();
    Reply {
        words: format!("{kind}{address}, {boot}{}", later(grant.delay)),
        to: grant.to,
        delay: grant.delay,
        bytes: grant.bytes.clone(),
    }
}

fn later(delay: Duration) -> String {
    if delay.is_zero() {
        return String::new();
    }
    format!(", {} s later", delay.as_secs())
}

/// What a datagram asks, in words; nothing where it belongs to a transfer under way.
pub fn asked(datagram: &Datagram) -> Option<String> {
    match datagram.to.port() {
        67 | 4011 => Some(asked_of_dhcp(datagram)),
        _ => asked_of_tftp(datagram),
    }
}

fn asked_of_dhcp(datagram: &Datagram) -> String {
    let message = Message::decode(&datagram.bytes).unwrap();
    let to = *datagram.to.ip();
    let vendor = message.options.get(43);
    if let Some((item, _)) = vendor.and_then(bootjack::wire::pxe::boot_item) {
        return format!("REQUEST item {item} of {to}");
    }
    match (datagram.to.port(), message.kind()) {
        (4011, _) => format!("REQUEST to 4011 of {to}"),
        (_, Some(Kind::Discover)) => "DISCOVER".to_owned(),
        (_, Some(Kind::Request)) => {
            let [address, server] = [50, 54].map(|code| message.address(code).unwrap());
            format!("REQUEST {address} of {server}")
        }
        (_, other) => panic!("no message of a machine that boots: {other:?}"),
    }
}

fn asked_of_tftp(datagram: &Datagram) -> Option<String> {
    let Ok(Packet::Read(request)) = Packet::decode(&datagram.bytes) else {
        return None;
    };
    let name = String::from_utf8_lossy(request.name);
    Some(format!("TFTP {} {name}", datagram.to.ip()))
}
