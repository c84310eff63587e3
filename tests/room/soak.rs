//! A room whose machines boot again and again: whether what bootjack holds grows.
//!
//! What it holds at the end of the warm-up, a sixth of the time, is what it may hold at the end: a
//! quarter more memory, and so many more descriptors ([`MORE`]), once the machines are off.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::meter::{Held, held};
use super::plan::Plan;

/// Descriptors that a server may have more, for what ends by itself later.
const MORE: usize = 16;
/// After the end of all machines.
const SETTLES: Duration = Duration::from_secs(40);
const MINUTE: Duration = Duration::from_secs(60);

/// Plays for so many minutes.
pub fn run(binary: PathBuf, plan: Plan, minutes: u64) -> ExitCode {
    let lasts = MINUTE * minutes as u32;
    let plan = Plan {
        lasts: Some(lasts),
        ..plan
    };
    let mut lab = Lab::new(binary, &plan);
    let id = lab.appliance().process().id();
    tell("idle", held(id));
    let playing = lab.begin(&plan);
    let began = Instant::now();
    let mut warm = None;
    let step = MINUTE.min(lasts / 6);
    while !playing.is_over() {
        std::thread::sleep(step);
        let now = held(id);
        let passed = began.elapsed();
        tell(&format!("{:.1} min", passed.as_secs_f64() / 60.0), now);
        if warm.is_none() && passed >= lasts / 6 {
            warm = Some(now);
        }
    }
    let report = playing.ends(&mut lab);
    println!("\n{report}");
    std::thread::sleep(SETTLES);
    let end = held(id);
    tell("all off", end);
    let Some(warm) = warm else {
        println!("soak: too short to tell anything");
        return ExitCode::FAILURE;
    };
    let grown = grown(warm, end);
    for what in &grown {
        println!("soak: FAILED: {what}");
    }
    let failed = !grown.is_empty() || report.failed > 0;
    println!("soak: {}", if failed { "failed" } else { "nothing grows" });
    ExitCode::from(u8::from(failed))
}

fn grown(warm: Held, end: Held) -> Vec<String> {
    let memory = end.memory > warm.memory * 1.25 + 2.0;
    let descriptors = end.descriptors > warm.descriptors + MORE;
    let threads = end.threads > warm.threads;
    let all = [
        (
            memory,
            format!("memory: {:.1} to {:.1} MiB", warm.memory, end.memory),
        ),
        (
            descriptors,
            format!("descriptors: {} to {}", warm.descriptors, end.descriptors),
        ),
        (
            threads,
            format!("threads: {} to {}", warm.threads, end.threads),
        ),
    ];
    all.into_iter()
        .filter(|(grown, _)| *grown)
        .map(|(_, what)| what)
        .collect()
}

fn tell(when: &str, held: Held) {
    println!(
        "{when:>9}: {:6.1} MiB (most {:.1}), {} descriptors, {} threads",
        held.memory, held.peak, held.descriptors, held.threads
    );
}
