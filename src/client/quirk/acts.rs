//! Where each key of `changes` can act: of which stages, in which modes, beside which other keys. One
//! list, for what is warned of when rows are loaded and for what `explain` says decided.
//!
//! Absent on purpose: what the machine's profile says. It may pin a shape or name a loader of its own,
//! and is another one tomorrow.

use std::fmt;

use super::changes::{Changes, FileIn};
use super::tells::Tells;
use super::{Quirk, Treatment};
use crate::client::{Client, Shape, Stage};

/// Which replies are ours, as the mode has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// Mode `proxy`: OFFERs beside those of another host, and port 4011.
    Proxy,
    /// Mode `colocated`: port 4011 alone.
    Port4011,
    /// Mode `dhcp`: leases, and port 4011.
    Leases,
}

/// Where a key acts.
struct Key {
    name: &'static str,
    stages: &'static [Stage],
    modes: &'static [Replies],
}

const ROM: &[Stage] = &[Stage::Rom];
const IPXE: &[Stage] = &[Stage::Ipxe];
/// Those that come to port 4011, and show menus.
const BY_PXE: &[Stage] = &[Stage::Rom, Stage::Ipxe];
/// Those that are told a file of ours by its name.
const BY_FIRMWARE: &[Stage] = &[Stage::Rom, Stage::HttpBoot];
/// All that ask by DHCP.
const ALL: &[Stage] = &[Stage::Rom, Stage::HttpBoot, Stage::Ipxe];
const LEASES: &[Replies] = &[Replies::Leases];
const PROXY: &[Replies] = &[Replies::Proxy];
const OFFERS: &[Replies] = &[Replies::Proxy, Replies::Leases];
const BESIDE: &[Replies] = &[Replies::Proxy, Replies::Port4011];
const ANY: &[Replies] = &[Replies::Proxy, Replies::Port4011, Replies::Leases];

const fn key(name: &'static str, stages: &'static [Stage], modes: &'static [Replies]) -> Key {
    Key {
        name,
        stages,
        modes,
    }
}

/// Every key. `strategies` acts where one of its shapes does.
static KEYS: [Key; 20] = [
    key("strategies", ALL, ANY),
    key("pxe", ROM, LEASES),
    key("classless-request", ROM, LEASES),
    key("option-43", ROM, ANY),
    key("option-60", ROM, ANY),
    key("file", ALL, ANY),
    key("ending", ALL, ANY),
    key("server-options", ALL, ANY),
    key("padding", ALL, ANY),
    key("delay", ALL, OFFERS),
    key("broadcast", ALL, OFFERS),
    key("port-4011", BY_PXE, ANY),
    key("reply-port", BY_PXE, ANY),
    key("echo-item", BY_PXE, ANY),
    key("block-size", ALL, ANY),
    key("window", ALL, ANY),
    key("name", BY_PXE, ANY),
    key("loader", BY_FIRMWARE, ANY),
    key("ipxe-priority", IPXE, BESIDE),
    key("windows", ROM, PROXY),
];

/// Who is answered, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What may speak.
    pub stages: Vec<Stage>,
    /// Which replies are ours; `None`: not known.
    pub replies: Option<Replies>,
    /// Whether it may be sent option 67.
    pub option_67: bool,
    /// Whether port 4011 may answer it.
    pub port_4011: bool,
    /// Whether a request without option 60 may be told for its.
    pub classless: bool,
}

impl Answered {
    /// Whom a row tells; `all` are the rows that may decide beside it.
    pub fn by_row(row: &Quirk, all: &[Quirk], replies: Option<Replies>) -> Self {
        let others = || all.iter().map(|row| &row.changes);
        Self {
            stages: row.tells.stages(),
            replies,
            option_67: others().any(sends_option_67),
            port_4011: row.changes.answers_4011 != Some(false)
                || others().any(|changes| changes.answers_4011 == Some(true)),
            classless: row.tells.tells_no_class(),
        }
    }

    /// A client, for whom these rows hold.
    pub fn client(client: &Client, rows: &Treatment<'_>, replies: Replies) -> Self {
        Self {
            stages: vec![client.stage],
            replies: Some(replies),
            option_67: rows.set(|changes| changes.file) != Some(FileIn::Header)
                && rows.rows().iter().any(|row| sends_option_67(&row.changes)),
            port_4011: rows.set(|changes| changes.answers_4011) != Some(false),
            classless: true,
        }
    }
}

/// A name that the header has no room for goes there too.
fn sends_option_67(changes: &Changes) -> bool {
    let long = |name: &str| name.len() > super::HEADER_ROOM;
    matches!(changes.file, Some(FileIn::Option | FileIn::Both))
        || changes.loader.as_deref().is_some_and(long)
}

/// Why a key cannot act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idle {
    /// It is of these stages.
    Stages(Vec<Stage>),
    /// It is of these modes.
    Modes(&'static [Replies]),
    /// It is of option 67, which is not sent.
    Option67,
    /// It is of port 4011, which does not answer.
    Port4011,
    /// It is of requests that have no class, and the row tells a class.
    Class,
}

/// Why a key of a row that changes this cannot act on whom it answers; `None`: it can.
pub fn idle(name: &str, changes: &Changes, answered: &Answered) -> Option<Idle> {
    let key = KEYS.iter().find(|key| key.name == name)?;
    let stages = match (name, &changes.strategies) {
        ("strategies", Some(shapes)) => shapes.iter().map(|shape| shape.stage()).collect(),
        _ => key.stages.to_vec(),
    };
    if !stages.iter().any(|stage| answered.stages.contains(stage)) {
        return Some(Idle::Stages(stages));
    }
    if answered.replies.is_some_and(|r| !key.modes.contains(&r)) {
        return Some(Idle::Modes(key.modes));
    }
    match name {
        "ending" if !answered.option_67 => Some(Idle::Option67),
        "reply-port" if !answered.port_4011 => Some(Idle::Port4011),
        "classless-request" if !answered.classless => Some(Idle::Class),
        _ => None,
    }
}

impl Shape {
    /// Who can make something of it.
    const fn stage(self) -> Stage {
        match self {
            Self::HttpUri => Stage::HttpBoot,
            Self::IpxeUri => Stage::Ipxe,
            _ => Stage::Rom,
        }
    }
}

impl Tells {
    /// Whether a message without a class may be told.
    fn tells_no_class(&self) -> bool {
        self.class.is_empty() || self.class.iter().any(|class| class.matches(""))
    }
}

impl Replies {
    /// The mode.
    pub const fn mode(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Port4011 => "colocated",
            Self::Leases => "dhcp",
        }
    }
}

/// In words that fit behind "is for".
impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |f: &mut fmt::Formatter<'_>, what: &str, names: Vec<&str>| {
            let many = if names.len() == 1 { "" } else { "s" };
            write!(f, "the {what}{many} {} alone", names.join(" and "))
        };
        match self {
            Self::Stages(stages) => {
                let mut names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
                names.dedup();
                listed(f, "stage", names)
            }
            Self::Modes(modes) => listed(f, "mode", modes.iter().map(|mode| mode.mode()).collect()),
            Self::Option67 => f.write_str("option 67, which is not sent here (see file)"),
            Self::Port4011 => f.write_str("port 4011, which does not answer here (see port-4011)"),
            Self::Class => f.write_str("requests without option 60, which have no class to tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::CHANGES;
    use super::*;

    #[test]
    fn every_key_has_its_place() {
        let places: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(places, CHANGES.keys);
    }

    #[test]
    fn every_row_of_ours_acts_on_somebody() {
        let table = super::super::Table::default();
        for row in table.rows() {
            assert_ne!(row.tells.stages(), [], "{}", row.name);
            let all: Vec<Quirk> = table.rows().cloned().collect();
            let answered = Answered::by_row(row, &all, None);
            for (key, _) in row.changes.said() {
                assert_eq!(idle(key, &row.changes, &answered), None, "{}", row.name);
            }
        }
    }
}
