//! The lease store: records that are on the disk, a second, with so many clients waiting; the
//! start with 100,000 leases.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bootjack::lease::{Limits, Record};
use bootjack::network::{Network, Networks, Pool, Range, Subnet, Terms};
use bootjack::service::lease::clock::{Anchor, Clock, Readings};
use bootjack::service::lease::commit::{Committer, Pending, Syncing};
use bootjack::service::lease::store::{FILE, Store};
use bootjack::service::lease::{Emit, Leases};

use super::Run;
use super::table::{Figure, Row, Table};

const LEASES: u32 = 100_000;
/// In a round of [`rate`].
const ROUND: Duration = Duration::from_secs(2);

pub fn run(run: &Run, table: &mut Table) {
    for (what, syncing, two_phase) in [
        ("", Syncing::Each, false),
        (", two syncs a commit", Syncing::Each, true),
        (", a sync a second", Syncing::Lazy, false),
    ] {
        for waiting in [1, 16, 256] {
            let rounds = (0..run.rounds(3)).map(|_| rate(waiting, syncing, two_phase));
            let (records, commits): (Vec<Figure>, Vec<Figure>) = rounds
                .map(|(records, commits)| {
                    (Figure::plain(records, "/s"), Figure::plain(commits, "/s"))
                })
                .unzip();
            let what = format!("leases written, {waiting} waiting{what}");
            table.add(Row::more(format!("{what}: commits"), &commits));
            table.add(Row::more(what, &records));
        }
    }
    start(run, table);
}

/// As it is stored.
fn record(n: u32, until: u64) -> Record {
    let json = serde_json::json!({
        "address": Ipv4Addr::from(0x0a00_0000 + n),
        "mac": format!("52:54:{:02x}:{:02x}:{:02x}:00", n >> 16, n >> 8 & 255, n & 255),
        "state": "leased",
        "since": 1_800_000_000,
        "until": until,
        "host_name": format!("classroom-{n}"),
        "profile": "Install Debian 12",
    });
    serde_json::from_value(json).expect("a record")
}

fn anchor() -> Anchor {
    Clock::start(None, Readings::now()).anchor()
}

/// A store with 100,000 leases.
fn filled(folder: &Path) -> Store {
    let mut store = Store::open(folder).expect("a new store").store;
    let records: Vec<Record> = (0..LEASES).map(|n| record(n, 1_800_003_600)).collect();
    for part in records.chunks(1000) {
        store.write(part, &anchor()).expect("room");
    }
    store
}

/// A store with 100,000 leases, closed, and the same as kill -9 leaves it.
pub fn filled_and_as_killed(closed: &Path, killed: &Path) {
    let store = filled(closed);
    std::fs::copy(closed.join(FILE), killed.join(FILE)).expect("a copy");
    drop(store);
}

/// Records and commits a second, where each of so many clients asks again when it was told.
fn rate(waiting: u32, syncing: Syncing, two_phase: bool) -> (f64, f64) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path());
    let store = if two_phase { store.two_phase() } else { store };
    let clock = Clock::start(None, Readings::now());
    let say = Box::new(|what| panic!("{what:?}"));
    let committer = Committer::start(store, clock, syncing, say).expect("a thread");
    let (told, answers) = channel();
    let ask = |n: u32| {
        let told = told.clone();
        let done = move |outcome: Result<(), _>| {
            outcome.expect("written");
            let _ = told.send(n);
        };
        let records = vec![record(n.wrapping_mul(2_654_435_761) % LEASES, u64::from(n))];
        let done = Some(Box::new(done) as _);
        committer.submit(Pending { records, done }).expect("room");
    };
    (0..waiting).for_each(ask);
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < ROUND {
        ask(answers.recv().expect("an answer").wrapping_add(waiting));
        count += 1;
    }
    let took = began.elapsed().as_secs_f64();
    let commits = committer.written().commits.load(Ordering::Relaxed);
    (f64::from(count) / took, commits as f64 / took)
}

/// Opening a store that was closed, and one whose process was killed.
fn start(run: &Run, table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let killed = tempfile::tempdir().expect("a folder");
    filled_and_as_killed(folder.path(), killed.path());
    let copy = killed.path().join(FILE);
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len()) as f64 / 1e6;
    let closed = folder.path().join(FILE);
    let file = Figure::plain(size(&closed), "MB");
    table.add(Row::less("the store's file with 100,000 leases", &[file]));
    let mut row = |what: &str, took: &dyn Fn() -> f64| {
        let rounds = (0..run.rounds(5)).map(|_| Figure::plain(took(), "ms"));
        table.add(Row::less(what, &rounds.collect::<Vec<_>>()));
    };
    row("100,000 leases read at start", &|| opening(folder.path()));
    row("the same after kill -9", &|| {
        let again = tempfile::tempdir().expect("a folder");
        std::fs::copy(&copy, again.path().join(FILE)).expect("a copy");
        opening(again.path())
    });
    row("100,000 leases read at start and in the book", &|| {
        in_the_book(folder.path())
    });
}

fn opening(folder: &Path) -> f64 {
    let began = Instant::now();
    let opened = Store::open(folder).expect("the store");
    let took = began.elapsed();
    assert_eq!(opened.contents.records.len(), LEASES as usize);
    took.as_secs_f64() * 1e3
}

/// Milliseconds of a start with the book.
fn in_the_book(folder: &Path) -> f64 {
    let began = Instant::now();
    let emit: Emit = Arc::new(|_, what| panic!("{what:?}"));
    let limits = Limits::default();
    let opened = Leases::open(folder, Arc::new(networks()), limits, emit);
    let (leases, _) = opened.expect("the store");
    let took = began.elapsed();
    assert_eq!(leases.addresses().len(), LEASES as usize);
    took.as_secs_f64() * 1e3
}

/// One network, with room for all.
fn networks() -> Networks {
    let pool = Pool {
        range: Range {
            first: Ipv4Addr::new(10, 0, 0, 1),
            last: Ipv4Addr::new(10, 1, 255, 254),
        },
        exclude: Vec::new(),
        tags: [].into(),
        bootp: false,
        terms: Terms::default(),
    };
    let subnet = Subnet {
        net: "10.0.0.0/15".parse().expect("a prefix"),
        pools: vec![pool],
        terms: Terms::default(),
    };
    let all = vec![Network {
        name: "bench".into(),
        match_client_id: true,
        subnets: vec![subnet],
    }];
    Networks {
        all,
        ..Networks::default()
    }
}
