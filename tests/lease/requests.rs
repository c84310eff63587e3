//! RFC 2131 4.3: what each message is answered with.

use bootjack::lease::{Kind, Nak, Silence, State, Verdict};

use super::world::*;

const OURS: Kind = Kind::Selecting { ours: true };
const OTHERS: Kind = Kind::Selecting { ours: false };

/// Two networks, one pool each.
fn two() -> World {
    let first = subnet("10.0.0.0/24", vec![pool("10.0.0.10", "10.0.0.19")]);
    let second = subnet("10.9.0.0/24", vec![pool("10.9.0.10", "10.9.0.19")]);
    let all = vec![network("a", vec![first]), network("b", vec![second])];
    World::new(networks(all, vec![]))
}

#[test]
fn discover_request_ack() {
    let mut world = two();
    let a = client(1).wanting(100);
    let offer = world.offer(&a).unwrap();
    assert_eq!((offer.address, offer.seconds), (ip("10.0.0.10"), 100));
    assert_eq!(world.state("10.0.0.10"), State::Offered);
    let ack = world.acked(&a, OURS, offer.address);
    assert_eq!(ack.seconds, 100);
    let lease = world.book.get(offer.address).unwrap();
    assert_eq!((lease.since, lease.until), (world.now, world.now + 100));
    let told = world.told();
    let at = offer.address;
    assert_eq!(
        told,
        [
            (at, State::Available, State::Offered),
            (at, State::Offered, State::Leased)
        ]
    );
}

#[test]
fn the_time_asked_for_is_kept_between_min_and_max() {
    let mut world = two();
    for (n, wanted, given) in [
        (1, None, DEFAULT),
        (2, Some(1), MIN),
        (3, Some(u32::MAX), MAX),
    ] {
        let mut c = client(n);
        c.seconds = wanted;
        assert_eq!(world.offer(&c).unwrap().seconds, given);
    }
}

#[test]
fn selecting_what_was_never_offered_is_nak() {
    let mut world = two();
    let a = world.lease(&client(1));
    let nak = |world: &mut World, n, at: &str| world.verdict(&client(n), OURS, at);
    assert_eq!(nak(&mut world, 2, &a.to_string()), Verdict::Nak(Nak::Taken));
    assert_eq!(
        nak(&mut world, 2, "10.0.0.15"),
        Verdict::Nak(Nak::NotOffered)
    );
    assert_eq!(
        nak(&mut world, 2, "10.9.0.15"),
        Verdict::Nak(Nak::WrongNetwork)
    );
    let nameless = world.ask(&client(2), OURS, None).verdict;
    assert_eq!(nameless, Verdict::Silence(Silence::NoAddress));
}

#[test]
fn an_offer_that_ran_out_counts_until_somebody_takes_the_address() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    world.offer(&client(1)).unwrap();
    world.pass(10_000);
    world.expire();
    assert_eq!(world.state("10.0.0.10"), State::Available);
    world.acked(&client(1), OURS, ip("10.0.0.10"));

    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    world.offer(&client(1)).unwrap();
    world.pass(10_000);
    world.lease(&client(2));
    let late = world.verdict(&client(1), OURS, "10.0.0.10");
    assert_eq!(late, Verdict::Nak(Nak::Taken));
}

#[test]
fn an_offer_still_being_tried_is_not_an_offer() {
    let mut world = two();
    let a = client(1);
    let first = world.ask(&a, Kind::Discover, None).verdict;
    let Verdict::Offer { binding, probe } = first else {
        panic!("{first:?}")
    };
    assert!(probe);
    let probing = Verdict::Silence(Silence::Probing);
    assert_eq!(world.ask(&a, Kind::Discover, None).verdict, probing);
    assert_eq!(world.ask(&a, OURS, Some(binding.address)).verdict, probing);
    assert!(!world.book.probed(binding.address, binding.serial + 1));
    assert!(world.book.probed(binding.address, binding.serial));
    assert!(!world.book.probed(binding.address, binding.serial), "once");
    let again = world.ask(&a, Kind::Discover, None).verdict;
    let probe = false;
    assert_eq!(again, Verdict::Offer { binding, probe });
}

#[test]
fn a_client_that_chose_another_server_gives_its_offer_back() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    world.offer(&client(1)).unwrap();
    let gone = world.verdict(&client(1), OTHERS, "192.0.2.1");
    assert_eq!(gone, Verdict::Silence(Silence::OtherServer));
    assert_eq!(world.offer(&client(2)).unwrap().address, ip("10.0.0.10"));
    let late = world.verdict(&client(1), OURS, "10.0.0.10");
    assert_eq!(late, Verdict::Nak(Nak::Taken));
}

#[test]
fn a_client_with_a_lease_keeps_it_when_it_chooses_another_server() {
    let mut world = two();
    let a = world.lease(&client(1));
    world.verdict(&client(1), OTHERS, "192.0.2.1");
    assert_eq!(world.state(&a.to_string()), State::Leased);
}

#[test]
fn init_reboot_as_the_tables_say() {
    let mut world = two();
    let a = world.lease(&client(1));
    world.acked(&client(1), Kind::InitReboot, a);
    let reboot = |world: &mut World, n, at: &str| world.verdict(&client(n), Kind::InitReboot, at);
    for authoritative in [true, false] {
        world.authoritative = authoritative;
        let wrong = reboot(&mut world, 1, "10.9.0.10");
        assert_eq!(wrong, Verdict::Nak(Nak::WrongNetwork));
        let other = reboot(&mut world, 1, "10.0.0.15");
        assert_eq!(other, Verdict::Nak(Nak::NotOffered));
    }
    world.authoritative = true;
    let unknown = reboot(&mut world, 2, "10.0.0.15");
    assert_eq!(unknown, Verdict::Nak(Nak::Unknown));
    let taken = reboot(&mut world, 2, "10.0.0.10");
    assert_eq!(taken, Verdict::Nak(Nak::Taken));
    world.authoritative = false;
    let unknown = reboot(&mut world, 2, "10.0.0.15");
    assert_eq!(unknown, Verdict::Silence(Silence::NoRecord));
}

#[test]
fn renewing_extends_and_keeps_since() {
    let mut world = two();
    let a = world.lease(&client(1));
    let since = world.now;
    for kind in [Kind::Renewing, Kind::Rebinding] {
        world.pass(30);
        world.acked(&client(1), kind, a);
        let lease = world.book.get(a).unwrap();
        let until = world.now + u64::from(DEFAULT);
        assert_eq!((lease.since, lease.until), (since, until));
    }
    assert_eq!(world.told().len(), 2, "a renewal changes no state");
}

#[test]
fn renewing_an_expired_lease_that_nobody_took() {
    let mut world = two();
    let a = world.lease(&client(1));
    world.pass(5000);
    world.expire();
    assert_eq!(world.state("10.0.0.10"), State::Expired);
    world.acked(&client(1), Kind::Rebinding, a);
    assert_eq!(world.state("10.0.0.10"), State::Leased);
}

#[test]
fn renewing_what_is_not_ones_own() {
    let mut world = two();
    let a = world.lease(&client(1));
    for kind in [Kind::Renewing, Kind::Rebinding] {
        world.authoritative = true;
        let at = a.to_string();
        assert_eq!(
            world.verdict(&client(2), kind, &at),
            Verdict::Nak(Nak::Taken)
        );
        let unknown = world.verdict(&client(2), kind, "10.0.0.17");
        assert_eq!(unknown, Verdict::Nak(Nak::Unknown));
        world.authoritative = false;
        assert_eq!(
            world.verdict(&client(2), kind, &at),
            Verdict::Nak(Nak::Taken)
        );
        let unknown = world.verdict(&client(2), kind, "10.0.0.17");
        assert_eq!(unknown, Verdict::Silence(Silence::NoRecord));
        let elsewhere = world.verdict(&client(2), kind, "10.9.0.17");
        assert_eq!(elsewhere, Verdict::Silence(Silence::NoRecord));
        let moved = world.ask(&client(1).at(1), kind, Some(a)).verdict;
        assert_eq!(moved, Verdict::Nak(Nak::WrongNetwork));
    }
}

#[test]
fn who_is_not_authoritative_leaves_the_clients_of_other_servers_alone() {
    let mut world = World::simple("10.0.0.10", "10.0.0.12");
    let silent = Verdict::Silence(Silence::NoRecord);
    let gone = world.lease(&client(1));
    world.offer(&client(2)).unwrap();
    let declined = world.lease(&client(3));
    world.ask(&client(3), Kind::Decline, Some(declined));
    world.pass(u64::from(DEFAULT) - 1);
    world.lease(&client(1));
    world.pass(1);
    let addresses = ["10.0.0.11", "10.0.0.12", "10.0.0.200", "192.168.7.5"];
    for (kind, n) in [
        (Kind::InitReboot, 9),
        (Kind::Renewing, 9),
        (Kind::Rebinding, 9),
        // It has a lease of ours, and of another server too.
        (Kind::Rebinding, 1),
    ] {
        for at in addresses {
            world.authoritative = true;
            let nak = world.verdict(&client(n), kind, at);
            assert!(matches!(nak, Verdict::Nak(_)), "{kind:?} of {at}: {nak:?}");
            world.authoritative = false;
            assert_eq!(
                world.verdict(&client(n), kind, at),
                silent,
                "{kind:?} of {at}"
            );
        }
    }
    for at in ["10.0.0.200", "192.168.7.5"] {
        assert_eq!(
            world.verdict(&client(1), Kind::InitReboot, at),
            silent,
            "{at}"
        );
    }
    let ours_alone = world.verdict(&client(1), Kind::InitReboot, "10.0.0.12");
    assert_eq!(ours_alone, Verdict::Nak(Nak::Taken));
    let leased = world.verdict(&client(9), Kind::Rebinding, &gone.to_string());
    assert_eq!(leased, Verdict::Nak(Nak::Taken));
    // Its lease from us is over: it may have another's by now.
    world.pass(5000);
    world.expire();
    let over = world.verdict(&client(1), Kind::InitReboot, "10.0.0.12");
    assert_eq!(over, silent);
}

#[test]
fn inform_is_answered_without_a_lease() {
    let mut world = two();
    let outcome = world.ask(&client(1), Kind::Inform, Some(ip("10.0.0.77")));
    assert_eq!(outcome.verdict, Verdict::Inform);
    assert!(outcome.records.is_empty() && outcome.changes.is_empty());
}

#[test]
fn discover_of_a_client_with_a_lease_changes_nothing() {
    let mut world = two();
    let a = world.lease(&client(1).wanting(MAX));
    world.told();
    let until = world.book.get(a).unwrap().until;
    let offer = world.ask(&client(1).wanting(MIN), Kind::Discover, None);
    let Verdict::Offer { binding, probe } = offer.verdict else {
        panic!("{offer:?}")
    };
    assert_eq!((binding.address, probe), (a, false));
    assert!(offer.changes.is_empty() && offer.records.is_empty());
    assert_eq!(world.book.get(a).unwrap().until, until);
}

#[test]
fn a_client_in_two_networks_has_a_lease_in_each() {
    let mut world = two();
    let first = world.lease(&client(1));
    let second = world.lease(&client(1).at(1));
    assert_eq!((first, second), (ip("10.0.0.10"), ip("10.9.0.10")));
    assert_eq!(world.lease(&client(1)), first);
    assert_eq!(world.book.of_mac(mac(1)).count(), 2);
}

#[test]
fn bootp_clients_get_what_is_reserved_or_of_a_pool_for_them_for_ever() {
    let mut open = pool("10.0.0.20", "10.0.0.20");
    open.bootp = true;
    let pools = vec![pool("10.0.0.10", "10.0.0.19"), open];
    let lan = network("lan", vec![subnet("10.0.0.0/24", pools)]);
    let all = networks(vec![lan], vec![reserved(mac(9), "10.0.0.99")]);
    let mut world = World::new(all);
    for (n, at) in [(9, "10.0.0.99"), (1, "10.0.0.20"), (1, "10.0.0.20")] {
        let outcome = world.ask(&client(n), Kind::Bootp, None);
        let Verdict::Bootp(binding) = outcome.verdict else {
            panic!("{outcome:?}")
        };
        assert_eq!((binding.address, binding.seconds), (ip(at), u32::MAX));
        assert_eq!(outcome.records[0].until, u64::MAX);
        assert!(world.book.stored(binding.address, binding.serial));
    }
    let full = world.ask(&client(2), Kind::Bootp, None).verdict;
    assert_eq!(full, Verdict::Silence(Silence::Exhausted { pools: 1 }));
    world.pass(u64::MAX / 2);
    world.expire();
    assert_eq!(world.state("10.0.0.20"), State::Leased);

    let none = World::simple("10.0.0.10", "10.0.0.19").ask(&client(2), Kind::Bootp, None);
    assert_eq!(none.verdict, Verdict::Silence(Silence::NoBootp));
}
