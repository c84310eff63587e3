//! iPXE on BIOS and on UEFI.

use std::time::Duration;

use crate::support::appliance::Setup;
use crate::support::poll;
use crate::support::qemu::{Firmware, Pc};
use crate::{CHOSEN, Lab, MENU, choose, disks, wait_to_see};

/// A second RAM disk, whose `init` replaces that of the first one.
const INIT: &str = "#!/bin/sh\nmount -t proc proc /proc\necho \"===second $(cat /proc/cmdline)===\"\nwhile :; do sleep 60; done\n";

#[test]
fn ipxe_comes_back_from_a_failure_and_hands_arguments_and_ram_disks_over_as_written() {
    as_root!("ipxe_comes_back_from_a_failure_and_hands_arguments_and_ram_disks_over_as_written");
    let profile = r#"
menu:
  title: Menu of iPXE
  entries:
    - { id: gone, title: "Gone # 1 && 2; || \"x\" 'y' Grüße; a title as long as this one is shown as well", linux: { kernel: gone/linux } }
    - id: debian
      title: Debian
      linux:
        kernel: debian-12/linux
        initrd: [debian-12/initrd.gz, second.cpio]
        args: "console=ttyS0 init_on_alloc=0 a=\"x  y\"   b='z' c=# && ; d=1,2 last"
"#;
    let lab = Lab::with(profile, &[], Setup::debian_installer);
    let second = disks::ram_disk("init", INIT);
    disks::put(&lab.appliance.images().join("second.cpio"), &second);

    let machine = lab.machine(Firmware::Bios, 21).memory(1024);
    let mut pc = machine.power_on(&lab.lan);
    wait_to_see(&pc, "Debian");
    let screen = pc.monitor().text().unwrap();
    let long = "Gone # 1 && 2; || \"x\" 'y' Grusse; a title as long as this one is shown as";
    for line in ["Menu of iPXE", long] {
        assert!(screen.contains(line), "{line:?} is missing in\n{screen}");
    }
    choose(&pc, 0);
    wait_to_see(&pc, "that did not boot; back to the menu");
    poll::expect("the menu again", CHOSEN, || {
        let screen = pc.monitor().text().unwrap_or_default();
        screen.contains("Menu of iPXE") && !screen.contains("did not boot")
    });
    choose(&pc, 1);
    pc.wait_for(&["===second "], CHOSEN);
    let said = pc.serial();
    let args = "initrd=initrd0 initrd=initrd1 console=ttyS0 init_on_alloc=0 a=\"x  y\"   b='z' c=# && ; d=1,2 last===";
    assert!(said.contains(args), "{args:?} is missing in {said}");
}

/// A router that names a file of its own, which iPXE takes before a proxy's: the card's iPXE boots what
/// we name where a row says so.
#[test]
fn a_row_has_ipxe_boot_ours_before_a_file_that_the_dhcp_server_names() {
    as_root!("a_row_has_ipxe_boot_ours_before_a_file_that_the_dhcp_server_names");
    let lab = Lab::with(
        r#"
menu:
  title: T
  entries:
    - { id: own, title: Script, ipxe: "echo ===ours===" }
"#,
        &["--dhcp-boot=routers-own.0,router,10.77.0.1"],
        |setup| {
            setup.config(
                "quirks: [ { name: ours-first, tells: { stage: ipxe }, changes: { ipxe-priority: 1 } } ]\n",
            )
        },
    );
    let pc = lab.machine(Firmware::Bios, 24).power_on(&lab.lan);
    wait_to_see(&pc, "===ours===");
}

#[test]
fn ipxe_on_uefi_comes_back_from_a_script_and_leaves_to_the_next_boot_option() {
    as_root!("ipxe_on_uefi_comes_back_from_a_script_and_leaves_to_the_next_boot_option");
    let lab = Lab::new(
        r"
menu:
  title: Menu of iPXE
  timeout: 3s
  default: disk
  entries:
    - { id: disk, title: Local disk, local: true }
    - id: own
      title: Script
      ipxe: |
        #!ipxe
        echo ===script of {{ arch }} ${platform}===
    - { id: next, title: Wrong, chain: wrong.ipxe }
",
    );
    // OVMF tries the card once more, by HTTP, before the disk; IPv6 would take it 40 s longer.
    let machine = lab.machine(Firmware::Uefi, 22);
    let machine = machine
        .flag("-fw_cfg")
        .flag("name=opt/org.tianocore/IPv6PXESupport,string=n");
    let mut pc = machine.power_on(&lab.lan);
    pc.wait_for(&["Wrong"], MENU);
    choose(&pc, 1);
    pc.wait_for(&["===script of efi-x64 efi==="], CHOSEN);
    pc.wait_for(&[disks::WORD], CHOSEN);
    assert_eq!(
        lab.count(&pc, "not-found", "wrong.ipxe"),
        0,
        "fell into the next entry"
    );
}

#[test]
fn memtest_runs_on_uefi() {
    as_root!("memtest_runs_on_uefi");
    let lab = Lab::new(
        "menu: { title: T, timeout: 0s, entries: [ { id: m, title: M, loader: { efi-x64: memtest.efi } }, { id: d, title: D, local: true } ] }",
    );
    let pc = lab.machine(Firmware::Uefi, 23).power_on(&lab.lan);
    poll::expect("a screen in memtest's blue", CHOSEN, || {
        mostly_blue(&pc, &lab)
    });
    assert_eq!(lab.door(&pc, "assets/memtest.efi"), "http");
}

/// Whether most of the screen is of the blue that memtest86+ draws on.
fn mostly_blue(pc: &Pc, lab: &Lab) -> bool {
    let file = lab.lan.folder().join("screen.ppm");
    if pc.monitor().picture(&file).is_err() {
        return false;
    }
    let picture = poll::until(Duration::from_secs(5), || std::fs::read(&file).ok());
    let picture = picture.unwrap_or_default();
    let pixels = picture.as_chunks::<3>().0;
    let blue = |[r, g, b]: &&[u8; 3]| *r < 16 && *g < 16 && (128..192).contains(b);
    // The header shifts the pixels by a few bytes: any of the three ways to group them.
    let shifted = |by: usize| picture.get(by..).unwrap_or_default().as_chunks::<3>().0;
    let most = (0..3).any(|by| shifted(by).iter().filter(blue).count() * 2 > pixels.len());
    !pixels.is_empty() && most
}
