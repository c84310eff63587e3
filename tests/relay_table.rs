//! The relay's table of questions: what is believed, and what is not, by random answers to random questions, and
//! each rule by itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use bootjack::relay::servers::{News, Servers};
use bootjack::relay::{Came, PER_SECOND, Question, Relay, Stray, WAIT};
use bootjack::wire::Mac;
use bootjack::wire::dhcp::{BOOTREPLY, BOOTREQUEST, Kind, Message, code};

#[path = "relay_table/patience.rs"]
mod patience;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 99);
const FROM: SocketAddrV4 = SocketAddrV4::new(SERVER, 67);

type Asked = Relay<u8>;
/// What is wrong with an answer, how it comes about, and what is said of it.
type Wrong = (&'static str, fn(&mut Message, &mut SocketAddrV4), Stray);

fn relay() -> Asked {
    Relay::new(8, Servers::default())
}

fn message(kind: Kind, mac: u8, more: &[(u8, Ipv4Addr)]) -> Message {
    let mut message = Message::request(Mac::ethernet([2, 0, 0, 0, 0, mac]), 0x77);
    message.options.push(code::MESSAGE_TYPE, &[kind.number()]);
    for (code, address) in more {
        message.options.push(*code, &address.octets());
    }
    message
}

fn discover(mac: u8) -> Message {
    message(Kind::Discover, mac, &[])
}

fn request(mac: u8) -> Message {
    let asks = [(code::REQUESTED_ADDRESS, LEASED), (code::SERVER_ID, HERE)];
    message(Kind::Request, mac, &asks)
}

fn question(now: Instant, xid: u32, message: &Message) -> Question<'_> {
    Question {
        now,
        here: HERE,
        xid,
        message,
    }
}

/// What a server says to a question.
fn reply(asked: &Message, kind: Kind) -> Message {
    let said = message(kind, 0, &[(code::SERVER_ID, SERVER)]);
    Message {
        op: BOOTREPLY,
        yiaddr: LEASED,
        options: said.options,
        ..asked.clone()
    }
}

#[test]
fn the_whole_way() {
    let (mut relay, now) = (relay(), Instant::now());
    let asked = relay.discover(question(now, 1, &discover(1)), 7).unwrap();
    assert_eq!(asked.to, [Ipv4Addr::BROADCAST]);
    let offer = reply(&asked.message, Kind::Offer);
    assert_eq!(
        relay.answered(now, FROM, &offer, 9),
        Ok((Came::Lease(7), None))
    );
    assert_eq!(
        relay.answered(now, FROM, &offer, 9),
        Err(Stray::Unasked),
        "once"
    );
    let asked = relay.request(question(now, 2, &request(1)), 8).unwrap();
    assert_eq!(
        (asked.to, asked.message.address(54)),
        (vec![Ipv4Addr::BROADCAST], Some(SERVER)),
        "the way that it was found by"
    );
    let ack = reply(&asked.message, Kind::Ack);
    assert_eq!(
        relay.answered(now, FROM, &ack, 9),
        Ok((Came::Lease(8), None))
    );
}

#[test]
fn what_does_not_answer_the_question_is_not_believed() {
    let now = Instant::now();
    let ways: [Wrong; 10] = [
        ("another number", |m, _| m.xid ^= 1, Stray::Unasked),
        ("a question", |m, _| m.op = BOOTREQUEST, Stray::Other),
        ("another machine", |m, _| m.chaddr[5] ^= 1, Stray::Other),
        ("another relay", |m, _| m.giaddr = OTHER, Stray::Other),
        ("a client's port", |_, from| from.set_port(68), Stray::Other),
        (
            "no address",
            |m, _| m.yiaddr = Ipv4Addr::UNSPECIFIED,
            Stray::Address,
        ),
        (
            "everybody's address",
            |m, _| m.yiaddr = Ipv4Addr::BROADCAST,
            Stray::Address,
        ),
        ("our address", |m, _| m.yiaddr = HERE, Stray::Address),
        (
            "an ACK",
            |m, _| {
                m.options = [(53, &[5][..]), (54, &SERVER.octets())]
                    .into_iter()
                    .collect();
            },
            Stray::Kind,
        ),
        (
            "nobody's",
            |m, _| m.options = [(53, &[2][..])].into_iter().collect(),
            Stray::Kind,
        ),
    ];
    for (what, spoil, stray) in ways {
        let mut relay = relay();
        let asked = relay.discover(question(now, 1, &discover(1)), 7).unwrap();
        let good = reply(&asked.message, Kind::Offer);
        let (mut bad, mut from) = (good.clone(), FROM);
        spoil(&mut bad, &mut from);
        assert_eq!(relay.answered(now, from, &bad, 9), Err(stray), "{what}");
        assert!(
            relay.answered(now, FROM, &good, 9).is_ok(),
            "{what}: and the right one still is"
        );
    }
    let mut named = Relay::new(8, Servers::new(vec![SERVER]));
    let asked = named.discover(question(now, 1, &discover(1)), 7).unwrap();
    let mut other = reply(&asked.message, Kind::Offer);
    other.options = [(53, &[2][..]), (54, &OTHER.octets())]
        .into_iter()
        .collect();
    let from = SocketAddrV4::new(OTHER, 67);
    assert_eq!(named.answered(now, from, &other, 9), Err(Stray::Server));
}

#[test]
fn a_lease_that_nothing_is_known_of_is_found_again_or_is_gone() {
    let (mut relay, now) = (relay(), Instant::now());
    let asked = relay.request(question(now, 1, &request(1)), 7).unwrap();
    assert_eq!(asked.message.kind(), Some(Kind::Discover));
    let offer = reply(&asked.message, Kind::Offer);
    let Ok((Came::Found(7, again), None)) = relay.answered(now, FROM, &offer, 2) else {
        panic!("found");
    };
    assert_eq!(
        (again.message.kind(), again.xid()),
        (Some(Kind::Request), 2)
    );
    assert_eq!(again.message.address(54), Some(SERVER));
    let nak = reply(&again.message, Kind::Nak);
    assert_eq!(
        relay.answered(now, FROM, &nak, 9),
        Ok((Came::Refused(7), None))
    );

    // Of the one that was asked; of several the right one may still answer.
    let asked = relay.request(question(now, 3, &request(2)), 8).unwrap();
    let mut offer = reply(&asked.message, Kind::Offer);
    offer.yiaddr = OTHER;
    assert_eq!(
        relay.answered(now, FROM, &offer, 9),
        Ok((Came::Gone(8), None))
    );
}

#[test]
fn a_server_that_answers_machines_and_no_relay_is_known_after_two_times() {
    let (mut relay, now) = (relay(), Instant::now());
    let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
    for (xid, news) in [(1, vec![]), (2, vec![News::Deaf(SERVER)])] {
        relay.discover(question(now, xid, &discover(1)), 7).unwrap();
        relay.heard(now, SERVER, (mac, 0x77));
        let late = relay.overdue(now + WAIT, xid).unwrap();
        assert_eq!((late.alive, late.news), (vec![SERVER], news));
    }
    assert!(relay.servers.all_deaf());
    let asked = relay.discover(question(now, 3, &discover(1)), 7).unwrap();
    assert_eq!(asked.to, [SERVER, Ipv4Addr::BROADCAST]);
    let offer = reply(&asked.message, Kind::Offer);
    let came = relay.answered(now, FROM, &offer, 9);
    assert_eq!(came, Ok((Came::Lease(7), Some(News::Answers(SERVER)))));
    assert_eq!(relay.overdue(now + WAIT, 3), None, "it came in time");
}

/// A fast server is heard before we have read the question that it answers.
#[test]
fn what_a_server_offers_before_our_question_counts_too() {
    let (mut relay, now) = (relay(), Instant::now());
    let mac = |mac| Mac::ethernet([2, 0, 0, 0, 0, mac]);
    relay.heard(now, SERVER, (mac(1), 0x77));
    for (xid, client, alive) in [(1, 1, vec![SERVER]), (2, 2, vec![])] {
        relay
            .discover(question(now, xid, &discover(client)), 0)
            .unwrap();
        let late = relay.overdue(now + WAIT, xid).unwrap();
        assert_eq!(late.alive, alive, "machine {client}");
    }
}

#[test]
fn a_late_answer_counts_and_a_very_late_one_does_not() {
    let (mut relay, now) = (relay(), Instant::now());
    for (xid, after, counts) in [(1, 4, true), (2, 60, false)] {
        let asked = relay.discover(question(now, xid, &discover(1)), 7).unwrap();
        assert!(relay.overdue(now + WAIT, xid).is_some());
        let offer = reply(&asked.message, Kind::Offer);
        let came = relay.answered(now + Duration::from_secs(after), FROM, &offer, 9);
        let late = came.is_ok_and(|(came, _)| came == Came::Late(7));
        assert_eq!(late, counts, "{after} s");
    }
}

#[test]
fn so_much_is_asked_in_a_second_and_kept_at_all() {
    let (mut relay, now) = (relay(), Instant::now());
    let asked = (0..3 * PER_SECOND)
        .filter(|n| relay.discover(question(now, *n, &discover(1)), 7).is_some());
    assert_eq!(asked.count(), PER_SECOND as usize);
    let later = now + Duration::from_secs(1);
    assert!(
        relay
            .discover(question(later, 1, &discover(1)), 7)
            .is_some()
    );
    let open = (0..3 * PER_SECOND).filter(|xid| relay.overdue(later, *xid).is_some());
    assert_eq!(open.count(), 8);
}

proptest! {
    /// Whatever is sent: a lease is handed on only to the machine and for the address that was asked for, of the
    /// server that offered it.
    #[test]
    fn no_answer_leads_to_another_machine(
        steps in proptest::collection::vec((0..5_u8, 0..4_u8, 0..6_u32, 0..7_u8, 0..3_u8, 0..3_u64), 1..120)
    ) {
        let (mut relay, mut now) = (relay(), Instant::now());
        let mut offered = Vec::new();
        let mut next = 100;
        for (what, mac, xid, kind, server, seconds) in steps {
            now += Duration::from_secs(seconds);
            let from = [SERVER, OTHER, HERE][usize::from(server)];
            match what {
                0 => drop(relay.discover(question(now, xid, &discover(mac)), mac)),
                1 => drop(relay.request(question(now, xid, &request(mac)), mac)),
                2 => drop(relay.overdue(now, xid)),
                3 => relay.heard(now, from, (Mac::ethernet([2, 0, 0, 0, 0, mac]), 0x77)),
                _ => {
                    let kind = [Kind::Offer, Kind::Ack, Kind::Nak, Kind::Discover, Kind::Request, Kind::Inform, Kind::Offer][usize::from(kind)];
                    let mut answer = message(kind, mac, &[(code::SERVER_ID, from)]);
                    (answer.op, answer.xid, answer.giaddr, answer.yiaddr) = (BOOTREPLY, xid, HERE, LEASED);
                    next += 1;
                    match relay.answered(now, SocketAddrV4::new(from, 67), &answer, next) {
                        Ok((Came::Lease(carried) | Came::Late(carried), _)) => {
                            prop_assert_eq!(carried, mac);
                            prop_assert!(from != HERE);
                            if kind == Kind::Offer {
                                offered.push((mac, from));
                            } else {
                                prop_assert_eq!(kind, Kind::Ack);
                                prop_assert!(offered.contains(&(mac, from)));
                            }
                        }
                        Ok((Came::Found(carried, _), _)) => {
                            prop_assert_eq!((carried, kind), (mac, Kind::Offer));
                            offered.push((mac, from));
                        }
                        Ok((Came::Refused(carried) | Came::Gone(carried) | Came::Renewed(carried), _)) => prop_assert_eq!(carried, mac),
                        Ok((Came::Unneeded, _)) | Err(_) => {}
                    }
                }
            }
        }
    }
}

#[test]
fn a_lease_that_nothing_is_known_of_is_refused_by_nobody() {
    let (mut relay, now) = (relay(), Instant::now());
    let renewal = Message {
        ciaddr: LEASED,
        ..message(Kind::Request, 1, &[])
    };
    let asked = relay.renew(question(now, 1, &renewal), 7).unwrap();
    let nak = reply(&asked.message, Kind::Nak);
    assert_eq!(relay.answered(now, FROM, &nak, 9), Err(Stray::Server));
    let ack = reply(&asked.message, Kind::Ack);
    let came = relay.answered(now, FROM, &ack, 9);
    assert_eq!(came, Ok((Came::Renewed(7), None)), "who has it says so");
}

#[test]
fn relayed_machines_have_half_of_the_questions() {
    let (mut relay, now) = (relay(), Instant::now());
    let mut relayed = discover(1);
    relayed.giaddr = OTHER;
    let mut asks = |message: &Message| {
        let all =
            (0..2 * PER_SECOND).filter(|n| relay.discover(question(now, *n, message), 7).is_some());
        all.count() as u32
    };
    assert_eq!(asks(&relayed), PER_SECOND / 2);
    assert_eq!(asks(&discover(1)), PER_SECOND / 2);
}

/// A machine that gets its ACK late was offered what it was offered.
#[test]
fn a_late_ack_is_no_late_offer() {
    let (mut relay, now) = (relay(), Instant::now());
    let asked = relay.discover(question(now, 1, &discover(1)), 7).unwrap();
    let offer = reply(&asked.message, Kind::Offer);
    assert!(relay.answered(now, FROM, &offer, 9).is_ok());
    let asked = relay.request(question(now, 2, &request(1)), 8).unwrap();
    let late = now + WAIT;
    assert!(
        relay
            .overdue(late, 2)
            .is_some_and(|over| over.news.is_empty())
    );
    let ack = reply(&asked.message, Kind::Ack);
    assert_eq!(
        relay.answered(late, FROM, &ack, 9),
        Ok((Came::Lease(8), None))
    );
}

/// Whom nobody has waited for is not blamed.
#[test]
fn what_was_not_waited_for_is_no_evidence() {
    let (mut relay, now) = (relay(), Instant::now());
    let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
    for xid in 1..=3 {
        relay.discover(question(now, xid, &discover(1)), 7).unwrap();
        relay.heard(now, SERVER, (mac, 0x77));
        assert_eq!(relay.not_waited_for(xid), Some(7));
    }
    assert!(!relay.servers.all_deaf());
}
