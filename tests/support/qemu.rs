//! PCs with real firmware, under software emulation, plugged into the lab's switch.
//!
//! A machine has a serial console that is kept in a file, and a monitor. Everything a test waits
//! for has a deadline; when a test fails, the console and the screen are printed. What QEMU is told
//! of each firmware is in [`firmware`].

pub mod firmware;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lan::{Lan, Segment};
use super::monitor::Monitor;
use super::process::Process;
use super::slots::Slots;
use super::{poll, serial};

/// The Debian installer's userland has started (with `console=ttyS0`).
pub const INSTALLER_RUNS: &str = "Starting system log daemon";
/// The Debian installer's first screen (with `console=ttyS0 priority=critical`): about 13 s of
/// emulated processor time after [`INSTALLER_RUNS`].
pub const FIRST_SCREEN: &str = "Select a language";
/// What Debian's kernel prints where firmware has told it that Secure Boot is on.
pub const SECURE_BOOT_ON: &str = "secureboot: Secure boot enabled";
/// Kernel arguments under which the first two appear. Memory is not cleared when it is given out:
/// 8 % less processor time until the first screen.
pub const INSTALLER_ARGS: &str = "console=ttyS0 priority=critical init_on_alloc=0";
/// How long a machine may take from power-on to the first screen; measured: 40 s BIOS
/// and 50 s UEFI on a core of its own, 80 s for both at once on two busy cores.
pub const BOOT: Duration = Duration::from_secs(240);

pub use firmware::Firmware;

/// A machine before it is switched on.
#[derive(Debug, Clone)]
pub struct Machine {
    name: String,
    firmware: Firmware,
    mac: String,
    uuid: String,
    memory: u32,
    segment: Segment,
    card: Option<&'static str>,
    flags: Vec<String>,
}

impl Machine {
    /// A machine whose MAC ends in `number`, on the first segment, with 1 GiB.
    pub fn new(firmware: Firmware, number: u8) -> Self {
        Self {
            name: format!("pc{number}"),
            firmware,
            mac: format!("52:54:00:77:00:{number:02x}"),
            uuid: format!("77e21a5c-0b1e-4c0f-9d3a-5254007700{number:02x}"),
            memory: 1024,
            segment: Lan::FIRST,
            card: None,
            flags: Vec::new(),
        }
    }

    /// Memory in MiB.
    pub fn memory(self, memory: u32) -> Self {
        Self { memory, ..self }
    }

    /// Another segment of the LAN.
    pub fn on(self, segment: Segment) -> Self {
        Self { segment, ..self }
    }

    /// Another network card, by QEMU's name of it (`rtl8139`), with the ROM that goes with it.
    pub fn card(self, card: &'static str) -> Self {
        Self {
            card: Some(card),
            ..self
        }
    }

    /// A further argument for QEMU.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Its hardware address.
    pub fn mac(&self) -> &str {
        &self.mac
    }

    /// Its UUID, as its firmware shows it to a user. On the wire the first three groups are
    /// little-endian where the firmware does not know better.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Switches it on, when it is its turn.
    pub fn power_on(self, lan: &Lan) -> Pc {
        let slots = Arc::new(Slots::take(1));
        Pc::start(self, lan, slots)
    }

    /// Switches several on at the same time. A test that needs more than one machine at once must
    /// start them so; otherwise two tests could wait for each other for ever.
    pub fn power_on_together(machines: Vec<Self>, lan: &Lan) -> Vec<Pc> {
        let slots = Arc::new(Slots::take(machines.len()));
        let on = |machine| Pc::start(machine, lan, slots.clone());
        machines.into_iter().map(on).collect()
    }

    fn command(&self, lan: &Lan, files: &Files) -> Command {
        let tap = lan.tap(self.segment);
        let mut qemu = lan.command(self.firmware.program());
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot"])
            .args(["-m", &self.memory.to_string(), "-uuid", &self.uuid])
            .args(["-object", "rng-random,id=r0,filename=/dev/urandom"])
            .args(["-device", "virtio-rng-pci,rng=r0"])
            .args(["-chardev", &serial_port(files), "-serial", "chardev:s0"])
            .arg("-monitor")
            .arg(format!("unix:{},server,nowait", files.monitor.display()))
            .args([
                "-netdev",
                &format!("tap,id=n0,ifname={tap},script=no,downscript=no"),
            ]);
        let card = self.firmware.card(self.card);
        let card = format!("{card},netdev=n0,bootindex=1,mac={}", self.mac);
        qemu.args(["-device", &card]);
        self.firmware.describe(&mut qemu, &files.vars);
        qemu.args(&self.flags);
        qemu
    }
}

/// What is typed comes by a socket, and what is printed is kept in a file.
fn serial_port(files: &Files) -> String {
    let (typed, printed) = (files.typed.display(), files.serial.display());
    format!("socket,id=s0,path={typed},server=on,wait=off,logfile={printed}")
}

#[derive(Debug)]
struct Files {
    typed: PathBuf,
    serial: PathBuf,
    monitor: PathBuf,
    vars: PathBuf,
    log: PathBuf,
}

/// A machine that is on; switched off on drop.
#[derive(Debug)]
pub struct Pc {
    machine: Machine,
    process: Process,
    files: Files,
    monitor: Monitor,
    started: Instant,
    _slots: Arc<Slots>,
}

/// What a machine has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The pattern that was found.
    pub pattern: String,
    /// Since power-on.
    pub after: Duration,
}

impl Pc {
    fn start(machine: Machine, lan: &Lan, slots: Arc<Slots>) -> Self {
        let file = |end: &str| lan.folder().join(format!("{}.{end}", machine.name));
        let files = Files {
            typed: file("typed"),
            serial: file("serial"),
            monitor: file("monitor"),
            vars: file("vars"),
            log: file("qemu.log"),
        };
        let command = machine.command(lan, &files);
        let process = Process::start(&machine.name, command, &files.log);
        Self {
            monitor: Monitor::at(files.monitor.clone()),
            process,
            files,
            machine,
            started: Instant::now(),
            _slots: slots,
        }
    }

    /// Its hardware address.
    pub fn mac(&self) -> &str {
        self.machine.mac()
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its keyboard and screen.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Everything it has printed on its serial port, without control sequences.
    pub fn serial(&self) -> String {
        serial::plain(&fs::read(&self.files.serial).unwrap_or_default())
    }

    /// Where it is typed into its serial port. What it has not read yet goes with it.
    pub fn terminal(&self) -> UnixStream {
        let terminal = UnixStream::connect(&self.files.typed);
        let terminal = terminal.unwrap_or_else(|e| panic!("cannot type into the serial port: {e}"));
        // A machine whose words nobody takes stops.
        let mut printed = terminal.try_clone().expect("a handle");
        std::thread::spawn(move || std::io::copy(&mut printed, &mut std::io::sink()));
        terminal
    }

    /// Whether it has printed this.
    pub fn shows(&self, pattern: &str) -> bool {
        self.serial().contains(pattern)
    }

    /// Waits until one of the patterns is on the serial port, at most until `within` after
    /// power-on. Of several it is the first in the list. Panics otherwise, or when the machine
    /// has stopped.
    pub fn wait_for(&mut self, patterns: &[&str], within: Duration) -> Seen {
        let left = within.saturating_sub(self.started.elapsed());
        let found = poll::until(left, || {
            let ended = self.process.ended().is_some();
            let text = self.serial();
            let hit = patterns.iter().find(|p| text.contains(**p));
            hit.map(|p| Some((*p).to_owned())).or(ended.then_some(None))
        });
        match found.flatten() {
            Some(pattern) => Seen {
                pattern,
                after: self.started.elapsed(),
            },
            None => panic!(
                "{} showed none of {patterns:?} within {within:?}\n{}",
                self.machine.name,
                self.process.log()
            ),
        }
    }

    /// Waits until it has switched itself off.
    pub fn wait_for_end(&mut self, within: Duration) {
        let left = within.saturating_sub(self.started.elapsed());
        poll::expect("the machine is off", left, || {
            self.process.ended().is_some()
        });
    }

    fn report(&mut self) {
        let name = &self.machine.name;
        eprintln!(
            "--- {name}: serial port\n{}",
            serial::tail(&self.serial(), 40)
        );
        match self.monitor.text() {
            Ok(text) if !text.is_empty() => eprintln!("--- {name}: screen\n{text}"),
            _ => eprintln!("--- {name}: the screen shows no text mode"),
        }
    }
}

impl Drop for Pc {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.report();
        }
        self.process.kill();
    }
}
