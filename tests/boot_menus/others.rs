//! The menu that is there without a profile, and machines that nobody knows.

use std::time::Duration;

use crate::support::appliance::Setup;
use crate::support::ipxe;
use crate::support::lan::Lan;
use crate::support::poll;
use crate::support::qemu::{Firmware, Machine};
use crate::support::servers::Server;
use crate::{CHOSEN, MENU, disks, wait_to_see};

const BINARY: &str = env!("CARGO_BIN_EXE_bootjack");

#[test]
fn without_profiles_there_is_a_menu_with_what_lies_in_the_image_folder() {
    as_root!("without_profiles_there_is_a_menu_with_what_lies_in_the_image_folder");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq(&lan.dhcp_host());
    let appliance = Setup::new(&lan.appliance_host(), BINARY)
        .without_profiles()
        .start();
    let machines = [(Firmware::Bios, 41), (Firmware::Uefi, 42)];
    let machines = machines.map(|(firmware, number)| Machine::new(firmware, number).memory(512));
    let pcs = Machine::power_on_together(machines.to_vec(), &lan);
    for pc in &pcs {
        for line in ["Network boot", "Boot from the local disk", "Memory test"] {
            wait_to_see(pc, line);
        }
        assert!(!pc.shows("debian-12"));
    }
    drop(pcs);

    let folder = appliance.images().join("debian-12");
    disks::put(&folder.join("linux"), b"kernel");
    disks::put(&folder.join("initrd.gz"), b"initrd");
    poll::expect("the menu has it", Duration::from_secs(10), || {
        appliance
            .get("/boot/52-54-00-77-00-29.ipxe")
            .contains("debian-12")
    });
    let pc = Machine::new(Firmware::Bios, 41).memory(512).power_on(&lan);
    wait_to_see(&pc, "debian-12");
}

/// An iPXE that got its address from elsewhere, or before bootjack was started: nobody knows it,
/// and it is told its menu all the same.
#[test]
fn a_strangers_ipxe_gets_its_own_menu() {
    as_root!("a_strangers_ipxe_gets_its_own_menu");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq(&lan.dhcp_host());
    let mut pc = disks::bios(Machine::new(Firmware::Bios, 43), &lan).power_on(&lan);
    let profile = format!(
        "match: {{ mac: \"{}\", arch: bios }}\nmenu: {{ title: Known by its MAC, entries: [ {{ id: d, title: D, local: true }}, {{ id: s, title: Script, ipxe: \"echo ===script of {{{{ mac }}}}===\" }} ] }}\n",
        pc.mac()
    );
    pc.wait_for(&["SeaBIOS"], MENU);
    ipxe::command_line(&pc, MENU);
    pc.monitor().type_text("dhcp\n");
    pc.wait_for(&["... ok"], CHOSEN);

    let appliance = Setup::new(&lan.appliance_host(), BINARY)
        .profile("one.yaml", &profile)
        .start();
    assert!(
        appliance
            .try_api(&format!("clients/{}", pc.mac()))
            .is_none()
    );
    pc.monitor()
        .type_text("chain http://10.77.0.2:8067/boot/menu.ipxe\n");
    wait_to_see(&pc, "Known by its MAC");
    pc.monitor().press(&["down", "ret"]);
    let word = format!("===script of {}===", pc.mac());
    wait_to_see(&pc, &word);
}
