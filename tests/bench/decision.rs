//! What a decision takes inside the library: a DISCOVER decoded, the profile chosen, the OFFER
//! built and encoded; and what compiling those profiles takes.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use bootjack::decide::{Incoming, Port, decide};
use bootjack::profile::{Snapshot, Source, compile};
use bootjack::wire::dhcp::Message;

use super::support::clients::{BootClient, Speaker};
use super::table::{Figure, Row, Table};
use super::{Run, sample};

/// Machines that ask, spread over all that are listed.
const ASKING: u32 = 1024;

pub fn run(run: &Run, table: &mut Table) {
    let sets = [
        ("10 profiles", 10, 1),
        ("10,000 profiles", 10_000, 1),
        ("100,000 MACs in 100 profiles", 100, 1000),
    ];
    for (what, count, machines) in sets {
        let sources = sources(count, machines);
        let rounds = (0..run.rounds(5)).map(|_| Figure::plain(compiling(&sources), "ms"));
        let compiled: Vec<Figure> = rounds.collect();
        let set = snapshot(&sources);
        let asking = asking(count * machines);
        let rounds = (0..run.rounds(9)).map(|_| deciding(&set, &asking, run.amount(50_000)));
        let (whole, alone): (Vec<Figure>, Vec<Figure>) = rounds
            .map(|(whole, alone)| (Figure::plain(whole, "µs"), Figure::plain(alone, "µs")))
            .unzip();
        table.add(Row::less(format!("decide a DISCOVER, {what}"), &alone));
        table.add(Row::less(
            format!("the same from bytes to bytes, {what}"),
            &whole,
        ));
        table.add(Row::less(format!("compile {what}"), &compiled));
    }
}

fn sources(count: u32, machines: u32) -> Vec<Source> {
    let profiles = sample::profiles(count, machines);
    let source = |(file, text): (String, String)| Source {
        file: file.into(),
        text,
    };
    profiles.map(source).collect()
}

/// Milliseconds to compile a set.
fn compiling(sources: &[Source]) -> f64 {
    let began = Instant::now();
    let (set, findings) = compile(sources);
    let took = began.elapsed();
    assert!(set.is_some(), "the sample profiles are wrong: {findings:?}");
    took.as_secs_f64() * 1e3
}

fn snapshot(sources: &[Source]) -> Snapshot {
    let profiles = compile(sources).0.expect("the sample profiles");
    Snapshot {
        profiles,
        http_port: 8067,
        ..Snapshot::default()
    }
}

/// DISCOVERs of machines spread over `listed`, in no order.
fn asking(listed: u32) -> Vec<Vec<u8>> {
    let discover = |n: u32| {
        let machine = BootClient {
            mac: sample::mac(n.wrapping_mul(2_654_435_761) % listed),
            ..BootClient::new(Speaker::Intel, 1)
        };
        machine.discover().bytes()
    };
    (0..ASKING).map(discover).collect()
}

/// Microseconds a message: decoding and deciding, deciding alone.
fn deciding(set: &Snapshot, asking: &[Vec<u8>], times: u64) -> (f64, f64) {
    let microseconds = |began: Instant| began.elapsed().as_secs_f64() * 1e6 / times as f64;
    let began = Instant::now();
    for bytes in asking.iter().cycle().take(times as usize) {
        answer(set, &Message::decode(bytes).expect("a DISCOVER"));
    }
    let whole = microseconds(began);
    let decode = |bytes: &Vec<u8>| Message::decode(bytes).expect("a DISCOVER");
    let messages: Vec<Message> = asking.iter().map(decode).collect();
    let began = Instant::now();
    for message in messages.iter().cycle().take(times as usize) {
        answer(set, message);
    }
    (whole, microseconds(began))
}

fn answer(set: &Snapshot, message: &Message) {
    let incoming = Incoming {
        message,
        port: Port::Dhcp,
        local: Ipv4Addr::new(10, 77, 0, 2),
        peer: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
        unicast: false,
        side: None,
    };
    let outcome = black_box(decide(set, incoming));
    assert!(outcome.decision.is_ok(), "no answer: {outcome:?}");
}
