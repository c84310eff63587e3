//! Leases of the LAN's own DHCP server, fetched for machines as a relay agent does (room
//! [`relay`](crate::relay)): mode `proxy` alone.
//!
//! What is asked leaves from our address and port 67, and what is answered comes back to that. An
//! answer may come by another interface than the machine is on: what was kept with the question knows
//! the way.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Instant;

use super::Door;
use super::overdue::Over;
use crate::client::Client;
use crate::client::progress::Firmware;
use crate::decide::Answer;
use crate::event::What;
use crate::firmware::is_probe;
use crate::relay::{Came, Forward, NotGivenBack, Question};
use crate::service::Shared;
use crate::service::interfaces::Own;
use crate::service::probe::seed;
use crate::service::sys::udp::Received;
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREQUEST, Kind, Message};

/// Nobody was asked; what came of that is told.
struct Unasked;

/// What is kept with a question.
pub struct Carried {
    pub(super) door: Arc<Door>,
    pub(super) received: Received,
    pub(super) request: Message,
    pub(super) mac: Option<Mac>,
    /// The boot data that go with the lease, and whose firmware is judged by it; `None`: a renewal.
    pub(super) boot: Option<(Box<Answer>, Option<Firmware>)>,
}

impl Door {
    /// Asks for the lease that an answer is to be joined with; beside it whose firmware is judged by it.
    pub(super) fn fetch_lease(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        received: &Received,
        (message, client): (&Message, &Client),
        boot: (Box<Answer>, Option<Firmware>),
    ) {
        let discovers = boot.0.otherwise.is_some();
        let carried = self.carried(received, message, Some(boot));
        let question = question(received, message);
        let asked = self.asks(shared, question, &carried, discovers);
        let Ok((xid, in_vain)) = asked else {
            return carried.without_lease(shared);
        };
        let why = |over| if is_probe(client) { Over::Played } else { over };
        let place = shared.waiting_leases.clone().try_acquire_owned();
        match place {
            Ok(place) if !(discovers && in_vain) => {
                shared.overdue_after_its_time((xid, why(Over::Time)), place);
            }
            _ if !discovers => {}
            _ if in_vain => shared.overdue(xid, why(Over::Known)),
            _ => shared.overdue(xid, why(Over::Full)),
        }
    }

    /// Asks DHCP servers for a lease: our number, and whether an answer is to be waited for in vain. Where none of
    /// them can be reached from here, everybody on the link is asked, once: a relay there may know a way.
    fn asks(
        &self,
        shared: &Shared,
        question: Question<'_>,
        carried: &Arc<Carried>,
        discovers: bool,
    ) -> Result<(u32, bool), Unasked> {
        for _ in 0..2 {
            let (forward, in_vain) = {
                let mut relay = shared.relay();
                let forward = if discovers {
                    relay.discover(question, carried.clone())
                } else {
                    relay.request(question, carried.clone())
                };
                (forward, relay.servers.all_deaf())
            };
            let Some(forward) = forward else {
                carried.is_too_much(shared);
                return Err(Unasked);
            };
            if self.forward(shared, &forward, carried) {
                return Ok((forward.xid(), in_vain));
            }
            // Nobody was asked, so nobody has left it unanswered.
            let mut relay = shared.relay();
            relay.withdraw(forward.xid());
            let servers = forward.to.iter();
            if servers
                .filter(|server| relay.servers.unreachable(**server))
                .count()
                == 0
            {
                break;
            }
        }
        Err(Unasked)
    }

    /// Hands the renewal of a lease on to its server.
    pub(super) fn renew(self: &Arc<Self>, shared: &Shared, received: &Received, message: &Message) {
        let carried = self.carried(received, message, None);
        let forward = (shared.relay()).renew(question(received, message), carried.clone());
        match forward {
            Some(forward) => {
                self.forward(shared, &forward, &carried);
            }
            None => carried.is_too_much(shared),
        }
    }

    /// Hands a RELEASE or DECLINE on to the server whose lease it is.
    pub(super) fn give_back(
        self: &Arc<Self>,
        shared: &Shared,
        received: &Received,
        message: &Message,
    ) {
        let forward = (shared.relay()).give_back(question(received, message));
        let carried = self.carried(received, message, None);
        match forward {
            Ok(forward) => {
                self.forward(shared, &forward, &carried);
            }
            Err(NotGivenBack::TooMany) => carried.is_too_much(shared),
            Err(why @ NotGivenBack::Unknown(_)) => {
                let what = word(message.kind()).to_uppercase();
                carried.ignored(shared, "unknown-lease", &format!("a {what}: {why}"));
            }
        }
    }

    /// A reply that came to our port 67: believed where it answers what was asked.
    pub(super) fn replied(&self, shared: &Arc<Shared>, received: &Received, reply: &Message) {
        let came = (shared.relay()).answered(Instant::now(), received.from, reply, number());
        let (came, news) = match came {
            Ok(believed) => believed,
            Err(stray) => {
                let what = What::Ignored {
                    port: self.port.number(),
                    reason: "stray-reply",
                    detail: format!("a reply from {}: {stray}", received.from),
                    played: false,
                };
                return shared.emit(None, what);
            }
        };
        shared.heed(news);
        match came {
            Came::Lease(carried) => carried.hand(shared, reply),
            Came::Late(carried) => {
                carried.is_offered_it_after_all(shared);
                carried.hand(shared, reply);
            }
            Came::Refused(carried) => carried.refuse(shared, Some(reply)),
            Came::Gone(carried) => carried.refuse(shared, None),
            Came::Unneeded => {}
            Came::Renewed(carried) => carried.renewed(shared, reply),
            Came::Found(carried, forward) => {
                carried.door.forward(shared, &forward, &carried);
            }
        }
    }

    fn carried(
        self: &Arc<Self>,
        received: &Received,
        request: &Message,
        boot: Option<(Box<Answer>, Option<Firmware>)>,
    ) -> Arc<Carried> {
        Arc::new(Carried {
            door: self.clone(),
            received: *received,
            request: request.clone(),
            mac: request.mac(),
            boot,
        })
    }

    /// Whether anybody was asked.
    pub(super) fn forward(&self, shared: &Shared, forward: &Forward, carried: &Carried) -> bool {
        let bytes = forward.message.encode();
        let (mut failed, mut left) = (None, false);
        for server in &forward.to {
            let to = SocketAddrV4::new(*server, self.port.number());
            match self.ask(&bytes, to, &carried.received) {
                Ok(()) => left = true,
                Err(error) => failed = Some((to, error)),
            }
        }
        let what = match failed {
            Some((to, error)) => self.unsent(to, &error),
            None => What::Forwarded {
                message: word(forward.message.kind()),
                servers: named(&forward.to),
            },
        };
        shared.emit(carried.mac, what);
        left
    }

    /// To a server: on another network by the way that the routes name, be it another interface. The door's own
    /// sockets would take whoever is beyond the last route for a neighbour, and lose it.
    fn ask(&self, bytes: &[u8], to: SocketAddrV4, received: &Received) -> io::Result<()> {
        let there = *to.ip();
        let direct = there.is_broadcast() || self.own.is_near(there);
        let from = SocketAddrV4::new(received.local, self.port.number());
        if !direct && self.routed.send(bytes, from, to)? {
            return Ok(());
        }
        self.send(bytes, to, received)
    }
}

/// Addresses; of everybody on the link none.
pub(super) fn named(servers: &[std::net::Ipv4Addr]) -> Vec<std::net::Ipv4Addr> {
    let hosts = servers.iter().copied();
    hosts.filter(|server| !server.is_broadcast()).collect()
}

pub(super) const fn word(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Discover) => "discover",
        Some(Kind::Request) => "request",
        Some(Kind::Release) => "release",
        Some(Kind::Decline) => "decline",
        _ => "message",
    }
}

/// What a machine says, as we say it to DHCP servers.
fn question<'m>(received: &Received, message: &'m Message) -> Question<'m> {
    Question {
        now: Instant::now(),
        here: received.local,
        xid: number(),
        message,
    }
}

/// A number that nobody can guess.
fn number() -> u32 {
    let seed = seed();
    (seed ^ (seed >> 32)) as u32
}

/// Whether a request is one that we have handed on ourselves: broadcasts come back, by whomever.
pub(super) fn is_own(message: &Message, own: &Own) -> bool {
    let relayed = message.op == BOOTREQUEST && !message.giaddr.is_unspecified();
    relayed && own.all().contains(&message.giaddr)
}
