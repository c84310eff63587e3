//! What was learnt of firmware and is kept over restarts: nothing, where it follows the first shape
//! of its ladder, as nearly all does.
//!
//! Anybody can make machines up, and disks wear out. Bounded: so many rows, and so many new ones in a
//! time; rows that only say what was seen leave before those with a shape, which take a file fetched,
//! and among these what was learnt or confirmed first.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::{DAY, Firmware, Now};
use crate::client::Shape;
use crate::client::quirk::Behaviour;
use crate::wire::Mac;

/// New rows at once: a few rooms of machines that are all odd.
pub const NEW_ROWS: u32 = 250;
/// Room for one more new row comes so often.
pub const ROW_EVERY: Duration = Duration::from_secs(10);

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
    by_rank: BTreeSet<Rank>,
    new_rows: NewRows,
}

/// Which row leaves first: whether it has a shape, when that was learnt, whose it is.
type Rank = (bool, u64, Firmware);

/// What is to be kept of each from now on; `None`: nothing any more.
pub type Rows = Vec<(Firmware, Option<Learnt>)>;

/// How many new rows were taken of late.
#[derive(Debug, Default)]
struct NewRows {
    taken: u32,
    since: Option<Instant>,
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

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
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
    /// is confirmed, once a day. `None`: it would be a new row, and there is no room for one now.
    pub(super) fn keep(&mut self, now: Now, firmware: Firmware, learnt: Learnt) -> Option<Rows> {
        let before = self.rows.get(&firmware);
        let stale = before.is_some_and(|row| now.wall.saturating_sub(row.at) > DAY);
        if !stale && before.map_or_else(|| learnt.is_nothing(), |row| *row == learnt) {
            return Some(Vec::new());
        }
        if learnt.is_nothing() {
            self.remove(firmware);
            return Some(vec![(firmware, None)]);
        }
        let learnt = Learnt {
            at: now.wall,
            ..learnt
        };
        let is_new = before.is_none();
        if is_new && !(self.has_room_for(firmware, &learnt) && self.new_rows.take(now.at)) {
            return None;
        }
        let gone = self.put(firmware, learnt.clone());
        let gone = gone.map(|firmware| (firmware, None));
        let kept = std::iter::once((firmware, Some(learnt)));
        Some(kept.chain(gone).collect())
    }

    /// Whether a row leaves before it, where one has to.
    fn has_room_for(&self, firmware: Firmware, learnt: &Learnt) -> bool {
        let first = self.by_rank.first();
        self.rows.len() < self.capacity || first.is_some_and(|row| *row < rank(firmware, learnt))
    }

    /// Forgets one machine, or all; whose rows those were.
    pub(super) fn forget(&mut self, mac: Option<Mac>) -> Vec<Firmware> {
        let gone: Vec<Firmware> = match mac {
            Some(mac) => Firmware::all_of(mac).collect(),
            None => self.rows.keys().copied().collect(),
        };
        let known = |firmware: &Firmware| self.rows.contains_key(firmware);
        let gone: Vec<Firmware> = gone.into_iter().filter(known).collect();
        for firmware in &gone {
            self.remove(*firmware);
        }
        gone
    }

    /// Who had to leave for it.
    fn put(&mut self, firmware: Firmware, learnt: Learnt) -> Option<Firmware> {
        self.remove(firmware);
        let full = self.rows.len() >= self.capacity;
        let oldest = self.by_rank.first().filter(|_| full).map(|row| row.2);
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
        self.by_rank.insert(rank(firmware, &learnt));
        self.rows.insert(firmware, learnt);
        oldest
    }

    fn remove(&mut self, firmware: Firmware) {
        if let Some(row) = self.rows.remove(&firmware) {
            self.by_rank.remove(&rank(firmware, &row));
        }
    }
}

const fn rank(firmware: Firmware, learnt: &Learnt) -> Rank {
    (learnt.shape.is_some(), learnt.at, firmware)
}

impl NewRows {
    fn take(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let free = now.saturating_duration_since(since).as_secs() / ROW_EVERY.as_secs();
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_sub(free);
        if free > 0 {
            self.since = since.checked_add(ROW_EVERY.saturating_mul(free));
        }
        let room = self.taken < NEW_ROWS;
        self.taken += u32::from(room);
        room
    }
}
