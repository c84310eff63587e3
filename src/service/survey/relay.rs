//! Whether the DHCP servers that have offered an address also answer a relay agent, as bootjack is one
//! for machines that take lease and boot data of one server alone (strategy `augment`).
//!
//! Asked by frames like everything else here: from port 67 of our address, to the server alone. So it is
//! heard whoever has port 67, and a bootjack that runs there passes over what answers none of its own
//! questions. One that the operator names is asked by an ordinary socket, for it may be anywhere; no other is
//! asked then. Each server is asked [`TIMES`] times at most, and one that answers only through a relay is
//! not: it answers relays.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;

use crate::doctor::Offer;
use crate::doctor::observed::Relayed;
use crate::firmware::reply::transaction;
use crate::firmware::sample::{self, Flavour};
use crate::relay::forward::forwarded;
use crate::service::sys::packet::Ear;
use crate::wire::Mac;
use crate::wire::dhcp::Message;
use crate::wire::frame::Datagram;

const PORT: u16 = 67;
/// How often a server is asked, and how long it has each time.
const TIMES: u32 = 3;
const APART: Duration = Duration::from_secs(1);
/// Servers asked on one interface.
const MOST: usize = 8;

/// Our addresses on an interface; and which servers alone are asked, where they are named.
pub(super) type Whom = (Vec<Ipv4Net>, Option<Vec<Ipv4Addr>>);

/// The questions of one interface.
#[derive(Debug)]
pub(super) struct Relaying {
    mac: Mac,
    nets: Vec<Ipv4Net>,
    /// Whether the operator names those that are asked.
    named: bool,
    /// Of the first question; the others count on from it.
    first_xid: u32,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    server: Ipv4Addr,
    who: String,
    /// `None`: it is found by the kernel.
    server_mac: Option<[u8; 6]>,
    here: Ipv4Addr,
    xid: u32,
    /// How long the server took to offer an address itself.
    offered_after: Duration,
    first: Instant,
    times: u32,
    answered: bool,
}

impl Relaying {
    pub(super) fn new(mac: Mac, (nets, named): Whom, first_xid: u32) -> Self {
        let mut new = Self {
            mac,
            nets,
            named: named.is_some(),
            first_xid,
            asked: Vec::new(),
        };
        let now = Instant::now();
        for server in named.into_iter().flatten().take(MOST) {
            let near = new.nets.iter().find(|net| net.contains(&server));
            if let Some(net) = near.or_else(|| new.nets.first()) {
                let question = (server, None, net.addr());
                new.add(question, (server.to_string(), Duration::ZERO), now);
            }
        }
        new
    }

    fn add(
        &mut self,
        (server, server_mac, here): (Ipv4Addr, Option<[u8; 6]>, Ipv4Addr),
        (who, offered_after): (String, Duration),
        first: Instant,
    ) {
        self.asked.push(Asked {
            server,
            who,
            server_mac,
            here,
            xid: self.first_xid.wrapping_add(self.asked.len() as u32),
            offered_after,
            first,
            times: 0,
            answered: false,
        });
    }

    /// Takes note of a server that has offered an address itself.
    pub(super) fn offered(&mut self, now: Instant, offer: &Offer) {
        let known = self.asked.iter().any(|a| a.server == offer.source);
        let direct = !offer.is_proxy() && offer.source == offer.server();
        let own = self.nets.iter().any(|net| net.addr() == offer.source);
        if self.named || known || !direct || own || self.asked.len() == MOST {
            return;
        }
        let near = self.nets.iter().find(|net| net.contains(&offer.source));
        let mac = offer
            .source_mac
            .and_then(|mac| mac.as_bytes().try_into().ok());
        let (Some(net), Some(server_mac)) = (near, mac) else {
            return;
        };
        let question = (offer.source, Some(server_mac), net.addr());
        self.add(question, (offer.who(), offer.after), now);
    }

    /// Asks those whose time it is.
    pub(super) fn ask(&mut self, now: Instant, ear: &Ear) -> io::Result<()> {
        let mac = self.mac;
        for asked in self.asked.iter_mut().filter(|asked| asked.is_due(now)) {
            asked.times += 1;
            match asked.server_mac {
                Some(server_mac) => ear.send(&asked.frame(mac)?, server_mac)?,
                // One that cannot be reached does not answer.
                None => drop(asked.send(mac)),
            }
        }
        Ok(())
    }

    /// Whether somebody will have to be asked again.
    pub(super) fn is_asking(&self) -> bool {
        let open = |asked: &Asked| !asked.answered && asked.times < TIMES;
        self.asked.iter().any(open)
    }

    /// What came to port 67.
    pub(super) fn hear(&mut self, from: Ipv4Addr, payload: &[u8]) {
        let Some(xid) = transaction(payload, self.mac) else {
            return;
        };
        let answers = |asked: &&mut Asked| asked.xid == xid && asked.server == from;
        if let Some(asked) = self.asked.iter_mut().find(answers) {
            asked.answered = true;
        }
    }

    /// What has come of it.
    pub(super) fn outcome(self, now: Instant) -> Vec<Relayed> {
        let asked = self.asked.into_iter();
        asked
            .map(|asked| Relayed {
                server: asked.server,
                who: asked.who,
                named: self.named,
                answered: asked.answered,
                offered_after: asked.offered_after,
                waited: now.saturating_duration_since(asked.first),
            })
            .collect()
    }
}

impl Asked {
    fn is_due(&self, now: Instant) -> bool {
        let waited = now.saturating_duration_since(self.first);
        !self.answered && self.times < TIMES && waited >= APART * self.times
    }

    /// The DISCOVER of a machine that boots, in the words of its relay agent.
    fn message(&self, mac: Mac) -> Vec<u8> {
        let discover: Message = sample::discover(Flavour::Uefi, mac, self.xid, 0);
        forwarded(&discover, self.here, self.xid, None).encode()
    }

    /// From any port, for 67 may be another's: the answer goes to the relay agent's address and 67.
    fn send(&self, mac: Mac) -> io::Result<usize> {
        let socket = UdpSocket::bind((self.here, 0))?;
        socket.set_nonblocking(true)?;
        socket.send_to(&self.message(mac), (self.server, PORT))
    }

    /// The same as a frame.
    fn frame(&self, mac: Mac) -> io::Result<Vec<u8>> {
        let message = self.message(mac);
        let (from, to) = (self.here, self.server);
        let ports = |address| SocketAddrV4::new(address, PORT);
        Datagram::new(ports(from), ports(to), &message)
            .encode()
            .map_err(io::Error::other)
    }
}
