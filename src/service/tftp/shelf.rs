//! Datagrams as they leave, ready for everybody who fetches the same file by blocks of the same size: a
//! room that is switched on asks for one loader and one kernel. Header and data lie in one piece, so
//! what is ready is sent without reading and without copying.
//!
//! A [`Stamp`] tells the states of a file apart, so a file that is replaced or changed has datagrams of its
//! own; one that was changed just now has none, for its next change might not show. Only what a second
//! transfer asks for is kept: a file for one machine goes past, and is read as before.
//!
//! Bounded: all that is kept takes [`ROOM`], what is being sent included. Where there is no room that
//! nobody uses, a transfer reads for itself. When no transfer is left, nothing is kept.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::files::Stamp;

/// Bytes of all datagrams that are kept.
pub(super) const ROOM: usize = 32 << 20;

/// Bytes of datagrams that are kept as one, at most but for single ones.
const PART: usize = 128 << 10;

/// So many parts that were asked for once are remembered.
const ASKED: usize = 4096;

/// Part of a file as datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The file in one state.
    pub(super) file: Stamp,
    /// Bytes of data a block.
    pub(super) blksize: u16,
    /// Which part, from 0.
    pub(super) part: u64,
}

/// The datagrams that are kept.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    parts: HashMap<Key, Entry>,
    /// Of the parts, and of places given for more.
    bytes: usize,
    /// Counts what is asked for.
    clock: u64,
    /// What was asked for once, and is not here.
    asked: HashSet<Key>,
    transfers: usize,
}

#[derive(Debug)]
struct Entry {
    datagrams: Arc<Vec<u8>>,
    used: u64,
}

/// What the shelf has for one who asks.
pub(super) enum Answer {
    /// The datagrams.
    Here(Arc<Vec<u8>>),
    /// Room to prepare them in, for all.
    Room(Place),
    /// Neither.
    Nothing,
}

/// Room for one part. Dropping it gives it back.
pub(super) struct Place {
    shelf: Arc<Shelf>,
    key: Key,
    len: usize,
    /// The room, of this many bytes.
    pub(super) bytes: Vec<u8>,
}

/// One transfer's door to the shelf.
pub(super) struct Reader(Arc<Shelf>);

/// Blocks of a part, where each is a datagram of so many bytes: whole windows, where they are short.
pub(super) fn blocks(datagram: usize) -> u64 {
    let blocks = (PART / datagram.max(1)).clamp(1, 512);
    let whole = if blocks > 64 {
        blocks - blocks % 64
    } else {
        blocks
    };
    whole as u64
}

impl Shelf {
    /// For one transfer more.
    pub(super) fn reader(self: &Arc<Self>) -> Reader {
        self.lock().transfers += 1;
        Reader(Arc::clone(self))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// A part that is `len` bytes of datagrams.
    pub(super) fn ask(&self, key: Key, len: usize) -> Answer {
        let mut kept = self.0.lock();
        if let Some(datagrams) = kept.find(&key) {
            return Answer::Here(datagrams);
        }
        if !kept.was_asked(key) {
            return Answer::Nothing;
        }
        let Some(mut bytes) = kept.room(len) else {
            return Answer::Nothing;
        };
        drop(kept);
        bytes.resize(len, 0);
        let shelf = Arc::clone(&self.0);
        Answer::Room(Place {
            shelf,
            key,
            len,
            bytes,
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut kept = self.0.lock();
        kept.transfers = kept.transfers.saturating_sub(1);
        if kept.transfers == 0 {
            let parts = mem::take(&mut kept.parts);
            kept.asked = HashSet::new();
            kept.bytes = 0; // places are given to transfers alone
            drop(kept);
            drop(parts); // it takes its time
        }
    }
}

impl Place {
    /// Puts the datagrams there for all.
    pub(super) fn keep(mut self) -> Arc<Vec<u8>> {
        let datagrams = Arc::new(mem::take(&mut self.bytes));
        let mut kept = self.shelf.lock();
        if let Some(same) = kept.find(&self.key) {
            return same; // another transfer was faster
        }
        let (used, ours) = (kept.clock, Arc::clone(&datagrams));
        kept.parts.insert(
            self.key,
            Entry {
                datagrams: ours,
                used,
            },
        );
        drop(kept);
        self.len = 0; // it stays taken
        datagrams
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.len > 0 {
            let mut kept = self.shelf.lock();
            kept.bytes = kept.bytes.saturating_sub(self.len);
        }
    }
}

impl Kept {
    fn find(&mut self, key: &Key) -> Option<Arc<Vec<u8>>> {
        self.clock += 1;
        let entry = self.parts.get_mut(key)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.datagrams))
    }

    /// Whether it was asked for before, and not prepared since.
    fn was_asked(&mut self, key: Key) -> bool {
        if self.asked.remove(&key) {
            return true;
        }
        if self.asked.len() >= ASKED {
            self.asked.clear();
        }
        self.asked.insert(key);
        false
    }

    /// Takes room of so many bytes, where there is some or somebody's that he does not use.
    fn room(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut old = Vec::new();
        while self.bytes.saturating_add(len) > ROOM {
            old = self.forget_oldest()?;
        }
        self.bytes += len;
        Some(old)
    }

    fn forget_oldest(&mut self) -> Option<Vec<u8>> {
        let unused = self
            .parts
            .iter()
            .filter(|(_, entry)| Arc::strong_count(&entry.datagrams) == 1);
        let (&key, _) = unused.min_by_key(|(_, entry)| entry.used)?;
        let entry = self.parts.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(entry.datagrams.len());
        Arc::try_unwrap(entry.datagrams).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = PART;

    fn key(part: u64) -> Key {
        let file = Stamp {
            changed: (1, 2),
            size: 3,
            inode: 4,
            device: 1,
        };
        Key {
            file,
            blksize: 1468,
            part,
        }
    }

    /// Asks for it twice and prepares it: whether there was room.
    fn prepared(reader: &Reader, part: u64) -> Option<Arc<Vec<u8>>> {
        assert!(matches!(reader.ask(key(part), LEN), Answer::Nothing));
        match reader.ask(key(part), LEN) {
            Answer::Room(mut place) => {
                assert_eq!(place.bytes.len(), LEN);
                place.bytes.fill(part as u8);
                Some(place.keep())
            }
            _ => None,
        }
    }

    fn here(reader: &Reader, part: u64) -> bool {
        matches!(reader.ask(key(part), LEN), Answer::Here(bytes) if *bytes == vec![part as u8; LEN])
    }

    #[test]
    fn what_a_second_one_asks_for_is_there_for_the_third() {
        let shelf = Arc::new(Shelf::default());
        let [one, other] = [shelf.reader(), shelf.reader()];
        prepared(&one, 7).unwrap();
        assert!(here(&other, 7) && here(&one, 7));
        drop(one);
        assert!(here(&other, 7));
        drop(other);
        assert!(!here(&shelf.reader(), 7), "nobody was left");
        assert_eq!(shelf.lock().bytes, 0);
    }

    #[test]
    fn a_place_that_was_not_used_is_given_back() {
        let shelf = Arc::new(Shelf::default());
        let reader = shelf.reader();
        for _ in 0..2 * ROOM / LEN {
            assert!(matches!(reader.ask(key(1), LEN), Answer::Nothing));
            assert!(matches!(reader.ask(key(1), LEN), Answer::Room(_)));
        }
        assert_eq!(shelf.lock().bytes, 0);
    }

    #[test]
    fn what_two_prepare_at_once_is_there_once() {
        let shelf = Arc::new(Shelf::default());
        let reader = shelf.reader();
        let place = || {
            assert!(matches!(reader.ask(key(1), LEN), Answer::Nothing));
            match reader.ask(key(1), LEN) {
                Answer::Room(place) => place,
                _ => panic!("no room"),
            }
        };
        let places = [place(), place()].map(Place::keep);
        assert!(Arc::ptr_eq(&places[0], &places[1]));
        assert_eq!(shelf.lock().bytes, LEN);
    }

    #[test]
    fn all_of_it_takes_the_room_that_there_is_and_who_was_asked_for_last_stays() {
        let shelf = Arc::new(Shelf::default());
        let (reader, most) = (shelf.reader(), (ROOM / LEN) as u64);
        let mut sending: Vec<_> = (0..most).filter_map(|n| prepared(&reader, n)).collect();
        assert_eq!(sending.len() as u64, most);
        assert!(prepared(&reader, most).is_none(), "all are being sent");
        sending.clear();
        assert!(here(&reader, 0), "asked for again");
        prepared(&reader, most + 1).unwrap();
        assert!(here(&reader, 0) && here(&reader, most + 1));
        assert!(!here(&reader, 1), "it made room");
        assert_eq!(shelf.lock().bytes, ROOM);
    }

    #[test]
    fn a_part_is_whole_windows_and_has_a_bound() {
        for blksize in [8, 512, 1428, 1468, 2048, 9000, 65464] {
            let datagram = blksize + 4;
            let blocks = blocks(datagram);
            assert!(blocks as usize * datagram <= PART, "{blksize}");
            assert!(
                blocks < 64 || blocks.is_multiple_of(64),
                "{blksize}: {blocks}"
            );
        }
    }
}
