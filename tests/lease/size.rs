//! 100,000 leases in a /15: time and memory. A measurement, run by hand:
//! `cargo test --release --test lease -- --ignored --nocapture size`

use std::net::Ipv4Addr;
use std::time::Instant;

use bootjack::lease::{Ask, Book, Holder, Kind, Limits, Verdict};
use bootjack::network::{Criteria, Networks, Terms};
use bootjack::wire::Mac;

use super::world::*;

const LEASES: u32 = 100_000;

fn holder(n: u32) -> Holder {
    let [a, b, c, d] = n.to_be_bytes();
    let mac = Mac::ethernet([2, 0, a, b, c, d]);
    Holder::new(mac, Some(&[255, 1, 2, 3, 4, 0, 2, a, b, c, d, 9, 9]), true)
}

fn ask(
    book: &mut Book,
    networks: &Networks,
    n: u32,
    kind: Kind,
    address: Option<Ipv4Addr>,
) -> Verdict {
    let (terms, criteria) = (Terms::default(), Criteria::default());
    let ask = Ask {
        kind,
        holder: &holder(n),
        address,
        seconds: None,
        host_name: Some(b"machine"),
        networks,
        network: &networks.all[0],
        reservation: None,
        profile: None,
        terms: &terms,
        criteria: &criteria,
        authoritative: true,
    };
    book.handle(u64::from(n / 1000), &ask).verdict
}

/// DISCOVER, probed, REQUEST, stored; returns the address.
fn dora(book: &mut Book, networks: &Networks, n: u32) -> Ipv4Addr {
    let offer = ask(book, networks, n, Kind::Discover, None);
    let Verdict::Offer { binding, probe } = offer else {
        panic!("{offer:?}")
    };
    if probe {
        book.probed(binding.address, binding.serial);
    }
    let kind = Kind::Selecting { ours: true };
    let ack = ask(book, networks, n, kind, Some(binding.address));
    let Verdict::Ack(binding) = ack else {
        panic!("{ack:?}")
    };
    assert!(book.stored(binding.address, binding.serial));
    binding.address
}

/// Memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = status.split(' ').nth(1).unwrap();
    pages.parse::<u64>().unwrap() * 4096
}

fn timed(what: &str, mut work: impl FnMut(u32)) {
    let start = Instant::now();
    (0..LEASES).for_each(&mut work);
    let each = start.elapsed() / LEASES;
    println!("{what}: {} ns each", each.as_nanos());
}

#[test]
#[ignore = "a measurement"]
fn size_of_a_hundred_thousand_leases() {
    let mut wide = pool("10.0.0.1", "10.1.255.254");
    wide.terms = times(10, 1_000_000, 1_000_000);
    let lan = network("lan", vec![subnet("10.0.0.0/15", vec![wide])]);
    let networks = networks(vec![lan], vec![]);
    let mut book = Book::new(Limits::default());
    book.set_networks(0, &networks);
    let before = resident();
    let mut addresses = Vec::with_capacity(LEASES as usize);
    timed("new client, DISCOVER to ACK", |n| {
        addresses.push(dora(&mut book, &networks, n));
    });
    println!(
        "memory: {} bytes a lease",
        (resident() - before) / u64::from(LEASES)
    );
    timed("known client, DISCOVER to ACK", |n| {
        assert_eq!(dora(&mut book, &networks, n), addresses[n as usize]);
    });
    timed("renewal", |n| {
        let address = Some(addresses[n as usize]);
        let ack = ask(&mut book, &networks, n, Kind::Renewing, address);
        let Verdict::Ack(binding) = ack else {
            panic!("{ack:?}")
        };
        book.stored(binding.address, binding.serial);
    });
    let start = Instant::now();
    book.set_networks(u64::from(LEASES / 1000), &networks);
    println!("reload: {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    let ended = book.expire(u64::MAX).len();
    println!("{ended} leases end: {} ms", start.elapsed().as_millis());
    assert_eq!(ended, LEASES as usize);
}
