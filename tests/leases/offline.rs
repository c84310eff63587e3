//! `bootjack leases` where no server is running: the store itself is read.

use std::fs;

use bootjack::service::lease::store::{FILE, Store};
use serde_json::Value;

use crate::house::{A, B, four, leases, record, stored};

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
    assert_eq!(addresses(&["--only", "leased"]), ["10.0.0.10"]);
    assert_eq!(
        addresses(&["--network", "10.0.0.12/31"]),
        ["10.0.0.12", "10.0.0.13"]
    );
    assert_eq!(addresses(&["--network", "10.9.0.0/16"]), [""; 0]);
    let named = leases(folder.path(), &["list", "--network", "lab"]);
    named.fails(1, &["no server is running", "10.1.0.0/16"]);
    leases(folder.path(), &["list", "--only", "lost"]).fails(2, &["declined"]);
}

#[test]
fn one_address_or_machine_is_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["show", "10.0.0.10"]);
    for line in [
        "address    10.0.0.10",
        "client id  0102",
        "state      leased",
    ] {
        assert!(
            said.succeeds().lines().any(|l| l == line),
            "{line}: {said:?}"
        );
    }
    let said = leases(folder.path(), &["show", "52-54-00-00-00-02"]);
    assert_eq!(said.succeeds().matches("address ").count(), 2, "{said:?}");
    let rows: Vec<Value> =
        serde_json::from_str(leases(folder.path(), &["show", "--json", B]).succeeds()).unwrap();
    assert_eq!((rows.len(), &rows[0]["mac"]), (2, &B.into()));
    leases(folder.path(), &["show", "10.0.0.99"]).fails(1, &["there is no lease of 10.0.0.99"]);
    leases(folder.path(), &["show", "me"]).fails(2, &["neither an IPv4 address nor a MAC"]);
}

#[test]
fn a_lease_is_released_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["release", "10.0.0.10", "10.0.0.13"]);
    assert_eq!(
        said.succeeds(),
        "10.0.0.10 is released\n10.0.0.13 is released\n"
    );
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
fn exports_have_the_forms_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = four();
    records[1].host_name = Some("pc, \"the old one\"".to_owned());
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
        lines[2].contains(",\"pc, \"\"the old one\"\"\",Lab A,"),
        "{lines:?}"
    );
    let dnsmasq = export("dnsmasq");
    let lines: Vec<&str> = dnsmasq.succeeds().lines().collect();
    // The clock's whole seconds may differ by one between here and there.
    let (end, rest) = lines[0].split_once(' ').unwrap();
    assert!(
        end.parse::<u64>().unwrap().abs_diff(records[0].until) <= 2,
        "{lines:?}"
    );
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
        said.fails(1, &["no lease store in", "serve --mode dhcp", "--state"]);
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
    leases(folder.path(), &["release"]).fails(2, &["ADDRESS"]);
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
