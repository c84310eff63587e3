//! The LAN's DHCP servers: whom to ask for leases, and which of them answer no relay.
//!
//! The operator names them, or they are found by their answers: to machines, as far as those are broadcast,
//! and to what we forward. As long as none is known, or one has left a question open, everybody on the
//! link is asked, which servers and relays there hear as well.
//!
//! A server that has offered a client a lease itself, and left the same client's DISCOVER unanswered that we
//! forwarded, answers no relays (some home routers). After [`TIMES`] times in a row, with no answer
//! between them, that is remembered; one answer ends it.
//!
//! Anybody on the link can pretend to be a DHCP server, here as everywhere: who wants none but his own
//! names it. Bounded: [`MOST`] servers, the one unheard for longest leaves first.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Servers kept.
pub const MOST: usize = 8;
/// Servers asked at a time.
const ASKED: usize = 4;
/// So many times in a row a server leaves a relay unanswered until that is remembered of it.
pub const TIMES: u8 = 2;
/// A server unheard for so long is asked no more by its address.
const FRESH: Duration = Duration::from_secs(24 * 3600);

/// The servers.
#[derive(Debug, Default)]
pub struct Servers {
    named: Vec<Ipv4Addr>,
    heard: Vec<Server>,
    /// Whether the last question stayed open, whoever was asked.
    open: bool,
}

#[derive(Debug)]
struct Server {
    address: Ipv4Addr,
    last: Instant,
    /// Times in a row that it left a relay unanswered.
    unanswered: u8,
    /// Whether it was asked by its address alone in vain: there may be no way for us, and one for a relay.
    out_of_reach: bool,
}

impl Server {
    const fn is_deaf(&self) -> bool {
        self.unanswered >= TIMES
    }
}

/// What has become known of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It answers no relays.
    Deaf(Ipv4Addr),
    /// It does after all.
    Answers(Ipv4Addr),
}

impl Servers {
    /// Those that the operator names; none: they are found.
    pub const fn new(named: Vec<Ipv4Addr>) -> Self {
        Self {
            named,
            heard: Vec::new(),
            open: false,
        }
    }

    /// What was remembered of one.
    pub fn remember_deaf(&mut self, now: Instant, address: Ipv4Addr) {
        if let Some(server) = self.hear(now, address) {
            server.unanswered = TIMES;
        }
    }

    /// One has offered or leased an address.
    pub fn heard(&mut self, now: Instant, address: Ipv4Addr) {
        self.hear(now, address);
    }

    /// Whom to ask now: addresses, the broadcast address among them where everybody is asked. For machines
    /// behind relays nobody is asked but whom the operator names.
    pub fn to_ask(&self, now: Instant) -> Vec<Ipv4Addr> {
        if !self.named.is_empty() {
            return self.named.clone();
        }
        let fresh = |server: &&Server| now.saturating_duration_since(server.last) < FRESH;
        let known = self.heard.iter().rev().filter(fresh).take(ASKED);
        let mut all: Vec<Ipv4Addr> = known.map(|server| server.address).collect();
        let out_of_reach = self.heard.iter().any(|server| server.out_of_reach);
        if all.is_empty() || self.open || out_of_reach || self.all_deaf() {
            all.push(Ipv4Addr::BROADCAST);
        }
        all
    }

    /// Those that the operator names.
    pub fn named(&self) -> &[Ipv4Addr] {
        &self.named
    }

    /// Whether an answer from there may be one of those asked, whose own name (54) is `named`.
    pub fn may_answer(asked: &[Ipv4Addr], from: Ipv4Addr, named: Ipv4Addr) -> bool {
        let everybody = asked.contains(&Ipv4Addr::BROADCAST);
        everybody || asked.contains(&from) || asked.contains(&named)
    }

    /// Whether each of those that may be asked is known, and answers no relays, so that waiting for them is in
    /// vain.
    pub fn all_deaf(&self) -> bool {
        let is_deaf = |address: &Ipv4Addr| {
            let of = |server: &Server| server.address == *address && server.is_deaf();
            self.heard.iter().any(of)
        };
        if self.named.is_empty() {
            !self.heard.is_empty() && self.heard.iter().all(Server::is_deaf)
        } else {
            self.named.iter().all(is_deaf)
        }
    }

    /// Whether one was heard that may answer.
    pub fn knows_one(&self, now: Instant) -> bool {
        let may = |server: &Server| {
            let fresh = now.saturating_duration_since(server.last) < FRESH;
            fresh && !server.is_deaf() && self.counts(server.address)
        };
        self.heard.iter().any(may)
    }

    /// Those that answer no relays.
    pub fn deaf(&self) -> impl Iterator<Item = Ipv4Addr> {
        let deaf = self.heard.iter().filter(|server| server.is_deaf());
        deaf.map(|server| server.address)
    }

    /// Nobody has answered what was forwarded.
    pub const fn leave_open(&mut self) {
        self.open = true;
    }

    /// No way leads to one by its address; whether that is news.
    pub fn unreachable(&mut self, address: Ipv4Addr) -> bool {
        let of = |server: &&mut Server| server.address == address && !server.out_of_reach;
        let server = self.heard.iter_mut().find(of);
        server.map(|server| server.out_of_reach = true).is_some()
    }

    /// One has answered what was forwarded; `alone`: to it alone, by its address.
    pub fn answered(&mut self, now: Instant, address: Ipv4Addr, alone: bool) -> Option<News> {
        self.open = false;
        let server = self.hear(now, address)?;
        let was_deaf = server.is_deaf();
        server.unanswered = 0;
        server.out_of_reach &= !alone;
        was_deaf.then_some(News::Answers(address))
    }

    /// One has answered a client, and not what was forwarded for it; `alone`: to it alone, by its address.
    pub fn unanswered(&mut self, now: Instant, address: Ipv4Addr, alone: bool) -> Option<News> {
        let server = self.hear(now, address)?;
        let was_deaf = server.is_deaf();
        server.out_of_reach |= alone;
        server.unanswered = server.unanswered.saturating_add(1);
        (server.is_deaf() && !was_deaf).then_some(News::Deaf(address))
    }

    /// Whether a server is one of those that the operator means.
    fn counts(&self, address: Ipv4Addr) -> bool {
        self.named.is_empty() || self.named.contains(&address)
    }

    /// The entry of a server, seen now, where it can be one; the last is the one heard last.
    fn hear(&mut self, now: Instant, address: Ipv4Addr) -> Option<&mut Server> {
        let host = !(address.is_unspecified() || address.is_broadcast() || address.is_multicast());
        if !host || address.is_loopback() {
            return None;
        }
        let known = self
            .heard
            .iter()
            .position(|server| server.address == address);
        let server = known.map_or_else(
            || Server {
                address,
                last: now,
                unanswered: 0,
                out_of_reach: false,
            },
            |at| self.heard.remove(at),
        );
        if self.heard.len() >= MOST {
            self.heard.remove(0);
        }
        self.heard.push(Server {
            last: now,
            ..server
        });
        self.heard.last_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
    const ALL: Ipv4Addr = Ipv4Addr::BROADCAST;

    #[test]
    fn everybody_is_asked_until_a_server_is_known() {
        let (mut servers, now) = (Servers::default(), Instant::now());
        assert_eq!(servers.to_ask(now), [ALL]);
        servers.heard(now, ONE);
        servers.heard(now, TWO);
        assert_eq!(servers.to_ask(now), [TWO, ONE]);
        assert_eq!(servers.unanswered(now, ONE, false), None);
        servers.leave_open();
        assert_eq!(servers.to_ask(now), [ONE, TWO, ALL]);
        assert_eq!(servers.answered(now, ONE, false), None);
        assert_eq!(servers.to_ask(now), [ONE, TWO]);
        assert_eq!(servers.to_ask(now + FRESH), [ALL]);
    }

    #[test]
    fn whom_the_operator_names_is_asked_and_nobody_else() {
        let (mut servers, now) = (Servers::new(vec![ONE]), Instant::now());
        servers.heard(now, TWO);
        assert_eq!(servers.to_ask(now), [ONE]);
        servers.unanswered(now, TWO, false);
        servers.unanswered(now, TWO, false);
        assert!(
            !servers.all_deaf(),
            "nothing is known of the one that counts"
        );
        assert!(Servers::may_answer(&[ONE], ONE, ONE));
        assert!(Servers::may_answer(&[ONE], TWO, ONE), "another card of it");
        assert!(!Servers::may_answer(&[ONE], TWO, TWO));
        assert!(Servers::may_answer(&[ONE, ALL], TWO, TWO));
    }

    #[test]
    fn a_server_that_answers_no_relay_is_remembered_until_it_does() {
        let (mut servers, now) = (Servers::default(), Instant::now());
        assert_eq!(servers.unanswered(now, ONE, false), None);
        assert!(!servers.all_deaf());
        assert_eq!(servers.unanswered(now, ONE, false), Some(News::Deaf(ONE)));
        assert_eq!(servers.unanswered(now, ONE, false), None);
        assert!(servers.all_deaf());
        assert_eq!(
            servers.to_ask(now),
            [ONE, ALL],
            "another may be there by now"
        );
        assert_eq!(servers.deaf().collect::<Vec<_>>(), [ONE]);
        servers.heard(now, TWO);
        assert!(!servers.all_deaf(), "another one may answer");
        assert_eq!(servers.answered(now, ONE, false), Some(News::Answers(ONE)));
        assert_eq!(servers.deaf().count(), 0);
        servers.remember_deaf(now, ONE);
        assert_eq!(servers.deaf().collect::<Vec<_>>(), [ONE]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_host() {
        let (mut servers, now) = (Servers::default(), Instant::now());
        for n in 0..1000 {
            servers.heard(now, Ipv4Addr::from_bits(0x0a00_0001 + n));
        }
        assert_eq!(servers.heard.len(), MOST);
        assert_eq!(servers.to_ask(now).len(), ASKED);
        let mut servers = Servers::default();
        for nobody in [
            Ipv4Addr::UNSPECIFIED,
            ALL,
            Ipv4Addr::LOCALHOST,
            [224, 0, 0, 1].into(),
        ] {
            servers.heard(now, nobody);
        }
        assert_eq!(servers.to_ask(now), [ALL]);
    }
}
