//! Counters over events, in the text form that Prometheus reads.
//!
//! No label ever comes from the network: each is a word of ours (an event's name, a door, a
//! reason), so the number of series is bounded by the code. What is no event by itself (a range of
//! an ISO, an open connection) is counted by the calls below.

mod series;

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::{Event, What};
use crate::lease::State;
use crate::tree::Door;

/// The MIME type of [`Metrics::text`].
pub const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: Family<ByEvent, Counter>,
    answers: Family<ByStrategy, Counter>,
    ignored: Family<ByReason, Counter>,
    lease_changes: Family<ByState, Counter>,
    leases: Family<ByState, Gauge>,
    escalations: Family<ByStep, Counter>,
    machines: Gauge,
    menus: Family<ByDialect, Counter>,
    transfers: Family<ByDoor, Counter>,
    bytes: Family<ByDoor, Counter>,
    seconds: Family<ByDoor, Histogram, fn() -> Histogram>,
    failed: Family<ByDoor, Counter>,
    not_found: Family<ByDoor, Counter>,
    refused: Family<ByService, Counter>,
    active: Family<ByDoor, Gauge>,
    connections: Gauge,
    series: series::Series,
}

/// Counts one thing under way; ends with it.
#[derive(Debug)]
pub struct Held(Gauge);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByEvent {
    event: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByStrategy {
    message: &'static str,
    strategy: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByState {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByStep {
    from: &'static str,
    to: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByDialect {
    door: &'static str,
    dialect: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByDoor {
    door: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByService {
    service: &'static str,
}

impl From<Door> for ByDoor {
    fn from(door: Door) -> Self {
        Self { door: word(door) }
    }
}

const fn word(door: Door) -> &'static str {
    match door {
        Door::Tftp => "tftp",
        Door::Http => "http",
    }
}

/// From a menu (1 ms) to an ISO on a slow line (over 4 minutes).
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 10))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("bootjack"),
            events: Family::default(),
            answers: Family::default(),
            ignored: Family::default(),
            lease_changes: Family::default(),
            leases: Family::default(),
            escalations: Family::default(),
            machines: Gauge::default(),
            menus: Family::default(),
            transfers: Family::default(),
            bytes: Family::default(),
            seconds: Family::new_with_constructor(durations),
            failed: Family::default(),
            not_found: Family::default(),
            refused: Family::default(),
            active: Family::default(),
            connections: Gauge::default(),
            series: series::Series::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        r.register("build", "The running bootjack", Info::new(version));
        r.register("events", "Events by name", self.events.clone());
        r.register("dhcp_answers", "DHCP answers", self.answers.clone());
        r.register("dhcp_ignored", "Packets not answered", self.ignored.clone());
        let changes = "Addresses that came into a state";
        r.register("lease_changes", changes, self.lease_changes.clone());
        r.register("leases", "Addresses in a state", self.leases.clone());
        let steps = "Shapes of reply that a client did not follow, and what came next";
        r.register("escalations", steps, self.escalations.clone());
        let learnt = "Firmwares of which something is remembered";
        r.register("machines_remembered", learnt, self.machines.clone());
        r.register("menus", "Menus rendered", self.menus.clone());
        r.register("transfers", "Transfers sent whole", self.transfers.clone());
        r.register("transfer_bytes", "Bytes sent", self.bytes.clone());
        let took = "Duration of the transfers sent whole";
        r.register("transfer_duration_seconds", took, self.seconds.clone());
        r.register("transfers_failed", "Transfers failed", self.failed.clone());
        r.register("not_found", "Names not found", self.not_found.clone());
        let refused = "Requests refused at a bound";
        r.register("refused", refused, self.refused.clone());
        let active = "Transfers under way";
        r.register("transfers_active", active, self.active.clone());
        let open = "HTTP connections open";
        r.register("http_connections", open, self.connections.clone());
    }

    /// Counts events. Of a batch most are of a few kinds, each of which is looked up once.
    pub fn count(&self, events: &[Event]) {
        let (mut names, mut answers) = (Tally(Vec::new()), Tally(Vec::new()));
        for Event { what, .. } in events {
            let event = what.name();
            names.add(ByEvent { event });
            match what {
                What::Answer(of) => answers.add(ByStrategy {
                    message: of.message,
                    strategy: of.strategy,
                }),
                what => self.count_more(what),
            }
        }
        names.count(&self.events);
        answers.count(&self.answers);
    }

    fn count_more(&self, what: &What) {
        match what {
            What::Granted { message, boot, .. } => {
                let strategy = boot.as_ref().map_or("none", |boot| boot.strategy);
                one(&self.answers, &ByStrategy { message, strategy });
            }
            What::Ignored { reason, .. } => one(&self.ignored, &ByReason { reason }),
            What::Lease { state, .. } => {
                let state = state.name();
                one(&self.lease_changes, &ByState { state });
            }
            What::Escalated { strategy, next, .. } => {
                let (from, to) = (*strategy, *next);
                one(&self.escalations, &ByStep { from, to });
            }
            What::NothingLeft { strategy, .. } => {
                let (from, to) = (*strategy, "none");
                one(&self.escalations, &ByStep { from, to });
            }
            What::Menu { door, dialect, .. } => {
                let door = word(*door);
                one(&self.menus, &ByDialect { door, dialect });
            }
            What::Sent {
                door, size, took, ..
            } => self.transferred(*door, *size, *took),
            What::Failed { door, sent, .. } => {
                one(&self.failed, &(*door).into());
                self.bytes.get_or_create(&(*door).into()).inc_by(*sent);
            }
            What::Probed { door, sent, .. } => {
                self.bytes.get_or_create(&(*door).into()).inc_by(*sent);
            }
            What::NotFound { door, .. } => one(&self.not_found, &(*door).into()),
            What::Refused { service, .. } => one(&self.refused, &ByService { service }),
            _ => {}
        }
    }

    /// So many addresses are in this state.
    pub fn leases(&self, state: State, count: u64) {
        let state = ByState {
            state: state.name(),
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.leases.get_or_create(&state).set(count);
    }

    /// Something is remembered of so many firmwares.
    pub fn machines_remembered(&self, count: usize) {
        self.machines.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A transfer is under way for as long as the value is kept.
    pub fn transfer(&self, door: Door) -> Held {
        Held::new(self.transfers_active(door))
    }

    /// An HTTP connection is open for as long as the value is kept.
    pub fn connection(&self) -> Held {
        Held::new(&self.connections)
    }

    /// Every counter, as Prometheus reads it.
    ///
    /// # Errors
    /// Only where a value cannot be formatted.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

/// How many of each, of a few.
struct Tally<L>(Vec<(L, u64)>);

impl<L> Tally<L>
where
    L: Clone + std::hash::Hash + Eq,
{
    fn add(&mut self, labels: L) {
        match self.0.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, count)) => *count += 1,
            None => self.0.push((labels, 1)),
        }
    }

    fn count(self, family: &Family<L, Counter>) {
        for (labels, count) in self.0 {
            family.get_or_create(&labels).inc_by(count);
        }
    }
}

fn one<L>(family: &Family<L, Counter>, labels: &L)
where
    L: Clone + std::hash::Hash + Eq,
{
    family.get_or_create(labels).inc();
}

impl Held {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::{Duration, SystemTime};

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn counted(events: Vec<What>) -> String {
        let metrics = Metrics::default();
        for what in events {
            let (at, client) = (SystemTime::now(), None);
            metrics.count(&[Event { at, client, what }]);
        }
        metrics.text().unwrap()
    }

    #[test]
    fn each_event_moves_its_counters() {
        let (door, path) = (Door::Http, "images/linux".to_owned());
        let text = counted(vec![
            What::Sent {
                door,
                path: path.clone(),
                peer: PEER,
                size: 1000,
                took: Duration::from_millis(2),
            },
            What::Failed {
                door,
                path,
                peer: PEER,
                sent: 24,
                reason: "gone".into(),
            },
            What::Ignored {
                port: 67,
                reason: "no-profile",
                detail: String::new(),
                played: false,
            },
            What::Refused {
                service: "tftp",
                peer: PEER,
                limit: "32 transfers".into(),
            },
            What::Granted {
                message: "ack",
                address: None,
                detail: Box::default(),
                network: Box::default(),
                to: std::net::SocketAddrV4::new(std::net::Ipv4Addr::BROADCAST, 68),
                boot: None,
                no_boot: None,
                left_out: Box::default(),
            },
        ]);
        for line in [
            r#"bootjack_events_total{event="sent"} 1"#,
            r#"bootjack_transfers_total{door="http"} 1"#,
            r#"bootjack_transfer_bytes_total{door="http"} 1024"#,
            r#"bootjack_transfers_failed_total{door="http"} 1"#,
            r#"bootjack_transfer_duration_seconds_bucket{le="0.004",door="http"} 1"#,
            r#"bootjack_dhcp_ignored_total{reason="no-profile"} 1"#,
            r#"bootjack_refused_total{service="tftp"} 1"#,
            r#"bootjack_dhcp_answers_total{message="ack",strategy="none"} 1"#,
            concat!(
                r#"bootjack_build_info{version=""#,
                env!("CARGO_PKG_VERSION"),
                r#""} 1"#
            ),
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_held_is_counted_until_it_ends() {
        let metrics = Metrics::default();
        let line = |n| format!("bootjack_transfers_active{{door=\"tftp\"}} {n}\n");
        let (first, second) = (metrics.transfer(Door::Tftp), metrics.transfer(Door::Tftp));
        assert!(metrics.text().unwrap().contains(&line(2)));
        drop((first, second));
        assert!(metrics.text().unwrap().contains(&line(0)));
    }
}
