//! The YAML of `match:` → [`Match`].

use super::matching::Match;
use super::pattern::MacPattern;
use super::schema::MATCH;
use crate::wire::Mac;
use crate::yaml::{At, Node, Report, Section, arch, one_or_list, subnet, text, uuid};

/// Reads `match:`.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<Match> {
    let section = Section::open(node, &MATCH, report)?;
    if MATCH.keys.iter().all(|key| section.get(key).is_none()) {
        let hint = "leave match out to match every machine".to_owned();
        report.error(node.at, "match is empty", hint);
        return None;
    }
    let macs = section
        .get("mac")
        .map_or(Some((Vec::new(), Vec::new())), |n| macs(n, report));
    let uuids = listed(&section, "uuid", report, uuid);
    let subnets = listed(&section, "subnet", report, |n, r| subnet(n, r).ok());
    let archs = listed(&section, "arch", report, arch);
    let (macs, patterns) = macs?;
    Some(Match {
        macs,
        patterns,
        uuids: sorted(uuids?, report),
        subnets: sorted(subnets?, report),
        archs: sorted(archs?, report),
    })
}

fn listed<T>(
    section: &Section<'_>,
    key: &str,
    report: &mut Report<'_>,
    read: fn(&Node, &mut Report<'_>) -> Option<T>,
) -> Option<Vec<(T, At)>> {
    let Some(node) = section.get(key) else {
        return Some(Vec::new());
    };
    let items = one_or_list(node, key, report);
    let values: Vec<_> = items
        .iter()
        .map(|n| Some((read(n, report)?, n.at)))
        .collect();
    let values: Option<Vec<_>> = values.into_iter().collect();
    values.filter(|list| !list.is_empty())
}

type Macs = (Vec<(Mac, At)>, Vec<(MacPattern, At)>);

fn macs(node: &Node, report: &mut Report<'_>) -> Option<Macs> {
    let items = one_or_list(node, "mac", report);
    let (mut whole, mut patterns) = (Vec::with_capacity(items.len()), Vec::new());
    let mut good = !items.is_empty();
    for item in items {
        match mac(item, report) {
            Some(Ok(mac)) => whole.push((mac, item.at)),
            Some(Err(pattern)) => patterns.push((pattern, item.at)),
            None => good = false,
        }
    }
    good.then(|| (sorted(whole, report), sorted(patterns, report)))
}

fn mac(node: &Node, report: &mut Report<'_>) -> Option<Result<Mac, MacPattern>> {
    let written = text(node, "mac", report)?;
    if let Ok(mac) = written.parse() {
        return Some(Ok(mac));
    }
    let shown = written.escape_debug();
    if written.contains('*') {
        let pattern = MacPattern::parse(written);
        let problem = match pattern {
            Ok(pattern) => return Some(Err(pattern)),
            Err(problem) => problem,
        };
        let hint = "write it like 52:54:00:*".to_owned();
        report.error(node.at, format!("MAC pattern \"{shown}\" {problem}"), hint);
    } else {
        let hint = "write it as 52:54:00:12:34:56, or with * for a group: 52:54:00:*".to_owned();
        report.error(node.at, format!("\"{shown}\" is no MAC address"), hint);
    }
    None
}

/// In order and each once; one that is listed twice is worth a look.
fn sorted<T: Ord + std::fmt::Display>(
    mut list: Vec<(T, At)>,
    report: &mut Report<'_>,
) -> Vec<(T, At)> {
    list.sort();
    list.dedup_by(|again, first| {
        let same = again.0 == first.0;
        if same {
            let hint = format!("first in line {}", first.1.line);
            report.warn(again.1, format!("{} is listed twice", again.0), hint);
        }
        same
    });
    list.shrink_to_fit();
    list
}
