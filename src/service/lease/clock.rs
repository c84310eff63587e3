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
//! Pure but for [`Readings::now`].

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

/// The clock of this boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    start: Anchor,
}

impl Readings {
    /// What the clocks show.
    pub fn now() -> Self {
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            boot: boot.trim().to_owned(),
            uptime: uptime(),
            wall: wall.unwrap_or_default().as_secs(),
        }
    }
}

/// Seconds since the boot, suspension included.
fn uptime() -> u64 {
    u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default()
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

    /// A lease time by the wall clock as it goes now, for people; `None`: for ever.
    pub fn shown(&self, time: Time) -> Option<SystemTime> {
        translate(time, self.now(), SystemTime::now())
    }
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

/// The wall clock's word for a lease time, given both for the same moment.
fn translate(time: Time, now: Time, wall: SystemTime) -> Option<SystemTime> {
    match time {
        FOREVER => None,
        later if later >= now => wall.checked_add(Duration::from_secs(later - now)),
        earlier => wall.checked_sub(Duration::from_secs(now - earlier)),
    }
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
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(9_000_000);
        let hour = Duration::from_secs(3600);
        assert_eq!(translate(T + 3600, T, wall), Some(wall + hour));
        assert_eq!(translate(T - 3600, T, wall), Some(wall - hour));
        assert_eq!(translate(FOREVER, T, wall), None);
        assert_eq!(translate(FOREVER - 1, 0, wall), None, "beyond all clocks");
    }

    #[test]
    fn this_host_has_all_the_clocks() {
        let now = Readings::now();
        assert!(now.boot.len() > 30 && now.wall > 1_600_000_000, "{now:?}");
        let clock = Clock::start(None, now);
        assert!(clock.anchor().time >= clock.start.time);
    }
}
