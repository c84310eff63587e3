//! What others see of a room that is being played, and what they may do to it.

use std::sync::atomic::{AtomicU32, Ordering};

use super::player::{Player, State};

/// How many machines are where.
#[derive(Debug, Default)]
pub struct Progress {
    started: AtomicU32,
    loading: AtomicU32,
    done: AtomicU32,
    turns: AtomicU32,
}

/// From outside.
#[derive(Debug)]
pub enum Command {
    /// The plugs of these machines are pulled, of those that are not done.
    Cut(Vec<u16>),
}

/// Counted once in so many turns.
const EVERY: u32 = 32;

impl Progress {
    /// Counts the machines, now and then.
    pub fn tell(&self, players: &[Player]) {
        if !self
            .turns
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(EVERY)
        {
            return;
        }
        let count = |is: fn(&Player) -> bool| players.iter().filter(|p| is(p)).count() as u32;
        let [started, loading, done] = [
            count(|p| p.boots > 0),
            count(Player::loads),
            count(|p| p.state == State::Done),
        ];
        self.started.store(started, Ordering::Relaxed);
        self.loading.store(loading, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// Those that have been switched on.
    pub fn started(&self) -> u32 {
        self.started.load(Ordering::Relaxed)
    }

    /// Those that load initrd and kernel now.
    pub fn loading(&self) -> u32 {
        self.loading.load(Ordering::Relaxed)
    }

    /// Those that have all.
    pub fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }
}
