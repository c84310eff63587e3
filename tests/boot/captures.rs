//! `make captures`: boots every firmware of the laboratory and writes down what it and the servers
//! say, into `tests/captures/NAME.pcap`. ARGS="NAME…" takes some of them anew.
//!
//! Kept are DHCP in all its ports, TFTP requests and errors; not the files' data, not TCP. Each one is
//! a LAN of its own, in network namespaces, gone at the end.

#![allow(
    clippy::expect_used,
    reason = "a capture that cannot be taken says so and ends"
)]

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use support::appliance::{Appliance, Setup};
use support::captures::{SCENES, Scene, Until};
use support::lan::Lan;
use support::netns::run;
use support::poll;
use support::process::Process;
use support::qemu::{Machine, Pc};
use support::servers::Server;

/// How long a machine may take; ARM and all of UEFI are slow under emulation.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is said last may have its answer on the way.
const REST: Duration = Duration::from_secs(2);
/// The number in the machines' addresses.
const NUMBER: u8 = 7;
/// What is kept: DHCP, TFTP requests, TFTP errors (their code is under 9).
const FILTER: &str = "udp port 67 or udp port 4011 or udp dst port 69 \
                      or (udp[8:2] = 5 and udp[10:2] < 9)";
/// A GRUB that asks for an address by itself and then for a file of its server.
const GRUB: &str = "net_bootp\ncat (tftp,10.77.0.2)/after-bootp\nsleep 600\n";

fn main() -> ExitCode {
    if support::left_out("captures; take them with sudo") {
        return ExitCode::FAILURE;
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |scene: &&Scene| wanted.is_empty() || wanted.iter().any(|w| w == scene.name);
    for scene in SCENES.iter().filter(is_wanted) {
        take(scene);
    }
    ExitCode::SUCCESS
}

fn take(scene: &Scene) {
    let lan = Lan::new();
    let dhcp = (!scene.alone).then(|| Server::dnsmasq(&lan.dhcp_host()));
    let appliance = setup(scene, &lan).start();
    let file = lan.folder().join("capture.pcap");
    let mut ear = listen(&lan, &file);
    let machine = Machine::new(scene.firmware, NUMBER);
    let machine = scene
        .card
        .map_or(machine.clone(), |card| machine.card(card));
    let pc = machine.power_on(&lan);
    poll::expect("the capture is complete", PATIENCE, || {
        is_complete(scene, (&appliance, &pc), &file)
    });
    std::thread::sleep(REST);
    drop(pc);
    ear.stop();
    let kept = folder().join(format!("{}.pcap", scene.name));
    let size = std::fs::copy(&file, &kept).expect("the folder of captures");
    println!("{}: {size} bytes", kept.display());
    drop((dhcp, appliance));
}

/// The switch, from now on.
fn listen(lan: &Lan, file: &Path) -> Process {
    let mut command = lan.command("sh");
    let script = "exec tcpdump -i br0 -s 0 -U -w - \"$1\" >\"$2\"";
    command.args(["-c", script, "sh", FILTER]).arg(file);
    let log = lan.folder().join("tcpdump.log");
    let mut ear = Process::start("tcpdump", command, &log);
    ear.wait_for_line(PATIENCE, |line| line.contains("listening on"));
    ear
}

fn setup(scene: &Scene, lan: &Lan) -> Setup {
    let host = lan.appliance_host();
    let profile = folder().join(scene.profiles).join("lab.yaml");
    let profile = std::fs::read_to_string(profile).expect("the scene's profile");
    let mut setup = Setup::new(&host, binary()).profile("lab.yaml", &profile);
    if scene.alone {
        let config = std::fs::read_to_string(folder().join("dhcp.yaml"));
        setup = setup.config(&config.expect("the config file of mode dhcp"));
    }
    if scene.grub_asks {
        let assets = host.file("assets");
        std::fs::create_dir_all(&assets).expect("the lab's folder");
        grub(&host.file("grub.cfg"), &assets.join("snponly.efi"));
        setup = setup.flag(&format!("--assets={}", assets.display()));
    }
    setup
}

/// Makes that GRUB.
fn grub(config: &Path, image: &Path) {
    std::fs::write(config, GRUB).expect("the lab's folder");
    let mut command = Command::new("grub-mkimage");
    command.args(["-O", "x86_64-efi", "-p", "/grub", "-c"]);
    command.arg(config).arg("-o").arg(image);
    run(command.args(["normal", "net", "efinet", "tftp", "cat", "sleep", "echo"]));
}

fn is_complete(scene: &Scene, (appliance, pc): (&Appliance, &Pc), file: &Path) -> bool {
    match scene.until {
        Until::Event(wanted, count) => told(appliance, pc, wanted) >= count,
        Until::Bytes(wanted) => {
            let so_far = std::fs::read(file).unwrap_or_default();
            let wanted = wanted.as_bytes();
            so_far.windows(wanted.len()).any(|part| part == wanted)
        }
    }
}

/// How many events of the machine's timeline begin so.
fn told(appliance: &Appliance, pc: &Pc, wanted: &str) -> usize {
    let line = |event: &serde_json::Value| {
        let subjects = ["path", "reason", "loader", "stage"];
        let subject = subjects.iter().find_map(|key| event.get(key)?.as_str());
        let name = event.get("event").and_then(|name| name.as_str());
        format!(
            "{} {}",
            name.unwrap_or_default(),
            subject.unwrap_or_default()
        )
    };
    let story = appliance.timeline(pc.mac());
    story
        .iter()
        .filter(|event| line(event).starts_with(wanted))
        .count()
}

/// Where the captures are kept.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

/// The binary built beside this program.
fn binary() -> PathBuf {
    let this = std::env::current_exe().ok();
    let built = this.and_then(|this| Some(this.parent()?.parent()?.join("bootjack")));
    built.expect("a binary beside this program")
}
