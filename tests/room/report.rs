//! What came of a room: a table, and the same for machines.
//!
//! The *fair share* is what the whole room takes where the cable carries nothing but the files, each
//! byte once: least bytes by the cable's rate. Waits of firmware (windows for offers, the menu's
//! second) are no work of the cable: what is held against the fair share is the time a machine
//! *loads*, that is loader, menu and files.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bootjack::wire::Mac;
use serde_json::{Value, json};

use super::link::{AROUND, Tally};
use super::plan::Plan;
use super::player::{Player, STAGES, Stage, State};
use super::switch::Played;

/// Ethernet, IPv4 and UDP, and TFTP's own header, in front of each block.
const TFTP_HEAD: u64 = 14 + 20 + 8 + 4;
/// Ethernet, IPv4, and TCP with its timestamp.
const TCP_HEAD: u64 = 14 + 20 + 32;
/// What of a segment is left for the file.
const SEGMENT: u64 = 1448;

/// What it cost the server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Seconds of processor time.
    pub seconds: f64,
    /// The most memory it ever had, in MiB.
    pub memory: f64,
}

/// The middle, the last but 1 %, and the last of many times, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// The middle one.
    pub p50: f64,
    /// One in a hundred takes longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Why boots failed.
#[derive(Debug, Clone)]
pub struct Fault {
    /// How often.
    pub count: usize,
    /// What came last, at the first of them.
    pub last: String,
    /// The machine of the first one.
    pub mac: Mac,
}

/// A machine that others waited for.
#[derive(Debug, Clone)]
pub struct Slowest {
    /// Its hardware address.
    pub mac: Mac,
    /// What it is.
    pub kind: &'static str,
    /// How often it sent something again.
    pub again: u64,
    /// How long each stage took, in seconds.
    pub stages: Vec<(&'static str, f64)>,
}

/// All that is told.
#[derive(Debug)]
pub struct Report {
    /// What was played.
    pub plan: Plan,
    /// Machines that have all.
    pub done: usize,
    /// Machines that were given up.
    pub failed: usize,
    /// Machines whose plug was pulled.
    pub cut: usize,
    /// Machines that were answered by the server under test, and when, after their first DISCOVER.
    pub answered: (usize, Times),
    /// Why boots failed, also those that began again.
    pub faults: BTreeMap<String, Fault>,
    /// Of each stage.
    pub stages: Vec<(&'static str, Times)>,
    /// From the first power-on.
    pub whole: Times,
    /// Loader, menu and files.
    pub loading: Times,
    /// Seconds.
    pub fair: f64,
    /// The machine that took longest, and where.
    pub slowest: Option<Slowest>,
    /// Packets that machines sent again.
    pub again: u64,
    /// To the machines, and the least that would have done.
    pub down: (Tally, u64),
    /// From them.
    pub up: Tally,
    /// What it cost the server.
    pub cost: Cost,
    /// How long it took.
    pub long: Duration,
}

impl Report {
    /// Counts.
    pub fn new(plan: &Plan, played: &Played, cost: Cost) -> Self {
        let players = &played.players;
        let in_state = |state| players.iter().filter(|p| p.state == state).count();
        let done: Vec<&Player> = players.iter().filter(|p| p.state == State::Done).collect();
        let times = |of: &dyn Fn(&Player) -> Option<Duration>| {
            Times::of(done.iter().filter_map(|player| of(player)).collect())
        };
        let stage = |stage: Stage| times(&|player| player.took[stage as usize]);
        let least = done.iter().map(|player| least(plan, player)).sum::<u64>();
        let answers: Vec<Duration> = players.iter().filter_map(|p| p.answered).collect();
        Self {
            done: done.len(),
            failed: in_state(State::Failed),
            cut: in_state(State::Cut),
            answered: (answers.len(), Times::of(answers)),
            faults: faults(players),
            stages: STAGES.map(|(which, name)| (name, stage(which))).to_vec(),
            whole: times(&|player| player.ended?.checked_sub(player.began?)),
            loading: times(&|player| Some(loading(player))),
            fair: least as f64 * 8.0 / plan.cable.rate as f64,
            slowest: done
                .iter()
                .max_by_key(|player| loading(player))
                .map(|p| Slowest::new(p)),
            again: players.iter().map(|player| player.again).sum(),
            down: (played.down, least),
            up: played.up,
            cost,
            long: played.long,
            plan: plan.clone(),
        }
    }

    /// Times the fair share that the slowest but 1 % took.
    pub fn over_fair(&self) -> f64 {
        self.loading.p99 / self.fair
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let times = |t: &Times| json!({ "p50": t.p50, "p99": t.p99, "max": t.max });
        let tally = |t: &Tally| json!({ "frames": t.frames, "bytes": t.bytes, "lost": t.lost, "queue_full": t.refused });
        let stages = self.stages.iter().map(|(n, t)| ((*n).to_owned(), times(t)));
        let faults = self.faults.iter().map(|(why, fault)| {
            let mac = fault.mac.to_string();
            json!({ "why": why, "count": fault.count, "last_step": fault.last, "mac": mac })
        });
        json!({
            "machines": self.plan.machines,
            "rate": self.plan.cable.rate,
            "loss": self.plan.cable.loss,
            "seconds": self.long.as_secs_f64(),
            "done": self.done,
            "failed": self.failed,
            "cut": self.cut,
            "answered": { "machines": self.answered.0, "seconds": times(&self.answered.1) },
            "faults": faults.collect::<Vec<_>>(),
            "stages": stages.collect::<serde_json::Map<_, _>>(),
            "whole": times(&self.whole),
            "loading": times(&self.loading),
            "fair_share": self.fair,
            "p99_over_fair_share": self.over_fair(),
            "asked_again": self.again,
            "down": tally(&self.down.0),
            "least_down": self.down.1,
            "up": tally(&self.up),
            "server": { "cpu_seconds": self.cost.seconds, "peak_mib": self.cost.memory },
        })
    }

    fn percent_over(&self) -> f64 {
        (self.down.0.bytes as f64 / self.down.1 as f64 - 1.0) * 100.0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cable = self.plan.cable;
        writeln!(
            f,
            "{} machines, {} Mbit/s, {:.1} % loss each way: {} done, {} failed, {} cut off, in {:.1} s\n",
            self.plan.machines,
            cable.rate / 1_000_000,
            cable.loss * 100.0,
            self.done,
            self.failed,
            self.cut,
            self.long.as_secs_f64()
        )?;
        writeln!(f, "{:<24}{:>9}{:>9}{:>9}", "seconds", "p50", "p99", "max")?;
        let answered = ("first answer of ours", self.answered.1);
        let sums = [("loading", self.loading), ("from power-on", self.whole)];
        for (name, t) in [answered].iter().chain(&self.stages).chain(&sums) {
            writeln!(f, "{name:<24}{:>9.2}{:>9.2}{:>9.2}", t.p50, t.p99, t.max)?;
        }
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let (down, least) = self.down;
        if least > 0 {
            writeln!(
                f,
                "\nfair share of the cable: {:.1} s; p99 of loading is {:.2} times that",
                self.fair,
                self.over_fair()
            )?;
            writeln!(
                f,
                "to the machines: {:.1} MB, {:.1} % more than the least that would do",
                mb(down.bytes),
                self.percent_over()
            )?;
        }
        writeln!(f, "from the machines: {:.1} MB", mb(self.up.bytes))?;
        writeln!(
            f,
            "lost on the cable: {} frames of {} and {} of {}; {} and {} more found its queue full",
            down.lost, down.frames, self.up.lost, self.up.frames, down.refused, self.up.refused
        )?;
        writeln!(f, "machines had to send again: {} packets", self.again)?;
        if let Some(slowest) = &self.slowest {
            writeln!(f, "the one that loaded longest: {slowest}")?;
        }
        if !self.faults.is_empty() {
            writeln!(f, "boots and fetches that failed (and what came last):")?;
        }
        for (why, fault) in &self.faults {
            let Fault { count, last, mac } = fault;
            writeln!(f, "  {count} times, first {mac}: {why} ({last})")?;
        }
        writeln!(
            f,
            "bootjack: {:.2} s of processor time, at most {:.1} MiB of memory",
            self.cost.seconds, self.cost.memory
        )
    }
}

impl Slowest {
    fn new(player: &Player) -> Self {
        let took = |stage: Stage| player.took[stage as usize].unwrap_or_default();
        Self {
            mac: Mac::ethernet(player.mac()),
            kind: player.kind().firmware().name,
            again: player.again,
            stages: STAGES
                .map(|(stage, name)| (name, took(stage).as_secs_f64()))
                .to_vec(),
        }
    }
}

impl fmt::Display for Slowest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}):", self.mac, self.kind)?;
        for (name, seconds) in &self.stages {
            write!(f, " {name} {seconds:.2},")?;
        }
        write!(f, " {} packets again", self.again)
    }
}

impl Times {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: f64| {
            let place = (all.len() as f64 * share).ceil() as usize;
            let time = all.get(place.saturating_sub(1));
            time.copied().unwrap_or_default().as_secs_f64()
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

fn loading(player: &Player) -> Duration {
    let stages = [Stage::Loader, Stage::Menu, Stage::Files];
    let took = stages.map(|stage| player.took[stage as usize].unwrap_or_default());
    took.iter().sum()
}

/// The fewest bytes to this machine, as they are on Ethernet.
fn least(plan: &Plan, player: &Player) -> u64 {
    let block = u64::from(player.kind().firmware().tftp.block);
    let loader = match player.loaded {
        0 => 0,
        bytes => bytes + (bytes / block + 1) * (TFTP_HEAD + AROUND),
    };
    let web = plan.files.map(|size| {
        let bytes = size as u64;
        bytes + bytes.div_ceil(SEGMENT) * (TCP_HEAD + AROUND)
    });
    loader + web.iter().sum::<u64>()
}

fn faults(players: &[Player]) -> BTreeMap<String, Fault> {
    let mut all: BTreeMap<String, Fault> = BTreeMap::new();
    for player in players {
        for (why, last) in &player.faults {
            let fault = all.entry(without_numbers(why)).or_insert_with(|| Fault {
                count: 0,
                last: last.clone(),
                mac: Mac::ethernet(player.mac()),
            });
            fault.count += 1;
        }
    }
    all
}

/// Ports and counts of bytes are of one machine; the fault is that of many.
fn without_numbers(why: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in why.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() > 3 { "…" } else { &digits });
        digits.clear();
        out.push(c);
    }
    out.trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_of_two_machines_is_one() {
        let [one, other] = [(33271, 160_012), (5000, 146_800)].map(|(port, bytes)| {
            without_numbers(&format!("10.77.0.2:{port} stopped after {bytes} bytes"))
        });
        assert_eq!(one, other);
        assert_eq!(one, "10.77.0.2:… stopped after … bytes");
    }

    #[test]
    fn times_are_those_of_machines() {
        let of = |times: &[u64]| Times::of(times.iter().map(|s| Duration::from_secs(*s)).collect());
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let whole = |t: Times| [t.p50, t.p99, t.max].map(|seconds| seconds as u64);
        assert_eq!(whole(of(&hundred)), [50, 99, 100]);
        assert_eq!(whole(of(&[7])), [7, 7, 7]);
        assert_eq!(whole(of(&[])), [0, 0, 0]);
    }
}
