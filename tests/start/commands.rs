//! The commands beside `serve`, as a user meets them.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::run::{BOOTJACK, Said, bootjack, folder, run};

/// The shipped profiles.
pub const PROFILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
/// A machine.
pub const MAC: &str = "52:54:00:12:34:56";

/// A program fed with a text; `None` where it is not installed.
fn fed(program: &str, args: &[&str], text: &str) -> Option<Said> {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    Some(child.wait_with_output().unwrap().into())
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    for (args, word) in [
        (&[][..], "Usage: bootjack"),
        (&["sevre"], "serve"),
        (&["serve", "--http-prot", "80"], "--http-port"),
        (&["serve", "--http-port", "0"], "1..=65535"),
        (&["serve", "--http-port", "65536"], "1..=65535"),
        (&["serve", "--mode", "prosy"], "proxy"),
        (&["serve", "--poll", "0"], "1..=3600"),
        (&["serve", "--log-level", "loud"], "debug"),
        (&["serve", "--interface", ""], "--interface"),
        (&["check", "more"], "more"),
        (&["explain"], "--mac"),
        (&["explain", "--mac", MAC], "--arch"),
        (
            &["explain", "--mac", "zz", "--arch", "bios"],
            "52:54:00:12:34:56",
        ),
        (&["explain", "--mac", MAC, "--arch", "zz"], "--arch"),
        (
            &["explain", "--mac", MAC, "--arch", "bios", "--json"],
            "--json goes with --pcap",
        ),
        (
            &[
                "explain",
                "--mac",
                MAC,
                "--arch",
                "7",
                "--ip",
                "255.255.255.255",
            ],
            "no machine has this address",
        ),
        (
            &["explain", "--mac", MAC, "--arch", "7", "--ip", "0.0.0.0"],
            "no machine has this address",
        ),
        (
            &[
                "explain",
                "--mac",
                MAC,
                "--arch",
                "7",
                "--relay",
                "239.1.1.1",
            ],
            "no machine has this address",
        ),
        (
            &["explain", "--mac", MAC, "--arch", "bios", "--stage", "zz"],
            "ipxe",
        ),
        (&["completions"], "<SHELL>"),
        (&["completions", "dos"], "bash"),
    ] {
        run(args).fails(2, &[word]);
    }
    assert!(run(&["--help"]).succeeds().contains("serve"));
    assert!(run(&["serve", "--help"]).succeeds().contains("--http-port"));
    assert_eq!(
        run(&["--version"]).succeeds(),
        concat!("bootjack ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// An image folder with what the shipped profiles name.
fn images() -> tempfile::TempDir {
    let dir = folder();
    for file in [
        "debian-12/linux",
        "debian-12/initrd.gz",
        "build/vmlinuz",
        "build/initrd.img",
        "build/firmware.cpio",
        "pi/config.txt",
        "pi/bootcode.bin",
        "pi/start.elf",
    ] {
        let file = dir.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
    }
    // One of them is started under Secure Boot: a program that Debian has signed.
    let signed = bootjack::assets::get("mmx64.efi").unwrap().bytes;
    fs::write(dir.path().join("debian-12/linux"), signed).unwrap();
    dir
}

#[test]
fn check_says_what_serve_would_and_tells_by_its_exit_code() {
    let images = images();
    let images = images.path().display().to_string();
    // Some of them are for machines behind relays, whose DHCP server wants naming.
    let examples = ["check", "--profiles", PROFILES, "--images", &images];
    let said = run(&[&examples[..], &["--dhcp-server", "203.0.113.1"]].concat());
    assert!(
        said.succeeds().ends_with(" 0 errors, 0 warnings\n"),
        "{said:?}"
    );
    let folder = folder();
    let kernel = "menu: {entries: [{id: a, linux: {kernel: debian-12/linus}}]}\n";
    fs::write(folder.path().join("a.yaml"), kernel).unwrap();
    let path = folder.path().display().to_string();
    let said = run(&["check", "--profiles", &path, "--images", &images]);
    let told = [
        &format!(
            "{path}/a.yaml:1:42: warning: kernel \"debian-12/linus\": there is no file {images}/debian-12/linus\n"
        ),
        "did you mean \"debian-12/linux\"?",
        "1 profile can be served, 0 errors, 1 warning\n",
    ];
    for told in told {
        assert!(said.succeeds().contains(told), "{told}: {said:?}");
    }
    fs::write(folder.path().join("a.yaml"), "menu:\n  titel: T\n").unwrap();
    let said = run(&["check", "--profiles", &path]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains(&format!("{path}/a.yaml:2:3: error: ")),
        "{said:?}"
    );
    assert!(said.out.contains("did you mean \"title\"?"), "{said:?}");
    let said = run(&["check", "--profiles", "/nope"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out
            .contains("create it, or name another with --profiles"),
        "{said:?}"
    );
}

#[test]
fn check_tells_of_networks_too() {
    let folder = folder();
    let file = folder.path().join("bootjack.yaml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        let args = ["check", "--profiles", PROFILES, "--images", PROFILES];
        let mut command = bootjack(folder.path(), &args);
        Said::from(command.arg("--config").arg(&file).output().unwrap())
    };
    let good = "mode: dhcp\ndhcp:\n  networks: [{subnet: 10.1.0.0/24}]\n  reservations: [{mac: \"52:54:00:00:00:01\", address: 10.1.0.9}]\n";
    let said = check(good);
    let end = "profiles, 1 network and 1 reservation can be served, 0 errors, ";
    assert!(said.succeeds().contains(end), "{said:?}");
    let broken = good.replace("10.1.0.9", "10.2.0.9");
    for (text, words) in [
        (
            &*broken,
            &["bootjack.yaml:4:54: error: 10.2.0.9 is in no subnet", "^"][..],
        ),
        (
            "mode: dhcp\n",
            &["mode dhcp has no network to serve", "- subnet: 10.1.0.0/24"],
        ),
    ] {
        let said = check(text);
        assert_eq!(said.code, Some(1), "{said:?}");
        for word in words {
            assert!(said.out.contains(word), "{word}: {said:?}");
        }
    }
}

#[test]
fn check_tells_of_quirks_too() {
    let folder = folder();
    let file = folder.path().join("bootjack.yaml");
    for (changes, code, words) in [
        ("delay: 500ms", 0, "0 errors"),
        ("dealy: 500ms", 1, "did you mean \"delay\"?"),
        (
            "delay: 1h",
            1,
            "bootjack.yaml:2:58: error: delay: \"1h\" cannot be used",
        ),
        ("", 0, "warning: this quirk changes nothing"),
    ] {
        let row = format!("{{name: a, tells: {{mac: \"52:54:00\"}}, changes: {{{changes}}}}}");
        fs::write(&file, format!("quirks:\n  - {row}\n")).unwrap();
        let args = ["check", "--profiles", PROFILES, "--images", PROFILES];
        let mut command = bootjack(folder.path(), &args);
        let said = Said::from(command.arg("--config").arg(&file).output().unwrap());
        assert_eq!(said.code, Some(code), "{said:?}");
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn check_finds_settings_that_serve_would_stumble_over() {
    for (flag, value, word) in [
        ("--interface", "eth99", "no such interface"),
        ("--user", "nobody-of-that-name", "no user"),
    ] {
        let said = run(&["check", "--profiles", PROFILES, flag, value]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains(word), "{said:?}");
    }
    let said = run(&["check", "--profiles", PROFILES, "--images", "/nope"]);
    assert!(
        said.succeeds().contains("there is no image folder /nope"),
        "{said:?}"
    );
}

#[test]
fn assets_are_listed_for_people_and_for_programs() {
    let text = run(&["assets"]);
    let json = run(&["assets", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(json.succeeds()).unwrap();
    assert!(rows.len() > 10);
    for row in &rows {
        for key in [
            "name",
            "sha256",
            "licence",
            "package",
            "version",
            "source_url",
        ] {
            let value = row[key].as_str().unwrap();
            assert!(
                !value.is_empty() && text.succeeds().contains(value),
                "{key}: {value:?}"
            );
        }
    }
}

#[test]
fn completions_parse_in_their_shells() {
    for (shell, program, args) in [
        ("bash", "bash", &["-n"][..]),
        ("zsh", "zsh", &["-n"]),
        ("fish", "fish", &["--no-execute", "/dev/stdin"]),
    ] {
        let script = run(&["completions", shell]);
        assert!(script.succeeds().contains("http-port"), "{shell}");
        if let Some(parsed) = fed(program, args, &script.out) {
            parsed.succeeds();
        }
    }
}

#[test]
fn the_manual_page_renders_without_a_warning() {
    let page = run(&["man"]);
    for word in [
        ".TH BOOTJACK 1",
        ".SH NAME",
        "BOOTJACK SERVE",
        "http\\-port",
        "EXIT STATUS",
    ] {
        assert!(page.succeeds().contains(word), "{word}");
    }
    if let Some(said) = fed("groff", &["-k", "-man", "-ww", "-Tutf8"], &page.out) {
        said.succeeds();
    }
    if let Some(said) = fed("mandoc", &["-Tutf8", "-Werror"], &page.out) {
        said.succeeds();
    }
}

/// `bootjack … | head -1`: no panic, whatever the reader does.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for args in [
        &["assets"][..],
        &["assets", "--json"],
        &["check", "--profiles", PROFILES],
        &["config"],
        &["explain", "--mac", MAC, "--arch", "bios"],
        &["man"],
        &["completions", "bash"],
    ] {
        let folder = folder();
        let mut command = bootjack(folder.path(), args);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = Said::from(
            command
                .stdout(writer)
                .stderr(Stdio::piped())
                .output()
                .unwrap(),
        );
        assert!(!said.err.contains("panicked"), "{args:?}: {said:?}");
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
    }
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = Command::new(BOOTJACK);
    let said = Said::from(
        command
            .arg("assets")
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap(),
    );
    said.fails(1, &["cannot write"]);
}
