//! Every event an operator can see. The log, the timeline, the metrics and the web page are
//! readers of the same [`Event`]s; nobody logs on the side.
//!
//! * [`Event`]: when, which client, what
//! * [`What`]: the kinds, one variant each
//! * [`timeline`]: the last events of each client, bounded
//! * [`log`]: one line an event, text or JSON
//! * [`metrics`]: counters and histograms in Prometheus' text form
//!
//! An event is made where the thing happens and is never changed afterwards.

mod kind;
mod leases;
pub mod log;
pub mod metrics;
mod steps;
pub mod timeline;
mod told;
mod what;
mod words;

use std::time::SystemTime;

use serde::Serialize;

use crate::wire::Mac;
pub use told::{AnswerTold, BootTold, Guess, LeaseTold, Unanswered, Unnamed};
pub use what::What;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// When, by the wall clock.
    #[serde(serialize_with = "words::rfc3339")]
    pub at: SystemTime,
    /// The machine it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Mac>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

impl Event {
    /// What happens now.
    pub fn now(client: Option<Mac>, what: What) -> Self {
        Self {
            at: SystemTime::now(),
            client,
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tens of thousands are kept, and in a storm each packet pushes some out: what is larger goes behind a pointer.
    #[test]
    fn an_event_is_small() {
        let bytes = size_of::<Event>();
        assert!(bytes <= 144, "{bytes}");
    }
}
