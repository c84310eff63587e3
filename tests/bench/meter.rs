//! What a server costs: processor time and memory, out of `/proc`.
//!
//! A server that forks for each client (tftpd-hpa) leaves children nobody waits for, whose time is
//! gone with them: so children are looked at every few milliseconds and their last look counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use procfs::process::Process;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// What some work took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Seconds that passed.
    pub wall: f64,
    /// Seconds of processor time of the server and its children.
    pub cpu: f64,
}

/// Does the work and tells what it cost the server.
pub fn during<T>(server: u32, work: impl FnOnce() -> T) -> (T, Spent) {
    let server = server.cast_signed();
    let before = family(server);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(server, &done));
        let began = Instant::now();
        let result = work();
        let wall = began.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        let after = watch.join().expect("the meter");
        let used = |(pid, used): (&i32, &f64)| used - before.get(pid).unwrap_or(&0.0);
        let cpu = after.iter().map(used).sum();
        (result, Spent { wall, cpu })
    })
}

/// Seconds of processor time that a process has used so far.
pub fn used(process: u32) -> f64 {
    by_all_threads(process.cast_signed()).unwrap_or(f64::NAN)
}

/// Memory of a process that is held in RAM now, and the most it ever was, in MiB.
pub fn memory(server: u32) -> (f64, f64) {
    let status = Process::new(server.cast_signed()).and_then(|process| process.status());
    let status = status.expect("the server's status");
    let mib = |kib: Option<u64>| kib.unwrap_or_default() as f64 / 1024.0;
    (mib(status.vmrss), mib(status.vmhwm))
}

fn watch(server: i32, done: &AtomicBool) -> HashMap<i32, f64> {
    let mut seen = HashMap::new();
    loop {
        let last = done.load(Ordering::Relaxed);
        seen.extend(family(server));
        if last {
            return seen;
        }
        std::thread::sleep(LOOK);
    }
}

/// Processor seconds used so far by a process and by each of its children.
fn family(server: i32) -> HashMap<i32, f64> {
    let list = format!("/proc/{server}/task/{server}/children");
    let children = std::fs::read_to_string(list).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok());
    let children = children.filter_map(|pid| Some((pid, by_one_thread(pid)?)));
    let server = by_all_threads(server).map(|used| (server, used));
    children.chain(server).collect()
}

/// To the tick (10 ms): enough for what runs for a second.
fn by_all_threads(pid: i32) -> Option<f64> {
    let stat = Process::new(pid).and_then(|process| process.stat()).ok()?;
    Some((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// To the nanosecond, which a child that lives for 50 ms needs.
fn by_one_thread(pid: i32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
