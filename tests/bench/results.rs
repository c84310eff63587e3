//! What was measured as a file for programs: `target/bench/results.json`, and of a quick run
//! `target/bench/quick.json`.
//!
//! A benchmark's entry stays until it is measured again, so that one that was run by itself joins
//! the others; each entry tells its own time, machine and load. Schema 1:
//!
//! ```text
//! { "schema": 1, "benches": [ {
//!   "name", "date" (RFC 3339), "seconds", "load" (programs that wanted a processor at its start),
//!   "machine": { "processor", "processors", "kernel", "placement" },
//!   "versions": [ "bootjack 0.1.0", "nginx 1.22.1", … ], "build" (the profile of both programs),
//!   "rows": [ { "what", "better": "more" | "less",
//!     "ours": SIDE, "peers": [ SIDE, … ], "goals": [ … ],
//!     "verdicts": [ { "goal", "against", "measured", "reached", "missed_by" (percent) }, … ] }, … ]
//! }, … ] }
//! SIDE: { "name", "unit", "cost_unit", "median", "cost" (its median),
//!         "rounds": [ { "value", "cost" }, … ] }
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::machine::{self, Machine};
use super::row::{Row, Side};
use super::table::Table;

const SCHEMA: u32 = 1;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    schema: u32,
    /// In the order of the command line's help.
    pub benches: Vec<Measured>,
}

/// One benchmark as it was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// As on the command line.
    pub name: String,
    /// When it began (RFC 3339, UTC).
    pub date: String,
    /// How long it took.
    pub seconds: f64,
    /// Programs that wanted a processor in the minute before it.
    pub load: f64,
    /// Where.
    pub machine: Machine,
    /// Of whom.
    pub versions: Vec<String>,
    /// How both programs were built.
    pub build: String,
    /// What came of it.
    pub rows: Table,
}

impl Measured {
    /// Begins now.
    pub fn begin(name: &str, machine: &Machine, versions: &[String]) -> Self {
        Self {
            name: name.to_owned(),
            date: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%MZ")
                .to_string(),
            seconds: 0.0,
            load: machine::load(),
            machine: machine.clone(),
            versions: versions.to_vec(),
            build: build(),
            rows: Table::default(),
        }
    }

    /// Measures, and how long that takes.
    pub fn fill(&mut self, measure: impl FnOnce(&mut Table)) {
        let began = Instant::now();
        measure(&mut self.rows);
        self.seconds = began.elapsed().as_secs_f64();
    }

    /// In a line.
    pub fn told(&self) -> String {
        let date = self.date.replace('T', " ").replace('Z', " UTC");
        format!("{}, {date}, at a load of {}", self.name, self.load)
    }
}

/// What cargo was told, by Cargo.toml or by the environment, when this was built; the server is
/// built by the same command.
fn build() -> String {
    let of_cargo = if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    };
    let other = [
        ("lto", option_env!("CARGO_PROFILE_RELEASE_LTO")),
        (
            "codegen-units",
            option_env!("CARGO_PROFILE_RELEASE_CODEGEN_UNITS"),
        ),
    ];
    let other = other
        .into_iter()
        .filter_map(|(key, is)| Some(format!(", {key} {}", is?)));
    format!("{of_cargo}{}", other.collect::<String>())
}

/// What stands below all tables.
pub fn explained(machine: &Machine, versions: &[String]) -> String {
    format!(
        "{}, a bridge between their network namespaces (veth, MTU 1500), files in the page cache. \
         Medians; the peers' rounds and ours take turns; a ratio is the median of the rounds' own. CPU \
         is the server's user and system time. Of: {}. Built as {}.",
        machine.told(),
        versions.join(", "),
        build()
    )
}

/// Where it is kept.
pub fn file(quick: bool) -> PathBuf {
    let name = if quick { "quick.json" } else { "results.json" };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/bench")
        .join(name)
}

impl Results {
    /// Those of the file; none where there is no file, or one of another schema.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let kept = serde_json::from_str(&text).ok();
        let kept = kept.filter(|kept: &Self| kept.schema == SCHEMA);
        kept.unwrap_or(Self {
            schema: SCHEMA,
            benches: Vec::new(),
        })
    }

    /// Takes the place of what was measured by this name before; all stand in the order of `names`.
    pub fn put(&mut self, measured: Measured, names: &[&str]) {
        self.benches.retain(|bench| bench.name != measured.name);
        self.benches.push(measured);
        let place = |bench: &Measured| names.iter().position(|name| *name == bench.name);
        self.benches.retain(|bench| place(bench).is_some());
        self.benches.sort_by_key(place);
    }

    /// Writes the file anew.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut told = serde_json::to_value(self)?;
        for (bench, measured) in told["benches"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .zip(&self.benches)
        {
            let rows = bench["rows"].as_array_mut().into_iter().flatten();
            rows.zip(&measured.rows.rows)
                .for_each(|(told, row)| conclude(told, row));
        }
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, serde_json::to_string_pretty(&told)? + "\n")
    }
}

/// What follows from the rounds, for readers that do not want to compute it.
fn conclude(told: &mut Value, row: &Row) {
    let verdicts: Vec<_> = row.goals.iter().map(|goal| goal.judge(row)).collect();
    told["verdicts"] = json!(verdicts);
    middle(&mut told["ours"], &row.ours);
    let peers = told["peers"].as_array_mut().into_iter().flatten();
    peers
        .zip(&row.peers)
        .for_each(|(told, peer)| middle(told, peer));
}

fn middle(told: &mut Value, side: &Side) {
    told["median"] = json!(side.median());
    told["cost"] = json!(side.cost());
}
