//! `options:`, `lease-time:` and `pxe:` of one layer → [`Terms`], merged with the layers around it.
//!
//! The more specific layer wins: option by option, and each of the three lease times by itself.

use super::model::{LeaseTimes, Opt, PxeShape, Terms};
use super::options;
use super::schema::LEASE_TIME;
use super::words::{seconds, shown};
use crate::wire::dhcp::code;
use crate::wire::dhcp::values::read_routes;
use crate::yaml::{Node, Report, Section, Value, similar, text};

/// The options of all layers together, in bytes as sent: a message of 1472 bytes, less its header
/// (240) and what bootjack itself puts in (facts A).
const MAX_OPTIONS: usize = 1000;
/// A longer value is split (RFC 3396).
const MAX_WHOLE: usize = 255;

/// What a layer says, within `outer`.
pub(super) fn within(outer: &Terms, section: &Section<'_>, report: &mut Report<'_>) -> Terms {
    let own = Terms {
        options: section
            .get("options")
            .map_or_else(Vec::new, |n| options::read(n, report)),
        lease: section
            .get("lease-time")
            .map_or_else(LeaseTimes::default, |n| lease_time(n, report)),
        pxe: section.get("pxe").and_then(|n| pxe(n, report)),
    };
    if let Some(node) = section.get("options") {
        warn_of_parts(&own, node, report);
    }
    let merged = merged(outer, own);
    if let Some(node) = section.get("options") {
        check_size(&merged, node, report);
        warn_of_lost_router(&merged, node, report);
    }
    if let Some(node) = section.get("lease-time") {
        check_lease(merged.lease, node, report);
    }
    merged
}

fn merged(outer: &Terms, own: Terms) -> Terms {
    let mut options = own.options;
    let inherited = |o: &&Opt| !options.iter().any(|mine| mine.code == o.code);
    let inherited: Vec<Opt> = outer.options.iter().filter(inherited).cloned().collect();
    options.extend(inherited);
    options.sort_by_key(|option| option.code);
    Terms {
        options,
        lease: LeaseTimes {
            min: own.lease.min.or(outer.lease.min),
            default: own.lease.default.or(outer.lease.default),
            max: own.lease.max.or(outer.lease.max),
        },
        pxe: own.pxe.or(outer.pxe),
    }
}

/// `1h`, or `{ min: 5m, default: 1h, max: 1d }`.
fn lease_time(node: &Node, report: &mut Report<'_>) -> LeaseTimes {
    if !matches!(node.value, Value::Map(_)) {
        return LeaseTimes {
            default: seconds(node, report),
            ..LeaseTimes::default()
        };
    }
    let Some(section) = Section::open(node, &LEASE_TIME, report) else {
        return LeaseTimes::default();
    };
    let mut time = |key| section.get(key).and_then(|n| seconds(n, report));
    LeaseTimes {
        min: time("min"),
        default: time("default"),
        max: time("max"),
    }
}

fn check_lease(lease: LeaseTimes, node: &Node, report: &mut Report<'_>) {
    let named = [
        ("min", lease.min),
        ("default", lease.default),
        ("max", lease.max),
    ];
    let set: Vec<(&str, u32)> = named
        .iter()
        .filter_map(|(n, t)| Some((*n, (*t)?)))
        .collect();
    let wrong = set.windows(2).find_map(|pair| match pair {
        [(a, first), (b, then)] if first > then => Some((a, *first, b, *then)),
        _ => None,
    });
    if let Some((a, first, b, then)) = wrong {
        let message = format!(
            "lease-time: {a} ({}) is longer than {b} ({})",
            time(first),
            time(then)
        );
        let hint = "min, default and max hold for the layers inside too, until they say otherwise";
        report.error(node.at, message, hint.to_owned());
    }
}

fn time(seconds: u32) -> String {
    match seconds {
        u32::MAX => "infinite".to_owned(),
        seconds => shown(std::time::Duration::from_secs(seconds.into())),
    }
}

/// The shape of boot data.
fn pxe(node: &Node, report: &mut Report<'_>) -> Option<PxeShape> {
    let word = text(node, "pxe", report)?;
    let found = PxeShape::ALL.into_iter().find(|shape| shape.name() == word);
    if found.is_none() {
        let message = format!("pxe: \"{}\" is no shape of boot data", word.escape_debug());
        let hint = similar::hint(word, PxeShape::ALL.map(PxeShape::name));
        report.error(node.at, message, hint);
    }
    found
}

fn check_size(terms: &Terms, node: &Node, report: &mut Report<'_>) {
    let sent = |o: &Opt| o.value.len() + 2 * o.value.len().div_ceil(MAX_WHOLE);
    let bytes: usize = terms.options.iter().map(sent).sum();
    if bytes > MAX_OPTIONS {
        let message = format!(
            "the options here, with those around them, take {bytes} bytes; {MAX_OPTIONS} fit a message"
        );
        report.error(node.at, message, "leave some out".to_owned());
    }
}

fn warn_of_parts(own: &Terms, node: &Node, report: &mut Report<'_>) {
    for option in own.options.iter().filter(|o| o.value.len() > MAX_WHOLE) {
        let message = format!(
            "option {} has {} bytes; over {MAX_WHOLE} it is split, and not every client joins it",
            option.code,
            option.value.len()
        );
        report.warn(node.at, message, None);
    }
}

/// A client that reads classless routes ignores `routers` (RFC 3442, "DHCP Client Behavior").
fn warn_of_lost_router(terms: &Terms, node: &Node, report: &mut Report<'_>) {
    let layers = [terms];
    let routers = Terms::option(&layers, code::ROUTER);
    let routes = Terms::option(&layers, code::STATIC_ROUTES);
    let all = routes.and_then(|o| read_routes(&o.value));
    let no_default = all.is_some_and(|all| all.iter().all(|route| route.to.prefix_len() > 0));
    if let (true, Some(Opt { value, .. })) = (no_default, routers) {
        let first = value.first_chunk::<4>().copied().unwrap_or_default();
        let router = std::net::Ipv4Addr::from(first);
        let message = "clients that read static-routes ignore routers, and have no way out here";
        let hint = format!("add \"default via {router}\" to static-routes (RFC 3442)");
        report.warn(node.at, message, hint);
    }
}
