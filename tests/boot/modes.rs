//! Real firmware in mode `dhcp`: bootjack alone on the LAN gives leases with the boot data in them.

use std::time::Duration;

use super::support::appliance::{Appliance, Setup};
use super::support::lan::Lan;
use super::support::qemu::{Firmware, Machine, Pc};
use super::support::{self, poll};

/// Power-on to the word that the booted script says.
const BOOT: Duration = Duration::from_secs(120);

/// A menu whose one entry says a word on the serial port.
const PROFILE: &str = r"
menu:
  entries:
    - id: word
      ipxe: |
        #!ipxe
        echo leased-and-booted
        sleep 600
";

/// One lease each; `key` is what the config says of their shape.
fn config(key: &str) -> String {
    format!(
        "mode: dhcp
dhcp:
  {key}
  networks:
    - subnet: 10.77.0.0/24
      options: {{ routers: 10.77.0.1, dns: 10.77.0.1 }}
      pools: [ 10.77.0.100-10.77.0.199 ]
"
    )
}

/// A LAN on which there is no other DHCP server.
struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    appliance: Appliance,
    lan: Lan,
}

impl Lab {
    fn new(key: &str) -> Self {
        let lan = Lan::new();
        let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"));
        let appliance = setup
            .config(&config(key))
            .profile("everyone.yaml", PROFILE)
            .start();
        Self { appliance, lan }
    }

    /// The events of a machine with this name.
    fn events(&self, pc: &Pc, name: &str) -> Vec<serde_json::Value> {
        let mut events = self.appliance.timeline(pc.mac());
        events.retain(|event| event["event"] == name);
        events
    }

    /// The shapes of the replies that a machine was given, in order, each once in a row.
    fn shapes(&self, pc: &Pc) -> Vec<String> {
        let granted = self.events(pc, "granted");
        let shape = |event: &serde_json::Value| {
            let message = event["message"].as_str().unwrap_or_default();
            let strategy = event["boot"]["strategy"].as_str().unwrap_or("none");
            format!("{message} {strategy}")
        };
        let mut shapes: Vec<String> = granted.iter().map(shape).collect();
        shapes.dedup();
        shapes
    }

    /// Every address the machine was leased.
    fn addresses(&self, pc: &Pc) -> Vec<String> {
        let granted = self.events(pc, "granted");
        let acks = granted.iter().filter(|e| e["message"] == "ack");
        let mut all: Vec<String> = acks.map(|e| e["address"].to_string()).collect();
        all.dedup();
        all
    }
}

/// The three doors of firmware, at once: each boots to its script from its lease.
#[test]
fn every_firmware_boots_from_its_lease() {
    if support::left_out("every_firmware_boots_from_its_lease") {
        return;
    }
    let lab = Lab::new("pxe: plain");
    let machines = [Firmware::Bios, Firmware::Uefi, Firmware::UefiHttp];
    let machines = (1..).zip(machines).map(|(n, f)| Machine::new(f, n));
    let mut pcs = Machine::power_on_together(machines.collect(), &lab.lan);
    for pc in &mut pcs {
        pc.wait_for(&["leased-and-booted"], BOOT);
    }
    let shapes: Vec<Vec<String>> = pcs.iter().map(|pc| lab.shapes(pc)).collect();
    assert_eq!(shapes[0], ["offer lease-ipxe", "ack lease-ipxe"]);
    assert_eq!(shapes[1][..2], ["offer lease-plain", "ack lease-plain"]);
    assert_eq!(shapes[2][..2], ["offer lease-http", "ack lease-http"]);
    for (pc, shapes) in pcs.iter().zip(&shapes) {
        assert!(shapes.iter().any(|s| s == "ack lease-ipxe"), "{shapes:?}");
        let addresses = lab.addresses(pc);
        assert_eq!(addresses.len(), 1, "one address from firmware to iPXE");
        assert!(
            lab.events(pc, "request").is_empty(),
            "nobody asks port 4011"
        );
    }
}

/// The two other shapes: all in one offer, and, for a machine that is pinned to it, the loader at
/// port 4011.
#[test]
fn uefi_boots_from_a_single_offer_and_by_port_4011() {
    if support::left_out("uefi_boots_from_a_single_offer_and_by_port_4011") {
        return;
    }
    let machine = || Machine::new(Firmware::Uefi, 1);
    let mac = machine().mac().to_owned();
    let pinned = format!("reservations: [ {{ mac: \"{mac}\", pxe: offer-4011 }} ]");
    for (key, shape, asks) in [
        ("pxe: single-offer", "lease-single-offer", false),
        (pinned.as_str(), "lease-4011", true),
    ] {
        let lab = Lab::new(key);
        let mut pc = machine().power_on(&lab.lan);
        pc.wait_for(&["leased-and-booted"], BOOT);
        let shapes = lab.shapes(&pc);
        assert_eq!(
            shapes[..2],
            [format!("offer {shape}"), format!("ack {shape}")]
        );
        assert_eq!(!lab.events(&pc, "request").is_empty(), asks, "port 4011");
        poll::expect("the lease is listed", Duration::from_secs(10), || {
            let leases = lab.appliance.api("leases");
            leases.to_string().contains(pc.mac())
        });
    }
}
