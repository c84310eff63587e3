//! Profile folder and config file → snapshot, while running.
//!
//! ```text
//! inotify event, or the stamp differs, or reload() → settle → load (blocking pool) → swap, or keep
//! ```
//!
//! An event says only that something may have changed: everything is read again, and a digest of
//! what was read tells whether it has. Folders are watched, never a file, since a watch on a file
//! goes deaf when the file is renamed over; of the config file's folder only that file counts. A
//! snapshot is swapped in only if it is valid; the whole last good set stays otherwise. notify's own
//! polling compares whole seconds and only forward, and a debouncer sorts events that are thrown away
//! here, so both are done by the few lines below.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{interval_at, timeout};

use super::Shared;
use super::load::stamp::{Identity, Stamp, identity, stamp};
use super::load::{Loaded, Loader, Places};
use crate::event::What;
use crate::profile::Snapshot;
use crate::yaml::Finding;

/// How changes are noticed.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Whether the kernel's events are used. Off for network file systems, which send none.
    pub events: bool,
    /// How often sizes and times are compared: the only way where `events` is off, else for what
    /// the kernel does not tell (a replaced root, files deep below the image folder).
    pub rescan: Duration,
    /// After the last event it must be quiet for this long: a burst is one reload.
    pub quiet: Duration,
    /// A burst that does not end is not waited for longer than this.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            events: true,
            rescan: Duration::from_secs(5),
            quiet: Duration::from_millis(200),
            patience: Duration::from_secs(5),
        }
    }
}

/// A watch under way; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    forced: Arc<Notify>,
    outcomes: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch the places of `loader`, whose last outcome was `last`.
    pub fn start(shared: Arc<Shared>, loader: Loader, last: &Loaded, pace: Pace) -> Self {
        let forced = Arc::new(Notify::new());
        let keeper = Keeper {
            places: loader.places().clone(),
            loader: Arc::new(Mutex::new(loader)),
            shared,
            digest: last.digest,
            stamp: None,
            changed: Arc::new(Notify::new()),
            forced: forced.clone(),
            outcomes: Arc::default(),
        };
        let outcomes = keeper.outcomes.clone();
        let task = tokio::spawn(keeper.run(pace));
        Self {
            forced,
            outcomes,
            task,
        }
    }

    /// How many sets were put in force or rejected since the start.
    pub fn outcomes(&self) -> u64 {
        self.outcomes.load(Ordering::Acquire)
    }

    /// Reads everything again now, changed or not (SIGHUP). The outcome is an event.
    pub fn reload(&self) {
        self.forced.notify_one();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeper {
    places: Places,
    loader: Arc<Mutex<Loader>>,
    shared: Arc<Shared>,
    /// Of what was read last, in force or not.
    digest: [u8; 32],
    stamp: Option<Stamp>,
    changed: Arc<Notify>,
    forced: Arc<Notify>,
    outcomes: Arc<AtomicU64>,
}

impl Keeper {
    async fn run(mut self, pace: Pace) {
        let mut arm = Arm::new(&self, pace.events);
        let rescan = pace.rescan.max(Duration::from_millis(10));
        let mut tick = interval_at(tokio::time::Instant::now() + rescan, rescan);
        let (changed, forced) = (self.changed.clone(), self.forced.clone());
        loop {
            arm.raise(&self);
            tokio::select! {
                () = changed.notified() => {
                    let last = settle(&changed, &pace).await;
                    self.reload(last, false).await;
                }
                () = forced.notified() => self.reload(Instant::now(), true).await,
                _ = tick.tick() => {
                    if self.is_stale().await {
                        self.reload(Instant::now(), false).await;
                    }
                }
            }
        }
    }

    fn cannot_watch(&self, folder: &Path, error: &notify::Error) {
        let folder = folder.display();
        let text = format!(
            "{folder} cannot be watched: {error}; sizes and times are compared instead (raise \
             fs.inotify.max_user_watches if it is the limit)"
        );
        self.shared.emit(None, What::Notice { text });
    }

    /// Whether sizes or times differ from what they were just before the last load, or a file has come
    /// that it missed.
    async fn is_stale(&self) -> bool {
        let (loader, places) = (self.loader.clone(), self.places.clone());
        let look = move || {
            let loader = loader.lock().unwrap_or_else(PoisonError::into_inner);
            (stamp(&places), loader.has_come())
        };
        let now = blocking(&self.shared, look).await.unzip();
        now.0 != self.stamp || now.1 == Some(true)
    }

    async fn reload(&mut self, since: Instant, forced: bool) {
        let (loader, places) = (self.loader.clone(), self.places.clone());
        let load = move || {
            let before = stamp(&places);
            let loaded = loader.lock().unwrap_or_else(PoisonError::into_inner).load();
            (before, loaded)
        };
        let Some((before, loaded)) = blocking(&self.shared, load).await else {
            return;
        };
        self.stamp = Some(before);
        if forced || loaded.digest != self.digest {
            self.digest = loaded.digest;
            put_in_force(&self.shared, loaded, since);
            self.outcomes.fetch_add(1, Ordering::Release);
        }
    }
}

/// Swaps a valid snapshot in, and says what happened, and what is worth a look that was not told of the
/// set before.
fn put_in_force(shared: &Shared, loaded: Loaded, since: Instant) {
    let Loaded {
        snapshot,
        findings,
        notices,
        ..
    } = loaded;
    let before = shared.findings.swap(Arc::new(findings.clone()));
    let new: Vec<Finding> = findings
        .iter()
        .filter(|new| !before.iter().any(|told| is_same(told, new)))
        .cloned()
        .collect();
    let (new, event) = match snapshot {
        Some(snapshot) => {
            let (profiles, networks) = (snapshot.profiles.all.len(), snapshot.networks.all.len());
            let quirks = snapshot.quirks.own().len();
            swap(shared, snapshot);
            let reloaded = What::Reloaded {
                profiles,
                networks,
                quirks,
                took: since.elapsed(),
            };
            (new, reloaded)
        }
        None => (Vec::new(), What::Rejected { findings }),
    };
    shared.emit(None, event);
    for finding in new {
        let text = finding.to_string();
        shared.emit(None, What::Warning { text });
    }
    for text in notices {
        shared.emit(None, What::Notice { text });
    }
}

/// Whether both are about the same, wherever it stands in the file now.
fn is_same(told: &Finding, new: &Finding) -> bool {
    told.severity == new.severity
        && told.file == new.file
        && told.message == new.message
        && told.text.trim() == new.text.trim()
}

/// One set in the place of another; for leases in one step, so that no message is decided by the
/// networks of one and the book of the other.
fn swap(shared: &Shared, snapshot: Snapshot) {
    let networks = snapshot.networks.clone();
    let store = || shared.snapshot.store(Arc::new(snapshot));
    match shared.leases.get() {
        Some(leases) => leases.set_networks(networks, store),
        None => store(),
    }
    shared.replaced.notify_one();
}

/// Waits until nothing has changed for a while; gives the time of the last change.
async fn settle(changed: &Notify, pace: &Pace) -> Instant {
    let first = Instant::now();
    let mut last = first;
    while first.elapsed() < pace.patience && timeout(pace.quiet, changed.notified()).await.is_ok() {
        last = Instant::now();
    }
    last
}

async fn blocking<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    if let Err(error) = &done {
        let text =
            format!("reading profiles and config file failed: {error}; the last good set stays");
        shared.emit(None, What::Fault { text });
    }
    done.ok()
}

/// The watches on the profile folder and on the config file's, set again where another folder
/// stands in its place. The other folders are left to the stamp: a disk image that is copied there
/// is a flood of events.
struct Arm {
    watcher: Option<RecommendedWatcher>,
    armed: Vec<(PathBuf, Identity)>,
}

impl Arm {
    fn new(keeper: &Keeper, events: bool) -> Self {
        let changed = keeper.changed.clone();
        let scope = Scope::of(&keeper.places);
        let folders = scope.folders();
        let handler = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |e| is_change(e.kind) && scope.concerns(&e.paths)) {
                changed.notify_one();
            }
        };
        let watcher = match events.then(|| notify::recommended_watcher(handler)) {
            Some(Err(error)) => {
                keeper.cannot_watch(&keeper.places.profiles, &error);
                None
            }
            other => other.and_then(Result::ok),
        };
        Self {
            watcher,
            armed: folders.into_iter().map(|folder| (folder, None)).collect(),
        }
    }

    fn raise(&mut self, keeper: &Keeper) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for (folder, armed) in &mut self.armed {
            let before = std::mem::replace(armed, identity(folder));
            if *armed == before {
                continue;
            }
            // The old watch may be gone with its folder; that is what is wanted.
            let _ = watcher.unwatch(folder);
            let set = armed.map(|_| watcher.watch(folder, RecursiveMode::NonRecursive));
            if let Some(Err(error)) = set {
                keeper.cannot_watch(folder, &error);
            }
            // What happened between the last look and the watch was not seen.
            keeper.changed.notify_one();
        }
    }
}

/// Which events are about us.
struct Scope {
    profiles: PathBuf,
    config: PathBuf,
}

impl Scope {
    fn of(places: &Places) -> Self {
        Self {
            profiles: places.profiles.clone(),
            config: places.config.path.clone(),
        }
    }

    /// The folder of the config file.
    fn home(&self) -> &Path {
        match self.config.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.profiles.clone(), self.home().to_owned()];
        folders.dedup();
        folders
    }

    /// Everything in the profile folder; beside the config file that file alone, and the link by
    /// which Kubernetes swaps it. What names no file is about the watch itself.
    fn concerns(&self, paths: &[PathBuf]) -> bool {
        let beside = |path: &PathBuf| {
            let name = path.file_name();
            let ours = name == self.config.file_name() || name == Some(OsStr::new("..data"));
            path.parent() == Some(self.home()) && self.home() != self.profiles && !ours
        };
        paths.is_empty() || !paths.iter().all(beside)
    }
}

/// Reading is no change, or each reload would cause the next; an overflowing queue is one.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
