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
//! What must hold for every answer whatever the case is checked in code, for all of them ([`rules`]).
//! Whichever machine, mode and shape there may be: `tests/any_machine.rs`, of the same parts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

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
#[path = "../support/virtual_time.rs"]
mod virtual_time;

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

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

/// All cases are played in this, also by a build that is not optimised.
const LONGEST: Duration = Duration::from_secs(2);

#[test]
fn every_case_goes_as_written() {
    let before = work();
    let mut wrong = Vec::new();
    let mut played = 0;
    for (folder, play, least) in KINDS {
        let files = files::of(folder);
        assert!(files.len() >= least, "{folder}: cases are missing");
        played += files.len();
        wrong.extend(files.into_iter().filter(|file| !goes_well(file, play)));
    }
    let took = work().saturating_sub(before);
    println!("{played} cases in {took:?} of the processor's time");
    let wrong: Vec<String> = wrong.into_iter().map(|file| file.name).collect();
    assert!(wrong.is_empty(), "not as written: {wrong:#?}");
    assert!(took < LONGEST, "the cases took {took:?} to play");
}

/// The processor's time of this thread: what others do beside it does not count.
fn work() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let both = (used.user_time() + used.system_time()).num_microseconds();
    Duration::from_micros(both.try_into().unwrap())
}

/// Plays one; what is wrong with it is told, and the others are played all the same.
fn goes_well(file: &File, play: fn(&str)) -> bool {
    println!("{}", file.name);
    std::panic::catch_unwind(|| play(&file.text)).is_ok()
}
