//! Real firmware that is merely slow, switched off, or without a DHCP server is left alone.

use std::time::Duration;

use crate::run::{BOOTJACK, EVERYONE};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::Lan;
use crate::support::poll;
use crate::support::qemu::{Firmware, Machine, Pc};
use crate::support::servers::Server;

/// From power-on to the first file, or to a DISCOVER, on a busy machine.
const LOADER: Duration = Duration::from_secs(180);

/// How often something happened to the machine.
fn count(appliance: &Appliance, pc: &Pc, told: impl Fn(&serde_json::Value) -> bool) -> usize {
    appliance
        .timeline(pc.mac())
        .iter()
        .filter(|event| told(event))
        .count()
}

fn loaders(appliance: &Appliance, pc: &Pc) -> usize {
    count(appliance, pc, |event| {
        event["event"] == "sent" && event["path"] == "snponly.efi"
    })
}

fn discovers(appliance: &Appliance, pc: &Pc) -> usize {
    count(appliance, pc, |event| {
        event["event"] == "discover" && event["stage"] == "rom"
    })
}

fn boots_again(appliance: &Appliance, pc: &Pc) {
    let before = loaders(appliance, pc);
    pc.monitor().tell("system_reset").unwrap();
    boots(appliance, pc, before);
}

fn boots(appliance: &Appliance, pc: &Pc, before: usize) {
    poll::expect("the loader is fetched", LOADER, || {
        loaders(appliance, pc) > before
    });
}

fn left_alone(appliance: &Appliance) {
    let moved = appliance.events().into_iter().find(|event| {
        let name = event["event"].as_str().unwrap_or_default();
        ["escalated", "nothing-left", "follows", "observed"].contains(&name)
    });
    assert_eq!(moved, None);
    let remembered = "bootjack_machines_remembered 0";
    assert!(
        appliance
            .get("/metrics")
            .lines()
            .any(|line| line == remembered)
    );
}

#[test]
fn edk2_is_left_alone_however_slow_its_dhcp_server_is() {
    if crate::support::left_out("edk2_is_left_alone_however_slow_its_dhcp_server_is") {
        return;
    }
    let lan = Lan::new();
    let (host, dhcp_host) = (lan.appliance_host(), lan.dhcp_host());
    let appliance = Setup::new(&host, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .start();
    // Nobody gives leases until its third DISCOVER, 12 s after the first.
    let pc = Machine::new(Firmware::Uefi, 1).memory(512).power_on(&lan);
    poll::expect("three DISCOVERs", LOADER, || {
        discovers(&appliance, &pc) >= 3
    });
    let slow = Server::dnsmasq_with(&dhcp_host, &["--dhcp-reply-delay=3"]);
    boots(&appliance, &pc, 0);
    for _ in 0..2 {
        boots_again(&appliance, &pc);
    }
    left_alone(&appliance);

    // Switched off for longer than a whole attempt, and on again.
    drop(slow);
    let before = discovers(&appliance, &pc);
    pc.monitor().tell("system_reset").unwrap();
    poll::expect("four DISCOVERs and more", LOADER, || {
        discovers(&appliance, &pc) >= before + 4
    });
    std::thread::sleep(Duration::from_secs(35)); // to the end of its last window
    dhcp_host.ip(&["addr", "flush", "dev", "eth0", "scope", "global"]);
    dhcp_host.address("eth0", "10.77.0.1/24");
    let _again = Server::dnsmasq(&dhcp_host);
    boots_again(&appliance, &pc);
    boots_again(&appliance, &pc);
    left_alone(&appliance);
}
