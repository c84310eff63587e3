//! Programs of Debian packages that are unpacked below `target/lab/` and not installed, because
//! their installation would start a service. `tests/support/setup.sh` brings them.

use std::path::PathBuf;
use std::process::Command;

use super::lan::Host;

/// A file of an unpacked package (`usr/sbin/dhcpd`).
pub fn path(file: &str) -> PathBuf {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/lab")).join(file);
    assert!(
        path.exists(),
        "{} is missing: tests/support/setup.sh brings it",
        path.display()
    );
    path
}

/// A command in a host by an unpacked program, with the libraries unpacked beside it.
pub fn command(host: &Host, program: &str) -> Command {
    let mut command = host.command(path(program));
    command.env("LD_LIBRARY_PATH", path("usr/lib/x86_64-linux-gnu"));
    command
}
