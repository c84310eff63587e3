//! `make bench ARGS=micro`: what the steps of the pure rooms take, one by one, with their spread.
//!
//! No socket, no file, no clock but criterion's: what is measured here is bootjack's own code, so a
//! change of a few percent shows, which no measurement on a LAN would tell. Nothing here passes or
//! fails; criterion compares with the run before (`target/criterion/`).
//!
//! ```text
//! cargo bench --bench rooms -- [decode|decide|render|select|transfer]
//! ```
//!
//! * [`decode`]: bytes → message or request, of real firmware and a hostile one
//! * [`decide`]: message → answer, encoded
//! * [`render`]: menu → each dialect
//! * [`select`]: machine → profile
//! * [`transfer`]: whole files through the TFTP sender

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be run says so and ends"
)]

#[allow(dead_code, reason = "the benchmarks need a part of them")]
#[path = "../support/clients.rs"]
mod clients;
#[path = "rooms/decide.rs"]
mod decide;
#[path = "rooms/decode.rs"]
mod decode;
#[allow(dead_code, reason = "the benchmarks need a part of it")]
#[path = "../support/packet.rs"]
mod packet;
#[path = "rooms/render.rs"]
mod render;
#[allow(dead_code, reason = "files to serve are for other benchmarks")]
#[path = "sample.rs"]
mod sample;
#[path = "rooms/select.rs"]
mod select;
#[path = "rooms/transfer.rs"]
mod transfer;

use std::time::Duration;

use bootjack::profile::{Profiles, Snapshot, Source, compile};
use criterion::{Criterion, criterion_group, criterion_main};

criterion_group! {
    name = rooms;
    config = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = decode::all, decide::all, render::all, select::all, transfer::all
}
criterion_main!(rooms);

/// These profiles, compiled.
fn profiles(texts: impl IntoIterator<Item = String>) -> Profiles {
    let source = |(n, text)| Source {
        file: format!("{n:06}.yaml").into(),
        text,
    };
    let sources: Vec<Source> = (0..).zip(texts).map(source).collect();
    let (set, findings) = compile(&sources);
    set.unwrap_or_else(|| panic!("the sample profiles are wrong: {findings:?}"))
}

/// These profiles in force.
fn in_force(texts: impl IntoIterator<Item = String>) -> Snapshot {
    Snapshot {
        profiles: profiles(texts),
        http_port: 8067,
        ..Snapshot::default()
    }
}

/// Each of `0..many` once, in no order: what one machine leaves in the processor's caches is of no use
/// for the next. `many` and the step have no common divisor.
fn in_no_order(many: u32) -> impl Iterator<Item = u32> {
    const STEP: u64 = 2_654_435_761;
    (0..u64::from(many)).map(move |n| ((n * STEP) % u64::from(many)) as u32)
}
