//! bootjack and somebody else's DHCP server on one host, each server with the lines that README
//! gives: real firmware comes to port 4011 by itself, after its lease.
//!
//! On each LAN one UEFI and one BIOS PC are switched on together. The UEFI one is two clients: EDK2
//! fetches `snponly.efi`, which asks 4011 again and fetches its script.

use crate::support::lan::{DHCP_IP, Lan};
use crate::support::process::Process;
use crate::support::qemu::{Firmware, Machine, Pc};
use crate::support::servers::{self, Kind};
use crate::{LOADER, Lab, says, support};

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

fn edk2_and_ipxe(kind: Kind, first: u8) {
    let (lab, _router) = lab(kind, &[("p.yaml", &says("through 4011", ""))]);
    let machines = vec![
        Machine::new(Firmware::Uefi, first),
        Machine::new(Firmware::Bios, first + 1),
    ];
    let mut pcs = Machine::power_on_together(machines, &lab.lan);
    for pc in &mut pcs {
        pc.wait_for(&["===through 4011==="], LOADER);
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
    lab.tells(&pcs[0], &edk2);
    lab.tells(&pcs[1], &["request ipxe", script, "menu boot/"]);
}

#[test]
fn edk2_and_ipxe_beside_dnsmasq_on_the_same_host() {
    as_root!("edk2_and_ipxe_beside_dnsmasq_on_the_same_host");
    edk2_and_ipxe(Kind::Dnsmasq, 20);
}

#[test]
fn edk2_and_ipxe_beside_isc_dhcpd_on_the_same_host() {
    as_root!("edk2_and_ipxe_beside_isc_dhcpd_on_the_same_host");
    edk2_and_ipxe(Kind::Isc, 22);
}

#[test]
fn edk2_and_ipxe_beside_kea_on_the_same_host() {
    as_root!("edk2_and_ipxe_beside_kea_on_the_same_host");
    edk2_and_ipxe(Kind::Kea, 24);
}

/// What else the lines in README promise: HTTP boot, whose URI the DHCP server names, and a loader
/// by TFTP that then asks for its menu by address alone.
#[test]
fn http_boot_and_pxelinux_beside_dnsmasq_on_the_same_host() {
    as_root!("http_boot_and_pxelinux_beside_dnsmasq_on_the_same_host");
    let more = "loader: { bios: pxelinux }";
    let (lab, _router) = lab(Kind::Dnsmasq, &[("p.yaml", &says("by http", more))]);
    let machines = vec![
        Machine::new(Firmware::UefiHttp, 26),
        Machine::new(Firmware::Bios, 27),
    ];
    let mut pcs = Machine::power_on_together(machines, &lab.lan);
    pcs[0].wait_for(&["===by http==="], LOADER);
    lab.tells(&pcs[0], &["request ipxe", "menu boot/"]);
    support::poll::expect("pxelinux has its menu", LOADER, || {
        let story = lab.story(&pcs[1]);
        story
            .iter()
            .any(|line| line.starts_with("menu pxelinux.cfg/"))
    });
    let pxelinux = [
        "request ipxe",
        "answer lpxelinux.0",
        "sent lpxelinux.0",
        "sent ldlinux.c32",
    ];
    lab.tells(&pcs[1], &pxelinux);
}
