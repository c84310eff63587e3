//! How long machines wait, whom that is held against, and which way servers are asked.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use bootjack::relay::servers::News;
use bootjack::relay::{Came, Due, LONGEST, Stray, WAIT};
use bootjack::wire::Mac;
use bootjack::wire::dhcp::{BROADCAST, Kind, Message};

use crate::{Asked, FROM, OTHER, SERVER, discover, question, relay, reply, request};

/// Of which machine, after how many seconds, by whom.
type Heard = (u8, f32, Ipv4Addr);

/// A DISCOVER whose answers are heard.
fn heard_discover(mac: u8) -> Message {
    Message {
        flags: BROADCAST,
        ..discover(mac)
    }
}

/// How long it waits.
fn waits_until(relay: &mut Asked, asked: Instant, xid: u32) -> Duration {
    let mut at = Duration::ZERO;
    loop {
        match relay.due(asked + at, xid) {
            Some(Due::In(time)) => at += time,
            Some(Due::Again) => drop(relay.ask_again(asked + at, xid)),
            Some(Due::Over) | None => return at,
        }
        assert!(at < 2 * LONGEST, "for ever");
    }
}

fn seconds(s: f32) -> Duration {
    Duration::from_secs_f32(s)
}

/// dnsmasq pings each new address for three seconds, and a room is switched on at once.
#[test]
fn a_machine_waits_while_its_server_is_busy_and_no_longer() {
    let machine = |n| (Mac::ethernet([2, 0, 0, 0, 0, n]), 0x77);
    let ways: [(&str, &[Heard], bool); 7] = [
        ("nobody is known", &[], false),
        ("at once, and no relay", &[(1, 0.1, SERVER)], false),
        ("late", &[(1, 3.0, SERVER)], true),
        ("only another machine, late", &[(2, 3.0, SERVER)], true),
        (
            "at once, and another machine late",
            &[(1, 0.1, SERVER), (2, 3.0, SERVER)],
            true,
        ),
        (
            "another machine at once, and nobody it",
            &[(2, 0.1, SERVER)],
            true,
        ),
        (
            "who is known was asked last, and is heard",
            &[(1, 0.1, SERVER), (2, 0.1, SERVER)],
            false,
        ),
    ];
    for (what, heard, on) in ways {
        let (mut relay, now) = (relay(), Instant::now());
        for n in [1, 2] {
            relay
                .discover(question(now, n.into(), &heard_discover(n)), n)
                .unwrap();
        }
        for (n, at, server) in heard {
            relay.heard(now + seconds(*at), *server, machine(*n));
        }
        let until = waits_until(&mut relay, now, 1);
        assert_eq!(until > WAIT, on, "{what}: {until:?}");
        assert!((WAIT..LONGEST + WAIT).contains(&until), "{what}");
        let news = relay.overdue(now + until, 1).unwrap().news;
        assert_eq!(news, [], "{what}: once is no proof");
    }
    let (mut relay, now) = (relay(), Instant::now());
    relay.heard(now, SERVER, machine(9));
    relay.discover(question(now, 1, &discover(1)), 1).unwrap();
    let unheard = waits_until(&mut relay, now, 1);
    assert!(unheard < WAIT, "who is answered unheard");
    relay
        .discover(question(now, 2, &heard_discover(1)), 1)
        .unwrap();
    assert!(relay.due(now + WAIT, 2).is_some_and(|due| due != Due::Over));
    relay.settle(&heard_discover(1));
    assert_eq!(relay.due(now + WAIT, 2), None, "it takes a lease");
    assert_eq!(relay.overdue(now + WAIT, 2), None, "and lacks none");
}

/// ISC dhcpd drops what comes while it pings the address that it has found for the machine itself.
#[test]
fn what_is_not_answered_is_asked_again() {
    let (mut relay, now) = (relay(), Instant::now());
    relay.heard(now, SERVER, (Mac::ethernet([2, 0, 0, 0, 0, 9]), 0x77));
    let asked = relay
        .discover(question(now, 1, &heard_discover(1)), 1)
        .unwrap();
    let (mut at, mut again) = (Duration::ZERO, Vec::new());
    loop {
        match relay.due(now + at, 1).unwrap() {
            Due::In(time) => at += time,
            Due::Again => {
                let (_, forward) = relay.ask_again(now + at, 1).unwrap();
                assert_eq!(forward, asked);
                again.push(at.as_millis());
            }
            Due::Over => break,
        }
    }
    assert_eq!(again, [1200, 2400, 6400, 10_400, 14_400, 18_400, 22_400]);
    assert_eq!(at, LONGEST);
    let came = relay.answered(now + at, FROM, &reply(&asked.message, Kind::Offer), 9);
    assert_eq!(came, Ok((Came::Lease(1), None)));
}

/// A server that has had less time for us than for the machine is not found to answer no relays.
#[test]
fn who_had_no_time_is_not_blamed() {
    let (mut relay, now) = (relay(), Instant::now());
    let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
    for xid in 1..=4 {
        relay
            .discover(question(now, xid, &heard_discover(1)), 7)
            .unwrap();
        relay.heard(now + seconds(18.0), SERVER, (mac, 0x77));
        let over = relay.overdue(now + LONGEST, xid).unwrap();
        assert_eq!((over.alive, over.news), (vec![SERVER], vec![]));
    }
    assert!(!relay.servers.all_deaf());
}

/// What is answered by one way is not asked for by another any more.
#[test]
fn a_machine_that_has_its_lease_is_offered_no_other() {
    let (mut relay, now) = (relay(), Instant::now());
    let first = relay.discover(question(now, 1, &discover(1)), 7).unwrap();
    let again = relay.discover(question(now, 2, &discover(1)), 8).unwrap();
    let came = relay.answered(now, FROM, &reply(&first.message, Kind::Offer), 9);
    assert_eq!(came, Ok((Came::Lease(7), None)));
    assert_eq!(relay.overdue(now + WAIT, 2), None);
    let came = relay.answered(now, FROM, &reply(&again.message, Kind::Offer), 9);
    assert_eq!(came, Ok((Came::Unneeded, None)));
}

/// A server behind a router's relay, to which no way leads from here.
#[test]
fn a_server_out_of_reach_is_asked_by_the_way_that_it_was_found_by() {
    let (mut relay, now) = (relay(), Instant::now());
    let asked = relay.discover(question(now, 1, &discover(1)), 7).unwrap();
    let came = relay.answered(now, FROM, &reply(&asked.message, Kind::Offer), 9);
    assert_eq!(came, Ok((Came::Lease(7), None)));
    let asked = relay.request(question(now, 2, &request(1)), 7).unwrap();
    assert_eq!(asked.to, [Ipv4Addr::BROADCAST]);
    let came = relay.answered(now, FROM, &reply(&asked.message, Kind::Ack), 9);
    assert_eq!(came, Ok((Came::Lease(7), None)));
    let asked = relay.discover(question(now, 3, &discover(2)), 7).unwrap();
    assert_eq!(asked.to, [SERVER]);
    relay.heard(now, SERVER, (Mac::ethernet([2, 0, 0, 0, 0, 2]), 0x77));
    assert!(relay.overdue(now + WAIT, 3).is_some());
    for xid in 4..7 {
        let asked = relay.discover(question(now, xid, &discover(3)), 7).unwrap();
        assert_eq!(asked.to, [SERVER, Ipv4Addr::BROADCAST], "from then on");
        let came = relay.answered(now, FROM, &reply(&asked.message, Kind::Offer), 9);
        assert_eq!(came, Ok((Came::Lease(7), None)));
    }
    let asked = relay.request(question(now, 9, &request(3)), 7).unwrap();
    assert_eq!(asked.to, [SERVER, Ipv4Addr::BROADCAST]);
}

/// A second boot server answers what we ask everybody, and has no leases.
#[test]
fn a_proxys_offer_acquits_nobody() {
    let (mut relay, now) = (relay(), Instant::now());
    let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
    for (xid, news) in [(1, vec![]), (2, vec![News::Deaf(SERVER)])] {
        let asked = relay.discover(question(now, xid, &discover(1)), 7).unwrap();
        relay.heard(now, SERVER, (mac, 0x77));
        let mut proxys = reply(&asked.message, Kind::Offer);
        proxys.yiaddr = Ipv4Addr::UNSPECIFIED;
        let from = SocketAddrV4::new(OTHER, 67);
        assert_eq!(relay.answered(now, from, &proxys, 9), Err(Stray::Address));
        let over = relay.overdue(now + WAIT, xid).unwrap();
        assert_eq!((over.stray, over.news), (None, news));
    }
}
