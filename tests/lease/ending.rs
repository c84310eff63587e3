//! Leases that end: by time, by their client, by the operator; and the clock at its extremes.

use std::time::Duration;

use bootjack::lease::{Kind, Limits, Silence, State, Verdict};

use super::world::*;

const OURS: Kind = Kind::Selecting { ours: true };

#[test]
fn everything_ends_on_time_and_is_told_once() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let a = world.lease(&client(1));
    let b = world.offer(&client(2)).unwrap().address;
    world.told();
    let until = world.now + u64::from(DEFAULT);
    // The client was told within a second, and has its lease to the end of the last one.
    assert_eq!(world.book.next_deadline(), Some(until + 1));
    world.now = until;
    world.expire();
    assert_eq!(world.told(), []);
    world.now = until + 1;
    world.expire();
    assert_eq!(world.told(), [(a, State::Leased, State::Expired)]);
    world.pass(60);
    world.expire();
    assert_eq!(world.told(), [(b, State::Offered, State::Available)]);
    world.pass(1_000_000);
    world.expire();
    assert_eq!(world.told(), []);
    assert_eq!(world.book.next_deadline(), None);
    let lease = world.book.get(a).unwrap();
    assert_eq!((lease.since, lease.until), (until + 1, until + 1));
}

#[test]
fn an_offer_of_its_own_last_address_runs_out_into_what_it_was() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    let a = world.lease(&client(1));
    world.ask(&client(1), Kind::Release, Some(a));
    world.offer(&client(1)).unwrap();
    world.pass(1000);
    world.expire();
    assert_eq!(world.state("10.0.0.10"), State::Released);
}

#[test]
fn released_is_given_back_with_a_record() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    let a = world.lease(&client(1));
    let not_own = world.ask(&client(2), Kind::Release, Some(a));
    assert_eq!(not_own.verdict, Verdict::Silence(Silence::NotOwn));
    let own = world.ask(&client(1), Kind::Release, Some(a));
    assert_eq!(own.verdict, Verdict::Silence(Silence::NoneDue));
    assert_eq!(own.records[0].state, State::Released);
    let twice = world.ask(&client(1), Kind::Release, Some(a));
    assert!(twice.records.is_empty() && twice.changes.is_empty());
    assert_eq!(world.offer(&client(2)).unwrap().address, a);
}

#[test]
fn declined_is_left_alone_for_a_while() {
    let mut world = World::simple("10.0.0.10", "10.0.0.11");
    let a = world.lease(&client(1));
    let not_own = world.ask(&client(2), Kind::Decline, Some(a));
    assert_eq!(not_own.verdict, Verdict::Silence(Silence::NotOwn));
    let own = world.ask(&client(1), Kind::Decline, Some(a));
    assert_eq!(own.verdict, Verdict::Silence(Silence::NoneDue));
    assert_eq!(own.records[0].state, State::Declined);
    assert_eq!(own.records[0].until, world.now + QUARANTINE);
    assert_eq!(world.lease(&client(1).wanting(MAX)), ip("10.0.0.11"));
    assert!(world.offer(&client(2)).is_err());
    for kind in [OURS, Kind::InitReboot, Kind::Renewing, Kind::Rebinding] {
        let back = world.ask(&client(1), kind, Some(a)).verdict;
        assert!(matches!(back, Verdict::Nak(_)), "{back:?}");
    }
    world.pass(QUARANTINE);
    world.told();
    assert_eq!(world.offer(&client(2)).unwrap().address, a);
    assert_eq!(world.told()[0], (a, State::Declined, State::Available));
}

#[test]
fn an_answered_probe_is_a_conflict() {
    let mut world = World::simple("10.0.0.10", "10.0.0.11");
    let quarantine = Duration::from_secs(QUARANTINE);
    let first = world.ask(&client(1), Kind::Discover, None).verdict;
    let Verdict::Offer { binding, .. } = first else {
        panic!("{first:?}")
    };
    let (at, serial) = (binding.address, binding.serial);
    let (none, nothing) = world.book.conflict(world.now, at, serial + 1, quarantine);
    assert!(none.is_empty() && nothing.is_empty(), "of an older offer");
    let (changes, records) = world.book.conflict(world.now, at, serial, quarantine);
    assert_eq!((changes.len(), changes[0].was), (1, State::Offered));
    assert_eq!(records[0].until, world.now + QUARANTINE);
    assert!(!world.book.probed(at, serial), "too late");
    assert_eq!(world.offer(&client(1)).unwrap().address, ip("10.0.0.11"));
}

#[test]
fn the_operator_ends_leases_and_quarantines() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    let a = world.lease(&client(1));
    assert_eq!(world.book.release(world.now, ip("10.0.0.11")), None);
    let (change, record) = world.book.release(world.now, a).unwrap();
    assert_eq!(
        (change.was, change.lease.state),
        (State::Leased, State::Released)
    );
    assert_eq!(record.state, State::Released);
    assert_eq!(world.book.release(world.now, a), None);
    world.lease(&client(2));
    world.ask(&client(2), Kind::Decline, Some(a));
    let (change, record) = world.book.release(world.now, a).unwrap();
    let (was, is) = (change.was, change.lease.state);
    assert_eq!((was, is), (State::Declined, State::Available));
    assert_eq!((record.state, record.until), (State::Declined, world.now));
    let again = world.ask(&client(2), Kind::Discover, None).verdict;
    assert!(matches!(again, Verdict::Offer { probe: true, .. }));
}

#[test]
fn the_clock_at_its_extremes() {
    for now in [0, 1, u64::MAX - 1, u64::MAX] {
        let mut world = World::simple("10.0.0.10", "10.0.0.19");
        world.now = now;
        for n in 1..5 {
            let Ok(offer) = world.offer(&client(n).wanting(u32::MAX)) else {
                panic!("nothing at {now}");
            };
            let outcome = world.ask(&client(n), OURS, Some(offer.address));
            let Verdict::Ack(binding) = outcome.verdict else {
                panic!("{outcome:?}")
            };
            world.book.stored(binding.address, binding.serial);
        }
        let a = ip("10.0.0.10");
        world.ask(&client(1), Kind::Decline, Some(a));
        world.ask(&client(2), Kind::Release, Some(ip("10.0.0.11")));
        world.pass(u64::MAX);
        world.expire();
        world.expire();
        assert_ne!(world.state("10.0.0.10"), State::Leased);
    }
}

#[test]
fn offers_are_bounded_and_the_oldest_goes_first() {
    let subnets = vec![subnet(
        "10.0.0.0/8",
        vec![pool("10.0.0.1", "10.255.255.254")],
    )];
    let limits = Limits {
        offers: 3,
        ..Limits::default()
    };
    let mut world = World::bounded(networks(vec![network("lan", subnets)], vec![]), limits);
    for n in 1..=3 {
        world.offer(&client(n)).unwrap();
        world.pass(1);
    }
    world.offer(&client(1)).unwrap(); // again: it is the youngest now
    world.told();
    assert_eq!(world.offer(&client(4)).unwrap().address, ip("10.0.0.4"));
    let told = world.told();
    assert_eq!(told[0], (ip("10.0.0.2"), State::Offered, State::Available));
    assert_eq!(world.book.iter().count(), 3);
    for round in 0..40 {
        world.pass(60 * round);
        for n in 10..20 {
            world.offer(&client(n)).unwrap();
        }
        assert!(
            world.book.iter().count() <= 3,
            "offers that ran out count, too"
        );
    }
}

#[test]
fn host_names_are_kept_if_they_are_fit_to_be_shown() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    let mut a = client(1);
    let long = "x".repeat(64);
    for (raw, kept) in [
        (Some("lab-7.example"), Some("lab-7.example")),
        (None, Some("lab-7.example")),
        (Some("lab-8\0"), Some("lab-8")),
        (Some("<script>"), None),
        (Some(""), None),
        (Some(&*long), None),
        (Some("\x1b[2J"), None),
    ] {
        a.host_name = raw.map(|raw| raw.as_bytes().to_vec());
        let at = world.lease(&a);
        assert_eq!(
            world.book.get(at).unwrap().host_name.as_deref(),
            kept,
            "{raw:?}"
        );
    }
}
