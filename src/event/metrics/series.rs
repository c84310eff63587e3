//! The series of transfers, of each door, found once: a small file is sent in microseconds, in which
//! a look-up by labels is much.
//!
//! A series is there from its first use on, as if it were looked up.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::{ByDoor, ByEvent, Metrics};
use crate::tree::Door;

/// Those of both doors.
#[derive(Debug, Default)]
pub(super) struct Series {
    tftp: OnceLock<OfDoor>,
    http: OnceLock<OfDoor>,
    active: [OnceLock<Gauge>; 2],
    at_once: OnceLock<[Counter; 2]>,
}

/// Those of one door.
#[derive(Debug)]
struct OfDoor {
    transfers: Counter,
    bytes: Counter,
    seconds: Histogram,
}

impl Metrics {
    /// Counts a transfer sent whole; `Sent` comes here by itself.
    pub fn transferred(&self, door: Door, bytes: u64, took: Duration) {
        let series = self.of_door(door);
        series.transfers.inc();
        series.bytes.inc_by(bytes);
        series.seconds.observe(took.as_secs_f64());
    }

    /// Counts a transfer that began and was sent, both events included.
    pub fn transferred_at_once(&self, door: Door, bytes: u64, took: Duration) {
        let events = self.series.at_once.get_or_init(|| {
            ["started", "sent"].map(|event| self.events.get_or_create_owned(&ByEvent { event }))
        });
        for event in events {
            event.inc();
        }
        self.transferred(door, bytes, took);
    }

    pub(super) fn transfers_active(&self, door: Door) -> &Gauge {
        let [tftp, http] = &self.series.active;
        let gauge = match door {
            Door::Tftp => tftp,
            Door::Http => http,
        };
        gauge.get_or_init(|| self.active.get_or_create_owned(&door.into()))
    }

    fn of_door(&self, door: Door) -> &OfDoor {
        let series = match door {
            Door::Tftp => &self.series.tftp,
            Door::Http => &self.series.http,
        };
        let label = ByDoor::from(door);
        series.get_or_init(|| OfDoor {
            transfers: self.transfers.get_or_create_owned(&label),
            bytes: self.bytes.get_or_create_owned(&label),
            seconds: self.seconds.get_or_create_owned(&label),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_at_once_counts_as_its_two_events_do() {
        let metrics = Metrics::default();
        metrics.transferred_at_once(Door::Http, 1000, Duration::from_millis(2));
        metrics.transferred(Door::Http, 24, Duration::from_millis(2));
        let text = metrics.text().unwrap();
        for line in [
            r#"bootjack_events_total{event="started"} 1"#,
            r#"bootjack_events_total{event="sent"} 1"#,
            r#"bootjack_transfers_total{door="http"} 2"#,
            r#"bootjack_transfer_bytes_total{door="http"} 1024"#,
            r#"bootjack_transfer_duration_seconds_count{door="http"} 2"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
