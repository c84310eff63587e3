//! A program that runs beside the test: its output goes to a file, it ends with its owner.
//!
//! Every program is started by one thread that lives as long as this test process and is told by
//! the kernel to die with it (`setpriv --pdeathsig`), so an interrupted test leaves none behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::poll;

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts it; stdout and stderr go to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let out =
            File::create(log).unwrap_or_else(|e| panic!("cannot write {}: {e}", log.display()));
        let err = out.try_clone().expect("a second handle on a log file");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = spawn(command).unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            ended: None,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("the state of a child");
        }
        self.ended
    }

    /// The first line of its output that `wanted` accepts. Panics, with what it printed, when it
    /// ends before or the time is over.
    pub fn wait_for_line(&mut self, within: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let line = poll::until(within, || {
            let ended = self.ended();
            match self.log().lines().find(|line| wanted(line)) {
                Some(line) => Some(Ok(line.to_owned())),
                None => ended.map(Err),
            }
        });
        match line {
            Some(Ok(line)) => line,
            Some(Err(status)) => panic!("{} ended too early: {status}\n{}", self.name, self.log()),
            None => panic!(
                "{}: awaited line not within {within:?}\n{}",
                self.name,
                self.log()
            ),
        }
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = Pid::from_raw(self.child.id().cast_signed());
            let _ = kill(pid, signal);
        }
    }

    /// Ends it: SIGTERM, and SIGKILL when it does not heed that.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        if let Some(status) = poll::until(GRACE, || self.ended()) {
            return status;
        }
        self.kill()
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("the end of a killed child")
    }

    /// The last lines of its output.
    pub fn tail(&self, lines: usize) -> String {
        tail(&self.log(), lines)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- {}: its last lines\n{}", self.name, self.tail(40));
        }
    }
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

type Job = (Command, Sender<std::io::Result<Child>>);

/// Starts a program from the thread that lives as long as this process.
fn spawn(command: Command) -> std::io::Result<Child> {
    static STARTER: OnceLock<Sender<Job>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (jobs, work) = channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in work {
                let _ = answer.send(command.spawn());
            }
        });
        jobs
    });
    let (answer, child) = channel();
    starter.send((command, answer)).expect("the starter thread");
    child.recv().expect("the starter thread's answer")
}
