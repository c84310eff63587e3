//! On the wire: clients that do not follow one shape, and what an operator sees of it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootjack::client::progress::SETTLE;
use serde_json::Value;

use crate::run::{BOOTJACK, EVERYONE, Said, bootjack};
use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;
use crate::support::servers::Server;

const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const DHCP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// 43{6=8} with a prompt.
const BYPASS_PROMPT: [u8; 10] = [6, 1, 8, 10, 4, 0, b'P', b'X', b'E', 255];
const BYPASS: [u8; 4] = [6, 1, 8, 255];

/// bootjack beside dnsmasq, and a machine.
struct Lab {
    appliance: Appliance,
    _dhcp: Server,
    card: DhcpClient,
    pc: Host,
    host: Host,
    lan: Lan,
}

impl Lab {
    fn new() -> Self {
        Self::beside(&[])
    }

    /// Beside a dnsmasq with further flags.
    fn beside(flags: &[&str]) -> Self {
        let lan = Lan::new();
        let (dhcp, host, pc) = (
            Server::dnsmasq_with(&lan.dhcp_host(), flags),
            lan.appliance_host(),
            lan.client("pc"),
        );
        Self {
            appliance: Setup::new(&host, BOOTJACK)
                .profile("p.yaml", EVERYONE)
                .start(),
            _dhcp: dhcp,
            card: DhcpClient::new(&pc),
            pc,
            host,
            lan,
        }
    }

    /// DISCOVER, both offers, REQUEST; gives bootjack's offer and the address leased.
    fn lease(&self, client: &BootClient, as_sent: impl Fn(Packet) -> Packet) -> (Reply, Ipv4Addr) {
        self.card.broadcast(&as_sent(client.discover()));
        let (mut ours, mut theirs) = (None, None);
        while ours.is_none() || theirs.is_none() {
            let from = |reply: &Reply| reply.xid() == client.xid && reply.from.port() == 67;
            let offer = self.card.hear(ANSWER, from).expect("two offers");
            match *offer.from.ip() {
                US => ours = Some(offer),
                DHCP => theirs = Some(offer),
                _ => {}
            }
        }
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        let request = as_sent(client.lease_request(theirs.yiaddr(), DHCP));
        self.card.broadcast(&request);
        (ours, theirs.yiaddr())
    }

    /// A whole attempt that ends with the lease; how its OFFER told it not to ask 4011, if so.
    fn stops_at_the_lease(&self, client: &mut BootClient) -> Option<Vec<u8>> {
        client.xid += 0x100;
        let (offer, _) = self.lease(client, |packet| packet);
        std::thread::sleep(SETTLE + Duration::from_millis(500));
        offer.option(43)
    }

    /// The card has heard all of the file by then, and more than its buffer holds: it begins anew.
    fn fetches(&mut self, file: &str) {
        let url = format!("tftp://{US}/{file}");
        self.pc.run(
            "curl",
            &["-sS", "-o", "/dev/null", "--max-time", "60", &url],
        );
        self.card = DhcpClient::new(&self.pc);
    }

    fn event(&self, name: &str) -> Value {
        self.appliance
            .wait_for_event(ANSWER, |event| event["event"] == name)
    }

    fn state(&self) -> PathBuf {
        self.appliance.profiles().with_file_name("state")
    }

    fn said(&self, words: &[&str]) -> Said {
        said(&self.state(), words)
    }

    fn explained(&self) -> String {
        let said = self.said(&["explain", "--mac", "52:54:00:78:00:01", "--arch", "efi-x64"]);
        said.succeeds().to_owned()
    }

    /// Ends it as a power cut does, and starts another one in its place.
    fn again(&mut self, between: impl FnOnce(&Path)) {
        self.appliance.process().kill();
        between(&self.state());
        let setup = Setup::new(&self.host, BOOTJACK);
        self.appliance = setup.profile("p.yaml", EVERYONE).start();
    }
}

fn said(state: &Path, words: &[&str]) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let profiles = state.with_file_name("profiles");
    let mut command = bootjack(scratch.path(), words);
    command.arg("--state").arg(state);
    if words[0] == "explain" {
        command.arg("--profiles").arg(profiles);
    }
    command.output().unwrap().into()
}

#[test]
fn a_client_deaf_to_one_shape_is_offered_the_next_which_is_remembered() {
    if crate::support::left_out(
        "a_client_deaf_to_one_shape_is_offered_the_next_which_is_remembered",
    ) {
        return;
    }
    let mut lab = Lab::new();
    let mut client = BootClient::new(Speaker::Edk2, 1);
    for _ in 0..2 {
        assert_eq!(lab.stops_at_the_lease(&mut client), None);
    }
    assert!(!lab.explained().contains("learnt"));
    client.xid += 0x100;
    let (offer, address) = lab.lease(&client, |packet| packet);
    assert_eq!(offer.option(43), Some(BYPASS_PROMPT.to_vec()));
    let step = lab.event("escalated");
    assert_eq!(
        (
            &step["client"],
            &step["strategy"],
            &step["failures"],
            &step["next"]
        ),
        (
            &"52:54:00:78:00:01".into(),
            &"offer-4011".into(),
            &2.into(),
            &"bypass-prompt".into()
        )
    );
    let tried = lab.said(&["machines"]);
    assert!(tried.succeeds().contains("bypass-prompt"), "{tried:?}");

    lab.card.take(address);
    lab.fetches("snponly.efi");
    let follows = lab.event("follows");
    assert_eq!(
        (&follows["strategy"], &follows["remembered"]),
        (&"bypass-prompt".into(), &true.into())
    );
    let seen = lab.appliance.api("clients/52:54:00:78:00:01");
    assert_eq!(seen["learnt"][0]["follows"], "bypass-prompt", "{seen}");
    let metrics = lab.appliance.get("/metrics");
    for line in [
        r#"bootjack_escalations_total{from="offer-4011",to="bypass-prompt"} 1"#,
        "bootjack_machines_remembered 1",
    ] {
        assert!(
            metrics.lines().any(|l| l == line),
            "{line} is not in\n{metrics}"
        );
    }

    let shown = |said: &Said| {
        let rows: Vec<Value> = serde_json::from_str(said.succeeds()).unwrap();
        let fields = ["mac", "platform", "follows"].map(|key| rows[0][key].clone());
        (
            rows.len(),
            fields.map(|f| f.as_str().unwrap_or_default().to_owned()),
        )
    };
    let expected = (
        1,
        ["52:54:00:78:00:01", "efi-x64", "bypass-prompt"].map(str::to_owned),
    );
    assert_eq!(shown(&lab.said(&["machines", "list", "--json"])), expected);
    lab.again(|state| {
        assert_eq!(shown(&said(state, &["machines", "--json"])), expected);
    });
    let explained = lab.explained();
    for line in [
        "\nlearnt: follows bypass-prompt (since ",
        "\nstrategy: bypass-prompt: ",
        "\nchosen by: learnt from ",
    ] {
        assert!(explained.contains(line), "{line} is not in {explained}");
    }
    client.xid += 0x100;
    let (offer, _) = lab.lease(&client, |packet| packet);
    assert_eq!(offer.option(43), Some(BYPASS_PROMPT.to_vec()));
    let answer = lab
        .appliance
        .wait_for_event(ANSWER, |event| event["message"] == "offer");
    assert_eq!(answer["chosen_by"], "learnt");

    let forgotten = lab.said(&["machines", "forget", "52:54:00:78:00:01"]);
    assert_eq!(
        forgotten.succeeds(),
        "what was learnt of 52:54:00:78:00:01 is forgotten\n"
    );
    client.xid += 0x100;
    let (offer, _) = lab.lease(&client, |packet| packet);
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

    fn told(&self, name: &str) -> Option<Value> {
        let mut events = self.appliance.events().into_iter();
        events.find(|event| event["event"] == name)
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

impl Lab {
    /// A machine that boots from elsewhere, again and again, is left to that server.
    fn leaves_to(&self, server: &str) {
        let mut client = BootClient::new(Speaker::Edk2, 5);
        for _ in 0..2 {
            assert_eq!(self.stops_at_the_lease(&mut client), None);
        }
        client.xid += 0x100;
        let (offer, _) = self.lease(&client, |packet| packet);
        assert_eq!(offer.option(43), None);
        assert_eq!(self.told("escalated"), None);
        let known = |event: &&Value| {
            let text = event["text"].as_str().unwrap_or_default();
            text.starts_with(&format!("another boot server, {server}, answers "))
        };
        let events = self.appliance.events();
        assert_eq!(events.iter().filter(known).count(), 1, "{events:?}");
    }
}

#[test]
fn machines_that_another_proxy_answers_are_left_to_it() {
    if crate::support::left_out("machines_that_another_proxy_answers_are_left_to_it") {
        return;
    }
    let lab = Lab::new();
    let rival = lab.lan.host("rival", "10.77.0.4/24");
    let rival = Setup::new(&rival, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .start();
    lab.leaves_to("10.77.0.4");
    let moved = |event: &Value| event["event"] == "escalated";
    assert!(!rival.events().iter().any(moved));
}

#[test]
fn machines_whose_dhcp_server_names_a_boot_file_are_left_to_it() {
    if crate::support::left_out("machines_whose_dhcp_server_names_a_boot_file_are_left_to_it") {
        return;
    }
    Lab::beside(&["--dhcp-boot=theirs.efi"]).leaves_to("10.77.0.1");
}
