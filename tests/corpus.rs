//! The inputs that fuzzing found interesting, replayed: quick, and without a fuzzer.
//!
//! `tests/fuzz/corpus/TARGET/` is written by cargo-fuzz (`make fuzz`) and thinned out before it is
//! committed; each file is one input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "fuzz/targets.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
    {
        run(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 20, "the corpus of {target} is missing");
    println!("{target}: {count} inputs");
}

#[test]
fn dhcp() {
    replay("dhcp", targets::dhcp);
}

#[test]
fn tftp() {
    replay("tftp", targets::tftp);
}

#[test]
fn profile() {
    replay("profile", targets::profile);
}

#[test]
fn network() {
    replay("network", targets::network);
}

#[test]
fn path() {
    replay("path", targets::path);
}

#[test]
fn signed() {
    replay("signed", targets::signed);
}
