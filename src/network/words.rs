//! The small languages inside single values: addresses, ranges, tags, identifiers, lease times.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::Ipv4Net;

use super::model::Range;
use crate::wire::dhcp::values::is_domain;
use crate::wire::{Mac, from_hex};
use crate::yaml::{MAX_ID, Node, Report, duration, is_id, one_or_list, similar, text};

/// The longest client identifier or circuit id: what one option carries.
const MAX_IDENTIFIER: usize = 255;

/// One IPv4 address of a host.
pub(super) fn address(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Ipv4Addr> {
    let word = text(node, what, report)?;
    let (problem, hint) = match word.parse::<Ipv4Addr>() {
        Ok(address) if !address.is_unspecified() => return Some(address),
        Ok(_) => ("is no address of a host", "leave it out".to_owned()),
        Err(_) if word.parse::<Ipv6Addr>().is_ok() => (
            "is an IPv6 address; DHCP here is IPv4",
            "write an IPv4 address such as 10.1.0.2".to_owned(),
        ),
        Err(_) => (
            "is no IPv4 address",
            "write it as 10.1.0.2; DHCP carries addresses here, not names".to_owned(),
        ),
    };
    let message = format!("{what}: \"{}\" {problem}", word.escape_debug());
    report.error(node.at, message, hint);
    None
}

/// `10.1.0.100-10.1.0.199`, `10.1.0.128/26`, or one address.
pub(super) fn range(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Range> {
    let word = text(node, what, report)?;
    let hint = match parse_range(word) {
        Ok(range) => return Some(range),
        Err(hint) => hint,
    };
    let message = format!("{what}: \"{}\" is no range", word.escape_debug());
    report.error(node.at, message, hint);
    None
}

/// The range that text means, or what to write.
fn parse_range(word: &str) -> Result<Range, String> {
    let usual = || "write it as 10.1.0.100-10.1.0.199 or 10.1.0.128/26".to_owned();
    if let Ok(net) = word.parse::<Ipv4Net>() {
        let whole = net.addr() == net.network();
        let meant = || format!("did you mean \"{}\"?", net.trunc());
        return whole.then(|| range_of(net)).ok_or_else(meant);
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let first: Ipv4Addr = first.trim().parse().map_err(|_| usual())?;
    match last.trim().parse::<Ipv4Addr>() {
        Ok(last) if first <= last => Ok(Range { first, last }),
        Ok(last) => Err(format!("did you mean \"{last}-{first}\"?")),
        Err(_) => Err(completed(first, last.trim()).unwrap_or_else(usual)),
    }
}

/// `10.1.0.100-199`: what is probably meant.
fn completed(first: Ipv4Addr, last: &str) -> Option<String> {
    let [a, b, c, _] = first.octets();
    let last: u8 = last.parse().ok()?;
    let last = Ipv4Addr::new(a, b, c, last);
    (first <= last).then(|| format!("did you mean \"{first}-{last}\"?"))
}

/// All addresses of a network.
pub(super) fn range_of(net: Ipv4Net) -> Range {
    Range {
        first: net.network(),
        last: net.broadcast(),
    }
}

/// One tag or a list of them.
pub(super) fn tags(node: &Node, what: &str, report: &mut Report<'_>) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    for node in one_or_list(node, what, report) {
        let Some(tag) = text(node, what, report) else {
            continue;
        };
        if is_id(tag) {
            tags.insert(tag.to_owned());
        } else {
            let message = format!("\"{}\" is no tag", tag.escape_debug());
            let hint = format!("use letters, digits, -, _ and ., at most {MAX_ID} characters");
            report.error(node.at, message, hint);
        }
    }
    tags
}

/// Bytes that are written as hex (`01:52:54:00`, `0x015254`) or as text.
pub(super) fn identifier(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Box<[u8]>> {
    let word = text(node, what, report)?;
    let pairs = word.contains(':').then(|| colon_hex(word)).flatten();
    let bytes = match word.strip_prefix("0x") {
        Some(digits) => from_hex(digits),
        None => pairs.or_else(|| Some(word.as_bytes().to_vec())),
    };
    let bytes = bytes.filter(|b| (1..=MAX_IDENTIFIER).contains(&b.len()));
    if bytes.is_none() {
        let message = format!("\"{}\" is no {what}", word.escape_debug());
        let hint = "write hex as 01:52:54:00 or 0x015254, or text; 1 to 255 bytes".to_owned();
        report.error(node.at, message, hint);
    }
    bytes.map(Vec::into_boxed_slice)
}

fn colon_hex(word: &str) -> Option<Vec<u8>> {
    let pair = |p: &str| (p.len() == 2).then(|| from_hex(p))?;
    let pairs: Option<Vec<Vec<u8>>> = word.split(':').map(pair).collect();
    pairs.map(|p| p.concat())
}

/// A whole hardware address.
pub(super) fn mac(node: &Node, report: &mut Report<'_>) -> Option<Mac> {
    let word = text(node, "mac", report)?;
    let mac = word.parse().ok();
    if mac.is_none() {
        let message = format!("\"{}\" is no MAC address", word.escape_debug());
        let hint = if word.contains('*') {
            "a reservation is for one machine; groups are matched by profiles"
        } else {
            "write it as 52:54:00:12:34:56"
        };
        report.error(node.at, message, hint.to_owned());
    }
    mac
}

/// A host's name, perhaps with its domain.
pub(super) fn host_name(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let word = text(node, "host-name", report)?;
    if is_domain(word) {
        return Some(word.to_owned());
    }
    let message = format!("\"{}\" is no host name", word.escape_debug());
    let hint = "use letters, digits and - in labels of at most 63, joined by dots".to_owned();
    report.error(node.at, message, hint);
    None
}

/// A lease time in seconds; `infinite` is [`u32::MAX`].
pub(super) fn seconds(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    let word = text(node, "lease-time", report)?;
    if word == "infinite" {
        return Some(u32::MAX);
    }
    let whole = duration(word).filter(|d| d.subsec_nanos() == 0);
    let seconds = whole.and_then(|d| u32::try_from(d.as_secs()).ok());
    let seconds = seconds.filter(|s| (1..u32::MAX).contains(s));
    if seconds.is_none() {
        let message = format!("\"{}\" is no lease time", word.escape_debug());
        let endless = similar::nearest(word, &["infinite", "infinity", "forever", "never"]);
        let hint = match endless {
            Some(_) => "did you mean \"infinite\"?",
            None => "write 90s, 30m, 12h, 7d or infinite",
        };
        report.error(node.at, message, hint.to_owned());
    }
    seconds
}

/// A length of time within bounds.
pub(super) fn span(
    node: &Node,
    what: &str,
    bounds: std::ops::RangeInclusive<Duration>,
    report: &mut Report<'_>,
) -> Option<Duration> {
    let word = text(node, what, report)?;
    let span = duration(word);
    let found = span.filter(|span| bounds.contains(span));
    if found.is_none() {
        let (least, most) = (shown(*bounds.start()), shown(*bounds.end()));
        let message = format!("{what}: \"{}\" cannot be used", word.escape_debug());
        report.error(node.at, message, format!("write {least} to {most}"));
    }
    found
}

/// A length of time as one writes it.
pub(super) fn shown(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let whole = units.iter().find(|(n, _)| seconds.is_multiple_of(*n));
    match whole {
        Some((n, unit)) if span.subsec_nanos() == 0 => format!("{}{unit}", seconds / n),
        _ => format!("{}ms", span.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_usually_written() {
        for (word, read) in [
            ("10.1.0.100-10.1.0.199", Ok("10.1.0.100-10.1.0.199")),
            ("10.1.0.100 - 10.1.0.199", Ok("10.1.0.100-10.1.0.199")),
            ("10.1.0.128/30", Ok("10.1.0.128-10.1.0.131")),
            ("10.1.0.5", Ok("10.1.0.5-10.1.0.5")),
            ("0.0.0.0/0", Ok("0.0.0.0-255.255.255.255")),
            ("10.1.0.129/30", Err("did you mean \"10.1.0.128/30\"?")),
            (
                "10.1.0.100-199",
                Err("did you mean \"10.1.0.100-10.1.0.199\"?"),
            ),
            (
                "10.1.0.9-10.1.0.1",
                Err("did you mean \"10.1.0.1-10.1.0.9\"?"),
            ),
        ] {
            let found = parse_range(word).map(|r| format!("{}-{}", r.first, r.last));
            assert_eq!(found, read.map(str::to_owned).map_err(str::to_owned));
        }
        for word in ["", "-", "10.1.0.1-", "10.1.0.1-300", "::1", "lab"] {
            assert!(parse_range(word).is_err(), "{word}");
        }
    }

    #[test]
    fn spans_are_shown_as_they_are_written() {
        for (milliseconds, words) in [
            (250, "250ms"),
            (1500, "1500ms"),
            (90_000, "90s"),
            (120_000, "2m"),
            (3_600_000, "1h"),
            (86_400_000, "1d"),
        ] {
            assert_eq!(shown(Duration::from_millis(milliseconds)), words);
        }
    }
}
