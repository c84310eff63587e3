//! DHCP relays in a router between two segments.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::lan::Host;
use super::packages;
use super::process::Process;

/// How long a relay may take to start.
const START: Duration = Duration::from_secs(20);

/// Makes a host forward what it hears between its segments.
pub fn forward(host: &Host) {
    host.enter(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))
        .expect("a router");
}

/// dnsmasq as relay: what it hears on the interface with the address `near` goes to `server`, with
/// `near` as giaddr. It adds no option 82.
pub fn dnsmasq(host: &Host, near: Ipv4Addr, server: Ipv4Addr) -> Process {
    let mut command = host.command("dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        "--port=0",
        "--log-dhcp",
        "--log-facility=-",
    ]);
    command.arg(format!("--dhcp-relay={near},{server}"));
    let mut relay = host.start("relay", command);
    relay.wait_for_line(START, |line| line.contains("DHCP relay"));
    relay
}

/// ISC dhcrelay between these interfaces of a router: clients on `down`, the server on `up`, with
/// further flags. `-a` adds option 82 with the circuit (the name of `down`); `-D` drops clients'
/// packets that carry one already.
pub fn isc(host: &Host, down: &str, up: &str, server: Ipv4Addr, flags: &[&str]) -> Process {
    start_isc(host, &[&["-id", down, "-iu", up], flags].concat(), server)
}

/// ISC dhcrelay as RFC 3527 has it: giaddr is its address on `up`, the client's link stands in option
/// 82. (`-U` stands for `-iu`; with both for one interface it sends nothing.)
pub fn isc_link_selecting(host: &Host, down: &str, up: &str, server: Ipv4Addr) -> Process {
    start_isc(host, &["-a", "-id", down, "-U", up], server)
}

fn start_isc(host: &Host, flags: &[&str], server: Ipv4Addr) -> Process {
    let mut command = packages::command(host, "usr/sbin/dhcrelay");
    command.args(["-4", "-d", "--no-pid"]).args(flags);
    command.arg(server.to_string());
    let mut relay = host.start("dhcrelay", command);
    relay.wait_for_line(START, |line| line.contains("Sending on   Socket/"));
    relay
}
