//! What was measured: ours and the peers' in every round, and what is to be reached.
//!
//! A ratio is the median of the rounds' own ratios, for the two sides of a round share what the
//! machine was like just then; where the sides have no rounds in pairs, that of the medians.

use serde::{Deserialize, Serialize};

use super::figure::{Figure, median};
use super::goal::Goal;

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// A rate.
    More,
    /// A time, or memory.
    Less,
}

/// What was measured, of us and of peers, and what is to be reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// In words.
    pub what: String,
    /// Which value is the better one.
    pub better: Better,
    /// Ours.
    pub ours: Side,
    /// The peers', if there are any.
    pub peers: Vec<Side>,
    /// What is to be reached.
    pub goals: Vec<Goal>,
}

/// One side in all rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Side {
    /// Who it is.
    pub name: String,
    /// Of the values.
    pub unit: String,
    /// Of the costs.
    pub cost_unit: Option<String>,
    /// In the order in which they were measured.
    pub rounds: Vec<Round>,
}

/// One side in one round.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Round {
    /// In the side's unit; JSON has `null` where there is none.
    #[serde(deserialize_with = "or_nothing")]
    pub value: f64,
    /// Processor time, in the side's unit of cost.
    pub cost: Option<f64>,
}

fn or_nothing<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Side {
    fn new(name: &str, rounds: &[Figure]) -> Self {
        let first = rounds.first();
        let unit_of_cost = first.and_then(|figure| figure.cost).map(|(_, unit)| unit);
        let round = |figure: &Figure| Round {
            value: figure.value,
            cost: figure.cost.map(|(cost, _)| cost),
        };
        Self {
            name: name.to_owned(),
            unit: first.map_or("", |figure| figure.unit).to_owned(),
            cost_unit: unit_of_cost.map(str::to_owned),
            rounds: rounds.iter().map(round).collect(),
        }
    }

    /// Of all rounds.
    pub fn values(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.value).collect()
    }

    fn costs(&self) -> Vec<f64> {
        self.rounds.iter().filter_map(|round| round.cost).collect()
    }

    /// Of the values.
    pub fn median(&self) -> f64 {
        median(self.values())
    }

    /// Of the costs.
    pub fn cost(&self) -> Option<f64> {
        let costs = self.costs();
        (!costs.is_empty()).then(|| median(costs))
    }

    /// Our values in times of a peer's.
    pub fn times(&self, peer: &Self) -> f64 {
        ratio(&self.values(), &peer.values())
    }

    /// Our costs in times of a peer's, where both have them for the same amount.
    pub fn times_cost(&self, peer: &Self) -> Option<f64> {
        let (ours, theirs) = (self.costs(), peer.costs());
        let told = !ours.is_empty() && !theirs.is_empty() && self.cost_unit == peer.cost_unit;
        told.then(|| ratio(&ours, &theirs))
    }
}

fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    if ours.len() == theirs.len() {
        let pairs = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
        median(pairs.collect())
    } else {
        median(ours.to_vec()) / median(theirs.to_vec())
    }
}

impl Row {
    /// A row where more is better (rates), with all rounds of ours.
    pub fn more(what: impl Into<String>, ours: &[Figure]) -> Self {
        Self::new(what.into(), Better::More, ours)
    }

    /// A row where less is better (times, memory).
    pub fn less(what: impl Into<String>, ours: &[Figure]) -> Self {
        Self::new(what.into(), Better::Less, ours)
    }

    fn new(what: String, better: Better, ours: &[Figure]) -> Self {
        Self {
            what,
            better,
            ours: Side::new("bootjack", ours),
            peers: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// All rounds of a peer, in the order of ours.
    pub fn beside(mut self, peer: &str, rounds: &[Figure]) -> Self {
        self.peers.push(Side::new(peer, rounds));
        self
    }

    /// What is to be reached.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }

    /// The peer with the best median.
    pub fn best_peer(&self) -> Option<&Side> {
        let by_median = |a: &&Side, b: &&Side| a.median().total_cmp(&b.median());
        let known = self.peers.iter().filter(|peer| !peer.median().is_nan());
        match self.better {
            Better::More => known.max_by(by_median),
            Better::Less => known.min_by(by_median),
        }
    }
}
