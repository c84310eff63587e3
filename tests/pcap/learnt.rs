//! What was learnt of machines before counts in the answers to those of a capture.

use std::fs;
use std::path::Path;

use redb::{Database, TableDefinition};

use crate::file::{captured, pcap};
use crate::{MAC, Said, by, folder};

/// A store that knows one machine, as a server leaves it behind.
fn store(state: &Path, row: &serde_json::Value) {
    const MACHINES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("machines");
    const META: TableDefinition<'static, &str, u32> = TableDefinition::new("meta");
    let file = Database::create(state.join("machines.redb")).unwrap();
    let change = file.begin_write().unwrap();
    let key = format!("{MAC} efi-x64");
    let text = serde_json::to_vec(row).unwrap();
    change
        .open_table(MACHINES)
        .unwrap()
        .insert(key.as_str(), text.as_slice())
        .unwrap();
    change
        .open_table(META)
        .unwrap()
        .insert("format", 1)
        .unwrap();
    change.commit().unwrap();
}

/// What is told of a UEFI machine's DISCOVER, by the store that `made` leaves in the state folder.
fn told(made: impl FnOnce(&Path), more: &[&str]) -> Said {
    let home = folder();
    let state = home.path().join("state");
    fs::create_dir(&state).unwrap();
    made(&state);
    let capture = home.path().join("capture");
    fs::write(&capture, pcap(&[captured(1, "edk2-pxe-discover")])).unwrap();
    by(&home, &capture.display().to_string(), more)
}

#[test]
fn what_was_learnt_of_a_machine_counts_in_its_answers() {
    let row = serde_json::json!({
        "mac": MAC, "platform": "efi-x64", "follows": "bypass-prompt", "seen": [], "at": "2026-11-22T16:00:00Z",
    });
    let said = told(|state| store(state, &row), &[]);
    let out = said.succeeds();
    for words in [
        "\n  learnt: follows bypass-prompt (since 2026-11-22T16:00:00Z)\n",
        "\n    strategy: bypass-prompt: ",
        "\n    chosen by: learnt from this machine's earlier tries\n",
    ] {
        assert!(out.contains(words), "{words:?} is not in {out}");
    }
    let said = told(|state| store(state, &row), &["--json"]);
    let line = said.succeeds().lines().next().unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["learnt"], row);

    let said = told(|_| (), &[]);
    let out = said.succeeds();
    assert!(out.contains("\n    strategy: offer-4011: "), "{out}");
    assert!(!out.contains("learnt"), "{out}");
}

#[test]
fn a_store_that_cannot_be_read_is_told_and_counts_as_nothing() {
    let damaged = |state: &Path| fs::write(state.join("machines.redb"), "no store").unwrap();
    let said = told(damaged, &[]);
    let out = said.succeeds();
    let told_of = "\nWhat was learnt of machines cannot be told, and counts as nothing: ";
    assert!(out.contains(told_of), "{out}");
    assert!(out.contains("\n    strategy: offer-4011: "), "{out}");
    let said = told(damaged, &["--json"]);
    let last = said.succeeds().lines().last().unwrap().to_owned();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    let why = last["not_learnt"].as_str().unwrap();
    assert!(why.contains("damaged"), "{why}");
}

#[test]
fn a_lease_that_is_handed_on_is_told_as_explain_tells_it() {
    let row = serde_json::json!({
        "mac": MAC, "platform": "efi-x64", "follows": "augment", "seen": [], "at": "2026-11-22T16:00:00Z",
    });
    let said = told(|state| store(state, &row), &[]);
    let words = "\n    lease: the LAN's own DHCP server's, asked for as by a relay; the reply is that lease with what is \
                 printed here; where none comes in 3.3s (24s while that server is busy), offer-4011 without one\n";
    assert!(said.succeeds().contains(words), "{said:?}");
    assert!(said.out.contains("\n    strategy: augment: "), "{said:?}");

    let said = told(
        |state| {
            store(state, &row);
            let deaf = r#"{"no-relays": ["10.77.0.1"]}"#;
            fs::write(state.join("dhcp-servers.json"), deaf).unwrap();
        },
        &[],
    );
    let words = "\n    lease: none is waited for, since 10.77.0.1 is known to answer no relays";
    assert!(said.succeeds().contains(words), "{said:?}");
    assert!(
        said.out.contains("\n    strategy: offer-4011: "),
        "{said:?}"
    );
}
