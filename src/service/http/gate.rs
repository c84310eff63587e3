//! Bounds on connections: so many in all, so many from one address. What is past a bound is told
//! so and closed; those inside are not disturbed.
//!
//! A flood of connections is one event a second, which says how many it stands for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts the open connections.
#[derive(Debug)]
pub struct Gate {
    in_all: usize,
    from_one: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    reported: Option<Instant>,
    unreported: usize,
}

/// One connection's place; leaves with it.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

/// No place: which bound, and how many refusals before this one were not reported. `report` is
/// false where this one is not to be either.
#[derive(Debug, PartialEq, Eq)]
pub struct Full {
    /// The bound, in words.
    pub limit: String,
    /// Whether this refusal is to become an event.
    pub report: bool,
}

const REPORT_EVERY: Duration = Duration::from_secs(1);

impl Gate {
    /// Room for `in_all` connections, `from_one` of them from one address.
    pub fn new(in_all: usize, from_one: usize) -> Arc<Self> {
        let inside = Mutex::default();
        Arc::new(Self {
            in_all,
            from_one,
            inside,
        })
    }

    /// A place for one more connection from `address`.
    ///
    /// # Errors
    /// Which bound is reached.
    pub fn enter(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Pass, Full> {
        let mut inside = self.lock();
        let from_here = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.total >= self.in_all {
            return Err(inside.refuse(format!("{} connections in all", self.in_all), now));
        }
        if from_here >= self.from_one {
            return Err(inside.refuse(
                format!("{} connections from one address", self.from_one),
                now,
            ));
        }
        inside.total += 1;
        inside.by_address.insert(address, from_here + 1);
        Ok(Pass {
            gate: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn refuse(&mut self, limit: String, now: Instant) -> Full {
        let quiet = self
            .reported
            .is_some_and(|at| now.duration_since(at) < REPORT_EVERY);
        if quiet {
            self.unreported += 1;
            return Full {
                limit,
                report: false,
            };
        }
        self.reported = Some(now);
        let limit = match std::mem::take(&mut self.unreported) {
            0 => limit,
            more => format!("{limit} ({more} more were refused since the last report)"),
        };
        Full {
            limit,
            report: true,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        inside.total = inside.total.saturating_sub(1);
        if let Some(count) = inside.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        [10, 0, 0, n].into()
    }

    #[test]
    fn both_bounds_hold_and_a_place_comes_back() {
        let (gate, now) = (Gate::new(3, 2), Instant::now());
        let first = gate.enter(address(1), now).unwrap();
        let _second = gate.enter(address(1), now).unwrap();
        let third = gate.enter(address(1), now).unwrap_err();
        assert_eq!(third.limit, "2 connections from one address");
        let _other = gate.enter(address(2), now).unwrap();
        let fourth = gate.enter(address(3), now).unwrap_err();
        assert_eq!(fourth.limit, "3 connections in all");
        drop(first);
        assert!(gate.enter(address(3), now).is_ok());
        assert_eq!(gate.lock().by_address.len(), 2);
    }

    #[test]
    fn a_flood_is_one_report_a_second() {
        let (gate, now) = (Gate::new(0, 1), Instant::now());
        let reports: Vec<bool> = (0..5)
            .map(|_| gate.enter(address(1), now).unwrap_err().report)
            .collect();
        assert_eq!(reports, [true, false, false, false, false]);
        let later = gate.enter(address(1), now + REPORT_EVERY).unwrap_err();
        assert!(later.report && later.limit.contains("4 more"), "{later:?}");
    }
}
