//! Leases on their way to disk, and back from it.

use bootjack::lease::{Binding, Book, Kind, Limits, Record, Silence, State, Verdict};

use super::world::*;

const OURS: Kind = Kind::Selecting { ours: true };

fn requested(world: &mut World, client: &Client, kind: Kind) -> (Binding, Record) {
    let outcome = world.ask(client, kind, Some(ip("10.0.0.10")));
    let Verdict::Ack(binding) = outcome.verdict else {
        panic!("{outcome:?}")
    };
    (binding, outcome.records[0].clone())
}

/// A pool of one whose address is offered to client 1.
fn offered() -> World {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    world.offer(&client(1)).unwrap();
    world
}

#[test]
fn a_lease_that_cannot_be_stored_is_none() {
    let mut world = offered();
    let (ack, _) = requested(&mut world, &client(1), OURS);
    let changes = world.book.unstored(world.now, ack.address, ack.serial);
    assert_eq!((changes.len(), changes[0].was), (1, State::Leased));
    assert_eq!(changes[0].lease.state, State::Available);
    // The client asks again, and the disk has room again.
    let (ack, _) = requested(&mut world, &client(1), OURS);
    assert!(world.book.stored(ack.address, ack.serial));
    assert_eq!(world.state("10.0.0.10"), State::Leased);
}

#[test]
fn a_lease_that_no_reply_has_room_for_is_none() {
    let mut world = offered();
    let outcome = world.ask(&client(1), OURS, Some(ip("10.0.0.10")));
    assert_eq!((outcome.changes.len(), outcome.records.len()), (1, 1));
    let left = world.book.unanswered(world.now, outcome);
    let [change] = &left.changes[..] else {
        panic!("{left:?}")
    };
    assert_eq!(
        (change.was, change.lease.state),
        (State::Offered, State::Available)
    );
    assert_eq!(left.records, []);
    assert_eq!(
        world.offer(&client(2)).unwrap().address,
        ip("10.0.0.10"),
        "free for others"
    );
}

#[test]
fn a_renewal_that_no_reply_has_room_for_changes_nothing() {
    let mut world = offered();
    let (first, _) = requested(&mut world, &client(1), OURS);
    let end = world.book.get(first.address).unwrap().until;
    world.pass(30);
    for _ in 0..2 {
        let outcome = world.ask(&client(1), Kind::Renewing, Some(first.address));
        let left = world.book.unanswered(world.now, outcome);
        assert_eq!((left.changes, left.records), (vec![], vec![]));
        assert_eq!(world.book.get(first.address).unwrap().until, end);
    }
    assert!(
        world.book.stored(first.address, first.serial),
        "the older ACK goes out all the same"
    );
    let outcome = world.ask(&client(1), Kind::Renewing, Some(first.address));
    world.book.unanswered(world.now, outcome);
    assert_eq!(world.book.get(first.address).unwrap().until, end);
    assert_eq!(world.state("10.0.0.10"), State::Leased);
}

#[test]
fn what_else_an_unanswered_message_brought_about_stays() {
    let mut world = World::simple("10.0.0.10", "10.0.0.11");
    world.lease(&client(1));
    world.offer(&client(2)).unwrap();
    world.pass(u64::from(DEFAULT) + 1);
    let outcome = world.ask(&client(2), OURS, Some(ip("10.0.0.11")));
    let left = world.book.unanswered(world.now, outcome);
    let ended = |c: &bootjack::lease::Change| c.lease.state == State::Expired;
    assert_eq!(left.changes.iter().filter(|c| ended(c)).count(), 1);
}

#[test]
fn a_renewal_that_cannot_be_stored_leaves_the_lease_as_it_is_on_disk() {
    let mut world = offered();
    world.acked(&client(1), OURS, ip("10.0.0.10"));
    let end = world.now + u64::from(DEFAULT);
    world.pass(30);
    let (ack, _) = requested(&mut world, &client(1), Kind::Renewing);
    assert_eq!(world.book.get(ack.address).unwrap().until, end + 30);
    let changes = world.book.unstored(world.now, ack.address, ack.serial);
    assert_eq!(changes, []);
    assert_eq!(world.book.get(ack.address).unwrap().until, end);
    world.now = end + 1;
    world.expire();
    assert_eq!(world.state("10.0.0.10"), State::Expired);
}

#[test]
fn of_several_renewals_the_last_that_was_stored_counts() {
    let mut world = offered();
    let (first, _) = requested(&mut world, &client(1), OURS);
    world.pass(5);
    let (second, _) = requested(&mut world, &client(1), OURS);
    world.pass(5);
    let (third, _) = requested(&mut world, &client(1), Kind::Renewing);
    assert!(first.serial < second.serial && second.serial < third.serial);
    assert!(world.book.stored(first.address, first.serial));
    assert!(world.book.stored(first.address, second.serial));
    assert!(!world.book.stored(first.address, second.serial), "once");
    let changes = world.book.unstored(world.now, first.address, third.serial);
    assert_eq!(changes, []);
    let until = world.book.get(first.address).unwrap().until;
    assert_eq!(until, world.now - 5 + u64::from(DEFAULT));
}

#[test]
fn an_address_on_its_way_to_disk_is_nobody_elses() {
    let mut world = offered();
    let (ack, _) = requested(&mut world, &client(1), OURS);
    world.ask(&client(1), Kind::Release, Some(ack.address));
    assert_eq!(world.state("10.0.0.10"), State::Released);
    let exhausted = Err(Silence::Exhausted { pools: 1 });
    assert_eq!(world.offer(&client(2)), exhausted);
    let own = world.ask(&client(1), Kind::Discover, None).verdict;
    assert_eq!(own, Verdict::Silence(Silence::Storing));
    assert!(
        !world.book.stored(ack.address, ack.serial),
        "given back: no ACK"
    );
    assert_eq!(world.offer(&client(2)).unwrap().address, ack.address);
}

#[test]
fn what_was_given_back_stays_so_when_an_older_record_fails() {
    for (kind, state) in [
        (Kind::Release, State::Released),
        (Kind::Decline, State::Declined),
    ] {
        let mut world = offered();
        world.acked(&client(1), OURS, ip("10.0.0.10"));
        let (ack, _) = requested(&mut world, &client(1), Kind::Renewing);
        world.ask(&client(1), kind, Some(ack.address));
        let changes = world.book.unstored(world.now, ack.address, ack.serial);
        assert_eq!(changes, []);
        assert_eq!(world.state("10.0.0.10"), state);
    }
}

#[test]
fn a_failed_renewal_does_not_bring_back_a_lease_that_is_over() {
    let mut world = offered();
    world.acked(&client(1), OURS, ip("10.0.0.10"));
    world.pass(u64::from(DEFAULT));
    let (ack, _) = requested(&mut world, &client(1), Kind::Renewing);
    world.pass(1);
    let changes = world.book.unstored(world.now, ack.address, ack.serial);
    assert_eq!(changes[0].lease.state, State::Expired);
    assert_eq!(changes[0].lease.until, world.now);
    assert_eq!(world.offer(&client(2)).unwrap().address, ack.address);
}

#[test]
fn a_quarantine_that_ends_before_the_disk_answers_leaves_nothing_to_ask_for() {
    let mut world = offered();
    let (ack, _) = requested(&mut world, &client(1), OURS);
    world.ask(&client(1), Kind::Decline, Some(ack.address));
    world.pass(QUARANTINE);
    let late = world.ask(&client(1), OURS, Some(ack.address)).verdict;
    assert!(matches!(late, Verdict::Nak(_)), "{late:?}");
    assert!(!world.book.stored(ack.address, ack.serial));
    assert_eq!(world.book.get(ack.address), None);
    assert_eq!(world.offer(&client(2)).unwrap().address, ack.address);
}

#[test]
fn a_lease_that_ends_while_it_is_stored_is_not_acknowledged() {
    let mut world = offered();
    let (ack, _) = requested(&mut world, &client(1), OURS);
    world.pass(5000);
    world.expire();
    assert_eq!(world.state("10.0.0.10"), State::Expired);
    assert!(world.offer(&client(2)).is_err());
    assert!(!world.book.stored(ack.address, ack.serial));
    world.offer(&client(2)).unwrap();
}

#[test]
fn a_shorter_lease_that_fails_brings_the_longer_one_back() {
    let mut world = offered();
    world.acked(&client(1).wanting(MAX), OURS, ip("10.0.0.10"));
    let until = world.now + u64::from(MAX);
    let (ack, _) = requested(&mut world, &client(1).wanting(MIN), Kind::InitReboot);
    world.pass(u64::from(MIN) + 1);
    world.expire();
    assert_eq!(world.state("10.0.0.10"), State::Expired);
    let changes = world.book.unstored(world.now, ack.address, ack.serial);
    assert_eq!(
        (changes[0].was, changes[0].lease.state),
        (State::Expired, State::Leased)
    );
    assert_eq!(world.book.get(ack.address).unwrap().until, until);
}

#[test]
fn a_client_that_floods_a_slow_disk_has_to_wait() {
    let mut world = offered();
    let mut records = 0;
    for _ in 0..100 {
        let outcome = world.ask(&client(1), OURS, Some(ip("10.0.0.10")));
        records += outcome.records.len();
        if outcome.records.is_empty() {
            assert_eq!(outcome.verdict, Verdict::Silence(Silence::Storing));
        }
    }
    assert!((2..20).contains(&records), "{records}");
}

fn restart(world: &mut World, records: &[Record]) -> Vec<bool> {
    world.book = Book::new(Limits::default());
    let taken = records.iter().map(|r| world.book.restore(world.now, r));
    let taken = taken.collect();
    world.book.set_networks(world.now, &world.networks);
    taken
}

#[test]
fn a_restart_brings_back_what_was_stored() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let with_id = client(2).with_id(b"\0two");
    let mut named = client(1);
    named.host_name = Some(b"one".to_vec());
    let mut records = Vec::new();
    for c in [&named, &with_id, &client(3), &client(4)] {
        let offer = world.offer(c).unwrap();
        let outcome = world.ask(c, OURS, Some(offer.address));
        records.extend(outcome.records);
        world.book.stored(offer.address, offer.serial + 1);
    }
    records[2] = world
        .ask(&client(3), Kind::Release, Some(ip("10.0.0.12")))
        .records[0]
        .clone();
    records[3] = world
        .ask(&client(4), Kind::Decline, Some(ip("10.0.0.13")))
        .records[0]
        .clone();
    let mut before: Vec<_> = world.book.iter().cloned().collect();
    let json: Vec<String> = records
        .iter()
        .map(|r| serde_json::to_string(r).unwrap())
        .collect();
    let read: Vec<Record> = json
        .iter()
        .map(|j| serde_json::from_str(j).unwrap())
        .collect();
    assert_eq!(restart(&mut world, &read), [true; 4]);
    let mut after: Vec<_> = world.book.iter().cloned().collect();
    before.sort_by_key(|lease| lease.address);
    after.sort_by_key(|lease| lease.address);
    assert_eq!(after, before);
    assert_eq!(world.lease(&with_id), ip("10.0.0.11"));
    assert_eq!(world.lease(&client(3)), ip("10.0.0.12"));
    assert_eq!(world.lease(&client(5)), ip("10.0.0.14"));
    // What ended while nobody served is over, and old stories are not told again.
    world.pass(5000);
    restart(&mut world, &read);
    world.told();
    world.expire();
    assert_eq!(world.told(), []);
    let states = [10, 11, 12, 13].map(|n| world.state(&format!("10.0.0.{n}")));
    let (over, back) = (State::Expired, State::Released);
    assert_eq!(states, [over, over, back, State::Available]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_lease_longer() {
    let mut world = offered();
    world.acked(&client(1), OURS, ip("10.0.0.10"));
    world.pass(50);
    let (ack, record) = requested(&mut world, &client(1), Kind::Renewing);
    assert_eq!(record.seconds, Some(DEFAULT));
    world.now -= 86_400;
    restart(&mut world, &[record]);
    let lease = world.book.get(ack.address).unwrap();
    assert_eq!(lease.until, world.now + u64::from(DEFAULT));
    assert!(lease.since <= world.now);
}

#[test]
fn records_that_make_no_sense_are_left_out() {
    let mut world = offered();
    let (_, good) = requested(&mut world, &client(1), OURS);
    let spoilt = |change: fn(&mut Record)| {
        let mut record = good.clone();
        change(&mut record);
        record
    };
    let bad = [
        spoilt(|r| r.mac = "elephant".into()),
        spoilt(|r| r.mac = String::new()),
        spoilt(|r| r.mac = ["00"; 17].join(":")),
        spoilt(|r| r.mac = "+1:00:00:00:00:01".into()),
        spoilt(|r| r.client_id = Some("0".into())),
        spoilt(|r| r.client_id = Some(String::new())),
        spoilt(|r| r.client_id = Some("zz".into())),
        spoilt(|r| r.client_id = Some("ff".repeat(256))),
        spoilt(|r| r.state = State::Offered),
        spoilt(|r| r.state = State::Expired),
        spoilt(|r| r.until = r.since - 1),
    ];
    assert_eq!(restart(&mut world, &bad), [false; 11]);
    assert_eq!(world.book.iter().count(), 0);
    let odd = spoilt(|r| r.host_name = Some("<b>".into()));
    assert_eq!(restart(&mut world, &[odd]), [true]);
    assert_eq!(world.book.get(ip("10.0.0.10")).unwrap().host_name, None);
}
