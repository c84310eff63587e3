//! Start to `ready`, how much memory an appliance holds, and how large the binary is.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::appliance::Setup;
use super::support::lan::{Host, Lan};
use super::table::{Figure, Goal, Row, Table};
use super::{Run, meter, sample};

/// Profiles of a large site.
const PROFILES: u32 = 10_000;
/// Milliseconds from start to `ready`, at most.
const READY: f64 = 100.0;
/// Memory of an idle appliance, in MB, at most.
const IDLE: f64 = 25.0;
/// A MiB in MB.
const MIB: f64 = 1.048_576;

pub fn run(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let host = lan.appliance_host();
    let few = lan.folder().join("few");
    folder(&few, 1);
    let many = lan.folder().join("many");
    folder(&many, PROFILES);
    for (what, folder, goal) in [
        ("1 profile", &few, Some(READY)),
        ("10,000 profiles", &many, None),
    ] {
        let flags = [
            format!("--profiles={}", folder.display()),
            "--state=/nonexistent".to_owned(),
        ];
        let rounds = (0..run.rounds(10)).map(|_| Figure::plain(to_ready(run, &host, &flags), "ms"));
        let rounds: Vec<Figure> = rounds.collect();
        let row = Row::less(format!("start to `ready`, {what}"), &rounds);
        table.add(with(row, goal));
    }
    for (what, count, goal) in [
        ("1 profile", 1, Some(IDLE)),
        ("10,000 profiles", PROFILES, None),
    ] {
        let (now, most) = held(run, &host, count);
        let mb = |mib: f64| [Figure::plain(mib * MIB, "MB")];
        let row = Row::less(format!("memory, idle, {what}"), &mb(now));
        table.add(with(row, goal));
        table.add(Row::less(
            format!("memory, the most so far, {what}"),
            &mb(most),
        ));
    }
    let size = std::fs::metadata(&run.binary).expect("the binary").len();
    let size = [Figure::plain(size as f64 / 1e6, "MB")];
    table.add(Row::less("the binary, with its boot loaders", &size));
}

/// With the value that it is to stay below.
fn with(row: Row, goal: Option<f64>) -> Row {
    match goal {
        Some(most) => row.goal(Goal::value(most)),
        None => row,
    }
}

fn folder(path: &std::path::Path, count: u32) {
    std::fs::create_dir(path).expect("the lab's folder");
    for (file, text) in sample::profiles(count, 1) {
        std::fs::write(path.join(file), text).expect("a profile");
    }
}

/// From its start with these flags to its `ready` line, in milliseconds; `ip netns exec` stays out
/// of it: it is started from a thread that is in its namespace already.
pub fn to_ready(run: &Run, host: &Host, flags: &[String]) -> f64 {
    host.enter(|| {
        let mut command = Command::new(&run.binary);
        command.arg("serve").args(flags);
        command.args(["--images", "/nonexistent"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn().expect("bootjack");
        let mut said = BufReader::new(child.stdout.take().expect("its output")).lines();
        let ready = said.find(|line| line.as_ref().is_ok_and(|line| line.contains(" ready on ")));
        let took = began.elapsed();
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        let ended = child.wait();
        assert!(ready.is_some(), "bootjack did not become ready: {ended:?}");
        took.as_secs_f64() * 1e3
    })
}

/// Memory held once it serves, and the most until then.
fn held(run: &Run, host: &Host, count: u32) -> (f64, f64) {
    let mut setup = Setup::new(host, &run.binary);
    for (file, text) in sample::profiles(count, 1) {
        setup = setup.profile(&file, &text);
    }
    let mut appliance = setup.start();
    let held = meter::memory(appliance.process().id());
    appliance.stop();
    held
}
