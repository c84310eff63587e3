//! The binary as a user runs it: nothing of this machine's settings reaches it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::lan::Host;

/// The binary under test.
pub const BOOTJACK: &str = env!("CARGO_BIN_EXE_bootjack");

/// A profile for everyone.
pub const EVERYONE: &str = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// A folder that any user can read: `check` becomes the one that would serve.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    folder
}

/// Anybody may look into a folder.
pub fn open(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A command line outside the laboratory, with an empty config file in force.
pub fn bootjack(folder: &Path, args: &[&str]) -> Command {
    let empty = folder.join("empty.yaml");
    std::fs::write(&empty, "# nothing\n").unwrap();
    let mut command = Command::new(BOOTJACK);
    command.args(args);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BOOTJACK_") {
            command.env_remove(name);
        }
    }
    command.env("BOOTJACK_CONFIG", empty);
    command
}

/// Runs a command line outside the laboratory.
pub fn run(args: &[&str]) -> Said {
    let folder = folder();
    bootjack(folder.path(), args).output().unwrap().into()
}

/// Runs `bootjack serve …` in a host, with a profile for everyone; for starts that fail.
pub fn serve(host: &Host, args: &[&str]) -> Said {
    serve_by(host, &[], args)
}

/// As [`serve`], by another program (`setpriv …`).
pub fn serve_by(host: &Host, by: &[&str], args: &[&str]) -> Said {
    let profiles = host.file("profiles");
    std::fs::create_dir_all(&profiles).unwrap();
    std::fs::write(profiles.join("p.yaml"), EVERYONE).unwrap();
    let profiles = profiles.display().to_string();
    let state = host.file("state").display().to_string();
    let mut line = by.to_vec();
    // Should it start after all, it must not stay.
    line.extend(["timeout", "10", BOOTJACK, "serve"]);
    for (flag, value) in [("--state", &state), ("--profiles", &profiles)] {
        if !args.contains(&flag) {
            line.extend([flag, value]);
        }
    }
    line.extend(args);
    host.attempt(line[0], &line[1..]).into()
}

impl Said {
    /// It ended with this code, and its error has all of these words.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {:?}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }

    /// It ended with 0 and without a word on standard error.
    #[track_caller]
    pub fn succeeds(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        &self.out
    }
}
