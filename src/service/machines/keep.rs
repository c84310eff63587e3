//! From what was learnt to the disk, and to events: rows that wait are written together, and what is
//! told of them comes when they are. What could not be written is told all the same, as what lasts
//! until bootjack ends.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::store::{Change, Changes};
use super::{Machines, locked};
use crate::client::progress::{Firmware, Learnt, Step};
use crate::event::What;
use crate::service::Shared;
use crate::wire::Mac;

/// So long what is to be written is gathered.
const GATHER: Duration = Duration::from_secs(1);
/// How long a store that cannot be written rests.
const REST: Duration = Duration::from_secs(60);

/// What waits for the disk.
#[derive(Default)]
pub(super) struct Pending {
    /// Whose rows are to be removed before, all of them: also those that this version cannot read.
    forgotten: Vec<Option<Mac>>,
    pub(super) rows: HashMap<Firmware, Option<Learnt>>,
    pub(super) told: Vec<(Mac, What)>,
}

/// What became of it.
struct Flushed {
    told: Vec<(Mac, What)>,
    /// `Ok`: what the operator has to know of the store; else why it cannot be written.
    outcome: Result<Option<String>, String>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.forgotten.is_empty()
    }

    fn forget(&mut self, mac: Option<Mac>) {
        if mac.is_none() {
            self.forgotten.clear();
        }
        if !self.forgotten.contains(&None) && !self.forgotten.contains(&mac) {
            self.forgotten.push(mac);
        }
    }

    /// What could not be written waits on, unless there is something newer.
    fn again(&mut self, forgotten: Vec<Option<Mac>>, rows: Vec<(Firmware, Option<Learnt>)>) {
        for mac in forgotten {
            self.forget(mac);
        }
        for (firmware, learnt) in rows {
            self.rows.entry(firmware).or_insert(learnt);
        }
    }
}

impl Machines {
    /// Writes what waits for the disk.
    fn flush(&self) -> Flushed {
        let mut store = locked(&self.store);
        let pending = std::mem::take(&mut *locked(&self.pending));
        let empty = pending.is_empty();
        let Pending {
            forgotten,
            rows,
            told,
        } = pending;
        let Some(store) = store.as_mut().filter(|_| !empty) else {
            let outcome = Ok(None);
            return Flushed { told, outcome };
        };
        // A row that waits has always the newest there is: it is made under the progress's lock.
        let mut rows: Vec<(Firmware, Option<Learnt>)> = rows.into_iter().collect();
        if store.is_new() {
            let all = self.progress().all();
            let known = all.known().into_iter();
            let learnt = known.filter_map(|known| Some((known.firmware, Some(known.learnt?))));
            rows.extend(learnt);
        }
        let gone = forgotten.iter().map(|mac| Change::Forget(*mac));
        let kept = rows.iter().map(|(of, row)| Change::of(*of, row.as_ref()));
        let changes: Changes = gone.chain(kept).collect();
        let outcome = store.write(&changes);
        if outcome.is_ok() {
            return Flushed { told, outcome };
        }
        locked(&self.pending).again(forgotten, rows);
        let told = told.into_iter().map(|(mac, what)| (mac, unwritten(what)));
        Flushed {
            told: told.collect(),
            outcome,
        }
    }
}

impl Shared {
    /// Forgets what was learnt of a machine, or of all; how many rows.
    ///
    /// # Errors
    /// It is forgotten, but not on the disk: why.
    pub fn forget(&self, mac: Option<Mac>) -> Result<usize, String> {
        let gone = {
            let mut progress = self.machines.progress();
            let gone = progress.forget(mac);
            let mut pending = locked(&self.machines.pending);
            if self.machines.kept.load(Ordering::Relaxed) {
                pending.forget(mac);
                pending.rows.extend(gone.clone());
            }
            gone.len()
        };
        let Flushed { told, outcome } = self.machines.flush();
        self.tell(told, outcome.as_ref().ok().cloned().flatten());
        outcome.map(|_| gone)
    }

    /// Writes what was learnt, until the task is dropped.
    ///
    /// # Errors
    /// Never; the type is that of the other services.
    pub async fn keep_machines(self: Arc<Self>) -> io::Result<()> {
        loop {
            let shared = self.clone();
            let wrote = tokio::task::spawn_blocking(move || shared.write_machines());
            let failing = wrote.await.is_ok_and(|written| !written);
            let pause = if failing { REST } else { GATHER };
            tokio::time::sleep(pause).await;
            if !failing {
                self.machines.wake.notified().await;
            }
        }
    }

    /// Writes what was learnt and not yet written; whether that went well. That it does not, and
    /// that it does again, is told once.
    pub fn write_machines(&self) -> bool {
        let Flushed { told, outcome } = self.machines.flush();
        let failing = &self.machines.failing;
        let failed = failing.swap(outcome.is_err(), Ordering::Relaxed);
        match (failed, &outcome) {
            (false, Err(why)) => self.emit(
                None,
                What::Warning {
                    text: format!(
                        "cannot write what was learnt of machines: {why}; it is kept in memory, and written when that is possible"
                    ),
                },
            ),
            (true, Ok(_)) => self.emit(
                None,
                What::Notice {
                    text: "what was learnt of machines is written again".to_owned(),
                },
            ),
            _ => {}
        }
        let written = outcome.is_ok();
        self.tell(told, outcome.ok().flatten());
        written
    }

    fn tell(&self, told: Vec<(Mac, What)>, warning: Option<String>) {
        if let Some(text) = warning {
            self.emit(None, What::Warning { text });
        }
        for (mac, what) in told {
            self.emit(Some(mac), what);
        }
    }
}

/// As an event.
pub(super) fn told(step: Step) -> What {
    match step {
        Step::Next {
            left,
            failures,
            at_4011,
            next,
        } => What::Escalated {
            strategy: left.name(),
            failures,
            at_4011,
            next: next.name(),
        },
        Step::NothingLeft {
            left,
            failures,
            at_4011,
            leased,
        } => What::NothingLeft {
            strategy: left.name(),
            failures,
            at_4011,
            leased,
        },
        Step::Follows { shape, remembered } => What::Follows {
            strategy: shape.name(),
            remembered,
            unwritten: false,
        },
        Step::Seen(behaviour) => What::Observed {
            behaviour: behaviour.name(),
            unwritten: false,
        },
        Step::Disproved(behaviour) => What::Disproved {
            behaviour: behaviour.name(),
        },
        Step::ShimRefused => What::ShimRefused,
        Step::Looped { cut, rounds } => What::LoopCut {
            cut: cut.name(),
            rounds,
        },
    }
}

/// What is remembered is not on the disk.
pub(super) fn unwritten(mut what: What) -> What {
    if let What::Follows { unwritten, .. } | What::Observed { unwritten, .. } = &mut what {
        *unwritten = true;
    }
    what
}
