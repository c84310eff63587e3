//! One network namespace: commands, processes and sockets in it.
//!
//! Its name carries the process id of its owner (`bjlab-<pid>-<n>-<role>`), so that leftovers of a
//! killed test are known: [`remove_leftovers`] ends what runs in them and deletes them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PREFIX: &str = "bjlab-";
const FOLDER: &str = "/run/netns";

/// A namespace, deleted with everything in it on drop.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes an empty one with `lo` up.
    pub fn new(role: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{n}-{role}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace.accept_any_source();
        namespace
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip -n NAME …`.
    pub fn ip(&self, args: &[&str]) -> String {
        run(Command::new("ip").args(["-n", &self.name]).args(args))
    }

    /// A command in the namespace. It dies with this process.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "ip", "netns", "exec", &self.name]);
        command.arg(program);
        command
    }

    /// Runs `work` on a thread of its own inside the namespace. A socket made there stays in the
    /// namespace wherever it is used.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let file = File::open(Path::new(FOLDER).join(&self.name)).expect("our namespace");
                setns(file, CloneFlags::CLONE_NEWNET).expect("entering our namespace");
                work()
            });
            inside
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Loosens what a new namespace inherits from the machine: no reverse path filter, so that a
    /// client without address hears its server.
    fn accept_any_source(&self) {
        self.enter(|| {
            for scope in ["all", "default"] {
                let _ = fs::write(format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter"), "0");
            }
        });
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

/// Runs a command to its end; panics with its words when it fails.
pub fn run(command: &mut Command) -> String {
    let output = attempt(command);
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command to its end, whatever that is.
pub fn attempt(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}; is its package installed? tests/support/setup.sh brings it"))
}

/// Removes namespaces and folders of labs whose process is gone.
pub fn remove_leftovers() {
    for name in entries(Path::new(FOLDER)).filter(|name| owner_is_gone(name)) {
        delete(&name);
    }
    let folder = std::env::temp_dir();
    for name in entries(&folder).filter(|name| owner_is_gone(name)) {
        let _ = fs::remove_dir_all(folder.join(name));
    }
}

/// A fresh folder of the lab, named like its namespaces.
pub fn folder() -> tempfile::TempDir {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let made = tempfile::Builder::new().prefix(&prefix).tempdir();
    made.unwrap_or_else(|e| panic!("cannot make a folder for the lab: {e}"))
}

fn entries(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let listing = fs::read_dir(folder).into_iter().flatten().flatten();
    listing.filter_map(|entry| entry.file_name().into_string().ok())
}

fn owner_is_gone(name: &str) -> bool {
    let pid = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('-').next())
        .and_then(|pid| pid.parse::<u32>().ok());
    pid.is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists())
}

/// Ends what runs in the namespace (all of it was started through it) and deletes it.
fn delete(name: &str) {
    let listed = attempt(Command::new("ip").args(["netns", "pids", name]));
    let pids = String::from_utf8_lossy(&listed.stdout).into_owned();
    for pid in pids.lines().filter_map(|line| line.trim().parse().ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = attempt(Command::new("ip").args(["netns", "del", name]));
}
