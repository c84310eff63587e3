//! What was forwarded for whom, and what may answer it.
//!
//! | what comes back | what becomes of it |
//! |---|---|
//! | the first OFFER to a DISCOVER | the client's, with boot data; which server it is from is kept |
//! | further ones of the same number | nothing: one server's offer an attempt |
//! | an ACK or NAK to the REQUEST for that | the client's |
//! | an ACK or NAK to a renewal | the client's, as it is |
//! | no OFFER in time (`patience`) | the client gets a proxy's OFFER; one that comes later is handed on all the same |
//! | one after the client has another, or takes a lease | nothing, but that its server answers relays |
//! | no answer to a REQUEST | nothing: the client asks again, or begins anew |
//!
//! A REQUEST for a lease that we know nothing of (bootjack was started anew, or the room has run out) is
//! retraced: a DISCOVER in the client's name finds the server that offers this address, and gets it the
//! REQUEST. Where the one server that was asked offers another address, the client is told to begin anew; of several
//! the right one may still answer. Likewise a renewal of a lease that we know nothing of is refused by nobody.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::came::{Came, Forward, NotGivenBack, Overdue};
use super::offers::{Asked, OFFERS, Offered, Offers};
use super::open::Open;
use super::pace::Pace;
use super::patience::{Alive, Due, Patience};
use super::question::Question;
use super::servers::{News, Servers};
use super::transaction::{Asks, Stray, Transaction};
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

/// So many offers of servers to clients themselves are kept for questions that come later.
const HEARD: usize = 64;
/// So long before the question that its answer is held against a server is heard at most; the same number again
/// is asked a second later at the earliest.
const AHEAD: Duration = Duration::from_millis(500);

/// Everything that is under way. `T` is what the caller keeps with each question.
#[derive(Debug)]
pub struct Relay<T> {
    open: Open<T>,
    offers: Offers,
    /// What servers have offered clients themselves, the last ones: a fast server is heard before the
    /// question that it is to be held against.
    heard: VecDeque<((Mac, u32), Alive)>,
    pace: Pace,
    patience: Patience,
    /// The servers.
    pub servers: Servers,
}

impl<T: Clone> Relay<T> {
    /// Room for so many questions, and for the offers of so many machines.
    pub fn new(capacity: usize, servers: Servers) -> Self {
        Self {
            open: Open::new(capacity),
            offers: Offers::new(capacity),
            heard: VecDeque::new(),
            pace: Pace::default(),
            patience: Patience::default(),
            servers,
        }
    }

    /// A client's DISCOVER. `None`, here and below: [`PER_SECOND`](super::PER_SECOND) were asked in this second.
    pub fn discover(&mut self, question: Question<'_>, carried: T) -> Option<Forward> {
        self.pace.takes(question.now, question.message)?;
        let forward = question.to(self.servers.to_ask(question.now));
        Some(self.ask(Asks::Discover, question, forward, carried))
    }

    /// A client's REQUEST for a lease that we have offered, or that it says we have.
    pub fn request(&mut self, question: Question<'_>, carried: T) -> Option<Forward> {
        self.pace.takes(question.now, question.message)?;
        let wanted = question.message.address(code::REQUESTED_ADDRESS);
        let wanted = wanted.unwrap_or(Ipv4Addr::UNSPECIFIED);
        if let Some(offered) = self.offers.of(question.message, wanted) {
            let asks = Asks::Request(offered.server);
            return Some(self.ask(asks, question, question.selecting(offered), carried));
        }
        let forward = question.retraced(self.servers.to_ask(question.now));
        Some(self.ask(Asks::Retrace(wanted), question, forward, carried))
    }

    /// A client's REQUEST to go on with a lease that it takes for ours.
    pub fn renew(&mut self, question: Question<'_>, carried: T) -> Option<Forward> {
        self.pace.takes(question.now, question.message)?;
        let offered = self.offers.of(question.message, question.message.ciaddr);
        let asks = Asks::Renew(offered.map(|offered| offered.server));
        let to = match offered {
            Some(offered) => offered.ways(),
            None => self.servers.to_ask(question.now),
        };
        Some(self.ask(asks, question, question.to(to), carried))
    }

    /// A client's RELEASE or DECLINE of a lease that it takes for ours, which nobody answers.
    ///
    /// # Errors
    /// Why it goes to no server.
    pub fn give_back(&mut self, question: Question<'_>) -> Result<Forward, NotGivenBack> {
        let message = question.message;
        let address = message.address(code::REQUESTED_ADDRESS);
        let address = address.unwrap_or(message.ciaddr);
        let offered = self.offers.of(message, address);
        let offered = offered.ok_or(NotGivenBack::Unknown(address))?;
        let room = self.pace.takes(question.now, message);
        room.ok_or(NotGivenBack::TooMany)?;
        Ok(question.selecting(offered))
    }

    /// Another server has answered a client itself, in its own transaction.
    pub fn heard(&mut self, now: Instant, server: Ipv4Addr, client: (Mac, u32)) {
        self.servers.heard(now, server);
        let alive = Alive { server, at: now };
        let patience = &mut self.patience;
        self.open.for_each_of(client, |open| {
            patience.heard(now, open);
            let known = open.alive.iter().any(|alive| alive.server == server);
            if open.alive.len() < OFFERS && !known {
                open.alive.push(alive);
            }
        });
        self.heard.push_back((client, alive));
        let surplus = self.heard.len().saturating_sub(HEARD);
        self.heard.drain(..surplus);
    }

    /// Servers that have answered this message themselves already.
    fn heard_before(&self, question: Question<'_>) -> Vec<Alive> {
        let request = question.message;
        let of = |((mac, xid), alive): &(_, Alive)| {
            let ahead = question.now.saturating_duration_since(alive.at) < AHEAD;
            ahead && (Some(*mac), *xid) == (request.mac(), request.xid)
        };
        let heard = self.heard.iter().filter(|heard| of(heard));
        let mut servers: Vec<Alive> = heard.map(|heard| heard.1).collect();
        servers.dedup_by_key(|alive| alive.server);
        servers.truncate(OFFERS);
        servers
    }

    /// A client takes a lease, or has what it asked for: what else was asked for its DISCOVER is of no use.
    pub fn settle(&mut self, of: &Message) {
        let Some(mac) = of.mac() else { return };
        self.open.for_each_of((mac, of.xid), |open| {
            let same = open.request.giaddr == of.giaddr;
            open.settled |= same && open.asks == Asks::Discover;
        });
    }

    /// A question that could not be sent is none.
    pub fn withdraw(&mut self, xid: u32) {
        self.open.remove(xid);
    }

    /// What is due of a question now; `None`: nothing, and nothing will be.
    pub fn due(&self, now: Instant, xid: u32) -> Option<Due> {
        let open = self.open.get(xid).filter(|open| !open.settled)?;
        Some(self.patience.due(now, open, &self.servers))
    }

    /// A DISCOVER again, as it was asked; `None`: as of [`Self::discover`].
    pub fn ask_again(&mut self, now: Instant, xid: u32) -> Option<(T, Forward)> {
        let open = self.open.get_mut(xid)?;
        open.times = open.times.saturating_add(1);
        self.pace.takes(now, &open.request)?;
        let question = Question {
            now,
            here: open.here,
            xid,
            message: &open.request,
        };
        Some((open.carried.clone(), question.to(open.to.clone())))
    }

    /// The time for an answer is over: what was kept with a question that nobody has answered. It stays open.
    pub fn overdue(&mut self, now: Instant, xid: u32) -> Option<Overdue<T>> {
        let open = self.open.get_mut(xid).filter(|open| !open.settled)?;
        let discovers = open.asks == Asks::Discover;
        open.overdue = discovers;
        let (alive, unasked) =
            (open.alive.iter()).partition::<Vec<Alive>, _>(|alive| open.has_asked(alive.server));
        // Who has answered, and was not understood, is not deaf.
        let was_understood = |alive: &Alive| open.stray.is_none_or(|(of, _)| of != alive.server);
        let blamed = alive.iter().filter(|alive| {
            discovers && was_understood(alive) && Patience::is_over(now, open, **alive)
        });
        let (servers, alone) = (&mut self.servers, Asked::of(&open.to) == Asked::Servers);
        let news = blamed.filter_map(|alive| servers.unanswered(now, alive.server, alone));
        let news = news.collect();
        if discovers {
            servers.leave_open();
        }
        let address = |alive: Alive| alive.server;
        Some(Overdue {
            carried: open.carried.clone(),
            news,
            asked: open.to.clone(),
            alive: alive.into_iter().map(address).collect(),
            unasked: unasked.into_iter().map(address).collect(),
            stray: open.stray,
        })
    }

    /// The same of a DISCOVER where that is no evidence of any server: its machine is played, or nobody has waited.
    pub fn not_waited_for(&mut self, xid: u32) -> Option<T> {
        let open = self.open.get_mut(xid).filter(|open| !open.settled)?;
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
        let open = (self.open.in_time(now, reply.xid)).ok_or(Stray::Unasked)?;
        let server = match open.believes(from, reply) {
            Ok(server) => server,
            Err(stray) => {
                open.keep_stray(from, reply, stray);
                return Err(stray);
            }
        };
        let open = self.open.remove(reply.xid).ok_or(Stray::Unasked)?;
        let asked = Asked::of(&open.to);
        let news = (self.servers).answered(now, server, asked == Asked::Servers);
        if open.settled {
            return Ok((Came::Unneeded, news));
        }
        let offered = Offered {
            address: reply.yiaddr,
            server,
            at: *from.ip(),
            asked,
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
                self.offers.keep(&request, offered);
                let question = Question {
                    now,
                    here,
                    xid,
                    message: &request,
                };
                let forward = question.selecting(offered);
                let asks = Asks::Request(offered.server);
                let forward = self.ask(asks, question, forward, carried.clone());
                Came::Found(carried, Box::new(forward))
            }
            Asks::Discover | Asks::Request(_) => {
                self.offers.keep(&request, offered);
                self.settle(&request);
                if overdue {
                    Came::Late(carried)
                } else {
                    Came::Lease(carried)
                }
            }
        }
    }

    fn ask(&mut self, asks: Asks, question: Question<'_>, forward: Forward, carried: T) -> Forward {
        let open = Transaction {
            asks,
            request: question.message.clone(),
            here: question.here,
            to: forward.to.clone(),
            began: question.now,
            times: 1,
            alive: self.heard_before(question),
            overdue: false,
            settled: false,
            stray: None,
            carried,
        };
        self.open.insert(question.now, forward.xid(), open);
        forward
    }
}
