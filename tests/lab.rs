//! The laboratory itself: its LAN carries leases, loses packets on demand, and leaves nothing
//! behind.

mod support;

use std::path::Path;
use std::time::Duration;

use support::lan::Lan;
use support::qemu::{Firmware, Machine};
use support::servers::{Proxy, Server};

#[test]
fn x() {
    if support::left_out("x") {
        return;
    }
    let lan = Lan::new();
    let host = lan.dhcp_host();
    let server = Server::dnsmasq(&host);
    let pc = lan.client("pc");
    let out = pc.run(
        "udhcpc",
        &["-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true"],
    );
    println!("{out}\n{}", server.log());
    panic!("x");
}
