//! What is to be reached, and whether it was.

use serde::{Deserialize, Serialize};

use super::figure::shown;
use super::row::{Better, Row, Side};

/// One goal of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Goal {
    of: Of,
    /// What `of` is to be, at least or at most.
    is: f64,
    /// The peer it is held against; without one the best of the row.
    against: Option<String>,
}

/// What the goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    /// Our value, in times of the peer's.
    Times,
    /// Our processor time for the same amount, in times of the peer's.
    Cost,
    /// Our value itself.
    Value,
}

/// Whether a goal was reached.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The goal in words: `≥ 2.5×`.
    pub goal: String,
    /// The peer it was held against.
    pub against: Option<String>,
    /// What was measured of it.
    pub measured: f64,
    /// Whether that is enough.
    pub reached: bool,
    /// By how much it was missed, in percent of the goal.
    pub missed_by: Option<f64>,
}

impl Goal {
    /// Our value is at least (in rows where less is better: at most) so many times the peer's.
    pub const fn times(times: f64) -> Self {
        Self::new(Of::Times, times)
    }

    /// The same amount costs at most so many times the peer's processor time.
    pub const fn cost(times: f64) -> Self {
        Self::new(Of::Cost, times)
    }

    /// Our value is at least (where less is better: at most) this, in its unit.
    pub const fn value(value: f64) -> Self {
        Self::new(Of::Value, value)
    }

    /// Held against this peer instead of the best one.
    pub fn against(mut self, peer: &str) -> Self {
        self.against = Some(peer.to_owned());
        self
    }

    const fn new(of: Of, is: f64) -> Self {
        Self {
            of,
            is,
            against: None,
        }
    }

    /// The peer it is about: the one it names, or the best.
    pub fn peer<'r>(&self, row: &'r Row) -> Option<&'r Side> {
        match &self.against {
            _ if self.of == Of::Value => None,
            Some(name) => row.peers.iter().find(|peer| peer.name == *name),
            None => row.best_peer(),
        }
    }

    /// Whether it was reached in this row.
    pub fn judge(&self, row: &Row) -> Verdict {
        let (ours, peer) = (&row.ours, self.peer(row));
        let measured = match (self.of, peer) {
            (Of::Value, _) => ours.median(),
            (Of::Times, Some(peer)) => ours.times(peer),
            (Of::Cost, Some(peer)) => ours.times_cost(peer).unwrap_or(f64::NAN),
            (_, None) => f64::NAN,
        };
        let at_least = self.of != Of::Cost && row.better == Better::More;
        let missing = if at_least {
            1.0 - measured / self.is
        } else {
            measured / self.is - 1.0
        };
        Verdict {
            goal: self.told(at_least, &ours.unit),
            against: peer.map(|peer| peer.name.clone()),
            measured,
            reached: missing <= 0.0,
            missed_by: (missing > 0.0).then_some(missing * 100.0),
        }
    }

    fn told(&self, at_least: bool, unit: &str) -> String {
        let sign = if at_least { "≥" } else { "≤" };
        let times = format!("{:.2}", self.is);
        let times = times.trim_end_matches('0').trim_end_matches('.');
        match self.of {
            Of::Times => format!("{sign} {times}×"),
            Of::Cost => format!("CPU {sign} {times}×"),
            Of::Value => format!("{sign} {}", shown(self.is, unit)),
        }
    }
}

impl Verdict {
    /// The goal and what became of it: `≥ 2.5×: missed by 12 %`.
    pub fn told(&self) -> String {
        let outcome = match self.missed_by {
            _ if self.reached => "reached".to_owned(),
            Some(by) if by < 1.0 => format!("missed by {by:.1} %"),
            Some(by) => format!("missed by {by:.0} %"),
            None => "not measured".to_owned(),
        };
        format!("{}: {outcome}", self.goal)
    }
}
