//! At most so many log lines a second about what others cause: a flood must not become a flood of
//! log. What is left out is counted and said.

use std::time::{Duration, Instant};

/// Lines a second about strangers' packets.
pub const STRANGERS: u32 = 50;
/// Lines a second about machines that boot. Anybody can make machines up; a room of real ones that
/// is switched on at once stays below.
pub const MACHINES: u32 = 500;
/// Lines a second about what of ours failed: a stranger may meet the same failure again and again.
pub const FAULTS: u32 = 20;

/// The gate.
#[derive(Debug)]
pub struct Throttle {
    per_second: u32,
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
    /// Lets this many lines a second pass.
    pub const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            since: None,
            passed: 0,
            held: 0,
        }
    }

    /// Asks for one line at `now`.
    pub fn ask(&mut self, now: Instant) -> Pass {
        let fresh = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1));
        if fresh {
            self.since = Some(now);
            self.passed = 0;
        }
        if self.passed >= self.per_second {
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
        let (mut throttle, start) = (Throttle::new(STRANGERS), Instant::now());
        let passed = (0..1000)
            .filter(|_| throttle.ask(start) == Pass::Yes)
            .count();
        assert_eq!(passed, STRANGERS as usize);
        assert_eq!(throttle.ask(start + Duration::from_millis(999)), Pass::No);
        assert_eq!(
            throttle.ask(start + Duration::from_secs(1)),
            Pass::YesAfter(951)
        );
        assert_eq!(throttle.ask(start + Duration::from_secs(1)), Pass::Yes);
    }
}
