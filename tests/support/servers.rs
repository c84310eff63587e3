//! Somebody else's DHCP server on the LAN: it gives leases and knows nothing of boot files.
//!
//! Each server program is one constructor of [`Server`]; what a test asks of it is the same.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::lan::Host;
use super::process::Process;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// First and last address that the server hands out on the first segment.
pub const POOL: (Ipv4Addr, Ipv4Addr) =
    (Ipv4Addr::new(10, 77, 0, 100), Ipv4Addr::new(10, 77, 0, 199));

/// A running DHCP server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    leases: PathBuf,
}

impl Server {
    /// dnsmasq as plain DHCP server on `eth0`, ready when this returns.
    pub fn dnsmasq(host: &Host) -> Self {
        Self::dnsmasq_with(host, &[])
    }

    /// dnsmasq with further flags (`--dhcp-authoritative`, another `--dhcp-range=`, …). It does
    /// not ping an address before it offers it: that alone would take three seconds a client.
    ///
    /// The host is an IPv6 router as well, without a route to anywhere: on a LAN without one the
    /// iPXE of Debian 12 waits 15 s for a router advertisement before it goes on, in every stage
    /// (measured; [`Server::dnsmasq_without_ipv6`] is that LAN).
    pub fn dnsmasq_with(host: &Host, flags: &[&str]) -> Self {
        host.ip(&["addr", "add", "fd77::1/64", "dev", "eth0", "nodad"]);
        let router = [
            "--enable-ra",
            "--dhcp-range=fd77::,ra-only,64",
            "--ra-param=eth0,0,0",
        ];
        Self::start(host, &[&router[..], flags].concat())
    }

    /// dnsmasq on a LAN that knows only IPv4.
    pub fn dnsmasq_without_ipv6(host: &Host) -> Self {
        Self::start(host, &[])
    }

    fn start(host: &Host, flags: &[&str]) -> Self {
        let leases = host.file("leases");
        let mut command = dnsmasq(host);
        command
            .arg(format!(
                "--dhcp-range={},{},255.255.255.0,1h",
                POOL.0, POOL.1
            ))
            .arg(format!("--dhcp-leasefile={}", leases.display()))
            .args(["--no-ping", "--dhcp-sequential-ip"])
            .args(flags);
        let mut process = host.start("dnsmasq", command);
        process.wait_for_line(START, |line| line.contains("DHCP, IP range"));
        Self { process, leases }
    }

    /// The address leased to a MAC (`52:54:00:12:34:56`), as the server's own lease file says.
    pub fn lease_of(&self, mac: &str) -> Option<Ipv4Addr> {
        let leases = fs::read_to_string(&self.leases).unwrap_or_default();
        let line = leases.lines().find(|line| line.contains(mac))?;
        line.split(' ').nth(2)?.parse().ok()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// A rival: dnsmasq as ProxyDHCP with TFTP, the peer that bootjack is measured against.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
}

impl Proxy {
    /// Serves `root` over TFTP and points machines of each class string to a file in it.
    pub fn dnsmasq(host: &Host, root: &std::path::Path, loaders: &[(&str, &str)]) -> Self {
        let mut command = dnsmasq(host);
        command
            .args(["--dhcp-range=10.77.0.0,proxy", "--enable-tftp"])
            .arg(format!("--tftp-root={}", root.display()));
        for (class, file) in loaders {
            command.arg(format!("--pxe-service={class},boot,{file}"));
        }
        let mut process = host.start("proxy", command);
        process.wait_for_line(START, |line| line.contains("DHCP, proxy on subnet"));
        Self { process }
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// dnsmasq in the foreground, in no way configured by this machine, without DNS.
fn dnsmasq(host: &Host) -> Command {
    let mut command = host.command("dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        "--port=0",
        "--interface=eth0",
        "--log-dhcp",
        "--log-facility=-",
    ]);
    command
}

/// Takes a lease with busybox' client; what it said.
pub fn udhcpc(host: &Host) -> String {
    let script = "--script=/bin/true";
    let output = host.attempt("udhcpc", &["-i", "eth0", "-n", "-q", "-f", script]);
    assert!(output.status.success(), "udhcpc got no lease");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Takes a lease with ISC's client; the address. Its state stays in the lab.
pub fn dhclient(host: &Host) -> Ipv4Addr {
    let leases = host.file("dhclient.leases");
    let mut command = host.command("dhclient");
    command.args(["-d", "-1", "-sf", "/bin/true", "-pf", "/dev/null", "-lf"]);
    command.arg(&leases).arg("eth0");
    let mut process = host.start("dhclient", command);
    let line = process.wait_for_line(START, |line| line.starts_with("DHCPACK of "));
    let address = line.split(' ').nth(2).and_then(|word| word.parse().ok());
    address.unwrap_or_else(|| panic!("no address in {line:?}"))
}
