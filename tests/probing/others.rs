//! Servers of others: dnsmasq in three ways, and answers as pixiecore gives them. A fair judge says
//! of them what the firmware would.

use crate::lab::{files, probe, probe_as, rom_program};
use crate::support::lan::Lan;
use crate::support::pixiecore::Pixiecore;
use crate::support::servers::{Proxy, Server, tftp};

/// A loader for x64, as it goes with bootjack.
fn snponly() -> &'static [u8] {
    bootjack::assets::get("snponly.efi")
        .expect("a loader")
        .bytes
}

#[test]
fn dnsmasq_as_proxy_without_a_menu() {
    as_root!("dnsmasq as proxy");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let host = lan.appliance_host();
    let root = files(
        &host,
        &[("rom.0", &rom_program()), ("snponly.efi", snponly())],
    );
    let loaders = [("x86PC", "rom.0"), ("X86-64_EFI", "snponly.efi")];
    let _proxy = Proxy::dnsmasq(&host, &root, &loaders);
    let pc = lan.client("pc");
    for (firmware, from) in [
        ("bios", "tftp://10.77.0.2/rom.0"),
        ("bios-2.0", "tftp://10.77.0.2/rom.0"),
        ("ipxe", "tftp://10.77.0.2/rom.0"),
        ("efi-x64", "tftp://10.77.0.2/snponly.efi"),
    ] {
        let report = probe(&pc, &["--as", firmware, "--fetch"]);
        assert_eq!(report.boots(), from, "{firmware}");
    }
}

#[test]
fn dnsmasq_as_proxy_with_a_menu() {
    as_root!("dnsmasq with a menu");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let host = lan.appliance_host();
    let root = files(
        &host,
        &[("one.0", &rom_program()), ("two.0", &rom_program())],
    );
    let flags = [
        "--pxe-prompt=Press F8,2",
        "--pxe-service=x86PC,Lab one,one",
        "--pxe-service=x86PC,Lab two,two",
    ];
    let _proxy = Proxy::dnsmasq_with(&host, &root, &flags);
    let pc = lan.client("pc");
    for firmware in ["bios", "ipxe"] {
        let report = probe_as(&pc, firmware);
        assert_eq!(report.boots(), "tftp://10.77.0.2/one.0", "{firmware}");
        assert!(report.screen().contains(&"Press F8 (2)"), "{firmware}");
    }
    let second = probe(&pc, &["--as", "bios", "--choose", "2"]);
    assert_eq!(second.boots(), "tftp://10.77.0.2/two.0");
}

#[test]
fn dnsmasq_as_dhcp_server_with_a_boot_file() {
    as_root!("dnsmasq with dhcp-boot");
    let lan = Lan::new();
    let host = lan.dhcp_host();
    let root = files(&host, &[("snponly.efi", snponly())]);
    let root = format!("--tftp-root={}", root.display());
    let flags = ["--dhcp-boot=snponly.efi", "--enable-tftp", &root];
    let _dhcp = Server::dnsmasq_with(&host, &flags);
    let pc = lan.client("pc");
    let uefi = probe(&pc, &["--as", "efi-x64", "--fetch"]);
    assert_eq!(uefi.boots(), "tftp://10.77.0.1/snponly.efi");
    assert_eq!(
        uefi.verdict()["image"].as_str(),
        Some("an EFI program for x64")
    );
    // A ROM takes it, and cannot run it.
    let bios = probe(&pc, &["--as", "bios", "--fetch"]);
    assert!(bios.fails().contains("this machine has a BIOS"));
    let grub = probe_as(&pc, "grub");
    assert!(grub.fails().contains("snponly.efi\" has no signature"));
}

#[test]
fn pixiecore() {
    as_root!("pixiecore");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let host = lan.appliance_host();
    let mac = "52:54:00:77:00:09";
    let names = [format!("{mac}/0"), format!("{mac}/7")];
    let contents: [(&str, &[u8]); 2] = [(&names[0], &rom_program()), (&names[1], snponly())];
    let root = files(&host, &contents);
    let _files = tftp(&host, &root);
    let _pixiecore = Pixiecore::start(&host, [10, 77, 0, 2].into());
    let pc = lan.client("pc");
    for (firmware, arch, asks_4011) in [
        ("bios", 0, false),
        ("bios-2.0", 0, true),
        ("efi-x64", 7, true),
        ("ipxe", 0, false),
    ] {
        let report = probe(&pc, &["--as", firmware, "--fetch", "--mac", mac]);
        let from = format!("tftp://10.77.0.2/{mac}/{arch}");
        assert_eq!(report.boots(), from, "{firmware}");
        let asked = report.told("sent");
        let went = asked.iter().any(|step| step.ends_with("10.77.0.2:4011"));
        assert_eq!(went, asks_4011, "{firmware}: {asked:?}");
    }
}
