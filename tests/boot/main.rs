//! Real firmware, from power-on to the Debian installer: somebody else's DHCP server on the LAN,
//! bootjack beside it, a profile in its folder.
//!
//! Each test ends when the installer's user space runs, and then holds the machine's timeline
//! against the boot story that README tells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod augment;
mod cards;
mod colocated;
mod modes;

use std::time::Duration;

use support::appliance::{Appliance, Setup};
use support::lan::{Host, Lan};
use support::qemu::{FIRST_SCREEN, Firmware, INSTALLER_ARGS, INSTALLER_RUNS, Machine, Pc};
use support::servers::Server;

/// Power-on to the installer, with room for a busy machine.
const BOOT: Duration = Duration::from_secs(240);
/// Power-on to the first file.
const LOADER: Duration = Duration::from_secs(50);

/// A menu with two entries, whose default is the installer.
fn install(more: &str) -> String {
    format!(
        r#"{more}
menu:
  title: Test lab
  timeout: 2s
  default: debian
  entries:
    - {{ id: disk, title: Local disk, local: true }}
    - id: debian
      title: Install Debian
      linux: {{ kernel: debian-12/linux, initrd: debian-12/initrd.gz, args: "{INSTALLER_ARGS}" }}
"#
    )
}

/// A LAN with a DHCP server of its own, and bootjack beside it.
struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    appliance: Appliance,
    _dhcp: Server,
    lan: Lan,
}

impl Lab {
    fn new(profiles: &[(&str, &str)]) -> Self {
        let lan = Lan::new();
        let dhcp = Server::dnsmasq(&lan.dhcp_host());
        let setup = Self::setup(&lan.appliance_host(), profiles).debian_installer();
        Self::on(lan, dhcp, setup)
    }

    fn setup(host: &Host, profiles: &[(&str, &str)]) -> Setup {
        let setup = Setup::new(host, env!("CARGO_BIN_EXE_bootjack"));
        let with = |setup: Setup, (file, text): &(&str, &str)| setup.profile(file, text);
        profiles.iter().fold(setup, with)
    }

    fn on(lan: Lan, dhcp: Server, setup: Setup) -> Self {
        Self {
            appliance: setup.start(),
            lan,
            _dhcp: dhcp,
        }
    }

    /// What happened to a machine, one word an event with its subject.
    fn story(&self, pc: &Pc) -> Vec<String> {
        let told = |event: &serde_json::Value| {
            let subject = ["loader", "path", "stage", "address", "reason"]
                .iter()
                .find_map(|key| event[key].as_str());
            format!(
                "{} {}",
                event["event"].as_str().unwrap_or_default(),
                subject.unwrap_or_default()
            )
        };
        self.appliance.timeline(pc.mac()).iter().map(told).collect()
    }

    /// The story holds these lines in this order, others between them.
    fn tells(&self, pc: &Pc, wanted: &[&str]) {
        let story = self.story(pc);
        let mut rest = story.iter();
        for line in wanted {
            assert!(
                rest.any(|told| told.starts_with(line)),
                "{line:?} is missing, or not in its place, in {story:#?}"
            );
        }
    }
}

#[test]
fn bios_by_pxelinux_to_the_installers_first_screen() {
    as_root!("bios_by_pxelinux_to_the_installers_first_screen");
    let lab = Lab::new(&[("lab.yaml", &install("loader: pxelinux"))]);
    let mut pc = Machine::new(Firmware::Bios, 1).power_on(&lab.lan);
    pc.wait_for(&[FIRST_SCREEN], BOOT);
    lab.tells(
        &pc,
        &[
            "discover ipxe",
            "answer lpxelinux.0",
            "leased 10.77.0.",
            "sent lpxelinux.0",
            "sent ldlinux.c32",
            "menu pxelinux.cfg/",
            "sent menu.c32",
            "sent images/debian-12/linux",
            "sent images/debian-12/initrd.gz",
        ],
    );
    let events = lab.appliance.timeline(pc.mac());
    let kernel = events
        .iter()
        .find(|e| e["path"] == "images/debian-12/linux")
        .expect("the kernel");
    assert_eq!(kernel["door"], "http", "pxelinux fetches kernels over HTTP");
}

#[test]
fn uefi_by_port_4011_and_snponly_to_the_installer() {
    as_root!("uefi_by_port_4011_and_snponly_to_the_installer");
    let lab = Lab::new(&[("lab.yaml", &install(""))]);
    let mut pc = Machine::new(Firmware::Uefi, 2).power_on(&lab.lan);
    pc.wait_for(&[INSTALLER_RUNS], BOOT);
    lab.tells(
        &pc,
        &[
            "discover rom",
            "answer snponly.efi",
            "leased 10.77.0.",
            "request rom",
            "answer snponly.efi",
            "probed snponly.efi",
            "sent snponly.efi",
            "discover ipxe",
            "answer http://10.77.0.2:8067/boot/",
            "menu boot/",
            "sent images/debian-12/initrd.gz",
            "sent images/debian-12/linux",
        ],
    );
}

#[test]
fn ipxe_as_the_client_to_the_installer() {
    as_root!("ipxe_as_the_client_to_the_installer");
    let lab = Lab::new(&[("lab.yaml", &install(""))]);
    let mut pc = Machine::new(Firmware::Bios, 3).power_on(&lab.lan);
    pc.wait_for(&[INSTALLER_RUNS], BOOT);
    lab.tells(
        &pc,
        &[
            "discover ipxe",
            "answer http://10.77.0.2:8067/boot/",
            "menu boot/",
            "sent images/debian-12/initrd.gz",
            "sent images/debian-12/linux",
        ],
    );
    assert!(
        !lab.story(&pc)
            .iter()
            .any(|line| line.starts_with("request")),
        "iPXE needs no 4011"
    );
}

#[test]
fn uefi_http_boot_by_the_uri_in_the_offer() {
    as_root!("uefi_http_boot_by_the_uri_in_the_offer");
    let lab = Lab::new(&[("lab.yaml", &install(""))]);
    let mut pc = Machine::new(Firmware::UefiHttp, 4).power_on(&lab.lan);
    pc.wait_for(&[INSTALLER_RUNS], BOOT);
    lab.tells(
        &pc,
        &[
            "discover http-boot",
            "answer http://10.77.0.2:8067/assets/snponly.efi",
            "sent assets/snponly.efi",
            "discover ipxe",
            "menu boot/",
            "sent images/debian-12/linux",
        ],
    );
}

/// A menu whose one entry says a word on the serial port and waits.
fn says(word: &str, more: &str) -> String {
    let head = format!("name: {word}\n{more}\n");
    head + &format!(
        "menu:\n  title: T\n  entries:\n    - id: say\n      title: Say\n      ipxe: |\n        echo ==={word}===\n        sleep 600\n"
    )
}

#[test]
fn two_machines_two_profiles_and_a_change_for_one_of_them() {
    as_root!("two_machines_two_profiles_and_a_change_for_one_of_them");
    let machines = || {
        (
            Machine::new(Firmware::Bios, 5),
            Machine::new(Firmware::Bios, 6),
        )
    };
    let (first, second) = machines();
    let only = |machine: &Machine| format!("match: {{ mac: \"{}\" }}", machine.mac());
    let (match_first, match_second) = (only(&first), only(&second));
    let lab = Lab::new(&[
        ("a.yaml", &says("alpha", &match_first)),
        ("b.yaml", &says("beta", &match_second)),
    ]);

    let mut pcs = Machine::power_on_together(vec![first, second], &lab.lan);
    pcs[0].wait_for(&["===alpha==="], LOADER);
    pcs[1].wait_for(&["===beta==="], LOADER);
    drop(pcs);

    lab.appliance
        .write_profile("a.yaml", &says("gamma", &match_first));
    lab.appliance
        .wait_for_event(Duration::from_secs(5), |e| e["event"] == "reloaded");
    lab.appliance.write_profile("b.yaml", "menu: [broken\n");
    lab.appliance
        .wait_for_event(Duration::from_secs(5), |e| e["event"] == "rejected");

    let (first, second) = machines();
    let mut pcs = Machine::power_on_together(vec![first, second], &lab.lan);
    pcs[0].wait_for(&["===gamma==="], LOADER);
    pcs[1].wait_for(&["===beta==="], LOADER);
    let findings = lab.appliance.api("findings");
    assert_eq!(findings["findings"][0]["line"], 1, "{findings}");
}
