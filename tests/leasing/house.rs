//! bootjack in mode `dhcp` on a host of the LAN, what is asked of it, and imitated clients.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::appliance::{Appliance, Setup};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::Host;
use crate::support::lease_clients::{Lease, LeaseClient};
use crate::support::packet::{DISCOVER, Packet, REQUEST};
use crate::support::poll;

/// bootjack on the first segment.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// How long an event may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(40);
pub const OFFER: u8 = 2;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;

const BOOTJACK: &str = env!("CARGO_BIN_EXE_bootjack");

/// The config file of mode `dhcp` with these lines below `dhcp:`, indented. The LAN is not asked for
/// rivals: that alone would take two seconds a test.
pub fn config(dhcp: &str) -> String {
    format!("mode: dhcp\nforce: true\ndhcp:\n  authoritative: true\n{dhcp}")
}

/// The appliance in a host with that config file.
pub fn setup(host: &Host, dhcp: &str) -> Setup {
    plain(host).config(&config(dhcp))
}

/// The appliance in a host, logging everything.
pub fn plain(host: &Host) -> Setup {
    logging(host, "debug")
}

/// The appliance in a host, logging from this level on.
pub fn logging(host: &Host, level: &str) -> Setup {
    Setup::new(host, BOOTJACK).flag(&format!("--log-level={level}"))
}

/// The command `bootjack` in a host.
pub fn bootjack(host: &Host) -> std::process::Command {
    host.command(BOOTJACK)
}

/// An address of the first segment.
pub fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

/// The hardware address of a host's `eth0`, as bootjack writes it.
pub fn mac(host: &Host) -> String {
    host.mac("eth0")
        .map(|octet| format!("{octet:02x}"))
        .join(":")
}

/// `bootjack leases WORDS --state FOLDER`, what it prints.
pub fn leases(host: &Host, words: &[&str]) -> String {
    let state = host.file("bootjack").join("state");
    let state = state.to_str().unwrap();
    host.run(
        BOOTJACK,
        &[&["leases"], words, &["--state", state]].concat(),
    )
}

/// Every lease as `bootjack leases list --json` shows it.
pub fn rows(host: &Host) -> Vec<Value> {
    let text = leases(host, &["list", "--json"]);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The lease of an address as it is listed.
pub fn row(host: &Host, address: Ipv4Addr) -> Option<Value> {
    let address = address.to_string();
    rows(host).into_iter().find(|row| row["address"] == address)
}

/// The state of an address as it is listed.
pub fn state(host: &Host, address: Ipv4Addr) -> Option<String> {
    Some(row(host, address)?["state"].as_str()?.to_owned())
}

/// The states that one machine's leases went through, oldest first, a state that stays once.
pub fn states(appliance: &Appliance, mac: &str) -> Vec<String> {
    let mut events = appliance.events();
    events.retain(|e| e["event"] == "lease" && e["client"] == mac);
    let state = |e: &Value| e["state"].as_str().unwrap().to_owned();
    let mut states: Vec<String> = events.iter().map(state).collect();
    states.dedup();
    states
}

/// Waits for an event of this name that has these words.
pub fn event(appliance: &Appliance, name: &str, words: &[(&str, &str)]) -> Value {
    appliance.wait_for_event(SOON, |e| {
        e["event"] == name && words.iter().all(|(key, word)| e[*key] == *word)
    })
}

/// Where [`Setup::config`] writes to in this host.
pub fn config_file(host: &Host) -> PathBuf {
    host.file("bootjack").join("bootjack.yaml")
}

/// Writes the config file as an editor does: beside it, then renamed over it.
pub fn edit(host: &Host, dhcp: &str) {
    let file = config_file(host);
    let draft = file.with_extension("draft");
    std::fs::write(&draft, config(dhcp)).unwrap();
    std::fs::rename(draft, file).unwrap();
}

/// Waits until so many events of this name were logged.
pub fn count(appliance: &Appliance, name: &str, wanted: usize) {
    let all = || {
        appliance
            .events()
            .iter()
            .filter(|e| e["event"] == name)
            .count()
    };
    poll::expect(name, SOON, || all() >= wanted);
}

/// The same done by all clients at once.
pub fn together(
    clients: &mut [LeaseClient],
    act: impl Fn(&mut LeaseClient) -> Lease + Sync,
) -> Vec<Lease> {
    let act = &act;
    std::thread::scope(|scope| {
        let running: Vec<_> = clients
            .iter_mut()
            .map(|client| scope.spawn(move || act(client)))
            .collect();
        let ended = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.map(|lease| lease.unwrap()).collect()
    })
}

/// An imitated client: what it says is exactly what the test writes.
pub struct Imitated {
    pub card: DhcpClient,
    mac: [u8; 6],
    xid: std::cell::Cell<u32>,
}

impl Imitated {
    /// A machine on the host's cable, whose MAC ends in `number`.
    pub fn new(host: &Host, number: u8) -> Self {
        Self {
            card: DhcpClient::new(host),
            mac: [0x52, 0x54, 0, 0x79, 0, number],
            xid: (0x7700_0000 | u32::from(number) << 16).into(),
        }
    }

    pub fn mac(&self) -> String {
        self.mac.map(|octet| format!("{octet:02x}")).join(":")
    }

    fn message(&self, kind: u8) -> Packet {
        self.xid.set(self.xid.get() + 1);
        Packet::new(kind, self.mac, self.xid.get())
    }

    pub fn discover(&self) -> Packet {
        self.message(DISCOVER)
    }

    /// A REQUEST for what was offered.
    pub fn request(&self, address: Ipv4Addr, server: Ipv4Addr) -> Packet {
        self.message(REQUEST)
            .with(50, &address.octets())
            .with(54, &server.octets())
    }

    /// A REQUEST of a client that was off.
    pub fn reboot(&self, address: Ipv4Addr) -> Packet {
        self.message(REQUEST).with(50, &address.octets())
    }

    /// The answer to a packet that was sent.
    pub fn answer(&self, packet: &Packet) -> Reply {
        let ours = |r: &Reply| r.xid() == packet.xid && r.from.port() == 67;
        let reply = self.card.hear(ANSWER, ours);
        let reply = reply.unwrap_or_else(|| panic!("no answer to {packet:?}"));
        reply.assert_sound(packet);
        reply
    }

    /// Broadcasts it, and hears the answer.
    pub fn ask(&self, packet: &Packet) -> Reply {
        self.card.broadcast(packet);
        self.answer(packet)
    }

    /// Takes a lease: what it is offered, and then told.
    pub fn lease(&self) -> (Reply, Reply) {
        let offer = self.ask(&self.discover());
        assert_eq!(kind(&offer), OFFER);
        let server = Ipv4Addr::from(<[u8; 4]>::try_from(offer.option(54).unwrap()).unwrap());
        let ack = self.ask(&self.request(offer.yiaddr(), server));
        assert_eq!((kind(&ack), ack.yiaddr()), (ACK, offer.yiaddr()));
        (offer, ack)
    }
}

/// Option 53.
pub fn kind(reply: &Reply) -> u8 {
    reply.option(53).unwrap()[0]
}
