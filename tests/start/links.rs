//! Interfaces that change under a running appliance: it says so, and never pretends to serve. And
//! one that is no business of mode `dhcp`.

use std::time::Duration;

use crate::run::{BOOTJACK, EVERYONE};
use crate::support::appliance::Setup;
use crate::support::lan::Lan;
use crate::support::poll;
use crate::support::servers::Server;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn an_interface_that_goes_and_comes_back_is_told() {
    as_root!("an_interface_that_goes_and_comes_back_is_told");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let appliance = Setup::new(&host, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .start();
    let told = |event: &'static str, text: &'static str| {
        appliance.wait_for_event(SOON, move |e| {
            e["event"] == event && e["text"].as_str().is_some_and(|t| t.contains(text))
        });
    };
    host.ip(&["link", "set", "eth0", "down"]);
    told("warning", "interface eth0 is down or has no address");
    host.ip(&["link", "set", "eth0", "up"]);
    told("notice", "interface eth0 is served with 10.77.0.2");
    let late = lan.plug(&host, lan.segment());
    host.address(&late, "10.78.0.2/24");
    told(
        "notice",
        "(10.78.0.2) came up after the start and is not served",
    );
}

#[test]
fn an_interface_that_is_made_anew_ends_the_process_for_its_supervisor() {
    as_root!("an_interface_that_is_made_anew_ends_the_process_for_its_supervisor");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let mut appliance = Setup::new(&host, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .start();
    host.ip(&["link", "del", "eth0"]);
    host.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "far"]);
    host.address("eth0", "10.77.0.2/24");
    host.ip(&["link", "set", "eth0", "up"]);
    let ended = poll::until(SOON, || appliance.process().ended()).unwrap();
    assert_eq!(ended.code(), Some(1));
    let log = appliance.log();
    assert!(
        log.contains("interface eth0 was removed and made anew")
            && log.contains("start bootjack again"),
        "{log}"
    );
    let unit = include_str!("../../packaging/bootjack.service");
    assert!(unit.contains("\nRestart=on-failure\n"), "{unit}");
    assert!(unit.contains("\nRestartPreventExitStatus=3\n"), "not 1");
}

/// A lab behind an uplink: the uplink's DHCP server is nobody's rival, where no lease is given.
#[test]
fn the_dhcp_server_of_an_uplink_is_no_rival() {
    as_root!("the_dhcp_server_of_an_uplink_is_no_rival");
    let lan = Lan::new();
    let _uplink = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let lab = lan.segment();
    let second = lan.plug(&host, lab);
    host.address(&second, "10.78.0.2/24");
    let config = "mode: dhcp\ndhcp: {networks: [{subnet: 10.78.0.0/24}]}\n";
    let appliance = Setup::new(&host, BOOTJACK)
        .config(config)
        .profile("p.yaml", EVERYONE)
        .start();
    appliance.wait_for_event(SOON, |e| {
        let text = e["text"].as_str().unwrap_or_default();
        text.contains("eth0 (10.77.0.2) is in no subnet")
    });
}
