//! Counters over events, in Prometheus' text form.

use super::Event;

/// All counters.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// Counts one event.
    pub fn count(&self, _event: &Event) {}
}
