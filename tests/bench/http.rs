//! HTTP and HTTPS beside nginx: large files, and many small ones.
//!
//! Before a row is measured, the same connections fetch the same file once from each side and hold
//! each byte against the pattern; while it is measured clients read heads and count bytes alone, for
//! they would be the limit else.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ClientConfig;

use super::authority::{Authority, Key};
use super::http_client::{Ask, fetch, many, verify};
use super::machine::{self, ON_SERVER_CPU};
use super::meter::{self, Spent};
use super::support::appliance::{Appliance, HTTP_PORT, Setup};
use super::support::lan::{Host, Lan};
use super::support::process::Process;
use super::table::{Figure, Goal, Row, Table};
use super::{Run, peers, sample, tls_client};

/// Connections take turns with these: bootjack lets one address have 64.
const CLIENTS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 50), Ipv4Addr::new(10, 77, 0, 51)];
/// Where ours listens for HTTPS.
const TLS_PORT: u16 = 8443;
/// How long the many connections ask in a round.
const ASKING: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 64;

/// A file: what it is called in the table, and its size.
type File = (&'static str, u64);

/// Large files: of each this many clients fetch one.
const LARGE: [(usize, File); 3] = [
    (1, ("1 GiB", 1 << 30)),
    (8, ("512 MiB", 512 << 20)),
    (64, ("64 MiB", 64 << 20)),
];
/// The same by HTTPS.
const SECRET: [(usize, File); 2] = [(1, ("512 MiB", 512 << 20)), (8, ("64 MiB", 64 << 20))];
/// Small files, and how many times nginx's rate is the goal.
const SMALL: [(File, Option<f64>); 3] = [
    (("1 KiB", 1 << 10), Some(1.3)),
    (("16 KiB", 16 << 10), Some(1.3)),
    (("1 MiB", 1 << 20), None),
];

/// One side.
struct Server {
    process: u32,
    ip: Ipv4Addr,
    ports: [u16; 2],
    folder: &'static str,
}

/// Both sides on a LAN.
struct Lab<'r> {
    run: &'r Run,
    client: Host,
    sides: [Server; 2],
    trust: Arc<ClientConfig>,
    _running: (Appliance, Process),
    _lan: Lan,
}

/// All rows.
pub fn run(run: &Run, table: &mut Table) {
    let lab = Lab::new(run);
    let daily = |clients: usize| clients == 8 || !run.quick;
    for (clients, file) in LARGE.into_iter().filter(|(clients, _)| daily(*clients)) {
        table.add(lab.large(clients, file));
    }
    for (file, goal) in SMALL {
        table.add(lab.small(file, goal));
    }
    for (clients, file) in SECRET.into_iter().filter(|(clients, _)| daily(*clients)) {
        table.add(lab.secret(clients, file));
    }
}

impl<'r> Lab<'r> {
    fn new(run: &'r Run) -> Self {
        let lan = Lan::new();
        let client = lan.host("client", &format!("{}/24", CLIENTS[0]));
        client.address("eth0", &format!("{}/24", CLIENTS[1]));
        let authority = Authority::new(lan.folder(), "bench");
        let issued = authority.issue("both", Key::Rsa, "IP:10.77.0.2,IP:10.77.0.3");
        let setup = Setup::new(&lan.appliance_host(), &run.binary)
            .under(&ON_SERVER_CPU)
            .text_log();
        let (cert, key) = (issued.cert.display(), issued.key.display());
        let mut appliance = setup
            .config(&format!("tls-cert: {cert}\ntls-key: {key}\n"))
            .profile("lab.yaml", &sample::profile("Lab", 0, 1))
            .start();
        files(&appliance.images());
        let other = lan.host("peer", "10.77.0.3/24");
        let peer = peers::web::nginx(&other, &appliance.images(), &issued.cert, &issued.key);
        let sides = [
            Server {
                process: appliance.process().id(),
                ip: Ipv4Addr::new(10, 77, 0, 2),
                ports: [HTTP_PORT, TLS_PORT],
                folder: "/images",
            },
            Server {
                process: peer.id(),
                ip: Ipv4Addr::new(10, 77, 0, 3),
                ports: [peers::web::PORT, peers::web::TLS_PORT],
                folder: "",
            },
        ];
        Self {
            run,
            client,
            sides,
            trust: tls_client::trusting(&authority.cert()),
            _running: (appliance, peer),
            _lan: lan,
        }
    }

    fn large(&self, clients: usize, (size, bytes): File) -> Row {
        let what = format!("HTTP, {clients} × {size}");
        let check = |ask: &Ask<'_>| verify(ask, (number(bytes), bytes), 1);
        let one = |ask: &Ask<'_>| assert_eq!(fetch(ask), bytes, "{} sent it", ask.server);
        let row = self.in_turn(what, |side| {
            self.each(side, clients, bytes, 0, check);
            move || self.rate(side, clients, bytes, 0, one)
        });
        row.goal(Goal::times(1.0)).goal(Goal::cost(1.0))
    }

    fn secret(&self, clients: usize, (size, bytes): File) -> Row {
        let what = format!("HTTPS, {clients} × {size}, {}", tls_client::SUITE);
        let trust = &self.trust;
        let check = |ask: &Ask<'_>| tls_client::verify(ask, trust, (number(bytes), bytes));
        let one = |ask: &Ask<'_>| {
            tls_client::fetch(ask, trust, bytes);
        };
        let row = self.in_turn(what, |side| {
            self.each(side, clients, bytes, 1, check);
            move || self.rate(side, clients, bytes, 1, one)
        });
        row.goal(Goal::times(1.0))
    }

    fn small(&self, (size, bytes): File, goal: Option<f64>) -> Row {
        let what = format!("HTTP, files of {size}, {CONNECTIONS} connections");
        let check = |ask: &Ask<'_>| verify(ask, (number(bytes), bytes), 4);
        let row = self.in_turn(what, |side| {
            self.each(side, CONNECTIONS, bytes, 0, check);
            move || self.responses(side, bytes)
        });
        goal.into_iter().map(Goal::times).fold(row, Row::goal)
    }

    /// Each side is prepared once; then rounds of ours and nginx's in turn.
    fn in_turn<'s, M: Fn() -> Figure>(
        &'s self,
        what: String,
        prepare: impl Fn(&'s Server) -> M,
    ) -> Row {
        let measures = self.sides.each_ref().map(prepare);
        let rounds = (0..self.run.rounds(5)).map(|_| (measures[0](), measures[1]()));
        let (ours, theirs): (Vec<Figure>, Vec<Figure>) = rounds.unzip();
        Row::more(what, &ours).beside("nginx", &theirs)
    }

    fn rate(
        &self,
        side: &Server,
        clients: usize,
        bytes: u64,
        port: usize,
        one: impl Fn(&Ask<'_>) + Sync,
    ) -> Figure {
        let work = || self.each(side, clients, bytes, port, one);
        let ((), Spent { wall, cpu }) = meter::during(side.process, work);
        let bytes = (bytes * clients as u64) as f64;
        Figure {
            value: bytes / 1e6 / wall,
            unit: "MB/s",
            cost: Some((cpu / (bytes / 1e9), "s/GB")),
        }
    }

    /// All clients at once, each on a thread of its own.
    fn each(
        &self,
        side: &Server,
        clients: usize,
        bytes: u64,
        port: usize,
        one: impl Fn(&Ask<'_>) + Sync,
    ) {
        let (path, one) = (side.path(bytes), &one);
        let asks = side.asks(&path, clients, port);
        self.client.enter(|| {
            machine::on_client_cpu();
            std::thread::scope(|scope| {
                for ask in &asks {
                    scope.spawn(move || one(ask));
                }
            });
        });
    }

    fn responses(&self, side: &Server, bytes: u64) -> Figure {
        let long = if self.run.quick { ASKING / 4 } else { ASKING };
        let path = side.path(bytes);
        let asks = side.asks(&path, CONNECTIONS, 0);
        let (served, spent) = meter::during(side.process, || {
            self.client.enter(|| {
                machine::on_client_cpu();
                many(&asks, long)
            })
        });
        Figure {
            value: served.responses as f64 / served.seconds,
            unit: "/s",
            cost: Some((spent.cpu * 1e5 / served.responses as f64, "s/100k")),
        }
    }
}

impl Server {
    fn path(&self, bytes: u64) -> String {
        format!("{}/{bytes}", self.folder)
    }

    fn asks<'a>(&self, path: &'a str, clients: usize, port: usize) -> Vec<Ask<'a>> {
        let server = SocketAddr::from((self.ip, self.ports[port]));
        let sources = CLIENTS.iter().cycle().take(clients);
        let ask = |source: &Ipv4Addr| Ask {
            server,
            source: *source,
            path,
        };
        sources.map(ask).collect()
    }
}

/// Files are named and numbered by their sizes.
fn files(folder: &Path) {
    let large = LARGE.into_iter().chain(SECRET).map(|(_, file)| file);
    for (_, bytes) in large.chain(SMALL.map(|(file, _)| file)) {
        sample::file(&folder.join(bytes.to_string()), number(bytes), bytes);
    }
}

const fn number(bytes: u64) -> u16 {
    bytes.trailing_zeros() as u16
}
