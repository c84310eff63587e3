//! The Debian package: built, unpacked into a scratch root, and run from there.
//!
//! The binary packaged is the one under test. Nothing is installed on this machine.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const CARGO_DEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/bin/cargo-deb");

/// A scratch root with the package's files in it.
struct Root(TempDir);

impl Root {
    /// Builds the package and unpacks it.
    fn unpacked() -> Self {
        let folder = TempDir::new().unwrap();
        // `check` becomes the user that would serve.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let package = folder.path().join("bootjack.deb");
        succeed(
            Command::new(format!("{PROJECT}/packaging/deb.sh"))
                .arg(env!("CARGO_BIN_EXE_bootjack"))
                .args(["--fast", "--output"])
                .arg(&package),
        );
        let root = Self(folder);
        succeed(
            Command::new("dpkg-deb")
                .arg("-x")
                .arg(&package)
                .arg(root.path("")),
        );
        root
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join("root").join(below)
    }

    /// `bootjack check` from the package, on the package's own files.
    fn check(&self) -> Output {
        Command::new(self.path("usr/bin/bootjack"))
            .arg("check")
            .arg("--config")
            .arg(self.path("etc/bootjack/bootjack.yaml"))
            .arg("--profiles")
            .arg(self.path("etc/bootjack/profiles"))
            .arg("--images")
            .arg(self.path("var/lib/bootjack/images"))
            .arg("--state")
            .arg(self.path("var/lib/bootjack/state"))
            .output()
            .unwrap()
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    output
}

/// Everything a command said.
fn text(output: &Output) -> String {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Whether a test has to leave itself out for want of a tool; says so past the harness's capture.
fn left_out(test: &str, tool: &str) -> bool {
    use std::io::Write;
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        let tool = Path::new(tool).file_name().unwrap().display();
        let line = format!("LEFT OUT ({tool} is not here): {test}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    !found
}

#[test]
fn the_package_is_complete_and_its_installation_checks_clean() {
    if left_out("deb: the package", CARGO_DEB) {
        return;
    }
    let root = Root::unpacked();
    has_binary_unit_settings_and_folders(&root);
    names_every_loader_with_its_licence(&root);
    checks_clean_as_installed(&root);
    checks_clean_with_an_example_in_force(&root);
    finds_a_broken_profile(&root);
}

fn has_binary_unit_settings_and_folders(root: &Root) {
    for file in [
        "etc/bootjack/bootjack.yaml",
        "usr/lib/systemd/system/bootjack.service",
        "usr/lib/sysusers.d/bootjack.conf",
        "etc/bootjack/profiles/default.yaml",
        "usr/share/bash-completion/completions/bootjack",
        "usr/share/doc/bootjack/LICENSE",
        "usr/share/man/man1/bootjack.1.gz",
    ] {
        let size = fs::metadata(root.path(file)).map_or(0, |file| file.len());
        assert!(size > 0, "{file} is missing or empty");
    }
    assert!(root.path("var/lib/bootjack/images").is_dir());
    assert_eq!(mode(&root.path("usr/bin/bootjack")), 0o755);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names_every_loader_with_its_licence(root: &Root) {
    let copyright = fs::read_to_string(root.path("usr/share/doc/bootjack/copyright")).unwrap();
    for asset in bootjack::assets::all() {
        let (_, entry) = copyright
            .split_once(&format!("Files: {}\n", asset.name))
            .unwrap();
        let entry = entry.split("\n\n").next().unwrap();
        assert!(
            entry.contains(&format!("License: {}\n", asset.licence)),
            "{entry}"
        );
        assert!(entry.contains(asset.sha256), "{entry}");
        assert!(entry.contains(&asset.source_url()), "{entry}");
    }
}

fn checks_clean_as_installed(root: &Root) {
    let checked = root.check();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
}

fn checks_clean_with_an_example_in_force(root: &Root) {
    let example = root.path("usr/share/doc/bootjack/examples/classroom.yaml");
    fs::copy(
        example,
        root.path("etc/bootjack/profiles/20-classroom.yaml"),
    )
    .unwrap();
    let checked = root.check();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    assert!(text(&checked).contains("2 profiles"), "{}", text(&checked));
}

fn finds_a_broken_profile(root: &Root) {
    let broken = root.path("etc/bootjack/profiles/30-broken.yaml");
    fs::write(broken, "name: Broken\nmenu:\n  entrys: []\n").unwrap();
    let checked = root.check();
    assert_eq!(checked.status.code(), Some(1), "{}", text(&checked));
    assert!(
        text(&checked).contains("30-broken.yaml"),
        "{}",
        text(&checked)
    );
}

/// systemd's own judgement of the sandbox: 0 is closed, 10 is open, a service without any
/// directive has 9.6. What is left to it is what serving ports below 1024 as root's child needs.
#[test]
fn systemd_reads_the_unit_and_finds_it_confined() {
    if left_out("deb: the unit", "systemd-analyze") {
        return;
    }
    let judged = succeed(
        Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true", "--threshold=30"])
            .arg(format!("{PROJECT}/packaging/bootjack.service")),
    );
    let complaints = String::from_utf8_lossy(&judged.stderr);
    assert!(!complaints.contains("Unknown"), "{complaints}");
    assert!(!complaints.contains("ignoring"), "{complaints}");
}

/// The thread of TLS handshakes stands back behind the others, in the package as well.
#[test]
fn the_unit_lets_a_thread_stand_back() {
    if left_out("deb: the filter of system calls", "systemd-analyze") {
        return;
    }
    let unit = fs::read_to_string(format!("{PROJECT}/packaging/bootjack.service")).unwrap();
    let filters = unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="));
    let passes = |call: &str| {
        // In their order: the first says what is let through, each further one adds or takes away.
        filters.clone().fold(false, |passes, filter| {
            let (taken, names) = match filter.strip_prefix('~') {
                Some(names) => (true, names),
                None => (false, filter),
            };
            let named = names.split_whitespace().any(|name| holds(name, call));
            if named { !taken } else { passes }
        })
    };
    assert!(passes("getpriority") && passes("setpriority"));
    assert!(!passes("sched_setscheduler") && !passes("mlock"));
}

/// Whether a name of a filter is a system call, or a group that has it.
fn holds(name: &str, call: &str) -> bool {
    if !name.starts_with('@') {
        return name == call;
    }
    let listed =
        succeed(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", name]));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let members = listed.lines().filter(|line| line.starts_with(' '));
    let mut members = members.map(str::trim).filter(|line| !line.starts_with('#'));
    members.any(|member| holds(member, call))
}
