//! Lease time: seconds that a changed wall clock does not move.
//!
//! ```text
//! same boot:    the last time on disk + what CLOCK_BOOTTIME has moved since (it counts suspension)
//! another boot: the wall clock, but never less than the last time on disk
//! ```
//!
//! The anchor, a pair of boot time and lease time, is written with every commit: so the time on
//! disk is never older than the newest record there. A wall clock that is behind after a reboot
//! makes leases last longer than their clients were told, which is harmless; one that is ahead ends
//! them early, which the probe before an OFFER has to catch.
//!
//! People are shown the wall clock: lease time and whole seconds, which stay the same from one look
//! to the next until the wall clock is set.
//!
//! Pure but for [`Readings::now`] and what a [`Clock`] is asked about now.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::lease::Time;
use crate::lease::model::FOREVER;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A moment by all the clocks of this host, in whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings {
    /// Which boot this is; empty where the kernel does not say.
    pub boot: String,
    /// Seconds since that boot (`CLOCK_BOOTTIME`).
    pub uptime: u64,
    /// Seconds since 1970, as the wall clock has it.
    pub wall: Time,
}

/// A moment in lease time, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The boot it was taken in.
    pub boot: String,
    /// Seconds since that boot.
    pub uptime: u64,
    /// Lease time then.
    pub time: Time,
}

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;
/// How far the wall clock may be off the second shown for it, in nanoseconds: the two clocks are
/// read one after the other, on a busy machine, and one second begins while the other still lasts.
const SLACK: i128 = SECOND / 4;

/// The clock of this boot.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Anchor,
    /// Whole seconds from lease time to the wall clock, as they were shown last.
    ahead: Arc<AtomicI64>,
}

impl Readings {
    /// What the clocks show. Both begin their seconds together here: else whoever reads them again
    /// would find them a second nearer or further apart.
    pub fn now() -> Self {
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let (uptime, wall) = (exact_uptime(), exact_wall());
        let apart = (wall - uptime).div_euclid(SECOND);
        let seconds = |exact: i128| u64::try_from(exact).unwrap_or_default();
        Self {
            boot: boot.trim().to_owned(),
            uptime: seconds(uptime / SECOND),
            wall: seconds(uptime / SECOND + apart),
        }
    }
}

/// Seconds since the boot, suspension included.
fn uptime() -> u64 {
    u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default()
}

/// Nanoseconds since the boot, suspension included.
fn exact_uptime() -> i128 {
    let now = clock_gettime(ClockId::Boottime);
    i128::from(now.tv_sec) * SECOND + i128::from(now.tv_nsec)
}

/// Nanoseconds since 1970 by the wall clock; one that is set to before says 1970.
fn exact_wall() -> i128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i128::try_from(now.unwrap_or_default().as_nanos()).unwrap_or_default()
}

impl Clock {
    /// Goes on from the last time on disk, where there is one.
    pub fn start(last: Option<&Anchor>, now: Readings) -> Self {
        let time = last.map_or(now.wall, |last| after(last, &now));
        Self {
            start: Anchor {
                boot: now.boot,
                uptime: now.uptime,
                time,
            },
            ahead: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }

    /// Lease time now.
    pub fn now(&self) -> Time {
        self.at(uptime())
    }

    /// Now, to be stored.
    pub fn anchor(&self) -> Anchor {
        let uptime = uptime();
        Anchor {
            boot: self.start.boot.clone(),
            uptime,
            time: self.at(uptime),
        }
    }

    /// Lease time at an uptime of this boot.
    pub fn at(&self, uptime: u64) -> Time {
        let passed = uptime.saturating_sub(self.start.uptime);
        self.start.time.saturating_add(passed)
    }

    /// A lease time by the wall clock as it goes now, for people, in whole seconds; `None`: for
    /// ever.
    pub fn shown(&self, time: Time) -> Option<SystemTime> {
        translate(time, self.ahead())
    }

    /// Whole seconds from lease time to the wall clock.
    fn ahead(&self) -> i64 {
        let passed = exact_uptime() - i128::from(self.start.uptime) * SECOND;
        let lease = i128::from(self.start.time) * SECOND + passed;
        let ahead = settled(self.ahead.load(Ordering::Relaxed), exact_wall() - lease);
        self.ahead.store(ahead, Ordering::Relaxed);
        ahead
    }
}

/// The whole seconds of `exact` nanoseconds; those that were shown last, as long as they are right
/// within [`SLACK`].
fn settled(last: i64, exact: i128) -> i64 {
    let second = i128::from(last) * SECOND;
    if (second - SLACK..second + SECOND + SLACK).contains(&exact) {
        return last;
    }
    i64::try_from(exact.div_euclid(SECOND)).unwrap_or_default()
}

/// Lease time at `now`, where `last` was the last time on disk.
fn after(last: &Anchor, now: &Readings) -> Time {
    let same_boot = !now.boot.is_empty() && now.boot == last.boot;
    // An uptime that ran backwards is another boot after all (a restored virtual machine).
    match now.uptime.checked_sub(last.uptime) {
        Some(passed) if same_boot => last.time.saturating_add(passed),
        _ => now.wall.max(last.time),
    }
}

/// The wall clock's word for a lease time, where it is so many seconds ahead of lease time.
fn translate(time: Time, ahead: i64) -> Option<SystemTime> {
    let seconds = time.checked_add_signed(ahead).filter(|_| time != FOREVER)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    const T: Time = 1_800_000_000;

    fn readings(boot: &str, uptime: u64, wall: Time) -> Readings {
        Readings {
            boot: boot.to_owned(),
            uptime,
            wall,
        }
    }

    fn anchor(boot: &str, uptime: u64, time: Time) -> Anchor {
        Anchor {
            boot: boot.to_owned(),
            uptime,
            time,
        }
    }

    /// Time at the start of a clock.
    fn started(last: Option<&Anchor>, now: Readings) -> Time {
        let uptime = now.uptime;
        Clock::start(last, now).at(uptime)
    }

    #[test]
    fn the_first_start_takes_the_wall_clock() {
        assert_eq!(started(None, readings("a", 50, T)), T);
    }

    #[test]
    fn a_clock_set_while_running_moves_nothing() {
        let clock = Clock::start(None, readings("a", 50, T));
        // Whatever the wall clock says now, it is not asked.
        assert_eq!(clock.at(50 + 600), T + 600);
    }

    #[test]
    fn a_clock_set_by_a_day_across_a_restart_within_a_boot_moves_nothing() {
        let last = anchor("a", 50, T);
        for wall in [T - DAY, T + 10, T + DAY] {
            assert_eq!(started(Some(&last), readings("a", 60, wall)), T + 10);
        }
    }

    #[test]
    fn after_a_reboot_the_wall_clock_counts_but_time_never_runs_back() {
        let last = anchor("a", 5000, T);
        for (wall, time) in [(T + 300, T + 300), (0, T), (T - DAY, T), (T + DAY, T + DAY)] {
            assert_eq!(started(Some(&last), readings("b", 20, wall)), time);
        }
    }

    #[test]
    fn an_uptime_that_ran_back_or_a_boot_without_a_name_is_another_boot() {
        let last = anchor("a", 5000, T);
        assert_eq!(started(Some(&last), readings("a", 20, T + 7)), T + 7);
        let nameless = anchor("", 50, T);
        assert_eq!(started(Some(&nameless), readings("", 60, T + 7)), T + 7);
    }

    #[test]
    fn many_restarts_do_not_drift() {
        let mut last = anchor("a", 0, T);
        for uptime in 1..1000 {
            let time = started(Some(&last), readings("a", uptime, 0));
            last = anchor("a", uptime, time);
        }
        assert_eq!(last.time, T + 999);
    }

    #[test]
    fn people_are_shown_the_wall_clock_as_it_goes_now() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(translate(T, 0), at(T));
        assert_eq!(translate(T, 3600), at(T + 3600));
        assert_eq!(translate(T, -3600), at(T - 3600));
        assert_eq!(translate(FOREVER, 0), None);
        assert_eq!(translate(FOREVER, -1), None);
        assert_eq!(translate(FOREVER - 1, 0), None, "beyond all clocks");
        assert_eq!(translate(5, -6), None, "before all clocks");
    }

    #[test]
    fn what_is_shown_stays_until_the_wall_clock_is_set() {
        let ms = |ms: i128| ms * SECOND / 1000;
        let first = settled(i64::MIN, ms(2_999));
        assert_eq!(first, 2, "no time is shown before it is there");
        for exact in [2_999, 3_001, 2_000, 1_999, 3_249] {
            assert_eq!(settled(first, ms(exact)), 2, "{exact} ms");
        }
        assert_eq!(settled(first, ms(3_250)), 3);
        assert_eq!(settled(first, ms(-86_400_500)), -86_401);
        assert_eq!(settled(i64::MIN, i128::MAX), 0, "no clock says so");
    }

    #[test]
    fn a_time_is_shown_the_same_again_and_again() {
        let clock = Clock::start(None, Readings::now());
        let first = clock.shown(T);
        // Longer than a second, in which both clocks begin a new one.
        let end = std::time::Instant::now() + Duration::from_millis(1100);
        while std::time::Instant::now() < end {
            assert_eq!(clock.shown(T), first);
            assert_eq!(clock.clone().shown(T), first);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn this_host_has_all_the_clocks() {
        let now = Readings::now();
        assert!(now.boot.len() > 30 && now.wall > 1_600_000_000, "{now:?}");
        let clock = Clock::start(None, now);
        assert!(clock.anchor().time >= clock.start.time);
    }
}
