//! Reservations by everything that tells a machine; in mode `proxy` they pick profiles alone.

use std::net::Ipv4Addr;

use crate::house::{ACK, Imitated, US, at, event, kind, mac, plain, setup, together};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::DhcpClient;
use crate::support::lan::Lan;
use crate::support::lease_clients::{Lease, LeaseClient, Program};
use crate::support::packet::Packet;
use crate::support::relay;

#[test]
fn a_machine_is_known_by_mac_client_id_uuid_and_circuit() {
    as_root!("a_machine_is_known_by_mac_client_id_uuid_and_circuit");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    boot.ip(&["route", "add", "10.78.0.0/24", "via", "10.77.0.9"]);
    let router = lan.host("router", "10.77.0.9/24");
    let segment = lan.segment();
    let down = lan.plug(&router, segment);
    router.address(&down, "10.78.0.1/24");
    relay::forward(&router);
    let _relay = relay::isc(&router, &down, "eth0", US, &["-a"]);
    let (by_mac, by_id) = (lan.client("mac"), lan.client("id"));
    let by_circuit = lan.client_on("circuit", segment);
    let machine = BootClient::new(Speaker::Edk2, 1);
    let octets = machine.uuid.map(|octet| format!("{octet:02x}"));
    let uuid = [0..4, 4..6, 6..8, 8..10, 10..16].map(|part| octets[part].concat());
    let uuid = uuid.join("-");
    let config = format!(
        r#"
  networks:
    - {{ subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] }}
    - {{ subnet: 10.78.0.0/24, pools: [ 10.78.0.100-10.78.0.199 ], options: {{ routers: 10.78.0.1 }} }}
  reservations:
    - {{ mac: "{}", address: 10.77.0.11, host-name: by-mac }}
    - {{ client-id: "ff:01:02:03:04", address: 10.77.0.12, host-name: by-id }}
    - {{ uuid: {uuid}, address: 10.77.0.13, host-name: by-uuid }}
    - {{ circuit-id: {down}, address: 10.78.0.14, host-name: by-circuit }}
"#,
        mac(&by_mac)
    );
    let appliance = setup(&boot, &config).start();
    let mut clients = [
        LeaseClient::new(Program::Udhcpc, &by_mac),
        LeaseClient::new(Program::Dhclient, &by_id)
            .client_id(&[0xff, 1, 2, 3, 4])
            .eager(),
        LeaseClient::new(Program::Dhcpcd, &by_circuit),
    ];
    let far = Ipv4Addr::new(10, 78, 0, 14);
    let told = [(at(11), "by-mac"), (at(12), "by-id"), (far, "by-circuit")];
    let had = |act: fn(&mut LeaseClient) -> Lease, clients: &mut [LeaseClient]| {
        let leases = together(clients, act).into_iter();
        let both = leases.map(|lease| (lease.address, lease.host_name.unwrap()));
        both.collect::<Vec<_>>()
    };
    let told = told.map(|(address, name)| (address, name.to_owned()));
    assert_eq!(had(LeaseClient::get, &mut clients), told);
    // By unicast, past the relay that alone knows the circuit. (ISC's hears it all the same, and
    // relays a copy.)
    assert_eq!(had(LeaseClient::renew, &mut clients), told);
    let events = appliance.events();
    let refused = events.iter().find(|e| e["message"] == "nak");
    assert_eq!(refused, None);

    let card = DhcpClient::new(&lan.client("pc"));
    card.broadcast(&machine.discover());
    let offer = card.answer(US, machine.xid);
    assert_eq!(offer.yiaddr(), at(13));
    assert_eq!(offer.option(12).as_deref(), Some(&b"by-uuid"[..]));
    // Reserved is reserved: nobody else gets one of these, were it asked for by its name.
    let other = Imitated::new(&lan.client("other"), 1);
    let wish = other.discover().with(50, &at(11).octets());
    assert!(other.ask(&wish).yiaddr() >= at(100));
}

const ENTRIES: &str = "menu: { entries: [ { id: d, local: true } ] }\n";

#[test]
fn in_mode_proxy_a_reservation_picks_the_profile_and_nothing_else() {
    as_root!("in_mode_proxy_a_reservation_picks_the_profile_and_nothing_else");
    let lan = Lan::new();
    let (known, unknown) = (
        BootClient::new(Speaker::Edk2, 1),
        BootClient::new(Speaker::Edk2, 2),
    );
    let known_mac = known.mac.map(|octet| format!("{octet:02x}")).join(":");
    let config = format!(
        "mode: proxy
dhcp:
  networks: [ {{ subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] }} ]
  reservations: [ {{ mac: \"{known_mac}\", address: 10.77.0.11, profile: Chosen }} ]
"
    );
    let appliance = plain(&lan.appliance_host())
        .profile(
            "chosen.yaml",
            &format!("name: Chosen\nmatch: {{ mac: \"02:00:00:00:00:01\" }}\n{ENTRIES}"),
        )
        .profile("everyone.yaml", &format!("name: Everyone\n{ENTRIES}"))
        .config(&config)
        .start();
    let pc = lan.client("pc");
    let card = DhcpClient::new(&pc);
    for (client, profile) in [(known, "Chosen"), (unknown, "Everyone")] {
        // A REQUEST for a lease, and a plain client's DISCOVER, are not answered at all.
        card.broadcast(&Packet {
            xid: 7,
            ..client.lease_request(at(11), US)
        });
        card.broadcast(&BootClient::new(Speaker::Udhcpc, 9).discover());
        card.broadcast(&client.discover());
        let mut told = card.heard_until(|r| r.xid() == client.xid && r.from.port() == 67);
        told.retain(|r| r.from.port() == 67);
        assert!(told.is_empty(), "{told:?}");
        let mac = client.mac.map(|octet| format!("{octet:02x}")).join(":");
        let answer = event(&appliance, "answer", &[("client", &mac)]);
        assert_eq!(answer["profile"], profile, "{answer}");
    }
    card.broadcast(&Packet {
        xid: 8,
        ..known.discover()
    });
    let offer = card.answer(US, 8);
    assert_eq!(offer.yiaddr(), Ipv4Addr::UNSPECIFIED);
    assert!(kind(&offer) != ACK && offer.option(51).is_none());
}
