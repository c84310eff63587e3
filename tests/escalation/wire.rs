//! On the wire: clients that do not follow one shape, and what an operator sees of it.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde_json::Value;

use crate::lab::{Lab, US, said};
use crate::run::{BOOTJACK, Said};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, Reply};
use crate::support::packet::Packet;

/// 43{6=8} with a prompt.
pub const BYPASS: [u8; 4] = [6, 1, 8, 255];

#[test]
fn a_client_deaf_to_one_shape_is_offered_the_next_which_is_remembered() {
    crate::as_root!("a_client_deaf_to_one_shape_is_offered_the_next_which_is_remembered");
    let mut lab = Lab::new();
    let mut client = BootClient::new(Speaker::Edk2, 1);
    for _ in 0..2 {
        assert_eq!(lab.stops_at_the_lease(&mut client), None);
    }
    assert!(!lab.explained().contains("learnt"));
    let address = is_offered_the_next(&lab, &mut client);
    follows_it(&mut lab, address);
    is_offered_it_after_a_restart(&mut lab, &mut client);
    is_forgotten(&mut lab, &mut client);
}

fn is_offered_the_next(lab: &Lab, client: &mut BootClient) -> Ipv4Addr {
    client.xid += 0x100;
    let (offer, address) = lab.lease(client, |packet| packet);
    assert_eq!(offer.option(43), Some(BYPASS.to_vec()));
    let step = lab.event("escalated");
    let told = ["client", "strategy", "next"].map(|key| step[key].as_str().unwrap());
    assert_eq!(told, ["52:54:00:78:00:01", "offer-4011", "augment"]);
    assert_eq!(step["failures"], 2);
    let tried = lab.said(&["machines"]);
    assert!(tried.succeeds().contains("augment"), "{tried:?}");
    address
}

fn follows_it(lab: &mut Lab, address: Ipv4Addr) {
    lab.card.take(address);
    lab.fetches("snponly.efi");
    let follows = lab.event("follows");
    assert_eq!(
        (&follows["strategy"], &follows["remembered"]),
        (&"augment".into(), &true.into())
    );
    let seen = lab.appliance.api("clients/52:54:00:78:00:01");
    assert_eq!(seen["learnt"][0]["follows"], "augment", "{seen}");
    let metrics = lab.appliance.get("/metrics");
    for line in [
        r#"bootjack_escalations_total{from="offer-4011",to="augment"} 1"#,
        "bootjack_machines_remembered 1",
    ] {
        let told = metrics.lines().any(|l| l == line);
        assert!(told, "{line} is not in\n{metrics}");
    }
}

fn is_offered_it_after_a_restart(lab: &mut Lab, client: &mut BootClient) {
    let is_listed = |said: &Said| {
        let rows: Vec<Value> = serde_json::from_str(said.succeeds()).unwrap();
        let fields = ["mac", "platform", "follows"].map(|key| rows[0][key].as_str().unwrap());
        assert_eq!(fields, ["52:54:00:78:00:01", "efi-x64", "augment"]);
        assert_eq!(rows.len(), 1);
    };
    is_listed(&lab.said(&["machines", "list", "--json"]));
    lab.again(|state| is_listed(&said(state, &["machines", "--json"])));
    let explained = lab.explained();
    for line in [
        "\nlearnt: follows augment (since ",
        "\nstrategy: augment: ",
        "\nchosen by: learnt from ",
    ] {
        assert!(explained.contains(line), "{line} is not in {explained}");
    }
    client.xid += 0x100;
    let (offer, _) = lab.lease(client, |packet| packet);
    assert_eq!(offer.option(43), Some(BYPASS.to_vec()));
    let answer = lab
        .appliance
        .wait_for_event(ANSWER, |event| event["message"] == "offer");
    assert_eq!(answer["chosen_by"], "learnt");
}

fn is_forgotten(lab: &mut Lab, client: &mut BootClient) {
    let forgotten = lab.said(&["machines", "forget", "52:54:00:78:00:01"]);
    assert_eq!(
        forgotten.succeeds(),
        "what was learnt of 52:54:00:78:00:01 is forgotten\n"
    );
    client.xid += 0x100;
    let (offer, _) = lab.lease(client, |packet| packet);
    assert_eq!(offer.option(43), None);
    lab.again(|_| {});
    assert_eq!(lab.said(&["machines", "--json"]).succeeds(), "[]\n");
}

/// PXE 2.0 as its ROM says it, and its transactions.
fn old(packet: Packet) -> Packet {
    packet
        .without(60)
        .without(94)
        .with(94, &[1, 2, 0])
        .with(60, b"PXEClient:Arch:00000:UNDI:002000")
}

impl Lab {
    /// It takes its lease and asks port 4011 from an address; bootjack's OFFER, and the ACK.
    fn asks_4011(
        &self,
        client: &mut BootClient,
        from: impl Fn(Ipv4Addr) -> Ipv4Addr,
    ) -> (Reply, Reply) {
        client.xid += 0x100;
        let (offer, address) = self.lease(client, old);
        let (from, to) = (from(address), SocketAddrV4::new(US, 4011));
        let request = old(client.proxy_request(from, US));
        let held = self.pc.ip(&["-4", "addr", "show", "dev", "eth0"]);
        if !held.contains(&format!("{from}/")) {
            self.card.take(from);
        }
        self.card
            .send(SocketAddrV4::new(from, 68), to, &request.bytes());
        let asked = |reply: &Reply| reply.from.port() == 4011 && reply.xid() == client.xid;
        (offer, self.card.hear(ANSWER, asked).expect("an ACK"))
    }

    fn offers(&self, client: &mut BootClient) -> Option<Vec<u8>> {
        client.xid += 0x100;
        self.lease(client, old).0.option(43)
    }
}

/// PXE 2.0, build 071 (quirk 5): told to boot at once, it asks port 4011 all the same.
#[test]
fn an_old_rom_that_asks_4011_all_the_same_is_sent_there() {
    if crate::support::left_out("an_old_rom_that_asks_4011_all_the_same_is_sent_there") {
        return;
    }
    let mut lab = Lab::new();
    let mut client = BootClient::new(Speaker::Intel, 2);
    for _ in 0..2 {
        assert_eq!(lab.told("observed"), None);
        let (offer, ack) = lab.asks_4011(&mut client, |address| address);
        assert_eq!(offer.option(43), Some(BYPASS.to_vec()));
        assert_eq!(
            (ack.file().as_str(), ack.option(53)),
            ("lpxelinux.0", Some(vec![5]))
        );
        lab.fetches("lpxelinux.0");
    }
    let seen = lab.event("observed");
    assert_eq!(seen["behaviour"], "asks-4011-all-the-same");
    assert_eq!(
        lab.offers(&mut client),
        None,
        "an OFFER that sends it to 4011"
    );
    let answers = lab.appliance.timeline("52:54:00:78:00:02");
    let last = answers
        .iter()
        .rfind(|event| event["message"] == "offer")
        .unwrap();
    assert_eq!(
        (&last["strategy"], &last["chosen_by"]),
        (&"offer-4011".into(), &"asks-4011-all-the-same".into())
    );
}

/// Who sends a request with another machine's hardware address from an address of his own.
#[test]
fn requests_at_4011_from_elsewhere_say_nothing_of_a_machine() {
    if crate::support::left_out("requests_at_4011_from_elsewhere_say_nothing_of_a_machine") {
        return;
    }
    let lab = Lab::new();
    let mut client = BootClient::new(Speaker::Intel, 3);
    for _ in 0..3 {
        lab.asks_4011(&mut client, |_| Ipv4Addr::new(10, 77, 0, 66));
    }
    assert_eq!(lab.offers(&mut client), Some(BYPASS.to_vec()));
    assert_eq!(lab.told("observed"), None);
}

/// A machine that boots from another server's menu looks for that server by broadcast.
#[test]
fn an_item_of_another_servers_menu_asked_for_by_broadcast_is_no_request_at_4011() {
    if crate::support::left_out(
        "an_item_of_another_servers_menu_asked_for_by_broadcast_is_no_request_at_4011",
    ) {
        return;
    }
    let lab = Lab::new();
    let mut client = BootClient::new(Speaker::Intel, 4);
    for _ in 0..2 {
        client.xid += 0x100;
        let (_, address) = lab.lease(&client, old);
        let item = old(client.proxy_request(address, US)).with(43, &[71, 4, 0, 5, 0, 0, 255]);
        lab.card.broadcast(&item);
        lab.appliance.wait_for_event(ANSWER, |event| {
            event["event"] == "ignored" && event["reason"] == "boot-server-type"
        });
    }
    assert_eq!(lab.offers(&mut client), Some(BYPASS.to_vec()));
    assert_eq!(lab.told("observed"), None);
}

/// Another state folder than the one of the bootjack that runs is probably a slip: nothing is kept there.
#[test]
fn machines_of_another_state_folder_than_the_running_ones() {
    crate::as_root!("machines_of_another_state_folder_than_the_running_ones");
    let lab = Lab::new();
    let other = lab.host.file("other");
    std::fs::create_dir(&other).unwrap();
    let other = other.to_str().unwrap();
    let mac = "52:54:00:78:00:01";
    for words in [
        &["machines"][..],
        &["machines", "show", mac],
        &["machines", "forget", mac],
    ] {
        let args = [words, &["--state", other]].concat();
        let said = Said::from(lab.host.attempt(BOOTJACK, &args));
        assert_eq!(said.code, Some(1), "{said:?}");
        let words = [
            &format!("no bootjack answers in {other}"),
            "bootjack (pid ",
            "--state",
        ];
        assert!(words.iter().all(|word| said.err.contains(word)), "{said:?}");
        assert_eq!(said.out, "");
    }
    let explain = [
        "explain", "--mac", mac, "--arch", "efi-x64", "--state", other,
    ];
    let said = Said::from(lab.host.attempt(BOOTJACK, &explain));
    assert!(
        said.succeeds().contains("learnt: cannot be told"),
        "{said:?}"
    );
    // The right folder; and a host where none runs.
    assert_eq!(lab.said_there(&["machines", "--json"]).succeeds(), "[]\n");
    let away = lab.host.attempt(
        "unshare",
        &["-n", BOOTJACK, "machines", "--json", "--state", other],
    );
    assert_eq!(Said::from(away).succeeds(), "[]\n");
}
