//! The command in a host of the lab, and what it said.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::appliance::Setup;
use crate::support::lan::Host;

const BOOTJACK: &str = env!("CARGO_BIN_EXE_bootjack");
/// A profile for everyone.
pub const EVERYONE: &str = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

/// What a probe said.
#[derive(Debug)]
pub struct Report {
    /// Its exit code.
    pub code: i32,
    /// Its lines.
    pub events: Vec<Value>,
}

/// Runs `bootjack probe --json …`.
pub fn probe(host: &Host, args: &[&str]) -> Report {
    let args = [&["probe", "--json"], args].concat();
    let output = host.attempt(BOOTJACK, &args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("bootjack {args:?}\n{text}{errors}");
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    Report {
        code: output.status.code().expect("it ended by itself"),
        events: text.lines().map(read).collect(),
    }
}

/// Plays this firmware.
pub fn probe_as(host: &Host, firmware: &str) -> Report {
    probe(host, &["--as", firmware])
}

impl Report {
    fn of(&self, event: &str) -> Option<&Value> {
        self.events.iter().find(|e| e["event"] == event)
    }

    pub fn verdict(&self) -> &Value {
        self.of("verdict").expect("a verdict")
    }

    /// The lease and whether it was given back, where one was taken.
    pub fn lease(&self) -> Option<(&str, bool)> {
        let lease = self.of("lease")?;
        Some((lease["address"].as_str()?, lease["given_back"].as_bool()?))
    }

    /// What was said of a topic.
    pub fn told(&self, topic: &str) -> Vec<&str> {
        let steps = self.events.iter().filter(|e| e["topic"] == topic);
        steps.map(|e| e["text"].as_str().unwrap()).collect()
    }

    pub fn screen(&self) -> Vec<&str> {
        self.told("screen")
    }

    /// What it boots.
    pub fn boots(&self) -> &str {
        assert_eq!(self.code, 0, "it boots: {:#?}", self.events);
        self.verdict()["loader"].as_str().unwrap()
    }

    /// Why it does not.
    pub fn fails(&self) -> &str {
        assert_eq!(self.code, 1, "it does not boot: {:#?}", self.events);
        self.verdict()["why"].as_str().unwrap()
    }
}

/// The appliance in a host, with a profile for everyone.
pub fn setup(host: &Host) -> Setup {
    Setup::new(host, BOOTJACK).profile("all.yaml", EVERYONE)
}

/// A folder of files for somebody else's TFTP server.
pub fn files(host: &Host, all: &[(&str, &[u8])]) -> PathBuf {
    let folder = host.file("files");
    for (name, content) in all {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    open_to_all(&folder);
    folder
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = folder.parent().unwrap();
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(lab, all).unwrap();
}

/// What begins like a program of a ROM.
pub fn rom_program() -> Vec<u8> {
    vec![0xea; 40_000]
}

/// An EFI program for x64.
pub fn x64_program(length: usize) -> Vec<u8> {
    let mut file = vec![0; length];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x80;
    file[0x80..0x86].copy_from_slice(b"PE\0\0\x64\x86");
    file
}
