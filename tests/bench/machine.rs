//! The machine in words, and which of its processors does what.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::support::netns::attempt;

/// What a server is started by: it stays on the first processor.
pub const ON_SERVER_CPU: [&str; 3] = ["taskset", "-c", "0"];

static ONE_CPU: AtomicBool = AtomicBool::new(false);

/// Clients run on the server's processor, too: nothing is told then of what runs at the same time,
/// but what a packet costs is not hidden by what it costs to wake another processor, which is much
/// on a virtual machine whose neighbours are busy.
pub fn share_one_cpu() {
    ONE_CPU.store(true, Ordering::Relaxed);
}

/// The calling thread and those it starts stay on the clients' processor: the second one, where
/// there is one.
pub fn on_client_cpu() {
    on_cpu(usize::from(!ONE_CPU.load(Ordering::Relaxed)));
}

/// The calling thread stays on the servers' processor.
pub fn on_server_cpu() {
    on_cpu(0);
}

fn on_cpu(number: usize) {
    let mut cpu = CpuSet::new();
    let set = cpu.set(number);
    let _ = set.and_then(|()| sched_setaffinity(Pid::from_raw(0), &cpu));
}

/// Seconds of processor time that the calling thread has used.
pub fn thread_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = text.split(' ').next().and_then(|used| used.parse().ok());
    used.map_or(f64::NAN, |used: f64| used / 1e9)
}

/// A program that runs already, and all its threads, stay on the servers' processor.
pub fn to_server_cpu(id: u32) {
    let id = id.to_string();
    let _ = attempt(Command::new("taskset").args(["-a", "-c", "-p", "0", &id]));
}

/// This program and all it starts, servers and clients alike, go before what else the machine does:
/// where two sides wait for each other at every packet, somebody else's turn would be most of what
/// is measured.
pub fn before_all_others() {
    let this = std::process::id().to_string();
    let _ = attempt(Command::new("renice").args(["-n", "-20", "-p", &this]));
}

/// The machine, and who runs where.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
    placement: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let each = if ONE_CPU.load(Ordering::Relaxed) {
            "one processor"
        } else {
            "a processor each"
        };
        Self {
            processor: processor(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: said_first(Command::new("uname").arg("-r")),
            placement: format!("server and clients on {each}"),
        }
    }

    /// In words.
    pub fn told(&self) -> String {
        format!(
            "{} × {}, Linux {}, {}",
            self.processors, self.processor, self.kernel, self.placement
        )
    }
}

/// Programs that wanted a processor in the last minute: nothing, or others' work.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().and_then(|load| load.parse().ok());
    first.unwrap_or(f64::NAN)
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
