//! Events as log lines: text for people, or one JSON object a line with the API's field names.
//!
//! An event goes through `tracing` with both forms attached, unformatted; the line's format picks
//! one, so the other costs nothing.

use std::fmt::{self, Debug, Display, Formatter};

use tracing::field::{Field, Visit};
use tracing::{Event as Record, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{Event, Guess, What, words};
use crate::lease::State;

/// The target under which events are logged.
pub const TARGET: &str = "bootjack::event";

/// How log lines look.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Time, level, client, a sentence.
    Text,
    /// One JSON object a line.
    Json,
}

impl Event {
    /// Hands the event to the log. That it is ready has no text there: standard output has it.
    pub fn log(&self) {
        let (text, json) = (Text(self), Json(self));
        if let What::Ready { .. } = self.what {
            tracing::debug!(target: TARGET, %json);
            return;
        }
        match self.what.level() {
            Level::ERROR => tracing::error!(target: TARGET, %text, %json),
            Level::WARN => tracing::warn!(target: TARGET, %text, %json),
            Level::DEBUG | Level::TRACE => tracing::debug!(target: TARGET, %text, %json),
            Level::INFO => tracing::info!(target: TARGET, %text, %json),
        }
    }
}

impl What {
    /// How loud the event is. What every LAN is full of is quiet; what an operator has to act on
    /// is a warning; what of ours failed is an error.
    pub fn level(&self) -> Level {
        match self {
            Self::Fault { .. } => Level::ERROR,
            Self::Ignored { reason, played, .. } => {
                // In the order of tracing what is louder is less.
                let quiet = if *played { Level::INFO } else { Level::ERROR };
                of_ignored(reason).max(quiet)
            }
            Self::NoServerNamed(of) if of.played => Level::INFO,
            Self::Lease { was, state, .. } => of_lease(*was, *state),
            Self::Guessed(Guess { file: None, .. })
            | Self::Started { .. }
            | Self::Ready { .. }
            | Self::NotKept { .. }
            | Self::Forwarded { .. } => Level::DEBUG,
            Self::Conflict { .. }
            | Self::Failed { .. }
            | Self::Handshake { .. }
            | Self::LoopCut { .. }
            | Self::NoLease { .. }
            | Self::NoServerNamed(_)
            | Self::NothingLeft { .. }
            | Self::Refused { .. }
            | Self::Rejected { .. }
            | Self::ShimRefused
            | Self::Warning { .. } => Level::WARN,
            // What a menu of ours names and the image folder does not have.
            Self::NotFound { path, needed, .. } if *needed || path.starts_with("images/") => {
                Level::WARN
            }
            _ if self.is_empty_menu() => Level::WARN,
            _ => Level::INFO,
        }
    }
}

/// Why a packet was not answered: some of it every LAN is full of.
fn of_ignored(reason: &str) -> Level {
    match reason {
        "not-booting" | "not-request" | "lease-request" | "message-type" | "none-due"
        | "probing" | "other-server" | "stray-reply" | "not-its-address" | "no-relay"
        | "unknown-lease" => Level::DEBUG,
        // As it is meant: its firmware goes on to PXE.
        "left-to-pxe" => Level::INFO,
        _ => Level::WARN,
    }
}

/// A change that another event tells of already is quiet: that an offer was made, or that its
/// address is somebody else's; and of an offer that nobody took, its end.
const fn of_lease(was: State, state: State) -> Level {
    match (was, state) {
        (_, State::Offered) | (State::Offered, State::Available | State::Declined) => Level::DEBUG,
        (_, State::Declined) => Level::WARN,
        _ => Level::INFO,
    }
}

struct Text<'a>(&'a Event);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.client {
            Some(mac) => write!(f, "{mac} {}", self.0.what),
            None => write!(f, "{}", self.0.what),
        }
    }
}

struct Json<'a>(&'a Event);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

/// One line a record; records of libraries take the same two forms.
#[derive(Debug, Clone, Copy)]
pub struct Lines(pub LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        record: &Record<'_>,
    ) -> fmt::Result {
        let (level, target) = (record.metadata().level(), record.metadata().target());
        let mut pick = Pick {
            own: target == TARGET,
            format: self.0,
            line: String::new(),
        };
        record.record(&mut pick);
        match (self.0, pick.own) {
            (LogFormat::Json, true) => writeln!(out, "{}", pick.line),
            (LogFormat::Json, false) => {
                let at = words::stamp(std::time::SystemTime::now());
                let line = serde_json::json!({"at": at, "event": "log", "level": level.as_str(), "target": target, "text": pick.line});
                writeln!(out, "{line}")
            }
            (LogFormat::Text, true) if pick.line.is_empty() => Ok(()),
            (LogFormat::Text, _) => writeln!(out, "{}", line(*level, &pick.line)),
        }
    }
}

/// A line of text: when, how loud, what.
pub fn line(level: Level, what: &impl Display) -> String {
    let now = words::stamp(std::time::SystemTime::now());
    format!("{now} {level:5} {what}")
}

/// Takes the one field that the format wants; of foreign records, all.
struct Pick {
    own: bool,
    format: LogFormat,
    line: String,
}

impl Visit for Pick {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let wanted = if self.format == LogFormat::Json {
            "json"
        } else {
            "text"
        };
        if !self.own || field.name() == wanted {
            let space = if self.line.is_empty() { "" } else { " " };
            self.line = format!("{}{space}{value:?}", self.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_warned_of_machines_that_are_played() {
        let ignored = |reason, played| {
            let what = What::Ignored {
                port: 67,
                reason,
                detail: "why".to_owned(),
                played,
            };
            (what.level(), what.to_string())
        };
        let told = "not answered on port 67 (no-loader): why";
        assert_eq!(ignored("no-loader", false), (Level::WARN, told.to_owned()));
        let (level, words) = ignored("no-loader", true);
        assert_eq!(level, Level::INFO);
        assert!(
            words.starts_with(told) && words.contains("doctor or probe"),
            "{words}"
        );
        assert_eq!(ignored("not-booting", true).0, Level::DEBUG);
    }

    #[test]
    fn every_change_of_a_lease_has_its_line_but_offers_which_have_one_already() {
        let level = |was, state| {
            let change = What::Lease {
                address: std::net::Ipv4Addr::LOCALHOST,
                state,
                was,
                until: None,
                network: None,
                host_name: None,
                holder: String::new(),
            };
            change.level()
        };
        for (was, state, expected) in [
            (State::Available, State::Offered, Level::DEBUG),
            (State::Offered, State::Available, Level::DEBUG),
            (State::Offered, State::Leased, Level::INFO),
            (State::Leased, State::Expired, Level::INFO),
            (State::Leased, State::Released, Level::INFO),
            (State::Leased, State::Declined, Level::WARN),
            (State::Declined, State::Available, Level::INFO),
            (State::Expired, State::Available, Level::INFO),
        ] {
            assert_eq!(level(was, state), expected, "{was} to {state}");
        }
    }
}
