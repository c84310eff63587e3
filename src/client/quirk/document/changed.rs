//! The YAML of `changes` → [`Changes`].

use std::time::Duration;

use super::{ALIASES, ROWS_SHAPES, parsed, vendor};
use crate::client::quirk::changes::{Changes, Ending, FileIn, NameForm, ReplyPort};
use crate::client::{PxeShape, Shape};
use crate::wire::CleanPath;
use crate::yaml::{
    Node, Report, Section, Shape as Keys, duration, one_or_list, text, word_of, yes_no,
};

/// The longest wait before an OFFER: firmware's first window is four seconds.
const MAX_DELAY: Duration = Duration::from_secs(3);
/// The longest window, and how many of them.
const MAX_WINDOW: Duration = Duration::from_secs(120);
const MAX_WINDOWS: usize = 8;
pub(in crate::client::quirk) static CHANGES: Keys = Keys {
    what: "changes",
    keys: &[
        "strategies",
        "pxe",
        "classless-request",
        "option-43",
        "option-60",
        "file",
        "ending",
        "server-options",
        "padding",
        "delay",
        "broadcast",
        "port-4011",
        "reply-port",
        "echo-item",
        "block-size",
        "window",
        "name",
        "loader",
        "ipxe-priority",
        "windows",
    ],
    kin: ROWS_SHAPES,
    aliases: ALIASES,
};

pub(super) fn changes(node: &Node, ours: bool, report: &mut Report<'_>) -> Option<Changes> {
    let section = Section::open(node, &CHANGES, report)?;
    let pxe = PxeShape::ALL.map(|s| (s.name(), s));
    let mut of = Of { section, report };
    Some(Changes {
        strategies: of.one("strategies", |n, r| strategies(n, ours, r)),
        pxe: of.word("pxe", &pxe),
        classless_request: of.yes_no("classless-request"),
        option_43: of.one("option-43", vendor::option_43),
        option_60: of.yes_no("option-60"),
        file: of.word("file", &FileIn::ALL),
        ending: of.word("ending", &Ending::ALL),
        server_options: of.one("server-options", server_options),
        padding: of.yes_no("padding"),
        delay: of.one("delay", |n, r| span(n, "delay", MAX_DELAY, r)),
        broadcast: of.yes_no("broadcast"),
        answers_4011: of.yes_no("port-4011"),
        reply_port: of.word("reply-port", &ReplyPort::ALL),
        echoes_item: of.yes_no("echo-item"),
        block_size: of.number("block-size", 512..=65464),
        window: of.number("window", 1..=64),
        name: of.word("name", &NameForm::ALL),
        loader: of.one("loader", loader),
        ipxe_priority: of.one("ipxe-priority", ipxe_priority),
        windows: of.one("windows", windows),
    })
}

/// The shapes to try, each once.
fn strategies(node: &Node, ours: bool, report: &mut Report<'_>) -> Option<Vec<Shape>> {
    let mut shapes = Vec::new();
    for item in one_or_list(node, "strategies", report) {
        let shape = strategy(item, ours, report)?;
        if shapes.contains(&shape) {
            let message = format!("strategies: \"{shape}\" is listed twice");
            report.error(
                item.at,
                message,
                "each is tried once, in this order".to_owned(),
            );
            return None;
        }
        shapes.push(shape);
    }
    Some(shapes).filter(|shapes| !shapes.is_empty())
}

/// The shapes that are a ROM's; the others follow from who asks.
fn strategy(node: &Node, ours: bool, report: &mut Report<'_>) -> Option<Shape> {
    let all = Shape::ALL.into_iter().filter(|s| ours || s.is_for_roms());
    let all: Vec<_> = all.map(|s| (s.name(), s)).collect();
    word_of(node, "strategies", &all, report)
}

/// Options that name the server, each once.
fn server_options(node: &Node, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let mut options = Vec::new();
    for item in one_or_list(node, "server-options", report) {
        let option = server_option(item, report)?;
        if options.contains(&option) {
            let message = format!("server-options: {option} is listed twice");
            report.error(item.at, message, "take it out".to_owned());
            return None;
        }
        options.push(option);
    }
    Some(options).filter(|options| !options.is_empty())
}

/// "Did you mean" is of no use among numbers.
fn server_option(node: &Node, report: &mut Report<'_>) -> Option<u8> {
    let word = text(node, "server-options", report)?;
    let known = [66, 150].into_iter().find(|n| n.to_string() == word);
    if known.is_none() {
        let message = format!("server-options: \"{}\" is not known", word.escape_debug());
        let hint = match word {
            "67" => "known here: 66, 150; 67 has the file's name, see the key file",
            _ => "known here: 66, 150",
        };
        report.error(node.at, message, hint.to_owned());
    }
    known
}

fn loader(node: &Node, report: &mut Report<'_>) -> Option<Box<str>> {
    parsed(
        node,
        "loader",
        clean_name,
        "snponly.efi, a name at the TFTP root",
        report,
    )
}

fn clean_name(word: &str) -> Option<Box<str>> {
    let clean = CleanPath::new(word.as_bytes()).ok()?;
    (clean.as_str() == word).then(|| word.into())
}

/// iPXE reads a signed byte; what counts less than nothing would count less than silence.
fn ipxe_priority(node: &Node, report: &mut Report<'_>) -> Option<u8> {
    number(node, "ipxe-priority", 0..=127, report).map(|n| n as u8)
}

fn windows(node: &Node, report: &mut Report<'_>) -> Option<Vec<Duration>> {
    let items = one_or_list(node, "windows", report);
    if items.len() > MAX_WINDOWS {
        let message = format!("at most {MAX_WINDOWS} windows make an attempt");
        report.error(node.at, message, None);
        return None;
    }
    let all: Vec<_> = items.iter().map(|n| window(n, report)).collect();
    all.into_iter()
        .collect::<Option<Vec<_>>>()
        .filter(|all| !all.is_empty())
}

/// Nobody waits for no time at all.
fn window(node: &Node, report: &mut Report<'_>) -> Option<Duration> {
    let span = span(node, "windows", MAX_WINDOW, report)?;
    if span.is_zero() {
        let hint = "write how long it waits, such as 4s".to_owned();
        report.error(node.at, "windows: no time at all", hint);
        return None;
    }
    Some(span)
}

fn span(node: &Node, what: &str, most: Duration, report: &mut Report<'_>) -> Option<Duration> {
    let word = text(node, what, report)?;
    let span = duration(word).filter(|span| *span <= most);
    if span.is_none() {
        let message = format!("{what}: \"{}\" cannot be used", word.escape_debug());
        let hint = format!(
            "write a time up to {}s, such as 500ms or 2s",
            most.as_secs()
        );
        report.error(node.at, message, hint);
    }
    span
}

pub(super) fn number(
    node: &Node,
    what: &str,
    bounds: std::ops::RangeInclusive<u16>,
    report: &mut Report<'_>,
) -> Option<u16> {
    let word = text(node, what, report)?;
    let number = word.parse().ok().filter(|n| bounds.contains(n));
    if number.is_none() {
        let message = format!("{what}: \"{}\" cannot be used", word.escape_debug());
        let hint = format!("write {} to {}", bounds.start(), bounds.end());
        report.error(node.at, message, hint);
    }
    number
}

/// Single values below `changes`.
struct Of<'n, 'r, 'a> {
    section: Section<'n>,
    report: &'r mut Report<'a>,
}

impl<'n> Of<'n, '_, '_> {
    fn one<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&'n Node, &mut Report<'_>) -> Option<T>,
    ) -> Option<T> {
        let node = self.section.get(key)?;
        read(node, self.report)
    }

    fn word<T: Copy>(&mut self, key: &str, all: &[(&str, T)]) -> Option<T> {
        self.one(key, |n, r| word_of(n, key, all, r))
    }

    fn yes_no(&mut self, key: &str) -> Option<bool> {
        self.one(key, |n, r| yes_no(n, key, r))
    }

    fn number(&mut self, key: &str, bounds: std::ops::RangeInclusive<u16>) -> Option<u16> {
        self.one(key, |n, r| number(n, key, bounds, r))
    }
}
