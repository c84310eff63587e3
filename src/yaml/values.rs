//! Single values that more than one kind of file has: ids, durations, UUIDs, networks.

use std::time::Duration;

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::node::Node;
use super::report::Report;
use super::section::{one_or_list, text};
use super::similar;
use crate::wire::{ArchFilter, Platform, Uuid};

/// The longest id, in characters.
pub const MAX_ID: usize = 64;

/// Whether text is a well-formed id: 1 to 64 letters, digits, `-`, `_`, `.`, no `.` in front.
pub fn is_id(id: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(fits) && !id.starts_with(['.', '-'])
}

/// `10s`, `500ms`, `2m`, `1h30m`, `1d`, `2w`, or seconds; a day has 24 hours.
pub fn duration(word: &str) -> Option<Duration> {
    let parsed = match word.parse::<u32>() {
        Ok(seconds) => Some(SignedDuration::from_secs(seconds.into())),
        Err(_) => word.parse().ok().or_else(|| days(word)),
    };
    parsed.and_then(|d| Duration::try_from(d).ok())
}

fn days(word: &str) -> Option<SignedDuration> {
    let span: Span = word.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

/// A UUID that tells one machine, in [`Uuid::canonical`] order.
pub fn uuid(node: &Node, report: &mut Report<'_>) -> Option<Uuid> {
    let written = text(node, "uuid", report)?;
    let uuid = written.parse().ok();
    // All-0 and all-FF are what firmware without a UUID sends; they are no identity (quirk 1).
    let sane =
        |u: &Uuid| u.as_bytes().iter().any(|b| *b != 0) && u.as_bytes().iter().any(|b| *b != 0xff);
    let shown = written.escape_debug();
    match uuid {
        Some(uuid) if sane(&uuid) => return Some(uuid.canonical()),
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

/// An architecture: a platform's name, another name of option 93's table, or a number.
pub fn arch(node: &Node, report: &mut Report<'_>) -> Option<ArchFilter> {
    let word = text(node, "arch", report)?;
    let filter = ArchFilter::parse(word);
    if filter.is_none() {
        let hint = similar::hint(word, Platform::NAMED.map(Platform::name));
        let message = format!("\"{}\" is no architecture", word.escape_debug());
        report.error(node.at, message, hint);
    }
    filter
}

/// One architecture, or a list of them.
pub fn archs(node: &Node, report: &mut Report<'_>) -> Option<Vec<ArchFilter>> {
    let items = one_or_list(node, "arch", report);
    let read: Vec<_> = items.iter().map(|item| arch(item, report)).collect();
    let read: Option<Vec<_>> = read.into_iter().collect();
    read.filter(|list| !list.is_empty())
}

/// A network such as 10.1.0.0/16.
///
/// # Errors
/// It is none, which is reported. With it the network that was probably meant, so that what lies in
/// it can be looked at all the same.
pub fn subnet(node: &Node, report: &mut Report<'_>) -> Result<Ipv4Net, Option<Ipv4Net>> {
    let written = text(node, "subnet", report).ok_or(None)?;
    let parsed = written.parse::<Ipv4Net>();
    let (message, hint) = match parsed {
        Ok(net) if net.addr() == net.network() => return Ok(net),
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
    Err(parsed.ok().map(|net| net.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_up_to_weeks() {
        for (word, seconds) in [
            ("90", Some(90)),
            ("10s", Some(10)),
            ("2m", Some(120)),
            ("1h30m", Some(5400)),
            ("1d", Some(86_400)),
            ("2w", Some(1_209_600)),
            ("1 month", None),
            ("-1s", None),
            ("soon", None),
            ("", None),
            ("99999999999d", None),
        ] {
            let read = duration(word).map(|d| d.as_secs());
            assert_eq!(read, seconds, "{word}");
        }
    }

    #[test]
    fn ids_are_plain_words() {
        for (id, good) in [
            ("debian-12.1_x", true),
            ("", false),
            ("a b", false),
            ("-a", false),
            (".a", false),
            ("ä", false),
        ] {
            assert_eq!(is_id(id), good, "{id}");
        }
    }
}
