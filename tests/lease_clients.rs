//! The laboratory's DHCP clients and relays do what their names say: real servers are the witness.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

mod support;

use std::net::Ipv4Addr;

use support::lan::{Host, Lan};
use support::lease_clients::{ALL, Lease, LeaseClient, Program};
use support::relay;
use support::requests::{Ear, State};
use support::servers::{POOL, Server};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// What every server of these tests hands out.
const OPTIONS: [&str; 10] = [
    "--dhcp-option=58,4",
    "--dhcp-option=59,8",
    "--dhcp-option=6,10.77.0.1,10.77.0.3",
    "--dhcp-option=15,lab.example",
    "--dhcp-option=26,1400",
    "--dhcp-option=42,10.77.0.4",
    "--dhcp-option=119,lab.example,example",
    "--dhcp-option=121,10.9.0.0/16,10.77.0.1,0.0.0.0/0,10.77.0.1",
    "--dhcp-option=224,1e:02:ff",
    "--dhcp-option=225,text",
];

fn expected(address: Ipv4Addr) -> Lease {
    Lease {
        address,
        mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
        routers: vec![SERVER],
        dns: vec![SERVER, Ipv4Addr::new(10, 77, 0, 3)],
        host_name: None,
        domain: Some("lab.example".into()),
        mtu: Some(1400),
        ntp: vec![Ipv4Addr::new(10, 77, 0, 4)],
        seconds: Some(3600),
        server: Some(SERVER),
        search: vec!["lab.example".into(), "example".into()],
        routes: vec![("10.9.0.0/16".into(), SERVER), ("0.0.0.0/0".into(), SERVER)],
        others: [(224, vec![0x1e, 2, 0xff]), (225, b"text".to_vec())].into(),
    }
}

/// The messages of one kind that a server has logged, by dnsmasq's or ISC's word for them.
fn heard(server: &Server, word: &str) -> usize {
    server.log().matches(word).count()
}

fn has(host: &Host, address: Ipv4Addr) -> bool {
    let listing = host.ip(&["-br", "-4", "addr", "show", "eth0"]);
    listing.contains(&format!(" {address}/24"))
}

fn whole_life(program: Program) {
    let lan = Lan::new();
    let server = Server::dnsmasq_with(&lan.dhcp_host(), &OPTIONS);
    let host = lan.client("client");
    let ear = Ear::new(&host);
    let mut client = LeaseClient::new(program, &host).ask(224).ask(225).eager();
    let first = client.get();
    ear.heard(&State::Selecting);
    let address = first.address;
    assert!((POOL.0..=POOL.1).contains(&address), "{address}");
    assert_eq!(first, expected(address), "{program:?}");
    assert!(has(&host, address));

    assert_eq!(client.renew(), expected(address), "{program:?}");
    ear.heard(&State::Renewing);
    assert_eq!(client.rebind(), expected(address), "{program:?}");
    ear.heard(&State::Rebinding);
    assert!(heard(&server, "DHCPACK(") >= 3);
    let discovers = heard(&server, "DHCPDISCOVER(");

    client.crash();
    assert!(!has(&host, address));
    assert_eq!(client.reboot(), expected(address), "{program:?}");
    let again = if program == Program::Udhcpc {
        State::Selecting
    } else {
        State::InitReboot
    };
    ear.heard(&again);
    let asked_anew = heard(&server, "DHCPDISCOVER(") > discovers;
    assert_eq!(asked_anew, program == Program::Udhcpc);
    assert_eq!((client.naks(), heard(&server, "DHCPRELEASE(")), (0, 0));

    client.release();
    let released = || heard(&server, "DHCPRELEASE(") == 1;
    support::poll::expect("the RELEASE", support::lease_clients::PATIENCE, released);
    assert!(!has(&host, address));
}

#[test]
fn dhclient_through_the_life_of_a_lease() {
    if support::left_out("dhclient_through_the_life_of_a_lease") {
        return;
    }
    whole_life(Program::Dhclient);
}

#[test]
fn udhcpc_through_the_life_of_a_lease() {
    if support::left_out("udhcpc_through_the_life_of_a_lease") {
        return;
    }
    whole_life(Program::Udhcpc);
}

#[test]
fn dhcpcd_through_the_life_of_a_lease() {
    if support::left_out("dhcpcd_through_the_life_of_a_lease") {
        return;
    }
    whole_life(Program::Dhcpcd);
}

#[test]
fn an_address_in_use_is_declined_and_options_are_had_without_a_lease() {
    if support::left_out("an_address_in_use_is_declined_and_options_are_had_without_a_lease") {
        return;
    }
    let lan = Lan::new();
    let server = Server::dnsmasq_with(&lan.dhcp_host(), &OPTIONS);
    let host = lan.client("client");
    let mut client = LeaseClient::new(Program::Udhcpc, &host);
    let address = client.get().address;
    client.crash();
    let _squatter = lan.host("squatter", &format!("{address}/24"));
    let mut careful = LeaseClient::new(Program::Udhcpc, &host).flag("-a");
    assert_ne!(careful.get().address, address);
    assert_eq!(heard(&server, "DHCPDECLINE("), 1, "{}", server.log());

    let fixed = lan.client("fixed");
    fixed.address("eth0", "10.77.0.5/24");
    let inform = LeaseClient::new(Program::Dhcpcd, &fixed).flag("--inform");
    let told = { inform }.get();
    assert_eq!(told.address, Ipv4Addr::new(10, 77, 0, 5));
    assert_eq!(told.domain.as_deref(), Some("lab.example"));
    assert_eq!((told.seconds, heard(&server, "DHCPINFORM(")), (None, 1));
}

/// A lease of one network, asked for in another: the server there says no, and gives another one.
#[test]
fn a_client_that_is_moved_hears_a_nak() {
    if support::left_out("a_client_that_is_moved_hears_a_nak") {
        return;
    }
    for program in [Program::Dhclient, Program::Dhcpcd] {
        let lan = Lan::new();
        let dhcp = lan.dhcp_host();
        let host = lan.client("client");
        let mut client = LeaseClient::new(program, &host);
        let here = "subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.100 10.77.0.109; }";
        let there = "authoritative;\nsubnet 10.78.0.0 netmask 255.255.255.0 { range 10.78.0.100 10.78.0.109; }";
        let server = Server::isc_dhcpd_by(&dhcp, here, &["eth0"]);
        assert_eq!(client.get().address.octets()[1], 77);
        client.crash();
        drop(server);
        dhcp.ip(&["addr", "flush", "dev", "eth0"]);
        dhcp.address("eth0", "10.78.0.1/24");
        let _server = Server::isc_dhcpd_by(&dhcp, there, &["eth0"]);
        assert_eq!(client.reboot().address.octets()[1], 78, "{program:?}");
        assert_eq!(client.naks(), 1, "{program:?}");
    }
}

type Start = fn(&Host) -> Server;

/// The three servers, each with a client of another kind, tell the same lease in their own files.
#[test]
fn every_server_gives_a_lease_and_remembers_it() {
    if support::left_out("every_server_gives_a_lease_and_remembers_it") {
        return;
    }
    let servers: [Start; 3] = [
        |host| Server::dnsmasq_with(host, &["--dhcp-option=15,lab.example"]),
        |host| Server::isc_dhcpd(host, "option domain-name \"lab.example\";"),
        |host| {
            let options = r#""option-data": [ { "name": "domain-name", "data": "lab.example" } ]"#;
            Server::kea(host, options)
        },
    ];
    for (start, program) in servers.into_iter().zip(ALL) {
        let lan = Lan::new();
        let server = start(&lan.dhcp_host());
        let host = lan.client("client");
        let lease = LeaseClient::new(program, &host)
            .client_id(&[1, 2, 3, 4, 5, 6, 7])
            .get();
        assert_eq!(lease.domain.as_deref(), Some("lab.example"), "{program:?}");
        assert_eq!(lease.server, Some(SERVER));
        let mac = host
            .mac("eth0")
            .map(|octet| format!("{octet:02x}"))
            .join(":");
        let remembered = || server.lease_of(&mac) == Some(lease.address);
        let within = support::lease_clients::PATIENCE;
        support::poll::expect("the lease on disk", within, remembered);
    }
}

/// A router between a client and its server, with either relay; ISC's adds option 82.
#[test]
fn both_relays_carry_a_lease() {
    if support::left_out("both_relays_carry_a_lease") {
        return;
    }
    let near = Ipv4Addr::new(10, 78, 0, 1);
    for isc in [true, false] {
        let lan = Lan::new();
        let dhcp = lan.dhcp_host();
        dhcp.ip(&["route", "add", "10.78.0.0/24", "via", "10.77.0.9"]);
        let server = Server::dnsmasq_with(
            &dhcp,
            &[
                "--dhcp-range=set:far,10.78.0.100,10.78.0.199,255.255.255.0,1h",
                "--dhcp-option=tag:far,3,10.78.0.1",
                "--dhcp-circuitid=set:circuit,eth1",
                "--dhcp-option=tag:circuit,15,by-circuit",
            ],
        );
        let router = lan.host("router", "10.77.0.9/24");
        let segment = lan.segment();
        let down = lan.plug(&router, segment);
        router.address(&down, "10.78.0.1/24");
        relay::forward(&router);
        let _relay = if isc {
            relay::isc(&router, &down, "eth0", SERVER, &["-a"])
        } else {
            relay::dnsmasq(&router, near, SERVER)
        };
        let host = lan.client_on("far", segment);
        let mut client = LeaseClient::new(Program::Dhclient, &host).eager();
        let lease = client.get();
        assert_eq!((lease.address.octets()[1], lease.routers), (78, vec![near]));
        let by_circuit = lease.domain.as_deref() == Some("by-circuit");
        assert_eq!(by_circuit, isc, "{}", server.log());
        // By unicast through the router, without the relay.
        assert_eq!(client.renew().address, lease.address);
    }
}
