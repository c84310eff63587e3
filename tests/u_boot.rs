//! U-Boot on a board, by its own `dhcp`, `pxe get` and `pxe boot`: Debian's build for QEMU's ARM64 board.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use support::appliance::{Appliance, Setup};
use support::lan::Lan;
use support::poll;
use support::qemu::{Firmware, Machine, Pc};
use support::servers::Server;

const LEASES: &str = "mode: dhcp\ndhcp: { networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] } ] }\n";
const PROFILE: &str = r#"
menu:
  title: "Boards"
  timeout: 2s
  default: board
  entries:
    - { id: pc, title: PC, linux: { kernel: { bios: pc/linux } } }
    - id: board
      title: "Board"
      linux: { kernel: board/linux, initrd: board/initrd, dtb: board/board.dtb, args: "said={{ mac }} arch={{ arch }}" }
    - { id: disk, title: Disk, local: true }
"#;
/// Debian's build gives every board this one.
const MAC: &str = "52:52:52:52:52:52";
const PROMPT: Duration = Duration::from_secs(90);
const DONE: Duration = Duration::from_secs(180);

/// What is typed at its prompt, which comes when a key stops its own boot.
fn told(pc: &mut Pc, command: &str) -> UnixStream {
    pc.wait_for(&["Hit any key to stop autoboot"], PROMPT);
    let mut terminal = pc.terminal();
    let prompt = poll::until(PROMPT, || {
        terminal.write_all(b" ").unwrap();
        pc.shows("=> ").then_some(())
    });
    assert!(prompt.is_some(), "no prompt: {}", pc.serial());
    write!(terminal, "\x03\r{command}\r").unwrap();
    terminal
}

/// The appliance with an image that is no kernel: how far U-Boot comes is seen all the same.
fn setup(lan: &Lan) -> Setup {
    let image = |name: &str| {
        let file = lan.folder().join(name);
        std::fs::write(&file, name.repeat(100)).unwrap();
        file
    };
    Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"))
        .profile("lab.yaml", PROFILE)
        .image("board/linux", &image("kernel"))
        .image("board/initrd", &image("initrd"))
        .image("board/board.dtb", &image("tree"))
}

fn machine() -> Machine {
    Machine::new(Firmware::UBoot, 1).memory(512)
}

/// It has its menu, and has fetched what the entry for it names, with its arguments and its device tree.
fn boots(pc: &mut Pc, appliance: &Appliance, folder: &str) {
    let tree = format!("Retrieving file: {folder}/board.dtb");
    pc.wait_for(&["append: said=", &tree], DONE);
    let text = pc.serial();
    assert!(
        text.contains(&format!("Retrieving file: {folder}/linux")),
        "{text}"
    );
    let args = format!("append: said={MAC} arch=uboot-arm64");
    assert!(text.contains(&args), "{text}");
    assert!(
        !text.contains("Ignoring"),
        "it understands every line: {text}"
    );
    let timeline = appliance.timeline(MAC);
    let menus = timeline.iter().filter(|e| e["event"] == "menu");
    assert!(menus.count() > 0, "{timeline:#?}");
}

#[test]
fn with_our_lease() {
    as_root!("with_our_lease");
    let lan = Lan::new();
    let appliance = setup(&lan).config(LEASES).start();
    let mut pc = machine().power_on(&lan);
    let _terminal = told(&mut pc, "dhcp; pxe get; pxe boot");
    boots(&mut pc, &appliance, "images/board");
}

/// The DHCP server names a file in a folder, and bootjack as next server.
#[test]
fn with_a_dhcp_server_that_names_us() {
    as_root!("with_a_dhcp_server_that_names_us");
    let lan = Lan::new();
    let flags = ["--dhcp-boot=arm/board.scr,,10.77.0.2"];
    let _dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &flags);
    let appliance = setup(&lan).start();
    let mut pc = machine().power_on(&lan);
    let _terminal = told(&mut pc, "dhcp; pxe get; pxe boot");
    boots(&mut pc, &appliance, "arm/images/board");
}

/// It takes no proxy's word (quirk 30), and none keeps it from its lease.
#[test]
fn beside_a_dhcp_server_it_has_its_lease() {
    as_root!("beside_a_dhcp_server_it_has_its_lease");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let appliance = setup(&lan).start();
    let mut pc = machine().power_on(&lan);
    let _terminal = told(&mut pc, "setenv autoload no; dhcp; printenv serverip");
    pc.wait_for(&["serverip=10.77.0.1"], DONE);
    let answered = |e: &serde_json::Value| e["event"] == "answer" && e["chosen_by"] == "u-boot";
    let answer = appliance.wait_for_event(DONE, answered);
    assert_eq!(answer["loader"], "u-boot.cfg");
}
