//! bootjack under test: started in a host with its own folders, asked through its API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::lan::Host;
use super::netns::attempt;
use super::poll;
use super::process::Process;

/// How long it may take to open its sockets.
const START: Duration = Duration::from_secs(20);
/// Where HTTP is by default.
pub const HTTP_PORT: u16 = 8067;

const DEBIAN_INSTALLER: &str =
    "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";

/// The appliance before it is started.
#[derive(Debug)]
pub struct Setup {
    host: Host,
    binary: PathBuf,
    home: PathBuf,
    flags: Vec<String>,
    under: Vec<String>,
    log_format: &'static str,
}

/// A running appliance; ended on drop, with the tail of its log when the test has failed.
#[derive(Debug)]
pub struct Appliance {
    host: Host,
    home: PathBuf,
    process: Process,
}

impl Setup {
    /// `binary` (in a test: `env!("CARGO_BIN_EXE_bootjack")`) in a host, with empty folders for
    /// profiles, images and state, in mode `proxy`, logging JSON.
    pub fn new(host: &Host, binary: impl Into<PathBuf>) -> Self {
        let home = host.file("bootjack");
        for folder in ["profiles", "images", "state"] {
            fs::create_dir_all(home.join(folder)).expect("the lab's folder");
        }
        open_to_all(&home);
        Self {
            host: host.clone(),
            binary: binary.into(),
            home,
            flags: Vec::new(),
            under: Vec::new(),
            log_format: "json",
        }
    }

    /// Runs it by another program (`taskset -c 0`) that becomes it.
    pub fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Logs text, as it does by itself. There are no [`Appliance::events`] then.
    pub fn text_log(mut self) -> Self {
        self.log_format = "text";
        self
    }

    /// A further flag (`--mode=colocated`, `--interface=eth0`).
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Its config file, with these keys (`mode: dhcp`, `dhcp: …`).
    pub fn config(self, yaml: &str) -> Self {
        let file = self.config_file();
        fs::write(&file, yaml).expect("a config file");
        let flag = format!("--config={}", file.display());
        self.flag(&flag)
    }

    /// Where [`Setup::config`] writes to.
    pub fn config_file(&self) -> PathBuf {
        self.home.join("bootjack.yaml")
    }

    /// Without a profile folder: the embedded default is served, where the machine has no
    /// bootjack installed.
    pub fn without_profiles(self) -> Self {
        let installed = Path::new("/etc/bootjack");
        assert!(!installed.exists(), "{} is there", installed.display());
        fs::remove_dir(self.home.join("profiles")).expect("an empty folder");
        self
    }

    /// A profile that is there from the start.
    pub fn profile(self, file: &str, yaml: &str) -> Self {
        fs::write(self.home.join("profiles").join(file), yaml).expect("a profile");
        self
    }

    /// A file of the image folder: a copy of `source`.
    pub fn image(self, name: &str, source: &Path) -> Self {
        place(&self.home.join("images").join(name), source);
        self
    }

    /// The Debian installer of the package `debian-installer-12-netboot-amd64` as
    /// `debian-12/linux` and `debian-12/initrd.gz`.
    pub fn debian_installer(self) -> Self {
        let folder = Path::new(DEBIAN_INSTALLER);
        self.image("debian-12/linux", &folder.join("linux"))
            .image("debian-12/initrd.gz", &folder.join("initrd.gz"))
    }

    /// Starts it and waits for its `ready` line.
    pub fn start(self) -> Appliance {
        let words = self.under.iter().map(AsRef::as_ref);
        let mut words = words.chain([self.binary.as_os_str()]);
        let mut command = self.host.command(words.next().expect("the binary"));
        command.args(words).arg("serve");
        command.args(["--log-format", self.log_format]);
        for folder in ["profiles", "images", "state"] {
            let path = self.home.join(folder);
            if path.exists() {
                command.arg(format!("--{folder}")).arg(path);
            }
        }
        command.args(&self.flags);
        let mut process = self.host.start("bootjack", command);
        process.wait_for_line(START, is_ready);
        Appliance {
            host: self.host,
            home: self.home,
            process,
        }
    }
}

impl Appliance {
    /// The line it printed when all its sockets were open.
    pub fn ready_line(&mut self) -> String {
        self.process.wait_for_line(START, is_ready)
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its log as events; lines that are no JSON are left out.
    pub fn events(&self) -> Vec<Value> {
        let log = self.log();
        log.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits until an event is logged that `wanted` accepts.
    pub fn wait_for_event(&self, within: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = poll::until(within, || self.events().into_iter().find(&wanted));
        found.unwrap_or_else(|| panic!("the awaited event was not logged within {within:?}"))
    }

    /// Answer of its API, asked from its own host: `clients`, `clients/52:54:00:77:00:01`.
    pub fn api(&self, path: &str) -> Value {
        let text = self.get(&format!("/api/v1/{path}"));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("no JSON at {path}: {e}\n{text}"))
    }

    /// As [`Appliance::api`], `None` where there is nothing (yet).
    pub fn try_api(&self, path: &str) -> Option<Value> {
        let answer = self.curl(&format!("/api/v1/{path}"));
        answer.status.success().then_some(())?;
        serde_json::from_slice(&answer.stdout).ok()
    }

    /// The events of one machine, oldest first; none while it is unknown.
    pub fn timeline(&self, mac: &str) -> Vec<Value> {
        let client = self.try_api(&format!("clients/{mac}"));
        let events = client.and_then(|client| client.get("timeline")?.as_array().cloned());
        events.unwrap_or_default()
    }

    /// A text by HTTP, asked from its own host.
    pub fn get(&self, path: &str) -> String {
        let answer = self.curl(path);
        assert!(
            answer.status.success(),
            "GET {path} failed: {}",
            String::from_utf8_lossy(&answer.stderr)
        );
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    /// Writes a profile as an editor does: beside it, then renamed over it.
    pub fn write_profile(&self, file: &str, yaml: &str) {
        let folder = self.home.join("profiles");
        let draft = folder.join(format!(".{file}.draft"));
        fs::write(&draft, yaml).expect("a profile's draft");
        fs::rename(&draft, folder.join(file)).expect("a profile in place");
    }

    /// Removes a profile.
    pub fn remove_profile(&self, file: &str) {
        fs::remove_file(self.profiles().join(file)).expect("the profile");
    }

    /// Its profile folder.
    pub fn profiles(&self) -> PathBuf {
        self.home.join("profiles")
    }

    /// Its image folder.
    pub fn images(&self) -> PathBuf {
        self.home.join("images")
    }

    /// The process, for signals and its id.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Sends SIGHUP.
    pub fn reload(&mut self) {
        self.process.signal(Signal::SIGHUP);
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.stop()
    }

    fn curl(&self, path: &str) -> std::process::Output {
        let url = format!("http://127.0.0.1:{HTTP_PORT}{path}");
        attempt(
            self.host
                .command("curl")
                .args(["-sS", "-f", "--max-time", "10", &url]),
        )
    }
}

/// Puts a copy of a file into the image folder: never a link, for tests write into their images.
fn place(target: &Path, source: &Path) {
    fs::create_dir_all(target.parent().expect("a folder")).expect("an image's folder");
    fs::copy(source, target).unwrap_or_else(|e| panic!("cannot copy {}: {e}", source.display()));
}

/// The line that says all sockets are open, in either log format.
fn is_ready(line: &str) -> bool {
    match serde_json::from_str::<Value>(line) {
        Ok(event) => event.get("event").is_some_and(|name| name == "ready"),
        Err(_) => line.split_whitespace().any(|word| word == "ready"),
    }
}

/// The appliance gives up root after its start: it must reach its folders as anybody.
fn open_to_all(home: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = home.parent().expect("the lab's folder");
    fs::set_permissions(lab, fs::Permissions::from_mode(0o755)).expect("the lab's folder");
    let state = home.join("state");
    fs::set_permissions(state, fs::Permissions::from_mode(0o777)).expect("the state folder");
}
