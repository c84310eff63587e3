//! Start to `ready`, how much memory an appliance holds, and how large the binary is.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::appliance::Setup;
use super::support::lan::{Host, Lan};
use super::table::{Figure, Table, median};
use super::{Run, meter, sample};

/// Profiles of a large site.
const PROFILES: u32 = 10_000;
/// Bytes of a MiB, in MB.
const MIB: f64 = 1.048_576;

pub fn run(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let host = lan.appliance_host();
    let few = lan.folder().join("few");
    folder(&few, 1);
    let many = lan.folder().join("many");
    folder(&many, PROFILES);
    let folders = [
        ("1 profile (goal: < 100 ms)", &few),
        ("10,000 profiles", &many),
    ];
    for (what, folder) in folders {
        let flags = [
            format!("--profiles={}", folder.display()),
            "--state=/nonexistent".to_owned(),
        ];
        let rounds = (0..run.rounds(10)).map(|_| to_ready(run, &host, &flags));
        let took = median(rounds.collect());
        table.alone(
            &format!("start to `ready` (median of 10), {what}"),
            &Figure::plain(took, "ms"),
        );
    }
    let sets = [
        ("1 profile (goal: < 25 MB)", 1),
        ("10,000 profiles", PROFILES),
    ];
    for (what, count) in sets {
        let (now, most) = held(run, &host, count);
        let mb = |mib: f64| Figure::plain(mib * MIB, "MB");
        table.alone(&format!("memory, idle, {what}"), &mb(now));
        table.alone(&format!("memory, the most so far, {what}"), &mb(most));
    }
    let size = std::fs::metadata(&run.binary).expect("the binary").len();
    let size = Figure::plain(size as f64 / 1e6, "MB");
    table.alone("the binary, with its boot loaders", &size);
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
