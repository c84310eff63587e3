//! One attempt of firmware to boot, and what it proves when the next DISCOVER comes.
//!
//! | seen before that DISCOVER | it proves |
//! |---|---|
//! | a file was asked for, served or not, or another program asked | nothing against the shape |
//! | an answer of ours that could not be sent, or not at its time | nothing: that is our doing |
//! | a REQUEST for a lease, or one at 4011, and [`SETTLE`] or more without a file | strong: it has its lease, and did not follow |
//! | a REQUEST, and a DISCOVER sooner than that | nothing: the DHCP server said NAK, and it begins anew |
//! | a REQUEST, and the same again | nothing: its lease was not acknowledged |
//! | DISCOVERs alone, less long than its firmware goes on | nothing: it was switched off, or somebody pressed a key |
//! | DISCOVERs up to its last time-out, and no REQUEST | weak: it was offered a lease and us, and took neither |
//!
//! All of that only where its DHCP server was heard to offer it a lease ([`Overheard`]), and nobody
//! but us to tell it what to boot. A server that is silent, to all or to this machine, is no fault of
//! a shape; who may have booted from elsewhere has not failed with us. What is not heard (behind a
//! relay; sent to the machine alone, where it did not ask for a broadcast) proves nothing.
//!
//! The last row is firmware that ignores every proxy (quirk 14): DISCOVERs at 0, 4, 12 and 28 s and
//! no REQUEST, beside a DHCP server that answers (bootimus#77). Repetitions of a DISCOVER are one
//! attempt: those within the time that this firmware is known to go on, and those of one
//! transaction up to twice as long.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::FETCH_WITHIN;
use super::overheard::{Hearing, Overheard};
use crate::client::{Ladder, Shape};

/// What firmware takes at most from the REQUEST for its lease to port 4011 or a file; a client that
/// was told NAK is faster.
pub const SETTLE: Duration = Duration::from_secs(5);
/// DISCOVERs come so much earlier or later than they should.
const SLACK: Duration = Duration::from_secs(2);
/// A REQUEST that comes again sooner was only heard twice, by a relay.
const TWICE: Duration = Duration::from_secs(1);

/// How long firmware goes on with DISCOVERs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// From the first one to giving up.
    pub whole: Duration,
    /// From the last one to giving up.
    pub last: Duration,
}

impl Windows {
    /// Of these waits; of none, those of PXE 2.1: 4, 8, 16, 32 s.
    pub fn of(waits: &[Duration]) -> Self {
        let usual = [4, 8, 16, 32].map(Duration::from_secs);
        let waits = if waits.is_empty() { &usual } else { waits };
        let whole = waits
            .iter()
            .fold(Duration::ZERO, |a, b| a.saturating_add(*b));
        Self {
            whole,
            last: waits.last().copied().unwrap_or_default(),
        }
    }

    /// When a client that goes on to the end sends its last DISCOVER.
    fn to_the_last(self) -> Duration {
        self.whole.saturating_sub(self.last).saturating_sub(SLACK)
    }
}

/// What firmware was offered, and what else it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// The shape of the OFFER.
    pub shape: Shape,
    /// The shapes that may be tried, in order.
    pub ladder: Ladder,
    /// How long such firmware goes on.
    pub windows: Windows,
    /// Whether the OFFER told it not to ask port 4011.
    pub bypass: bool,
}

/// What an attempt proves against the shape it was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The attempt goes on.
    GoesOn,
    /// It is over and proves nothing.
    Nothing,
    /// It was offered a lease, and asked for none.
    Weak,
    /// It asked for its lease, and fetched nothing.
    Strong,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// It only asked for offers.
    Discovers,
    /// It asked for its lease, or port 4011.
    Asked { at: Instant, again: bool },
    /// It asked for a file, since then, or it is another program by now.
    Far { at: Instant, judged: bool },
}

/// Whether port 4011 was asked in an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At4011 {
    Never,
    Asked,
    /// By a BIOS that was told not to.
    AllTheSame,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) offered: Offered,
    xid: u32,
    /// The transaction of its last message.
    latest: u32,
    began: Instant,
    /// The last DISCOVER.
    last: Instant,
    came: Came,
    /// The address that it asked for a lease of.
    address: Option<Ipv4Addr>,
    /// Whether it has asked port 4011, from that address.
    pub(super) at_4011: At4011,
    /// When it was first offered a lease.
    leased: Option<Instant>,
    /// Whether another server has told it what to boot.
    elsewhere: bool,
    /// Whether an answer of ours could not be sent, or not at its time.
    unsent: bool,
}

impl Attempt {
    /// A first DISCOVER, and what it was offered.
    pub(super) const fn new(now: Instant, xid: u32, offered: Offered) -> Self {
        Self {
            offered,
            xid,
            latest: xid,
            began: now,
            last: now,
            came: Came::Discovers,
            address: None,
            at_4011: At4011::Never,
            leased: None,
            elsewhere: false,
            unsent: false,
        }
    }

    /// Another DISCOVER of it, and what that was offered.
    pub(super) fn again(&mut self, now: Instant, xid: u32, offered: Offered) {
        self.last = now;
        self.latest = xid;
        self.offered = offered;
    }

    /// Another server answers; whether that is for this attempt.
    pub(super) fn hears(&mut self, at: Instant, heard: Overheard) -> bool {
        if ![self.xid, self.latest].contains(&heard.xid) {
            return false;
        }
        if heard.lease {
            self.leased.get_or_insert(at);
        }
        self.elsewhere |= heard.boots;
        true
    }

    /// Whether it asked for its lease, or port 4011, and came no further.
    pub(super) const fn has_asked(&self) -> bool {
        matches!(self.came, Came::Asked { .. })
    }

    /// A further DISCOVER: what is proven by now.
    pub(super) fn discovered(&self, now: Instant, xid: u32, hearing: &Hearing) -> Proof {
        let known = self.leased.is_some() && hearing.is_whole_since(self.began);
        match self.says(now, xid) {
            Proof::Weak | Proof::Strong if self.elsewhere || self.unsent || !known => {
                Proof::Nothing
            }
            proof => proof,
        }
    }

    fn says(&self, now: Instant, xid: u32) -> Proof {
        match self.came {
            Came::Asked { at, again: false } => {
                let settled = now.saturating_duration_since(at) >= SETTLE;
                if settled {
                    Proof::Strong
                } else {
                    Proof::Nothing
                }
            }
            Came::Far { .. } | Came::Asked { .. } => Proof::Nothing,
            Came::Discovers => self.waited(now, xid),
        }
    }

    fn waited(&self, now: Instant, xid: u32) -> Proof {
        let Windows { whole, .. } = self.offered.windows;
        let within = |at: Instant| at.saturating_duration_since(self.began) <= whole;
        let leased = self.leased.is_some_and(within);
        let times = if xid == self.xid { 2 } else { 1 };
        let lasting = now.saturating_duration_since(self.began);
        let asked_for = self.last.saturating_duration_since(self.began);
        let to_the_last = asked_for >= self.offered.windows.to_the_last();
        match (lasting < whole.saturating_mul(times), to_the_last, leased) {
            (true, ..) => Proof::GoesOn,
            (_, true, true) => Proof::Weak,
            _ => Proof::Nothing,
        }
    }

    /// It asks for its lease, of this address.
    pub(super) fn requested(&mut self, now: Instant, xid: u32, address: Option<Ipv4Addr>) {
        (self.latest, self.address) = (xid, address);
        self.came = match self.came {
            far @ Came::Far { .. } => far,
            Came::Discovers => Came::Asked {
                at: now,
                again: false,
            },
            Came::Asked { at, again } => Came::Asked {
                at: now,
                again: again || now.saturating_duration_since(at) >= TWICE,
            },
        };
    }

    /// Port 4011 is asked from an address: by this machine, where that is the one it asked for a
    /// lease of. Whether it is the first time that a `bios` does so that was told not to.
    pub(super) fn asked_4011(&mut self, now: Instant, from: Ipv4Addr, bios: bool) -> bool {
        let has_it = matches!(self.came, Came::Asked { .. }) && self.address == Some(from);
        if !has_it || !self.is_recent(now) {
            return false;
        }
        self.came = Came::Asked {
            at: now,
            again: false,
        };
        let asked = if bios && self.offered.bypass {
            At4011::AllTheSame
        } else {
            At4011::Asked
        };
        let before = self.at_4011;
        self.at_4011 = before.max(asked);
        before != self.at_4011 && self.at_4011 == At4011::AllTheSame
    }

    /// It asks for a file, whether that is served or not; whether it is its first.
    pub(super) fn asks_for_a_file(&mut self, now: Instant) -> bool {
        let first = !matches!(self.came, Came::Far { .. }) && self.is_recent(now);
        if first {
            self.came = Came::Far {
                at: now,
                judged: false,
            };
        }
        first
    }

    /// What it asked for is there, or not; whether nothing else of it was before.
    pub(super) fn is_answered(&mut self, now: Instant) -> bool {
        self.asks_for_a_file(now);
        let recent = self.is_recent(now);
        match &mut self.came {
            Came::Far { judged, .. } if recent => !std::mem::replace(judged, true),
            _ => false,
        }
    }

    /// An answer to it could not be sent, or not at its time.
    pub(super) const fn is_unanswered(&mut self) {
        self.unsent = true;
    }

    /// Its machine is another program by now.
    pub(super) const fn booted(&mut self) {
        self.came = Came::Far {
            at: self.last,
            judged: true,
        };
    }

    /// Whether what its machine does now can still be this attempt.
    fn is_recent(&self, now: Instant) -> bool {
        let since = match self.came {
            Came::Asked { at, .. } | Came::Far { at, .. } => at,
            Came::Discovers => self.last,
        };
        now.saturating_duration_since(since) < FETCH_WITHIN
    }
}
