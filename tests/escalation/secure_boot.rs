//! Real firmware with Secure Boot on, and a profile that says nothing of it: it refuses the unsigned loader,
//! and at its next start reaches the menu of the signed GRUB. Where Secure Boot is switched off after all, that
//! menu has the way back.

use std::time::Duration;

use crate::run::BOOTJACK;
use crate::support::appliance::Setup;
use crate::support::lan::Lan;
use crate::support::qemu::{Firmware, Machine};

/// From power-on to what is waited for, on a busy machine.
const BOOT: Duration = Duration::from_secs(240);
const CONFIG: &str = "mode: dhcp
dhcp:
  networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] } ]
";
const PROFILE: &str = "menu:
  title: T
  default: word
  entries:
    - { id: word, title: A word, ipxe: \"#!ipxe\\necho hello\\nsleep 600\" }
";

#[test]
fn firmware_that_refuses_ipxe_reaches_signed_grub_at_its_next_start() {
    let name = "firmware_that_refuses_ipxe_reaches_signed_grub_at_its_next_start";
    if crate::support::left_out(name) {
        return;
    }
    let lan = Lan::new();
    let appliance = Setup::new(&lan.appliance_host(), BOOTJACK)
        .config(CONFIG)
        .profile("p.yaml", PROFILE)
        .start();
    let machine = |firmware| Machine::new(firmware, 1).memory(512);

    let mut pc = machine(Firmware::SecureBoot).power_on(&lan);
    pc.wait_for(&["Access Denied"], BOOT);
    drop(pc);

    let mut pc = machine(Firmware::SecureBoot).power_on(&lan);
    pc.wait_for(&["Not with Secure Boot: A word"], BOOT);
    assert!(!pc.shows("Secure Boot is off"), "{}", pc.serial());
    let mac = pc.mac().to_owned();
    let told = |name: &str| {
        let events = appliance.timeline(&mac);
        let told = events.into_iter().find(|event| event["event"] == name);
        told.unwrap_or_else(|| panic!("no event {name}"))
    };
    assert_eq!(told("observed")["behaviour"], "secure-boot");
    drop(pc);

    // Somebody switches it off in the setup, and takes GRUB's way back.
    let mut pc = machine(Firmware::Uefi).power_on(&lan);
    pc.wait_for(&["Secure Boot is off: start again"], BOOT);
    assert!(!pc.shows("Not with Secure Boot"), "{}", pc.serial());
    pc.monitor().press(&["end", "ret"]);
    pc.wait_for_end(BOOT);
    assert_eq!(told("disproved")["behaviour"], "secure-boot");
    let metrics = appliance.get("/metrics");
    let forgotten = "bootjack_machines_remembered 0";
    assert!(metrics.lines().any(|line| line == forgotten), "{metrics}");
}
