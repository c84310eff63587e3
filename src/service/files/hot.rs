//! Small files that are asked for again and again, in memory: menus' pictures, preseeds, small
//! loaders, the configuration files of a room that is switched on.
//!
//! A file that was looked at is believed for [`BELIEVED`]; then it is opened again, and its bytes are
//! kept where it is the same file in the same state ([`Stamp`]). So a file that is replaced or removed
//! is served for that long after at most. A file that was changed just now is not kept: the clock that its
//! change time is taken from stands still for some milliseconds, in which it may change again.
//!
//! Bounded: all files together take [`ROOM`], those that are still being sent included. What finds
//! no room is served from its file. What the page cache does not have is not brought in: only what
//! is asked for a second time is worth it.

use std::collections::HashMap;
use std::fs::File;
use std::io::IoSliceMut;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::{Body, Data, Stamp};
use crate::service::sys::file::{Cached, read_cached};
use crate::tree::FilePath;

/// The largest file that is kept, in bytes.
pub const SMALL: u64 = 64 * 1024;

/// Bytes of all files that are kept.
pub const ROOM: usize = 8 << 20;

/// How long a file is served without looking at it.
pub const BELIEVED: Duration = Duration::from_millis(100);

/// How long ago a file has to have been changed.
const SETTLED: Duration = Duration::from_secs(2);

/// The files.
#[derive(Debug, Default)]
pub struct Hot(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<FilePath, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    body: Body,
    looked: Instant,
}

impl Hot {
    /// The file as it was when it was last looked at, if that is not long ago.
    pub fn believed(&self, file: &FilePath) -> Option<Body> {
        self.believed_at(Instant::now(), file)
    }

    /// The same, at a time that is looked at already.
    pub fn believed_at(&self, now: Instant, file: &FilePath) -> Option<Body> {
        let kept = self.lock();
        let entry = kept.files.get(file)?;
        (now.saturating_duration_since(entry.looked) < BELIEVED).then(|| entry.body.clone())
    }

    /// Believed for an hour.
    #[cfg(test)]
    pub(crate) fn put(&self, file: &FilePath, body: &Body) {
        let mut kept = self.lock();
        assert!(kept.insert(file, body));
        if let Some(entry) = kept.files.get_mut(file) {
            entry.looked += Duration::from_secs(3600);
        }
    }

    /// A file just opened: from memory where it is small, and there is room for it.
    pub fn keep(&self, wanted: &FilePath, body: Body) -> Body {
        match &body.data {
            Data::File(file) if body.len <= SMALL => self.known(wanted, &body).or_else(|| {
                let body = in_memory(file, &body)?;
                self.lock().insert(wanted, &body).then_some(body)
            }),
            _ => None,
        }
        .unwrap_or(body)
    }

    /// The bytes that are kept of a file in this state; it was looked at now.
    fn known(&self, wanted: &FilePath, body: &Body) -> Option<Body> {
        let mut kept = self.lock();
        let entry = kept.files.get_mut(wanted)?;
        if entry.body.stamp != body.stamp {
            return None;
        }
        entry.looked = Instant::now();
        Some(entry.body.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether there was room.
    fn insert(&mut self, file: &FilePath, body: &Body) -> bool {
        let len = body.len as usize;
        self.remove(file);
        if self.bytes.saturating_add(len) > ROOM {
            self.forget_unasked();
        }
        let room = !self.files.contains_key(file) && self.bytes.saturating_add(len) <= ROOM;
        if room {
            self.bytes = self.bytes.saturating_add(len);
            let (body, looked) = (body.clone(), Instant::now());
            self.files.insert(file.clone(), Entry { body, looked });
        }
        room
    }

    fn remove(&mut self, file: &FilePath) {
        let Some(entry) = self.files.remove(file) else {
            return;
        };
        if entry.is_being_sent() {
            self.files.insert(file.clone(), entry);
        } else {
            self.bytes = self.bytes.saturating_sub(entry.body.len as usize);
        }
    }

    /// Makes room: what was not asked for since it ceased to be believed, and is not being sent.
    fn forget_unasked(&mut self) {
        self.files
            .retain(|_, entry| entry.looked.elapsed() < BELIEVED || entry.is_being_sent());
        let left = self.files.values().map(|entry| entry.body.len as usize);
        self.bytes = left.sum();
    }
}

impl Entry {
    fn is_being_sent(&self) -> bool {
        matches!(&self.body.data, Data::Memory(bytes) if !bytes.is_unique())
    }
}

/// Whether a file in this state was changed so long ago that a change since would show.
pub fn is_settled(stamp: &Stamp) -> bool {
    let (seconds, _) = stamp.changed;
    let changed = u64::try_from(seconds).map(Duration::from_secs);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    matches!((changed, now), (Ok(changed), Ok(now)) if now >= changed.saturating_add(SETTLED))
}

/// The same in memory, where it is settled and all in the page cache.
fn in_memory(file: &File, body: &Body) -> Option<Body> {
    if !is_settled(&body.stamp?) {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(body.len).ok()?];
    if !bytes.is_empty() {
        let read = read_cached(file, &mut [IoSliceMut::new(&mut bytes)], 0).ok()?;
        (read == Cached::Whole).then_some(())?;
    }
    if Some(Stamp::of(&file.metadata().ok()?)) != body.stamp {
        return None; // it was changed while it was read
    }
    Some(Body {
        data: Data::Memory(Bytes::from(bytes)),
        ..body.clone()
    })
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::sync::Arc;

    use super::*;
    use crate::tree::{CleanPath, Root};

    fn named(name: &str) -> FilePath {
        FilePath {
            root: Root::Images,
            path: CleanPath::new(name.as_bytes()).unwrap(),
        }
    }

    /// As a file was when it was opened: of so many bytes, changed so many seconds ago.
    fn opened(len: usize, ago: i64) -> Body {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &vec![7; len]).unwrap();
        file.set_times(FileTimes::new()).unwrap();
        let stamp = Stamp::of(&file.metadata().unwrap());
        let changed = (stamp.changed.0 - ago, stamp.changed.1);
        Body {
            data: Data::File(Arc::new(file)),
            len: len as u64,
            modified: None,
            stamp: Some(Stamp { changed, ..stamp }),
            media: "",
        }
    }

    /// As it would be kept.
    fn kept(len: usize) -> Body {
        Body {
            data: Data::Memory(Bytes::from(vec![7; len])),
            ..opened(len, 10)
        }
    }

    #[test]
    fn what_was_changed_just_now_is_not_kept() {
        let hot = Hot::default();
        let body = hot.keep(&named("a"), opened(10, 0));
        assert!(matches!(body.data, Data::File(_)));
        assert!(hot.believed(&named("a")).is_none());
    }

    #[test]
    fn what_was_changed_while_it_was_read_is_not_kept() {
        let body = opened(10, 10);
        let Data::File(file) = &body.data else {
            panic!("a file");
        };
        assert!(in_memory(file, &body).is_none());
    }

    #[test]
    fn a_file_is_believed_and_then_known_by_its_state_alone() {
        let (hot, name) = (Hot::default(), named("a"));
        let body = kept(10);
        assert!(hot.lock().insert(&name, &body));
        assert_eq!(hot.believed(&name).unwrap().stamp, body.stamp);
        let same = Body {
            stamp: body.stamp,
            ..opened(10, 0)
        };
        assert!(matches!(hot.keep(&name, same).data, Data::Memory(_)));
        let other = hot.keep(&name, opened(10, 0));
        assert!(matches!(other.data, Data::File(_)));
    }

    #[test]
    fn all_together_take_the_room_that_there_is_also_while_they_are_sent() {
        let (hot, most) = (Hot::default(), ROOM / SMALL as usize);
        let mut sending = Vec::new();
        for n in 0..2 * most {
            let body = kept(SMALL as usize);
            let room = hot.lock().insert(&named(&n.to_string()), &body);
            assert_eq!(room, n < most, "{n}");
            sending.push(body);
        }
        std::thread::sleep(BELIEVED);
        let (name, body) = (named("one more"), kept(1));
        assert!(!hot.lock().insert(&name, &body), "all are being sent");
        sending.truncate(most / 2);
        assert!(hot.lock().insert(&name, &body));
        let left = hot.lock().files.len();
        assert_eq!(left, most / 2 + 1);
        assert_eq!(hot.lock().bytes, most / 2 * SMALL as usize + 1);
    }
}
