//! Whether everything on record has its case: the 48 quirks, each row of the facts' tables
//! (`facts.yaml`), each strategy and each row of the quirk table.
//!
//! `covers:` of a case names them: `quirk 17`, `A.to-relay`, `strategy lease-http`, `row u-boot`;
//! what a lease is about beside these by its section, `RFC 2131 4.3.2`. What a case cannot show
//! without sockets stands in `facts.yaml` below `elsewhere`, with the test that does.

use std::collections::{BTreeMap, BTreeSet};

use bootjack::client::Shape;
use bootjack::client::quirk::Table;
use bootjack::decide::strategy;
use serde::Deserialize;

use crate::{KINDS, files};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    tables: BTreeMap<String, BTreeMap<String, String>>,
    elsewhere: Vec<Elsewhere>,
    later: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    covers: Vec<String>,
    test: String,
}

impl Facts {
    fn read() -> Self {
        serde_saphyr::from_str(include_str!("facts.yaml")).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Everything that wants a case.
    fn wanted(&self) -> BTreeSet<String> {
        let quirks = (1..=48).map(|n| format!("quirk {n}"));
        let facts = self.tables.iter();
        let facts =
            facts.flat_map(|(table, rows)| rows.keys().map(move |r| format!("{table}.{r}")));
        let shapes = Shape::ALL.map(|shape| format!("strategy {}", strategy::of(shape).name));
        let further = [&strategy::BOOT_ITEM, &strategy::LEASE_MENU];
        let leases = strategy::LEASES.iter().chain(further);
        let leases = leases.map(|s| format!("strategy {}", s.name));
        let table = Table::default();
        let rows = table.rows().map(|row| format!("row {}", row.name));
        let rows: Vec<String> = rows.collect();
        quirks
            .chain(facts)
            .chain(shapes)
            .chain(leases)
            .chain(rows)
            .collect()
    }
}

/// What the cases say that they cover.
fn covered() -> BTreeSet<String> {
    let files = KINDS.iter().flat_map(|(folder, ..)| files::of(folder));
    files.flat_map(|file| file.covers()).collect()
}

#[test]
fn everything_on_record_has_its_case() {
    let facts = Facts::read();
    let elsewhere = facts.elsewhere.iter().flat_map(|e| e.covers.clone());
    let shown: BTreeSet<String> = covered().into_iter().chain(elsewhere).collect();
    let wanted = facts.wanted();
    let missing: Vec<_> = wanted
        .difference(&shown)
        .filter(|w| !facts.later.contains(*w))
        .collect();
    assert!(missing.is_empty(), "no case covers {missing:#?}");
    let unknown: Vec<_> = shown
        .difference(&wanted)
        .filter(|w| !w.starts_with("RFC "))
        .collect();
    assert!(unknown.is_empty(), "nothing on record is {unknown:#?}");
    let come: Vec<_> = facts.later.intersection(&shown).collect();
    assert!(come.is_empty(), "no longer \"later\": {come:#?}");
}

#[test]
fn each_case_says_what_a_user_would_see_and_what_it_covers() {
    for file in KINDS.iter().flat_map(|(folder, ..)| files::of(folder)) {
        assert!(
            file.text.starts_with("# "),
            "{}: no first sentence",
            file.name
        );
        assert!(!file.covers().is_empty(), "{}: covers nothing", file.name);
    }
    let outside = std::fs::read_dir(files::place("tests/cases")).unwrap();
    let outside = outside.map(|e| e.unwrap().path());
    let outside: Vec<_> = outside
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    assert!(outside.is_empty(), "in no folder of cases: {outside:#?}");
}

#[test]
fn the_tests_named_elsewhere_exist() {
    for Elsewhere { test, .. } in Facts::read().elsewhere {
        let (file, name) = test.split_once(' ').unwrap();
        let text = std::fs::read_to_string(files::place(file)).expect(file);
        let heading = text.split(&format!("fn {name}()")).next().unwrap();
        let is_test = heading.trim_end().ends_with("#[test]");
        assert!(
            is_test && heading != text,
            "there is no test {name} in {file}"
        );
    }
}
