//! The peers as they are run: foreground, their own best settings for this work, on the server's
//! processor. `tests/bench/setup.sh` brings them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::machine::{ON_SERVER_CPU, said_first};
use super::support::lan::Host;
use super::support::poll;
use super::support::process::Process;

/// Where setup.sh unpacks what is not to be installed.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench");
/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);
/// Where nginx listens.
pub const NGINX_PORT: u16 = 8080;

/// Which versions are measured.
pub fn versions() -> Vec<String> {
    let dnsmasq = said_first(Command::new("dnsmasq").arg("--version"));
    let dnsmasq = dnsmasq
        .split("  ")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let nginx = said_first(Command::new(unpacked("usr/sbin/nginx")).arg("-v"))
        .replace("nginx version: nginx/", "nginx ");
    let mut tftpd = Command::new(unpacked("usr/sbin/in.tftpd"));
    let tftpd = said_first(tftpd_command(tftpd.arg("-V")));
    let tftpd = tftpd.split(',').next().unwrap_or_default();
    let tftpd = tftpd.replace("tftp-hpa", "tftpd-hpa");
    vec![
        dnsmasq.replace(" version", ""),
        tftpd.trim().to_owned(),
        nginx,
    ]
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

/// tftpd-hpa serving a folder at `address`.
pub fn tftpd(host: &Host, address: &str, folder: &Path) -> Process {
    let mut command = pinned(host, &unpacked("usr/sbin/in.tftpd"));
    command.args([
        "--foreground",
        "--secure",
        "--user",
        "nobody",
        "--address",
        address,
    ]);
    tftpd_command(command.arg(folder));
    let process = host.start("tftpd", command);
    poll::expect("tftpd-hpa listens", START, || {
        host.run("ss", &["-lnu"]).contains(address)
    });
    process
}

/// nginx serving a folder over HTTP, one worker, without an access log.
pub fn nginx(host: &Host, folder: &Path) -> Process {
    let scratch = host.file("nginx");
    fs::create_dir_all(&scratch).expect("the lab's folder");
    let config = scratch.join("nginx.conf");
    fs::write(&config, nginx_config(&scratch, folder)).expect("the lab's folder");
    let mut command = pinned(host, &unpacked("usr/sbin/nginx"));
    command
        .arg("-e")
        .arg(scratch.join("error.log"))
        .arg("-c")
        .arg(config);
    let process = host.start("nginx", command);
    poll::expect("nginx listens", START, || {
        host.run("ss", &["-lnt"])
            .contains(&format!(":{NGINX_PORT}"))
    });
    process
}

/// Debian's settings where they concern speed, with a worker a processor and long keep-alive.
fn nginx_config(scratch: &Path, folder: &Path) -> String {
    let scratch = scratch.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {scratch}/{kind};\n"));
    format!(
        "daemon off;\nuser nobody nogroup;\nworker_processes 1;\npid {scratch}/pid;\n\
         events {{ worker_connections 768; }}\nhttp {{\n  access_log off;\n  sendfile on;\n  \
         tcp_nopush on;\n  keepalive_requests 100000000;\n{}  server {{ listen {NGINX_PORT}; root {}; }}\n}}\n",
        temporary.concat(),
        folder.display()
    )
}

fn pinned(host: &Host, program: &str) -> Command {
    let mut command = host.command(ON_SERVER_CPU[0]);
    command.args(&ON_SERVER_CPU[1..]).arg(program);
    command
}

fn unpacked(path: &str) -> String {
    format!("{UNPACKED}/{path}")
}

/// tftpd-hpa finds its one library beside it.
fn tftpd_command(command: &mut Command) -> &mut Command {
    let triple = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    command.env("LD_LIBRARY_PATH", unpacked(&triple))
}
