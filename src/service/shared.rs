//! What every service holds: the snapshot in force, the machines seen, the events' readers.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;

use super::throttle::{MACHINES, Pass, STRANGERS, Throttle};
use crate::client::{Loaders, Registry};
use crate::event::metrics::Metrics;
use crate::event::timeline::Timeline;
use crate::event::{Event, What};
use crate::profile::{Finding, Snapshot};
use crate::tree::names::Whose;
use crate::tree::{self, CleanPath, Door, Requester};
use crate::wire::Mac;

/// Bounds on what strangers can make us hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// TFTP transfers under way, in all.
    pub tftp_transfers: usize,
    /// TFTP transfers under way for one address.
    pub tftp_per_client: usize,
    /// HTTP connections open, in all.
    pub http_connections: usize,
    /// HTTP connections open from one address.
    pub http_per_client: usize,
    /// Seconds without progress after which a connection is closed.
    pub idle: Duration,
    /// Machines remembered, each with its timeline.
    pub clients: usize,
    /// Events kept a machine.
    pub events_per_client: usize,
    /// Events kept in all.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tftp_transfers: 4096,
            tftp_per_client: 32,
            http_connections: 4096,
            http_per_client: 64,
            idle: Duration::from_secs(30),
            clients: 4096,
            events_per_client: 128,
            events: 65_536,
        }
    }
}

/// Shared by all services; cheap to clone behind an `Arc`.
pub struct Shared {
    /// In force now. Load once per request and keep to its end.
    pub snapshot: ArcSwap<Snapshot>,
    /// What is wrong in the profile folder as it is now, in force or not.
    pub findings: ArcSwap<Vec<Finding>>,
    /// Where files are served from.
    pub folders: Folders,
    /// The bounds.
    pub limits: Limits,
    /// Counters, for `/metrics`.
    pub metrics: Metrics,
    clients: Mutex<Registry>,
    loaders: Mutex<Loaders>,
    timeline: Mutex<Timeline>,
    strangers: Mutex<Throttle>,
    machines: Mutex<Throttle>,
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
        let clients = Mutex::new(Registry::new(limits.clients));
        let loaders = Mutex::new(Loaders::new(limits.clients));
        let timeline = Timeline::new(limits.clients, limits.events_per_client, limits.events);
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            findings: ArcSwap::default(),
            folders,
            limits,
            metrics: Metrics::default(),
            clients,
            loaders,
            timeline: Mutex::new(timeline),
            strangers: Mutex::new(Throttle::new(STRANGERS)),
            machines: Mutex::new(Throttle::new(MACHINES)),
        })
    }

    /// Hands one event to all its readers. What others can cause at will is logged only so many
    /// times a second; it is counted and, where it is about a machine, kept all the same.
    pub fn emit(&self, client: Option<Mac>, what: What) {
        let event = Event {
            at: SystemTime::now(),
            client,
            what,
        };
        self.metrics.count(&event);
        match self.pass(&event) {
            Pass::No => {}
            Pass::Yes => event.log(),
            Pass::YesAfter(held) => {
                event.log();
                tracing::warn!("{held} more events of {} were not logged", whose(&event));
            }
        }
        self.timeline().record(event);
    }

    fn pass(&self, event: &Event) -> Pass {
        let throttle = match event.client {
            Some(_) => &self.machines,
            None if event.what.is_strangers() => &self.strangers,
            None => return Pass::Yes,
        };
        throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ask(Instant::now())
    }

    /// A packet no protocol allows.
    pub fn malformed(&self, service: &'static str, peer: SocketAddr, reason: String) {
        self.emit(
            None,
            What::Malformed {
                service,
                peer,
                reason,
            },
        );
    }

    /// The machines seen. Hold the lock for a look-up, never across an await.
    pub fn clients(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The timelines. Hold the lock for a look-up, never across an await.
    pub fn timeline(&self) -> std::sync::MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loaders fetched. Hold the lock for a look-up, never across an await.
    pub fn loaders(&self) -> std::sync::MutexGuard<'_, Loaders> {
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
        let clients = self.clients();
        let asker = clients.by_ip(peer);
        let named = match path.map_or(Whose::Asker, tree::mentioned) {
            Whose::Mac(mac) => clients.by_mac(mac),
            // Boards of one make may share a UUID: the asker's own goes before all others.
            Whose::Uuid(uuid) if !asker.as_ref().is_some_and(|a| a.has_uuid(uuid)) => {
                clients.by_uuid(uuid)
            }
            Whose::Uuid(_) | Whose::Asker => None,
        };
        let client = named.cloned().or(asker);
        Requester {
            peer: peer.to_canonical(),
            server: server.to_canonical(),
            door,
            client,
            tftp_only: door == Door::Tftp && self.loaders().tftp_only(peer.to_canonical()),
        }
    }
}

/// Whom an event that was held back is about.
const fn whose(event: &Event) -> &'static str {
    match event.client {
        Some(_) => "machines",
        None => "strangers",
    }
}
