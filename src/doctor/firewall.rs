//! Whether this host's firewall lets the first packet to a port in.
//!
//! A careful, partial judge: rules are read into a small common form ([`nft`], [`iptables`]) in
//! which a condition holds, does not hold, or cannot be told; a packet is walked through every
//! chain on the way in with all outcomes that are possible. Only where all of them are "drop", it
//! is said to be dropped; where they differ, that it cannot be told. So there is no false alarm.
//!
//! Tables that `iptables` made with its own matches are shadows in nft's listing; those are read
//! from `iptables-save` instead, where that is there.

pub mod iptables;
pub mod nft;

use std::collections::{BTreeSet, HashMap};

use super::Protocol;

/// Chains called in chains deeper than the kernel allows (16) are not followed.
const DEPTH: usize = 16;

/// What was read, or why not.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `nft -j list ruleset`.
    pub nft: Result<String, String>,
    /// `iptables-save`.
    pub iptables: Result<String, String>,
}

impl Default for Rules {
    /// No rules at all.
    fn default() -> Self {
        Self {
            nft: Ok("{\"nftables\": []}".to_owned()),
            iptables: Ok(String::new()),
        }
    }
}

/// The first packet of a machine to a port.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The interface it comes in by.
    pub interface: &'a str,
    /// UDP or TCP.
    pub protocol: Protocol,
    /// The port it is for.
    pub port: u16,
}

impl std::fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.protocol, self.port)
    }
}

/// Whether it comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passes {
    /// It does.
    Yes,
    /// It is dropped, by this chain.
    No(String),
    /// It cannot be told, because of this.
    Unknown(String),
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It depends on what is not known.
    Unknown,
}

impl Told {
    /// `Yes` or `No`.
    pub fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// One of them holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }
}

impl std::ops::Not for Told {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What a rule does where its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Lets it in, as far as this chain goes
    Accept,
    /// Drops or rejects it
    Drop,
    /// Leaves the chain
    Return,
    /// Asks another chain, and goes on
    Jump(String),
    /// Asks another chain instead
    Goto(String),
    /// What comes of it is not known (queues, marks that decide elsewhere)
    Unknown,
    /// Nothing: counts, logs
    Nothing,
}

/// One rule for one packet: whether it holds, and what it does.
pub type Rule = (Told, Action);

/// All chains of one table, judged for one packet.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What to call it.
    pub name: String,
    /// Chains by name.
    pub chains: HashMap<String, Vec<Rule>>,
    /// The chains a packet comes through on its way in: name, and whether the policy is to drop.
    pub entries: Vec<(String, bool)>,
    /// Whether nft's listing leaves out what matters; `iptables-save` has the same table then.
    pub shadow: bool,
    /// Its own name, `filter`.
    pub key: String,
}

/// What may become of a packet in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Accepted,
    Dropped,
    /// It reaches the end, or returns.
    Through,
    Unknown,
}

/// Everything that may become of it.
type Outcomes = BTreeSet<Outcome>;

/// Whether a packet comes in.
pub fn judge(rules: &Rules, packet: &Packet<'_>) -> Passes {
    let tables = match tables(rules, packet) {
        Ok(tables) => tables,
        Err(why) => return Passes::Unknown(why),
    };
    let entries = tables.iter().flat_map(|t| {
        t.entries
            .iter()
            .map(move |(chain, drops)| (t, chain, *drops))
    });
    let verdicts: Vec<Passes> = entries
        .map(|(t, chain, drops)| enter(t, chain, drops))
        .collect();
    let rank = |passes: &Passes| match passes {
        Passes::No(_) => 2,
        Passes::Unknown(_) => 1,
        Passes::Yes => 0,
    };
    verdicts.into_iter().max_by_key(rank).unwrap_or(Passes::Yes)
}

/// The tables of both listings, each once.
fn tables(rules: &Rules, packet: &Packet<'_>) -> Result<Vec<Table>, String> {
    let old = rules
        .iptables
        .as_ref()
        .map(|text| iptables::tables(text, packet));
    let new = match &rules.nft {
        Ok(text) => nft::tables(text, packet)?,
        Err(why) => {
            return old.map_err(|other| format!("{why}; {other}"));
        }
    };
    // What iptables writes through nft is in both; its own listing tells more.
    let old = old.unwrap_or_default();
    let told_better = |t: &Table| t.shadow && old.iter().any(|o| o.key == t.key);
    let mut all: Vec<Table> = new.into_iter().filter(|t| !told_better(t)).collect();
    all.extend(old);
    Ok(all)
}

fn enter(table: &Table, chain: &str, policy_drops: bool) -> Passes {
    use Outcome::{Accepted, Dropped, Through};
    let mut outcomes = walk(table, chain, DEPTH, &mut HashMap::new());
    let ends = outcomes.remove(&Through);
    if ends {
        outcomes.insert(if policy_drops { Dropped } else { Accepted });
    }
    let name = format!("{} chain {chain}", table.name);
    if outcomes == Outcomes::from([Dropped]) {
        let by = if ends { " (policy)" } else { "" };
        Passes::No(format!("{name}{by}"))
    } else if outcomes == Outcomes::from([Accepted]) {
        Passes::Yes
    } else {
        Passes::Unknown(format!("rules of {name}"))
    }
}

/// All that may become of the packet in a chain. What was judged once is known: a chain says the
/// same wherever it is called from.
fn walk(
    table: &Table,
    chain: &str,
    depth: usize,
    known: &mut HashMap<String, Outcomes>,
) -> Outcomes {
    if let Some(outcomes) = known.get(chain) {
        return outcomes.clone();
    }
    let unknown = Outcomes::from([Outcome::Unknown]);
    let (Some(rules), Some(deeper)) = (table.chains.get(chain), depth.checked_sub(1)) else {
        return unknown;
    };
    known.insert(chain.to_owned(), unknown); // for a chain that calls itself
    let mut all = Outcomes::new();
    let mut open = true;
    for (told, action) in rules.iter().filter(|(told, _)| *told != Told::No) {
        let (outcomes, goes_on) = act(table, action, deeper, known);
        all.extend(outcomes);
        if *told == Told::Yes && !goes_on {
            open = false;
            break;
        }
    }
    if open {
        all.insert(Outcome::Through);
    }
    known.insert(chain.to_owned(), all.clone());
    all
}

/// What an action brings about, and whether the next rule is reached when it is taken.
fn act(
    table: &Table,
    action: &Action,
    depth: usize,
    known: &mut HashMap<String, Outcomes>,
) -> (Outcomes, bool) {
    let only = |outcome| Outcomes::from([outcome]);
    match action {
        Action::Nothing => (Outcomes::new(), true),
        Action::Accept => (only(Outcome::Accepted), false),
        Action::Drop => (only(Outcome::Dropped), false),
        Action::Return => (only(Outcome::Through), false),
        Action::Unknown => (only(Outcome::Unknown), true),
        Action::Goto(chain) => (walk(table, chain, depth, known), false),
        Action::Jump(chain) => {
            let mut called = walk(table, chain, depth, known);
            let back = called.remove(&Outcome::Through) || called.contains(&Outcome::Unknown);
            (called, back)
        }
    }
}

/// Whether an interface is meant by a name that may end in a wildcard.
pub fn names_interface(pattern: &str, wildcard: char, interface: &str) -> bool {
    match pattern.strip_suffix(wildcard) {
        Some(start) => interface.starts_with(start),
        None => pattern == interface,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rules: &[(&str, Vec<Rule>)], drops: bool) -> Table {
        Table {
            name: "t".into(),
            chains: rules
                .iter()
                .map(|(n, r)| ((*n).to_owned(), r.clone()))
                .collect(),
            entries: vec![("in".into(), drops)],
            ..Table::default()
        }
    }

    fn judged(rules: &[(&str, Vec<Rule>)], drops: bool) -> Passes {
        enter(&table(rules, drops), "in", drops)
    }

    #[test]
    fn only_what_is_sure_is_said() {
        use Action::{Accept, Drop, Goto, Jump, Return, Unknown};
        let jump = || Jump("sub".into());
        let dropped = || Passes::No("t chain in".into());
        let policy = || Passes::No("t chain in (policy)".into());
        let unknown = || Passes::Unknown("rules of t chain in".into());
        let (yes, no, maybe) = (Told::Yes, Told::No, Told::Unknown);
        for (rules, sub, drops, expected) in [
            (vec![], vec![], false, Passes::Yes),
            (vec![], vec![], true, policy()),
            (vec![(yes, Accept)], vec![], true, Passes::Yes),
            (vec![(no, Accept)], vec![], true, policy()),
            (vec![(maybe, Accept)], vec![], true, unknown()),
            (vec![(maybe, Accept)], vec![], false, Passes::Yes),
            (vec![(yes, Drop), (yes, Accept)], vec![], false, dropped()),
            (vec![(maybe, Drop)], vec![], false, unknown()),
            (vec![(maybe, Drop)], vec![], true, policy()),
            (vec![(yes, jump())], vec![(yes, Accept)], true, Passes::Yes),
            (
                vec![(yes, jump())],
                vec![(yes, Return), (yes, Accept)],
                true,
                policy(),
            ),
            (
                vec![(yes, jump()), (yes, Accept)],
                vec![],
                true,
                Passes::Yes,
            ),
            (vec![(maybe, jump())], vec![(yes, Accept)], true, unknown()),
            (
                vec![(yes, Goto("sub".into())), (yes, Accept)],
                vec![],
                true,
                policy(),
            ),
            (vec![(yes, Unknown)], vec![], true, unknown()),
            (vec![(yes, Jump("gone".into()))], vec![], true, unknown()),
            (vec![(yes, Jump("in".into()))], vec![], true, unknown()),
        ] {
            let text = format!("{rules:?} {sub:?} {drops}");
            assert_eq!(
                judged(&[("in", rules), ("sub", sub)], drops),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_ladder_of_calls_costs_its_length() {
        let rung = |n: usize| vec![(Told::Yes, Action::Jump(format!("c{}", n + 1))); 50];
        let mut table = Table::default();
        for n in 0..14 {
            table.chains.insert(format!("c{n}"), rung(n));
        }
        table.chains.insert("c14".into(), Vec::new());
        assert_eq!(enter(&table, "c0", false), Passes::Yes);
    }

    #[test]
    fn interface_names() {
        assert!(names_interface("eth0", '*', "eth0") && names_interface("eth*", '*', "eth0"));
        assert!(names_interface("eth+", '+', "eth12") && !names_interface("wl*", '*', "eth0"));
        assert!(!names_interface("eth0", '*', "eth01"));
    }
}
