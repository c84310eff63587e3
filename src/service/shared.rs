//! What every service holds: the snapshot in force, the machines seen, the events' readers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::SignedDuration;
use tokio::sync::{Notify, Semaphore};

use super::dhcp::Carried;
use super::dhcp_servers::Keeper;
use super::files::hot::Hot;
use super::journal::Journal;
use super::lease::{Emit, Leases};
use super::limits::Limits;
use super::machines::Machines;
use super::once::Once;
use crate::client::{Loaders, Registry};
use crate::event::metrics::Metrics;
use crate::event::timeline::Timeline;
use crate::event::{Event, What};
use crate::lease::State;
use crate::profile::Snapshot;
use crate::relay::Relay;
use crate::relay::servers::Servers;
use crate::tree::{self, CleanPath, Door, Found, Requester};
use crate::wire::Mac;
use crate::yaml::Finding;

/// So many answers wait at a time; further ones leave at once.
const WAITING_ANSWERS: usize = 256;

/// Shared by all services; cheap to clone behind an `Arc`.
pub struct Shared {
    /// In force now. Load once per request and keep to its end.
    pub snapshot: ArcSwap<Snapshot>,
    /// Told of each new snapshot, after it is in force; `groups` alone waits for it.
    pub replaced: Notify,
    /// What is wrong in the profile folder as it is now, in force or not.
    pub findings: ArcSwap<Vec<Finding>>,
    /// Where files are served from.
    pub folders: Folders,
    /// Small files of theirs that are in memory.
    pub hot: Hot,
    /// The bounds.
    pub limits: Limits,
    /// Counters, for `/metrics`.
    pub metrics: Metrics,
    /// The leases, in mode `dhcp`. What they emit must hold this weakly: [`Shared::emitter`].
    pub leases: OnceLock<Arc<Leases>>,
    /// Whether machines follow what they are offered, and what was learnt of them.
    pub machines: Machines,
    /// Places for answers that wait before they leave (quirk 27).
    pub waiting_answers: Arc<Semaphore>,
    /// Who speaks for another address than his own, each told of once.
    pub passed_over: Once,
    /// Places for machines that wait for a lease of another server; further ones do not wait.
    pub waiting_leases: Arc<Semaphore>,
    /// Where what is known of DHCP servers is kept.
    pub servers_kept: Keeper,
    relay: Mutex<Relay<Arc<Carried>>>,
    clients: Mutex<Registry>,
    loaders: Mutex<Loaders>,
    timeline: Mutex<Timeline>,
    journal: Journal,
}

/// The folders behind [`crate::tree::Root`].
#[derive(Debug, Clone)]
pub struct Folders {
    /// Kernels, initrds, ISOs.
    pub images: PathBuf,
    /// The operator's replacements of embedded assets.
    pub assets: Option<PathBuf>,
}

impl Shared {
    /// Nothing seen yet, `snapshot` in force.
    pub fn new(snapshot: Snapshot, folders: Folders, limits: Limits) -> Arc<Self> {
        let most = limits.clients;
        let clients = Mutex::new(Registry::new(limits.clients));
        let loaders = Mutex::new(Loaders::new(limits.clients));
        let machines = Machines::new(limits.clients);
        let timeline = Timeline::new(limits.clients, limits.events_per_client, limits.events);
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            replaced: Notify::new(),
            findings: ArcSwap::default(),
            folders,
            hot: Hot::default(),
            limits,
            metrics: Metrics::default(),
            leases: OnceLock::new(),
            machines,
            waiting_answers: Arc::new(Semaphore::new(WAITING_ANSWERS)),
            passed_over: Once::default(),
            waiting_leases: Arc::new(Semaphore::new(most)),
            servers_kept: Keeper::default(),
            relay: Mutex::new(Relay::new(most, Servers::default())),
            clients,
            loaders,
            timeline: Mutex::new(timeline),
            journal: Journal::default(),
        })
    }

    /// Hands one event to all its readers. What others can cause at will is logged only so many
    /// times a second, complaints of one kind still less often; it is counted and, where it is about
    /// a machine, kept all the same.
    pub fn emit(&self, client: Option<Mac>, what: What) {
        self.emit_all([Event::now(client, what)]);
    }

    /// The same for events in a row, whose time is told already.
    pub fn emit_all<E>(&self, events: E)
    where
        E: AsRef<[Event]> + IntoIterator<Item = Event>,
    {
        self.metrics.count(events.as_ref());
        self.hand_out(events);
    }

    /// The same for events that are counted already.
    pub fn hand_out<E>(&self, events: E)
    where
        E: AsRef<[Event]> + IntoIterator<Item = Event>,
    {
        for event in events.as_ref() {
            self.journal.log(event);
        }
        let mut timeline = self.timeline();
        for event in events {
            timeline.record(event);
        }
    }

    /// The same for one of no machine ([`Journal::log_of_stranger`]).
    pub fn tell_of_stranger(&self, now: Instant, make: impl FnOnce() -> What) {
        let event = || Event::now(None, make());
        self.journal.log_of_stranger(now, event);
    }

    /// [`Shared::emit`] for those whom this holds.
    pub fn emitter(self: &Arc<Self>) -> Emit {
        let shared = Arc::downgrade(self);
        Arc::new(move |client, what| {
            if let Some(shared) = shared.upgrade() {
                shared.emit(client, what);
            }
        })
    }

    /// Says every ten seconds how many complaints were not logged, until the task is dropped.
    ///
    /// # Errors
    /// Never; the type is that of the other services.
    pub async fn sum_up(self: Arc<Self>) -> io::Result<()> {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            self.journal.sum_up(false);
        }
    }

    /// The last words, before an orderly end.
    pub fn stopped(&self, by: &str, after: Duration) {
        self.journal.sum_up(true);
        let after = SignedDuration::from_secs(i64::try_from(after.as_secs()).unwrap_or(i64::MAX));
        let leases = self.leases.get().map(|leases| leases.counts());
        let kept = leases.map_or_else(String::new, |counts| {
            let leased = counts.iter().find(|(state, _)| *state == State::Leased);
            let count = leased.map_or(0, |(_, count)| *count);
            let many = if count == 1 { " is" } else { "s are" };
            format!("; {count} lease{many} kept for the next start")
        });
        let text = format!("stopped by {by} after {after:#}{kept}");
        self.emit(None, What::Notice { text });
    }

    /// A packet no protocol allows.
    pub fn malformed(&self, service: &'static str, peer: SocketAddr, reason: String) {
        self.emit(
            None,
            What::Malformed {
                service,
                peer,
                mac: None,
                reason,
            },
        );
    }

    /// The machines seen. Hold the lock for a look-up, never across an await.
    pub fn clients(&self) -> MutexGuard<'_, Registry> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked of other DHCP servers. Hold the lock for a look-up, never across an await.
    pub fn relay(&self) -> MutexGuard<'_, Relay<Arc<Carried>>> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The timelines. Hold the lock for a look-up, never across an await.
    pub fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loaders fetched. Hold the lock for a look-up, never across an await.
    pub fn loaders(&self) -> MutexGuard<'_, Loaders> {
        self.loaders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks for `path`: the machine the path names, else the one behind the address.
    pub fn requester(
        &self,
        door: Door,
        peer: IpAddr,
        server: IpAddr,
        path: Option<&CleanPath>,
    ) -> Requester {
        let (client, boot) = {
            let clients = self.clients();
            (tree::asker(&clients, peer, path), clients.boot(peer))
        };
        let peer = peer.to_canonical();
        let loaders = self.loaders();
        Requester {
            peer,
            server: server.to_canonical(),
            door,
            client,
            tftp_only: door == Door::Tftp && loaders.tftp_only(peer),
            loader: loaders.image(peer, boot),
        }
    }

    /// Takes note of a loader that an address fetches by this name.
    pub fn started(&self, by: IpAddr, name: &CleanPath, found: &Found) {
        let boot = self.clients().boot(by);
        (self.loaders()).started(by, boot, name.as_str(), found.image());
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Log lines, kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged at level info, and the counters.
    fn logged(events: impl Fn(&Shared)) -> (String, String) {
        let folders = Folders {
            images: PathBuf::new(),
            assets: None,
        };
        let shared = Shared::new(Snapshot::default(), folders, Limits::default());
        let kept = Kept::default();
        let out = kept.clone();
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || out.clone())
            .finish();
        tracing::subscriber::with_default(lines, || events(&shared));
        let bytes = kept.0.lock().unwrap().clone();
        let counted = shared.metrics.text().unwrap();
        (String::from_utf8(bytes).unwrap(), counted)
    }

    fn ignored(reason: &'static str) -> What {
        What::Ignored {
            port: 67,
            reason,
            detail: String::new(),
            played: false,
        }
    }

    #[test]
    fn what_is_not_asked_for_takes_no_lines_place() {
        let (log, counted) = logged(|shared| {
            for _ in 0..1000 {
                shared.emit(None, ignored("not-booting"));
            }
            shared.emit(None, ignored("no-profile"));
        });
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("no-profile"), "{log}");
        assert!(counted.contains("reason=\"not-booting\"} 1000\n"));
    }

    #[test]
    fn what_is_not_logged_is_counted_all_the_same() {
        let (log, counted) = logged(|shared| {
            for _ in 0..1000 {
                shared.malformed("tftp", ([10, 0, 0, 9], 69).into(), "empty".to_owned());
            }
        });
        // The clock may move on meanwhile: a second more is as many lines more.
        assert!((5..100).contains(&log.lines().count()), "{log}");
        assert!(counted.contains("event=\"malformed\"} 1000\n"));
    }

    /// Also where each of them is of another machine.
    #[test]
    fn a_flood_of_complaints_is_a_handful_of_lines_and_a_sum() {
        let (log, counted) = logged(|shared| {
            for n in 0_u32..3000 {
                let [_, _, a, b] = n.to_be_bytes();
                let mac = Mac::ethernet([2, 0, 0, 0, a, b]);
                shared.emit(Some(mac), ignored("exhausted"));
            }
            shared.emit(None, ignored("unreachable"));
            shared.journal.sum_up(false);
            shared.journal.sum_up(true);
        });
        let lines: Vec<&str> = log.lines().collect();
        assert!((7..100).contains(&lines.len()), "{log}");
        let sum = lines
            .iter()
            .filter(|l| l.contains(" more like it in the last "));
        let sum: Vec<_> = sum.collect();
        assert!(
            sum.len() == 1 && sum[0].contains("(ignored, exhausted)"),
            "{log}"
        );
        assert!(
            counted.contains("reason=\"exhausted\"} 3000\n"),
            "{counted}"
        );
    }

    #[test]
    fn menus_of_strangers_are_throttled() {
        let (log, _) = logged(|shared| {
            for _ in 0..1000 {
                let menu = What::Menu {
                    door: Door::Http,
                    path: "boot/menu.ipxe".to_owned(),
                    dialect: "ipxe",
                    profile: "lab".to_owned(),
                    entries: 1,
                };
                shared.emit(None, menu);
            }
        });
        assert!((50..1000).contains(&log.lines().count()), "{log}");
    }
}
