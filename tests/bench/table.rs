//! The table: what was measured, ours, the peer's, and the ratio.

use std::fmt::{self, Display, Formatter};

const COLUMNS: usize = 7;
const HEAD: [&str; COLUMNS] = [
    "Measured",
    "bootjack",
    "its CPU",
    "Peer",
    "its CPU",
    "Ratio",
    "CPU ratio",
];

/// Rows of markdown, and a line below them.
pub struct Table {
    foot: String,
    rows: Vec<[String; COLUMNS]>,
}

/// One side's figure: a value, and what it cost the server's processor.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The value, in `unit`.
    pub value: f64,
    /// What the value is: `MB/s`, `ms`.
    pub unit: &'static str,
    /// Processor seconds for a stated amount (`s/GB`).
    pub cost: Option<(f64, &'static str)>,
}

impl Figure {
    /// A value that has no cost to tell.
    pub const fn plain(value: f64, unit: &'static str) -> Self {
        Self {
            value,
            unit,
            cost: None,
        }
    }

    /// The median of some rounds, and the median of their costs.
    pub fn median(rounds: &[Self]) -> Self {
        let values = rounds.iter().map(|figure| figure.value);
        let costs: Vec<_> = rounds.iter().filter_map(|figure| figure.cost).collect();
        let cost = median(costs.iter().map(|(value, _)| *value).collect());
        Self {
            value: median(values.collect()),
            unit: rounds.first().map_or("", |figure| figure.unit),
            cost: costs.first().map(|(_, unit)| (cost, *unit)),
        }
    }

    fn cells(&self) -> [String; 2] {
        let cost = self.cost.map(|(value, unit)| shown(value, unit));
        [shown(self.value, self.unit), cost.unwrap_or_default()]
    }
}

impl Table {
    /// No rows yet.
    pub const fn new(foot: String) -> Self {
        Self {
            foot,
            rows: Vec::new(),
        }
    }

    /// A figure of bootjack alone.
    pub fn alone(&mut self, what: &str, ours: &Figure) {
        let [value, cost] = ours.cells();
        let mut row = [const { String::new() }; COLUMNS];
        row[..3].clone_from_slice(&[what.to_owned(), value, cost]);
        self.rows.push(row);
    }

    /// Ours beside a peer's; the ratios are ours to theirs.
    pub fn beside(&mut self, what: &str, ours: &Figure, peer: &str, theirs: &Figure) {
        let ([value, cost], [other, other_cost]) = (ours.cells(), theirs.cells());
        let speed = ours.value / theirs.value;
        let costs = ours.cost.zip(theirs.cost);
        let dearer = costs.map(|((ours, _), (theirs, _))| format!("{:.2}", ours / theirs));
        self.rows.push([
            what.to_owned(),
            value,
            cost,
            format!("{peer} {other}"),
            other_cost,
            format!("{speed:.2}"),
            dearer.unwrap_or_default(),
        ]);
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..COLUMNS).map(|column| self.width(column)).collect();
        let line = |cells: Vec<String>| {
            let cells = cells.iter().zip(&widths);
            let padded: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("| {} |", padded.join(" | "))
        };
        writeln!(f, "{}", line(HEAD.map(str::to_owned).to_vec()))?;
        writeln!(
            f,
            "{}",
            line(widths.iter().map(|width| "-".repeat(*width)).collect())
        )?;
        for row in &self.rows {
            writeln!(f, "{}", line(row.to_vec()))?;
        }
        write!(f, "\n{}", self.foot)
    }
}

/// The middle one; of an even number the upper one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Three digits that count, with the unit.
fn shown(value: f64, unit: &str) -> String {
    let (value, kilo) = if value >= 10_000.0 {
        (value / 1000.0, " k")
    } else {
        (value, "")
    };
    let digits = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    let gap = if kilo.is_empty() { " " } else { "" };
    format!("{value:.digits$}{kilo}{gap}{unit}")
}
