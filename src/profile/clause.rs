//! The YAML of `match:` → [`Match`].

use ipnet::Ipv4Net;

use super::entry;
use super::matching::{Match, canonical};
use super::pattern::MacPattern;
use super::schema::MATCH;
use crate::wire::{Mac, Uuid};
use crate::yaml::{At, Node, Report, Section, one_or_list, text};

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
    let subnets = listed(&section, "subnet", report, subnet);
    let archs = listed(&section, "arch", report, entry::arch);
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

fn uuid(node: &Node, report: &mut Report<'_>) -> Option<Uuid> {
    let written = text(node, "uuid", report)?;
    let uuid = written.parse().ok();
    // All-0 and all-FF are what firmware without a UUID sends; they are no identity (quirk 1).
    let sane =
        |u: &Uuid| u.as_bytes().iter().any(|b| *b != 0) && u.as_bytes().iter().any(|b| *b != 0xff);
    let shown = written.escape_debug();
    match uuid {
        Some(uuid) if sane(&uuid) => return Some(canonical(uuid)),
        Some(_) => {
            let message = format!("uuid {shown} is what machines without a UUID send");
            report.error(node.at, message, "match them by mac".to_owned());
        }
        None => {
            let hint = "write it as dmidecode -s system-uuid prints it".to_owned();
            report.error(node.at, format!("\"{shown}\" is no UUID"), hint);
        }
    }
    None
}

fn subnet(node: &Node, report: &mut Report<'_>) -> Option<Ipv4Net> {
    let written = text(node, "subnet", report)?;
    let (message, hint) = match written.parse::<Ipv4Net>() {
        Ok(net) if net.addr() == net.network() => return Some(net),
        Ok(net) => (
            format!("{written} is an address inside a network"),
            format!("did you mean \"{}\"?", net.trunc()),
        ),
        Err(_) if written.parse::<std::net::Ipv4Addr>().is_ok() => (
            format!("{written} has no prefix length"),
            format!("{written}/24 is 256 addresses, {written}/32 this one"),
        ),
        Err(_) if written.parse::<ipnet::Ipv6Net>().is_ok() => (
            format!("{written} is an IPv6 network; PXE here is IPv4"),
            "write an IPv4 network such as 10.1.0.0/16".to_owned(),
        ),
        Err(_) => (
            format!("\"{}\" is no network", written.escape_debug()),
            "write it as 10.1.0.0/16".to_owned(),
        ),
    };
    report.error(node.at, message, hint);
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
