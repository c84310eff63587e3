//! Two interfaces with a network each, and clients whose cable goes from one to the other.

use std::net::Ipv4Addr;

use crate::house::{US, event, mac, row, setup, together};
use crate::support::lan::{Host, Lan};
use crate::support::lease_clients::{ALL, LeaseClient, Program};

const NETWORKS: &str = r"
  networks:
    - { name: here, subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] }
    - { name: there, subnet: 10.78.0.0/24, pools: [ 10.78.0.100-10.78.0.199 ], options: { domain: there.example } }
";
const US_THERE: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);

/// dhclient and dhcpcd come up elsewhere and ask for what they had; udhcpc runs on, and asks
/// everybody to extend its lease when its server is not there any more.
#[test]
fn clients_that_are_moved_hear_a_nak_and_get_an_address_of_that_network() {
    as_root!("clients_that_are_moved_hear_a_nak_and_get_an_address_of_that_network");
    let lan = Lan::new();
    let there = lan.segment();
    let boot = lan.appliance_host();
    let second = lan.plug(&boot, there);
    boot.address(&second, &format!("{US_THERE}/24"));
    // Each address is one of its own cable alone.
    let strict = || std::fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", "1");
    boot.enter(strict).unwrap();
    let appliance = setup(&boot, NETWORKS).start();

    let hosts: Vec<Host> = ["a", "b", "c"].map(|role| lan.client(role)).into();
    let clients = ALL.iter().zip(&hosts);
    let mut clients: Vec<_> = clients.map(|(p, h)| LeaseClient::new(*p, h)).collect();
    let first = together(&mut clients, LeaseClient::get);
    for lease in &first {
        assert_eq!((lease.address.octets()[1], lease.server), (77, Some(US)));
        assert_eq!(lease.domain, None);
    }
    for ((program, client), host) in ALL.iter().zip(&mut clients).zip(&hosts) {
        if *program != Program::Udhcpc {
            client.crash();
        }
        lan.replug(host, "eth0", there);
    }
    let again = |client: &mut LeaseClient| {
        if client.runs() {
            client.renew()
        } else {
            client.reboot()
        }
    };
    let second = together(&mut clients, again);
    for ((lease, client), program) in second.iter().zip(&clients).zip(ALL) {
        assert_eq!(lease.address.octets()[1], 78, "{program:?}");
        assert_eq!(lease.server, Some(US_THERE), "{program:?}");
        assert_eq!(lease.domain.as_deref(), Some("there.example"));
        // udhcpc heeds no NAK but its own server's, and starts anew when nobody extends its lease.
        let heeded = usize::from(program != Program::Udhcpc);
        assert_eq!(client.naks(), heeded, "{program:?}");
    }
    for (host, (old, new)) in hosts.iter().zip(first.iter().zip(&second)) {
        let nak = event(
            &appliance,
            "granted",
            &[("client", &mac(host)), ("message", "nak")],
        );
        assert_eq!(nak["network"], "there", "{nak}");
        // The old address stays theirs until its time is over: nobody gave it back.
        for (lease, network) in [(old, "here"), (new, "there")] {
            let row = row(&boot, lease.address).unwrap();
            assert_eq!(
                (&row["state"], &row["network"]),
                (&"leased".into(), &network.into())
            );
        }
    }
}
