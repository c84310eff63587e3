//! The lease: taken as the firmware takes it, one and the same each time, and given back.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::{probe, probe_as, setup};
use crate::support::lan::Lan;
use crate::support::servers::Server;

/// How long a line may take on a busy machine.
const SOON: Duration = Duration::from_secs(40);

#[test]
fn it_is_given_back_unless_it_is_to_be_kept() {
    as_root!("the lease is given back");
    let lan = Lan::new();
    let dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let _bootjack = setup(&lan.appliance_host()).start();
    let pc = lan.client("pc");
    let first = probe_as(&pc, "bios");
    let (address, given_back) = first.lease().unwrap();
    assert!(given_back);
    let mac = first.events[0]["mac"].as_str().unwrap();
    assert_eq!(dhcp.lease_of(mac), None, "the server has it again");
    assert!(dhcp.log().contains(&format!("DHCPRELEASE(eth0) {address}")));
    let kept = probe(&pc, &["--as", "bios", "--keep-lease"]);
    assert_eq!(kept.lease(), Some((address, false)), "the same machine");
    assert_eq!(dhcp.lease_of(mac).unwrap().to_string(), address);
}

#[test]
fn an_interruption_gives_it_back_too() {
    as_root!("an interruption");
    let lan = Lan::new();
    let dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &["--dhcp-option=60,PXEClient"]);
    let pc = lan.client("pc");
    // Ten seconds on port 4011, where nobody is: long enough to be interrupted.
    let mut command = pc.command(env!("CARGO_BIN_EXE_bootjack"));
    command.args(["probe", "--as", "efi-x64"]);
    let mut running = pc.start("probe", command);
    running.wait_for_line(SOON, |line| line.contains("REQUEST to 10.77.0.1:4011"));
    running.signal(Signal::SIGINT);
    running.wait_for_line(SOON, |line| line.ends_with("given back"));
    let released = crate::support::poll::until(SOON, || {
        dhcp.log().contains("DHCPRELEASE(eth0)").then_some(())
    });
    assert!(released.is_some(), "{}", dhcp.log());
}

/// The interface's own MAC has the lease that this host lives by.
#[test]
fn a_lease_of_this_host_is_left_alone() {
    as_root!("this host's own lease");
    let lan = Lan::new();
    let dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let pc = lan.client("pc");
    let mac: Vec<String> = pc.mac("eth0").iter().map(|b| format!("{b:02x}")).collect();
    let mac = mac.join(":");
    let report = probe(&pc, &["--as", "ipxe", "--mac", &mac]);
    let (address, given_back) = report.lease().unwrap();
    assert!(!given_back);
    assert_eq!(dhcp.lease_of(&mac).unwrap().to_string(), address);
}
