//! Which address a client gets.

use bootjack::lease::{Kind, Nak, Silence, State, Verdict};
use bootjack::network::Networks;

use super::world::*;

const OURS: Kind = Kind::Selecting { ours: true };

fn lan(pools: Vec<bootjack::network::Pool>, reservations: &[(u8, &str)]) -> Networks {
    let reservations = reservations.iter().map(|(n, at)| reserved(mac(*n), at));
    let lan = network("lan", vec![subnet("10.0.0.0/24", pools)]);
    networks(vec![lan], reservations.collect())
}

#[test]
fn a_pool_of_one_goes_from_hand_to_hand() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    let (a, b) = (client(1), client(2));
    world.lease(&a);
    assert_eq!(world.offer(&b), Err(Silence::Exhausted { pools: 1 }));
    assert_eq!(world.free(), 0);
    world.pass(u64::from(DEFAULT));
    assert_eq!(world.offer(&b), Err(Silence::Exhausted { pools: 1 }));
    world.pass(1);
    assert_eq!(world.lease(&b), ip("10.0.0.10"));
    let late = world.verdict(&a, Kind::Renewing, "10.0.0.10");
    assert_eq!(late, Verdict::Nak(Nak::Taken));
}

#[test]
fn two_race_for_the_last_address() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    let offer = world.offer(&client(1)).unwrap();
    assert!(world.offer(&client(2)).is_err());
    let greedy = world.verdict(&client(2), OURS, "10.0.0.10");
    assert_eq!(greedy, Verdict::Nak(Nak::Taken));
    world.acked(&client(1), OURS, offer.address);
}

/// Made-up clients that ask for nothing close a pool for as long as a real one needs to ask, and
/// no longer.
#[test]
fn an_offer_that_nobody_asks_for_gives_way_where_nothing_else_is_left() {
    let mut world = World::simple("10.0.0.10", "10.0.0.12");
    let made_up = [1, 2, 3].map(|n| {
        world.pass(1);
        world.offer(&client(n)).unwrap().address
    });
    let exhausted = Err(Silence::Exhausted { pools: 3 });
    world.pass(7);
    assert_eq!(world.offer(&client(9)), exhausted, "the first is 9 s old");
    world.pass(1);
    world.told();
    assert_eq!(world.offer(&client(9)).unwrap().address, made_up[0]);
    let told = [
        (made_up[0], State::Offered, State::Available),
        (made_up[0], State::Available, State::Offered),
    ];
    assert_eq!(world.told(), told);
    assert_eq!(world.offer(&client(8)), exhausted, "one at a time");
    let late = world.verdict(&client(1), OURS, &made_up[0].to_string());
    assert_eq!(late, Verdict::Nak(Nak::Taken));
    // While nobody needs it, an offer stands, and asking again renews it.
    world.pass(100);
    world.acked(&client(3), OURS, made_up[2]);
    world.offer(&client(2)).unwrap();
    world.acked(&client(9), OURS, made_up[0]);
    assert_eq!(world.offer(&client(7)), exhausted);
    world.pass(10);
    assert_eq!(world.lease(&client(7)), made_up[1]);
    let late = world.verdict(&client(2), OURS, &made_up[1].to_string());
    assert_eq!(late, Verdict::Nak(Nak::Taken));
}

/// The former client's lease that the offer had hidden comes to light again.
#[test]
fn an_offer_that_gives_way_leaves_the_lease_before_it_in_place() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    world.lease(&client(1));
    world.pass(5000);
    world.offer(&client(2)).unwrap();
    world.pass(10);
    world.offer(&client(3)).unwrap();
    world.verdict(&client(3), Kind::Selecting { ours: false }, "192.0.2.1");
    assert_eq!(world.state("10.0.0.10"), State::Expired);
    world.acked(&client(1), Kind::InitReboot, ip("10.0.0.10"));
}

#[test]
fn what_is_reserved_gives_way_to_nobody() {
    let mut world = World::new(lan(
        vec![pool("10.0.0.10", "10.0.0.10")],
        &[(1, "10.0.0.10")],
    ));
    world.offer(&client(1)).unwrap();
    world.pass(60);
    assert_eq!(
        world.offer(&client(2)),
        Err(Silence::Exhausted { pools: 0 })
    );
}

#[test]
fn a_client_comes_back_to_its_last_address() {
    let mut world = World::simple("10.0.0.10", "10.0.0.20");
    world.lease(&client(1));
    let second = world.lease(&client(2));
    world.lease(&client(3));
    world.pass(100_000);
    assert_eq!(world.offer(&client(2)).unwrap().address, second);
    let again = world.ask(&client(1), Kind::Discover, None).verdict;
    assert!(
        matches!(again, Verdict::Offer { probe: false, .. }),
        "its own is not tried"
    );
}

#[test]
fn never_used_ones_first_then_the_longest_unused() {
    let mut world = World::simple("10.0.0.10", "10.0.0.12");
    let order = [3, 1, 2].map(|n| {
        world.pass(1);
        world.lease(&client(n))
    });
    assert_eq!(order, [ip("10.0.0.10"), ip("10.0.0.11"), ip("10.0.0.12")]);
    world.pass(5000);
    let fresh = [11, 12, 13].map(|n| world.lease(&client(n)));
    assert_eq!(fresh, order, "in the order in which they ended");
    assert_eq!(
        world.offer(&client(14)),
        Err(Silence::Exhausted { pools: 3 })
    );
}

#[test]
fn another_clients_last_address_is_tried_and_comes_back_to_it_if_not_taken() {
    let mut world = World::simple("10.0.0.10", "10.0.0.10");
    world.lease(&client(1));
    world.pass(5000);
    let offer = world.ask(&client(2), Kind::Discover, None).verdict;
    assert!(matches!(offer, Verdict::Offer { probe: true, .. }));
    world.verdict(&client(2), Kind::Selecting { ours: false }, "192.0.2.1");
    assert_eq!(world.state("10.0.0.10"), State::Expired);
    world.acked(&client(1), Kind::InitReboot, ip("10.0.0.10"));
}

#[test]
fn the_requested_address_if_it_is_free_and_given_to_all() {
    let mut excluding = pool("10.0.0.10", "10.0.0.19");
    excluding.exclude = vec![range("10.0.0.12", "10.0.0.14")];
    let mut world = World::new(lan(vec![excluding], &[(9, "10.0.0.18"), (8, "10.0.0.77")]));
    let mut ask = |n, wanted: &str| {
        world
            .offer_of(&client(n), Some(ip(wanted)))
            .unwrap()
            .address
    };
    assert_eq!(ask(1, "10.0.0.17"), ip("10.0.0.17"));
    for (n, wanted, given) in [
        (2, "10.0.0.17", "10.0.0.10"),
        (3, "10.0.0.13", "10.0.0.11"),
        (4, "10.0.0.18", "10.0.0.15"),
        (5, "10.0.0.77", "10.0.0.16"),
        (6, "192.0.2.1", "10.0.0.19"),
    ] {
        assert_eq!(ask(n, wanted), ip(given), "asked for {wanted}");
    }
    assert_eq!(
        world.offer(&client(7)),
        Err(Silence::Exhausted { pools: 6 })
    );
    assert_eq!(world.lease(&client(9)), ip("10.0.0.18"));
    assert_eq!(world.lease(&client(8)), ip("10.0.0.77"));
}

#[test]
fn a_reservation_made_while_its_client_is_elsewhere() {
    let pools = || vec![pool("10.0.0.10", "10.0.0.19")];
    let mut world = World::new(lan(pools(), &[]));
    let (a, other) = (world.lease(&client(1)), world.lease(&client(2)));
    world.reload(lan(pools(), &[(1, "10.0.0.50")]));
    let revoked = world.verdict(&client(1), Kind::Renewing, &a.to_string());
    assert_eq!(revoked, Verdict::Nak(Nak::Revoked));
    assert_eq!(
        world.state("10.0.0.10"),
        State::Leased,
        "until it asks again"
    );
    assert_eq!(world.lease(&client(1)), ip("10.0.0.50"));

    // Reserved for 1, and another has it: 1 keeps what it has, the other is not renewed.
    let taken = [(1, "10.0.0.11")];
    world.reload(lan(pools(), &taken));
    assert_eq!(world.offer(&client(1)).unwrap().address, a);
    let revoked = world.verdict(&client(2), Kind::Renewing, &other.to_string());
    assert_eq!(revoked, Verdict::Nak(Nak::Revoked));
    let elsewhere = world.lease(&client(2));
    assert_eq!(elsewhere, ip("10.0.0.12"));
    world.pass(5000);
    assert_eq!(world.lease(&client(1)), ip("10.0.0.11"));
}

#[test]
fn a_reserved_address_is_given_to_nobody_else() {
    let pools = vec![pool("10.0.0.10", "10.0.0.11")];
    let mut world = World::new(lan(pools, &[(9, "10.0.0.10")]));
    assert_eq!(world.free(), 1);
    assert_eq!(world.lease(&client(1)), ip("10.0.0.11"));
    assert_eq!(
        world.offer(&client(2)),
        Err(Silence::Exhausted { pools: 1 })
    );
    let first = world.ask(&client(9), Kind::Discover, None).verdict;
    assert!(
        matches!(first, Verdict::Offer { probe: true, .. }),
        "tried the first time"
    );
}

#[test]
fn tags_tell_who_is_served_from_where() {
    let mut lab = pool("10.0.0.20", "10.0.0.29");
    lab.tags = ["lab".to_owned()].into();
    let pools = vec![pool("10.0.0.10", "10.0.0.19"), lab];
    let mut world = World::new(lan(pools, &[(7, "10.0.0.25")]));
    let (mut a, mut b, mut c) = (client(1), client(2), client(3));
    a.criteria.include.insert("lab".into());
    b.criteria.exclude.insert("lab".into());
    c.criteria.include.insert("moon".into());
    assert_eq!(world.lease(&a), ip("10.0.0.20"));
    assert_eq!(world.lease(&b), ip("10.0.0.10"));
    assert_eq!(world.offer(&c), Err(Silence::Exhausted { pools: 0 }));
    // Its criteria change: what it has suits no longer.
    a.criteria = b.criteria.clone();
    let revoked = world.verdict(&a, Kind::Renewing, "10.0.0.20");
    assert_eq!(revoked, Verdict::Nak(Nak::Revoked));
    assert_eq!(world.lease(&a), ip("10.0.0.11"));
    // A reservation in a pool that does not suit is not used.
    let mut seven = client(7);
    seven.criteria = b.criteria.clone();
    assert_eq!(world.offer(&seven).unwrap().address, ip("10.0.0.12"));
    assert_eq!(world.offer(&client(7)).unwrap().address, ip("10.0.0.25"));
}

#[test]
fn all_subnets_of_a_shared_network_serve() {
    let subnets = vec![
        subnet("10.0.0.0/24", vec![pool("10.0.0.10", "10.0.0.10")]),
        subnet("10.0.1.0/24", vec![]),
        subnet("10.0.2.0/24", vec![pool("10.0.2.10", "10.0.2.10")]),
    ];
    let mut world = World::new(networks(vec![network("shared", subnets)], vec![]));
    let got = [1, 2].map(|n| world.lease(&client(n)));
    assert_eq!(got, [ip("10.0.0.10"), ip("10.0.2.10")]);
    assert_eq!(
        world.offer(&client(3)),
        Err(Silence::Exhausted { pools: 2 })
    );
    world.acked(&client(2), Kind::InitReboot, got[1]);
    world.pass(10);
    world.acked(&client(1), Kind::Renewing, got[0]);
    world.pass(55);
    assert_eq!(
        world.lease(&client(3)),
        got[1],
        "the one that ended, of either"
    );
}

#[test]
fn a_pool_that_is_gone() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let a = world.lease(&client(1));
    world.reload(lan(vec![pool("10.0.0.100", "10.0.0.109")], &[]));
    for kind in [Kind::Renewing, Kind::Rebinding, Kind::InitReboot] {
        let revoked = world.verdict(&client(1), kind, &a.to_string());
        assert_eq!(revoked, Verdict::Nak(Nak::Revoked), "{kind:?}");
    }
    assert_eq!(world.state("10.0.0.10"), State::Leased);
    assert_eq!(world.lease(&client(1)), ip("10.0.0.100"));
    world.told();
    world.pass(1_000_000);
    world.expire();
    let ended = (a, State::Leased, State::Expired);
    assert!(world.told().contains(&ended));
    assert_eq!(world.book.get(a), None, "nothing is left of it");
    let b = ip("10.0.0.100");
    assert_eq!(world.state("10.0.0.100"), State::Expired);

    world.reload(networks(
        vec![network("lan", vec![subnet("10.5.0.0/24", vec![])])],
        vec![],
    ));
    assert_eq!(world.told(), [(b, State::Expired, State::Available)]);
    let wrong = world.verdict(&client(1), Kind::Renewing, "10.0.0.100");
    assert_eq!(wrong, Verdict::Nak(Nak::WrongNetwork));
    assert_eq!(world.book.iter().count(), 0);
}

#[test]
fn counts_and_free_add_up() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    world.lease(&client(1));
    world.lease(&client(2));
    world.offer(&client(3)).unwrap();
    world.ask(&client(2), Kind::Release, Some(ip("10.0.0.11")));
    world.ask(&client(1), Kind::Decline, Some(ip("10.0.0.10")));
    let counts = world.book.counts(&world.networks.all[0]);
    let expected = [
        (State::Available, 7),
        (State::Offered, 1),
        (State::Leased, 0),
        (State::Expired, 0),
        (State::Released, 1),
        (State::Declined, 1),
    ];
    assert_eq!(counts, expected);
    assert_eq!(world.free(), 8);
}
