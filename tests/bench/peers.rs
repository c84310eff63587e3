//! The peers as they are run: foreground, their own best settings for this work, on the server's
//! processor. `tests/bench/setup.sh` brings them.
//!
//! * here: dnsmasq for DHCP; [`tftp`]: TFTP servers; [`web`]: nginx

pub mod tftp;
pub mod web;

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::machine::{ON_SERVER_CPU, said_first};
use super::support::lan::Host;
use super::support::process::Process;

/// Where setup.sh unpacks what is not to be installed.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench");
/// Debian's name of this kind of machine.
const TRIPLE: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-linux-gnu"
} else {
    "x86_64-linux-gnu"
};
/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// Which versions are measured, ours first.
pub fn versions() -> Vec<String> {
    let kea = concat!(env!("CARGO_MANIFEST_DIR"), "/target/lab/usr");
    let mut kea_command = Command::new(format!("{kea}/sbin/kea-dhcp4"));
    kea_command.env("LD_LIBRARY_PATH", format!("{kea}/lib/{TRIPLE}"));
    let mut tftpd = Command::new(unpacked("usr/sbin/in.tftpd"));
    let mut atftpd = Command::new(unpacked(tftp::ATFTPD));
    let mut nginx = Command::new(unpacked("usr/sbin/nginx"));
    let mut dnsmasq = Command::new("dnsmasq");
    vec![
        format!("bootjack {}", env!("CARGO_PKG_VERSION")),
        format!("tftpd-hpa {}", number(with_libraries(&mut tftpd).arg("-V"))),
        format!("atftpd {}", number(with_libraries(&mut atftpd).arg("-V"))),
        "async-tftp 0.4.2".to_owned(),
        format!("dnsmasq {}", number(dnsmasq.arg("--version"))),
        format!("nginx {}", number(nginx.arg("-v"))),
        format!("Kea {}", number(kea_command.arg("-v"))),
    ]
}

/// The version in the first line that a program prints.
fn number(command: &mut Command) -> String {
    let said = said_first(command);
    let mut words = said.split([' ', ',', '/', '-']);
    let number = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or("of a version unknown").to_owned()
}

/// dnsmasq as ProxyDHCP for BIOS machines; with `quiet` it logs no packet.
pub fn dnsmasq(host: &Host, quiet: bool) -> Process {
    let mut command = pinned(host, "dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
    ]);
    command.args(["--port=0", "--interface=eth0", "--log-facility=-"]);
    command.args([
        "--dhcp-range=10.77.0.0,proxy",
        "--pxe-service=x86PC,boot,lpxelinux",
    ]);
    command.args(quiet.then_some("--quiet-dhcp"));
    let mut process = host.start("dnsmasq", command);
    process.wait_for_line(START, |line| line.contains("DHCP, proxy on subnet"));
    process
}

/// dnsmasq as DHCP server for thousands of clients behind a relay; it logs no packet, and asks
/// nobody whether an address is in use.
pub fn dnsmasq_leases(host: &Host) -> Process {
    let leases = host.file("dnsmasq.leases");
    let _ = fs::remove_file(&leases);
    let mut command = pinned(host, "dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
    ]);
    command.args(["--port=0", "--interface=eth0", "--log-facility=-"]);
    command.args(["--quiet-dhcp", "--no-ping", "--dhcp-authoritative"]);
    command.args(["--dhcp-range=10.0.0.1,10.1.255.254,255.0.0.0,1h"]);
    command.arg("--dhcp-lease-max=200000");
    command.arg(format!("--dhcp-leasefile={}", leases.display()));
    let mut process = host.start("dnsmasq", command);
    process.wait_for_line(START, |line| line.contains("DHCP, IP range"));
    process
}

fn pinned(host: &Host, program: &str) -> Command {
    let mut command = host.command(ON_SERVER_CPU[0]);
    command.args(&ON_SERVER_CPU[1..]).arg(program);
    command
}

fn unpacked(path: &str) -> String {
    format!("{UNPACKED}/{path}")
}

/// What is unpacked finds its libraries beside it.
fn with_libraries(command: &mut Command) -> &mut Command {
    command.env("LD_LIBRARY_PATH", unpacked(&format!("usr/lib/{TRIPLE}")))
}
