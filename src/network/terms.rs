//! `options:`, `lease-time:` and `pxe:` of one layer → [`Terms`], merged with the layers around it.
//!
//! The more specific layer wins: option by option, and each of the three lease times by itself.

use super::model::{LeaseTimes, Opt, Terms};
use super::options;
use super::schema::LEASE_TIME;
use super::words::{seconds, shown};
use crate::client::PxeShape;
use crate::wire::dhcp::code;
use crate::wire::dhcp::names::SETTABLE;
use crate::wire::dhcp::values::read_routes;
use crate::yaml::{At, Node, Report, Section, Value, word_of};

/// The options of all layers together, in bytes as sent: a message of 1472 bytes, less its header
/// (240) and what bootjack itself puts in (facts A).
const MAX_OPTIONS: usize = 1000;
/// So many of too many options are named.
const LARGEST: usize = 4;
/// A longer value is split (RFC 3396).
const MAX_WHOLE: usize = 255;

/// What holds in one layer, those around it included.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    /// What clients are told.
    pub terms: Terms,
    /// Where its min, default and max lease time stand.
    times_at: [Option<At>; 3],
}

/// What a layer says, within `outer`.
pub(super) fn within(outer: &Layer, section: &Section<'_>, report: &mut Report<'_>) -> Layer {
    let (lease, times_at) = section
        .get("lease-time")
        .map_or_else(Default::default, |n| lease_time(n, report));
    let own = Terms {
        options: section
            .get("options")
            .map_or_else(Vec::new, |n| options::read(n, report)),
        lease,
        pxe: section.get("pxe").and_then(|n| pxe(n, report)),
    };
    if let Some(node) = section.get("options") {
        warn_of_parts(&own, node, report);
    }
    let merged = Layer {
        terms: merged(&outer.terms, own),
        times_at: inner(times_at, outer.times_at),
    };
    if let Some(node) = section.get("options") {
        check_size(&merged.terms, node, report);
        warn_of_lost_router(&merged.terms, node, report);
    }
    if let Some(node) = section.get("lease-time") {
        check_lease(&merged, node, report);
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

fn inner<T: Copy>(own: [Option<T>; 3], outer: [Option<T>; 3]) -> [Option<T>; 3] {
    let ([a, b, c], [d, e, f]) = (own, outer);
    [a.or(d), b.or(e), c.or(f)]
}

/// `1h`, or `{ min: 5m, default: 1h, max: 1d }`, with the places of the three.
fn lease_time(node: &Node, report: &mut Report<'_>) -> (LeaseTimes, [Option<At>; 3]) {
    if !matches!(node.value, Value::Map(_)) {
        let default = seconds(node, report);
        let times = LeaseTimes {
            default,
            ..LeaseTimes::default()
        };
        return (times, [None, default.map(|_| node.at), None]);
    }
    let Some(section) = Section::open(node, &LEASE_TIME, report) else {
        return Default::default();
    };
    let mut time = |key| {
        let node = section.get(key)?;
        Some((seconds(node, report)?, node.at))
    };
    let [min, default, max] = ["min", "default", "max"].map(&mut time);
    let times = LeaseTimes {
        min: min.map(|(time, _)| time),
        default: default.map(|(time, _)| time),
        max: max.map(|(time, _)| time),
    };
    (
        times,
        [min, default, max].map(|time| time.map(|(_, at)| at)),
    )
}

/// Each of the three that is set is at most as long as the next one.
fn check_lease(layer: &Layer, node: &Node, report: &mut Report<'_>) {
    let LeaseTimes { min, default, max } = layer.terms.lease;
    let [min_at, default_at, max_at] = layer.times_at;
    let all = [
        ("min", min, min_at),
        ("default", default, default_at),
        ("max", max, max_at),
    ];
    let set = all
        .into_iter()
        .filter_map(|(name, time, at)| Some((name, time?, at?)));
    let set: Vec<(&str, u32, At)> = set.collect();
    let wrong = set.windows(2).find_map(|pair| match pair {
        [(longer, first, _), (shorter, then, _)] if first > then => Some((longer, shorter)),
        _ => None,
    });
    let Some((longer, shorter)) = wrong else {
        return;
    };
    let said = all.map(|(name, value, at)| match value.zip(at) {
        Some((value, at)) => format!("{name} {} (line {})", time(value), at.line),
        None => format!("{name} not set"),
    });
    let message = format!(
        "lease-time: {longer} is longer than {shorter}: {}",
        said.join(", ")
    );
    let hint = "min, default and max hold for the layers inside too, until they say otherwise";
    report.error(node.at, message, hint.to_owned());
}

fn time(seconds: u32) -> String {
    match seconds {
        u32::MAX => "infinite".to_owned(),
        seconds => shown(std::time::Duration::from_secs(seconds.into())),
    }
}

/// The shape of boot data.
fn pxe(node: &Node, report: &mut Report<'_>) -> Option<PxeShape> {
    let all = PxeShape::ALL.map(|shape| (shape.name(), shape));
    word_of(node, "pxe", &all, report)
}

fn check_size(terms: &Terms, node: &Node, report: &mut Report<'_>) {
    let sent = |o: &Opt| o.value.len() + 2 * o.value.len().div_ceil(MAX_WHOLE);
    let bytes: usize = terms.options.iter().map(sent).sum();
    let Some(over) = bytes.checked_sub(MAX_OPTIONS).filter(|over| *over > 0) else {
        return;
    };
    let message = format!(
        "the options here, with those around them, take {bytes} bytes, {over} more than the {MAX_OPTIONS} that fit a message"
    );
    let mut parts: Vec<(usize, u8)> = terms.options.iter().map(|o| (sent(o), o.code)).collect();
    parts.sort_by_key(|(bytes, code)| (std::cmp::Reverse(*bytes), *code));
    let parts = parts.iter().take(LARGEST);
    let parts: Vec<String> = parts
        .map(|(bytes, code)| format!("{}: {bytes}", called(*code)))
        .collect();
    let hint = format!(
        "leave some out, or say it shorter; the largest, in bytes: {}",
        parts.join(", ")
    );
    report.error(node.at, message, hint);
}

/// The name of an option, or its number.
fn called(code: u8) -> String {
    let settable = SETTABLE.iter().find(|named| named.code == code);
    settable.map_or_else(|| format!("option {code}"), |named| named.name.to_owned())
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
