//! Machine → profile, by its MAC, by the beginning of it, and by its architecture, of more and more
//! rows: what a row costs whom it does not concern.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;

use bootjack::profile::{Profiles, Subject, select};
use bootjack::wire::{Arch, Mac};
use criterion::{BenchmarkId, Criterion};

use super::{in_no_order, profiles, sample};

/// Rows in all, and in each profile at most.
const ROWS: [u32; 3] = [10, 1000, 100_000];
const A_PROFILE: u32 = 100;
/// Machines that are looked for.
const ASKING: usize = 1000;
/// The profile of those that no row lists.
const OTHERS: &str = "others";

/// By what a profile is found: how row `n` is written, the machine that asks for it, and whether the
/// row is what it is found by.
type Way = (&'static str, fn(u32) -> String, fn(u32) -> [u8; 6], bool);

const WAYS: [Way; 3] = [
    ("MAC", whole, sample::mac, true),
    ("prefix", beginning, begins_so, true),
    ("architecture", whole, stranger, false),
];

pub(crate) fn all(c: &mut Criterion) {
    let mut group = c.benchmark_group("select");
    for (way, row, asks, listed) in WAYS {
        for rows in ROWS {
            let set = profiles(listing(rows, row));
            let asking = in_no_order(rows).take(ASKING);
            let asking: Vec<Mac> = asking.map(|n| Mac::ethernet(asks(n))).collect();
            let mut next = asking.iter().cycle();
            group.bench_function(BenchmarkId::new(way, rows), |b| {
                b.iter(|| find(&set, *next.next().expect("a machine"), listed));
            });
        }
    }
    group.finish();
}

fn whole(number: u32) -> String {
    written(&sample::mac(number))
}

/// `52:54:00:00:07:*`
fn beginning(number: u32) -> String {
    format!("{}:*", written(&begins_so(number)[..5]))
}

fn begins_so(number: u32) -> [u8; 6] {
    let [_, a, b, c] = number.to_be_bytes();
    [0x52, 0x54, a, b, c, 7]
}

fn stranger(number: u32) -> [u8; 6] {
    let [_, a, b, c] = number.to_be_bytes();
    [0x02, 0, 0, a, b, c]
}

fn written(octets: &[u8]) -> String {
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

/// Profiles with so many rows, and one for an architecture.
fn listing(rows: u32, row: fn(u32) -> String) -> impl Iterator<Item = String> {
    let firsts = (0..rows).step_by(A_PROFILE as usize);
    let listing = firsts.map(move |first| {
        let mut matching = "  mac:\n".to_owned();
        for number in first..rows.min(first + A_PROFILE) {
            writeln!(matching, "    - \"{}\"", row(number)).expect("text");
        }
        profile(&format!("from {first}"), &matching)
    });
    listing.chain([profile(OTHERS, "  arch: [efi-x64]\n")])
}

fn profile(name: &str, matching: &str) -> String {
    format!(
        "name: {name}\nmatch:\n{matching}menu:\n  title: Lab\n  entries:\n    \
         - id: disk\n      title: Local disk\n      local: true\n"
    )
}

fn find(set: &Profiles, mac: Mac, listed: bool) {
    let subject = Subject {
        mac,
        uuid: None,
        archs: &[Arch::EFI_X64],
        network: Ipv4Addr::new(10, 77, 0, 2),
    };
    let selection = select(set, black_box(&subject)).expect("a profile");
    assert_eq!(&*selection.profile.name != OTHERS, listed, "{mac}");
}
