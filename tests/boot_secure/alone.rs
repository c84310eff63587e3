//! Mode `dhcp`: bootjack alone on the LAN. And the control: it is the keys that decide.

use std::fs;
use std::path::Path;

use crate::lab::{BOOT, CHAIN, CONFIRMED, SIGNED, setup, tells};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::Lan;
use crate::support::qemu::{Firmware, Machine, Pc};

const CONFIG: &str = "mode: dhcp
dhcp:
  networks:
    - subnet: 10.77.0.0/24
      options: { routers: 10.77.0.1, dns: 10.77.0.1 }
      pools: [ 10.77.0.100-10.77.0.199 ]
";

/// As the installer's, which knows where it lies on a server that serves nothing else.
const MENU: &str =
    "linux /debian-installer/amd64/linux console=ttyS0 earlyprintk=ttyS0,115200\nboot\n";

/// A machine on a LAN of bootjack's own, and the kernel that it is given.
fn boot(number: u8, alter: impl FnOnce(&mut Vec<u8>)) -> (Pc, Appliance, Lan) {
    let lan = Lan::new();
    let host = lan.appliance_host();
    let kernel = host.file("kernel");
    let mut bytes = fs::read(SIGNED).expect("tests/support/setup.sh brings it");
    alter(&mut bytes);
    fs::write(&kernel, bytes).unwrap();
    let appliance = setup(&host, &kernel).config(CONFIG).start();
    let pc = Machine::new(Firmware::SecureBoot, number).power_on(&lan);
    (pc, appliance, lan)
}

#[test]
fn shim_grub_and_kernel_from_a_lease_of_bootjacks() {
    as_root!("shim_grub_and_kernel_from_a_lease_of_bootjacks");
    let (mut pc, appliance, _lan) = boot(1, |_| {});
    pc.wait_for(&[CONFIRMED], BOOT);
    tells(&appliance, &pc, &[&["discover rom"], &CHAIN[..]].concat());
}

/// Secure Boot is really on, and nothing but the signature lets a kernel pass.
#[test]
fn a_kernel_with_one_byte_changed_is_refused() {
    as_root!("a_kernel_with_one_byte_changed_is_refused");
    let (mut pc, appliance, _lan) = boot(2, |kernel| {
        let middle = kernel.len() / 2;
        kernel[middle] ^= 1;
    });
    let refused = "bad shim signature";
    let seen = pc.wait_for(&[CONFIRMED, refused], BOOT);
    assert_eq!(seen.pattern, refused);
    tells(&appliance, &pc, &CHAIN);
}

/// The netboot folder of a distribution as it packs it, below the images: firmware is sent to its
/// shim, which knows its folder; its GRUB, whose names begin at another root, finds the rest.
#[test]
fn a_distributions_own_folder_boots_by_its_own_menu() {
    as_root!("a_distributions_own_folder_boots_by_its_own_menu");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let menu = host.file("grub.cfg");
    fs::write(&menu, MENU).unwrap();
    let row = "quirks:\n  - name: its-own\n    tells: { arch: efi-x64 }\n    \
               changes: { loader: images/d12/debian-installer/amd64/bootnetx64.efi }\n    record: a test\n";
    let setup = Setup::new(&host, env!("CARGO_BIN_EXE_bootjack"))
        .config(&format!("{CONFIG}{row}"))
        .profile(
            "p.yaml",
            "menu: { entries: [ { id: disk, local: true } ] }\n",
        )
        .image("d12/debian-installer/amd64/grub/grub.cfg", &menu);
    let source = Path::new(SIGNED).parent().unwrap();
    let files = ["bootnetx64.efi", "grubx64.efi", "linux"];
    let appliance = files
        .iter()
        .fold(setup, |setup, file| {
            setup.image(
                &format!("d12/debian-installer/amd64/{file}"),
                &source.join(file),
            )
        })
        .start();
    let mut pc = Machine::new(Firmware::SecureBoot, 3).power_on(&lan);
    pc.wait_for(&[CONFIRMED], BOOT);
    let told = [
        "sent images/d12/debian-installer/amd64/bootnetx64.efi",
        "sent images/d12/debian-installer/amd64/grubx64.efi",
        "guessed debian-installer/amd64/grub/grub.cfg",
        "sent /debian-installer/amd64/linux",
    ];
    tells(&appliance, &pc, &told);
}
