//! Many records in one sync, in order, and no more than there is room for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

use bootjack::lease::Record;
use bootjack::service::lease::commit::{Committer, Pending, QUEUE, Syncing};
use bootjack::service::lease::store::{FILE, Store};

use crate::store::{clock, committer, found, record, write};
use crate::support::poll;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_storm_shares_the_syncs_and_everybody_is_told_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (committer, _said) = committer(folder.path());
    let (told, answers) = channel();
    for n in 0..5000 {
        let told = told.clone();
        let done = move |outcome: Result<(), _>| {
            outcome.unwrap();
            told.send(n).unwrap();
        };
        let done = Some(Box::new(done) as _);
        let records = vec![record(n, 1)];
        committer.submit(Pending { records, done }).unwrap();
    }
    for n in 0..5000 {
        assert_eq!(answers.recv_timeout(SOON), Ok(n));
    }
    let commits = committer.written().commits.load(Ordering::Relaxed);
    assert_eq!(committer.written().records.load(Ordering::Relaxed), 5000);
    assert!(commits <= 1000, "{commits} commits for 5000 records");
    drop(committer);
    assert_eq!(found(folder.path()).0.len(), 5000);
}

#[test]
fn who_finds_the_queue_full_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (committer, _said) = committer(folder.path());
    let (go, gate) = channel::<()>();
    let waits = Box::new(move |_| assert!(gate.recv().is_err(), "nothing is sent"));
    let first = Pending {
        records: vec![record(0, 1)],
        done: Some(waits),
    };
    committer.submit(first).unwrap();
    let one = |n| Pending {
        records: vec![record(n, 1)],
        done: None,
    };
    let most = QUEUE as u32 + 5000;
    let refused = (1..most).find(|n| committer.submit(one(*n)).is_err());
    let refused = refused.expect("the queue has an end");
    drop(go);
    drop(committer);
    assert_eq!(
        found(folder.path()).0.len(),
        refused as usize,
        "none but it is lost"
    );
}

#[test]
fn an_answer_may_be_the_last_who_holds_the_committer() {
    let folder = tempfile::tempdir().unwrap();
    let committer = Arc::new(committer(folder.path()).0);
    let (told, answer) = channel();
    let (let_go, gone) = channel::<()>();
    let last = committer.clone();
    let done = Some(Box::new(move |_| {
        assert!(gone.recv().is_err(), "the other one has let go");
        drop(last);
        told.send(()).unwrap();
    }) as _);
    let records = vec![record(0, 1)];
    committer.submit(Pending { records, done }).unwrap();
    drop(committer);
    drop(let_go);
    assert_eq!(
        answer.recv_timeout(SOON),
        Ok(()),
        "it does not wait for itself"
    );
    let closed = || Store::open(folder.path()).is_ok();
    poll::expect("the store is closed", SOON, closed);
}

/// The file as it is: what a crash of the process would leave.
fn after_a_crash(folder: &Path) -> (Vec<Record>, Vec<String>) {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join(FILE), copy.path().join(FILE)).unwrap();
    found(copy.path())
}

#[test]
fn lazy_syncing_is_a_second_behind_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let say = Box::new(|what| panic!("{what:?}"));
    let committer = Committer::start(store, clock(), Syncing::Lazy, say).unwrap();
    for n in 0..100 {
        write(&committer, record(n, 1)).unwrap();
    }
    let all = || after_a_crash(folder.path()).0.len() == 100;
    poll::expect("synced, though nobody asks for more", SOON, all);
    write(&committer, record(100, 1)).unwrap();
    drop(committer);
    assert_eq!(found(folder.path()).0.len(), 101, "the end syncs");
}

#[test]
fn one_answer_that_breaks_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (committer, said) = committer(folder.path());
    let breaks = Pending {
        records: vec![record(0, 1)],
        done: Some(Box::new(|_| panic!("an answer that breaks, on purpose"))),
    };
    committer.submit(breaks).unwrap();
    write(&committer, record(1, 1)).unwrap();
    let event = said.recv_timeout(SOON).unwrap();
    assert_eq!(event.name(), "fault");
}
