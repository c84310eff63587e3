//! Every setting: default < file < environment < flag, and `bootjack config` says which.

use std::fs;

use crate::run::{Said, bootjack, run};

/// key, its default as `config` shows it, then a value of file, environment and flag.
const SETTINGS: [(&str, &str, [&str; 3]); 12] = [
    ("mode", "\"proxy\"", ["colocated", "proxy", "colocated"]),
    ("force", "false", ["true", "false", "true"]),
    ("interface", "", ["eth7", "eth8", "eth9"]),
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
    ("user", "", ["alice", "bob", "carol"]),
    ("poll", "", ["5", "6", "7"]),
    ("log-format", "\"text\"", ["json", "text", "json"]),
    ("log-level", "\"info\"", ["warn", "error", "debug"]),
];

/// `config` with a setting given by the first `sources` of file, environment, flag.
fn config(key: &str, values: [&str; 3], sources: usize) -> (Said, String) {
    let folder = tempfile::tempdir().unwrap();
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
        "interface" => format!("[\"{value}\"]"),
        "http-port" | "poll" | "force" => value.to_owned(),
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
    // `dhcp` is a key of the file alone.
    let (last, keys) = keys.split_last().unwrap();
    assert_eq!((keys, *last), (&SETTINGS.map(|(key, ..)| key)[..], "dhcp"));
}

#[test]
fn config_counts_what_dhcp_describes() {
    let network = "dhcp:\n  networks: [{subnet: 10.1.0.0/24}]\n";
    let reserved = "  reservations: [{mac: \"52:54:00:00:00:01\", address: 10.1.0.9}]\n";
    for (text, words) in [
        ("# nothing\n".to_owned(), "# dhcp:"),
        ("dhcp:\n".to_owned(), "# dhcp:"),
        (network.to_owned(), "# dhcp: 1 networks, 0 reservations"),
        (
            format!("{network}{reserved}"),
            "# dhcp: 1 networks, 1 reservations",
        ),
        (
            "dhcp: {subnet: 10.1.0.0/24, pool: x}\n".to_owned(),
            "# dhcp: 2 findings, see `bootjack check`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bootjack.yaml");
        fs::write(&file, &text).unwrap();
        let mut command = bootjack(folder.path(), &["config", "--config"]);
        let said = Said::from(command.arg(&file).output().unwrap());
        let line = said.succeeds().lines().last().unwrap();
        let (shown, origin) = line.rsplit_once('#').unwrap();
        assert_eq!(shown.trim(), words, "{text}");
        let given = words != "# dhcp:";
        assert_eq!(origin.trim() == file.display().to_string(), given, "{line}");
    }
}

#[test]
fn what_config_prints_is_a_config_file() {
    let folder = tempfile::tempdir().unwrap();
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
            &["line 2 column 1", "http-prot", "http-port"][..],
        ),
        ("http-port: 0\n", &["http-port", "1 to 65535"]),
        ("http-port: 65536\n", &["line 1 column 12"]),
        ("http-port: eighty\n", &["line 1 column 12"]),
        ("poll: 0\n", &["poll", "1 to 3600"]),
        ("poll: 3601\n", &["poll", "1 to 3600"]),
        (
            "mode: proxy\nmode: proxy\n",
            &["line 2 column 1", "`mode` is given twice"],
        ),
        ("log-level: loud\n", &["line 1 column 12", "loud", "debug"]),
        (
            "interface: { a: b }\n",
            &["line 1 column 12", "a name or a list of names"],
        ),
        ("poll: [1\n", &["line 1"]),
        ("just words\n", &["line 1 column 1"]),
        ("mode: proxy\n---\nmode: proxy\n", &["line"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bootjack.yaml");
        fs::write(&file, text).unwrap();
        for command in ["config", "check"] {
            let mut command = bootjack(folder.path(), &[command, "--config"]);
            let said = Said::from(command.arg(&file).output().unwrap());
            said.fails(2, words);
            said.fails(2, &[&format!("config file {}", file.display())]);
        }
    }
}
