//! bootjack as the DHCP server of a network with room for thousands.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::appliance::Setup;
use crate::support::lan::{Host, Lan};

/// The binary under test.
pub const BOOTJACK: &str = env!("CARGO_BIN_EXE_bootjack");
/// The address that all clients' packets come from.
pub const RELAY_IP: [u8; 4] = [10, 77, 0, 50];

/// A LAN with the server's host and the clients' relay.
pub fn lan() -> (Lan, Host, Host) {
    let lan = Lan::new();
    let server = lan.appliance_host();
    let relay = lan.host("relay", "10.77.0.50/24");
    (lan, server, relay)
}

/// With addresses from 10.77.1.0 to `last`; nobody is asked whether they are in use.
pub fn setup(server: &Host, last: &str) -> Setup {
    let yaml = format!(
        "mode: dhcp\nforce: true\ndhcp:\n  authoritative: yes\n  conflict-check: off\n  \
         lease-time: {{ min: 1m, default: 1h, max: 30d }}\n  networks:\n    \
         - subnet: 10.77.0.0/16\n      pools: [10.77.1.0-{last}]\n"
    );
    Setup::new(server, BOOTJACK).config(&yaml)
}

/// Its state folder.
pub fn state(server: &Host) -> PathBuf {
    server.file("bootjack").join("state")
}

/// A lease as `bootjack leases export` has it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The hardware address; empty: nobody's.
    pub mac: String,
    /// `leased`, `released`, …
    pub state: String,
    /// Until when, in seconds since 1970.
    pub until: i64,
}

/// What `bootjack leases export` prints: of the running server, where one runs, else of the store.
pub fn exported(state: &Path) -> Vec<(std::net::Ipv4Addr, Row)> {
    let mut command = Command::new(BOOTJACK);
    command.args(["leases", "export", "--state"]);
    let output = command.arg(state).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the store opens: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(row).collect()
}

fn row(line: &str) -> (std::net::Ipv4Addr, Row) {
    let row: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    let until: jiff::Timestamp = text("until").parse().unwrap();
    // Nobody holds a declined address.
    let mac = row["mac"].as_str().unwrap_or_default().to_owned();
    let state = text("state");
    let until = until.as_second();
    (text("address").parse().unwrap(), Row { mac, state, until })
}
