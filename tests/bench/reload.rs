//! One of 10,000 profiles changes: how long until the new set is in force.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::appliance::{Appliance, Setup};
use super::support::lan::Lan;
use super::table::{Figure, Row, Table};
use super::{Run, sample};

const PROFILES: u32 = 10_000;
/// Between two looks into the log.
const LOOK: Duration = Duration::from_millis(1);
/// No reload takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let mut setup = Setup::new(&lan.appliance_host(), &run.binary);
    for (file, text) in sample::profiles(PROFILES, 1) {
        setup = setup.profile(&file, &text);
    }
    let appliance = setup.start();
    let rounds: Vec<(f64, f64)> = (0..run.rounds(7)).map(|n| change(&appliance, n)).collect();
    let (told, seen): (Vec<Figure>, Vec<Figure>) = rounds
        .into_iter()
        .map(|(told, seen)| (Figure::plain(told, "ms"), Figure::plain(seen, "ms")))
        .unzip();
    let what = "one of 10,000 profiles changed, to in force";
    table.add(Row::less(format!("{what}, seen from outside"), &seen));
    table.add(Row::less(format!("{what}, as the event tells"), &told));
}

/// Changes a profile; milliseconds as the event tells, and as seen from here.
fn change(appliance: &Appliance, round: usize) -> (f64, f64) {
    let before = reloads(appliance).len();
    let began = Instant::now();
    let name = format!("changed {round}");
    appliance.write_profile("00042.yaml", &sample::profile(&name, 42, 1));
    loop {
        let reloads = reloads(appliance);
        let seen = began.elapsed();
        if let Some(took) = reloads.get(before) {
            return (took * 1e3, seen.as_secs_f64() * 1e3);
        }
        assert!(seen < PATIENCE, "no reload:\n{}", appliance.log());
        std::thread::sleep(LOOK);
    }
}

/// The seconds that each reload so far took, as its event tells.
fn reloads(appliance: &Appliance) -> Vec<f64> {
    let events = appliance.events();
    let reloaded = events.iter().filter(|event| event["event"] == "reloaded");
    reloaded
        .filter_map(|event| event.get("took").and_then(Value::as_f64))
        .collect()
}
