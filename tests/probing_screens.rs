//! The judge beside real firmware: OVMF and the iPXE of QEMU's e1000 on the same LAN come to the same
//! words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

#[allow(dead_code, reason = "shared with the tests of the command")]
#[path = "probing/lab.rs"]
mod lab;

use std::time::Duration;

use lab::{files, probe_as};
use support::lan::Lan;
use support::qemu::{Firmware, Machine};
use support::servers::Server;

/// Firmware reaches its PXE client in some ten seconds, and no situation here takes it a minute.
const SCREEN: Duration = Duration::from_secs(150);

/// Puts a machine and a probe on a LAN with this DHCP server, and compares the last word.
fn same_words(firmware: Firmware, name: &str, flags: &[&str]) {
    let lan = Lan::new();
    let host = lan.dhcp_host();
    let root = files(&host, &[("empty", b"")]);
    let root = format!("--tftp-root={}", root.display());
    let flags = [flags, &["--enable-tftp", &root]].concat();
    let _dhcp = Server::dnsmasq_with(&host, &flags);
    let report = probe_as(&lan.client("pc"), name);
    report.fails();
    let screen = report.screen();
    let word = *screen.last().expect("a word on the screen");
    // A screen is 80 columns wide, and breaks a line wherever that is.
    let begin: String = word.chars().take(40).collect();
    let mut pc = Machine::new(firmware, 7).power_on(&lan);
    pc.wait_for(&[&begin], SCREEN);
}

#[test]
fn uefi_and_a_silent_port_4011() {
    as_root!("UEFI and a silent port 4011");
    same_words(Firmware::Uefi, "efi-x64", &["--dhcp-option=60,PXEClient"]);
}

#[test]
fn uefi_and_half_a_menu() {
    as_root!("UEFI and half a menu");
    let flags = ["--dhcp-option=60,PXEClient", "--dhcp-option=43,06:01:00:ff"];
    same_words(Firmware::Uefi, "efi-x64", &flags);
}

#[test]
fn uefi_and_a_missing_file() {
    as_root!("UEFI and a missing file");
    let flags = ["--dhcp-boot=nothere.efi"];
    same_words(Firmware::Uefi, "efi-x64", &flags);
}

#[test]
fn uefi_and_a_lease_without_a_mask() {
    as_root!("UEFI and a lease without a mask");
    let flags = ["--dhcp-option=1", "--dhcp-boot=nothere.efi"];
    same_words(Firmware::Uefi, "efi-x64", &flags);
}

#[test]
fn ipxe_and_nothing_to_boot() {
    as_root!("iPXE and nothing to boot");
    same_words(Firmware::Bios, "ipxe", &[]);
}

#[test]
fn ipxe_and_a_menu_whose_server_is_silent() {
    as_root!("iPXE and a silent boot server");
    // Items of type 0x8001 at 10.77.0.9, where nobody is; the prompt is over at once.
    let flags = [
        "--dhcp-option-force=60,PXEClient",
        "--dhcp-option-force=43,06:01:07:08:07:80:01:01:0a:4d:00:09:09:05:80:01:02:68:69:0a:04:00:50:58:45:ff",
    ];
    same_words(Firmware::Bios, "ipxe", &flags);
}
