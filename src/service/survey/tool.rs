//! What a tool of this host prints, within bounds of time and length: a firewall's rules may be
//! held up by a lock, or be endless.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Where administrators' tools are, for a user without them in `PATH`.
const PLACES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// How long a tool may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes that it may print.
const MOST: usize = 32 << 20;
/// Between two looks whether it has ended, once it prints no more.
const PAUSE: Duration = Duration::from_millis(5);

/// What a tool prints; why not.
pub(super) fn said_by(tool: &str, args: &[&str]) -> Result<String, String> {
    let mut places = PLACES.iter().map(|place| Path::new(place).join(tool));
    let path = places.find(|path| path.exists());
    let path = path.ok_or_else(|| format!("{tool} is not there"))?;
    said(&path, args, PATIENCE).map_err(|why| format!("{tool} {why}"))
}

fn said(path: &Path, args: &[&str], patience: Duration) -> Result<String, String> {
    let mut command = Command::new(path);
    command.args(args).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.map_err(|e| format!("cannot be run: {e}"))?;
    let told = heard(&mut child, Instant::now() + patience);
    if told.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let (status, out, err) = told.map_err(|e| match e.kind() {
        io::ErrorKind::TimedOut => format!("did not end within {patience:?}"),
        _ => format!("cannot be read: {e}"),
    })?;
    if !status.success() {
        let why = String::from_utf8_lossy(&err);
        return Err(format!(
            "failed: {}",
            why.lines().next().unwrap_or_default()
        ));
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// How it ended, and what it printed until then.
fn heard(child: &mut Child, until: Instant) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    while stdout.is_some() || stderr.is_some() {
        let pipes = [
            stdout.as_ref().map(AsFd::as_fd),
            stderr.as_ref().map(AsFd::as_fd),
        ];
        let [out_waits, err_waits] = waiting(pipes, until)?;
        if out_waits {
            take(&mut stdout, &mut out)?;
        }
        if err_waits {
            take(&mut stderr, &mut err)?;
        }
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, out, err));
        }
        left(until)?;
        std::thread::sleep(PAUSE);
    }
}

/// What is left until then.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Which of the pipes have something to read, or have ended.
fn waiting(pipes: [Option<BorrowedFd<'_>>; 2], until: Instant) -> io::Result<[bool; 2]> {
    let at_most = left(until)?.max(Duration::from_millis(1));
    let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
    let mut fds: Vec<PollFd> = pipes
        .iter()
        .flatten()
        .map(|pipe| PollFd::new(*pipe, PollFlags::POLLIN))
        .collect();
    match poll(&mut fds, timeout) {
        Err(Errno::EINTR) => return Ok([false; 2]),
        polled => polled?,
    };
    let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(true));
    Ok(pipes.map(|pipe| pipe.is_some() && ready.next().unwrap_or(false)))
}

/// Reads once; a pipe that has ended is none.
fn take(pipe: &mut Option<impl Read>, all: &mut Vec<u8>) -> io::Result<()> {
    let mut buf = [0; 16_384];
    let Some(open) = pipe else { return Ok(()) };
    match open.read(&mut buf)? {
        0 => *pipe = None,
        len => all.extend(buf.iter().take(len)),
    }
    if all.len() > MOST {
        return Err(io::Error::other("it prints too much"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(120);

    fn sh(script: &str, patience: Duration) -> Result<String, String> {
        said(Path::new("/bin/sh"), &["-c", script], patience)
    }

    #[test]
    fn all_it_prints_or_why_not() {
        let long = sh("head -c 300000 /dev/zero | tr '\\0' a; echo b >&2", LONG);
        assert_eq!(long.unwrap().len(), 300_000);
        let failed = sh("echo first >&2; echo second >&2; exit 4", LONG);
        assert_eq!(failed.unwrap_err(), "failed: first");
        let none = said(Path::new("/nope"), &[], LONG).unwrap_err();
        assert!(none.starts_with("cannot be run: "), "{none}");
        assert_eq!(
            said_by("no-such-tool", &[]).unwrap_err(),
            "no-such-tool is not there"
        );
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let soon = Duration::from_millis(100);
        for script in [
            "echo some; exec sleep 1000",
            "exec >&- 2>&-; exec sleep 1000",
        ] {
            let why = sh(script, soon).unwrap_err();
            assert_eq!(why, "did not end within 100ms", "{script}");
        }
        let endless = sh("exec cat /dev/zero", LONG).unwrap_err();
        assert_eq!(endless, "cannot be read: it prints too much");
    }
}
