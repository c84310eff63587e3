//! Records, and a store to put them in.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use bootjack::event::What;
use bootjack::lease::Record;
use bootjack::service::lease::clock::{Anchor, Clock, Readings};
use bootjack::service::lease::commit::{Committer, Pending, Syncing};
use bootjack::service::lease::store::Store;
use serde_json::json;

/// The `n`th address, leased until a time that tells the versions of its record apart.
pub fn record(n: u32, until: u64) -> Record {
    let json = json!({
        "address": Ipv4Addr::from(0x0a00_0000 + n),
        "mac": "52:54:00:12:34:56",
        "state": "leased",
        "since": 1_800_000_000,
        "until": until,
        "host_name": format!("host-{n}"),
    });
    serde_json::from_value(json).unwrap()
}

pub fn clock() -> Clock {
    Clock::start(None, Readings::now())
}

pub fn anchor() -> Anchor {
    clock().anchor()
}

/// A closed store with the addresses 0 to `count`, written in several commits.
pub fn filled(folder: &Path, count: u32) -> Vec<Record> {
    let mut opened = Store::open(folder).unwrap();
    let records: Vec<Record> = (0..count).map(|n| record(n, u64::from(n))).collect();
    for part in records.chunks(50) {
        opened.store.write(part, &anchor()).unwrap();
    }
    records
}

/// What a store holds, and what was said of it.
pub fn found(folder: &Path) -> (Vec<Record>, Vec<String>) {
    let opened = Store::open(folder).unwrap();
    (opened.contents.records, opened.notices)
}

/// A committer on the store of a folder, and the events it causes.
pub fn committer(folder: &Path) -> (Committer, Receiver<What>) {
    let (say, said) = channel();
    let say = Box::new(move |what| drop(say.send(what)));
    let store = Store::open(folder).unwrap().store;
    let committer = Committer::start(store, clock(), Syncing::Each, say).unwrap();
    (committer, said)
}

/// Writes one record and waits for the word on it.
pub fn write(committer: &Committer, record: Record) -> Result<(), String> {
    let (told, answer) = channel();
    let done = move |outcome: Result<(), _>| drop(told.send(outcome));
    let pending = Pending {
        records: vec![record],
        done: Some(Box::new(done)),
    };
    committer.submit(pending).unwrap();
    let outcome = answer.recv().expect("everybody is told");
    outcome.map_err(|why| why.to_string())
}
