//! Many records in one sync, in order, and no more than there is room for.

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

use bootjack::service::lease::commit::{Pending, QUEUE};

use crate::store::{committer, found, record};

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
fn one_answer_that_breaks_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (committer, said) = committer(folder.path());
    let breaks = Pending {
        records: vec![record(0, 1)],
        done: Some(Box::new(|_| panic!("an answer that breaks, on purpose"))),
    };
    committer.submit(breaks).unwrap();
    crate::store::write(&committer, record(1, 1)).unwrap();
    let event = said.recv_timeout(SOON).unwrap();
    assert_eq!(event.name(), "fault");
}
