//! ProxyDHCP answers a second: beside dnsmasq, each alone on the LAN, in turn; and with few and many
//! profiles, beside each other.
//!
//! Each row tells what the load could take by itself ([`Load::bound`]): where that is not far above
//! the rate, the load is the limit, and not the server.

use std::time::Duration;

use super::dhcp_load::{self, Load, MACHINES};
use super::machine::ON_SERVER_CPU;
use super::meter::Spent;
use super::support::appliance::{Appliance, Setup};
use super::support::lan::{Host, Lan};
use super::table::{Figure, Goal, Row, Table, median};
use super::{Run, meter, peers, sample};

/// How long machines ask in a round.
const ASKING: Duration = Duration::from_secs(1);
/// And in a slice of a round of bootjack beside itself: the shorter the turns, the more alike what
/// else the machine does meets all sides.
const SLICE: Duration = Duration::from_millis(250);
const SLICES: usize = 4;
/// With many profiles, of the rate with few.
const AS_GOOD: f64 = 0.95;
/// What both sides log: what they log by themselves, or no packets.
const LOGS: [(&str, bool); 2] = [
    ("log as it is by default, to a file", false),
    ("packets not logged", true),
];
/// Profiles, and machines in each; the first are what the others are held against. The same number of
/// machines asks of each set.
const SETS: [(&str, u32, u32); 3] = [
    ("10 profiles", 10, 100),
    ("10,000 profiles", 10_000, 1),
    ("100,000 MACs in 100 profiles", 100, 1000),
];

pub fn run(run: &Run, table: &mut Table) {
    beside_dnsmasq(run, table);
    few_and_many(run, table);
}

fn beside_dnsmasq(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let server = lan.appliance_host();
    let client = lan.host("client", "10.77.0.50/24");
    for (what, quiet) in LOGS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..run.rounds(5) {
            ours.push(bootjack(run, &server, &client, quiet));
            theirs.push(dnsmasq(run, &server, &client, quiet));
        }
        let what = format!("ProxyDHCP, DISCOVER to OFFER, {what}");
        let row = Row::more(with_load(&what, &ours, &theirs), &figures(&ours));
        table.add(row.beside("dnsmasq", &figures(&theirs)));
    }
}

fn bootjack(run: &Run, server: &Host, client: &Host, quiet: bool) -> Asked {
    let mut setup = Setup::new(server, &run.binary)
        .under(&ON_SERVER_CPU)
        .text_log()
        .profile("lab.yaml", &everyone());
    if quiet {
        setup = setup.flag("--log-level=warn");
    }
    let mut appliance = setup.start();
    let asked = ask(appliance.process().id(), client, asking(run), MACHINES);
    appliance.stop();
    asked
}

fn dnsmasq(run: &Run, server: &Host, client: &Host, quiet: bool) -> Asked {
    let mut process = peers::dnsmasq(server, quiet);
    let asked = ask(process.id(), client, asking(run), MACHINES);
    process.stop();
    asked
}

fn asking(run: &Run) -> Duration {
    if run.quick { ASKING / 4 } else { ASKING }
}

/// One profile, for whom it may concern.
fn everyone() -> String {
    let one = sample::profile("everyone", 0, 1);
    let (head, menu) = (one.split("match:").next(), one.split("menu:").nth(1));
    format!(
        "{}menu:{}",
        head.unwrap_or_default(),
        menu.unwrap_or_default()
    )
}

/// Bootjack with some profiles, on a LAN of its own.
struct Side {
    // Dropped in this order: logs are shown before their folder goes.
    appliance: Appliance,
    client: Host,
    _lan: Lan,
    listed: u32,
    rounds: Vec<Asked>,
}

impl Side {
    fn new(run: &Run, profiles: u32, machines: u32) -> Self {
        let lan = Lan::new();
        let mut setup = Setup::new(&lan.appliance_host(), &run.binary)
            .under(&ON_SERVER_CPU)
            .text_log()
            .flag("--log-level=warn");
        for (file, text) in sample::profiles(profiles, machines) {
            setup = setup.profile(&file, &text);
        }
        Self {
            appliance: setup.start(),
            client: lan.host("client", "10.77.0.50/24"),
            _lan: lan,
            listed: profiles * machines,
            rounds: Vec::new(),
        }
    }

    fn ask(&mut self) -> Asked {
        let server = self.appliance.process().id();
        ask(server, &self.client, SLICE, self.listed)
    }

    /// Adds a slice to the round under way.
    fn go_on(&mut self) {
        let asked = self.ask();
        let round = self.rounds.last_mut().expect("a round under way");
        round.add(&asked);
    }
}

fn few_and_many(run: &Run, table: &mut Table) {
    let mut sides = SETS.map(|(_, profiles, machines)| Side::new(run, profiles, machines));
    for side in &mut sides {
        side.ask(); // all machines are known from here on
    }
    for _ in 0..run.rounds(10) {
        for side in &mut sides {
            side.rounds.push(Asked::default());
        }
        for _ in 0..SLICES {
            sides.iter_mut().for_each(Side::go_on);
        }
    }
    let [few, many @ ..] = &sides;
    let (held_against, ..) = SETS[0];
    for (side, (what, ..)) in many.iter().zip(&SETS[1..]) {
        let what = format!("ProxyDHCP, bootjack with {what} beside itself with few");
        let what = with_load(&what, &side.rounds, &few.rounds);
        let row = Row::more(what, &figures(&side.rounds));
        let row = row.beside(held_against, &figures(&few.rounds));
        table.add(row.goal(Goal::times(AS_GOOD)));
    }
}

/// What machines asked, and what it cost the server.
#[derive(Default)]
struct Asked {
    load: Load,
    spent: Spent,
}

impl Asked {
    fn add(&mut self, more: &Self) {
        self.load.answers += more.load.answers;
        self.load.lost += more.load.lost;
        self.load.seconds += more.load.seconds;
        self.load.cpu += more.load.cpu;
        self.spent.wall += more.spent.wall;
        self.spent.cpu += more.spent.cpu;
    }

    fn figure(&self) -> Figure {
        let answers = self.load.answers as f64;
        Figure {
            value: answers / self.load.seconds,
            unit: "/s",
            cost: Some((self.spent.cpu * 1e5 / answers, "s/100k")),
        }
    }
}

fn figures(rounds: &[Asked]) -> Vec<Figure> {
    rounds.iter().map(Asked::figure).collect()
}

fn ask(server: u32, client: &Host, long: Duration, listed: u32) -> Asked {
    let (load, spent) = meter::during(server, || dhcp_load::run(client, long, listed));
    Asked { load, spent }
}

/// What is measured, what the load could take, and what stayed unanswered.
fn with_load(what: &str, ours: &[Asked], theirs: &[Asked]) -> String {
    let rounds = ours.iter().chain(theirs);
    let bound = median(rounds.map(|asked| asked.load.bound()).collect());
    let lost = |rounds: &[Asked]| -> u64 { rounds.iter().map(|asked| asked.load.lost).sum() };
    let lost = match (lost(ours), lost(theirs)) {
        (0, 0) => String::new(),
        (ours, theirs) => format!("; unanswered: {ours}, peer {theirs}"),
    };
    format!(
        "{what} (the load could take {:.0} k/s{lost})",
        bound / 1000.0
    )
}
