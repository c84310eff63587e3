//! A store that is not what was written: the server starts, says so, keeps the file and gives
//! leases.

use std::fs;
use std::path::PathBuf;

use redb::{Database, TableDefinition};
use serde_json::Value;

use crate::clients::Clients;
use crate::server::{exported, lan, setup, state};
use crate::support::left_out;

const LEASES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("leases");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Some leases are taken, the store becomes what `spoil` makes of it, the server is started again
/// and clients come. Returns what was said at that start about the store, the bytes of the spoilt
/// file, and those of the file kept, where one is.
fn after(spoil: impl FnOnce(&PathBuf)) -> (Vec<Value>, Vec<u8>, Option<Vec<u8>>) {
    let (_lan, server, relay) = lan();
    let mut clients = Clients::new(&relay, 50, 100, 1);
    let mut appliance = setup(&server, "10.77.2.255").start();
    clients.run(|heard| heard.acks >= 100);
    appliance.stop();
    drop(clients);
    let file = state(&server).join("leases.redb");
    spoil(&file);
    let spoilt = fs::read(&file).unwrap();
    let appliance = setup(&server, "10.77.2.255").start();
    let mut others = Clients::new(&relay, 20, 20, 2);
    others.run(|heard| heard.acks >= 60);
    others
        .told
        .is_kept_by(&exported(&state(&server)), "after the start");
    let said = appliance.events().into_iter();
    let about_it =
        said.filter(|event| event["text"].as_str().unwrap_or("").contains("leases.redb"));
    let kept = fs::read(state(&server).join("leases.redb.damaged-1")).ok();
    (about_it.collect(), spoilt, kept)
}

fn is_moved_aside(what: &str, spoil: impl FnOnce(&PathBuf)) {
    let (said, spoilt, kept) = after(spoil);
    assert_eq!(kept.as_deref(), Some(&spoilt[..]), "{what}: it is kept");
    let [event] = &said[..] else {
        panic!("{what}: said once: {said:?}");
    };
    assert_eq!(event["event"], "warning", "{what}: loudly");
    for word in ["is damaged", "damaged-1", "could be read"] {
        assert!(event["text"].as_str().unwrap().contains(word), "{event}");
    }
}

#[test]
fn a_truncated_store_is_moved_aside_and_the_server_starts() {
    if left_out("a_truncated_store_is_moved_aside_and_the_server_starts") {
        return;
    }
    is_moved_aside("truncated", |file| {
        let whole = fs::read(file).unwrap();
        fs::write(file, &whole[..20_000]).unwrap();
    });
}

#[test]
fn garbage_is_moved_aside_and_the_server_starts() {
    if left_out("garbage_is_moved_aside_and_the_server_starts") {
        return;
    }
    is_moved_aside("garbage", |file| fs::write(file, b"leases:\n").unwrap());
}

#[test]
fn a_store_of_an_older_version_is_taken_over() {
    if left_out("a_store_of_an_older_version_is_taken_over") {
        return;
    }
    let (said, _, kept) = after(|file| {
        let store = Database::open(file).unwrap();
        let change = store.begin_write().unwrap();
        let mut meta = change.open_table(META).unwrap();
        meta.insert("format", b"1".as_slice()).unwrap();
        let old = br#"{"address":"10.77.2.200","mac":"52:54:00:aa:00:01","state":"leased","since":5,"until":4102444800}"#;
        let mut leases = change.open_table(LEASES).unwrap();
        leases.insert(0x0a4d_02c8, old.as_slice()).unwrap();
        drop((meta, leases));
        change.commit().unwrap();
    });
    assert_eq!(kept, None, "nothing is wrong with it");
    let [event] = &said[..] else {
        panic!("said once: {said:?}");
    };
    let text = event["text"].as_str().unwrap();
    assert!(text.contains("was of format 1"), "{event}");
}
