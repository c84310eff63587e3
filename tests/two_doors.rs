//! One tree, two doors: every embedded asset and every kind of name is the same by TFTP and by
//! HTTP, fetched by real clients from the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::Path;

use support::appliance::{Appliance, Setup};
use support::lan::{APPLIANCE_IP, Host, Lan};

/// A client of the command line: its name, and how it is told what to fetch and where to put it.
type Client = (&'static str, fn(&str, &str) -> Vec<String>);

const CLIENTS: [Client; 4] = [
    ("tftp", |name, to| {
        words(&["-m", "binary", APPLIANCE_IP, "-c", "get", name, to])
    }),
    ("atftp", |name, to| {
        words(&[
            "--option",
            "blksize 1428",
            "--option",
            "windowsize 8",
            "-g",
            "-r",
            name,
            "-l",
            to,
            APPLIANCE_IP,
        ])
    }),
    ("curl", |name, to| {
        words(&[
            "-sf",
            "--tftp-blksize",
            "1468",
            "-o",
            to,
            &format!("tftp://{APPLIANCE_IP}/{name}"),
        ])
    }),
    ("curl", |name, to| {
        words(&[
            "-sf",
            "-o",
            to,
            &format!("http://{APPLIANCE_IP}:8067/{name}"),
        ])
    }),
];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// What a client gets under a name; `None` where it is told that there is none.
fn fetch(pc: &Host, client: &Client, name: &str) -> Option<Vec<u8>> {
    let to = pc.file("fetched");
    let _ = fs::remove_file(&to);
    let args = client.1(name, to.to_str().unwrap());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = pc.attempt(client.0, &args);
    let failed =
        !output.status.success() || String::from_utf8_lossy(&output.stdout).contains("Error");
    if failed { None } else { fs::read(&to).ok() }
}

fn lab(profile: &str) -> (Appliance, Host, Lan) {
    let lan = Lan::new();
    let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"))
        .profile("all.yaml", profile);
    let pc = lan.host("pc", "10.77.0.9/24");
    (setup.start(), pc, lan)
}

const MENU: &str = "menu: { title: T, entries: [ { id: disk, title: Disk, local: true } ] }\n";

#[test]
fn every_embedded_asset_by_every_client_byte_for_byte() {
    if support::left_out("every_embedded_asset_by_every_client_byte_for_byte") {
        return;
    }
    let (_appliance, pc, _lan) = lab(MENU);
    for asset in bootjack::assets::all() {
        for client in &CLIENTS {
            let got = fetch(&pc, client, asset.name);
            assert!(
                got.as_deref() == Some(asset.bytes),
                "{} by {}: {:?} bytes",
                asset.name,
                client.0,
                got.map(|g| g.len())
            );
        }
    }
}

#[test]
fn menus_images_and_what_is_not_there_are_the_same_by_both_doors() {
    if support::left_out("menus_images_and_what_is_not_there_are_the_same_by_both_doors") {
        return;
    }
    let (appliance, pc, _lan) = lab(MENU);
    let images = appliance.images();
    fs::create_dir_all(images.join("d")).unwrap();
    fs::write(images.join("d/File.IMG"), b"image").unwrap();
    std::os::unix::fs::symlink("d/File.IMG", images.join("inside")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", images.join("outside")).unwrap();
    let mac = "52-54-00-77-00-09";
    for (name, expected) in [
        ("images/d/File.IMG", Some(&b"image"[..])),
        ("images/d/file.img", Some(b"image")),
        ("images//d/./File.IMG", Some(b"image")),
        ("images/inside", Some(b"image")),
        ("images/outside", None),
        ("images/d", None),
        ("images/none", None),
        ("images/d/File.IMG/x", None),
        ("pxelinux.cfg/default", None),
        ("revocations_sbat.efi", None),
    ] {
        for client in &CLIENTS {
            assert_eq!(
                fetch(&pc, client, name).as_deref(),
                expected,
                "{name} by {}",
                client.0
            );
        }
    }
    for menu in [
        format!("pxelinux.cfg/01-{mac}"),
        format!("boot/{mac}.ipxe"),
        format!("grub/grub.cfg-01-{mac}"),
    ] {
        let all: Vec<_> = CLIENTS
            .iter()
            .map(|client| fetch(&pc, client, &menu).expect("a menu"))
            .collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{menu}");
        assert!(!all[0].is_empty(), "{menu}");
    }
    assert!(
        Path::new("/etc/passwd").exists(),
        "the test proves something"
    );
}

#[test]
fn an_operators_file_stands_in_for_an_asset() {
    if support::left_out("an_operators_file_stands_in_for_an_asset") {
        return;
    }
    let lan = Lan::new();
    let host = lan.appliance_host();
    let own = host.file("own-assets");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("snponly.efi"), b"mine").unwrap();
    let setup = Setup::new(&host, env!("CARGO_BIN_EXE_bootjack")).profile("all.yaml", MENU);
    let _appliance = setup.flag(&format!("--assets={}", own.display())).start();
    let pc = lan.host("pc", "10.77.0.9/24");
    for client in &CLIENTS {
        assert_eq!(
            fetch(&pc, client, "snponly.efi").as_deref(),
            Some(&b"mine"[..]),
            "{}",
            client.0
        );
        let other = bootjack::assets::get("ipxe.efi").unwrap();
        assert!(
            fetch(&pc, client, "ipxe.efi").as_deref() == Some(other.bytes),
            "{}",
            client.0
        );
    }
}
