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
//! REQUEST. Where the one server that was asked offers another address, the client is told to begin anew; of several
//! the right one may still answer. Likewise a renewal of a lease that we know nothing of is refused by nobody.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::aged::Aged;
use super::came::{Came, Forward, NotGivenBack, Overdue};
use super::forward::{forwarded, retraced};
use super::servers::{News, Servers};
use super::transaction::{Asks, Stray, Transaction};
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

/// So long a client waits for its lease; then it gets a proxy's OFFER. dnsmasq pings a new address for three
/// seconds before it offers it, and EDK2 collects OFFERs for four; it prefers one with a lease that comes
/// later still (`PxeBcDhcp4.c`).
pub const WAIT: Duration = Duration::from_millis(3300);
/// So long an answer may take. A server that pings an address before it offers it takes three seconds.
const OPEN: Duration = Duration::from_secs(15);
/// Offers of one client that are kept: firmware asks four times, and may take any of the answers.
pub const OFFERS: usize = 4;
/// Questions a second that DHCP servers are asked, whoever makes up machines: a room of 500 asks two each, and
/// dnsmasq that writes leases to a disk loses packets from 500 a second on.
pub const PER_SECOND: u32 = 1000;
/// So many offers of servers to clients themselves are kept for questions that come later.
const HEARD: usize = 64;
const SECOND: Duration = Duration::from_secs(1);

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
    open: Aged<u32, Transaction<T>>,
    offers: Aged<Mac, Vec<Offered>>,
    /// What servers have offered clients themselves, the last ones: a fast server is heard before the
    /// question that it is to be held against.
    heard: VecDeque<(Mac, u32, Ipv4Addr)>,
    /// When this second began, how many questions were asked in it, and how many of them for relayed machines.
    second: Option<(Instant, [u32; 2])>,
    /// The servers.
    pub servers: Servers,
}

impl<T: Clone> Relay<T> {
    /// Room for so many questions, and for the offers of so many machines.
    pub fn new(capacity: usize, servers: Servers) -> Self {
        Self {
            open: Aged::new(capacity),
            offers: Aged::new(capacity),
            heard: VecDeque::new(),
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
        self.may_ask(now, request)?;
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
        self.may_ask(now, request)?;
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
        self.may_ask(now, request)?;
        let message = forwarded(request, here, xid, None);
        let offered = self.offered(request, request.ciaddr);
        let to = offered.map_or_else(|| self.servers.to_ask(now), |offered| vec![offered.at]);
        let asks = Asks::Renew(offered.map(|offered| offered.server));
        let forward = Forward { message, to };
        Some(self.ask(now, asks, (request, here), forward, carried))
    }

    /// A client's RELEASE or DECLINE of a lease that it takes for ours, which nobody answers.
    ///
    /// # Errors
    /// Why it goes to no server.
    pub fn give_back(
        &mut self,
        now: Instant,
        (here, xid): (Ipv4Addr, u32),
        message: &Message,
    ) -> Result<Forward, NotGivenBack> {
        let address = message
            .address(code::REQUESTED_ADDRESS)
            .unwrap_or(message.ciaddr);
        let offered = self.offered(message, address);
        let offered = offered.ok_or(NotGivenBack::Unknown(address))?;
        self.may_ask(now, message).ok_or(NotGivenBack::TooMany)?;
        Ok(selecting(message, (here, xid), offered))
    }

    /// Another server has answered a client itself, in its own transaction.
    pub fn heard(&mut self, now: Instant, server: Ipv4Addr, (mac, xid): (Mac, u32)) {
        self.servers.heard(now, server);
        let open = self.open.values_mut();
        for open in open.filter(|open| open.request.xid == xid && open.request.mac() == Some(mac)) {
            if open.alive.len() < OFFERS && !open.alive.contains(&server) {
                open.alive.push(server);
            }
        }
        self.heard.push_back((mac, xid, server));
        let surplus = self.heard.len().saturating_sub(HEARD);
        self.heard.drain(..surplus);
    }

    /// Servers that have answered this message themselves already.
    fn heard_before(&self, request: &Message) -> Vec<Ipv4Addr> {
        let of = |(mac, xid, _): &&(Mac, u32, Ipv4Addr)| {
            (Some(*mac), *xid) == (request.mac(), request.xid)
        };
        let mut servers: Vec<Ipv4Addr> =
            self.heard.iter().filter(of).map(|heard| heard.2).collect();
        servers.dedup();
        servers.truncate(OFFERS);
        servers
    }

    /// A question that could not be sent is none.
    pub fn withdraw(&mut self, xid: u32) {
        self.open.remove(xid);
    }

    /// The time for an answer is over: what was kept with a question that nobody has answered. It stays open.
    pub fn overdue(&mut self, now: Instant, xid: u32) -> Option<Overdue<T>> {
        let open = self.open.get_mut(xid)?;
        let discovers = open.asks == Asks::Discover;
        open.overdue = discovers;
        let (carried, asked, stray) = (open.carried.clone(), open.to.clone(), open.stray);
        let was_asked = |server: &Ipv4Addr| Servers::may_answer(&asked, *server, *server);
        let (alive, unasked) = open.alive.iter().copied().partition::<Vec<_>, _>(was_asked);
        if discovers {
            self.servers.leave_open();
        }
        // Who has answered, and was not understood, is not deaf.
        let blamed = alive.iter().filter(|_| discovers && stray.is_none());
        let servers = &mut self.servers;
        let news = blamed.filter_map(|server| servers.unanswered(now, *server));
        Some(Overdue {
            carried,
            news: news.collect(),
            asked,
            alive,
            unasked,
            stray,
        })
    }

    /// The same of a DISCOVER where that is no evidence of any server: its machine is played, or nobody has waited.
    pub fn not_waited_for(&mut self, xid: u32) -> Option<T> {
        let open = self.open.get_mut(xid)?;
        let discovers = open.asks == Asks::Discover;
        open.overdue = discovers;
        discovers.then(|| open.carried.clone())
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
        let open = self.open.get(reply.xid).ok_or(Stray::Unasked)?;
        if now.saturating_duration_since(open.began) > OPEN {
            self.open.remove(reply.xid);
            return Err(Stray::Unasked);
        }
        let server = open.believes(from, reply);
        if let (Err(stray), Some(open)) = (&server, self.open.get_mut(reply.xid)) {
            open.stray = Some(*stray);
        }
        let server = server?;
        let open = self.open.remove(reply.xid).ok_or(Stray::Unasked)?;
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
            overdue,
            ..
        } = open;
        match asks {
            Asks::Request(_) | Asks::Renew(_) if nak => Came::Refused(carried),
            Asks::Renew(_) => Came::Renewed(carried),
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
                if overdue {
                    Came::Late(carried)
                } else {
                    Came::Lease(carried)
                }
            }
        }
    }

    /// Whether the servers can be asked one more question in this second. Half of them are for machines of our
    /// own link: others are who says that he is a relay.
    fn may_ask(&mut self, now: Instant, message: &Message) -> Option<()> {
        let this = self
            .second
            .filter(|(began, _)| now.saturating_duration_since(*began) < SECOND);
        let (began, [asked, relayed]) = this.unwrap_or((now, [0, 0]));
        let beyond = u32::from(!message.giaddr.is_unspecified());
        let counts = [asked.saturating_add(1), relayed.saturating_add(beyond)];
        let room = asked < PER_SECOND && (beyond == 0 || relayed < PER_SECOND / 2);
        if room {
            self.second = Some((began, counts));
        }
        room.then_some(())
    }

    fn ask(
        &mut self,
        now: Instant,
        asks: Asks,
        (request, here): (&Message, Ipv4Addr),
        forward: Forward,
        carried: T,
    ) -> Forward {
        let open = Transaction {
            asks,
            request: request.clone(),
            here,
            to: forward.to.clone(),
            began: now,
            alive: self.heard_before(request),
            overdue: false,
            stray: None,
            carried,
        };
        let is_over = |open: &Transaction<T>| now.saturating_duration_since(open.began) > OPEN;
        self.open.drop_oldest_while(is_over);
        self.open.insert(forward.xid(), open);
        forward
    }

    fn offered(&self, request: &Message, address: Ipv4Addr) -> Option<Offered> {
        let offers = self.offers.get(request.mac()?)?;
        offers
            .iter()
            .copied()
            .find(|offer| offer.address == address)
    }

    /// Keeps whose offer a client has, the last ones.
    fn keep(&mut self, request: &Message, offered: Offered) {
        let Some(mac) = request.mac() else { return };
        let mut offers = self.offers.remove(mac).unwrap_or_default();
        offers.retain(|known| known.address != offered.address);
        if offers.len() >= OFFERS {
            offers.remove(0);
        }
        offers.push(offered);
        self.offers.insert(mac, offers);
    }
}

/// What goes to the server that has offered an address.
fn selecting(message: &Message, (here, xid): (Ipv4Addr, u32), offered: Offered) -> Forward {
    Forward {
        message: forwarded(message, here, xid, Some(offered.server)),
        to: vec![offered.at],
    }
}
