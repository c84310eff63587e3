//! `make demo`: a private LAN with somebody else's DHCP server, bootjack beside it, and three
//! diskless PCs, one BIOS, one UEFI and one UEFI with Secure Boot on, that power on and end in the
//! Debian installer.
//!
//! What bootjack knows of each machine is printed as it happens. Everything runs in network
//! namespaces of its own and is gone at the end, after Ctrl-C too.

#![allow(
    clippy::expect_used,
    reason = "a demo that cannot be built says so and ends"
)]

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use support::appliance::{Appliance, Setup};
use support::lan::Lan;
use support::qemu::{FIRST_SCREEN, Firmware, INSTALLER_ARGS, Machine, Pc, SECURE_BOOT_ON};
use support::servers::Server;

/// All machines must show the installer within this time.
const DEADLINE: Duration = Duration::from_secs(400);
/// Between two looks at the machines.
const PAUSE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    if support::left_out("the demo; start it with sudo") {
        return ExitCode::FAILURE;
    }
    let interrupted = on_interrupt();
    println!("A LAN of network namespaces, with dnsmasq as its DHCP server at 10.77.0.1 …");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    println!("bootjack beside it at 10.77.0.2, with this profile:\n");
    let profile = profile();
    println!("{profile}");
    println!("The third machine has Secure Boot on: its profile is the same, with these lines:\n");
    let secure = secure(&machine(SECURE));
    println!("{secure}");
    let setup = Setup::new(&lan.appliance_host(), binary());
    let mut appliance = setup
        .profile("debian.yaml", &profile)
        .profile("secure.yaml", &format!("{secure}{profile}"))
        .debian_installer()
        .start();
    println!("{}\n", appliance.ready_line());
    let mut shows = power_on(&lan);
    follow(&mut shows, &appliance, &interrupted)
}

/// The one profile of the demo: the installer at once, on the serial port.
fn profile() -> String {
    format!(
        "menu:\n  title: Demo\n  timeout: 0s\n  default: debian\n  entries:\n    \
         - id: debian\n      title: Install Debian 12\n      linux:\n        \
         kernel: debian-12/linux\n        initrd: [debian-12/initrd.gz]\n        \
         args: \"{INSTALLER_ARGS}\"\n"
    )
}

/// What else the profile of the machine with Secure Boot says.
fn secure(machine: &Machine) -> String {
    format!(
        "match: {{ mac: \"{}\" }}\nsecure_boot: true\n",
        machine.mac()
    )
}

/// The binary named on the command line, else the one built beside this program.
fn binary() -> PathBuf {
    let named = std::env::args_os().nth(1).map(PathBuf::from);
    let built = || {
        let this = std::env::current_exe().ok()?;
        Some(this.parent()?.parent()?.join("bootjack"))
    };
    named
        .or_else(built)
        .expect("the bootjack binary, as first argument")
}

/// One machine and what has been printed of it.
struct Show {
    label: &'static str,
    /// Whether its kernel must confirm that Secure Boot is on, and has not yet.
    unconfirmed: bool,
    pc: Pc,
    on: SystemTime,
    printed: Vec<Value>,
    done: bool,
}

/// What a line begins with, the firmware, and the number in its MAC.
type Kind = (&'static str, Firmware, u8);

const SECURE: Kind = ("Secure Boot", Firmware::SecureBoot, 3);
const KINDS: [Kind; 3] = [
    ("BIOS", Firmware::Bios, 1),
    ("UEFI", Firmware::Uefi, 2),
    SECURE,
];

fn machine((_, firmware, number): Kind) -> Machine {
    Machine::new(firmware, number)
}

fn power_on(lan: &Lan) -> Vec<Show> {
    let pcs = Machine::power_on_together(KINDS.map(machine).to_vec(), lan);
    let show = |((label, firmware, _), pc): (Kind, Pc)| {
        let secure = firmware == Firmware::SecureBoot;
        let state = if secure { ", Secure Boot is on" } else { "" };
        println!("{label:<11}    0.0 s  power on, {}{state}", pc.mac());
        Show {
            label,
            unconfirmed: secure,
            pc,
            on: SystemTime::now(),
            printed: Vec::new(),
            done: false,
        }
    };
    KINDS.into_iter().zip(pcs).map(show).collect()
}

/// Prints what happens until all installers run, the time is over, or somebody presses Ctrl-C.
fn follow(shows: &mut [Show], appliance: &Appliance, interrupted: &AtomicBool) -> ExitCode {
    let start = Instant::now();
    while !shows.iter().all(|show| show.done) {
        if interrupted.load(Ordering::Relaxed) {
            println!("Interrupted; cleaning up.");
            return ExitCode::from(130);
        }
        if start.elapsed() > DEADLINE {
            return give_up(shows, appliance);
        }
        for show in &mut *shows {
            show.update(appliance);
        }
        std::thread::sleep(PAUSE);
    }
    println!(
        "\nAll three machines run the Debian installer, the third one with Secure Boot on, as its \
         kernel has confirmed; no DHCP server was touched."
    );
    ExitCode::SUCCESS
}

fn give_up(shows: &[Show], appliance: &Appliance) -> ExitCode {
    for show in shows.iter().filter(|show| !show.done) {
        println!(
            "\n{} has not reached the installer. Its console ends with:",
            show.label
        );
        println!("{}", support::serial::tail(&show.pc.serial(), 25));
    }
    println!(
        "\nbootjack's log ends with:\n{}",
        support::process::tail(&appliance.log(), 25)
    );
    ExitCode::FAILURE
}

impl Show {
    /// Prints what is new of this machine.
    fn update(&mut self, appliance: &Appliance) {
        for event in appliance.timeline(self.pc.mac()) {
            if !self.printed.contains(&event) {
                println!("{}", self.line(&event));
                self.printed.push(event);
            }
        }
        if self.unconfirmed && self.pc.shows(SECURE_BOOT_ON) {
            self.unconfirmed = false;
            self.say(&format!("the kernel confirms it: \"{SECURE_BOOT_ON}\""));
        }
        if !self.done && !self.unconfirmed && self.pc.shows(FIRST_SCREEN) {
            self.done = true;
            self.say("the installer shows its first screen");
        }
    }

    fn say(&self, what: &str) {
        let seconds = self.on.elapsed().unwrap_or_default().as_secs_f64();
        println!("{:<11}  {seconds:5.1} s  {what}", self.label);
    }

    /// `UEFI           3.9 s  answer  message=offer loader=snponly.efi …`
    fn line(&self, event: &Value) -> String {
        let name = event.get("event").and_then(Value::as_str).unwrap_or("?");
        let seconds = self.seconds_at(event).unwrap_or_default();
        format!(
            "{:<11}  {seconds:5.1} s  {name:<9} {}",
            self.label,
            details(event)
        )
    }

    /// When an event happened, in seconds since power-on.
    fn seconds_at(&self, event: &Value) -> Option<f64> {
        let at: jiff::Timestamp = event.get("at")?.as_str()?.parse().ok()?;
        let since = SystemTime::from(at)
            .duration_since(self.on)
            .unwrap_or_default();
        Some(since.as_secs_f64())
    }
}

/// An event's fields, without those every line has.
fn details(event: &Value) -> String {
    let fields = event.as_object().into_iter().flatten();
    let own = fields.filter(|(key, _)| !["at", "event", "client"].contains(&key.as_str()));
    own.map(|(key, value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    })
    .collect::<Vec<_>>()
    .join("  ")
}

/// Becomes true on Ctrl-C or SIGTERM.
fn on_interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let shared = flag.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .expect("a runtime for signals")
            .block_on(signalled());
        shared.store(true, Ordering::Relaxed);
    });
    flag
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).expect("SIGTERM");
    let mut int = signal(SignalKind::interrupt()).expect("SIGINT");
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
