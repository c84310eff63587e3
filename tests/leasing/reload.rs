//! The config file changes while bootjack serves: told by SIGHUP, or seen by itself.

use crate::house::{Imitated, SOON, at, count, edit, event, mac, setup, together};
use crate::support::lan::{Host, Lan};
use crate::support::lease_clients::{Lease, LeaseClient, Program};

/// A pool, and reservations.
fn config(pool: &str, reserved: &[(&str, &str)]) -> String {
    let line = |(mac, address): &(&str, &str)| {
        format!("    - {{ mac: \"{mac}\", address: {address}, host-name: kept }}\n")
    };
    let reserved: String = reserved.iter().map(line).collect();
    let reserved = match reserved.as_str() {
        "" => String::new(),
        lines => format!("  reservations:\n{lines}"),
    };
    format!(
        "  conflict-check: off\n  networks: [ {{ subnet: 10.77.0.0/24, pools: [ {pool} ] }} ]\n{reserved}"
    )
}

const OLD: &str = "10.77.0.100-10.77.0.109";
const NEW: &str = "10.77.0.150-10.77.0.159";

/// Without looking by itself: only SIGHUP makes it read.
#[test]
fn a_hangup_puts_the_changed_config_in_force() {
    as_root!("a_hangup_puts_the_changed_config_in_force");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let mut appliance = setup(&boot, &config(OLD, &[])).flag("--poll=3600").start();
    let host = lan.client("client");
    let mut client = LeaseClient::new(Program::Udhcpc, &host);
    assert_eq!(client.get().address, at(100));

    edit(&boot, &config(OLD, &[(&mac(&host), "10.77.0.20")]));
    assert_eq!(client.renew().address, at(100), "nothing is read before");
    appliance.reload();
    count(&appliance, "reloaded", 1);
    let lease = client.renew();
    assert_eq!(
        (lease.address, lease.host_name.as_deref()),
        (at(20), Some("kept"))
    );
    assert_eq!(client.naks(), 1);
}

/// A NAK to a renewal goes to everybody (RFC 2131 4.1); dhcpcd 9.4.1 listens for what is sent to its
/// own address alone until the time to rebind has come. It hears one when it comes up again.
fn asks_again(client: &mut LeaseClient) -> Lease {
    if client.program() == Program::Dhcpcd {
        client.crash();
        return client.reboot();
    }
    let mut lease = client.renew();
    while lease.address < at(150) {
        lease = client.next_lease(SOON).expect("another lease");
    }
    lease
}

/// Seen by itself: a reservation more, a pool less, and a mistake.
#[test]
fn a_changed_config_is_in_force_by_itself() {
    as_root!("a_changed_config_is_in_force_by_itself");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let appliance = setup(&boot, &config(OLD, &[])).start();
    let hosts: Vec<Host> = ["a", "b", "c"].map(|role| lan.client(role)).into();
    let mut clients = vec![
        LeaseClient::new(Program::Dhclient, &hosts[0]).eager(),
        LeaseClient::new(Program::Dhcpcd, &hosts[1]),
    ];
    for lease in together(&mut clients, LeaseClient::get) {
        assert!((at(100)..=at(109)).contains(&lease.address), "{lease:?}");
    }

    // The pool is taken away: who has an address of it is told so when it renews.
    let added = config(NEW, &[(&mac(&hosts[2]), "10.77.0.21")]);
    edit(&boot, &added);
    count(&appliance, "reloaded", 1);
    let warned = appliance.wait_for_event(SOON, |e| {
        let text = e["text"].as_str().unwrap_or_default();
        e["event"] == "warning" && text.contains("outside every pool")
    });
    let text = warned["text"].as_str().unwrap();
    let words = "2 leases are outside every pool and reservation now, 10.77.0.100 the first: ";
    assert!(text.starts_with(words), "{text}");
    let lease = together(&mut clients, asks_again);
    for lease in &lease {
        assert!((at(150)..=at(159)).contains(&lease.address), "{lease:?}");
    }
    assert_ne!(lease[0].address, lease[1].address);
    for (client, host) in clients.iter().zip(&hosts) {
        assert_eq!(client.naks(), 1);
        event(
            &appliance,
            "granted",
            &[("client", &mac(host)), ("message", "nak")],
        );
    }
    let mut reserved = LeaseClient::new(Program::Udhcpc, &hosts[2]);
    assert_eq!(reserved.get().address, at(21), "the reservation is new");

    // What cannot be served is told, and the last good set goes on.
    edit(&boot, &added.replace("10.77.0.21", "10.79.0.21"));
    let rejected = event(&appliance, "rejected", &[]);
    assert!(rejected.to_string().contains("10.79.0.21"), "{rejected}");
    assert_eq!(reserved.renew().address, at(21));
    let new = Imitated::new(&lan.client("new"), 1);
    assert!(new.lease().1.yiaddr() >= at(150));
}

/// The file has not changed: the host has.
#[test]
fn an_address_that_the_host_gets_later_is_given_to_nobody() {
    as_root!("an_address_that_the_host_gets_later_is_given_to_nobody");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let pool = config("10.77.0.100-10.77.0.101", &[]);
    let appliance = setup(&boot, &pool).start();
    boot.address("eth0", "10.77.0.100/24");
    count(&appliance, "reloaded", 1);
    let client = Imitated::new(&lan.client("client"), 1);
    assert_eq!(client.lease().1.yiaddr(), at(101));
    let conflict = |e: &serde_json::Value| e["event"] == "conflict";
    assert!(!appliance.events().iter().any(conflict), "it is known");
    boot.ip(&["address", "del", "10.77.0.100/24", "dev", "eth0"]);
    count(&appliance, "reloaded", 2);
    let other = Imitated::new(&lan.client("other"), 2);
    assert_eq!(other.lease().1.yiaddr(), at(100), "it is free again");
}

/// Before that is read: an address of our own is no other's, whatever is tried.
#[test]
fn an_address_that_the_host_has_just_got_is_not_offered() {
    as_root!("an_address_that_the_host_has_just_got_is_not_offered");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let pool = config("10.77.0.100-10.77.0.101", &[]);
    let appliance = setup(&boot, &pool).flag("--poll=3600").start();
    boot.address("eth0", "10.77.0.100/24");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let client = Imitated::new(&lan.client("client"), 1);
    assert_eq!(client.lease().1.yiaddr(), at(101));
    event(&appliance, "conflict", &[("address", "10.77.0.100")]);
}
