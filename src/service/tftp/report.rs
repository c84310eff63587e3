//! What is reported of packets that get no transfer. A flood must not flood the log: past
//! [`PER_SECOND`] such events are only counted, and the count is reported with the next one.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::Shared;
use crate::event::What;

/// Events a second of packets that are malformed or refused.
const PER_SECOND: u32 = 20;

/// Reports within the bound.
pub(super) struct Report {
    shared: Arc<Shared>,
    second: Mutex<Second>,
}

/// The second under way.
struct Second {
    began: Instant,
    reported: u32,
    withheld: u64,
}

impl Report {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let second = Mutex::new(Second::starting(Instant::now()));
        Self { shared, second }
    }

    /// A packet that no protocol allows.
    pub(super) fn malformed(&self, peer: SocketAddrV4, reason: impl Into<String>) {
        self.emit(|| What::Malformed {
            service: "tftp",
            peer: peer.into(),
            reason: reason.into(),
        });
    }

    /// A request past a bound, or one that this server never grants.
    pub(super) fn refused(&self, peer: SocketAddrV4, limit: impl Into<String>) {
        self.emit(|| What::Refused {
            service: "tftp",
            peer: (*peer.ip()).into(),
            limit: limit.into(),
        });
    }

    /// Something of ours failed.
    pub(super) fn fault(&self, text: impl Into<String>) {
        self.emit(|| What::Fault { text: text.into() });
    }

    fn emit(&self, what: impl FnOnce() -> What) {
        let Some(withheld) = self.take(Instant::now()) else {
            return;
        };
        if withheld > 0 {
            let text = format!("{withheld} more refused or malformed TFTP packets were not logged");
            self.shared.emit(None, What::Notice { text });
        }
        self.shared.emit(None, what());
    }

    fn take(&self, now: Instant) -> Option<u64> {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        second.take(now)
    }
}

impl Second {
    const fn starting(now: Instant) -> Self {
        Self {
            began: now,
            reported: 0,
            withheld: 0,
        }
    }

    /// Whether one more may be reported, and how many were withheld before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if now.saturating_duration_since(self.began) >= Duration::from_secs(1) {
            let withheld = self.withheld;
            *self = Self::starting(now);
            self.reported = 1;
            return Some(withheld);
        }
        if self.reported < PER_SECOND {
            self.reported += 1;
            return Some(0);
        }
        self.withheld = self.withheld.saturating_add(1);
        None
    }
}

/// What a stranger wrote, fit for an event: one line, at most 160 characters.
pub(super) fn printable(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let visible = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(visible).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_is_one_short_line() {
        assert_eq!(printable(b"a\nb\x1b[31m\xff"), "a?b?[31m\u{fffd}");
        assert_eq!(printable(&[b'x'; 500]).len(), 160);
    }

    #[test]
    fn a_flood_is_counted_not_logged() {
        let now = Instant::now();
        let mut second = Second::starting(now);
        let reported = (0..1000).filter(|_| second.take(now).is_some()).count();
        assert_eq!(reported, 20);
        let later = now + Duration::from_secs(1);
        assert_eq!(second.take(later), Some(980));
        assert_eq!(second.take(later), Some(0));
    }
}
