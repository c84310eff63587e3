//! `options:` → [`Opt`]s, encoded. Named ones by the table of `wire::dhcp::names`; `custom` ones by
//! number, held to what is known of that number.

use super::custom;
use super::model::Opt;
use super::schema::OPTIONS;
use super::words::address;
use crate::wire::dhcp::code;
use crate::wire::dhcp::names::{Form, Named, SETTABLE};
use crate::wire::dhcp::values::{Route, is_domain, write_names, write_routes};
use crate::yaml::{At, Key, Node, Report, Section, one_or_list, text, yes_no};

/// The most values of one option: more do not fit a message.
const MAX_VALUES: usize = 250;
/// The smallest MTU that a host must be told (RFC 2132 5.1).
const MIN_MTU: u64 = 68;

/// An option and where it stands.
pub(super) struct Placed {
    /// The option.
    pub option: Opt,
    /// Where.
    pub at: At,
}

/// Reads the mapping; each number comes once.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Vec<Opt> {
    let Some(section) = Section::open_with(node, &OPTIONS, by_number, report) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for named in &SETTABLE {
        if let Some((key, node)) = section.field(named.name) {
            all.extend(by_name(named, key, node, report));
        }
    }
    if let Some(node) = section.get("custom") {
        all.extend(custom::read(node, report));
    }
    unique(all, report)
}

/// What to write for a key that is an option's number.
fn by_number(key: &str) -> Option<String> {
    let word = key.to_ascii_lowercase();
    let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
    let prefix = word.strip_suffix(digits)?.trim_end_matches(['-', '_', ' ']);
    let number = ["", "option", "opt", "code", "custom"].contains(&prefix);
    let code: u32 = digits.parse().ok().filter(|_| number)?;
    let Ok(code) = u8::try_from(code) else {
        return Some("options have numbers up to 254".to_owned());
    };
    let named = SETTABLE.iter().find(|n| n.code == code);
    Some(match (named, custom::refusal(code)) {
        (Some(named), _) => format!("option {code} is called \"{}\" here", named.name),
        (None, Some(refusal)) => format!("not for a configuration to set: {refusal}"),
        (None, None) => format!(
            "options without a name go by number: custom: [{{ code: {code}, text: … }}], or with ip, hex, u8, u16, u32 for text"
        ),
    })
}

fn by_name(named: &Named, key: &Key, node: &Node, report: &mut Report<'_>) -> Option<Placed> {
    let value = value(named, node, report)?;
    warn_of_trouble(named.code, key.at, report);
    let option = Opt {
        code: named.code,
        value: value.into(),
        always: false,
    };
    Some(Placed { option, at: key.at })
}

/// The value of an option with this form, as sent.
fn value(named: &Named, node: &Node, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let what = named.name;
    match named.form {
        Form::Address => Some(address(node, what, report)?.octets().to_vec()),
        Form::Addresses => {
            let all = each(node, what, report, |n, r| address(n, what, r))?;
            Some(all.iter().flat_map(std::net::Ipv4Addr::octets).collect())
        }
        Form::Domain => Some(domain(node, what, report)?.as_bytes().to_vec()),
        Form::Domains => {
            let names = each(node, what, report, |n, r| domain(n, what, r))?;
            Some(write_names(names))
        }
        Form::Routes => {
            let routes = each(node, what, report, |n, r| route(n, what, r))?;
            Some(write_routes(&routes))
        }
        Form::Flag => Some(vec![u8::from(yes_no(node, what, report)?)]),
        Form::U8 | Form::U16 | Form::U32 | Form::I32 => numeric(named, node, report),
        Form::Text | Form::Message | Form::Bytes => plain_text(node, what, report),
    }
}

/// One value or a list of them; `None` where one is wrong.
pub(super) fn each<'n, T>(
    node: &'n Node,
    what: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&'n Node, &mut Report<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let items = one_or_list(node, what, report);
    if items.len() > MAX_VALUES {
        let message = format!("{what} has {} values; {MAX_VALUES} fit", items.len());
        report.error(node.at, message, None);
        return None;
    }
    // Through a list: every value is to be read, also after one that is wrong.
    let read: Vec<_> = items.iter().map(|item| read(item, report)).collect();
    let read: Option<Vec<_>> = read.into_iter().collect();
    read.filter(|list| !list.is_empty())
}

/// Text as an option carries it: one line, without NUL (RFC 2132 section 2).
pub(super) fn plain_text(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let line = text(node, what, report)?;
    if line.is_empty() || line.chars().any(char::is_control) {
        let message = format!("{what} must be a line of text, not empty, without control signs");
        report.error(node.at, message, None);
        return None;
    }
    Some(line.as_bytes().to_vec())
}

fn domain<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    let name = text(node, what, report)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    if is_domain(name) {
        return Some(name);
    }
    let hint = match name.is_ascii() {
        true if name.contains([' ', ',']) => "write several as a list: [lab.example, example.org]",
        true => "write it as lab.example: letters, digits, - and _ in labels of at most 63",
        false => "write what is not ASCII in its xn-- form",
    };
    let message = format!("{what}: \"{}\" is no domain name", name.escape_debug());
    report.error(node.at, message, hint.to_owned());
    None
}

/// `10.9.0.0/16 via 10.1.0.254`, `default via 10.1.0.1`.
fn route(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Route> {
    let written = text(node, what, report)?;
    let parts: Vec<&str> = written.split_whitespace().collect();
    let parsed = match parts.as_slice() {
        ["default", "via", via] => Some(("0.0.0.0/0", *via)),
        [to, "via", via] => Some((*to, *via)),
        _ => None,
    };
    let route = parsed.and_then(|(to, via)| {
        let to: ipnet::Ipv4Net = to.parse().ok()?;
        let via = via.parse().ok()?;
        Some(Route { to, via })
    });
    match route {
        Some(route) if route.to.addr() == route.to.network() => return Some(route),
        Some(route) => {
            let message = format!("{what}: {} is an address inside a network", route.to);
            let hint = format!("did you mean \"{} via {}\"?", route.to.trunc(), route.via);
            report.error(node.at, message, hint);
        }
        None => {
            let message = format!("{what}: \"{}\" is no route", written.escape_debug());
            let hint = "write it as \"10.9.0.0/16 via 10.1.0.254\" or \"default via 10.1.0.1\"";
            report.error(node.at, message, hint.to_owned());
        }
    }
    None
}

fn numeric(named: &Named, node: &Node, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let (what, full) = (named.name, u64::from(u32::MAX));
    match (named.code, named.form) {
        (_, Form::I32) => offset(node, what, report),
        (code::MTU, _) => number(node, what, (MIN_MTU, 65_535), 2, report),
        (code::NETBIOS_NODE, _) => netbios_node(node, what, report),
        (_, Form::U8) => number(node, what, (0, 255), 1, report),
        (_, Form::U16) => number(node, what, (0, 65_535), 2, report),
        _ => number(node, what, (0, full), 4, report),
    }
}

/// A number within bounds, as so many bytes.
pub(super) fn number(
    node: &Node,
    what: &str,
    (least, most): (u64, u64),
    bytes: usize,
    report: &mut Report<'_>,
) -> Option<Vec<u8>> {
    let word = text(node, what, report)?;
    let number = word.parse().ok().filter(|n| (least..=most).contains(n));
    if number.is_none() {
        let message = format!("{what}: \"{}\" is out of range", word.escape_debug());
        report.error(node.at, message, format!("write {least} to {most}"));
    }
    let all: [u8; 8] = number?.to_be_bytes();
    all.get(8 - bytes..).map(<[u8]>::to_vec)
}

/// Seconds east of UTC (RFC 2132 3.4).
fn offset(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let word = text(node, what, report)?;
    let seconds: Option<i32> = word.parse().ok();
    if seconds.is_none() {
        let message = format!("{what}: \"{}\" is no number", word.escape_debug());
        report.error(node.at, message, "write seconds, such as 3600".to_owned());
    }
    seconds.map(|s| s.to_be_bytes().to_vec())
}

/// B, P, M or H-node (RFC 2132 8.7).
fn netbios_node(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let word = text(node, what, report)?;
    let kind = word.parse().ok().filter(|n| matches!(n, 1 | 2 | 4 | 8));
    if kind.is_none() {
        let message = format!("{what}: \"{}\" is no node type", word.escape_debug());
        let hint = "write 1 (B), 2 (P), 4 (M) or 8 (H)".to_owned();
        report.error(node.at, message, hint);
    }
    kind.map(|n: u8| vec![n])
}

/// Options that firmware reads in its own way (facts A, B, C).
pub(super) fn warn_of_trouble(code: u8, at: At, report: &mut Report<'_>) {
    let why = match code {
        13 => "EDK2 then does not ask for the file's size",
        code::VENDOR_SPECIFIC => "PXE firmware takes it for its own sub-options",
        code::VENDOR_CLASS => "PXE firmware reads it to tell a boot server from a DHCP server",
        code::BOOT_FILE => "firmware may prefer it to the loader that bootjack names",
        209 | 210 => "pxelinux takes its menu from there, not from bootjack",
        _ => return,
    };
    let message = format!("option {code} may spoil network boot: {why}");
    let hint = "set it only where no machine boots from the network".to_owned();
    report.warn(at, message, hint);
}

fn unique(all: Vec<Placed>, report: &mut Report<'_>) -> Vec<Opt> {
    let mut seen = [None; 256];
    let mut options = Vec::with_capacity(all.len());
    for Placed { option, at } in all {
        let Some(slot) = seen.get_mut(usize::from(option.code)) else {
            continue;
        };
        if let Some(first) = slot.replace(at) {
            let message = format!("option {} is set twice", option.code);
            report.error(at, message, format!("first in line {}", first.line));
        } else {
            options.push(option);
        }
    }
    options
}
