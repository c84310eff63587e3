//! What was learnt of firmware and is kept over restarts: nothing, where it follows the first shape
//! of its ladder, as nearly all does. Bounded: what was learnt or confirmed first leaves first.

use std::collections::{BTreeSet, HashMap};

use super::{DAY, Firmware};
use crate::client::Shape;
use crate::client::quirk::Behaviour;
use crate::wire::Mac;

/// What was learnt of one firmware.
#[derive(Debug, Clone, Default)]
pub struct Learnt {
    /// The shape that it follows, where that is not the first of its ladder.
    pub shape: Option<Shape>,
    /// What it was seen to do.
    pub seen: Vec<Behaviour>,
    /// When that was, in seconds of the wall clock since 1970.
    pub at: u64,
}

/// When it was learnt is no part of what was learnt.
impl PartialEq for Learnt {
    fn eq(&self, other: &Self) -> bool {
        (self.shape, &self.seen) == (other.shape, &other.seen)
    }
}

impl Eq for Learnt {}

impl Learnt {
    fn is_nothing(&self) -> bool {
        self.shape.is_none() && self.seen.is_empty()
    }

    pub(super) fn see(&mut self, behaviour: Behaviour) {
        if !self.seen.contains(&behaviour) {
            self.seen.push(behaviour);
        }
    }
}

/// What was learnt of all.
#[derive(Debug, Default)]
pub struct Memory {
    capacity: usize,
    rows: HashMap<Firmware, Learnt>,
    by_age: BTreeSet<(u64, Firmware)>,
}

impl Memory {
    /// Room for so many, filled with what was kept.
    pub fn new(capacity: usize, kept: impl IntoIterator<Item = (Firmware, Learnt)>) -> Self {
        let mut memory = Self {
            capacity,
            ..Self::default()
        };
        for (firmware, learnt) in kept {
            memory.put(firmware, learnt);
        }
        memory
    }

    /// Of one.
    pub fn of(&self, firmware: Firmware) -> Option<&Learnt> {
        self.rows.get(&firmware)
    }

    /// All.
    pub fn iter(&self) -> impl Iterator<Item = (&Firmware, &Learnt)> {
        self.rows.iter()
    }

    /// Keeps what is known of one now; gives what that changes in what is kept. What stays the same
    /// is confirmed, once a day.
    pub(super) fn keep(
        &mut self,
        wall: u64,
        firmware: Firmware,
        learnt: Learnt,
    ) -> Vec<(Firmware, Option<Learnt>)> {
        let before = self.rows.get(&firmware);
        let stale = before.is_some_and(|row| wall.saturating_sub(row.at) > DAY);
        if !stale && before.map_or_else(|| learnt.is_nothing(), |row| *row == learnt) {
            return Vec::new();
        }
        if learnt.is_nothing() {
            self.remove(firmware);
            return vec![(firmware, None)];
        }
        let learnt = Learnt { at: wall, ..learnt };
        let gone = self.put(firmware, learnt.clone());
        let gone = gone.map(|firmware| (firmware, None));
        std::iter::once((firmware, Some(learnt)))
            .chain(gone)
            .collect()
    }

    /// Forgets one machine, or all; whose rows those were.
    pub(super) fn forget(&mut self, mac: Option<Mac>) -> Vec<Firmware> {
        let meant = |firmware: &&Firmware| mac.is_none_or(|mac| firmware.mac == mac);
        let gone: Vec<Firmware> = self.rows.keys().filter(meant).copied().collect();
        for firmware in &gone {
            self.remove(*firmware);
        }
        gone
    }

    /// Who had to leave for it.
    fn put(&mut self, firmware: Firmware, learnt: Learnt) -> Option<Firmware> {
        self.remove(firmware);
        let full = self.rows.len() >= self.capacity;
        let oldest = self.by_age.first().filter(|_| full).map(|(_, of)| *of);
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
        self.by_age.insert((learnt.at, firmware));
        self.rows.insert(firmware, learnt);
        oldest
    }

    fn remove(&mut self, firmware: Firmware) {
        if let Some(row) = self.rows.remove(&firmware) {
            self.by_age.remove(&(row.at, firmware));
        }
    }
}
