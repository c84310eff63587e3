//! Mode `dhcp` beside Kea with its memfile and dnsmasq: leases from DISCOVER to ACK, renewals,
//! latency; what 100,000 leases take in memory and at start. Told by perfdhcp; each server alone on
//! the LAN, in turn, with nothing leased before.
//!
//! A rate counts where fewer than one in two hundred questions stay unanswered in two seconds; one
//! that does not is tried again, for a moment of somebody else's work is enough. perfdhcp itself is
//! the limit where it has no processor left: each row tells whether
//! perfdhcp and not the server ended most of them; such a rate is the least that the server holds.
//! Where rounds are far apart, the ratio tells nothing.

mod kept;
mod under_way;

use std::fs;
use std::net::Ipv4Addr;

use bootjack::service::lease::store::FILE;

use super::support::appliance::{Appliance, Setup};
use super::support::lan::{Host, Lan};
use super::support::perfdhcp::{Asked, Load};
use super::support::process::Process;
use super::support::servers::Server;
use super::table::{Figure, Row, Table};
use super::{Run, machine, meter, peers};

/// Where clients are relayed.
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 50);
/// Questions that may stay without an answer, of a thousand.
const DROPPED: u64 = 5;
/// Of load at each rate.
const SECONDS: u32 = 2;
/// Looks at how a server holds a rate, for one peak.
const LOOKS: u32 = 6;
/// Tries of a rate.
const TRIES: u32 = 2;
/// Imitated clients: more than exchanges in a round.
const CLIENTS: u32 = 120_000;

/// The servers, each as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Every ACK synced; the log as it is by default, to a file.
    Synced,
    /// A sync a second; the log as it is by default, to a file.
    Lazy,
    /// Its memfile, which is not synced; packets not logged.
    Kea,
    /// Its lease file, which is not synced; packets not logged.
    Dnsmasq,
}

const OURS: [(Who, &str); 2] = [
    (Who::Synced, "every ACK synced"),
    (Who::Lazy, "a sync a second"),
];
const ALL: [Who; 4] = [Who::Synced, Who::Lazy, Who::Kea, Who::Dnsmasq];

/// One at work.
enum Running {
    Ours(Appliance),
    Kea(Server),
    Dnsmasq(Process),
}

/// The LAN, and who asks on it.
struct Lab<'r> {
    run: &'r Run,
    server: Host,
    relay: Host,
    _lan: Lan,
}

/// What a server reached in the rounds so far.
struct Reached {
    who: Who,
    rounds: Vec<Figure>,
    /// Rounds that perfdhcp ended.
    by_generator: usize,
}

/// Why a rate was not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// It did not answer.
    Server,
    /// It asked too slowly, or most of what was lost was lost in its own socket.
    Generator,
}

/// As fast as it goes, by a load that costs little; what 100,000 leases take.
pub fn run(run: &Run, table: &mut Table) {
    let lab = Lab::new(run);
    lab.one_after_the_other(table);
    kept::measure(&lab, table);
}

/// The highest steady rates, and the latencies at half of them.
pub fn by_perfdhcp(run: &Run, table: &mut Table) {
    let lab = Lab::new(run);
    let peaks = lab.peaks(false, &[]);
    rows(table, "leases, DISCOVER to ACK", &peaks);
    let renewed = lab.peaks(true, &peaks);
    rows(table, "leases, and as many renewals", &renewed);
    lab.latencies(table, &peaks);
}

/// A row for each way that we are set, beside each peer.
fn rows(table: &mut Table, what: &str, all: &[Reached]) {
    let of = |who: Who| {
        let reached = all.iter().find(|reached| reached.who == who);
        reached.expect("a figure")
    };
    for (who, how) in OURS {
        for (peer, name) in [(Who::Kea, "kea"), (Who::Dnsmasq, "dnsmasq")] {
            let (ours, theirs) = (of(who), of(peer));
            let what = format!("{what}, {how}{}{}", ours.limit("ours"), theirs.limit(name));
            table.add(Row::more(what, &ours.rounds).beside(name, &theirs.rounds));
        }
    }
}

impl Reached {
    /// What is to be said of most rounds.
    fn limit(&self, who: &str) -> String {
        if self.by_generator * 2 > self.rounds.len() {
            format!(" (perfdhcp the limit of {who})")
        } else {
            String::new()
        }
    }
}

impl<'r> Lab<'r> {
    fn new(run: &'r Run) -> Self {
        let lan = Lan::new();
        Self {
            run,
            server: lan.appliance_host(),
            relay: lan.host("relay", &format!("{RELAY}/24")),
            _lan: lan,
        }
    }

    /// The highest rate of each server, in turns; `like` tells where to begin.
    fn peaks(&self, renewals: bool, like: &[Reached]) -> Vec<Reached> {
        let mut all = ALL.map(|who| Reached {
            who,
            rounds: Vec::new(),
            by_generator: 0,
        });
        for _ in 0..self.run.rounds(3) {
            for reached in &mut all {
                let like = like.iter().find(|like| like.who == reached.who);
                let last = reached.rounds.last().or_else(|| like?.rounds.last());
                let usual = if reached.who == Who::Dnsmasq {
                    400
                } else {
                    8000
                };
                let guess = last.map_or(usual, |figure| figure.value as u32);
                let (peak, limit) = self.peak(reached.who, guess, renewals);
                reached.rounds.push(peak);
                reached.by_generator += usize::from(limit == Some(Limit::Generator));
            }
        }
        all.into()
    }

    /// From a guess by half up or by a third down, then between what was held and what was not.
    fn peak(&self, who: Who, guess: u32, renewals: bool) -> (Figure, Option<Limit>) {
        let (mut held, mut not, mut limit) = (None::<(u32, Figure)>, None, None);
        let mut rate = guess.max(50);
        for _ in 0..LOOKS {
            let again = |_| self.holds(who, rate, renewals);
            match (1..TRIES).fold(again(0), |outcome, n| outcome.or_else(|_| again(n))) {
                Ok(figure) => held = Some((rate, figure)),
                Err(why) => (not, limit) = (Some(rate), Some(why)),
            }
            rate = match (&held, not) {
                (Some((held, _)), None) => held * 3 / 2,
                (None, Some(not)) => (not * 2 / 3).max(10),
                (Some((held, _)), Some(not)) if f64::from(not) < 1.05 * f64::from(*held) => break,
                (Some((held, _)), Some(not)) => (f64::from(*held) * f64::from(not)).sqrt() as u32,
                (None, None) => break,
            };
        }
        let nothing = Figure::plain(f64::NAN, "/s");
        (held.map_or(nothing, |(_, figure)| figure), limit)
    }

    /// What was answered a second at this rate, where it was nearly all.
    fn holds(&self, who: Who, rate: u32, renewals: bool) -> Result<Figure, Limit> {
        let renewals = if renewals { rate } else { 0 };
        let load = Load {
            rate,
            renewals,
            clients: CLIENTS,
            seconds: Some(SECONDS),
            ..Load::default()
        };
        let before = overflows(&self.relay);
        let (asked, cpu) = self.put(who, &load);
        let unheard = overflows(&self.relay).saturating_sub(before);
        let sent: u64 = asked.iter().map(|asked| asked.sent).sum();
        let wanted = u64::from(rate) * u64::from(SECONDS);
        // A generator that lags behind tells nothing of the server.
        let lagged = asked
            .first()
            .is_none_or(|asked| asked.sent * 10 < wanted * 9);
        let lost: u64 = asked.iter().map(Asked::lost).sum();
        if lagged || lost * 1000 >= sent * DROPPED {
            let generator = lagged || unheard * 2 > lost;
            return Err(if generator {
                Limit::Generator
            } else {
                Limit::Server
            });
        }
        let acks = asked.iter().filter(|asked| asked.what.contains("ACK"));
        let acks = acks.map(|asked| asked.answered).sum::<u64>() as f64;
        Ok(Figure {
            value: acks / f64::from(SECONDS),
            unit: "/s",
            cost: Some((cpu * 1e5 / acks, "s/100k")),
        })
    }

    /// Puts a load on a fresh server; what was asked, and its seconds of processor time.
    fn put(&self, who: Who, load: &Load) -> (Vec<Asked>, f64) {
        let mut running = self.start(who);
        let (asked, spent) = meter::during(running.id(), || self.ask(load));
        (asked, spent.cpu)
    }

    fn ask(&self, load: &Load) -> Vec<Asked> {
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                machine::on_client_cpu();
                load.run(&self.relay)
            });
            asking.join().expect("perfdhcp")
        })
    }

    fn start(&self, who: Who) -> Running {
        match who {
            Who::Synced => Running::Ours(self.ours("each")),
            Who::Lazy => Running::Ours(self.ours("lazy")),
            Who::Kea => {
                let _ = fs::remove_file(self.server.file("kea.leases"));
                Running::Kea(self.kea())
            }
            Who::Dnsmasq => Running::Dnsmasq(peers::dnsmasq_leases(&self.server)),
        }
    }

    fn ours(&self, sync: &str) -> Appliance {
        let state = self.server.file("bootjack").join("state");
        let _ = fs::remove_file(state.join(FILE));
        let setup = Setup::new(&self.server, &self.run.binary).config(&config(sync));
        let setup = setup.under(&machine::ON_SERVER_CPU).text_log();
        setup.start()
    }

    fn kea(&self) -> Server {
        let mut kea = Server::kea_for_thousands(&self.server);
        machine::to_server_cpu(kea.process().id());
        kea
    }

    /// Of each at half its own peak.
    fn latencies(&self, table: &mut Table, peaks: &[Reached]) {
        let of = |who: Who| {
            let reached = peaks.iter().find(|reached| reached.who == who);
            let peak = Figure::median(&reached.expect("a figure").rounds).value;
            let load = Load {
                rate: (peak / 2.0).max(1.0) as u32,
                clients: CLIENTS,
                seconds: Some(SECONDS),
                times: true,
                ..Load::default()
            };
            let rounds = (0..self.run.rounds(3)).map(|_| percentiles(&self.put(who, &load).0));
            let rounds: Vec<[f64; 4]> = rounds.collect();
            let figure = |round: &[f64; 4], n: usize| Figure::plain(round[n], "ms");
            let of = |n| rounds.iter().map(|round| figure(round, n)).collect();
            std::array::from_fn::<Vec<Figure>, 4, _>(of)
        };
        let kea = of(Who::Kea);
        for (who, how) in OURS {
            let ours = of(who);
            for (n, what) in PERCENTILES.into_iter().enumerate() {
                let what = format!("{what} at half of each one's peak, {how}");
                table.add(Row::less(what, &ours[n]).beside("kea", &kea[n]));
            }
        }
    }
}

const PERCENTILES: [&str; 4] = [
    "DISCOVER to OFFER, median",
    "DISCOVER to OFFER, 99 of 100",
    "REQUEST to ACK, median",
    "REQUEST to ACK, 99 of 100",
];

/// [`PERCENTILES`], in milliseconds.
fn percentiles(asked: &[Asked]) -> [f64; 4] {
    let of = |what: &str, share: f64| {
        let asked = asked.iter().find(|asked| asked.what == what);
        let delays = asked.map_or(&[][..], |asked| &asked.delays);
        let place = (delays.len() as f64 * share) as usize;
        delays.get(place).copied().unwrap_or(f64::NAN)
    };
    let (offer, ack) = ("DISCOVER-OFFER", "REQUEST-ACK");
    [of(offer, 0.5), of(offer, 0.99), of(ack, 0.5), of(ack, 0.99)]
}

/// Datagrams that a host had no room for in its sockets, so far: the fifth number of `Udp:`.
fn overflows(host: &Host) -> u64 {
    let text = host.run("cat", &["/proc/net/snmp"]);
    let line = text.lines().rfind(|line| line.starts_with("Udp:"));
    let number = line.and_then(|line| line.split(' ').nth(5)?.parse().ok());
    number.expect("the kernel's counter")
}

/// A network with room for 100,000.
fn config(sync: &str) -> String {
    format!(
        "mode: dhcp\nforce: true\ndhcp:\n  authoritative: yes\n  conflict-check: off\n  \
         sync: {sync}\n  networks:\n    - subnet: 10.0.0.0/8\n      \
         pools: [10.0.0.1-10.1.255.254]\n"
    )
}

impl Running {
    fn id(&mut self) -> u32 {
        match self {
            Self::Ours(appliance) => appliance.process().id(),
            Self::Kea(kea) => kea.process().id(),
            Self::Dnsmasq(process) => process.id(),
        }
    }
}
