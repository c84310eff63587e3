//! Group commit: what is acknowledged is on the disk, and a storm shares the syncs.
//!
//! ```text
//! submit → bounded queue → all that is there → one transaction, one sync → who waited, in order
//! ```
//!
//! A thread of its own: syncs block. While one sync is under way the queue fills, and all of it
//! goes with the next. A full queue is said at once: the answer is not given then.
//!
//! Where syncing is lazy they are told first, and what they were told is written every second, or
//! before it fills a transaction.
//!
//! A write that fails (a full disk, a dead one) fails everybody in it. The operator hears it once,
//! and once when it works again, which is tried every few seconds also while nobody asks. Records
//! that nobody waits for are written then, before anything newer.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::store::Store;
use crate::error::Error;
use crate::event::What;
use crate::lease::Record;
pub use crate::network::Syncing;

/// What may wait to be written: over a second of the fastest storm.
pub const QUEUE: usize = 16_384;
/// What goes in one transaction at most.
const BATCH: usize = 2048;
/// Records kept for which nobody waits, while nothing can be written.
const OWED: usize = 4096;
/// How often it is tried whether writing works again.
const RETRY: Duration = Duration::from_secs(2);
/// How long records are put off, where syncing is lazy.
const LAZY: Duration = Duration::from_secs(1);

/// Told when the records are on the disk, or why they are not. It runs on the committing thread:
/// everybody behind it waits, so it does not block.
pub type Done = Box<dyn FnOnce(Result<(), Arc<str>>) + Send>;

/// Hears events.
pub type Say = Box<dyn Fn(What) + Send + Sync>;

/// Records to write, and who waits for them.
pub struct Pending {
    /// Written together.
    pub records: Vec<Record>,
    /// Who waits; `None`: they are written when they can be.
    pub done: Option<Done>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waited = self.done.is_some();
        write!(f, "Pending({:?}, waited for: {waited})", self.records)
    }
}

/// There is no room, or no thread; the records are not written and nobody was told.
#[derive(Debug, thiserror::Error)]
#[error("{QUEUE} leases wait for the disk")]
pub struct Full(pub Pending);

/// What was written since the start, and whether anything can be.
#[derive(Debug, Default)]
pub struct Written {
    /// The last write failed.
    pub failing: AtomicBool,
    /// Transactions, each with one sync.
    pub commits: AtomicU64,
    /// Records in them.
    pub records: AtomicU64,
}

/// The way to the disk. Dropping it writes what waits and closes the store.
#[derive(Debug)]
pub struct Committer {
    queue: Option<SyncSender<Pending>>,
    thread: Option<JoinHandle<()>>,
    written: Arc<Written>,
    lazy: Arc<AtomicBool>,
}

impl Committer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives none.
    pub fn start(store: Store, clock: Clock, syncing: Syncing, say: Say) -> Result<Self, Error> {
        let (queue, waiting) = sync_channel(QUEUE);
        let written = Arc::new(Written::default());
        let lazy = Arc::new(AtomicBool::new(syncing == Syncing::Lazy));
        let writer = Writer {
            store,
            clock,
            lazy: lazy.clone(),
            say,
            waiting,
            written: written.clone(),
            failed: None,
            owed: Vec::new(),
            put_off: None,
        };
        let thread = std::thread::Builder::new()
            .name("leases".to_owned())
            .spawn(move || writer.run())
            .map_err(|e| Error::failed(format!("cannot start the thread of the leases: {e}")))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            written,
            lazy,
        })
    }

    /// Hands records over; never waits. They are written in the order of these calls: what was
    /// decided under a lock is to be handed over under it.
    ///
    /// # Errors
    /// The queue is full.
    pub fn submit(&self, pending: Pending) -> Result<(), Full> {
        let Some(queue) = &self.queue else {
            return Err(Full(pending));
        };
        queue.try_send(pending).map_err(|refused| match refused {
            TrySendError::Full(pending) | TrySendError::Disconnected(pending) => Full(pending),
        })
    }

    /// From the next write on.
    pub fn set_syncing(&self, syncing: Syncing) {
        self.lazy.store(syncing == Syncing::Lazy, Ordering::Relaxed);
    }

    /// What was written since the start.
    pub fn written(&self) -> &Written {
        &self.written
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        // The last who holds this may be an answer on that very thread.
        let other = |thread: &JoinHandle<()>| thread.thread().id() != std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(other) {
            let _ = thread.join();
        }
    }
}

struct Writer {
    store: Store,
    clock: Clock,
    /// [`Syncing::Lazy`]
    lazy: Arc<AtomicBool>,
    say: Say,
    waiting: Receiver<Pending>,
    written: Arc<Written>,
    /// When it was last tried in vain, and why.
    failed: Option<(Instant, Arc<str>)>,
    /// Not yet written, and nobody waits for them.
    owed: Vec<Record>,
    /// Since when something is put off.
    put_off: Option<Instant>,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.next() {
                Ok(first) => self.commit(Some(first)),
                Err(RecvTimeoutError::Timeout) => self.commit(None),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if !self.owed.is_empty() {
            self.commit(None);
        }
    }

    /// Waits for something to write, or until there is something to do by itself.
    fn next(&self) -> Result<Pending, RecvTimeoutError> {
        let wait = match self.put_off {
            _ if self.failed.is_some() => RETRY,
            Some(since) => LAZY.saturating_sub(since.elapsed()),
            None => {
                return self
                    .waiting
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected);
            }
        };
        self.waiting.recv_timeout(wait)
    }

    /// Writes what is there, and tells who waited.
    fn commit(&mut self, first: Option<Pending>) {
        let quiet = first.is_none();
        let batch: Vec<Pending> = first
            .into_iter()
            .chain(self.waiting.try_iter())
            .take(BATCH)
            .collect();
        if !quiet && self.may_put_off() {
            return self.put_off(batch);
        }
        let mut records = std::mem::take(&mut self.owed);
        let mut told: Vec<Done> = Vec::with_capacity(batch.len());
        let mut unwaited = records.clone();
        for pending in batch {
            match pending.done {
                Some(done) => told.push(done),
                None => unwaited.extend_from_slice(&pending.records),
            }
            records.extend(pending.records);
        }
        let outcome = self.write(&records, quiet);
        if outcome.is_err() {
            unwaited.truncate(OWED);
            self.owed = unwaited;
        }
        for done in told {
            self.tell(done, outcome.clone());
        }
    }

    /// Whether syncing is lazy, and neither time nor room is up.
    fn may_put_off(&self) -> bool {
        let fresh = self.put_off.is_none_or(|since| since.elapsed() < LAZY);
        let lazy = self.lazy.load(Ordering::Relaxed);
        lazy && fresh && self.failed.is_none() && self.owed.len() < BATCH
    }

    /// Tells who waits, and writes later.
    fn put_off(&mut self, batch: Vec<Pending>) {
        self.put_off.get_or_insert_with(Instant::now);
        for pending in batch {
            self.owed.extend(pending.records);
            if let Some(done) = pending.done {
                self.tell(done, Ok(()));
            }
        }
    }

    /// One transaction; none where it was tried in vain just now, for opening the store is dear.
    fn write(&mut self, records: &[Record], quiet: bool) -> Result<(), Arc<str>> {
        match &self.failed {
            Some((at, why)) if at.elapsed() < RETRY && !quiet => Err(why.clone()),
            _ => self.try_write(records),
        }
    }

    fn try_write(&mut self, records: &[Record]) -> Result<(), Arc<str>> {
        let written = self.store.write(records, &self.clock.anchor());
        let outcome: Result<(), Arc<str>> = written.map_err(Into::into);
        self.put_off = None;
        self.written
            .failing
            .store(outcome.is_err(), Ordering::Relaxed);
        if outcome.is_ok() {
            self.written.commits.fetch_add(1, Ordering::Relaxed);
            let count = records.len() as u64;
            self.written.records.fetch_add(count, Ordering::Relaxed);
        }
        self.say_change(outcome.as_ref().err());
        outcome
    }

    fn say_change(&mut self, error: Option<&Arc<str>>) {
        let path = self.store.path().display();
        let text = match (error, &self.failed) {
            (Some(why), None) => format!(
                "cannot write the lease store {path}: {why}. No lease is given until it can be written"
            ),
            (None, Some(_)) => {
                format!("the lease store {path} can be written again, leases are given")
            }
            (Some(why), Some(_)) => {
                self.failed = Some((Instant::now(), why.clone()));
                return;
            }
            (None, None) => return,
        };
        self.failed = error.map(|why| (Instant::now(), why.clone()));
        (self.say)(match error {
            Some(_) => What::Fault { text },
            None => What::Notice { text },
        });
    }

    /// One that breaks does not take the others with it.
    fn tell(&self, done: Done, outcome: Result<(), Arc<str>>) {
        if catch_unwind(AssertUnwindSafe(move || done(outcome))).is_err() {
            let text =
                "an answer broke after its lease was written; this is a bug, please report it";
            (self.say)(What::Fault {
                text: text.to_owned(),
            });
        }
    }
}
