//! Debian's signed GRUB on UEFI, which shim starts with Secure Boot off too, where the LAN's own DHCP server
//! points to us: behind a ProxyDHCP it asks that server for its menu (facts C).

use crate::support::appliance::Setup;
use crate::support::qemu::Firmware;
use crate::{CHOSEN, Lab, MENU, choose, disks};

const TO_US: &str = "--dhcp-boot=grubx64.efi,,10.77.0.2";
const PROFILE: &str = r#"
loader: grub
menu:
  title: T
  timeout: 120s
  default: debian
  entries:
    - id: debian
      title: "It's `Debian` $x; {12} \"q\""
      linux:
        kernel: debian-12/linux
        initrd: [empty.cpio, empty.cpio]
        args: "console=ttyS0 a=\"x  y\" b=$c;d{e} last"
    - { id: own, title: Unseen, ipxe: shell }
    - { id: disk, title: Local disk, local: true }
"#;

#[test]
fn grub_boots_a_kernel_with_its_arguments_over_tftp() {
    as_root!("grub_boots_a_kernel_with_its_arguments_over_tftp");
    let lab = Lab::with(PROFILE, &[TO_US], Setup::debian_installer);
    let empty = disks::ram_disk("nothing", "");
    disks::put(&lab.appliance.images().join("empty.cpio"), &empty);
    let machine = lab.machine(Firmware::Uefi, 31).memory(1024);
    let mut pc = machine.power_on(&lab.lan);
    pc.wait_for(&["Local disk"], MENU);
    let menu = pc.serial();
    assert!(menu.contains("It's `Debian` $x; {12} \"q\""), "{menu}");
    assert!(!menu.contains("Unseen"), "{menu}");
    choose(&pc, 0);
    pc.wait_for(&["Command line: "], CHOSEN);
    let said = pc.serial();
    let args = "linux console=ttyS0 \"a=x  y\" b=$c;d{e} last";
    assert!(said.contains(args), "{args:?} is missing in {said}");
    assert_eq!(lab.count(&pc, "sent", "shimx64.efi"), 1);
    assert_eq!(lab.door(&pc, "debian-12/linux"), "tftp");
    assert_eq!(lab.count(&pc, "sent", "empty.cpio"), 2);
}

#[test]
fn grub_finds_the_loader_of_the_local_disk() {
    as_root!("grub_finds_the_loader_of_the_local_disk");
    let lab = Lab::with(PROFILE, &[TO_US], |setup| setup);
    let mut pc = lab.machine(Firmware::Uefi, 32).power_on(&lab.lan);
    pc.wait_for(&["Local disk"], MENU);
    choose(&pc, 1);
    pc.wait_for(&[disks::WORD], CHOSEN);
}

/// GRUB's module for HTTP comes from Debian's package, as an operator would bring it.
#[test]
#[ignore = "needs grub-efi-amd64-bin: make test-all"]
fn grub_with_its_module_for_http_reads_from_our_port() {
    const MODULE: &str = "/usr/lib/grub/x86_64-efi/http.mod";
    const CONFIG: &str = "insmod (tftp,10.77.0.2)/http.mod
if [ -s (http,10.77.0.2:8067)/images/some.file ]; then echo ===by http===; fi
sleep 600
";
    as_root!("grub_with_its_module_for_http_reads_from_our_port");
    let lab = Lab::with(PROFILE, &[], |setup| {
        let assets = setup.config_file().with_file_name("assets");
        disks::put(&assets.join("grub/grub.cfg"), CONFIG.as_bytes());
        let module = std::fs::read(MODULE).expect("tests/support/setup.sh all brings it");
        disks::put(&assets.join("http.mod"), &module);
        setup.flag(&format!("--assets={}", assets.display()))
    });
    disks::put(&lab.appliance.images().join("some.file"), b"something");
    let mut pc = lab.machine(Firmware::Uefi, 33).power_on(&lab.lan);
    pc.wait_for(&["===by http==="], CHOSEN);
}
