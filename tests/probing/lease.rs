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

/// Ctrl-C, and a remote shell that goes away.
#[test]
fn an_interruption_gives_it_back_too() {
    as_root!("an interruption");
    for signal in [Signal::SIGINT, Signal::SIGHUP] {
        interrupted_by(signal);
    }
}

fn interrupted_by(signal: Signal) {
    let lan = Lan::new();
    let dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &["--dhcp-option=60,PXEClient"]);
    let pc = lan.client("pc");
    // Ten seconds on port 4011, where nobody is: long enough to be interrupted.
    let mut command = pc.command(env!("CARGO_BIN_EXE_bootjack"));
    command.args(["probe", "--as", "efi-x64"]);
    let mut running = pc.start("probe", command);
    running.wait_for_line(SOON, |line| line.contains("REQUEST to 10.77.0.1:4011"));
    running.signal(signal);
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
    let mac = words(pc.mac("eth0"));
    let report = probe(&pc, &["--as", "ipxe", "--mac", &mac]);
    let (address, given_back) = report.lease().unwrap();
    assert!(!given_back);
    assert_eq!(dhcp.lease_of(&mac).unwrap().to_string(), address);
}

/// A running machine keeps its frames and its lease.
#[test]
fn a_running_machine_is_not_played() {
    as_root!("a running machine");
    let lan = Lan::new();
    let running = lan.host("running", "10.77.0.150/24");
    let mac = words(running.mac("eth0"));
    let reserved = format!("--dhcp-host={mac},10.77.0.150");
    let dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &[&reserved]);
    let pc = lan.client("pc");
    for firmware in ["bios", "ipxe", "rpi3"] {
        let report = probe(&pc, &["--as", firmware, "--mac", &mac]);
        assert_eq!(report.code, 2, "{firmware}");
        let why = report.verdict()["why"].as_str().unwrap();
        assert_eq!(why, format!("a machine with the MAC {mac} is running"));
        assert_ne!(report.lease().map(|l| l.1), Some(true), "{firmware}");
    }
    assert!(!dhcp.log().contains("DHCPRELEASE"), "{}", dhcp.log());
}

/// A machine whose address somebody else took.
#[test]
fn an_address_in_use_is_not_taken() {
    as_root!("an address in use");
    let lan = Lan::new();
    let other = lan.host("other", "10.77.0.150/24");
    let mac = "52:54:00:77:00:0b";
    let reserved = format!("--dhcp-host={mac},10.77.0.150");
    let _dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &[&reserved]);
    let report = probe(&lan.client("pc"), &["--as", "efi-x64", "--mac", mac]);
    assert_eq!(report.code, 2);
    let why = report.verdict()["why"].as_str().unwrap();
    let has = words(other.mac("eth0"));
    assert_eq!(
        why,
        format!("10.77.0.150 was offered to it, and {has} has that address")
    );
    assert_eq!(report.lease(), None, "nothing was asked for");
}

/// Its machine may be switched off and have it all the same.
#[test]
fn the_lease_of_a_named_mac_is_kept() {
    as_root!("the lease of a named MAC");
    let lan = Lan::new();
    let dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let mac = "52:54:00:77:00:0c";
    let report = probe(&lan.client("pc"), &["--as", "ipxe", "--mac", mac]);
    let (address, given_back) = report.lease().unwrap();
    assert!(!given_back);
    assert_eq!(dhcp.lease_of(mac).unwrap().to_string(), address);
}

/// What waits for a server that is not there keeps nobody from giving back.
#[test]
fn it_is_given_back_beside_a_dead_server() {
    as_root!("a dead TFTP server");
    let lan = Lan::new();
    let flags = ["--dhcp-boot=a.efi,,10.77.0.200"];
    let dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &flags);
    let report = probe_as(&lan.client("pc"), "efi-x64");
    assert!(
        report.fails().contains("10.77.0.200:69"),
        "{}",
        report.fails()
    );
    assert_eq!(report.lease().map(|l| l.1), Some(true));
    assert!(dhcp.log().contains("DHCPRELEASE(eth0)"));
}

fn words(mac: [u8; 6]) -> String {
    let bytes: Vec<String> = mac.iter().map(|b| format!("{b:02x}")).collect();
    bytes.join(":")
}
