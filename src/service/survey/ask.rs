//! DISCOVERs out, offers in: one loop over the packet sockets of all interfaces.
//!
//! Asked from 0.0.0.0:68 with the interface's own hardware address, by frames: nothing depends on
//! port 68 being free, and offers are heard whoever has it, those of programs on this host
//! included. A server on this host does not hear our frames; where port 67 is held, it is asked by
//! a broadcast of an ordinary socket as well.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::relay::{Relaying, Whom};
use super::starter::Starter;
use crate::doctor::Offer;
use crate::doctor::observed::{Relayed, SpanningTree};
use crate::doctor::offer::{self, Unreadable};
use crate::error::Error;
use crate::firmware::reply::transaction;
use crate::firmware::sample::{self, Flavour};
use crate::service::sys::packet::{Ear, Hears, Kind};
use crate::wire::Mac;
use crate::wire::frame::Datagram;

const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
const SERVERS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
/// The largest frame that is looked at.
const FRAME: usize = 65_536;
/// How often it is looked whether a server is to be asked again.
const AGAIN: Duration = Duration::from_millis(250);
/// Answers kept of one interface; a flood of them is no reason to grow.
const MOST: usize = 64;

/// What is asked on one interface.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) interface: String,
    pub(super) index: u32,
    pub(super) mac: Mac,
    /// Whether a server of this host is to hear it, too.
    pub(super) also_local: bool,
    pub(super) flavours: Vec<Flavour>,
    /// Whom to ask as a relay agent asks, too.
    pub(super) relay: Option<Whom>,
    /// Who asks, where he is about to serve: others that are hear it, and he hears them.
    pub(super) starter: Option<Starter>,
}

/// An interface being asked.
#[derive(Debug)]
pub(super) struct Asking {
    question: Question,
    ear: Ear,
    /// Of the first flavour; the others count on from it.
    first_xid: u32,
    relaying: Option<Relaying>,
    began: Instant,
    heard: Heard,
    /// Others that begin now and were not told yet that this one does, too.
    to_tell: bool,
    /// How often they may still be told.
    tellings: usize,
}

/// What was heard on one interface.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) interface: String,
    /// Why it was not asked to the end: it went down, or away.
    pub(super) lost: Option<Error>,
    pub(super) offers: Vec<Offer>,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) spanning_tree: Option<SpanningTree>,
    pub(super) relayed: Vec<Relayed>,
    /// One that begins at the same moment and goes before this one.
    pub(super) goes_before: Option<Starter>,
}

/// How often to ask, and how long to listen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience<'a> {
    pub(super) sent_at: &'a [Duration],
    /// Where an address was offered on every interface.
    pub(super) answered: Duration,
    /// Where on one of them none was.
    pub(super) unanswered: Duration,
    /// Whether the first offer of an address, or who goes before, ends it.
    pub(super) first_is_enough: bool,
}

impl Asking {
    pub(super) fn open(mut question: Question) -> Result<Self, Error> {
        let relay = question.relay.take();
        // Answers to a relay agent come to the port of servers.
        let hears = if question.starter.is_some() || relay.is_some() {
            Hears::Everything
        } else {
            Hears::Answers
        };
        let ear = Ear::open(question.index, hears)
            .map_err(|e| failed("hear", &question.interface, &e))?;
        // Without it only the hello of spanning tree is missing.
        let _ = ear.hear_spanning_tree();
        let first_xid = RandomState::new().hash_one(&question.interface) as u32;
        let behind = first_xid.wrapping_add(question.flavours.len() as u32);
        Ok(Self {
            heard: Heard {
                interface: question.interface.clone(),
                ..Heard::default()
            },
            first_xid,
            relaying: relay.map(|whom| Relaying::new(question.mac, whom, behind)),
            began: Instant::now(),
            to_tell: false,
            tellings: MOST,
            question,
            ear,
        })
    }

    fn send(&self, secs: u16) -> io::Result<()> {
        for (n, flavour) in (0..).zip(&self.question.flavours) {
            let xid = self.first_xid.wrapping_add(n);
            let mut message = sample::discover(*flavour, self.question.mac, xid, secs);
            // Servers that know no such class take it for an ordinary machine; the others are asked as well.
            if let (Some(starter), Flavour::Plain) = (self.question.starter, flavour) {
                starter.mark(&mut message);
            }
            let message = message.encode();
            let frame = Datagram::new(CLIENT, SERVERS, &message).encode();
            self.ear.broadcast(&frame.map_err(io::Error::other)?)?;
            if self.question.also_local {
                // A server of this host that is not reached so is still named by its port.
                let _ = broadcast(&self.question.interface, &message);
            }
        }
        Ok(())
    }

    /// Takes in everything that waits.
    fn listen(&mut self, buf: &mut [u8]) -> io::Result<()> {
        // A flood must not keep us here: poll comes back at once where more waits.
        for _ in 0..MOST {
            let heard = match self.ear.recv(buf) {
                Ok(heard) => heard,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let packet = buf.get(..heard.len).unwrap_or_default();
            match heard.kind {
                Kind::Ipv4 => self.take(packet, heard.source.map(Mac::ethernet)),
                Kind::Llc => {
                    let hello = SpanningTree::decode(packet);
                    self.heard.spanning_tree = self.heard.spanning_tree.or(hello);
                }
                Kind::Other => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, packet: &[u8], source_mac: Option<Mac>) {
        let Ok(datagram) = Datagram::decode(packet) else {
            return;
        };
        if datagram.to.port() == SERVERS.port() {
            return self.hear_server_port(*datagram.from.ip(), datagram.payload);
        }
        let Some(flavour) = self.asked_as(datagram.payload) else {
            return;
        };
        let from = offer::Datagram {
            source: *datagram.from.ip(),
            source_mac,
            payload: datagram.payload,
            length: datagram.length,
            after: self.began.elapsed(),
        };
        let Heard {
            offers, unreadable, ..
        } = &mut self.heard;
        match Offer::read(flavour, from) {
            Some(Ok(offer)) => {
                if let Some(relaying) = &mut self.relaying {
                    relaying.offered(Instant::now(), &offer);
                }
                add(offers, offer, same_offer);
            }
            Some(Err(bad)) => add(unreadable, bad, same_unreadable),
            None => {}
        }
    }

    /// What is sent to servers, or to a relay agent.
    fn hear_server_port(&mut self, from: Ipv4Addr, payload: &[u8]) {
        if let Some(relaying) = &mut self.relaying {
            relaying.hear(from, payload);
        }
        if let Some(own) = self.question.starter {
            self.hear_starter(own, payload);
        }
    }

    fn hear_starter(&mut self, own: Starter, question: &[u8]) {
        match Starter::read(question) {
            Some(other) if other.goes_before(&own) => self.heard.goes_before = Some(other),
            Some(other) if own.goes_before(&other) => self.to_tell = true,
            _ => {}
        }
    }

    /// Says once more that this one begins, for those who did not listen yet when it asked.
    fn tell(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.to_tell) || self.tellings == 0 {
            return Ok(());
        }
        self.tellings -= 1;
        self.send(self.began.elapsed().as_secs() as u16)
    }

    /// Asks as a relay agent whom it is time for.
    fn relay(&mut self) -> io::Result<()> {
        match &mut self.relaying {
            Some(relaying) => relaying.ask(Instant::now(), &self.ear),
            None => Ok(()),
        }
    }

    /// What was heard, when it is over.
    fn end(mut self) -> Heard {
        let relaying = self.relaying.take();
        self.heard.relayed = relaying.map_or_else(Vec::new, |r| r.outcome(Instant::now()));
        self.heard
    }

    /// The flavour that this answers.
    fn asked_as(&self, payload: &[u8]) -> Option<Flavour> {
        let xid = transaction(payload, self.question.mac)?;
        let n = usize::try_from(xid.wrapping_sub(self.first_xid)).ok()?;
        self.question.flavours.get(n).copied()
    }

    fn has_address(&self) -> bool {
        self.heard.offers.iter().any(|o| !o.is_proxy())
    }

    /// What goes wrong with one interface is the end of that one alone. A full queue is not: it is
    /// asked again.
    fn note(&mut self, what: &str, outcome: io::Result<()>) {
        let Err(why) = outcome else { return };
        let full = why.raw_os_error() == Some(nix::libc::ENOBUFS);
        if !full && why.kind() != io::ErrorKind::WouldBlock {
            self.heard.lost = Some(failed(what, &self.question.interface, &why));
        }
    }
}

/// Adds what is not there yet, up to the bound.
fn add<T>(all: &mut Vec<T>, new: T, same: fn(&T, &T) -> bool) {
    if all.len() < MOST && !all.iter().any(|known| same(known, &new)) {
        all.push(new);
    }
}

/// The answer to a DISCOVER said again.
fn same_offer(a: &Offer, b: &Offer) -> bool {
    (a.flavour, a.source, a.server(), a.is_proxy())
        == (b.flavour, b.source, b.server(), b.is_proxy())
}

fn same_unreadable(a: &Unreadable, b: &Unreadable) -> bool {
    (a.flavour, a.source) == (b.flavour, b.source)
}

/// From any port, for 68 takes privileges: servers of this host answer to 68 by broadcast.
fn broadcast(interface: &str, message: &[u8]) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.send_to(message, &SERVERS.into()).map(drop)
}

/// Asks on all interfaces at once; what was heard on each, in their order.
pub(super) fn all(mut asking: Vec<Asking>, patience: Patience<'_>) -> Vec<Heard> {
    let began = Instant::now();
    for one in &mut asking {
        one.began = began;
    }
    let mut to_send = patience.sent_at.iter().peekable();
    let mut buf = vec![0; FRAME];
    loop {
        let now = began.elapsed();
        if let Some(at) = to_send.next_if(|at| **at <= now) {
            for one in live(&mut asking) {
                let sent = one.send(at.as_secs() as u16);
                one.note("ask", sent);
            }
            continue;
        }
        let Some(left) = left(&asking, patience, now) else {
            return asking.into_iter().map(Asking::end).collect();
        };
        let next = to_send
            .peek()
            .map_or(left, |at| left.min(at.saturating_sub(now)));
        let again =
            live(&mut asking).any(|one| one.relaying.as_ref().is_some_and(Relaying::is_asking));
        let next = if again { next.min(AGAIN) } else { next };
        wait(&asking, next);
        for one in live(&mut asking) {
            let listened = one.listen(&mut buf);
            one.note("hear", listened);
            let told = one.tell();
            one.note("ask", told);
            let relayed = one.relay();
            one.note("ask", relayed);
        }
    }
}

fn live(asking: &mut [Asking]) -> impl Iterator<Item = &mut Asking> {
    asking.iter_mut().filter(|one| one.heard.lost.is_none())
}

/// How much longer to listen; `None`: enough was heard.
fn left(asking: &[Asking], patience: Patience<'_>, now: Duration) -> Option<Duration> {
    let mut live = asking.iter().filter(|one| one.heard.lost.is_none());
    let refused = |one: &Asking| one.has_address() || one.heard.goes_before.is_some();
    let first = patience.first_is_enough && asking.iter().any(refused);
    let enough = first || live.clone().next().is_none();
    let until = if live.all(Asking::has_address) {
        patience.answered
    } else {
        patience.unanswered
    };
    let left = until.checked_sub(now).filter(|left| !left.is_zero());
    left.filter(|_| !enough)
}

/// Until something is heard, or the time is over. An interrupted wait is a short one.
fn wait(asking: &[Asking], at_most: Duration) {
    let at_most = at_most.max(Duration::from_millis(1));
    let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
    let live = asking.iter().filter(|one| one.heard.lost.is_none());
    let mut fds: Vec<PollFd> = live
        .map(|one| PollFd::new(one.ear.as_fd(), PollFlags::POLLIN))
        .collect();
    let _ = poll(&mut fds, timeout);
}

fn failed(what: &str, interface: &str, why: &io::Error) -> Error {
    let remedy = match why.kind() {
        io::ErrorKind::PermissionDenied => "; run it as root (sudo), or give it CAP_NET_RAW",
        io::ErrorKind::NetworkDown => "; it went down meanwhile",
        _ => "",
    };
    Error::failed(format!(
        "cannot {what} DHCP servers on {interface}: {why}{remedy}"
    ))
}
