//! Before mode `dhcp` serves, it asks whether somebody else does.

use std::time::Instant;

use crate::house::{Imitated, SOON, US, bootjack, kind, plain};
use crate::support::dhcp_client::Reply;
use crate::support::lan::Lan;
use crate::support::lease_clients::{LeaseClient, Program};
use crate::support::netns::attempt;
use crate::support::servers::Server;

const CONFIG: &str = "mode: dhcp
dhcp:
  conflict-check: off
  networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.50-10.77.0.59 ] } ]
";

#[test]
fn beside_a_dhcp_server_it_serves_only_where_it_is_told_to() {
    as_root!("beside_a_dhcp_server_it_serves_only_where_it_is_told_to");
    let lan = Lan::new();
    let _dnsmasq = Server::dnsmasq(&lan.dhcp_host());
    let boot = lan.appliance_host();
    let setup = plain(&boot).config(CONFIG);
    let state = boot.file("bootjack").join("state");
    let mut command = bootjack(&boot);
    command
        .arg("serve")
        .arg("--config")
        .arg(setup.config_file())
        .arg("--state")
        .arg(state);
    let began = Instant::now();
    let ended = attempt(&mut command);
    println!(
        "another DHCP server is found and named in {:.1?}",
        began.elapsed()
    );
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{said}");
    for word in [
        "eth0",
        "10.77.0.1 ",
        "offers 10.77.0.1",
        "--force",
        "--mode proxy",
    ] {
        assert!(said.contains(word), "{word:?}: {said}");
    }

    // With --force it serves, and refuses nobody: what it does not know is the other one's.
    let appliance = setup.flag("--force").start();
    let client = Imitated::new(&lan.client("client"), 1);
    let packet = client.discover();
    client.card.broadcast(&packet);
    let offer = client.card.answer(US, packet.xid);
    assert!((50..60).contains(&offer.yiaddr().octets()[3]));
    let theirs = client.reboot("10.77.0.150".parse().unwrap());
    client.card.broadcast(&theirs);
    let marker = client.discover();
    client.card.broadcast(&marker);
    let ours = |r: &Reply| *r.from.ip() == US && r.xid() == marker.xid;
    let told = client.card.heard_until(ours);
    assert!(
        told.iter().all(|r| *r.from.ip() != US || kind(r) == 2),
        "{told:?}"
    );

    // Whoever chooses the other one is the sign that there are two.
    let chosen = "10.77.0.1".parse().unwrap();
    client
        .card
        .broadcast(&client.request("10.77.0.150".parse().unwrap(), chosen));
    client
        .card
        .broadcast(&client.request("10.77.0.151".parse().unwrap(), chosen));
    let warning = "another DHCP server gives leases on eth0: 10.77.0.1;";
    appliance.wait_for_event(SOON, |e| {
        let text = e["text"].as_str().unwrap_or_default();
        e["event"] == "warning" && text.contains(warning)
    });
}

#[test]
fn beside_nobody_it_serves_after_the_question() {
    as_root!("beside_nobody_it_serves_after_the_question");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    boot.address("eth0", "10.99.0.2/24");
    let second = lan.plug(&boot, lan.segment());
    boot.address(&second, "10.77.0.3/32");
    let setup = plain(&boot).config(CONFIG);
    let began = Instant::now();
    let appliance = setup.start(); // within its 20 s
    println!("alone on the LAN it is ready in {:.1?}", began.elapsed());
    let strange = "leases are given on eth0 in 10.77.0.0/24; 10.99.0.2 there is in no subnet below";
    for (name, words) in [
        ("warning", strange),
        ("notice", "leases are given on eth1 in 10.77.0.0/24"),
    ] {
        appliance.wait_for_event(SOON, |e| {
            let text = e["text"].as_str().unwrap_or_default();
            e["event"] == name && text.starts_with(words)
        });
    }
    let mut client = LeaseClient::new(Program::Udhcpc, &lan.client("client"));
    assert_eq!(client.get().server, Some(US));
}
