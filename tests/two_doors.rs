//! One tree, two doors: every embedded asset and every kind of name is the same by TFTP and by
//! HTTP, fetched by real clients from the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[macro_use]
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

/// What shim and GRUB guess, once the machine's loader came from a folder of the images (quirks 37
/// and 38): by whichever door, what lies there, else ours.
#[test]
fn what_a_loader_guesses_is_looked_for_beside_it() {
    as_root!("what_a_loader_guesses_is_looked_for_beside_it");
    let (appliance, pc, _lan) = lab(MENU);
    let images = appliance.images();
    for (file, text) in [
        ("ubuntu/shimx64.efi", "shim"),
        ("ubuntu/grubx64.efi", "its grub"),
        ("ubuntu/grub/grub.cfg", "its menu"),
        ("alone/shimx64.efi", "shim"),
    ] {
        fs::create_dir_all(images.join(file).parent().unwrap()).unwrap();
        fs::write(images.join(file), text).unwrap();
    }
    let asset = |name| bootjack::assets::get(name).unwrap().bytes;
    let (its_grub, its_menu) = (&b"its grub"[..], &b"its menu"[..]);
    for client in &CLIENTS {
        let get = |name: &str| fetch(&pc, client, name);
        let gets = |name: &str, wanted: &[u8]| {
            assert!(
                get(name).as_deref() == Some(wanted),
                "{name} by {}",
                client.0
            );
        };
        gets("images/ubuntu/shimx64.efi", b"shim");
        for name in [
            "grubx64.efi",
            "/grubx64.efi",
            "//grubx64.efi",
            "i/grubx64.efi",
        ] {
            gets(name, its_grub);
        }
        for name in ["grub/grub.cfg", "i//grub/grub.cfg-01-52-54-00-77-00-09"] {
            gets(name, its_menu);
        }
        assert_eq!(get("revocations_sku.efi"), None);
        assert_eq!(get("alone/shimx64.efi"), None, "no guess of a loader");
        // What firmware is told is ours, and with it all that follows.
        gets("shimx64.efi", asset("shimx64.efi"));
        gets("grubx64.efi", asset("grubx64.efi"));
        gets("images/alone/shimx64.efi", b"shim");
        gets("i/grubx64.efi", asset("grubx64.efi"));
    }
    let guessed = |path: &str, file: Option<&str>| {
        let events = appliance.events();
        let of = |e: &&serde_json::Value| e["event"] == "guessed" && e["path"] == path;
        assert!(
            events.iter().filter(of).any(|e| e["file"].as_str() == file),
            "{path}: {events:#?}"
        );
    };
    guessed("i/grubx64.efi", Some("images/ubuntu/grubx64.efi"));
    guessed(
        "i/grub/grub.cfg-01-52-54-00-77-00-09",
        Some("images/ubuntu/grub/grub.cfg"),
    );
    let complaints = |e: &&serde_json::Value| {
        e["event"] == "not-found" && e["path"].to_string().contains("revocations")
    };
    assert_eq!(appliance.events().iter().find(complaints), None);
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
