//! A network, leases in it, and a server that has them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bootjack::event::What;
use bootjack::lease::{Ask, Binding, Holder, Kind, Limits, Record, Verdict};
use bootjack::network::{
    Criteria, LeaseTimes, Network, Networks, Pool, Range, Reservation, Reservations, Subnet, Terms,
    Whom,
};
use bootjack::profile::Snapshot;
use bootjack::service::lease::clock::{Clock, Readings};
use bootjack::service::lease::store::Store;
use bootjack::service::lease::{Emit, Given, Leases, control};
use bootjack::service::shared::Folders;
use bootjack::service::{Shared, http};
use bootjack::wire::Mac;
use bootjack::yaml::At;
use serde_json::{Value, json};

use crate::run::{Said, bootjack};

pub const A: &str = "52:54:00:00:00:01";
pub const B: &str = "52:54:00:00:00:02";

pub fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

/// A machine with a reserved host name.
pub const NAMED: &str = "52:54:00:00:00:03";

/// `lab`, 10.0.0.0/24, with one pool; [`NAMED`] is called front-desk there.
pub fn networks() -> Arc<Networks> {
    let terms = Terms {
        lease: LeaseTimes {
            min: Some(1),
            ..LeaseTimes::default()
        },
        ..Terms::default()
    };
    let pool = Pool {
        range: Range {
            first: Ipv4Addr::new(10, 0, 0, 10),
            last: Ipv4Addr::new(10, 0, 0, 99),
        },
        exclude: Vec::new(),
        tags: [].into(),
        bootp: false,
        terms: terms.clone(),
    };
    let subnet = Subnet {
        net: "10.0.0.0/24".parse().unwrap(),
        pools: vec![pool],
        terms,
    };
    let lab = Network {
        name: "lab".into(),
        match_client_id: true,
        subnets: vec![subnet],
    };
    let named = Reservation {
        whom: Whom::Mac(mac(NAMED)),
        address: None,
        host_name: Some("front-desk".to_owned()),
        profile: None,
        terms: Terms::default(),
        at: At::default(),
    };
    Arc::new(Networks {
        all: vec![lab],
        reservations: Reservations::new(vec![named]),
        ..Networks::default()
    })
}

/// A record, its times told in seconds from now.
pub fn record(last: u8, mac: &str, state: &str, since: i64, until: i64) -> Record {
    let now = Readings::now().wall;
    let at = |offset| now.checked_add_signed(offset).unwrap();
    let json = json!({
        "address": Ipv4Addr::new(10, 0, 0, last),
        "mac": mac,
        "client_id": "0102",
        "state": state,
        "since": at(since),
        "until": at(until),
        "host_name": "pc-1",
        "profile": "Lab A",
    });
    serde_json::from_value(json).unwrap()
}

/// A lease, one that is over, one given back, one declined.
pub fn four() -> Vec<Record> {
    vec![
        record(10, A, "leased", -60, 3600),
        record(11, A, "leased", -7200, -3600),
        record(12, B, "released", -30, -30),
        record(13, B, "declined", -30, 600),
    ]
}

/// A closed store with these records.
pub fn stored(folder: &Path, records: &[Record]) {
    let mut store = Store::open(folder).unwrap().store;
    let anchor = Clock::start(None, Readings::now()).anchor();
    store.write(records, &anchor).unwrap();
}

/// Runs `bootjack leases WORDS --state FOLDER`.
pub fn leases(folder: &Path, words: &[&str]) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let args = [&["leases"], words, &["--state"]].concat();
    let mut command = bootjack(scratch.path(), &args);
    command.arg(folder).output().unwrap().into()
}

/// The events of a server.
pub type Heard = Arc<Mutex<Vec<(Option<Mac>, What)>>>;

/// The leases of a folder, and the events about them.
pub fn opened(folder: &Path) -> (Arc<Leases>, Heard, Vec<String>) {
    let heard = Heard::default();
    let hears = heard.clone();
    let emit: Emit = Arc::new(move |client, what| hears.lock().unwrap().push((client, what)));
    let limits = Limits::default();
    let (leases, notices) = Leases::open(folder, networks(), limits, emit).unwrap();
    let notices = notices.iter().map(ToString::to_string).collect();
    (leases, heard, notices)
}

/// A running server: its control socket, and HTTP on loopback.
pub struct Server {
    pub folder: PathBuf,
    pub leases: Arc<Leases>,
    pub shared: Arc<Shared>,
    pub web: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

pub fn server(folder: &Path) -> Server {
    let folders = Folders {
        images: folder.to_owned(),
        assets: None,
    };
    let shared = Shared::new(
        Snapshot::default(),
        folders,
        bootjack::service::Limits::default(),
    );
    let limits = Limits::default();
    let opened = Leases::open(folder, networks(), limits, shared.emitter());
    let leases = opened.unwrap().0;
    assert!(shared.leases.set(leases.clone()).is_ok());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.spawn(http::serve(
        http::Listeners::plain(vec![listener]),
        shared.clone(),
    ));
    runtime.spawn(control::serve(
        control::open(folder).unwrap(),
        leases.clone(),
    ));
    runtime.spawn(leases.clone().expire());
    Server {
        folder: folder.to_owned(),
        leases,
        shared,
        web,
        _runtime: runtime,
    }
}

impl Server {
    /// Status and JSON of a GET below `/api/v1/`, or the text of another path.
    pub fn get(&self, path: &str) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.web).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    pub fn api(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.get(&format!("/api/v1/{path}"));
        (status, serde_json::from_str(&text).unwrap())
    }
}

/// DISCOVER and REQUEST of a client: its binding, once the ACK may leave.
pub fn acquire(leases: &Arc<Leases>, client: &str) -> Binding {
    acquire_for(leases, client, 600)
}

/// [`acquire`] for so many seconds.
pub fn acquire_for(leases: &Arc<Leases>, client: &str, seconds: u32) -> Binding {
    let offered = ask(leases, client, Kind::Discover, None);
    let Verdict::Offer { binding, probe } = offered else {
        panic!("{offered:?}");
    };
    if probe {
        assert!(leases.book().probed(binding.address, binding.serial));
    }
    let networks = leases.networks();
    let holder = Holder::new(mac(client), None, true);
    let (told, answer) = std::sync::mpsc::channel();
    let acked = {
        let mut book = leases.book();
        let kind = Kind::Selecting { ours: true };
        let question = Ask {
            seconds: Some(seconds),
            ..question(&networks, &holder, kind, Some(binding.address))
        };
        let outcome = book.handle(leases.now(), &question);
        let Verdict::Ack(acked) = outcome.verdict else {
            panic!("{:?}", outcome.verdict);
        };
        let peer = acked.address.into();
        let answer = move || told.send(()).unwrap();
        let lease = Given {
            binding: acked,
            records: outcome.records,
            changes: outcome.changes,
        };
        leases.store(&mut book, peer, lease, answer);
        acked
    };
    answer.recv().expect("the ACK leaves");
    acked
}

/// One message whose answer needs no disk.
pub fn ask(leases: &Arc<Leases>, client: &str, kind: Kind, address: Option<Ipv4Addr>) -> Verdict {
    let networks = leases.networks();
    let holder = Holder::new(mac(client), None, true);
    let mut book = leases.book();
    let outcome = book.handle(leases.now(), &question(&networks, &holder, kind, address));
    leases.tell(&outcome.changes);
    let peer = Ipv4Addr::LOCALHOST.into();
    assert!(leases.submit(&mut book, peer, outcome.records, None));
    outcome.verdict
}

fn question<'a>(
    networks: &'a Networks,
    holder: &'a Holder,
    kind: Kind,
    address: Option<Ipv4Addr>,
) -> Ask<'a> {
    static CRITERIA: Criteria = Criteria {
        include: std::collections::BTreeSet::new(),
        exclude: std::collections::BTreeSet::new(),
    };
    Ask {
        kind,
        holder,
        address,
        seconds: None,
        host_name: Some(b"pc-1"),
        networks,
        network: &networks.all[0],
        reservation: None,
        profile: None,
        terms: &networks.all[0].subnets[0].pools[0].terms,
        criteria: &CRITERIA,
        authoritative: true,
    }
}
