//! Whether the DHCP servers that have offered an address also answer a relay agent, as bootjack is one
//! for machines that take lease and boot data of one server alone (strategy `augment`).
//!
//! Asked by frames like everything else here: from port 67 of our address, to the server alone. So it is
//! heard whoever has port 67, and a bootjack that runs there passes over what answers none of its own
//! questions. Each server is asked [`TIMES`] times at most, and one that answers only through a relay is
//! not: it answers relays.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
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

/// The questions of one interface.
#[derive(Debug)]
pub(super) struct Relaying {
    mac: Mac,
    nets: Vec<Ipv4Net>,
    /// Of the first question; the others count on from it.
    first_xid: u32,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    server: Ipv4Addr,
    who: String,
    server_mac: [u8; 6],
    here: Ipv4Addr,
    xid: u32,
    /// How long the server took to offer an address itself.
    offered_after: Duration,
    first: Instant,
    times: u32,
    answered: bool,
}

impl Relaying {
    pub(super) fn new(mac: Mac, nets: Vec<Ipv4Net>, first_xid: u32) -> Self {
        Self {
            mac,
            nets,
            first_xid,
            asked: Vec::new(),
        }
    }

    /// Takes note of a server that has offered an address itself.
    pub(super) fn offered(&mut self, now: Instant, offer: &Offer) {
        let known = self.asked.iter().any(|a| a.server == offer.source);
        let direct = !offer.is_proxy() && offer.source == offer.server();
        let own = self.nets.iter().any(|net| net.addr() == offer.source);
        if known || !direct || own || self.asked.len() == MOST {
            return;
        }
        let near = self.nets.iter().find(|net| net.contains(&offer.source));
        let mac = offer
            .source_mac
            .and_then(|mac| mac.as_bytes().try_into().ok());
        let (Some(net), Some(server_mac)) = (near, mac) else {
            return;
        };
        self.asked.push(Asked {
            server: offer.source,
            who: offer.who(),
            server_mac,
            here: net.addr(),
            xid: self.first_xid.wrapping_add(self.asked.len() as u32),
            offered_after: offer.after,
            first: now,
            times: 0,
            answered: false,
        });
    }

    /// Asks those whose time it is.
    pub(super) fn ask(&mut self, now: Instant, ear: &Ear) -> io::Result<()> {
        let mac = self.mac;
        for asked in self.asked.iter_mut().filter(|asked| asked.is_due(now)) {
            asked.times += 1;
            ear.send(&asked.frame(mac)?, asked.server_mac)?;
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
    fn frame(&self, mac: Mac) -> io::Result<Vec<u8>> {
        let discover: Message = sample::discover(Flavour::Uefi, mac, self.xid, 0);
        let message = forwarded(&discover, self.here, self.xid, None).encode();
        let (from, to) = (self.here, self.server);
        let ports = |address| SocketAddrV4::new(address, PORT);
        Datagram::new(ports(from), ports(to), &message)
            .encode()
            .map_err(io::Error::other)
    }
}
