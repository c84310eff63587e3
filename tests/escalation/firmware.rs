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
fn count(
    appliance: &Appliance,
    pc: &Pc,
    mut told: impl FnMut(&serde_json::Value) -> bool,
) -> usize {
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

/// The same machine, switched on anew.
fn machine(lan: &Lan) -> Pc {
    Machine::new(Firmware::Uefi, 1).memory(512).power_on(lan)
}

/// It fetches its loader, and runs it: who is switched off in between is taken to have Secure Boot on.
fn boots(appliance: &Appliance, pc: &Pc, before: usize) {
    poll::expect("the loader is fetched", LOADER, || {
        loaders(appliance, pc) > before
    });
    poll::expect("the loader runs", LOADER, || ipxes(appliance, pc) > before);
}

/// How often iPXE was sent and then heard.
fn ipxes(appliance: &Appliance, pc: &Pc) -> usize {
    let mut loaded = false;
    count(appliance, pc, |event| {
        loaded |= event["event"] == "sent" && event["path"] == "snponly.efi";
        let runs = event["event"] == "discover" && event["stage"] == "ipxe";
        runs && std::mem::take(&mut loaded)
    })
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
    let slow = |host| Server::dnsmasq_with(host, &["--dhcp-reply-delay=3"]);
    // Nobody gives leases until its third DISCOVER, 12 s after the first.
    let pc = machine(&lan);
    poll::expect("three DISCOVERs", LOADER, || {
        discovers(&appliance, &pc) >= 3
    });
    let server = slow(&dhcp_host);
    boots(&appliance, &pc, 0);
    drop(pc);

    // Nobody gives any for a whole attempt.
    drop(server);
    let pc = machine(&lan);
    let before = discovers(&appliance, &pc);
    poll::expect("four DISCOVERs and more", LOADER, || {
        discovers(&appliance, &pc) >= before + 4
    });
    drop(pc);

    dhcp_host.ip(&["-6", "addr", "flush", "dev", "eth0", "scope", "global"]);
    let _again = slow(&dhcp_host);
    for before in [1, 2] {
        let pc = machine(&lan);
        boots(&appliance, &pc, before);
    }
    left_alone(&appliance);
}
