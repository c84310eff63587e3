//! Which events become lines of the log: those of a level that is asked for, and of what others can
//! cause no more than so many a second (see [`super::throttle`]).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::throttle::{Complaint, Complaints, FAULTS, MACHINES, Pass, STRANGERS, Throttle};
use crate::event::{Event, What};
use crate::yaml::counted;

/// The way to the log.
#[derive(Debug)]
pub struct Journal {
    complaints: Mutex<Complaints>,
    strangers: Mutex<Throttle>,
    machines: Mutex<Throttle>,
    faults: Mutex<Throttle>,
}

impl Default for Journal {
    fn default() -> Self {
        let throttle = |per_second| Mutex::new(Throttle::new(per_second));
        Self {
            complaints: Mutex::default(),
            strangers: throttle(STRANGERS),
            machines: throttle(MACHINES),
            faults: throttle(FAULTS),
        }
    }
}

impl Journal {
    /// One line, where its level is asked for (else it would take the place of one that is) and
    /// the throttle lets it pass.
    pub fn log(&self, event: &Event) {
        if event.what.level() > LevelFilter::current() {
            return;
        }
        if let Some(complaint) = complaint(&event.what) {
            if locked(&self.complaints).ask(complaint, Instant::now()) {
                event.log();
            }
            return;
        }
        match self.throttle(event) {
            Some(throttle) => throttled(throttle, Instant::now(), || event.log()),
            None => event.log(),
        }
    }

    /// The same for one of no machine, at level info and no complaint, that is made only where it
    /// becomes a line.
    pub fn log_of_stranger(&self, now: Instant, make: impl FnOnce() -> Event) {
        if Level::INFO <= LevelFilter::current() {
            throttled(("strangers", &self.strangers), now, || make().log());
        }
    }

    /// Says how many complaints were not logged, where it is time to; at the end, of all.
    pub fn sum_up(&self, at_the_end: bool) {
        let all = locked(&self.complaints).left_out(Instant::now(), at_the_end);
        for left_out in all {
            tracing::warn!("{left_out}");
        }
    }

    fn throttle(&self, event: &Event) -> Option<(&'static str, &Mutex<Throttle>)> {
        match (&event.what, event.client) {
            (What::Fault { .. }, _) => Some(("ours", &self.faults)),
            (_, Some(_)) => Some(("machines", &self.machines)),
            (what, None) => what
                .is_strangers()
                .then_some(("strangers", &self.strangers)),
        }
    }
}

fn throttled((whose, throttle): (&str, &Mutex<Throttle>), now: Instant, log: impl FnOnce()) {
    let pass = locked(throttle).ask(now);
    if pass != Pass::No {
        log();
    }
    if let Pass::YesAfter(held) = pass {
        let more = counted(held, "more event");
        tracing::warn!("not logged: {more} of {whose}");
    }
}

/// The kind of complaint that an event is: what others can cause as often as they like, and an
/// operator should know of.
fn complaint(what: &What) -> Option<Complaint> {
    let malformed = matches!(what, What::Malformed { .. });
    let complains = malformed || what.level() == Level::WARN;
    (complains && what.is_strangers()).then(|| (what.name(), what.reason()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
