//! The conformance suite: what a client sends, what state the server is in, and the exact answer or
//! the reason for silence, one YAML file each in `tests/cases/`. No socket is opened.
//!
//! * [`proxy`]: one DHCP message beside another's leases, and its reply
//! * [`leases`]: a conversation with mode `dhcp`
//! * [`tftp`]: a request and what follows, packet by packet
//! * [`http`]: a request's head, and the head of its answer
//! * [`played`]: a machine's whole boot, as its firmware goes through it
//! * [`coverage`]: that every quirk, every row of the facts' tables, every strategy and every row of
//!   the quirk table has its case, or names the test that shows it
//!
//! The first line of a file is a comment: what a user would see. `covers:` says what it is a case of.
//! What must hold for every answer whatever the case is checked in code, for all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/asked.rs"]
mod asked;
mod coverage;
mod files;
mod http;
mod leases;
mod played;
mod proxy;
mod rules;
mod server;
mod tftp;
mod tree;

use std::time::Instant;

use files::File;

/// A folder of cases, how one is played, and how many there are at least.
type Kind = (&'static str, fn(&str), usize);

const KINDS: [Kind; 5] = [
    ("proxy", proxy::play, 150),
    ("leases", leases::play, 70),
    ("tftp", tftp::play, 28),
    ("http", http::play, 12),
    ("played", played::play, 25),
];

#[test]
fn every_case_goes_as_written() {
    let began = Instant::now();
    let mut wrong = Vec::new();
    let mut played = 0;
    for (folder, play, least) in KINDS {
        let files = files::of(folder);
        assert!(files.len() >= least, "{folder}: cases are missing");
        played += files.len();
        wrong.extend(files.into_iter().filter(|file| !goes_well(file, play)));
    }
    println!("{played} cases in {:?}", began.elapsed());
    let wrong: Vec<String> = wrong.into_iter().map(|file| file.name).collect();
    assert!(wrong.is_empty(), "not as written: {wrong:#?}");
}

/// Plays one; what is wrong with it is told, and the others are played all the same.
fn goes_well(file: &File, play: fn(&str)) -> bool {
    println!("{}", file.name);
    std::panic::catch_unwind(|| play(&file.text)).is_ok()
}
