//! Raspberry Pis on the wire: `bootjack probe` plays their boot, file after file, and a Pi that sends no
//! REQUEST is known by its ARP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bootjack::profile::{Source, compile};
use support::appliance::{Appliance, Setup};
use support::lan::{Host, Lan};
use support::servers::Server;

const BOOTJACK: &str = env!("CARGO_BIN_EXE_bootjack");
const PIS: &str = r#"
match: { mac: ["b8:27:eb:*", "dc:a6:32:*", "2c:cf:67:*"] }
raspberry_pi:
  folder: pi
  cmdline: "root=/dev/nfs nfsroot={{ server }}:/srv/{{ serial }} mac={{ mac }}"
"#;
const OTHERS: &str = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
/// A boot partition, as far as the three models need it.
const FILES: [&str; 11] = [
    "bootcode.bin",
    "start.elf",
    "fixup.dat",
    "start4.elf",
    "fixup4.dat",
    "config.txt",
    "kernel8.img",
    "kernel_2712.img",
    "bcm2710-rpi-3-b.dtb",
    "bcm2711-rpi-4-b.dtb",
    "bcm2712-rpi-5-b.dtb",
];
const SOON: Duration = Duration::from_secs(20);

/// The appliance with that partition in `images/pi`, each file filled with its own name.
fn setup(lan: &Lan, host: &Host) -> Setup {
    let setup = Setup::new(host, BOOTJACK)
        .profile("pi.yaml", PIS)
        .profile("others.yaml", OTHERS);
    FILES.iter().fold(setup, |setup, file| {
        setup.image(&format!("pi/{file}"), &source(lan, file))
    })
}

fn source(lan: &Lan, content: &str) -> PathBuf {
    let file = lan.folder().join(format!("source-{content}"));
    std::fs::write(&file, content).unwrap();
    file
}

/// What a host gets by TFTP; `None`: there is nothing.
fn fetched(host: &Host, name: &str) -> Option<String> {
    let url = format!("tftp://10.77.0.2/{name}");
    let got = host.attempt("curl", &["-s", "--max-time", "20", &url]);
    let text = String::from_utf8_lossy(&got.stdout).into_owned();
    got.status.success().then_some(text)
}

/// A host whose card has this address, and nobody has told bootjack of it.
fn machine(lan: &Lan, role: &str, mac: &str, address: &str) -> Host {
    let host = lan.client(role);
    host.ip(&["link", "set", "eth0", "address", mac]);
    host.address("eth0", address);
    host
}

fn not_found(appliance: &Appliance, path: &str) -> String {
    let event = appliance.wait_for_event(SOON, |e| e["event"] == "not-found" && e["path"] == path);
    event["reason"].as_str().unwrap().to_owned()
}

#[test]
fn each_model_boots_from_the_folder_of_its_profile() {
    as_root!("each_model_boots_from_the_folder_of_its_profile");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let appliance = setup(&lan, &lan.appliance_host()).start();
    let pc = lan.client("pc");
    for (model, first) in [
        ("rpi3", "tftp://10.77.0.2/bootcode.bin"),
        ("rpi4", "start4.elf"),
        ("rpi5", "config.txt"),
    ] {
        let probed = pc.attempt(BOOTJACK, &["probe", "--as", model]);
        let said = String::from_utf8_lossy(&probed.stdout).into_owned();
        assert!(probed.status.success(), "{model}: {said}");
        let boots = said.lines().find(|line| line.starts_with("boots: "));
        assert!(boots.unwrap().contains(first), "{model}: {said}");
    }
    let menus = appliance.events();
    let menus = menus.iter().filter(|e| e["event"] == "menu");
    assert_eq!(menus.count(), 3, "cmdline.txt of the profile, one each");
}

#[test]
fn a_file_that_a_pi_needs_is_to_be_copied() {
    as_root!("a_file_that_a_pi_needs_is_to_be_copied");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let own = source(&lan, "x");
    let _appliance = Setup::new(&lan.appliance_host(), BOOTJACK)
        .profile("pi.yaml", PIS)
        .image("pi/start4.elf", &own)
        .start();
    let pc = lan.client("pc");
    let probed = pc.attempt(BOOTJACK, &["probe", "--as", "rpi4"]);
    let said = String::from_utf8_lossy(&probed.stdout).into_owned();
    assert!(!probed.status.success(), "{said}");
    for words in [
        "a Raspberry Pi needs fixup4.dat: ",
        "copy fixup4.dat into the Pi's folder on the boot server",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("next-server"), "{said}");
}

#[test]
fn a_pi_that_no_packet_shows_is_known_by_its_arp_and_nobody_else_is() {
    as_root!("a_pi_that_no_packet_shows_is_known_by_its_arp_and_nobody_else_is");
    let lan = Lan::new();
    let own = source(&lan, "its own");
    let appliance = setup(&lan, &lan.appliance_host())
        .image("pi/eb414a9d/config.txt", &own)
        .start();
    let pi = machine(&lan, "pi", "b8:27:eb:41:4a:9d", "10.77.0.50/24");
    let pc = machine(&lan, "pc", "52:54:00:41:4a:9d", "10.77.0.51/24");
    for (name, content) in [
        ("bootcode.bin", "bootcode.bin"),
        ("eb414a9d/start.elf", "start.elf"),
        ("eb414a9d/config.txt", "its own"),
        ("config.txt", "config.txt"),
        ("b8-27-eb-41-4a-9d/kernel8.img", "kernel8.img"),
        (
            "eb414a9d/cmdline.txt",
            "root=/dev/nfs nfsroot=10.77.0.2:/srv/eb414a9d mac=b8:27:eb:41:4a:9d\n",
        ),
    ] {
        assert_eq!(fetched(&pi, name).as_deref(), Some(content), "{name}");
        assert_eq!(fetched(&pc, name), None, "{name} is no PC's");
    }
    assert_eq!(fetched(&pi, "eb414a9d/../pi/config.txt"), None);
    let timeline = appliance.timeline("b8:27:eb:41:4a:9d");
    assert!(!timeline.is_empty(), "it has a timeline");
}

#[test]
fn what_a_pi_does_not_find_is_told_with_what_to_do() {
    as_root!("what_a_pi_does_not_find_is_told_with_what_to_do");
    let lan = Lan::new();
    let bare = "name: bare\nmatch: { mac: \"e4:5f:01:*\" }\n";
    let appliance = Setup::new(&lan.appliance_host(), BOOTJACK)
        .profile("pi.yaml", PIS)
        .profile("bare.yaml", &format!("{bare}{OTHERS}"))
        .image("pi/kernel8.img", &source(&lan, "kernel8.img"))
        .start();
    let pi = machine(&lan, "pi", "dc:a6:32:41:4a:9d", "10.77.0.50/24");
    let other = machine(&lan, "other", "e4:5f:01:41:4a:9d", "10.77.0.51/24");
    for file in ["start4.elf", "fixup4.dat", "bcm2712-rpi-5-b.dtb"] {
        let name = format!("12345678/{file}");
        assert_eq!(fetched(&pi, &name), None);
        assert_eq!(
            not_found(&appliance, &name),
            format!(
                "a Raspberry Pi needs {file}: copy {file} into images/pi, best with its whole boot partition"
            )
        );
    }
    for (file, why) in [
        ("recover4.elf", "looks for much that it does without"),
        (
            "kernel_2712.img",
            "not there; images/pi/kernel8.img takes its place",
        ),
        (
            "bcm2712d0-rpi-5-b.dtb",
            "copy bcm2712d0-rpi-5-b.dtb into images/pi, best with its whole boot partition",
        ),
    ] {
        let name = format!("12345678/{file}");
        assert_eq!(fetched(&pi, &name), None);
        let reason = not_found(&appliance, &name);
        assert!(reason.ends_with(why), "{reason}");
        let event =
            appliance.wait_for_event(SOON, |e| e["event"] == "not-found" && e["path"] == *name);
        assert_eq!(event["needed"] == true, why.starts_with("copy"), "{event}");
    }
    assert_eq!(fetched(&other, "12345678/config.txt"), None);
    let reason = not_found(&appliance, "12345678/config.txt");
    assert!(
        reason.contains("profile \"bare\" has nothing for a Raspberry Pi"),
        "{reason}"
    );
}

/// `bootjack check` of these profiles, with these images.
fn check(profile: &str, images: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    file("profiles/pi.yaml", profile);
    for name in images {
        file(&format!("images/{name}"), "x");
    }
    let at = |name: &str| folder.path().join(name);
    let flag = |flag: &str, path: &Path| format!("{flag}={}", path.display());
    let checked = Command::new(BOOTJACK)
        .arg("check")
        .arg(flag("--profiles", &at("profiles")))
        .arg(flag("--images", &at("images")))
        .output()
        .unwrap();
    let text = [checked.stdout, checked.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn check_says_which_files_the_folder_lacks() {
    let told = check(PIS, &["pi/config.txt"]);
    assert!(
        told.contains("folder \"pi/bootcode.bin\": there is no file"),
        "{told}"
    );
    assert!(
        told.contains("folder \"pi/start.elf\": there is no file"),
        "{told}"
    );
    assert!(!told.contains("cmdline.txt"), "the profile has it: {told}");
    let told = check(
        PIS,
        &FILES
            .map(|file| format!("pi/{file}"))
            .each_ref()
            .map(String::as_str),
    );
    assert!(!told.contains("folder"), "{told}");
}

/// Pis that are sold now have newer prefixes than the first ones.
#[test]
fn readme_names_the_pis_that_the_shipped_profile_names() {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("\n### Raspberry Pi\n").unwrap();
    let (_, block) = section.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let macs = |text: &str| {
        let line = text.lines().find(|line| line.trim().starts_with("mac: ["));
        line.map(|line| line.trim().to_owned()).unwrap()
    };
    let shipped = include_str!("../profiles/raspberry-pi.yaml");
    assert_eq!(macs(block), macs(shipped));
    let readme = Source {
        file: "readme.yaml".into(),
        text: block.into(),
    };
    assert_eq!(compile(&[readme]).1, []);
}
