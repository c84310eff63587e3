//! Real firmware, from power-on to the Debian installer's first screen: somebody else's DHCP
//! server on the LAN, bootjack beside it, a profile in its folder.

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use support::appliance::{Appliance, Setup};
use support::lan::Lan;
use support::qemu::{Firmware, Machine, Pc};
use support::servers::Server;

/// The installer, as its Debian package ships it.
const INSTALLER: &str = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";
/// Power-on to the installer's first screen, with room for a busy machine.
const BOOT: Duration = Duration::from_secs(240);
/// What the installer's first screen says.
const FIRST_SCREEN: &[&str] = &["Select a language", "Choose the language"];

const INSTALL: &str = r#"
menu:
  title: Test lab
  timeout: 2s
  default: debian
  entries:
    - id: disk
      title: Local disk
      local: true
    - id: debian
      title: Install Debian
      linux: { kernel: debian/linux, initrd: debian/initrd.gz, args: "console=ttyS0" }
"#;

/// A LAN with a DHCP server of its own and bootjack beside it.
fn lab(profile: &str) -> (Lan, Server, Appliance) {
    let lan = Lan::new();
    let dhcp = Server::dnsmasq(&lan.dhcp_host());
    let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"))
        .profile("10-test.yaml", profile)
        .image("debian/linux", &Path::new(INSTALLER).join("linux"))
        .image("debian/initrd.gz", &Path::new(INSTALLER).join("initrd.gz"));
    (lan, dhcp, setup.start())
}

/// The names of a machine's events, in order, without repetitions in a row.
fn story(appliance: &Appliance, pc: &Pc) -> Vec<String> {
    let names = appliance
        .timeline(pc.mac())
        .into_iter()
        .map(|e| e["event"].as_str().unwrap().to_owned());
    let mut story: Vec<String> = names.collect();
    story.dedup();
    story
}

#[test]
fn ipxe_boots_its_script_to_the_installer() {
    if support::left_out("ipxe_boots_its_script_to_the_installer") {
        return;
    }
    let (lan, _dhcp, appliance) = lab(INSTALL);
    let mut pc = Machine::new(Firmware::Bios, 1).power_on(&lan);
    let seen = pc.wait_for(FIRST_SCREEN, BOOT);
    println!("{seen:?}");
    println!("{:#?}", appliance.timeline(pc.mac()));
    println!("{:?}", story(&appliance, &pc));
}
