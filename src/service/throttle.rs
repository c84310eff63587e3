//! At most so many log lines a second about strangers' packets: a flood must not become a flood of
//! log. What is left out is counted and said.

use std::time::{Duration, Instant};

/// Lines a second.
const PER_SECOND: u32 = 50;

/// The gate.
#[derive(Debug, Default)]
pub struct Throttle {
    since: Option<Instant>,
    passed: u32,
    held: u64,
}

/// What to do with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Log it.
    Yes,
    /// Log it, and that so many before it were left out.
    YesAfter(u64),
    /// Leave it out.
    No,
}

impl Throttle {
    /// Asks for one line at `now`.
    pub fn ask(&mut self, now: Instant) -> Pass {
        let fresh = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1));
        if fresh {
            self.since = Some(now);
            self.passed = 0;
        }
        if self.passed >= PER_SECOND {
            self.held += 1;
            return Pass::No;
        }
        self.passed += 1;
        match std::mem::take(&mut self.held) {
            0 => Pass::Yes,
            held => Pass::YesAfter(held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_its_size_told_afterwards() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let passed = (0..1000)
            .filter(|_| throttle.ask(start) == Pass::Yes)
            .count();
        assert_eq!(passed, PER_SECOND as usize);
        assert_eq!(throttle.ask(start + Duration::from_millis(999)), Pass::No);
        assert_eq!(
            throttle.ask(start + Duration::from_secs(1)),
            Pass::YesAfter(951)
        );
        assert_eq!(throttle.ask(start + Duration::from_secs(1)), Pass::Yes);
    }
}
