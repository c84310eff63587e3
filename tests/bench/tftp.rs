//! TFTP beside tftpd-hpa, which has no windowsize: with one block a window both, with more of them
//! bootjack alone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::machine::{self, ON_SERVER_CPU};
use super::support::appliance::Setup;
use super::support::lan::{Host, Lan};
use super::table::{Figure, Table};
use super::tftp_client::{Terms, fetch};
use super::{Run, meter, peers, sample};

const PEER_ADDRESS: &str = "10.77.0.3";
/// Bytes of the file that is fetched.
const SIZE: u64 = 16_000_000;
/// Clients fetch it again and again for this long; the last one is fetched to its end.
const FETCHING: Duration = Duration::from_secs(1);

/// One row: what is asked for, by how many clients, and whether of both sides.
struct Case {
    terms: Terms,
    clients: usize,
    beside: bool,
}

const fn case(blksize: usize, windowsize: u64, clients: usize) -> Case {
    Case {
        terms: Terms {
            blksize,
            windowsize,
        },
        clients,
        beside: windowsize == 1,
    }
}

const CASES: [Case; 8] = [
    case(1468, 1, 1),
    case(1468, 1, 8),
    case(512, 1, 1),
    case(512, 1, 8),
    case(1468, 16, 1),
    case(1468, 16, 8),
    case(1468, 64, 1),
    case(1468, 64, 8),
];

pub fn run(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let client = lan.host("client", "10.77.0.50/24");
    let setup = Setup::new(&lan.appliance_host(), &run.binary)
        .under(&ON_SERVER_CPU)
        .text_log();
    let mut appliance = setup
        .profile("lab.yaml", &sample::profile("Lab", 0, 1))
        .start();
    let long = if run.quick { FETCHING / 4 } else { FETCHING };
    sample::file(&appliance.images().join("file"), SIZE);
    let other = lan.host("peer", &format!("{PEER_ADDRESS}/24"));
    let peer = peers::tftpd(&other, &format!("{PEER_ADDRESS}:69"), &appliance.images());
    let ours = Server {
        process: appliance.process().id(),
        address: "10.77.0.2:69",
        file: "images/file",
    };
    let theirs = Server {
        process: peer.id(),
        address: "10.77.0.3:69",
        file: "file",
    };
    for case in &CASES {
        let rounds = (0..run.rounds(3)).map(|_| {
            let theirs = case.beside.then(|| case.fetch(&theirs, &client, long));
            (case.fetch(&ours, &client, long), theirs)
        });
        let (ours, theirs): (Vec<Figure>, Vec<Option<Figure>>) = rounds.unzip();
        let (ours, theirs) = (
            Figure::median(&ours),
            theirs.into_iter().collect::<Option<Vec<_>>>(),
        );
        match theirs {
            Some(theirs) => {
                table.beside(&case.name(), &ours, "tftpd-hpa", &Figure::median(&theirs));
            }
            None => table.alone(&case.name(), &ours),
        }
    }
    drop(appliance);
    more_processors(run, table);
}

/// Bootjack on one processor and on two. The clients may use both each time: where they cost as much as
/// it does, as with one block a window, a second processor can carry no more.
fn more_processors(run: &Run, table: &mut Table) {
    let long = if run.quick { FETCHING / 4 } else { FETCHING };
    for (blksize, windowsize, clients) in [(1468, 64, 16), (1468, 1, 16)] {
        let case = case(blksize, windowsize, clients);
        let rounds =
            (0..run.rounds(3)).map(|_| (case.on("0", run, long), case.on("0,1", run, long)));
        let (one, two): (Vec<Figure>, Vec<Figure>) = rounds.unzip();
        let name = format!("{}, on two processors", case.name());
        let (one, two) = (Figure::median(&one), Figure::median(&two));
        table.beside(&name, &two, "bootjack on one", &one);
    }
}

/// One side.
struct Server {
    process: u32,
    address: &'static str,
    file: &'static str,
}

impl Case {
    fn name(&self) -> String {
        let Terms {
            blksize,
            windowsize,
        } = self.terms;
        let clients = if self.clients == 1 {
            "client"
        } else {
            "clients"
        };
        format!(
            "TFTP, blksize {blksize}, windowsize {windowsize}, {} {clients}",
            self.clients
        )
    }

    /// Bootjack of its own on these processors, and clients on all.
    fn on(&self, processors: &str, run: &Run, long: Duration) -> Figure {
        let lan = Lan::new();
        let client = lan.host("client", "10.77.0.50/24");
        let mut appliance = Setup::new(&lan.appliance_host(), &run.binary)
            .under(&["taskset", "-c", processors])
            .text_log()
            .profile("lab.yaml", &sample::profile("Lab", 0, 1))
            .start();
        sample::file(&appliance.images().join("file"), SIZE);
        let server = Server {
            process: appliance.process().id(),
            address: "10.77.0.2:69",
            file: "images/file",
        };
        self.fetch_where(&server, &client, long, || {})
    }

    /// All clients at once, from a host of the lab, on the clients' processor.
    fn fetch(&self, server: &Server, client: &Host, long: Duration) -> Figure {
        self.fetch_where(server, client, long, machine::on_client_cpu)
    }

    fn fetch_where(
        &self,
        server: &Server,
        client: &Host,
        long: Duration,
        place: impl FnOnce() + Send,
    ) -> Figure {
        let one = || self.fetch_for(server, long);
        let (bytes, spent) = meter::during(server.process, || {
            client.enter(|| {
                place();
                std::thread::scope(|scope| {
                    let clients: Vec<_> = (0..self.clients).map(|_| scope.spawn(one)).collect();
                    let bytes = clients.into_iter().map(|c| c.join().expect("a client"));
                    bytes.sum::<u64>() as f64
                })
            })
        });
        Figure {
            value: bytes / 1e6 / spent.wall,
            unit: "MB/s",
            cost: Some((spent.cpu / (bytes / 1e9), "s/GB")),
        }
    }

    /// One client; bytes fetched.
    fn fetch_for(&self, server: &Server, long: Duration) -> u64 {
        let address: SocketAddr = server.address.parse().expect("an address");
        let began = Instant::now();
        let mut bytes = 0;
        while began.elapsed() < long {
            let fetched = fetch(address, server.file, self.terms);
            assert_eq!(fetched.bytes, SIZE, "{address} sent another size");
            if fetched.repeated > 0 {
                let again = fetched.repeated;
                eprintln!("{}: {again} packets sent again to {address}", self.name());
            }
            bytes += fetched.bytes;
        }
        bytes
    }
}
