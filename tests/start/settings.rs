//! Every setting: default < file < environment < flag, and `bootjack config` says which.

use std::fs;

use crate::run::{Said, bootjack, folder, run};

/// key, its default as `config` shows it, then a value of file, environment and flag.
const SETTINGS: [(&str, &str, [&str; 3]); 20] = [
    ("mode", "\"proxy\"", ["colocated", "proxy", "colocated"]),
    ("force", "false", ["true", "false", "true"]),
    ("interface", "", ["eth7", "eth8", "eth9"]),
    ("dhcp-server", "", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    ("profiles", "", ["/f/p", "/e/p", "/c/p"]),
    (
        "images",
        "\"/var/lib/bootjack/images\"",
        ["/f/i", "/e/i", "/c/i"],
    ),
    ("assets", "", ["/f/a", "/e/a", "/c/a"]),
    (
        "state",
        "\"/var/lib/bootjack/state\"",
        ["/f/s", "/e/s", "/c/s"],
    ),
    ("http-port", "8067", ["81", "82", "83"]),
    ("https-port", "", ["444", "445", "446"]),
    ("tls-cert", "", ["/f/t.pem", "/e/t.pem", "/c/t.pem"]),
    ("tls-key", "", ["/f/t.key", "/e/t.key", "/c/t.key"]),
    ("tls-name", "", ["a.example", "b.example", "c.example"]),
    ("tftp-windowsize", "64", ["16", "8", "4"]),
    ("tftp-blksize", "", ["1024", "512", "1428"]),
    ("tftp-segmentation", "true", ["false", "true", "false"]),
    ("user", "", ["alice", "bob", "carol"]),
    ("poll", "", ["5", "6", "7"]),
    ("log-format", "\"text\"", ["json", "text", "json"]),
    ("log-level", "\"info\"", ["warn", "error", "debug"]),
];

/// `config` with a setting given by the first `sources` of file, environment, flag.
fn config(key: &str, values: [&str; 3], sources: usize) -> (Said, String) {
    let folder = folder();
    let file = folder.path().join("bootjack.yaml");
    let [in_file, in_environment, as_flag] = values;
    let text = if sources > 0 {
        format!("{key}: {in_file}\n")
    } else {
        String::new()
    };
    fs::write(&file, text).unwrap();
    let mut command = bootjack(folder.path(), &["config"]);
    command.arg("--config").arg(&file);
    if sources > 1 {
        let name = format!("BOOTJACK_{}", key.to_uppercase().replace('-', "_"));
        command.env(name, in_environment);
    }
    if sources > 2 {
        command.arg(format!("--{key}")).arg(as_flag);
    }
    (command.output().unwrap().into(), file.display().to_string())
}

/// A value as `config` shows it.
fn shown(key: &str, value: &str) -> String {
    match key {
        "interface" | "dhcp-server" => format!("[\"{value}\"]"),
        "http-port" | "https-port" | "poll" | "force" => value.to_owned(),
        key if key.starts_with("tftp-") => value.to_owned(),
        _ => format!("\"{value}\""),
    }
}

#[test]
fn each_source_outranks_the_one_before_it() {
    for (key, default, values) in SETTINGS {
        for sources in 0..=3 {
            let (said, file) = config(key, values, sources);
            let origin = ["default", &file, "environment", "flag"][sources];
            let value = match sources.checked_sub(1) {
                None => default.to_owned(),
                Some(n) => shown(key, values[n]),
            };
            let expected = if value.is_empty() {
                format!("# {key}:")
            } else {
                format!("{key}: {value}")
            };
            let line = said
                .succeeds()
                .lines()
                .find(|l| l.contains(&format!("{key}:")));
            let (got, from) = line.unwrap().rsplit_once('#').unwrap();
            assert_eq!((got.trim(), from.trim()), (expected.as_str(), origin));
        }
    }
}

#[test]
fn the_list_above_is_complete() {
    let said = run(&["config"]);
    let lines = said.succeeds().lines();
    let keys: Vec<&str> = lines
        .map(|l| l.trim_start_matches("# ").split(':').next().unwrap())
        .collect();
    // These are keys of the file alone.
    let settings = SETTINGS.iter().map(|(key, ..)| *key);
    let all: Vec<&str> = settings.chain(["dhcp", "quirks"]).collect();
    assert_eq!(keys, all);
}

#[test]
fn config_counts_what_is_read_while_serving() {
    let network = "dhcp:\n  networks: [{subnet: 10.1.0.0/24}]\n";
    let reserved = "  reservations: [{mac: \"52:54:00:00:00:01\", address: 10.1.0.9}]\n";
    for (text, words) in [
        ("# nothing\n".to_owned(), "# dhcp:"),
        ("dhcp:\n".to_owned(), "# dhcp:"),
        (network.to_owned(), "# dhcp: 1 network, 0 reservations"),
        (
            format!("{network}{reserved}"),
            "# dhcp: 1 network, 1 reservation",
        ),
        (
            "dhcp: {subnet: 10.1.0.0/24, pool: x}\n".to_owned(),
            "# dhcp: 2 findings, see `bootjack check`",
        ),
        (
            "quirks: [{name: a, tells: {mac: \"52:54:00\"}, changes: {delay: 1s}}]\n".to_owned(),
            "# quirks: 1 row",
        ),
        (
            "quirks: [{name: a, tells: {mac: x}, changes: {delay: 1h}}]\n".to_owned(),
            "# quirks: 2 findings, see `bootjack check`",
        ),
    ] {
        let folder = folder();
        let file = folder.path().join("bootjack.yaml");
        fs::write(&file, &text).unwrap();
        let mut command = bootjack(folder.path(), &["config", "--config"]);
        let said = Said::from(command.arg(&file).output().unwrap());
        let key = if text.starts_with("quirks") {
            "# quirks:"
        } else {
            "# dhcp:"
        };
        let mut lines = said.succeeds().lines();
        let line = lines.find(|line| line.starts_with(key)).unwrap();
        let (shown, origin) = line.rsplit_once('#').unwrap();
        assert_eq!(shown.trim(), words, "{text}");
        let given = words != key;
        assert_eq!(origin.trim() == file.display().to_string(), given, "{line}");
    }
}

#[test]
fn what_config_prints_is_a_config_file() {
    let folder = folder();
    let mut first = bootjack(
        folder.path(),
        &["config", "--interface", "eth0,eth1", "--poll", "9"],
    );
    let printed = Said::from(first.output().unwrap());
    let file = folder.path().join("saved.yaml");
    fs::write(&file, printed.succeeds()).unwrap();
    let mut second = bootjack(folder.path(), &["config", "--config"]);
    let again = Said::from(second.arg(&file).output().unwrap());
    let values = |said: &Said| -> Vec<String> {
        let lines = said.succeeds().lines();
        lines
            .map(|line| line.rsplit_once('#').unwrap().0.trim().to_owned())
            .collect()
    };
    assert_eq!(values(&again), values(&printed));
}

#[test]
fn a_config_file_with_a_mistake_is_refused_with_its_place() {
    for (text, words) in [
        (
            "mode: proxy\nhttp-prot: 80\n",
            &[
                "yaml:2:1: error: unknown key \"http-prot\"",
                "    ^\n",
                "http-port",
            ][..],
        ),
        (
            "mode: dhpc\n",
            &["yaml:1:7: error: mode: \"dhpc\"", "did you mean \"dhcp\"?"],
        ),
        ("http-port: 0\n", &["yaml:1:12: error", "write 1 to 65535"]),
        ("http-port: 65536\n", &["yaml:1:12: error"]),
        ("http-port: eighty\n", &["yaml:1:12: error"]),
        ("poll: 0\n", &["yaml:1:7: error", "write 1 to 3600"]),
        ("poll: 3601\n", &["yaml:1:7: error", "write 1 to 3600"]),
        (
            "mode: proxy\nmode: proxy\n",
            &["yaml:2:1: error: the key \"mode\" is given twice"],
        ),
        (
            "log-level: loud\n",
            &[
                "yaml:1:12: error",
                "known here: error, warn, info, debug, trace",
            ],
        ),
        ("force: ture\n", &["did you mean \"true\"?"]),
        ("user: \"\"\n", &["user is empty"]),
        (
            "interface: { a: b }\n",
            &["yaml:1:12: error: interface must be"],
        ),
        ("interface: [eth0, [eth1]]\n", &["yaml:1:19: error"]),
        ("networks: []\n", &["\"networks\" belongs into dhcp"]),
        ("poll: [1\n", &["yaml:1:", "this is not YAML"]),
        (
            "just words\n",
            &["yaml:1:1: error: the config file must hold keys"],
        ),
        (
            "mode: proxy\n---\nmode: proxy\n",
            &["yaml:3:1: error: a second document"],
        ),
        ("a: &a [*a]\n", &["it would hold itself"]),
    ] {
        let folder = folder();
        let file = folder.path().join("bootjack.yaml");
        fs::write(&file, text).unwrap();
        for name in ["config", "check", "explain", "serve"] {
            let machine = ["--mac", "52:54:00:12:34:56", "--arch", "bios"];
            let machine = machine.iter().filter(|_| name == "explain");
            let args: Vec<&str> = [&name].into_iter().chain(machine).copied().collect();
            let mut command = bootjack(folder.path(), &args);
            let said = Said::from(command.arg("--config").arg(&file).output().unwrap());
            assert_eq!(said.code, Some(1), "{said:?}");
            let told = if name == "check" {
                &said.out
            } else {
                &said.err
            };
            for word in words {
                assert!(told.contains(word), "{name}: {word:?} is not in {told}");
            }
            assert!(told.contains(&file.display().to_string()), "{told}");
        }
    }
}

/// Settings, networks, reservations and profiles in one go.
#[test]
fn check_tells_all_mistakes_at_once() {
    let folder = folder();
    let file = folder.path().join("bootjack.yaml");
    let profiles = folder.path().join("profiles");
    fs::create_dir(&profiles).unwrap();
    fs::write(profiles.join("a.yaml"), "name: a\nmenu: {entires: []}\n").unwrap();
    let text = format!(
        r#"mode: dhpc
http-prot: 80
profiles: {}
dhcp:
  quarantine: never
  networks:
    - subnet: 10.1.0.5/24
      pools: [10.1.0.0-10.1.0.50]
  reservations:
    - {{mac: "52:54:00:00:00:01", address: 10.1.0.255, profile: b}}
    - {{mac: "52:54:00:00:00:01", address: 10.1.0.9, profile: a}}
"#,
        profiles.display()
    );
    fs::write(&file, text).unwrap();
    let mut command = bootjack(folder.path(), &["check", "--config"]);
    let said = Said::from(command.arg(&file).output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    for word in [
        "bootjack.yaml:1:7: error: mode: \"dhpc\" is not known",
        "bootjack.yaml:2:1: error: unknown key \"http-prot\"",
        "bootjack.yaml:5:15: error: quarantine",
        "bootjack.yaml:7:15: error: 10.1.0.5/24 is an address inside a network",
        "bootjack.yaml:8:15: error: the pool 10.1.0.0-10.1.0.50 has the network or broadcast",
        "bootjack.yaml:10:43: error: 10.1.0.255 is the network or broadcast address",
        "bootjack.yaml:10:64: warning: no profile is called \"b\"",
        "bootjack.yaml:11:7: error: this client has a reservation in the same network already",
        "a.yaml:2:8: error: unknown key \"entires\"",
    ] {
        assert!(said.out.contains(word), "{word:?} is not in {}", said.out);
    }
    assert!(!said.out.contains("called \"a\""), "{}", said.out);
    assert!(!said.out.contains("can be served"), "{}", said.out);
}

/// What cannot be read is told in words for operators, not in those of a library.
#[test]
fn a_config_file_that_cannot_be_read() {
    let folder = folder();
    let latin = folder.path().join("latin.yaml");
    fs::write(&latin, b"mode: proxy\nuser: caf\xe9\n").unwrap();
    let large = folder.path().join("large.yaml");
    fs::File::create(&large).unwrap().set_len(9 << 20).unwrap();
    let none = folder.path().join("none.yaml");
    // Nobody writes to it: whoever waits there waits for ever.
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let file = "it is read again while serving, so it has to be a file";
    for (file, words) in [
        (
            &latin,
            &[
                "latin.yaml:2:10: error: this is not UTF-8 text: byte 21 is 0xe9",
                "iconv",
            ][..],
        ),
        (&large, &["is larger than 8 MiB", "100,000 reservations"]),
        (
            &none,
            &[
                "it does not exist",
                "create it, or name another with --config",
            ],
        ),
        (&folder.path().to_owned(), &["it is a folder"]),
        (&pipe, &["it is no regular file", file]),
    ] {
        for name in ["check", "config", "serve"] {
            let mut command = bootjack(folder.path(), &[name, "--config"]);
            Said::from(command.arg(file).output().unwrap()).fails(1, words);
        }
    }
}
