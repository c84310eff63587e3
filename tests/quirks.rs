//! The quirk table: that every quirk on record stands in it, and what operators' rows do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "quirks/acting.rs"]
mod acting;
#[path = "quirks/documented.rs"]
mod documented;
#[path = "quirks/unheard.rs"]
mod unheard;
#[path = "quirks/wrong.rs"]
mod wrong;

use std::net::Ipv4Addr;
use std::path::Path;

use bootjack::client::quirk::{Behaviour, Table, compile};
use bootjack::client::{Client, Past};
use bootjack::wire::{Arch, Mac};

fn bios(mac: &str) -> Client {
    let mac: Mac = mac.parse().unwrap();
    Client::unknown(mac, Ipv4Addr::new(10, 0, 0, 2))
}

fn names(table: &Table, client: &Client) -> Vec<String> {
    let treatment = table.treat(client);
    treatment
        .rows()
        .iter()
        .map(|row| row.name.to_string())
        .collect()
}

#[test]
fn every_quirk_on_record_stands_in_the_table() {
    let table = Table::default();
    for number in 1..=48 {
        let row = table.rows().find(|row| row.numbers.contains(&number));
        assert!(row.is_some(), "quirk {number} is missing");
    }
    assert!(
        table
            .rows()
            .flat_map(|row| &row.numbers)
            .all(|n| (1..=48).contains(n))
    );
}

/// A row does something, or names the place where it is done for everyone.
#[test]
fn every_row_has_its_evidence_and_its_remedy() {
    let table = Table::default();
    for row in table.rows() {
        assert!(!row.record.is_empty(), "{}: no record", row.name);
        assert_eq!(
            row.changes.are_some(),
            row.built_in.is_none(),
            "{}",
            row.name
        );
        let Some(built_in) = &row.built_in else {
            continue;
        };
        for word in built_in
            .split([':', ',', ';', ' '])
            .filter(|w| w.starts_with("src/"))
        {
            let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(word);
            assert!(place.is_file(), "{}: there is no file {word}", row.name);
        }
    }
}

#[test]
fn rows_are_told_by_all_their_parts() {
    let table = Table::default();
    assert_eq!(names(&table, &bios("52:54:00:00:00:01")), ["bios"]);
    assert_eq!(
        names(&table, &bios("b8:27:eb:00:00:01")),
        ["raspberry-pi-3", "bios"]
    );
    let uefi = Client {
        archs: vec![Arch::EFI_X64],
        ..bios("b8:27:ec:00:00:01")
    };
    assert_eq!(names(&table, &uefi), ["uefi", "bios"]);
    let old = Client {
        undi: Some((2, 0)),
        ..bios("52:54:00:00:00:01")
    };
    assert_eq!(names(&table, &old), ["old-undi", "bios"]);
    let seen = Client {
        past: Past {
            seen: vec![Behaviour::Asks4011AllTheSame],
            ..Past::default()
        },
        ..bios("52:54:00:00:00:01")
    };
    assert_eq!(names(&table, &seen), ["asks-4011-all-the-same", "bios"]);
}

#[test]
fn an_operators_rows_go_first_and_the_first_that_says_something_decides() {
    let (rows, findings) = compile(
        "bootjack.yaml",
        r#"
quirks:
  - name: mine
    tells: { mac: "52:54:00", uuid: "77e21a5c-*" }
    changes: { delay: 500ms }
    record: ticket 4711
  - name: all-of-that-make
    tells: { mac: "52:54:00:*" }
    changes: { delay: 1s, block-size: 512 }
"#,
    );
    assert_eq!(findings, []);
    let table = Table::with(rows.unwrap());
    let client = Client {
        uuid: Some("77e21a5c-0b1e-4c0f-9d3a-525400770001".parse().unwrap()),
        ..bios("52:54:00:00:00:01")
    };
    assert_eq!(names(&table, &client), ["mine", "all-of-that-make", "bios"]);
    let treatment = table.treat(&client);
    let (delay, row) = treatment.first(|changes| changes.delay).unwrap();
    assert_eq!((delay.as_millis(), &*row.name), (500, "mine"));
    assert_eq!(treatment.set(|changes| changes.block_size), Some(512));
    assert!(
        treatment
            .set(|changes| changes.strategies.clone())
            .is_some()
    );
    assert_eq!(
        names(&table, &bios("52:54:00:00:00:02")),
        ["all-of-that-make", "bios"]
    );
}
