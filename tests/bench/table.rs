//! Rows as they are told: all of them with all columns, and as README has them.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

pub use super::figure::{Figure, median};
use super::figure::{shown, spread};
pub use super::goal::Goal;
pub use super::row::Row;
use super::row::Side;

/// The columns of the whole table.
const WHOLE: [&str; 10] = [
    "Measured",
    "bootjack",
    "rounds",
    "its CPU",
    "peer",
    "rounds",
    "its CPU",
    "ratio",
    "CPU ratio",
    "goal",
];
/// Those that README has room for.
const SHORT: [usize; 7] = [0, 1, 3, 4, 6, 7, 9];
/// Columns that tell of us.
const OURS: usize = 4;

/// A line of cells.
type Line = Vec<String>;

/// Rows, in their order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Table {
    /// All of them.
    pub rows: Vec<Row>,
}

impl Table {
    /// A further row.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// As README has it.
    pub fn short(&self) -> String {
        let lines = self.rows.iter().flat_map(|row| lines(row, &named(row)));
        let lines: Vec<Line> = lines.map(|line| short(&line)).collect();
        markdown(&short(&WHOLE.map(str::to_owned)), &lines)
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = |row| lines(row, &row.peers.iter().collect::<Vec<_>>());
        let lines: Vec<Line> = self.rows.iter().flat_map(of).collect();
        f.write_str(&markdown(&WHOLE.map(str::to_owned), &lines))
    }
}

/// A row in lines: the first tells us, each a peer.
fn lines(row: &Row, peers: &[&Side]) -> Vec<Line> {
    let mut lines: Vec<Line> = peers.iter().map(|peer| line(row, peer)).collect();
    let alone = verdicts(row, None);
    if lines.is_empty() || !alone.is_empty() {
        let mut line = vec![String::new(); WHOLE.len() - 1];
        line.push(alone);
        lines.insert(0, line);
    }
    let told = [
        row.what.clone(),
        value(&row.ours),
        rounds(&row.ours),
        cost(&row.ours),
    ];
    lines[0].splice(..OURS, told);
    lines
}

/// A peer's line.
fn line(row: &Row, peer: &Side) -> Line {
    let mut line = vec![String::new(); OURS];
    let dearer = row.ours.times_cost(peer);
    line.extend([
        format!("{} {}", peer.name, value(peer)),
        rounds(peer),
        cost(peer),
        format!("{:.2}", row.ours.times(peer)),
        dearer.map_or_else(String::new, |dearer| format!("{dearer:.2}")),
        verdicts(row, Some(peer)),
    ]);
    line
}

/// Those peers that README tells: whom the goals are about; without goals the best one.
fn named(row: &Row) -> Vec<&Side> {
    let about = |peer: &&Side| {
        let mut of_goals = row.goals.iter().filter_map(|goal| goal.peer(row));
        of_goals.any(|named| named.name == peer.name)
    };
    let about: Vec<&Side> = row.peers.iter().filter(about).collect();
    if about.is_empty() {
        row.best_peer().into_iter().collect()
    } else {
        about
    }
}

/// What became of the goals about this peer; without one, of those about nobody.
fn verdicts(row: &Row, peer: Option<&Side>) -> String {
    let name = peer.map(|peer| &peer.name);
    let about = |goal: &&Goal| goal.peer(row).map(|peer| &peer.name) == name;
    let about = row.goals.iter().filter(about);
    let told: Vec<String> = about.map(|goal| goal.judge(row).told()).collect();
    told.join("; ")
}

fn value(side: &Side) -> String {
    shown(side.median(), &side.unit)
}

/// From the lowest round to the highest, where there is more than one.
fn rounds(side: &Side) -> String {
    match side.rounds.len() {
        0 | 1 => String::new(),
        _ => spread(&side.values()),
    }
}

fn cost(side: &Side) -> String {
    let told = side.cost().zip(side.cost_unit.as_ref());
    told.map_or_else(String::new, |(cost, unit)| shown(cost, unit))
}

fn short(line: &[String]) -> Line {
    SHORT.map(|at| line[at].clone()).to_vec()
}

/// A table with columns of one width.
fn markdown(head: &[String], lines: &[Line]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells
            .chain([head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let padded = |cells: &[String]| {
        let cells = cells.iter().zip(&widths);
        let padded: Line = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let rule: Line = widths.iter().map(|width| "-".repeat(*width)).collect();
    let lines = lines.iter().map(|line| padded(line));
    [padded(head), padded(&rule)]
        .into_iter()
        .chain(lines)
        .collect()
}
