//! The servers, ours first, each in a host of its own, and what clients fetch from them.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use super::Case;
use crate::machine::{self, ON_SERVER_CPU};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::{Host, Lan};
use crate::support::process::Process;
use crate::table::Figure;
use crate::tftp_client::{Ask, Fetched, fetch};
use crate::{Run, meter, peers, sample};

/// Clients take turns with these: bootjack lets one address have 32 transfers.
pub const CLIENTS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 50), Ipv4Addr::new(10, 77, 0, 51)];

/// Files by number: megabytes of each. The more clients, the smaller, for all are fetched to their
/// ends.
const FILES: [(u16, u64); 3] = [(1, 16_000_000), (8, 8_000_000), (64, 4_000_000)];
/// The file that is fetched where packets are lost.
pub const LOSSY: (u16, u64) = (100, 1 << 20);

/// One server.
pub struct Side {
    /// Who it is.
    pub name: &'static str,
    /// Whether it knows windows.
    pub windows: bool,
    /// Of its process.
    pub id: u32,
    address: SocketAddr,
    folder: &'static str,
}

/// All of them on a LAN.
pub struct Lab {
    /// Ours first.
    pub sides: Vec<Side>,
    /// Where clients are.
    pub client: Host,
    /// Where bootjack is.
    pub server: Host,
    _appliance: Appliance,
    _peers: Vec<Process>,
    /// Their cables.
    pub lan: Lan,
}

impl Lab {
    /// All servers, started.
    pub fn new(run: &Run) -> Self {
        let lan = Lan::new();
        let client = lan.host("client", &format!("{}/24", CLIENTS[0]));
        client.address("eth0", &format!("{}/24", CLIENTS[1]));
        let server = lan.appliance_host();
        cuts_by_itself(&server);
        let mut appliance = ours(run, &server, "0");
        let folder = appliance.images();
        let mut sides = vec![Side {
            name: "bootjack",
            windows: true,
            id: appliance.process().id(),
            address: ([10, 77, 0, 2], 69).into(),
            folder: "images/",
        }];
        let mut processes = Vec::new();
        for (place, (name, windows, start)) in (3..).zip(peers::tftp::ALL) {
            let address = Ipv4Addr::new(10, 77, 0, place);
            let host = lan.host(name, &format!("{address}/24"));
            cuts_by_itself(&host);
            let process = start(&host, &address.to_string(), &folder);
            sides.push(Side {
                name,
                windows,
                id: process.id(),
                address: (address, 69).into(),
                folder: "",
            });
            processes.push(process);
        }
        Self {
            sides,
            client,
            server,
            _appliance: appliance,
            _peers: processes,
            lan,
        }
    }

    /// Every client fetches its file once and holds each byte against the pattern.
    pub fn verify(&self, side: &Side, case: &Case) {
        let (number, size) = file(case.clients);
        let one = |ask: Ask<'_>| {
            let ask = Ask {
                verify: Some(number),
                ..ask
            };
            whole(side, &ask, size)
        };
        each(&self.client, machine::on_client_cpu, side, case, one);
    }

    /// Clients fetch again and again for this long.
    pub fn fetch(&self, side: &Side, case: &Case, long: Duration) -> Figure {
        measure(&self.client, machine::on_client_cpu, side, case, long)
    }
}

/// Bootjack on these processors, with all files.
pub fn ours(run: &Run, host: &Host, processors: &str) -> Appliance {
    let under = [ON_SERVER_CPU[0], ON_SERVER_CPU[1], processors];
    let appliance = Setup::new(host, &run.binary)
        .under(&under)
        .text_log()
        .profile("lab.yaml", &sample::profile("Lab", 0, 1))
        .start();
    for (number, size) in FILES.into_iter().chain([LOSSY]) {
        sample::file(&appliance.images().join(name(number)), number, size);
    }
    appliance
}

/// Ours alone, where it is asked from another place.
pub fn alone(appliance: &mut Appliance) -> Side {
    Side {
        name: "bootjack",
        windows: true,
        id: appliance.process().id(),
        address: ([10, 77, 0, 2], 69).into(),
        folder: "images/",
    }
}

/// Frames leave the host as they are on the wire: the kernel cuts, no card does.
fn cuts_by_itself(host: &Host) {
    host.run("ethtool", &["-K", "eth0", "tx-udp-segmentation", "off"]);
}

fn name(number: u16) -> String {
    format!("file-{number}")
}

/// The file for so many clients: the largest that is meant for them.
fn file(clients: usize) -> (u16, u64) {
    let meant = FILES
        .iter()
        .rev()
        .find(|(least, _)| usize::from(*least) <= clients);
    meant.copied().unwrap_or(FILES[0])
}

/// All clients at once, each with an ask of its own; what they bring.
pub fn each<T: Send>(
    client: &Host,
    place: impl FnOnce() + Send,
    side: &Side,
    case: &Case,
    one: impl Fn(Ask<'_>) -> T + Sync,
) -> Vec<T> {
    asked(client, place, side, (case, file(case.clients).0), one)
}

/// The same with a file that is named.
pub fn asked<T: Send>(
    client: &Host,
    place: impl FnOnce() + Send,
    side: &Side,
    (case, number): (&Case, u16),
    one: impl Fn(Ask<'_>) -> T + Sync,
) -> Vec<T> {
    let file = format!("{}{}", side.folder, name(number));
    let ask = |source: &Ipv4Addr| {
        one(Ask {
            server: side.address,
            source: *source,
            file: &file,
            terms: case.terms,
            verify: None,
            until: None,
        })
    };
    let ask = &ask;
    client.enter(|| {
        place();
        std::thread::scope(|scope| {
            let sources = CLIENTS.iter().cycle().take(case.clients);
            let clients: Vec<_> = sources
                .map(|source| scope.spawn(move || ask(source)))
                .collect();
            let brought = clients.into_iter().map(ScopedJoinHandle::join);
            brought.map(|brought| brought.expect("a client")).collect()
        })
    })
}

/// The rate of all clients, and what it cost the server.
pub fn measure(
    client: &Host,
    place: impl FnOnce() + Send,
    side: &Side,
    case: &Case,
    long: Duration,
) -> Figure {
    let (_, size) = file(case.clients);
    let one = |ask: Ask<'_>| {
        let began = Instant::now();
        let mut fetched = Fetched::default();
        while began.elapsed() < long {
            let more = whole(side, &ask, size);
            fetched.bytes += more.bytes;
            fetched.repeated += more.repeated;
        }
        fetched
    };
    let (fetched, spent) = meter::during(side.id, || each(client, place, side, case, one));
    let repeated: u64 = fetched.iter().map(|one| one.repeated).sum();
    if repeated > 0 {
        eprintln!(
            "{}: {repeated} packets were sent again to {}",
            case.name(),
            side.name
        );
    }
    let bytes = fetched.iter().map(|one| one.bytes).sum::<u64>() as f64;
    rate(bytes, &spent)
}

/// Bytes in the time that passed.
pub fn rate(bytes: f64, spent: &meter::Spent) -> Figure {
    Figure {
        value: bytes / 1e6 / spent.wall,
        unit: "MB/s",
        cost: Some((spent.cpu / (bytes / 1e9), "s/GB")),
    }
}

fn whole(side: &Side, ask: &Ask<'_>, size: u64) -> Fetched {
    let fetched = fetch(ask).unwrap_or_else(|why| panic!("{}: {why}", side.name));
    assert_eq!(fetched.bytes, size, "{} sent another size", side.name);
    fetched
}
