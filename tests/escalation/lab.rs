//! bootjack beside a DHCP server, and a machine on the same LAN.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootjack::client::progress::SETTLE;
use serde_json::Value;

use crate::run::{BOOTJACK, EVERYONE, Said, bootjack};
use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::BootClient;
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;
use crate::support::servers::Server;

pub const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const DHCP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// bootjack beside dnsmasq, and a machine.
pub struct Lab {
    pub appliance: Appliance,
    _dhcp: Server,
    pub card: DhcpClient,
    pub pc: Host,
    pub host: Host,
    pub lan: Lan,
}

impl Lab {
    pub fn new() -> Self {
        Self::beside(&[])
    }

    /// Beside a dnsmasq with further flags.
    pub fn beside(flags: &[&str]) -> Self {
        Self::begin(flags, None, |_| {})
    }

    /// One whose state folder was spoilt before, and to whom this user is named.
    pub fn over(user: Option<&str>, spoil: impl FnOnce(&Path)) -> Self {
        Self::begin(&[], user, spoil)
    }

    fn begin(flags: &[&str], user: Option<&str>, spoil: impl FnOnce(&Path)) -> Self {
        let lan = Lan::new();
        let (dhcp, host, pc) = (
            Server::dnsmasq_with(&lan.dhcp_host(), flags),
            lan.appliance_host(),
            lan.client("pc"),
        );
        let mut setup = Setup::new(&host, BOOTJACK).profile("p.yaml", EVERYONE);
        if let Some(user) = user {
            setup = setup.flag(&format!("--user={user}"));
        }
        spoil(&setup.config_file().with_file_name("state"));
        Self {
            appliance: setup.start(),
            _dhcp: dhcp,
            card: DhcpClient::new(&pc),
            pc,
            host,
            lan,
        }
    }

    /// DISCOVER, both offers, REQUEST; gives bootjack's offer and the address leased.
    pub fn lease(
        &self,
        client: &BootClient,
        as_sent: impl Fn(Packet) -> Packet,
    ) -> (Reply, Ipv4Addr) {
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
    pub fn stops_at_the_lease(&self, client: &mut BootClient) -> Option<Vec<u8>> {
        client.xid += 0x100;
        let (offer, _) = self.lease(client, |packet| packet);
        std::thread::sleep(SETTLE + Duration::from_millis(500));
        offer.option(43)
    }

    /// The card has heard all of the file by then, and more than its buffer holds: it begins anew.
    pub fn fetches(&mut self, file: &str) {
        let url = format!("tftp://{US}/{file}");
        self.pc.run(
            "curl",
            &["-sS", "-o", "/dev/null", "--max-time", "60", &url],
        );
        self.card = DhcpClient::new(&self.pc);
    }

    pub fn event(&self, name: &str) -> Value {
        self.appliance
            .wait_for_event(ANSWER, |event| event["event"] == name)
    }

    pub fn told(&self, name: &str) -> Option<Value> {
        let mut events = self.appliance.events().into_iter();
        events.find(|event| event["event"] == name)
    }

    /// The same, where the server runs.
    pub fn said_there(&self, words: &[&str]) -> Said {
        let mut command = self.host.command(BOOTJACK);
        command.args(words).arg("--state").arg(self.state());
        let profiles = self.appliance.profiles();
        if words[0] == "explain" {
            command.arg("--profiles").arg(profiles);
        }
        command.output().unwrap().into()
    }

    fn state(&self) -> PathBuf {
        self.appliance.profiles().with_file_name("state")
    }

    pub fn said(&self, words: &[&str]) -> Said {
        said(&self.state(), words)
    }

    pub fn explained(&self) -> String {
        let said = self.said(&["explain", "--mac", "52:54:00:78:00:01", "--arch", "efi-x64"]);
        said.succeeds().to_owned()
    }

    /// Ends it as a power cut does, and starts another one in its place.
    pub fn again(&mut self, between: impl FnOnce(&Path)) {
        self.appliance.process().kill();
        between(&self.state());
        let setup = Setup::new(&self.host, BOOTJACK);
        self.appliance = setup.profile("p.yaml", EVERYONE).start();
    }
}

pub fn said(state: &Path, words: &[&str]) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let profiles = state.with_file_name("profiles");
    let mut command = bootjack(scratch.path(), words);
    command.arg("--state").arg(state);
    if words[0] == "explain" {
        command.arg("--profiles").arg(profiles);
    }
    command.output().unwrap().into()
}
