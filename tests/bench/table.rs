//! The table: what was measured, ours, the peer's, and the ratio.

use std::fmt::{self, Display, Formatter};

/// Rows under one heading, as markdown.
pub struct Table {
    heading: String,
    rows: Vec<[String; 6]>,
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

    /// The median of the values with the median of the costs.
    pub fn median(rounds: &[Self]) -> Self {
        let of = |pick: fn(&Self) -> f64| median(rounds.iter().map(pick).collect());
        let unit = rounds.first().map_or("", |figure| figure.unit);
        let cost = rounds.first().and_then(|figure| figure.cost);
        Self {
            value: of(|figure| figure.value),
            unit,
            cost: cost.map(|(_, unit)| (of(|figure| figure.cost.map_or(0.0, |c| c.0)), unit)),
        }
    }

    fn cells(&self) -> [String; 2] {
        let cost = self.cost.map(|(value, unit)| shown(value, unit));
        [shown(self.value, self.unit), cost.unwrap_or_default()]
    }
}

impl Table {
    /// No rows yet.
    pub const fn new(heading: String) -> Self {
        Self {
            heading,
            rows: Vec::new(),
        }
    }

    /// A figure of bootjack alone.
    pub fn alone(&mut self, what: &str, ours: &Figure) {
        let [value, cost] = ours.cells();
        self.rows.push([
            what.to_owned(),
            value,
            cost,
            String::new(),
            String::new(),
            String::new(),
        ]);
    }

    /// Ours beside a peer's; the ratio is ours to theirs.
    pub fn beside(&mut self, what: &str, ours: &Figure, peer: &str, theirs: &Figure) {
        let ([value, cost], [other, other_cost]) = (ours.cells(), theirs.cells());
        let ratio = format!("{:.2}", ours.value / theirs.value);
        self.rows.push([
            what.to_owned(),
            value,
            cost,
            format!("{peer} {other}"),
            other_cost,
            ratio,
        ]);
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let head = [
            "Measured", "bootjack", "its CPU", "Peer", "its CPU", "Ratio",
        ];
        let widths: Vec<usize> = (0..head.len())
            .map(|n| {
                let cells = self.rows.iter().map(|row| row[n].chars().count());
                cells.chain([head[n].len()]).max().unwrap_or(0)
            })
            .collect();
        let mut line = |cells: &[String]| {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "| {} |", padded.collect::<Vec<_>>().join(" | "))
        };
        line(&head.map(str::to_owned))?;
        line(
            &widths
                .iter()
                .map(|width| "-".repeat(*width))
                .collect::<Vec<_>>(),
        )?;
        self.rows.iter().try_for_each(|row| line(row))?;
        write!(f, "\n{}", self.heading)
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
