//! What comes back after a restart, and what ends by itself.

use bootjack::lease::{Kind, State, Verdict};
use bootjack::service::lease::clock::{Anchor, Readings};
use bootjack::service::lease::store::{FILE, Store};

use crate::house::{A, B, acquire, acquire_for, ask, opened, record, server, stored};
use crate::support::poll;

const SOON: std::time::Duration = std::time::Duration::from_secs(60);

#[test]
fn a_lease_is_there_after_a_restart_and_its_client_gets_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let given = {
        let (leases, heard, notices) = opened(folder.path());
        assert_eq!(notices, [""; 0]);
        let given = acquire(&leases, A);
        let events = heard.lock().unwrap();
        let names: Vec<_> = events
            .iter()
            .map(|(mac, what)| (mac.unwrap().to_string(), what.name()))
            .collect();
        assert_eq!(names, [(A.to_owned(), "lease"), (A.to_owned(), "lease")]);
        given
    };
    let (leases, _, notices) = opened(folder.path());
    assert_eq!(notices, [""; 0]);
    assert_eq!(
        leases.book().get(given.address).unwrap().state,
        State::Leased
    );
    let again = ask(&leases, A, Kind::Discover, None);
    let Verdict::Offer { binding, .. } = again else {
        panic!("{again:?}");
    };
    assert_eq!(binding.address, given.address);
    let other = ask(&leases, B, Kind::Discover, Some(given.address));
    assert!(!matches!(other, Verdict::Offer { binding, .. } if binding.address == given.address));
}

#[test]
fn a_release_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let given = {
        let (leases, _, _) = opened(folder.path());
        let given = acquire(&leases, A);
        ask(&leases, A, Kind::Release, Some(given.address));
        given
    };
    let (leases, _, _) = opened(folder.path());
    assert_eq!(
        leases.book().get(given.address).unwrap().state,
        State::Released
    );
}

#[test]
fn a_lease_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let given = acquire_for(&server.leases, A, 2);
    let state = || {
        server
            .leases
            .book()
            .get(given.address)
            .map(|lease| lease.state)
    };
    poll::expect("it has expired", SOON, || state() == Some(State::Expired));
}

#[test]
fn a_record_that_makes_no_sense_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = record(20, A, "leased", -1, 60);
    wrong.mac = "nobody".to_owned();
    stored(folder.path(), &[record(10, A, "leased", -1, 60), wrong]);
    let (leases, _, notices) = opened(folder.path());
    assert!(
        notices[0].starts_with("1 lease in") && notices[0].contains("left out"),
        "{notices:?}"
    );
    assert_eq!(leases.addresses().len(), 1);
}

#[test]
fn lease_time_goes_on_from_the_disk_where_the_wall_clock_is_behind_after_a_reboot() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = Anchor {
        boot: "another boot".to_owned(),
        uptime: 5,
        time: Readings::now().wall + 86_400,
    };
    let mut lease = record(10, A, "leased", 0, 0);
    (lease.since, lease.until) = (ahead.time - 10, ahead.time + 3600);
    let mut store = Store::open(folder.path()).unwrap().store;
    store.write(&[lease], &ahead).unwrap();
    drop(store);
    let (leases, _, _) = opened(folder.path());
    assert!(leases.now() >= ahead.time, "it does not run back");
    let row = leases.rows(&leases.addresses()).remove(0);
    assert_eq!(row.state, State::Leased);
    // People are shown an hour from now, by the clock they have.
    let until: jiff::Timestamp = row.until.unwrap().parse().unwrap();
    let left = until.as_second().cast_unsigned() - Readings::now().wall;
    assert!((3000..=3601).contains(&left), "{left}");
}

/// Told in one sum, and only of what was not told when it ended.
#[test]
fn what_ended_while_nobody_was_there_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let now = Readings::now().wall;
    let last = Anchor {
        boot: "another boot".to_owned(),
        uptime: 5,
        time: now - 1000,
    };
    let long_ago = record(10, A, "leased", -9000, -2000);
    let meanwhile = [
        record(11, A, "leased", -9000, -500),
        record(12, B, "leased", -9000, -1),
        record(13, B, "declined", -9000, -500),
        record(14, B, "released", -500, -500),
        record(15, B, "leased", -9000, 3600),
    ];
    let mut store = Store::open(folder.path()).unwrap().store;
    store.write(&[long_ago], &last).unwrap();
    store.write(&meanwhile, &last).unwrap();
    drop(store);
    let (leases, _, notices) = opened(folder.path());
    let sum = "2 leases ran out and 1 quarantine ended while bootjack was down";
    assert_eq!(notices, [sum]);
    // From the next commit on it is told.
    acquire(&leases, A);
    drop(leases);
    assert_eq!(opened(folder.path()).2, [""; 0]);
}

#[test]
fn what_ran_out_before_a_kill_was_told_then() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let given = acquire_for(&server.leases, A, 2);
    let lease = || server.leases.book().get(given.address).cloned().unwrap();
    poll::expect("told", SOON, || lease().state == State::Expired);
    let over = lease().until;
    let dead = tempfile::tempdir().unwrap();
    let noted = || {
        // As a kill leaves it.
        std::fs::copy(folder.path().join(FILE), dead.path().join(FILE)).unwrap();
        let anchor = Store::look(dead.path()).ok().and_then(|c| c.anchor);
        anchor.is_some_and(|anchor| anchor.time >= over)
    };
    poll::expect("the time is written", SOON, noted);
    assert_eq!(opened(dead.path()).2, [""; 0]);
}
