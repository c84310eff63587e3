//! `pools:` → [`Pool`]s inside their subnet.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::ground::Ground;
use super::model::{Pool, Range, Terms};
use super::schema::POOL;
use super::terms::{self, Layer};
use super::words::{range, range_of, tags};
use crate::wire::dhcp::code;
use crate::yaml::{At, Node, Report, Section, Value, one_or_list, yes_no};

/// The subnet that pools are read for.
pub(super) struct Inside<'t> {
    /// Its prefix, unless it cannot be told.
    pub net: Option<Ipv4Net>,
    /// What its clients are told.
    pub layer: &'t Layer,
    /// The addresses of this host.
    pub own: &'t [Ipv4Addr],
}

/// One pool or a list of them, of which there may be none.
pub(super) fn read(
    node: &Node,
    inside: &Inside<'_>,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Pool> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut pools = Vec::new();
    for item in items {
        let Some(mut pool) = one(item, inside, report) else {
            continue;
        };
        keep_own(&mut pool, inside.own, item.at, report);
        if !ground.pool(pool.range, item.at, report) {
            break;
        }
        warn_of_nothing(&pool, item.at, report);
        warn_of_servers(&pool, item.at, report);
        pools.push(pool);
    }
    pools
}

fn one(node: &Node, inside: &Inside<'_>, report: &mut Report<'_>) -> Option<Pool> {
    if let Value::Scalar { .. } = &node.value {
        let (range, _) = placed(node, inside.net, report)?;
        return Some(Pool {
            range,
            exclude: Vec::new(),
            tags: BTreeSet::new(),
            bootp: false,
            terms: inside.layer.terms.clone(),
        });
    }
    let section = Section::open(node, &POOL, report)?;
    let range = section.need("range", report);
    let range = range.and_then(|n| placed(n, inside.net, report));
    let exclude = section.get("exclude");
    let exclude = exclude.map_or_else(Vec::new, |n| excluded(n, range, report));
    let tags = section.get("tags");
    let tags = tags.map_or_else(BTreeSet::new, |n| self::tags(n, "tags", report));
    let bootp = section.or("bootp", false, |n| yes_no(n, "bootp", report));
    let terms = terms::within(inside.layer, &section, report).terms;
    Some(Pool {
        range: range?.0,
        exclude,
        tags,
        bootp: bootp?,
        terms,
    })
}

/// The range that is handed out, and the one that is written: a prefix has the network's own
/// addresses in it, and they are not meant.
fn placed(node: &Node, net: Option<Ipv4Net>, report: &mut Report<'_>) -> Option<(Range, Range)> {
    let written = range(node, "range", report)?;
    let Some(net) = net else {
        return Some((written, written));
    };
    let whole = range_of(net);
    if !whole.covers(&written) {
        let message = format!("the pool {written} lies outside its subnet {net}");
        report.error(node.at, message, format!("{net} is {whole}"));
        return None;
    }
    let usable = usable(net);
    if usable.covers(&written) {
        return Some((written, written));
    }
    let clipped = Range {
        first: written.first.max(usable.first),
        last: written.last.min(usable.last),
    };
    let prefix = matches!(&node.value, Value::Scalar { text, .. } if text.contains('/'));
    if prefix && clipped.first <= clipped.last {
        return Some((clipped, written));
    }
    let message = format!("the pool {written} has the network or broadcast address of {net} in it");
    report.error(node.at, message, format!("hosts have {usable}"));
    (clipped.first <= clipped.last).then_some((clipped, written))
}

/// The addresses that hosts may have: all but the first and the last, where there are more than
/// two (RFC 3021).
pub(super) fn usable(net: Ipv4Net) -> Range {
    let whole = range_of(net);
    if net.prefix_len() >= 31 {
        return whole;
    }
    Range {
        first: after(whole.first),
        last: before(whole.last),
    }
}

fn after(address: Ipv4Addr) -> Ipv4Addr {
    u32::from(address).saturating_add(1).into()
}

fn before(address: Ipv4Addr) -> Ipv4Addr {
    u32::from(address).saturating_sub(1).into()
}

/// The parts that are left out: sorted, apart from each other, inside the pool.
fn excluded(node: &Node, pool: Option<(Range, Range)>, report: &mut Report<'_>) -> Vec<Range> {
    let mut parts = Vec::new();
    for item in one_or_list(node, "exclude", report) {
        let Some((part, (range, written))) = range(item, "exclude", report).zip(pool) else {
            continue;
        };
        if !written.covers(&part) {
            let message = format!("{part} is excluded, but is not in the pool {written}");
            report.error(item.at, message, None);
        } else if part.overlaps(&range) {
            parts.push(Range {
                first: part.first.max(range.first),
                last: part.last.min(range.last),
            });
        }
    }
    apart(parts)
}

/// Sorted, and those that touch made one.
fn apart(mut parts: Vec<Range>) -> Vec<Range> {
    parts.sort_unstable();
    let mut apart: Vec<Range> = Vec::with_capacity(parts.len());
    for part in parts {
        match apart.last_mut() {
            Some(last) if part.first <= after(last.last) => last.last = last.last.max(part.last),
            _ => apart.push(part),
        }
    }
    apart
}

/// What this host has is in use.
fn keep_own(pool: &mut Pool, own: &[Ipv4Addr], at: At, report: &mut Report<'_>) {
    for address in own.iter().filter(|a| pool.range.contains(**a)) {
        if !pool.has(*address) {
            continue;
        }
        let message = format!(
            "the pool {} has this host's own {address} in it, which is not given out",
            pool.range
        );
        report.warn(at, message, format!("exclude: {address}"));
        pool.exclude.push(Range {
            first: *address,
            last: *address,
        });
        pool.exclude = apart(std::mem::take(&mut pool.exclude));
    }
}

fn warn_of_nothing(pool: &Pool, at: At, report: &mut Report<'_>) {
    if pool.size() == 0 {
        let message = format!("the pool {} is empty: all of it is excluded", pool.range);
        report.warn(at, message, None);
    }
}

/// A host that is named to clients as a server has its address already.
fn warn_of_servers(pool: &Pool, at: At, report: &mut Report<'_>) {
    let kinds = [
        (code::ROUTER, "a router"),
        (code::DNS, "a DNS server"),
        (code::NTP, "an NTP server"),
    ];
    let mut seen = BTreeSet::new();
    for (code, what) in kinds {
        let option = Terms::option(&[&pool.terms], code).map_or(&[][..], |o| &o.value);
        for address in option.as_chunks::<4>().0 {
            let address = Ipv4Addr::from(*address);
            if pool.has(address) && seen.insert(address) {
                let message = format!("the pool {} hands out {address}, {what}", pool.range);
                report.warn(at, message, format!("exclude: {address}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_that_touch_become_one() {
        let range = |first: u8, last: u8| Range {
            first: [10, 0, 0, first].into(),
            last: [10, 0, 0, last].into(),
        };
        let parts = vec![
            range(9, 9),
            range(1, 3),
            range(4, 5),
            range(2, 3),
            range(7, 7),
        ];
        assert_eq!(apart(parts), [range(1, 5), range(7, 7), range(9, 9)]);
        let end = Range {
            first: Ipv4Addr::BROADCAST,
            last: Ipv4Addr::BROADCAST,
        };
        assert_eq!(apart(vec![end, end]), [end]);
    }
}
