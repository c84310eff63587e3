//! At most so many log lines a second about what others cause: a flood must not become a flood of
//! log. What is left out is counted and said.
//!
//! * [`Complaints`]: of each kind of complaint a handful a second, and every ten seconds one line
//!   that says how many more there were
//! * [`Throttle`]: everything else, by whose it is

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Lines a second about strangers' packets.
pub const STRANGERS: u32 = 50;
/// Lines a second about machines that boot. Anybody can make machines up; a room of real ones that
/// is switched on at once stays below.
pub const MACHINES: u32 = 500;
/// Lines a second about what of ours failed: a stranger may meet the same failure again and again.
pub const FAULTS: u32 = 20;

/// Lines a second about one kind of complaint.
pub const COMPLAINTS: u32 = 5;
/// How often it is said what was left out of a kind.
const SUMMARY: Duration = Duration::from_secs(10);

/// A kind of complaint: the event's name, and its reason where it has several. Words of ours, so
/// there are no more kinds than the code has.
pub type Complaint = (&'static str, &'static str);

/// The gates of all kinds of complaints.
#[derive(Debug, Default)]
pub struct Complaints(BTreeMap<Complaint, Kind>);

#[derive(Debug)]
struct Kind {
    second: Instant,
    passed: u32,
    /// Left out, and since when.
    held: Option<(u64, Instant)>,
}

/// What was left out of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// The kind.
    pub complaint: Complaint,
    /// How many.
    pub count: u64,
    /// In which time.
    pub within: Duration,
}

impl Complaints {
    /// Whether one of this kind is to be logged; else it is counted.
    pub fn ask(&mut self, complaint: Complaint, now: Instant) -> bool {
        let kind = self.0.entry(complaint).or_insert(Kind {
            second: now,
            passed: 0,
            held: None,
        });
        if now.saturating_duration_since(kind.second) >= Duration::from_secs(1) {
            (kind.second, kind.passed) = (now, 0);
        }
        if kind.passed < COMPLAINTS {
            kind.passed += 1;
            return true;
        }
        kind.held.get_or_insert((0, now)).0 += 1;
        false
    }

    /// What was left out, of the kinds where it is time to say so; at the end, of all.
    pub fn left_out(&mut self, now: Instant, at_the_end: bool) -> Vec<LeftOut> {
        let mut all = Vec::new();
        for (complaint, kind) in &mut self.0 {
            let due = |(_, since): &mut (u64, Instant)| {
                at_the_end || now.saturating_duration_since(*since) >= SUMMARY
            };
            if let Some((count, since)) = kind.held.take_if(due) {
                all.push(LeftOut {
                    complaint: *complaint,
                    count,
                    within: now.saturating_duration_since(since),
                });
            }
        }
        all
    }
}

impl fmt::Display for LeftOut {
    /// `… and 4,812 more like it in the last 10 s (ignored, exhausted)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.within.as_secs().max(1);
        let (name, reason) = self.complaint;
        let count = grouped(self.count);
        write!(
            f,
            "… and {count} more like it in the last {seconds} s ({name}"
        )?;
        match reason {
            "" => f.write_str(")"),
            reason => write!(f, ", {reason})"),
        }
    }
}

/// `4,812`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

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
    fn of_each_kind_a_handful_passes_and_the_rest_is_told_in_one_line() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        let exhausted = ("ignored", "exhausted");
        let at = |seconds| start + Duration::from_secs(seconds);
        let passed = (0..5000).filter(|_| complaints.ask(exhausted, start));
        assert_eq!(passed.count(), COMPLAINTS as usize);
        assert!(complaints.ask(("conflict", ""), start), "another kind");
        assert!(complaints.ask(exhausted, at(1)), "another second");
        assert_eq!(complaints.left_out(at(9), false), []);
        let told = complaints.left_out(at(10), false);
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["… and 4,995 more like it in the last 10 s (ignored, exhausted)"]
        );
        assert_eq!(complaints.left_out(at(100), true), []);
        let passed = (0..6).filter(|_| complaints.ask(("conflict", ""), at(100)));
        assert_eq!(passed.count(), 5);
        let told = complaints.left_out(at(100), true)[0].to_string();
        assert_eq!(told, "… and 1 more like it in the last 1 s (conflict)");
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

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
