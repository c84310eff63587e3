//! The machine in words, and which of its processors does what.

use std::fs;
use std::process::Command;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::peers;
use super::support::netns::attempt;

/// What a server is started by: it stays on the first processor.
pub const ON_SERVER_CPU: [&str; 3] = ["taskset", "-c", "0"];

/// The calling thread and those it starts stay on the second processor, where there is one.
pub fn on_client_cpu() {
    let mut second = CpuSet::new();
    let set = second.set(1);
    let _ = set.and_then(|()| sched_setaffinity(Pid::from_raw(0), &second));
}

/// What stands above the table.
pub fn header() -> String {
    format!(
        "{} × {}, Linux {}; server on one processor, clients on another, veth between network \
         namespaces (MTU 1500), files in the page cache. Peers: {}.",
        std::thread::available_parallelism().map_or(1, usize::from),
        processor(),
        said_first(Command::new("uname").arg("-r")),
        peers::versions().join(", "),
    )
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    name.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.to_owned(),
    )
}

/// The first line a program prints.
pub fn said_first(command: &mut Command) -> String {
    let output = attempt(command);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    said.lines().next().unwrap_or_default().to_owned()
}
