//! One measured figure, and how figures are written.

/// One side's figure in one round: a value, and what it cost the server's processor.
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
}

/// The middle one; of an even number the upper one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Three digits that count, with the unit.
pub fn shown(value: f64, unit: &str) -> String {
    let (number, kilo) = digits(value);
    let gap = if kilo.is_empty() { " " } else { "" };
    format!("{number}{kilo}{gap}{unit}")
}

/// From the least to the most, in the unit of [`shown`].
pub fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ((least, k), (most, kilo)) = (digits(least), digits(most));
    let k = if k == kilo { "" } else { k };
    format!("{least}{k} to {most}{kilo}")
}

fn digits(value: f64) -> (String, &'static str) {
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
    (format!("{value:.digits$}"), kilo)
}
