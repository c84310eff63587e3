//! pxelinux on BIOS.

use crate::support::appliance::Setup;
use crate::support::lan::Lan;
use crate::support::qemu::Firmware;
use crate::{Lab, choose, disks, shown, wait_to_see};

#[test]
fn pxelinux_shows_its_menu_and_keys_choose_a_script() {
    as_root!("pxelinux_shows_its_menu_and_keys_choose_a_script");
    let lab = Lab::new(
        r#"
loader: pxelinux
menu:
  title: Menu of pxelinux
  timeout: 120s
  default: disk
  entries:
    - { id: disk, title: Local disk, local: true }
    - { id: b, title: "Größe #1 & ^2; \"x\"", loader: memtest.bin }
    - id: own
      title: Script
      ipxe: |
        echo ===at ${net0/ip} of {{ ip }}===
        goto there
        echo ===wrong===
        :there
        exit
"#,
    );
    let pc = lab.machine(Firmware::Bios, 11).power_on(&lab.lan);
    wait_to_see(&pc, "Automatic boot in");
    let screen = pc.monitor().text().unwrap();
    for line in [
        "Menu of pxelinux",
        "Local disk",
        "Grosse #1 & 2; \"x\"",
        "Script",
    ] {
        assert!(screen.contains(line), "{line:?} is missing in\n{screen}");
    }
    choose(&pc, 2);
    wait_to_see(&pc, disks::WORD);
    let said = shown(&pc);
    let line = said.lines().find(|line| line.contains("===at "));
    let line = line.unwrap_or_else(|| panic!("the script said nothing: {said}"));
    let (has, wanted) = line.split_once(" of ").unwrap();
    assert!(
        wanted.starts_with(has.trim_start_matches("===at ")) && wanted.starts_with("10.77.0."),
        "the script has a network: {line}"
    );
    assert!(!said.contains("===wrong==="), "{said}");
}

#[test]
fn the_timeout_of_pxelinux_boots_the_default_from_the_local_disk() {
    as_root!("the_timeout_of_pxelinux_boots_the_default_from_the_local_disk");
    let lab = Lab::new(
        r"
loader: pxelinux
menu:
  title: T
  timeout: 4s
  default: disk
  entries:
    - { id: m, title: M, loader: memtest.bin }
    - { id: disk, title: Local disk, local: true }
",
    );
    let pc = lab.machine(Firmware::Bios, 12).power_on(&lab.lan);
    wait_to_see(&pc, "Automatic boot in");
    wait_to_see(&pc, disks::WORD);
}

#[test]
fn a_file_that_pxelinux_was_to_start_at_once_and_is_missing_leads_to_the_disk() {
    as_root!("a_file_that_pxelinux_was_to_start_at_once_and_is_missing_leads_to_the_disk");
    let lab = Lab::new(
        r"
loader: pxelinux
menu:
  title: T
  timeout: 0s
  default: gone
  entries:
    - { id: m, title: M, loader: memtest.bin }
    - { id: gone, title: Gone, linux: { kernel: gone/linux } }
",
    );
    let pc = lab.machine(Firmware::Bios, 13).power_on(&lab.lan);
    wait_to_see(&pc, disks::WORD);
    assert_eq!(lab.count(&pc, "not-found", "images/gone/linux"), 1);
}

/// `pxelinux.0` speaks no HTTP. (Here it could, by the iPXE in the card's ROM, but is not asked to.)
#[test]
fn a_pxelinux_that_the_dhcp_server_names_fetches_all_by_tftp() {
    as_root!("a_pxelinux_that_the_dhcp_server_names_fetches_all_by_tftp");
    let lab = Lab::with(
        "loader: pxelinux\nmenu: { title: T, entries: [ { id: m, title: M, loader: memtest.bin } ] }",
        &["--dhcp-boot=pxelinux.0,,10.77.0.2"],
        |setup| setup,
    );
    let pc = lab.machine(Firmware::Bios, 14).power_on(&lab.lan);
    wait_to_see(&pc, "Loading tftp://10.77.0.2/assets/memtest.bin... ok");
    assert_eq!(lab.count(&pc, "sent", "lpxelinux.0"), 0);
    assert_eq!(lab.door(&pc, "assets/memtest.bin"), "tftp");
    wait_to_see(&pc, "Memtest86+");
}

/// The card's iPXE prefers what the DHCP server names to the script that we name, but pxelinux then
/// takes the script's folder for its own.
#[test]
fn a_pxelinux_that_the_dhcp_server_names_finds_its_files_beside_our_scripts() {
    as_root!("a_pxelinux_that_the_dhcp_server_names_finds_its_files_beside_our_scripts");
    let lab = Lab::with(
        "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }",
        &["--dhcp-boot=pxelinux.0,,10.77.0.2"],
        |setup| setup,
    );
    let pc = lab.machine(Firmware::Bios, 15).power_on(&lab.lan);
    wait_to_see(&pc, disks::WORD);
    assert_eq!(lab.count(&pc, "sent", "boot/ldlinux.c32"), 1);
}

/// `images/own.cfg`, which says a word and gives the machine back to its disk.
fn own_configuration(setup: Setup, lan: &Lan) -> Setup {
    let file = lan.folder().join("own.cfg");
    let text = "SAY ===its own===\nPROMPT 0\nDEFAULT disk\nLABEL disk\n  LOCALBOOT 0\n";
    std::fs::write(&file, text).unwrap();
    setup.image("own.cfg", &file)
}

const OWN: &str = "loader: pxelinux
pxelinux: { config: images/own.cfg, reboot: 5m }
menu: { title: T, entries: [ { id: m, title: M, loader: memtest.bin } ] }";

/// Behind a proxy (its packets 2 and 3), and with a lease of ours.
#[test]
fn pxelinux_reads_the_options_of_its_own() {
    as_root!("pxelinux_reads_the_options_of_its_own");
    for (number, lab) in [
        (16, Lab::on(OWN, own_configuration, true)),
        (17, Lab::on(OWN, own_configuration, false)),
    ] {
        let pc = lab.machine(Firmware::Bios, number).power_on(&lab.lan);
        wait_to_see(&pc, disks::WORD);
        assert!(shown(&pc).contains("===its own==="), "{}", shown(&pc));
        assert_eq!(lab.count(&pc, "sent", "images/own.cfg"), 1);
        assert_eq!(lab.count(&pc, "menu", "pxelinux.cfg/default"), 0);
    }
}

/// All by HTTP, from its own core on.
#[test]
fn pxelinux_puts_its_prefix_in_front_of_all_names() {
    as_root!("pxelinux_puts_its_prefix_in_front_of_all_names");
    let lab = Lab::new(
        "loader: pxelinux
pxelinux: { prefix: \"http://10.77.0.2:8067/boot/\" }
menu: { title: T, entries: [ { id: d, title: D, local: true } ] }",
    );
    let pc = lab.machine(Firmware::Bios, 18).power_on(&lab.lan);
    wait_to_see(&pc, disks::WORD);
    assert_eq!(lab.door(&pc, "boot/ldlinux.c32"), "http");
}
