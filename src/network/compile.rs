//! The config file's text → [`Networks`], or everything that is wrong with its `dhcp:`.
//!
//! The other keys of the file are the settings (room `config`); here they are passed over.

use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use super::model::{Conflict, ConflictMethod, Criteria, Networks, Syncing, Terms};
use super::networks::{self, Around};
use super::reserved::Reservations;
use super::schema::{CONFLICT, CRITERIA, DHCP, PROFILE_DHCP};
use super::words::{span, tags};
use super::{reservations, terms};
use crate::yaml::{
    self, At, Finding, MAX_FILE, Node, Report, Section, Severity, Value, similar, text, yes_no,
};

/// How long an answer may be waited for: clients give up soon after.
const WAIT: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3);
/// How long an address may be left alone.
const QUARANTINE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(365 * 86_400);

/// Compiles `dhcp:` of the config file `file` with this whole text. A file without `dhcp:` has no
/// network and no finding. `None` where a finding is an error.
pub fn compile(file: &str, text: &str) -> (Option<Networks>, Vec<Finding>) {
    let file: Arc<str> = file.into();
    let mut report = Report::new(&file, text);
    let root = document(text, &mut report);
    let section = root.as_ref().and_then(|root| dhcp(root));
    let networks = match section {
        Some(node) => read(node, &mut report),
        None => Some(Networks::default()),
    };
    let findings = report.finish();
    let wrong = findings.iter().any(|f| f.severity == Severity::Error);
    (networks.filter(|_| !wrong), findings)
}

fn document(text: &str, report: &mut Report<'_>) -> Option<Node> {
    if text.len() > MAX_FILE {
        let message = format!("the file is larger than {} MiB", MAX_FILE >> 20);
        report.error(At::default(), message, None);
        return None;
    }
    match yaml::parse(text, "configuration") {
        Ok(node) => Some(node),
        Err(problem) => {
            report.error(problem.at, problem.message, problem.hint);
            None
        }
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
fn read(node: &Node, report: &mut Report<'_>) -> Option<Networks> {
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
    let terms = terms::within(&Terms::default(), &section, report);
    let around = Around {
        terms: &terms,
        match_client_id: match_client_id.unwrap_or(true),
    };
    let mut ground = Ground::default();
    let all = section.get("networks");
    let all = all.map_or_else(Vec::new, |n| {
        networks::read(n, &around, &mut ground, report)
    });
    ground.settle(report);
    let reserved = section.get("reservations");
    let reserved = reserved.map_or_else(Vec::new, |n| reservations::read(n, &ground, report));
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
    let Some(word) = text(node, "conflict-check", report) else {
        return ConflictMethod::default();
    };
    let all = ConflictMethod::ALL;
    let found = all.into_iter().find(|method| method.name() == word);
    found.unwrap_or_else(|| {
        let message = format!("conflict-check: \"{}\" is no method", word.escape_debug());
        let hint = similar::hint(word, all.map(ConflictMethod::name));
        report.error(node.at, message, hint);
        ConflictMethod::default()
    })
}

fn syncing_of(node: &Node, report: &mut Report<'_>) -> Syncing {
    let Some(word) = text(node, "sync", report) else {
        return Syncing::default();
    };
    let found = Syncing::ALL.into_iter().find(|s| s.name() == word);
    found.unwrap_or_else(|| {
        let message = format!("sync: \"{}\" is neither each nor lazy", word.escape_debug());
        let hint = similar::hint(word, Syncing::ALL.map(Syncing::name));
        report.error(node.at, message, hint);
        Syncing::default()
    })
}

/// `dhcp:` of a profile: what its machines are told, and which pools they may have addresses from.
pub fn of_profile(node: &Node, report: &mut Report<'_>) -> Option<(Terms, Criteria)> {
    let section = Section::open(node, &PROFILE_DHCP, report)?;
    let terms = terms::within(&Terms::default(), &section, report);
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
