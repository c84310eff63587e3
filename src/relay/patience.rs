//! How long a machine waits for its lease, and which servers have had their time.
//!
//! A proxy's OFFER is of use beside a lease alone, and what it starts (shim, GRUB) may need lease and loader in
//! one. So a machine waits for as long as its DHCP server is busy: dnsmasq pings each new address for three
//! seconds and hears nobody meanwhile, so that of a room that is switched on the last machine has its address
//! after twenty (six pings at most in thirty seconds, dnsmasq's `do_icmp_ping`), and what we ask stands behind all
//! that. Where the server has answered the machine itself at once, and not us, it has had its time.
//!
//! | the machine's own DISCOVER was answered | it waits for |
//! |---|---|
//! | within [`PROMPT`], and nobody's was later of late | [`first`] |
//! | by servers that were not asked alone | [`first`] |
//! | later, or not yet by a server that is known | [`LONGEST`] |
//! | not yet, and no server is known | [`first`] |
//!
//! Meanwhile it is asked for again ([`again`]), as a client does: ISC dhcpd pings a new address for a second, and
//! drops what comes for it meanwhile by another way.
//!
//! Who does not ask for a broadcast is answered unheard, as is who stands behind a relay. The former waits for less:
//! iPXE asks for none, goes on without us three seconds after its DISCOVER (it waits two for proxies, and its timer
//! runs out after one and two more; `dhcp_discovery_expired`), and follows proxies.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::servers::Servers;
use super::transaction::{Asks, Transaction};

/// dnsmasq pings a new address for three seconds before it offers it, and EDK2 collects OFFERs for four; it
/// prefers one with a lease that comes later still (`PxeBcDhcp4.c`).
pub const WAIT: Duration = Duration::from_millis(3300);
/// The same of who is answered unheard.
const UNHEARD: Duration = Duration::from_millis(2500);
/// The longest wait, and time to spare in the window of EDK2's third DISCOVER: 12 to 28 s.
pub const LONGEST: Duration = Duration::from_secs(24);
/// A question is asked again after this, and once more after as long.
const AGAIN: Duration = Duration::from_millis(1200);
/// And from then on in this time.
const LATER: Duration = Duration::from_secs(4);
/// Between two looks whether a client goes on waiting.
const LOOK: Duration = Duration::from_millis(500);
/// A server that answers no sooner is busy.
const PROMPT: Duration = Duration::from_secs(1);
/// So long after a late answer it may be busy still: two pings.
const BUSY: Duration = Duration::from_secs(7);
/// The least time that a server has for a relay's question, once it has answered the machine.
const LEAST: Duration = Duration::from_secs(2);

/// When what was asked so many times is asked again.
fn again(times: u8) -> Duration {
    match times {
        0..=2 => AGAIN.saturating_mul(times.into()),
        more => LATER.saturating_mul(u32::from(more) - 2) + 2 * AGAIN,
    }
}

/// What is due of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing before that.
    In(Duration),
    /// To ask again.
    Again,
    /// To tell its client that nothing has come.
    Over,
}

/// A server that has answered a client itself, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alive {
    pub server: Ipv4Addr,
    pub at: Instant,
}

/// Whether servers are busy.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// When one was last heard to answer a machine late.
    late: Option<Instant>,
}

impl Patience {
    /// A server has answered a client of which something is asked.
    pub fn heard<T>(&mut self, now: Instant, open: &Transaction<T>) {
        if now.saturating_duration_since(open.began) >= PROMPT {
            self.late = Some(now);
        }
    }

    /// What is due of a question.
    pub fn due<T>(&self, now: Instant, open: &Transaction<T>, servers: &Servers) -> Due {
        let waited = now.saturating_duration_since(open.began);
        let (first, discovers) = (first(open), open.asks == Asks::Discover);
        if waited >= first && !self.goes_on(now, open, servers) {
            return Due::Over;
        }
        let again = again(open.times);
        if discovers && waited >= again {
            return Due::Again;
        }
        let next = if waited < first {
            first
        } else {
            LONGEST.min(waited + LOOK)
        };
        let next = if discovers { next.min(again) } else { next };
        Due::In(next.saturating_sub(waited))
    }

    /// Whether a client that has waited for the first time goes on waiting.
    fn goes_on<T>(&self, now: Instant, open: &Transaction<T>, servers: &Servers) -> bool {
        let waited = now.saturating_duration_since(open.began);
        // What a server says to it itself is heard.
        let heard = open.request.wants_broadcast() && open.request.giaddr.is_unspecified();
        if open.asks != Asks::Discover || !heard || waited >= LONGEST {
            return false;
        }
        let asked = open
            .alive
            .iter()
            .filter(|alive| open.has_asked(alive.server));
        match asked.map(|alive| alive.at).min() {
            Some(at) if at.saturating_duration_since(open.began) < PROMPT => self.is_busy(now),
            Some(_) => true,
            None => open.alive.is_empty() && servers.knows_one(now),
        }
    }

    fn is_busy(&self, now: Instant) -> bool {
        let late = self.late;
        late.is_some_and(|late| now.saturating_duration_since(late) < BUSY)
    }

    /// Whether a server has had as long for us as for the machine, and more than a moment.
    pub fn is_over<T>(now: Instant, open: &Transaction<T>, alive: Alive) -> bool {
        let of_machine = alive.at.saturating_duration_since(open.began);
        let since = now.saturating_duration_since(alive.at);
        since >= of_machine.max(LEAST)
    }
}

/// How long the first wait of a client is.
fn first<T>(open: &Transaction<T>) -> Duration {
    let heard = open.asks != Asks::Discover || open.request.wants_broadcast();
    if heard { WAIT } else { UNHEARD }
}
