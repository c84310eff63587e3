//! `make storm`, `make soak`: a room of machines that boot at once, and one that boots again and again.
//!
//! ```text
//! storm [machines=500] [loss=1] [rate=200] [delay=0.1] [spread=2] [initrd=512] [kernel=256] [seed=1]
//!       [minutes=…] [json=FILE] [bootjack=FILE]
//! ```
//!
//! `loss` is in percent each way, `rate` in Mbit/s, `delay` in milliseconds one way, `spread` in
//! seconds, files in KiB. With `minutes` it is a soak ([`soak`]): the machines boot again as soon as
//! they are done, and what bootjack holds is printed each minute.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a storm that cannot be played says so and ends; figures are rounded anyway"
)]
#![allow(dead_code, reason = "the storm and its tests use a part each")]

mod card;
mod lab;
mod link;
mod meter;
mod plan;
mod player;
mod progress;
mod report;
mod script;
mod soak;
#[path = "../support/mod.rs"]
mod support;
mod switch;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lab::{Lab, beside_this_program};
use plan::Plan;

/// What is said on the command line.
struct Said {
    plan: Plan,
    minutes: Option<u64>,
    json: Option<String>,
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(said) = said(std::env::args().skip(1)) else {
        eprintln!(
            "usage: storm [machines=500] [loss=1] [rate=200] [delay=0.1] [spread=2] [initrd=512] \
             [kernel=256] [seed=1] [minutes=60] [json=FILE] [bootjack=FILE]"
        );
        return ExitCode::from(2);
    };
    if support::left_out("the storm; start it with sudo") {
        return ExitCode::FAILURE;
    }
    let binary = said.binary.unwrap_or_else(beside_this_program);
    if let Some(minutes) = said.minutes {
        return soak::run(binary, said.plan, minutes);
    }
    let mut lab = Lab::new(binary, &said.plan);
    let report = lab.play(&said.plan);
    println!("{report}");
    for (why, fault) in &report.faults {
        println!("bootjack of {}: {why}", fault.mac);
        for event in lab.appliance().timeline(&fault.mac.to_string()) {
            println!("  {event}");
        }
    }
    if let Some(file) = said.json {
        std::fs::write(&file, format!("{:#}\n", report.json())).expect("the file for the figures");
    }
    ExitCode::from(u8::from(report.failed > 0))
}

/// `None`: it cannot be understood.
fn said(words: impl Iterator<Item = String>) -> Option<Said> {
    let mut said = Said {
        plan: Plan::default(),
        minutes: None,
        json: None,
        binary: None,
    };
    for word in words {
        let (name, value) = word.split_once('=')?;
        if value.is_empty() {
            continue; // `make storm` without it
        }
        let plan = &mut said.plan;
        match name {
            "machines" => plan.machines = value.parse().ok().filter(|n| (1..=4000).contains(n))?,
            "loss" => plan.cable.loss = share(value)?,
            "rate" => plan.cable.rate = value.parse::<u64>().ok().filter(|r| *r > 0)? * 1_000_000,
            "delay" => plan.cable.delay = seconds(value)? / 1000,
            "spread" => plan.spread = seconds(value)?,
            "initrd" => plan.files[0] = value.parse::<usize>().ok()? << 10,
            "kernel" => plan.files[1] = value.parse::<usize>().ok()? << 10,
            "seed" => plan.seed = value.parse().ok()?,
            "minutes" => said.minutes = Some(value.parse().ok().filter(|n| *n > 0)?),
            "bootjack" => said.binary = Some(value.into()),
            "json" => said.json = Some(value.to_owned()),
            _ => return None,
        }
    }
    Some(said)
}

fn share(percent: &str) -> Option<f64> {
    let percent: f64 = percent.parse().ok()?;
    (0.0..100.0).contains(&percent).then_some(percent / 100.0)
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}
