//! UEFI on ARM64 and IA32, which have no iPXE: GRUB is their loader, started by shim with Secure Boot off
//! too, where bootjack gives the leases and beside a DHCP server of the LAN's own, and its menu has what
//! they can boot.
//!
//! QEMU's ARM64 board has no keyboard here: what they boot is the default.

use crate::support::appliance::Setup;
use crate::support::poll;
use crate::support::qemu::{Firmware, Pc};
use crate::{CHOSEN, Lab, MENU, disks};

/// What each machine can boot is told by the files themselves.
fn profile(more: &str, default: &str) -> String {
    format!(
        r#"
{more}
menu:
  title: T
  timeout: 3s
  default: {default}
  entries:
    - {{ id: x64, title: For x64 alone, loader: memtest.efi }}
    - {{ id: ia32, title: For IA32 alone, loader: memtest32.efi }}
    - {{ id: arm64, title: For ARM64 alone, loader: grubaa64.efi }}
    - {{ id: unsigned, title: Unsigned, loader: {{ efi-arm64: unsigned.efi }} }}
    - {{ id: disk, title: Local disk, local: true }}
    - id: debian
      title: Debian for x64
      linux:
        kernel: debian-12/linux
        args: "console=ttyS0 word=seen"
"#
    )
}

/// Waits for GRUB's menu, under which stands when the default starts, and looks at its lines.
fn sees(pc: &mut Pc, lines: &[&str], others: &[&str]) {
    pc.wait_for(&["executed automatically"], MENU);
    let menu = pc.serial();
    for line in lines {
        assert!(menu.contains(line), "{line:?} is missing in {menu}");
    }
    for line in others {
        assert!(!menu.contains(line), "{line:?} is in {menu}");
    }
}

const NOT_ARM64: [&str; 3] = ["For x64 alone", "For IA32 alone", "Debian for x64"];
const NOT_IA32: [&str; 2] = ["For x64 alone", "For ARM64 alone"];

/// A DHCP server that knows nothing of boot files is on the LAN: its lease is fetched for the machine.
#[test]
fn arm64_beside_a_dhcp_server_to_its_menu_and_its_disk() {
    as_root!("arm64_beside_a_dhcp_server_to_its_menu_and_its_disk");
    let lab = Lab::with(&profile("", "disk"), &[], Setup::debian_installer);
    let mut pc = lab.machine(Firmware::Arm64, 41).power_on(&lab.lan);
    sees(&mut pc, &["For ARM64 alone"], &NOT_ARM64);
    pc.wait_for(&[disks::WORD], CHOSEN);
    assert_eq!(lab.count(&pc, "sent", "shimaa64.efi"), 1);
    assert_eq!(lab.count(&pc, "sent", "grubaa64.efi"), 1);
}

#[test]
fn ia32_beside_a_dhcp_server_to_its_menu_and_a_64_bit_kernel() {
    as_root!("ia32_beside_a_dhcp_server_to_its_menu_and_a_64_bit_kernel");
    let lab = Lab::with(&profile("", "debian"), &[], Setup::debian_installer);
    let mut pc = lab.machine(Firmware::Ia32, 42).power_on(&lab.lan);
    sees(&mut pc, &["For IA32 alone", "Debian for x64"], &NOT_IA32);
    pc.wait_for(&["word=seen"], CHOSEN);
    assert_eq!(lab.count(&pc, "sent", "shimia32.efi"), 1);
    assert_eq!(lab.count(&pc, "sent", "grubia32.efi"), 1);
}

#[test]
#[ignore = "15 s of emulation: make test-all"]
fn arm64_with_our_lease_to_its_menu() {
    as_root!("arm64_with_our_lease_to_its_menu");
    let lab = Lab::alone(&profile("", "disk"));
    let mut pc = lab.machine(Firmware::Arm64, 43).power_on(&lab.lan);
    sees(&mut pc, &["For ARM64 alone"], &NOT_ARM64[..2]);
}

#[test]
#[ignore = "15 s of emulation: make test-all"]
fn ia32_with_our_lease_to_the_loader_of_its_disk() {
    as_root!("ia32_with_our_lease_to_the_loader_of_its_disk");
    let lab = Lab::alone(&profile("", "disk"));
    let mut pc = lab.machine(Firmware::Ia32, 44).power_on(&lab.lan);
    sees(&mut pc, &["For IA32 alone"], &NOT_IA32);
    pc.wait_for(&[disks::WORD], CHOSEN);
}

/// Secure Boot on, Microsoft's keys: shim, which Microsoft has signed, starts Debian's GRUB, and that one
/// what Debian has signed and nothing else.
#[test]
fn arm64_under_secure_boot_starts_what_is_signed() {
    as_root!("arm64_under_secure_boot_starts_what_is_signed");
    let lab = Lab::alone(&profile("secure_boot: true", "arm64"));
    let machine = lab.machine(Firmware::Arm64Secure, 45);
    let mut pc = machine.power_on(&lab.lan);
    sees(&mut pc, &["For ARM64 alone"], &NOT_ARM64[..2]);
    poll::expect("GRUB, started by GRUB", CHOSEN, || {
        pc.serial().matches("Welcome to GRUB!").count() == 2
    });
    assert_eq!(lab.count(&pc, "sent", "shimaa64.efi"), 1);
}

#[test]
#[ignore = "25 s of emulation: make test-all"]
fn arm64_under_secure_boot_refuses_what_nobody_has_signed() {
    as_root!("arm64_under_secure_boot_refuses_what_nobody_has_signed");
    let lab = Lab::alone(&profile("secure_boot: true", "unsigned"));
    let mut unsigned = bootjack::assets::get("grubaa64.efi")
        .unwrap()
        .bytes
        .to_vec();
    let some_text = unsigned.len() / 2;
    unsigned[some_text] ^= 1;
    disks::put(&lab.appliance.images().join("unsigned.efi"), &unsigned);
    let machine = lab.machine(Firmware::Arm64Secure, 46);
    let mut pc = machine.power_on(&lab.lan);
    pc.wait_for(&["bad shim signature"], CHOSEN);
}
