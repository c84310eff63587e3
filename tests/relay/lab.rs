//! bootjack beside somebody else's DHCP server, and one machine.

use std::net::Ipv4Addr;

use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;

/// bootjack.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The DHCP server.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Everybody gets lease and loader in one.
pub const AUGMENTED: &str = "name: all\nstrategy: augment\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

pub struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    pub appliance: Appliance,
    pub card: DhcpClient,
    pub host: Host,
    pub pc: Host,
    pub lan: Lan,
}

impl Lab {
    pub fn new() -> Self {
        Self::with(|setup| setup)
    }

    pub fn with(more: impl FnOnce(Setup) -> Setup) -> Self {
        Self::serving(|host| more(setup(host)))
    }

    /// The same where no profile pins the shape.
    pub fn unpinned(more: impl FnOnce(Setup) -> Setup) -> Self {
        let profile = AUGMENTED.replace("strategy: augment\n", "");
        Self::serving(|host| more(bare(host).profile("all.yaml", &profile)))
    }

    fn serving(setup: impl FnOnce(&Host) -> Setup) -> Self {
        let lan = Lan::new();
        let (host, pc) = (lan.appliance_host(), lan.client("pc"));
        Self {
            appliance: setup(&host).start(),
            card: DhcpClient::new(&pc),
            pc,
            host,
            lan,
        }
    }

    /// bootjack ends and is started anew.
    pub fn restart(&mut self) {
        self.appliance.stop();
        self.appliance = setup(&self.host).start();
    }

    /// What bootjack answers a message to everybody.
    pub fn answer(&self, packet: &Packet) -> Reply {
        self.card.broadcast(packet);
        self.card.answer(US, packet.xid)
    }

    /// The augmented OFFER to a client.
    pub fn offer(&self, client: &BootClient) -> Reply {
        let offer = self.answer(&client.discover());
        assert_eq!(kind(&offer), 2);
        assert!(!offer.yiaddr().is_unspecified(), "{:?}", offer.options());
        offer
    }

    /// What bootjack says to the REQUEST for what it has offered.
    pub fn request(&self, client: &BootClient, address: Ipv4Addr) -> Reply {
        let request = client.lease_request(address, US);
        self.card.broadcast(&request);
        let ours = |r: &Reply| *r.from.ip() == US && r.xid() == request.xid && kind(r) != 2;
        self.card
            .hear(ANSWER, ours)
            .expect("an answer to the REQUEST")
    }

    /// A file is fetched by TFTP from this address of the machine.
    pub fn fetches(&self, file: &str, from: Ipv4Addr) {
        let url = format!("tftp://{US}/{file}");
        let from = from.to_string();
        let args = ["-sS", "-f", "-o", "/dev/null", "--interface", &from, &url];
        self.pc.run("curl", &args);
    }

    /// The events of a client with this name.
    pub fn events(&self, client: &BootClient, name: &str) -> Vec<serde_json::Value> {
        let mac: Vec<String> = client.mac.iter().map(|b| format!("{b:02x}")).collect();
        let mut events = self.appliance.timeline(&mac.join(":"));
        events.retain(|event| event["event"] == name);
        events
    }
}

/// bootjack on a host, which gives everybody lease and loader in one.
pub fn setup(host: &Host) -> Setup {
    bare(host).profile("all.yaml", AUGMENTED)
}

fn bare(host: &Host) -> Setup {
    Setup::new(host, env!("CARGO_BIN_EXE_bootjack")).flag("--log-level=debug")
}

/// Option 53.
pub fn kind(reply: &Reply) -> u8 {
    reply.option(53).unwrap()[0]
}

/// Its server (54).
pub fn server(reply: &Reply) -> Ipv4Addr {
    let octets: [u8; 4] = reply.option(54).unwrap().try_into().unwrap();
    octets.into()
}

pub fn edk2(number: u8) -> BootClient {
    BootClient::new(Speaker::Edk2, number)
}

pub fn mac(client: &BootClient) -> String {
    let octets = client.mac.iter().map(|b| format!("{b:02x}"));
    octets.collect::<Vec<_>>().join(":")
}
