//! The life of a lease, by all three real clients at once.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::house::{
    ACK, Imitated, US, at, event, kind, leases, mac, row, rows, setup, states, together,
};
use crate::support::appliance::Appliance;
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::lease_clients::{ALL, Lease, LeaseClient, Program};
use crate::support::requests::{Ear, State};

const OPTIONS: &str = r#"
            routers: 10.77.0.1
            dns: [10.77.0.1, 10.77.0.3]
            domain: lab.example
            search: [lab.example, example]
            ntp: 10.77.0.4
            mtu: 1400
            static-routes: [10.9.0.0/16 via 10.77.0.1, default via 10.77.0.1]
            custom: [ { code: 224, hex: "1e 02 ff" }, { code: 225, text: text } ]
"#;

/// A network `lab`; a reservation for each of these hosts: of an address for the second, of a name
/// for all, and for the third a lease so short that its client renews and rebinds by itself.
fn config(hosts: &[Host]) -> String {
    let [dhclient, udhcpc, dhcpcd] = [0, 1, 2].map(|n: usize| mac(&hosts[n]));
    format!(
        r#"
  lease-time: {{ min: 2s, default: 1h, max: 2h }}
  networks:
    - name: lab
      subnets:
        - subnet: 10.77.0.0/24
          pools: [ 10.77.0.100-10.77.0.199 ]
          options: {OPTIONS}
  reservations:
    - {{ mac: "{dhclient}", host-name: pc-0 }}
    - {{ mac: "{udhcpc}", host-name: pc-1, address: 10.77.0.50 }}
    - {{ mac: "{dhcpcd}", host-name: pc-2, lease-time: 24s }}
"#
    )
}

/// What the client of this number is to have.
fn expected(number: usize, address: Ipv4Addr) -> Lease {
    Lease {
        address,
        mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
        routers: vec![at(1)],
        dns: vec![at(1), at(3)],
        host_name: Some(format!("pc-{number}")),
        domain: Some("lab.example".into()),
        mtu: Some(1400),
        ntp: vec![at(4)],
        seconds: Some(if number == 2 { 24 } else { 3600 }),
        server: Some(US),
        search: vec!["lab.example".into(), "example".into()],
        routes: vec![("10.9.0.0/16".into(), at(1)), ("0.0.0.0/0".into(), at(1))],
        others: [(224, vec![0x1e, 2, 0xff]), (225, b"text".to_vec())].into(),
    }
}

/// dhclient tells its name, udhcpc asks for broadcast answers, the others for unicast ones.
fn client(program: Program, host: &Host) -> LeaseClient {
    let client = LeaseClient::new(program, host).ask(224).ask(225).eager();
    match program {
        Program::Dhclient => client.config("send host-name \"said-it\";"),
        Program::Udhcpc => client.flag("-B"),
        Program::Dhcpcd => client,
    }
}

fn check(told: &[Lease], addresses: &[Ipv4Addr]) {
    for (number, (lease, address)) in told.iter().zip(addresses).enumerate() {
        assert_eq!(*lease, expected(number, *address), "{:?}", ALL[number]);
    }
}

fn hear(ears: &[Ear], wanted: &[State; 3]) {
    for (ear, state) in ears.iter().zip(wanted) {
        ear.heard(state);
    }
}

#[test]
fn three_real_clients_through_the_life_of_a_lease() {
    as_root!("three_real_clients_through_the_life_of_a_lease");
    let lan = Lan::new();
    let boot = lan.host("boot", "192.168.9.2/24");
    boot.address("eth0", &format!("{US}/24")); // clients know the second address of the interface
    let hosts: Vec<Host> = ["a", "b", "c"].map(|role| lan.client(role)).into();
    let config = config(&hosts);
    let mut appliance = setup(&boot, &config).start();
    let ears: Vec<Ear> = hosts.iter().map(Ear::new).collect();
    let mut clients: Vec<_> = ALL.iter().zip(&hosts).map(|(p, h)| client(*p, h)).collect();

    let first = together(&mut clients, LeaseClient::get);
    let addresses: Vec<Ipv4Addr> = first.iter().map(|lease| lease.address).collect();
    check(&first, &addresses);
    assert_eq!(addresses[1], at(50));
    hear(
        &ears,
        &[State::Selecting, State::Selecting, State::Selecting],
    );
    listed_as_it_is(&boot, &appliance.api("leases"), &hosts, &addresses);

    check(&together(&mut clients, LeaseClient::renew), &addresses);
    hear(&ears, &[State::Renewing, State::Renewing, State::Renewing]);
    check(&together(&mut clients, LeaseClient::rebind), &addresses);
    hear(
        &ears,
        &[State::Rebinding, State::Rebinding, State::Rebinding],
    );

    for client in &mut clients {
        client.crash();
    }
    for state in states_of(&hosts, &appliance) {
        assert_eq!(state, ["offered", "leased"]);
    }
    appliance.process().kill();
    drop(appliance);
    let mut appliance = setup(&boot, &config).start();
    check(&together(&mut clients, LeaseClient::reboot), &addresses);
    hear(
        &ears,
        &[State::InitReboot, State::Selecting, State::InitReboot],
    );

    assert!(appliance.stop().success());
    drop(appliance);
    let appliance = setup(&boot, &config).start();
    check(&together(&mut clients, LeaseClient::renew), &addresses);
    for client in &mut clients {
        assert_eq!(client.naks(), 0);
        client.release();
    }
    for (host, address) in hosts.iter().zip(&addresses) {
        let words = [("address", &*address.to_string()), ("state", "released")];
        assert_eq!(event(&appliance, "lease", &words)["client"], mac(host));
        assert_eq!(row(&boot, *address).unwrap()["state"], "released");
    }
}

fn states_of(hosts: &[Host], appliance: &Appliance) -> Vec<Vec<String>> {
    hosts
        .iter()
        .map(|host| states(appliance, &mac(host)))
        .collect()
}

/// `bootjack leases`, in all its forms, and the API show what the clients have.
fn listed_as_it_is(boot: &Host, api: &Value, hosts: &[Host], addresses: &[Ipv4Addr]) {
    let names = [("pc-0", Some("said-it")), ("pc-1", None), ("pc-2", None)];
    let listed = rows(boot);
    for ((host, address), (given, own)) in hosts.iter().zip(addresses).zip(names) {
        let (mac, address) = (mac(host), address.to_string());
        for rows in [&listed, api["leases"].as_array().unwrap()] {
            let row = rows.iter().find(|row| row["mac"] == mac).unwrap();
            assert_eq!(row["address"], address, "{row}");
            assert_eq!(
                (&row["state"], &row["network"]),
                (&"leased".into(), &"lab".into())
            );
            let told = ["host_name", "client_name", "profile"].map(|key| row[key].as_str());
            assert_eq!(told, [Some(given), own, None]);
        }
        for words in [
            ["show", &mac],
            ["export", "--format=json"],
            ["export", "--format=dnsmasq"],
        ] {
            let said = leases(boot, &words);
            assert!(said.contains(&mac) && said.contains(&address), "{said}");
        }
    }
    let row = listed
        .iter()
        .find(|row| row["mac"] == mac(&hosts[1]))
        .unwrap();
    let time = |key: &str| {
        row[key]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let lasts = time("until").as_second() - time("since").as_second();
    assert!((3600..3660).contains(&lasts), "{row}");
    let since = jiff::Timestamp::now().as_second() - time("since").as_second();
    assert!((0..60).contains(&since), "{row}");
}

/// A lease that its client lets lapse, one that the operator ends, one of a machine that boots.
#[test]
fn leases_end_and_their_events_tell_of_it() {
    as_root!("leases_end_and_their_events_tell_of_it");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let hosts: Vec<Host> = ["a", "b"].map(|role| lan.client(role)).into();
    let short = format!("{{ mac: \"{}\", lease-time: 2s }}", mac(&hosts[0]));
    let config = format!(
        "  lease-time: {{ min: 2s, default: 1h }}\n  networks: [ {{ subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.102 ] }} ]\n  reservations: [ {short} ]\n"
    );
    let setup = setup(&boot, &config).profile(
        "lab.yaml",
        "name: Lab\nmenu: { entries: [ { id: d, local: true } ] }\n",
    );
    let appliance = setup.start();
    let mut clients: Vec<_> = [Program::Udhcpc, Program::Dhcpcd]
        .into_iter()
        .zip(&hosts)
        .map(|(program, host)| LeaseClient::new(program, host))
        .collect();
    let addresses = together(&mut clients, |client| {
        let lease = client.get();
        client.crash();
        lease
    });
    let lapsed = addresses[0].address.to_string();
    event(
        &appliance,
        "lease",
        &[("address", &lapsed), ("state", "expired")],
    );
    assert_eq!(
        states(&appliance, &mac(&hosts[0])),
        ["offered", "leased", "expired"]
    );
    assert!(leases(&boot, &["list", "--only", "expired"]).contains(&lapsed));

    // The address that the operator ends is anybody's again.
    let held = addresses[1].address;
    let other = Imitated::new(&lan.client("other"), 1);
    let wish = other.discover().with(50, &held.octets());
    assert_ne!(other.ask(&wish).yiaddr(), held);
    leases(&boot, &["release", &held.to_string()]);
    assert_eq!(
        states(&appliance, &mac(&hosts[1])),
        ["offered", "leased", "released"]
    );
    let third = Imitated::new(&lan.client("third"), 2);
    let wish = third.discover().with(50, &held.octets());
    assert_eq!(third.ask(&wish).yiaddr(), held);

    // A machine that boots has its profile in the list. What lapsed is given again.
    let machine = BootClient::new(Speaker::Edk2, 1);
    other.card.broadcast(&machine.discover());
    let offer = other.card.answer(US, machine.xid);
    assert_eq!(offer.yiaddr(), addresses[0].address);
    let request = machine.lease_request(offer.yiaddr(), US);
    other.card.broadcast(&request);
    let ack = |r: &Reply| r.xid() == machine.xid && kind(r) == ACK;
    assert!(other.card.hear(ANSWER, ack).is_some(), "the ACK");
    assert_eq!(row(&boot, offer.yiaddr()).unwrap()["profile"], "Lab");
    let timeline = appliance.timeline("52:54:00:78:00:01");
    let told: Vec<_> = timeline
        .iter()
        .map(|e| (e["event"].as_str().unwrap(), e["state"].as_str()))
        .collect();
    let in_order = [
        ("discover", None),
        ("lease", Some("offered")),
        ("granted", None),
        ("lease", Some("leased")),
        ("granted", None),
    ];
    assert_eq!(told, in_order);
}

/// A host whose address is set by hand asks for the rest: no lease is made of it.
#[test]
fn an_inform_is_told_options_alone() {
    as_root!("an_inform_is_told_options_alone");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let config = "  networks: [ { subnet: 10.77.0.0/24, options: { domain: lab.example }, pools: [ 10.77.0.100-10.77.0.199 ] } ]\n";
    let appliance = setup(&boot, config).start();
    let fixed = lan.host("fixed", "10.77.0.5/24");
    let told = LeaseClient::new(Program::Dhcpcd, &fixed)
        .flag("--inform")
        .get();
    assert_eq!((told.address, told.seconds), (at(5), None));
    assert_eq!(told.domain.as_deref(), Some("lab.example"));
    let words = [("client", &*mac(&fixed)), ("message", "inform")];
    assert_eq!(event(&appliance, "granted", &words)["to"], "10.77.0.5:68");
    assert_eq!(rows(&boot).len(), 0);
}

/// BOOTP has no type of message (option 53), and no end of a lease.
#[test]
fn a_bootp_client_gets_its_address_and_is_told_of_as_one() {
    as_root!("a_bootp_client_gets_its_address_and_is_told_of_as_one");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let pools = "[ { range: 10.77.0.100-10.77.0.199, bootp: true } ]";
    let config = format!("  networks: [ {{ subnet: 10.77.0.0/24, pools: {pools} }} ]\n");
    let appliance = setup(&boot, &config).start();
    let rom = Imitated::new(&lan.client("rom"), 1);
    let asks = rom.discover().without(53);
    rom.card.broadcast(&asks);
    let reply = rom.card.hear(ANSWER, |r| r.xid() == asks.xid).unwrap();
    assert_eq!(reply.option(53), None);
    event(&appliance, "discover", &[("message", "bootp")]);
    let told = event(&appliance, "granted", &[("message", "bootp")]);
    assert_eq!(told["address"], reply.yiaddr().to_string());
}
