//! What bootjack makes of the folders it is pointed at.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "loading/absent.rs"]
mod absent;
#[path = "loading/beside.rs"]
mod beside;
#[path = "loading/built.rs"]
mod built;
#[path = "loading/menus.rs"]
mod menus;
#[path = "support/places.rs"]
mod places;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use bootjack::config::{Mode, Settings, settings};
use bootjack::network::CONFIG_FILE;
use bootjack::service::load::{Loaded, Loader, Places};
use bootjack::yaml::{Report, Severity};
use tempfile::TempDir;

const PROFILE: &str = "menu: {entries: [{id: disk, local: true}]}\n";

fn load(dir: &Path, required: bool) -> Loaded {
    Loader::new(places(dir, required)).load()
}

fn places(dir: &Path, required: bool) -> Places {
    Places {
        required,
        ..places::below(dir)
    }
}

/// The head of an EFI program for this machine.
fn program(machine: u16) -> Vec<u8> {
    let mut file = vec![0; 512];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x40;
    file[0x40..0x44].copy_from_slice(b"PE\0\0");
    file[0x44..0x46].copy_from_slice(&machine.to_le_bytes());
    file
}

/// Loads in a mode, with this config file at the start and now.
fn load_config(dir: &Path, mode: Mode, start: Option<&str>, now: Option<&str>) -> Loaded {
    let mut places = places(dir, false);
    places.mode = mode;
    places.config.settings = start.map(said);
    if let Some(text) = now {
        fs::write(&places.config.path, text).unwrap();
    }
    Loader::new(places).load()
}

/// The settings of a config file without a mistake.
fn said(text: &str) -> Settings {
    let file = "start.yaml".into();
    let mut report = Report::new(&file, text);
    let root = report.parse(&CONFIG_FILE).unwrap();
    let said = settings(&root, &mut report);
    assert!(!report.is_wrong(), "{:?}", report.finish());
    said
}

/// The findings without the temporary folder's name.
fn told(dir: &Path, loaded: &Loaded) -> Vec<String> {
    let prefix = format!("{}/", dir.display());
    let shown = loaded
        .findings
        .iter()
        .map(|f| f.to_string().replace(&prefix, ""));
    shown.collect()
}

fn with_profiles(prepare: impl FnOnce(&Path)) -> (TempDir, Loaded) {
    let dir = TempDir::new().unwrap();
    let profiles = dir.path().join("profiles");
    fs::create_dir(&profiles).unwrap();
    prepare(&profiles);
    let loaded = load(dir.path(), true);
    (dir, loaded)
}

#[test]
fn without_a_folder_the_default_is_served_unless_one_was_named() {
    let dir = TempDir::new().unwrap();
    let default = load(dir.path(), false).snapshot.unwrap();
    assert_eq!(&*default.profiles.all[0].name, "default");
    assert_eq!(default.http_port, 8067);
    let named = load(dir.path(), true);
    assert!(named.snapshot.is_none());
    assert_eq!(
        told(dir.path(), &named),
        [
            "profiles: error: cannot be read: it does not exist\n    create it, or name another with --profiles"
        ]
    );
}

#[test]
fn an_empty_folder_is_served_with_a_warning() {
    let (dir, loaded) = with_profiles(|_| ());
    assert!(loaded.snapshot.is_some_and(|s| s.profiles.all.is_empty()));
    let (dir, loaded) = (dir.path(), load(dir.path(), true));
    assert_eq!(loaded.findings[0].severity, Severity::Warning);
    assert!(told(dir, &loaded)[0].starts_with("profiles: warning: the profile folder is empty"));
}

#[test]
fn files_come_in_the_order_of_their_names_and_leftovers_not_at_all() {
    let (dir, loaded) = with_profiles(|folder| {
        for (file, arch) in [
            ("20-b.yml", "efi-x64"),
            ("10-a.yaml", "bios"),
            ("3-c.YAML", "efi-ia32"),
        ] {
            fs::write(
                folder.join(file),
                format!("match: {{arch: {arch}}}\n{PROFILE}"),
            )
            .unwrap();
        }
        for leftover in [
            "x.yaml~",
            ".x.yaml",
            ".x.yaml.swp",
            "#x.yaml#",
            "4913",
            "x.yaml.off",
            "notes.txt",
        ] {
            fs::write(folder.join(leftover), "rubbish: [").unwrap();
        }
        fs::create_dir(folder.join("unused")).unwrap();
        fs::write(folder.join("unused/x.yaml"), "rubbish: [").unwrap();
    });
    assert_eq!(told(dir.path(), &loaded), Vec::<String>::new());
    let snapshot = loaded.snapshot.unwrap();
    let names: Vec<&str> = snapshot.profiles.all.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["10-a", "20-b", "3-c"]);
}

#[test]
fn what_cannot_be_read_is_a_finding_that_names_the_file() {
    let (dir, loaded) = with_profiles(|folder| {
        fs::write(folder.join("a.yaml"), b"name: caf\xe9\n").unwrap();
        fs::create_dir(folder.join("b.yaml")).unwrap();
        symlink("nowhere", folder.join("c.yaml")).unwrap();
        symlink("g.yaml", folder.join("g.yaml")).unwrap();
        fs::write(folder.join("h.yaml"), b"\xff\xfen\0a\0m\0e\0:\0").unwrap();
        nix::unistd::mkfifo(&folder.join("d.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let large = fs::File::create(folder.join("e.yaml")).unwrap();
        large.set_len((16 << 20) + 1).unwrap();
        fs::write(folder.join("f.yaml"), format!("\u{feff}{PROFILE}")).unwrap();
    });
    assert!(loaded.snapshot.is_none());
    let remove = "remove it, or let its name end in something else than .yaml";
    assert_eq!(
        told(dir.path(), &loaded),
        [
            "profiles/a.yaml:1:10: error: this is not UTF-8 text: byte 9 is 0xe9\n    name: caf\u{fffd}\n             ^\n    save the file as UTF-8 (from Latin-1: iconv -f latin1 -t utf8)".to_owned(),
            format!("profiles/b.yaml: error: cannot be read: it is a folder\n    {remove}"),
            "profiles/c.yaml: error: cannot be read: it does not exist\n    it is a link that leads nowhere: mend or remove it".to_owned(),
            format!("profiles/d.yaml: error: cannot be read: it is no regular file\n    {remove}"),
            "profiles/e.yaml: error: the file is larger than 16 MiB\n    split it: 16 MiB a file, 256 MiB in all".to_owned(),
            "profiles/g.yaml: error: cannot be read: its symbolic links lead around in a circle\n    it is a link that leads back to itself: mend or remove it".to_owned(),
            "profiles/h.yaml: error: this is UTF-16 text, which Windows calls Unicode\n    save the file as UTF-8: iconv -f utf-16 -t utf8".to_owned(),
        ]
    );
}

#[test]
fn equal_folders_have_equal_digests_and_a_change_shows() {
    let (dir, first) = with_profiles(|folder| fs::write(folder.join("a.yaml"), PROFILE).unwrap());
    assert_eq!(load(dir.path(), true).digest, first.digest);
    fs::create_dir_all(dir.path().join("images/x")).unwrap();
    fs::write(dir.path().join("images/x/linux"), "k").unwrap();
    fs::write(dir.path().join("images/x/initrd.gz"), "i").unwrap();
    assert_ne!(load(dir.path(), true).digest, first.digest);
}

const NETWORKS: &str = "mode: dhcp
dhcp:
  networks: [{subnet: 10.1.0.0/24, pools: 10.1.0.100-10.1.0.199}]
  reservations:
    - {mac: \"52:54:00:00:00:01\", address: 10.1.0.10, profile: default}
";

#[test]
fn networks_come_from_the_config_file() {
    let dir = TempDir::new().unwrap();
    let loaded = load_config(dir.path(), Mode::Dhcp, Some(NETWORKS), Some(NETWORKS));
    assert_eq!(told(dir.path(), &loaded), Vec::<String>::new());
    assert_eq!(loaded.notices, Vec::<String>::new());
    let networks = loaded.snapshot.unwrap().networks;
    assert_eq!(networks.all.len(), 1);
    assert_eq!(networks.reservations.len(), 1);
    let proxy = NETWORKS.replace("mode: dhcp", "mode: proxy");
    let loaded = load_config(dir.path(), Mode::Proxy, Some(&proxy), Some(&proxy));
    assert_eq!(loaded.snapshot.unwrap().networks, networks);
}

#[test]
fn what_is_wrong_with_networks_is_told_beside_what_is_wrong_with_profiles() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("profiles")).unwrap();
    fs::write(dir.path().join("profiles/a.yaml"), "nmae: a\n").unwrap();
    let broken = NETWORKS.replace("10.1.0.10,", "10.2.0.10,");
    let loaded = load_config(dir.path(), Mode::Dhcp, Some(NETWORKS), Some(&broken));
    assert!(loaded.snapshot.is_none());
    let told = told(dir.path(), &loaded).join("\n");
    for part in [
        "profiles/a.yaml:1:1: error: unknown key \"nmae\"",
        "bootjack.yaml:5:43: error: 10.2.0.10 is in no subnet",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_reservation_for_a_profile_that_is_not_there() {
    let dir = TempDir::new().unwrap();
    let stray = NETWORKS.replace("profile: default", "profile: defualt");
    let loaded = load_config(dir.path(), Mode::Dhcp, Some(&stray), Some(&stray));
    assert!(
        loaded.snapshot.is_some(),
        "its addresses are given all the same"
    );
    let line = "    - {mac: \"52:54:00:00:00:01\", address: 10.1.0.10, profile: defualt}";
    let caret = "                                                                  ^";
    assert_eq!(
        told(dir.path(), &loaded),
        [format!(
            "bootjack.yaml:5:63: warning: no profile is called \"defualt\"\n    {line}\n{caret}\n    did you mean \"default\"?"
        )]
    );
}

#[test]
fn mode_dhcp_needs_a_network_and_shows_one() {
    for text in [
        None,
        Some("mode: dhcp\n"),
        Some("mode: dhcp\ndhcp: {reservations: []}\n"),
    ] {
        let dir = TempDir::new().unwrap();
        let loaded = load_config(dir.path(), Mode::Dhcp, text, text);
        assert!(loaded.snapshot.is_none(), "{text:?}");
        let [told] = told(dir.path(), &loaded).try_into().unwrap();
        let told: String = told;
        let (message, example) = told.split_once("for example:\n").unwrap();
        assert!(
            message.starts_with("bootjack.yaml: error: mode dhcp has no network to serve"),
            "{message}"
        );
        // The example is one: with the mode it can be served.
        let lines = example
            .lines()
            .map(|line| line.trim_start_matches("      "));
        let example = format!(
            "mode: dhcp\ndhcp:\n{}",
            example.split_once("dhcp:\n").unwrap().1
        );
        assert!(lines.count() > 3);
        let loaded = load_config(dir.path(), Mode::Dhcp, Some(&example), Some(&example));
        assert_eq!(loaded.findings, [], "{example}");
    }
}

#[test]
fn a_config_file_that_cannot_be_read_again_matters_where_it_speaks_of_dhcp() {
    for (mode, start, severity) in [
        (Mode::Dhcp, NETWORKS, Severity::Error),
        (Mode::Proxy, NETWORKS, Severity::Error),
        (Mode::Proxy, "mode: proxy\n", Severity::Warning),
    ] {
        let dir = TempDir::new().unwrap();
        let gone = load_config(dir.path(), mode, Some(start), None);
        fs::create_dir(dir.path().join("bootjack.yaml")).unwrap();
        let folder = load_config(dir.path(), mode, Some(start), None);
        for loaded in [gone, folder] {
            let [finding] = loaded.findings.as_slice() else {
                panic!("{:?}", loaded.findings)
            };
            assert_eq!(finding.severity, severity, "{finding}");
            assert!(finding.message.starts_with("cannot be read: "), "{finding}");
            assert_eq!(loaded.snapshot.is_some(), severity == Severity::Warning);
        }
    }
}

#[test]
fn settings_that_have_changed_wait_for_a_restart() {
    let dir = TempDir::new().unwrap();
    let load = |now: &str| {
        load_config(
            dir.path(),
            Mode::Proxy,
            Some("poll: 5\nhttp-port: 80\n"),
            Some(now),
        )
    };
    assert_eq!(
        load("http-port: 80\npoll: 5\n").notices,
        Vec::<String>::new()
    );
    let changed = load("http-port: 81\nuser: bob\npoll: 5\ndhcp: {}\n");
    assert!(changed.snapshot.is_some());
    let [notice] = changed.notices.as_slice() else {
        panic!("{:?}", changed.notices)
    };
    let words = "bootjack.yaml has changed since the start: http-port, user; it is in force after a restart";
    assert!(notice.ends_with(words), "{notice}");
    let broken = load("http-prot: 81\ndhcp: {network: []}\n");
    assert!(broken.snapshot.is_none());
    let told = told(dir.path(), &broken);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .any(|t| t.contains("did you mean `http-port`") || t.contains("\"http-port\"")),
        "{told:?}"
    );
    let twice = load("dhcp: {}\ndhcp: {}\n");
    assert_eq!(twice.findings.len(), 1, "{:?}", twice.findings);
}

#[test]
fn the_digest_covers_the_config_file() {
    let dir = TempDir::new().unwrap();
    let load = |text| load_config(dir.path(), Mode::Proxy, None, Some(text)).digest;
    assert_eq!(load("poll: 5\n"), load("poll: 5\n"));
    assert_ne!(load("poll: 5\n"), load("poll: 6\n"));
}
