//! The config file's text → [`Networks`], or everything that is wrong with its `dhcp:`.
//!
//! The other keys of the file are the settings (room `config`); here they are passed over.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use super::model::{Conflict, ConflictMethod, Criteria, Networks, Syncing, Terms};
use super::networks::{self, Around};
use super::reservations;
use super::reserved::Reservations;
use super::schema::{CONFLICT, CRITERIA, DHCP, PROFILE_DHCP};
use super::terms::{self, Layer};
use super::words::{span, tags};
use crate::yaml::{FileKind, Finding, Node, Report, Section, Value, word_of, yes_no};

/// How long an answer may be waited for: clients give up soon after.
const WAIT: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3);
/// How long an address may be left alone.
const QUARANTINE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(365 * 86_400);

/// The config file: room for 100,000 reservations.
pub const CONFIG_FILE: FileKind = FileKind {
    what: "configuration",
    most: 8 << 20,
    too_much: "a config file holds up to 8 MiB, some 100,000 reservations; what many of them say alike \
               (options, profile) is said once for their subnet, their pool or in a profile's match",
    second: "make one of the two: every key stands once, in one document",
};

/// What is known beside the config file's text. The default: nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The addresses of this host: nobody else is given them.
    pub own: &'a [Ipv4Addr],
    /// The names of all profiles, where they are known.
    pub profiles: Option<&'a HashSet<&'a str>>,
}

/// Compiles `dhcp:` of the config file `file` with this whole text. A file without `dhcp:` has no
/// network and no finding. `None` where a finding is an error.
pub fn compile(file: &str, text: &str) -> (Option<Networks>, Vec<Finding>) {
    let file: Arc<str> = file.into();
    let mut report = Report::new(&file, text);
    let root = report.parse(&CONFIG_FILE);
    let networks = root.and_then(|root| of_config(&root, Beside::default(), &mut report));
    let networks = networks.filter(|_| !report.is_wrong());
    (networks, report.finish())
}

/// Compiles `dhcp:` of a config file with this tree. Of use only where nothing is wrong.
pub fn of_config(root: &Node, beside: Beside<'_>, report: &mut Report<'_>) -> Option<Networks> {
    match dhcp(root) {
        Some(node) => read(node, beside, report),
        None => Some(Networks::default()),
    }
}

/// The value of `dhcp:`, where it has one.
fn dhcp(root: &Node) -> Option<&Node> {
    let Value::Map(fields) = &root.value else {
        return None;
    };
    let (_, node) = fields.iter().find(|(key, _)| key.text == "dhcp")?;
    Some(node).filter(|node| !matches!(node.value, Value::Null))
}

/// The flow: each part is read whatever became of the others, so that all findings are seen. What
/// stands in for a wrong value is not served: a file with an error is not used.
fn read(node: &Node, beside: Beside<'_>, report: &mut Report<'_>) -> Option<Networks> {
    let section = Section::open(node, &DHCP, report)?;
    let authoritative = section
        .get("authoritative")
        .and_then(|n| yes_no(n, "authoritative", report));
    let match_client_id = section.or("match-client-id", true, |n| {
        yes_no(n, "match-client-id", report)
    });
    let conflict = section.get("conflict-check");
    let conflict = conflict.map_or_else(Conflict::default, |n| conflict_check(n, report));
    let quarantine = section.or("quarantine", Networks::QUARANTINE, |n| {
        span(n, "quarantine", QUARANTINE, report)
    });
    let syncing = section.get("sync");
    let syncing = syncing.map_or_else(Syncing::default, |n| syncing_of(n, report));
    let terms = terms::within(&Layer::default(), &section, report);
    let around = Around {
        outer: &terms,
        own: beside.own,
        match_client_id: match_client_id.unwrap_or(true),
    };
    let mut ground = Ground::default();
    let all = section.get("networks");
    let all = all.map_or_else(Vec::new, |n| {
        networks::read(n, &around, &mut ground, report)
    });
    ground.settle(report);
    let reserved = section.get("reservations");
    let reserved =
        reserved.map_or_else(Vec::new, |n| reservations::read(n, &ground, beside, report));
    Some(Networks {
        authoritative,
        conflict,
        quarantine: quarantine.unwrap_or(Networks::QUARANTINE),
        syncing,
        all,
        reservations: Reservations::new(reserved),
        ..Networks::default()
    })
}

/// `arp`, or `{ method: arp, wait: 250ms }`.
fn conflict_check(node: &Node, report: &mut Report<'_>) -> Conflict {
    let usual = Conflict::default();
    if !matches!(node.value, Value::Map(_)) {
        return Conflict {
            method: method(node, report),
            ..usual
        };
    }
    let Some(section) = Section::open(node, &CONFLICT, report) else {
        return usual;
    };
    let wait = section.or("wait", usual.wait, |n| span(n, "wait", WAIT, report));
    Conflict {
        method: section
            .get("method")
            .map_or(usual.method, |n| method(n, report)),
        wait: wait.unwrap_or(usual.wait),
    }
}

fn method(node: &Node, report: &mut Report<'_>) -> ConflictMethod {
    let all = ConflictMethod::ALL.map(|method| (method.name(), method));
    word_of(node, "conflict-check", &all, report).unwrap_or_default()
}

fn syncing_of(node: &Node, report: &mut Report<'_>) -> Syncing {
    let all = Syncing::ALL.map(|syncing| (syncing.name(), syncing));
    word_of(node, "sync", &all, report).unwrap_or_default()
}

/// `dhcp:` of a profile: what its machines are told, and which pools they may have addresses from.
pub fn of_profile(node: &Node, report: &mut Report<'_>) -> Option<(Terms, Criteria)> {
    let section = Section::open(node, &PROFILE_DHCP, report)?;
    let terms = terms::within(&Layer::default(), &section, report).terms;
    let criteria = section.get("tags");
    let criteria = criteria.map_or_else(Criteria::default, |n| criteria_of(n, report));
    Some((terms, criteria))
}

fn criteria_of(node: &Node, report: &mut Report<'_>) -> Criteria {
    let Some(section) = Section::open(node, &CRITERIA, report) else {
        return Criteria::default();
    };
    let mut list = |key| {
        let node = section.get(key);
        node.map(|n| tags(n, key, report)).unwrap_or_default()
    };
    let criteria = Criteria {
        include: list("include"),
        exclude: list("exclude"),
    };
    if let Some(tag) = criteria.include.intersection(&criteria.exclude).next() {
        let message = format!("\"{tag}\" is included and excluded: no pool suits");
        report.error(node.at, message, None);
    }
    criteria
}
