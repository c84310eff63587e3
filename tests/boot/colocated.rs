//! bootjack and somebody else's DHCP server on one host, each server with the lines that README
//! gives: real firmware comes to port 4011 by itself, after its lease.
//!
//! On each LAN three PCs are switched on together: EDK2's PXE, which fetches `snponly.efi` (and that
//! asks 4011 again for its script), the iPXE of a network card, and EDK2's HTTP boot.

use crate::support::lan::{DHCP_IP, Lan};
use crate::support::process::Process;
use crate::support::qemu::{Firmware, Machine, Pc};
use crate::support::servers::{self, Kind};
use crate::{BOOT, Lab, says, support};

/// The router speaks no DHCP: iPXE waits for one.
fn lab(kind: Kind, profiles: &[(&str, &str)]) -> (Lab, Process) {
    let lan = Lan::new();
    let host = lan.dhcp_host();
    let dhcp = kind.colocated(&host, DHCP_IP);
    let router = servers::ipv6_router(&lan.client("router"));
    let setup = Lab::setup(&host, profiles).flag("--mode=colocated");
    (Lab::on(lan, dhcp, setup), router)
}

/// Everything that bootjack was asked came to 4011.
fn nothing_by_67(lab: &Lab, pc: &Pc) {
    let story = lab.story(pc);
    let by_67 = |line: &&String| line.starts_with("discover") || line.starts_with("leased");
    assert_eq!(story.iter().find(by_67), None, "{story:#?}");
}

fn every_firmware(kind: Kind, first: u8) {
    let (lab, _router) = lab(kind, &[("p.yaml", &says("through 4011", ""))]);
    let machines = vec![
        Machine::new(Firmware::Uefi, first),
        Machine::new(Firmware::Bios, first + 1),
        Machine::new(Firmware::UefiHttp, first + 2),
    ];
    let mut pcs = Machine::power_on_together(machines, &lab.lan);
    for pc in &mut pcs {
        pc.wait_for(&["===through 4011==="], BOOT);
        nothing_by_67(&lab, pc);
    }
    let script = "answer http://10.77.0.1:8067/boot/";
    let edk2 = [
        "request rom",
        "answer snponly.efi",
        "sent snponly.efi",
        "request ipxe",
        script,
        "menu boot/",
    ];
    let ipxe = ["request ipxe", script, "menu boot/"];
    lab.tells(&pcs[0], &edk2);
    lab.tells(&pcs[1], &ipxe);
    // HTTP boot was told its URI by the DHCP server, and comes to 4011 as iPXE.
    lab.tells(&pcs[2], &ipxe);
}

#[test]
fn edk2_ipxe_and_http_boot_beside_dnsmasq_on_the_same_host() {
    as_root!("edk2_ipxe_and_http_boot_beside_dnsmasq_on_the_same_host");
    every_firmware(Kind::Dnsmasq, 20);
}

#[test]
fn edk2_ipxe_and_http_boot_beside_isc_dhcpd_on_the_same_host() {
    as_root!("edk2_ipxe_and_http_boot_beside_isc_dhcpd_on_the_same_host");
    every_firmware(Kind::Isc, 23);
}

#[test]
fn edk2_ipxe_and_http_boot_beside_kea_on_the_same_host() {
    as_root!("edk2_ipxe_and_http_boot_beside_kea_on_the_same_host");
    every_firmware(Kind::Kea, 26);
}

/// A loader by TFTP that asks for its menu later on, without any DHCP packet of its own.
#[test]
fn pxelinux_beside_dnsmasq_on_the_same_host() {
    as_root!("pxelinux_beside_dnsmasq_on_the_same_host");
    let profile = says("nothing", "loader: { bios: pxelinux }");
    let (lab, _router) = lab(Kind::Dnsmasq, &[("p.yaml", &profile)]);
    let pc = Machine::new(Firmware::Bios, 29).power_on(&lab.lan);
    support::poll::expect("pxelinux has its menu", BOOT, || {
        let menu = |line: &String| line.starts_with("menu pxelinux.cfg/");
        lab.story(&pc).iter().any(menu)
    });
    let before = [
        "request ipxe",
        "answer lpxelinux.0",
        "sent lpxelinux.0",
        "sent ldlinux.c32",
    ];
    lab.tells(&pc, &before);
    nothing_by_67(&lab, &pc);
}
