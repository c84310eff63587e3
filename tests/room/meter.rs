//! What a server uses, out of `/proc`.

use procfs::process::Process;

/// What it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// Memory in RAM, in MiB.
    pub memory: f64,
    /// The most that ever was.
    pub peak: f64,
    /// Open files and sockets.
    pub descriptors: usize,
    /// Its threads.
    pub threads: u64,
}

fn process(id: u32) -> Process {
    Process::new(id.cast_signed()).expect("the server")
}

/// Seconds of processor time so far.
pub fn spent(id: u32) -> f64 {
    let stat = process(id).stat().expect("the server's times");
    (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
}

/// What it holds now.
pub fn held(id: u32) -> Held {
    let process = process(id);
    let status = process.status().expect("the server's status");
    let mib = |kib: Option<u64>| kib.unwrap_or_default() as f64 / 1024.0;
    Held {
        memory: mib(status.vmrss),
        peak: mib(status.vmhwm),
        descriptors: process.fd_count().expect("the server's files"),
        threads: status.threads,
    }
}
