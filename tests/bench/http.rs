//! HTTP beside nginx: large files, and many small ones.

use std::net::SocketAddr;
use std::time::Duration;

use super::http_client::{fetch, many};
use super::machine::{self, ON_SERVER_CPU};
use super::meter::{self, Spent};
use super::support::appliance::Setup;
use super::support::lan::{Host, Lan};
use super::table::{Figure, Table};
use super::{Run, peers, sample};

const PEER_ADDRESS: &str = "10.77.0.3";
const LARGE: u64 = 1 << 30;
/// How long the many connections ask in a round.
const ASKING: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 64;

/// One side.
struct Server {
    process: u32,
    address: SocketAddr,
    folder: &'static str,
}

pub fn run(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let client = lan.host("client", "10.77.0.50/24");
    let setup = Setup::new(&lan.appliance_host(), &run.binary)
        .under(&ON_SERVER_CPU)
        .text_log();
    let mut appliance = setup
        .profile("lab.yaml", &sample::profile("Lab", 0, 1))
        .start();
    let files = [("large", LARGE), ("1k", 1 << 10), ("1m", 1 << 20)];
    for (name, size) in files {
        sample::file(&appliance.images().join(name), size);
    }
    let other = lan.host("peer", &format!("{PEER_ADDRESS}/24"));
    let peer = peers::nginx(&other, &appliance.images());
    let sides = [
        Server {
            process: appliance.process().id(),
            address: ([10, 77, 0, 2], 8067).into(),
            folder: "/images",
        },
        Server {
            process: peer.id(),
            address: ([10, 77, 0, 3], peers::NGINX_PORT).into(),
            folder: "",
        },
    ];
    for clients in [1, 8] {
        let what = format!("HTTP, {clients} × 1 GiB");
        in_turn(run, table, &what, &sides, |side| {
            large(side, &client, clients)
        });
    }
    for (name, what) in [("1k", "1 KiB"), ("1m", "1 MiB")] {
        let what = format!("HTTP, files of {what}, {CONNECTIONS} connections");
        in_turn(run, table, &what, &sides, |side| {
            small(run, side, &client, name)
        });
    }
}

/// Rounds of ours and the peer's in turn; a row of their medians.
fn in_turn(
    run: &Run,
    table: &mut Table,
    what: &str,
    sides: &[Server; 2],
    measure: impl Fn(&Server) -> Figure,
) {
    let rounds = (0..run.rounds(5)).map(|_| (measure(&sides[0]), measure(&sides[1])));
    let (ours, theirs): (Vec<Figure>, Vec<Figure>) = rounds.unzip();
    table.beside(
        what,
        &Figure::median(&ours),
        "nginx",
        &Figure::median(&theirs),
    );
}

fn large(side: &Server, client: &Host, clients: u32) -> Figure {
    let path = format!("{}/large", side.folder);
    let one = || {
        let bytes = fetch(side.address, &path);
        assert_eq!(bytes, LARGE, "{} sent another size", side.address);
    };
    let ((), Spent { wall, cpu }) = meter::during(side.process, || {
        client.enter(|| {
            machine::on_client_cpu();
            std::thread::scope(|scope| {
                let clients: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
                for client in clients {
                    client.join().expect("a client");
                }
            });
        });
    });
    let bytes = (LARGE * u64::from(clients)) as f64;
    Figure {
        value: bytes / 1e6 / wall,
        unit: "MB/s",
        cost: Some((cpu / (bytes / 1e9), "s/GB")),
    }
}

fn small(run: &Run, side: &Server, client: &Host, name: &str) -> Figure {
    let path = format!("{}/{name}", side.folder);
    let long = if run.quick { ASKING / 4 } else { ASKING };
    let (served, spent) = meter::during(side.process, || {
        client.enter(|| {
            machine::on_client_cpu();
            many(side.address, &path, CONNECTIONS, long)
        })
    });
    Figure {
        value: served.responses as f64 / served.seconds,
        unit: "/s",
        cost: Some((spent.cpu * 1e5 / served.responses as f64, "s/100k")),
    }
}
