//! Menus that the firmware shows by itself: EDK2, and the iPXE in a BIOS machine's card.

use serde_json::Value;

use crate::support::qemu::{Firmware, Machine, Pc};
use crate::{CHOSEN, Lab, MENU, choose, disks, wait_to_see};

/// The default stands in the middle of the file.
const PROFILE: &str = r"
name: Lab A
loader: firmware
menu:
  title: Lab A in the firmware
  default: disk
  entries:
    - id: own
      title: Script of our own
      ipxe: |
        echo ===chosen in the firmware===
        sleep 600
    - { id: disk, title: The local disk, local: true }
    - { id: m, title: Memory test, loader: { bios: memtest.bin, efi-x64: memtest.efi } }
";

fn with_timeout(timeout: &str) -> String {
    PROFILE.replace(
        "default: disk",
        &format!("default: disk\n  timeout: {timeout}"),
    )
}

/// OVMF tries the card once more, by HTTP, before the disk; IPv6 would take it 40 s longer.
fn without_ipv6(machine: Machine) -> Machine {
    machine
        .flag("-fw_cfg")
        .flag("name=opt/org.tianocore/IPv6PXESupport,string=n")
}

/// The events of a name in a machine's timeline.
fn told(lab: &Lab, pc: &Pc, name: &str) -> Vec<Value> {
    let mut events = lab.appliance.timeline(pc.mac());
    events.retain(|event| event["event"] == name);
    events
}

/// What was chosen on a machine, once.
fn chosen(lab: &Lab, pc: &Pc) -> (String, String) {
    let events = told(lab, pc, "chosen");
    let [event] = events.as_slice() else {
        panic!("one choice: {events:#?}");
    };
    let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    (word("entry"), word("profile"))
}

#[test]
fn edk2_shows_the_menu_and_the_second_line_starts_that_entry_alone() {
    as_root!("edk2_shows_the_menu_and_the_second_line_starts_that_entry_alone");
    let lab = Lab::new(PROFILE);
    let mut pc = lab.machine(Firmware::Uefi, 51).power_on(&lab.lan);
    pc.wait_for(&["Memory test"], MENU);
    let said = pc.serial();
    let at = |line: &str| said.find(line).unwrap_or_else(|| panic!("{line}: {said}"));
    assert!(at("The local disk") < at("Script of our own"), "{said}");
    assert!(at("Script of our own") < at("Memory test"), "{said}");
    choose(&pc, 1);
    pc.wait_for(&["===chosen in the firmware==="], CHOSEN);
    assert_eq!(chosen(&lab, &pc), ("own".into(), "Lab A".into()));
    assert_eq!(lab.count(&pc, "sent", "snponly.efi"), 1);
}

#[test]
fn edk2_starts_the_default_when_nobody_presses_a_key() {
    as_root!("edk2_starts_the_default_when_nobody_presses_a_key");
    let lab = Lab::new(&with_timeout("4s").replace("default: disk", "default: m"));
    let mut pc = lab.machine(Firmware::Uefi, 52).power_on(&lab.lan);
    pc.wait_for(&["Press F8 for the boot menu"], MENU);
    pc.wait_for(&["NBP filename is memtest.efi"], CHOSEN);
    assert_eq!(chosen(&lab, &pc).0, "m");
    assert!(!pc.shows("Script of our own"), "the menu was not asked for");
}

#[test]
fn local_boot_gives_a_uefi_machine_back_to_its_firmware() {
    as_root!("local_boot_gives_a_uefi_machine_back_to_its_firmware");
    let lab = Lab::new(&with_timeout("0s"));
    let machine = without_ipv6(lab.machine(Firmware::Uefi, 53));
    let mut pc = machine.power_on(&lab.lan);
    pc.wait_for(&[disks::WORD], CHOSEN);
    let sent = told(&lab, &pc, "sent");
    let by_tftp = sent.iter().filter(|event| event["door"] == "tftp");
    assert_eq!(by_tftp.count(), 0, "{sent:#?}");
}

#[test]
fn the_ipxe_of_a_card_shows_the_menu_and_the_second_line_starts_that_entry_alone() {
    as_root!("the_ipxe_of_a_card_shows_the_menu_and_the_second_line_starts_that_entry_alone");
    let lab = Lab::new(PROFILE);
    let pc = lab.machine(Firmware::Bios, 54).power_on(&lab.lan);
    wait_to_see(&pc, "C. Memory test");
    for line in [
        "Lab A in the firmware",
        "A. The local disk",
        "B. Script of our own",
    ] {
        wait_to_see(&pc, line);
    }
    choose(&pc, 1);
    wait_to_see(&pc, "===chosen in the firmware===");
    assert_eq!(chosen(&lab, &pc), ("own".into(), "Lab A".into()));
}

/// The same machine again: what was chosen before is forgotten.
#[test]
fn the_ipxe_of_a_card_starts_the_default_when_nobody_presses_a_key() {
    as_root!("the_ipxe_of_a_card_starts_the_default_when_nobody_presses_a_key");
    let lab = Lab::new(&with_timeout("8s"));
    {
        let pc = lab.machine(Firmware::Bios, 55).power_on(&lab.lan);
        wait_to_see(&pc, "Press F8 for the boot menu");
        pc.monitor().press(&["f8"]);
        wait_to_see(&pc, "C. Memory test");
        choose(&pc, 1);
        wait_to_see(&pc, "===chosen in the firmware===");
    }
    let pc = lab.machine(Firmware::Bios, 55).power_on(&lab.lan);
    wait_to_see(&pc, disks::WORD);
    assert_eq!(told(&lab, &pc, "chosen").len(), 1);
}

/// In the lease itself, and asked for by multicast.
#[test]
fn edk2_shows_the_menu_of_a_lease_and_asks_for_its_items_by_multicast() {
    as_root!("edk2_shows_the_menu_of_a_lease_and_asks_for_its_items_by_multicast");
    let lab = Lab::alone(&format!(
        "firmware: {{ multicast: 239.255.40.11 }}\n{PROFILE}"
    ));
    let mut pc = lab.machine(Firmware::Uefi, 56).power_on(&lab.lan);
    pc.wait_for(&["Memory test"], MENU);
    choose(&pc, 1);
    pc.wait_for(&["===chosen in the firmware==="], CHOSEN);
    assert_eq!(chosen(&lab, &pc), ("own".into(), "Lab A".into()));
}

#[test]
fn esc_in_the_menu_of_edk2_leads_to_the_loader_and_its_menu() {
    as_root!("esc_in_the_menu_of_edk2_leads_to_the_loader_and_its_menu");
    let lab = Lab::new(PROFILE);
    let mut pc = lab.machine(Firmware::Uefi, 57).power_on(&lab.lan);
    pc.wait_for(&["Memory test"], MENU);
    pc.monitor().press(&["esc"]);
    pc.wait_for(&["Lab A in the firmware"], CHOSEN);
    assert_eq!(told(&lab, &pc, "chosen").len(), 0);
    assert_eq!(lab.count(&pc, "menu", "52-54-00-77-00-39.ipxe"), 1);
}
