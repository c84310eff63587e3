//! `bootjack leases` where no server is running: the store itself is read.

use std::fs;

use bootjack::service::lease::store::{FILE, Store};
use serde_json::Value;

const NETWORKS: &str = "dhcp:
  networks:
    - { name: lab, subnets: [ { subnet: 10.0.0.0/24, pools: [ 10.0.0.10-10.0.0.99 ] } ] }
    - { name: office, subnets: [ { subnet: 10.9.0.0/16 } ] }
  reservations: [ { mac: \"52:54:00:00:00:01\", host-name: front-desk } ]
";

use crate::house::{A, B, four, leases, record, stored};
use crate::run::{Said, bootjack};

#[test]
fn the_list_shows_each_lease_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["list"]);
    let lines: Vec<&str> = said.succeeds().lines().collect();
    assert!(
        lines[0].starts_with("ADDRESS    MAC                STATE     SINCE "),
        "{lines:?}"
    );
    let states: Vec<&str> = lines[1..]
        .iter()
        .map(|l| l.split_whitespace().nth(2).unwrap())
        .collect();
    assert_eq!(states, ["leased", "expired", "released", "declined"]);
    for word in ["10.0.0.10", A, "pc-1", "Lab A"] {
        assert!(lines[1].contains(word), "{lines:?}");
    }
}

#[test]
fn the_list_can_be_narrowed() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let addresses = |words: &[&str]| -> Vec<String> {
        let said = leases(folder.path(), &[&["list", "--json"], words].concat());
        let rows: Vec<Value> = serde_json::from_str(said.succeeds()).unwrap();
        rows.iter()
            .map(|row| row["address"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(addresses(&[]).len(), 4);
    let (first, second) = (["10.0.0.10", "10.0.0.11"], ["10.0.0.12", "10.0.0.13"]);
    assert_eq!(addresses(&["--only", "leased"]), ["10.0.0.10"]);
    assert_eq!(addresses(&["--only", "released,declined"]), second);
    let twice = ["--only", "leased", "--only", "expired"];
    assert_eq!(addresses(&twice), first);
    assert_eq!(addresses(&["--network", "10.0.0.12/31"]), second);
    assert_eq!(addresses(&["--mac", "52-54-00-00-00-01"]), first);
    assert_eq!(addresses(&["--mac", "52:54:*"]).len(), 4);
    assert_eq!(addresses(&["--mac", "52-54-00-00-00-02"]), second);
    assert_eq!(
        addresses(&["--host-name", "PC-*", "--only", "expired"]),
        ["10.0.0.11"]
    );
    assert_eq!(addresses(&["--host-name", "pc-2"]), [""; 0]);
    leases(folder.path(), &["list", "--only", "lost"]).fails(2, &["declined"]);
    leases(folder.path(), &["list", "--mac", "me"]).fails(2, &["no MAC address"]);
}

#[test]
fn networks_are_those_of_the_config_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = four();
    records[0].reserved = Some(format!("mac {A}"));
    stored(folder.path(), &records);
    let none = leases(folder.path(), &["list", "--network", "lab"]);
    none.fails(2, &["no network \"lab\": none is described"]);
    let config = folder.path().join("dhcp.yaml");
    fs::write(&config, NETWORKS).unwrap();
    let config = config.to_str().unwrap();
    let with = |words: &[&str]| {
        leases(
            folder.path(),
            &[&["list", "--config", config], words].concat(),
        )
    };
    for network in ["lab", "10.0.0.0/16", "10.0.0.10/32"] {
        let said = with(&["--network", network]);
        assert!(said.succeeds().contains("10.0.0.10 "), "{said:?}");
    }
    let said = with(&["--host-name", "front-desk"]);
    assert!(said.succeeds().contains("10.0.0.10 "), "{said:?}");
    // There are such networks, and nobody has a lease there.
    for network in ["office", "10.8.0.0/15", "10.9.3.0/24"] {
        assert_eq!(with(&["--network", network]).succeeds().lines().count(), 1);
    }
    with(&["--network", "lba"]).fails(2, &["no network \"lba\"", "did you mean \"lab\"?"]);
    for network in ["nowhere", "10.0.0.0/33", "192.168.0.0/16"] {
        with(&["--network", network]).fails(2, &[network, "known here: lab, office"]);
    }
    fs::write(config, "dhcp: { networks: [ { subnet: here } ] }").unwrap();
    let said = with(&[]);
    assert_eq!(
        (said.code, said.out.lines().count()),
        (Some(0), 5),
        "{said:?}"
    );
    assert!(
        said.err.contains("has mistakes, see `bootjack check`"),
        "{said:?}"
    );
}

#[test]
fn one_address_or_machine_is_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["show", "10.0.0.10"]);
    for line in [
        "address     10.0.0.10",
        "client id   0102",
        "state       leased",
        "client name pc-1",
    ] {
        assert!(
            said.succeeds().lines().any(|l| l == line),
            "{line}: {said:?}"
        );
    }
    let said = leases(folder.path(), &["show", "52-54-00-00-00-02"]);
    assert_eq!(said.succeeds().matches("address ").count(), 2, "{said:?}");
    let shown = |whom: &str| -> Vec<String> {
        let said = leases(folder.path(), &["show", "--json", whom]);
        let rows: Vec<Value> = serde_json::from_str(said.succeeds()).unwrap();
        rows.iter()
            .map(|row| row["address"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(shown(B), ["10.0.0.12", "10.0.0.13"]);
    let held = ["10.0.0.10", "10.0.0.11", "10.0.0.12"];
    for whom in ["0102", "01:02", "0x0102", "pc-1", "PC-1"] {
        assert_eq!(shown(whom), held, "{whom}");
    }
    assert_eq!(
        shown("01:52:54:00:00:00:01"),
        held[..2],
        "its MAC with its type"
    );
    for whom in ["10.0.0.99", "me", "ffff"] {
        leases(folder.path(), &["show", whom]).fails(1, &["there is no lease of", whom]);
    }
    leases(folder.path(), &["show", "52:zz"]).fails(2, &["no IPv4 address, MAC"]);
}

#[test]
fn nobody_holds_a_declined_address() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["list", "--json", "--only", "declined"]);
    let rows: Vec<Value> = serde_json::from_str(said.succeeds()).unwrap();
    for key in ["mac", "client_id", "host_name", "client_name", "profile"] {
        assert!(rows[0][key].is_null(), "{key}: {}", rows[0]);
    }
    assert_eq!(rows[0]["meant_for"], B);
    let said = leases(folder.path(), &["list", "--only", "declined"]);
    assert!(said.succeeds().contains("10.0.0.13  -  "), "{said:?}");
    assert!(!said.out.contains(B), "{said:?}");
}

#[test]
fn a_lease_is_released_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["release", "10.0.0.10", "10.0.0.13"]);
    let released = "10.0.0.10 is released\n10.0.0.13 is released\n";
    assert_eq!(said.succeeds(), released);
    let again = leases(folder.path(), &["release", "10.0.0.10", "10.0.0.11"]);
    again.fails(
        1,
        &[
            "10.0.0.10 is neither leased nor declined",
            "10.0.0.11 is neither",
        ],
    );
    let listed = leases(folder.path(), &["list", "--only", "released"]);
    assert_eq!(listed.succeeds().lines().count(), 3);
    let gone = leases(folder.path(), &["show", "10.0.0.13"]);
    gone.fails(1, &["no lease of 10.0.0.13"]);
}

#[test]
fn every_lease_of_a_machine_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = four();
    records.push(record(14, A, "leased", -1, 60));
    records[4].client_id = Some("ff03".to_owned());
    records.push(record(15, B, "leased", -1, 60));
    stored(folder.path(), &records);
    let said = leases(folder.path(), &["release", "ff:03"]);
    assert_eq!(said.succeeds(), "10.0.0.14 is released\n");
    let said = leases(folder.path(), &["release", A, "52-54-00-00-00-02"]);
    let released = "10.0.0.10 is released\n10.0.0.15 is released\n";
    assert_eq!(said.succeeds(), released);
    leases(folder.path(), &["release", A]).fails(1, &[&format!("{A} has no lease")]);
    let declined = leases(folder.path(), &["list", "--only", "declined"]);
    assert_eq!(
        declined.succeeds().lines().count(),
        2,
        "a quarantine is no lease"
    );
    leases(folder.path(), &["release", "pc-1"]).fails(2, &["pc-1", "neither an IPv4 address"]);
}

#[test]
fn exports_have_the_forms_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = four();
    records[1].profile = Some("=Lab, \"the old one\"".to_owned());
    records.push(record(14, B, "leased", -1, 60));
    records[4].until = u64::MAX;
    records[4].client_id = None;
    records[4].host_name = None;
    stored(folder.path(), &records);
    let export = |form: &str| leases(folder.path(), &["export", "--format", form]);
    let json = leases(folder.path(), &["export"]);
    let rows: Vec<Value> = json
        .succeeds()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((rows.len(), &rows[1]["state"]), (5, &"expired".into()));
    assert!(rows[4]["until"].is_null(), "for ever");
    let csv = export("csv");
    let lines: Vec<&str> = csv.succeeds().lines().collect();
    assert!(
        lines[0].starts_with("address,mac,state,since,until,host_name,"),
        "{lines:?}"
    );
    assert!(
        lines[2].contains(",pc-1,\"'=Lab, \"\"the old one\"\"\","),
        "{lines:?}"
    );
    let dnsmasq = export("dnsmasq");
    let lines: Vec<&str> = dnsmasq.succeeds().lines().collect();
    let (end, rest) = lines[0].split_once(' ').unwrap();
    assert_eq!(end.parse::<u64>().unwrap(), records[0].until, "{lines:?}");
    assert_eq!(rest, format!("{A} 10.0.0.10 pc-1 01:02"));
    assert_eq!(lines[1..], [format!("0 {B} 10.0.0.14 * *")]);
}

#[test]
fn what_is_not_there_or_not_ours_is_an_error_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        &["list"][..],
        &["show", A],
        &["release", "10.0.0.1"],
        &["export"],
    ] {
        let said = leases(folder.path(), words);
        let none = ["no bootjack gives leases", "no lease store"];
        said.fails(1, &[&none[..], &["serve --mode dhcp", "--state"]].concat());
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is made"
    );
    fs::write(folder.path().join(FILE), "garbage").unwrap();
    for words in [&["list"][..], &["release", "10.0.0.1"]] {
        leases(folder.path(), words).fails(1, &["is damaged", "the next start of the server"]);
    }
    assert_eq!(
        fs::read(folder.path().join(FILE)).unwrap(),
        b"garbage",
        "left alone"
    );
    fs::remove_file(folder.path().join(FILE)).unwrap();
    nix::unistd::mkfifo(&folder.path().join(FILE), nix::sys::stat::Mode::S_IRWXU).unwrap();
    leases(folder.path(), &["list"]).fails(1, &["is damaged"]);
    leases(folder.path(), &["release", "me"]).fails(2, &["me"]);
    let usage = "Usage: bootjack leases release [OPTIONS] <ADDRESS|MAC|CLIENT-ID>...\n";
    leases(folder.path(), &["release"]).fails(2, &["ADDRESS", usage]);
    let scratch = tempfile::tempdir().unwrap();
    let mut command = bootjack(scratch.path(), &["leases", "release"]);
    let said = Said::from(
        command
            .env("BOOTJACK_STATE", folder.path())
            .output()
            .unwrap(),
    );
    said.fails(2, &[usage]);
    let no_folder = folder.path().join(FILE);
    leases(&no_folder, &["list"]).fails(1, &["no bootjack gives leases from"]);
    let long = folder.path().join("x".repeat(120));
    leases(&long, &["list"]).fails(1, &["no bootjack gives leases from"]);
}

#[test]
fn times_are_the_same_at_every_look() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let first = leases(folder.path(), &["export"]);
    for _ in 0..20 {
        assert_eq!(
            leases(folder.path(), &["export"]).succeeds(),
            first.succeeds()
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Wherever it is damaged, the command says so, or what it reads all the same; it never breaks.
#[test]
fn a_damaged_store_never_breaks_the_command() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let file = folder.path().join(FILE);
    let good = fs::read(&file).unwrap();
    for at in (0..good.len().min(1 << 17)).step_by(8192) {
        let mut bad = good.clone();
        let end = (at + 8192).min(bad.len());
        for (n, byte) in bad[at..end].iter_mut().enumerate() {
            *byte = (n * 167 + at / 64) as u8;
        }
        fs::write(&file, &bad).unwrap();
        let said = leases(folder.path(), &["list"]);
        assert!(matches!(said.code, Some(0 | 1)), "at {at}: {said:?}");
        assert!(!said.err.contains("panicked"), "at {at}: {said:?}");
    }
}

#[test]
fn a_store_that_a_dead_server_left_open_is_read() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let dead = tempfile::tempdir().unwrap();
    let open = Store::open(folder.path()).unwrap();
    fs::copy(folder.path().join(FILE), dead.path().join(FILE)).unwrap();
    drop(open);
    fs::write(dead.path().join("control.sock"), "").unwrap();
    fs::remove_file(dead.path().join("control.sock")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(dead.path().join("control.sock")).unwrap());
    assert_eq!(leases(dead.path(), &["list"]).succeeds().lines().count(), 5);
}
