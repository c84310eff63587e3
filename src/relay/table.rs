//! What was forwarded for whom, and what may answer it.
//!
//! | what comes back | what becomes of it |
//! |---|---|
//! | the first OFFER to a DISCOVER | the client's, with boot data; which server it is from is kept |
//! | further ones, and late ones of the same number | nothing: one server's offer an attempt |
//! | an ACK or NAK to the REQUEST for that | the client's |
//! | an ACK or NAK to a renewal | the client's, as it is |
//! | no OFFER in [`WAIT`] | the client gets a proxy's OFFER; one that comes later is handed on all the same |
//! | no answer to a REQUEST | nothing: the client asks again, or begins anew |
//!
//! A REQUEST for a lease that we know nothing of (bootjack was started anew, or the room has run out) is
//! retraced: a DISCOVER in the client's name finds the server that offers this address, and gets it the
//! REQUEST. Where another address is offered, the client is told to begin anew.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::forward::{forwarded, retraced};
use super::servers::{News, Servers};
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREPLY, Kind, Message, code};

/// So long a client waits for its lease; then it gets a proxy's OFFER. EDK2 collects OFFERs for four
/// seconds, and prefers one with a lease that comes later (PxeBcDhcp4.c).
pub const WAIT: Duration = Duration::from_secs(2);
/// So long an answer may take. A server that pings an address before it offers it takes three seconds.
const OPEN: Duration = Duration::from_secs(15);
/// Offers of one client that are kept: firmware asks four times, and may take any of the answers.
pub const OFFERS: usize = 4;
/// Questions a second that DHCP servers are asked, whoever makes up machines: a room of 500 asks two each, and
/// dnsmasq that writes leases to a disk loses packets from 500 a second on.
pub const PER_SECOND: u32 = 1000;
const SECOND: Duration = Duration::from_secs(1);
/// The port of servers and relays.
const SERVERS: u16 = 67;

/// What is asked in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// A lease, of anybody.
    Discover,
    /// The lease that this server has offered.
    Request(Ipv4Addr),
    /// Who offers this address.
    Retrace(Ipv4Addr),
    /// To go on with a lease.
    Renew,
}

/// A message to DHCP servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The message.
    pub message: Message,
    /// Where to; the broadcast address stands for all on the link.
    pub to: Vec<Ipv4Addr>,
}

impl Forward {
    /// The transaction.
    pub const fn xid(&self) -> u32 {
        self.message.xid
    }
}

/// An answer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came<T> {
    /// An OFFER or an ACK for the client, to be joined with boot data.
    Lease(T),
    /// A NAK for the client.
    Refused(T),
    /// An ACK to a renewal.
    Renewed(T),
    /// The server of a lease was found: this goes to it.
    Found(T, Box<Forward>),
    /// Its server offers another address than the client has asked us for.
    Gone(T),
}

/// Why an answer is not believed, or not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stray {
    /// Nothing was asked under this number, or it is answered already.
    #[error("it answers nothing that was asked")]
    Unasked,
    /// It is about another machine, or came another way than it was asked.
    #[error("it is not about what was asked under its number")]
    Other,
    /// It is no answer to what was asked.
    #[error("it is of a kind that does not answer what was asked")]
    Kind,
    /// It names no address for a host.
    #[error("it gives no address that a host may have")]
    Address,
    /// Somebody else was asked.
    #[error("its server was not asked")]
    Server,
}

/// A DISCOVER that nobody has answered in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue<T> {
    /// What was kept with it.
    pub carried: T,
    /// Who was asked.
    pub asked: Vec<Ipv4Addr>,
    /// Servers that have offered the client an address themselves meanwhile.
    pub alive: Vec<Ipv4Addr>,
    /// What has become known of servers.
    pub news: Vec<News>,
}

#[derive(Debug)]
struct Transaction<T> {
    asks: Asks,
    request: Message,
    here: Ipv4Addr,
    to: Vec<Ipv4Addr>,
    began: Instant,
    /// Servers that have answered the client itself.
    alive: Vec<Ipv4Addr>,
    carried: T,
}

#[derive(Debug, Clone, Copy)]
struct Offered {
    address: Ipv4Addr,
    /// Its own name (54), and where it answers.
    server: Ipv4Addr,
    at: Ipv4Addr,
}

/// Everything that is under way. `T` is what the caller keeps with each question.
#[derive(Debug)]
pub struct Relay<T> {
    capacity: usize,
    tick: u64,
    open: HashMap<u32, (u64, Transaction<T>)>,
    by_age: BTreeMap<u64, u32>,
    offers: HashMap<Mac, (u64, Vec<Offered>)>,
    offers_by_age: BTreeMap<u64, Mac>,
    /// When this second began, and how many questions were asked in it.
    second: Option<(Instant, u32)>,
    /// The servers.
    pub servers: Servers,
}

impl<T: Clone> Relay<T> {
    /// Room for so many questions, and for the offers of so many machines.
    pub fn new(capacity: usize, servers: Servers) -> Self {
        Self {
            capacity,
            tick: 0,
            open: HashMap::new(),
            by_age: BTreeMap::new(),
            offers: HashMap::new(),
            offers_by_age: BTreeMap::new(),
            second: None,
            servers,
        }
    }

    /// A client's DISCOVER. `here`: our address on its side; `xid`: a number that nobody can guess. `None`, here
    /// and below: [`PER_SECOND`] were asked in this second.
    pub fn discover(
        &mut self,
        now: Instant,
        (here, xid): (Ipv4Addr, u32),
        request: &Message,
        carried: T,
    ) -> Option<Forward> {
        self.may_ask(now)?;
        let message = forwarded(request, here, xid, None);
        let to = self.servers.to_ask(now);
        let forward = Forward { message, to };
        Some(self.ask(now, Asks::Discover, (request, here), forward, carried))
    }

    /// A client's REQUEST for a lease that we have offered, or that it says we have.
    pub fn request(
        &mut self,
        now: Instant,
        (here, xid): (Ipv4Addr, u32),
        request: &Message,
        carried: T,
    ) -> Option<Forward> {
        self.may_ask(now)?;
        let wanted = request.address(code::REQUESTED_ADDRESS);
        let wanted = wanted.unwrap_or(Ipv4Addr::UNSPECIFIED);
        if let Some(offered) = self.offered(request, wanted) {
            let forward = selecting(request, (here, xid), offered);
            let asks = Asks::Request(offered.server);
            return Some(self.ask(now, asks, (request, here), forward, carried));
        }
        let message = retraced(request, here, xid);
        let to = self.servers.to_ask(now);
        let forward = Forward { message, to };
        Some(self.ask(
            now,
            Asks::Retrace(wanted),
            (request, here),
            forward,
            carried,
        ))
    }

    /// A client's REQUEST to go on with a lease that it takes for ours.
    pub fn renew(
        &mut self,
        now: Instant,
        (here, xid): (Ipv4Addr, u32),
        request: &Message,
        carried: T,
    ) -> Option<Forward> {
        self.may_ask(now)?;
        let message = forwarded(request, here, xid, None);
        let offered = self.offered(request, request.ciaddr);
        let to = offered.map_or_else(|| self.servers.to_ask(now), |offered| vec![offered.at]);
        let forward = Forward { message, to };
        Some(self.ask(now, Asks::Renew, (request, here), forward, carried))
    }

    /// A client's RELEASE or DECLINE of a lease that it takes for ours, which nobody answers; `None`: nobody
    /// knows whose that is.
    pub fn give_back(
        &mut self,
        now: Instant,
        (here, xid): (Ipv4Addr, u32),
        message: &Message,
    ) -> Option<Forward> {
        let address = message
            .address(code::REQUESTED_ADDRESS)
            .unwrap_or(message.ciaddr);
        let offered = self.offered(message, address)?;
        self.may_ask(now)?;
        Some(selecting(message, (here, xid), offered))
    }

    /// The server whose lease of this address a machine has from us.
    pub fn server_of(&self, mac: Mac, address: Ipv4Addr) -> Option<Ipv4Addr> {
        let (_, offers) = self.offers.get(&mac)?;
        let offer = offers.iter().find(|offer| offer.address == address)?;
        Some(offer.server)
    }

    /// Another server has answered a client itself, in its own transaction.
    pub fn heard(&mut self, now: Instant, server: Ipv4Addr, (mac, xid): (Mac, u32)) {
        self.servers.heard(now, server);
        let open = self.open.values_mut().map(|(_, open)| open);
        for open in open.filter(|open| open.request.xid == xid && open.request.mac() == Some(mac)) {
            if open.alive.len() < OFFERS && !open.alive.contains(&server) {
                open.alive.push(server);
            }
        }
    }

    /// The time for a lease is over: what was kept with a DISCOVER that nobody has answered. It stays open.
    pub fn overdue(&mut self, now: Instant, xid: u32) -> Option<Overdue<T>> {
        let (_, open) = self.open.get(&xid)?;
        if open.asks != Asks::Discover {
            return None;
        }
        self.servers.leave_open();
        let (carried, asked, alive) = (open.carried.clone(), open.to.clone(), open.alive.clone());
        let servers = &mut self.servers;
        let news = alive
            .iter()
            .filter_map(|server| servers.unanswered(now, *server));
        Some(Overdue {
            carried,
            asked,
            news: news.collect(),
            alive,
        })
    }

    /// An answer, sent from there; `xid`: a number for what may have to be asked next. With it what has become
    /// known of its server.
    ///
    /// # Errors
    /// Why it is not believed, or not needed.
    pub fn answered(
        &mut self,
        now: Instant,
        from: SocketAddrV4,
        reply: &Message,
        xid: u32,
    ) -> Result<(Came<T>, Option<News>), Stray> {
        let (_, open) = self.open.get(&reply.xid).ok_or(Stray::Unasked)?;
        if now.saturating_duration_since(open.began) > OPEN {
            self.close(reply.xid);
            return Err(Stray::Unasked);
        }
        let server = open.believes(from, reply)?;
        let open = self.close(reply.xid).ok_or(Stray::Unasked)?;
        let news = self.servers.answered(now, server);
        let offered = Offered {
            address: reply.yiaddr,
            server,
            at: *from.ip(),
        };
        Ok((self.comes(now, open, reply, (offered, xid)), news))
    }

    fn comes(
        &mut self,
        now: Instant,
        open: Transaction<T>,
        reply: &Message,
        (offered, xid): (Offered, u32),
    ) -> Came<T> {
        let nak = reply.kind() == Some(Kind::Nak);
        let Transaction {
            asks,
            request,
            here,
            carried,
            ..
        } = open;
        match asks {
            Asks::Request(_) | Asks::Renew if nak => Came::Refused(carried),
            Asks::Renew => Came::Renewed(carried),
            Asks::Retrace(wanted) if offered.address != wanted => Came::Gone(carried),
            Asks::Retrace(_) => {
                self.keep(&request, offered);
                let forward = selecting(&request, (here, xid), offered);
                let asks = Asks::Request(offered.server);
                let forward = self.ask(now, asks, (&request, here), forward, carried.clone());
                Came::Found(carried, Box::new(forward))
            }
            Asks::Discover | Asks::Request(_) => {
                self.keep(&request, offered);
                Came::Lease(carried)
            }
        }
    }

    /// Whether the servers can be asked one more question in this second.
    fn may_ask(&mut self, now: Instant) -> Option<()> {
        let this = self
            .second
            .filter(|(began, _)| now.saturating_duration_since(*began) < SECOND);
        let (began, asked) = this.unwrap_or((now, 0));
        self.second = Some((began, asked.saturating_add(1)));
        (asked < PER_SECOND).then_some(())
    }

    fn ask(
        &mut self,
        now: Instant,
        asks: Asks,
        (request, here): (&Message, Ipv4Addr),
        forward: Forward,
        carried: T,
    ) -> Forward {
        while self.open.len() >= self.capacity {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.open.remove(&oldest);
        }
        self.close(forward.xid());
        self.tick += 1;
        self.by_age.insert(self.tick, forward.xid());
        let open = Transaction {
            asks,
            request: request.clone(),
            here,
            to: forward.to.clone(),
            began: now,
            alive: Vec::new(),
            carried,
        };
        self.open.insert(forward.xid(), (self.tick, open));
        forward
    }

    fn close(&mut self, xid: u32) -> Option<Transaction<T>> {
        let (tick, open) = self.open.remove(&xid)?;
        self.by_age.remove(&tick);
        Some(open)
    }

    fn offered(&self, request: &Message, address: Ipv4Addr) -> Option<Offered> {
        let (_, offers) = self.offers.get(&request.mac()?)?;
        offers
            .iter()
            .copied()
            .find(|offer| offer.address == address)
    }

    /// Keeps whose offer a client has, the last ones.
    fn keep(&mut self, request: &Message, offered: Offered) {
        let Some(mac) = request.mac() else { return };
        let (tick, mut offers) = self.offers.remove(&mac).unwrap_or_default();
        self.offers_by_age.remove(&tick);
        while self.offers.len() >= self.capacity {
            let Some((_, oldest)) = self.offers_by_age.pop_first() else {
                break;
            };
            self.offers.remove(&oldest);
        }
        offers.retain(|known| known.address != offered.address);
        if offers.len() >= OFFERS {
            offers.remove(0);
        }
        offers.push(offered);
        self.tick += 1;
        self.offers_by_age.insert(self.tick, mac);
        self.offers.insert(mac, (self.tick, offers));
    }
}

/// What goes to the server that has offered an address.
fn selecting(message: &Message, (here, xid): (Ipv4Addr, u32), offered: Offered) -> Forward {
    Forward {
        message: forwarded(message, here, xid, Some(offered.server)),
        to: vec![offered.at],
    }
}

impl<T> Transaction<T> {
    /// The server's own name, where this answers what was asked.
    fn believes(&self, from: SocketAddrV4, reply: &Message) -> Result<Ipv4Addr, Stray> {
        let same = (reply.htype, reply.chaddr) == (self.request.htype, self.request.chaddr);
        if reply.op != BOOTREPLY || !same || reply.giaddr != self.here || from.port() != SERVERS {
            return Err(Stray::Other);
        }
        let server = reply.address(code::SERVER_ID).ok_or(Stray::Kind)?;
        let chosen = match self.asks {
            Asks::Request(chosen) => server == chosen,
            _ => Servers::may_answer(&self.to, *from.ip(), server),
        };
        if !chosen || server == self.here {
            return Err(Stray::Server);
        }
        let is_lease = is_host(reply.yiaddr) && reply.yiaddr != self.here;
        match (self.asks, reply.kind()) {
            (Asks::Discover | Asks::Retrace(_), Some(Kind::Offer)) if is_lease => Ok(server),
            (Asks::Request(_), Some(Kind::Ack)) if is_lease => self.wanted(reply, server),
            (Asks::Renew, Some(Kind::Ack)) if reply.yiaddr == self.request.ciaddr => Ok(server),
            (Asks::Request(_) | Asks::Renew, Some(Kind::Nak)) => Ok(server),
            (_, Some(Kind::Offer | Kind::Ack)) => Err(Stray::Address),
            _ => Err(Stray::Kind),
        }
    }

    /// An ACK is for the address that the client has asked for.
    fn wanted(&self, reply: &Message, server: Ipv4Addr) -> Result<Ipv4Addr, Stray> {
        let wanted = self.request.address(code::REQUESTED_ADDRESS);
        (wanted == Some(reply.yiaddr))
            .then_some(server)
            .ok_or(Stray::Address)
    }
}

const fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_loopback())
}
