//! Addresses that somebody uses without a lease: found before the OFFER, or by the client.

use std::net::Ipv4Addr;

use crate::house::{SOON, US, at, count, edit, event, leases, mac, row, setup, state};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::DhcpClient;
use crate::support::lan::Lan;
use crate::support::lease_clients::{LeaseClient, Program};
use crate::support::{poll, relay};

/// Three addresses, of which the first is used.
fn config(check: &str) -> String {
    format!(
        "  conflict-check: {check}\n  networks: [ {{ subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.102 ] }} ]\n"
    )
}

#[test]
fn a_used_address_is_left_alone_until_the_operator_says_so() {
    as_root!("a_used_address_is_left_alone_until_the_operator_says_so");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let squatter = lan.host("squatter", "10.77.0.100/24");
    let appliance = setup(&boot, &config("auto")).start();

    // Found by ARP.
    let mut first = LeaseClient::new(Program::Dhclient, &lan.client("first"));
    assert_eq!(first.get().address, at(101));
    let conflict = event(&appliance, "conflict", &[("address", "10.77.0.100")]);
    assert_eq!(conflict["by"], mac(&squatter), "{conflict}");
    event(
        &appliance,
        "lease",
        &[("address", "10.77.0.100"), ("state", "declined")],
    );
    assert_eq!(state(&boot, at(100)).as_deref(), Some("declined"));
    assert!(row(&boot, at(100)).unwrap()["until"].is_string());
    leases(&boot, &["release", "10.77.0.100"]);
    assert_ne!(state(&boot, at(100)).as_deref(), Some("declined"));

    // Not looked for by bootjack, found by the client.
    edit(&boot, &config("off"));
    count(&appliance, "reloaded", 1);
    let host = lan.client("second");
    let mut careful = LeaseClient::new(Program::Udhcpc, &host)
        .flag("-a")
        .flag("-r")
        .flag("10.77.0.100");
    assert_eq!(careful.get().address, at(102));
    let granted = [("address", "10.77.0.100"), ("message", "ack")];
    assert_eq!(event(&appliance, "granted", &granted)["client"], mac(&host));
    let declined = || state(&boot, at(100)).as_deref() == Some("declined");
    poll::expect("the quarantine", SOON, declined);
    let conflicts = appliance
        .events()
        .into_iter()
        .filter(|e| e["event"] == "conflict");
    assert_eq!(conflicts.count(), 1);
    assert!(leases(&boot, &["list", "--only", "declined"]).contains("10.77.0.100"));
}

/// However many addresses are tried for it, a DISCOVER is told of once, and before what it is answered.
#[test]
fn a_discover_that_takes_two_addresses_is_told_of_once() {
    as_root!("a_discover_that_takes_two_addresses_is_told_of_once");
    let lan = Lan::new();
    let _squatter = lan.host("squatter", "10.77.0.100/24");
    let appliance = setup(&lan.appliance_host(), &config("auto")).start();
    let card = DhcpClient::new(&lan.client("pc"));
    let machine = BootClient::new(Speaker::Edk2, 1);
    card.broadcast(&machine.discover());
    assert_eq!(card.answer(US, machine.xid).yiaddr(), at(101));
    event(&appliance, "granted", &[("message", "offer")]);
    let timeline = appliance.timeline("52:54:00:78:00:01");
    let told: Vec<_> = timeline.iter().map(|e| e["event"].as_str()).collect();
    let asked = told.iter().filter(|name| **name == Some("discover"));
    assert_eq!(asked.count(), 1, "{told:?}");
    assert_eq!(
        (told[0], *told.last().unwrap()),
        (Some("discover"), Some("granted"))
    );
}

#[test]
fn a_used_address_behind_a_relay_is_found_by_icmp() {
    as_root!("a_used_address_behind_a_relay_is_found_by_icmp");
    let lan = Lan::new();
    let near = Ipv4Addr::new(10, 78, 0, 1);
    let boot = lan.appliance_host();
    boot.ip(&["route", "add", "10.78.0.0/24", "via", "10.77.0.9"]);
    let router = lan.host("router", "10.77.0.9/24");
    let segment = lan.segment();
    let down = lan.plug(&router, segment);
    router.address(&down, &format!("{near}/24"));
    relay::forward(&router);
    let _relay = relay::dnsmasq(&router, near, US);
    let squatter = lan.client_on("squatter", segment);
    squatter.address("eth0", "10.78.0.100/24");
    squatter.ip(&["route", "add", "default", "via", &near.to_string()]);
    let config = "  networks: [ { subnet: 10.78.0.0/24, pools: [ 10.78.0.100-10.78.0.101 ] } ]\n";
    let appliance = setup(&boot, config).start();
    let far = lan.client_on("far", segment);
    let lease = LeaseClient::new(Program::Udhcpc, &far).get();
    assert_eq!(lease.address, Ipv4Addr::new(10, 78, 0, 101));
    let conflict = event(&appliance, "conflict", &[("address", "10.78.0.100")]);
    assert!(conflict["by"].is_null(), "{conflict}");
    event(
        &appliance,
        "lease",
        &[("address", "10.78.0.100"), ("state", "declined")],
    );
}

/// Known before anybody asks: nothing is tried, declined or told of it as of somebody else's.
#[test]
fn an_address_of_this_host_is_not_in_the_game() {
    as_root!("an_address_of_this_host_is_not_in_the_game");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let host = lan.client("client");
    let config = format!(
        "  conflict-check: off\n  networks: [ {{ subnet: 10.77.0.0/24, pools: [ 10.77.0.2-10.77.0.3 ] }} ]\n  \
         reservations: [ {{ mac: \"{}\", address: {US}, host-name: kept }} ]\n",
        mac(&host)
    );
    let appliance = setup(&boot, &config).start();
    for words in [
        "has this host's own 10.77.0.2 in it",
        "10.77.0.2 is this host's own",
    ] {
        let told = |e: &serde_json::Value| e["text"].as_str().is_some_and(|t| t.contains(words));
        let warning = appliance.wait_for_event(SOON, |e| e["event"] == "warning" && told(e));
        let text = warning["text"].as_str().unwrap();
        assert!(text.contains("bootjack.yaml:"), "{text}");
    }
    let lease = LeaseClient::new(Program::Udhcpc, &host).get();
    assert_eq!(
        (lease.address, lease.host_name.as_deref()),
        (at(3), Some("kept"))
    );
    assert_eq!(state(&boot, US), None);
    let conflicts = appliance
        .events()
        .into_iter()
        .filter(|e| e["event"] == "conflict");
    assert_eq!(conflicts.count(), 0);
    let file = boot
        .file("bootjack")
        .join("bootjack.yaml")
        .display()
        .to_string();
    let who = mac(&host);
    let ask = [
        "explain", "--mac", &who, "--arch", "bios", "--config", &file,
    ];
    let said = boot.attempt(env!("CARGO_BIN_EXE_bootjack"), &ask);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("lease: 10.77.0.3 "), "{said}");
}
