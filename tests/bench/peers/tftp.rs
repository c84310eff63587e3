//! TFTP servers that are not ours, each serving a folder at port 69 of an address.

use std::path::Path;
use std::process::Command;

use super::{START, pinned, unpacked, with_libraries};
use crate::support::lan::Host;
use crate::support::poll;
use crate::support::process::Process;

/// Where setup.sh unpacks it.
pub const ATFTPD: &str = "atftpd/usr/sbin/atftpd";
/// Built by `make bench` of `tests/bench/async_tftp`.
const ASYNC_TFTP: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/async-tftp/release/async-tftp-server"
);
/// More clients at a time than are measured.
const CLIENTS: &str = "200";

/// A peer: its name, whether it knows windows (RFC 7440), and how it is started.
pub type Peer = (&'static str, bool, fn(&Host, &str, &Path) -> Process);

/// All of them.
pub const ALL: [Peer; 4] = [
    ("tftpd-hpa", false, tftpd),
    ("dnsmasq", false, dnsmasq),
    ("atftpd", true, atftpd),
    ("async-tftp", true, async_tftp),
];

fn tftpd(host: &Host, address: &str, folder: &Path) -> Process {
    let mut command = pinned(host, &unpacked("usr/sbin/in.tftpd"));
    command.args(["--foreground", "--secure", "--user", "nobody"]);
    command.args(["--address", &format!("{address}:69")]);
    with_libraries(command.arg(folder));
    listening(host, "tftpd", command)
}

fn atftpd(host: &Host, address: &str, folder: &Path) -> Process {
    let mut command = pinned(host, &unpacked(ATFTPD));
    command.args(["--daemon", "--no-fork", "--logfile", "-", "--verbose=4"]);
    command.args(["--user", "nobody.nogroup", "--maxthread", CLIENTS]);
    command.args(["--bind-address", address, "--port", "69"]);
    with_libraries(command.arg(folder));
    listening(host, "atftpd", command)
}

fn dnsmasq(host: &Host, address: &str, folder: &Path) -> Process {
    let mut command = pinned(host, "dnsmasq");
    command.args(["--no-daemon", "--conf-file=/dev/null", "--pid-file="]);
    command.args([
        "--user=root",
        "--port=0",
        "--log-facility=-",
        "--quiet-tftp",
    ]);
    command.args(["--enable-tftp", &format!("--tftp-max={CLIENTS}")]);
    command.arg(format!("--listen-address={address}"));
    command.arg(format!("--tftp-root={}", folder.display()));
    listening(host, "dnsmasq", command)
}

fn async_tftp(host: &Host, address: &str, folder: &Path) -> Process {
    let mut command = pinned(host, ASYNC_TFTP);
    command.arg(format!("{address}:69")).arg(folder);
    listening(host, "async-tftp", command)
}

fn listening(host: &Host, name: &str, command: Command) -> Process {
    let process = host.start(name, command);
    poll::expect("a TFTP server listens", START, || {
        host.run("ss", &["-lnu"]).contains(":69 ")
    });
    process
}
