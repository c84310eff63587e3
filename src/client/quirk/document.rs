//! The YAML of quirk rows → [`Quirk`]s, with everything that is wrong with them.
//!
//! ```yaml
//! - name: no-class-for-arm
//!   tells: { arch: efi-arm64, mac: "00:11:22" }
//!   changes: { option-60: false }
//!   record: "ticket 4711: it ignores the file name where option 60 is there"
//! ```

mod changed;
mod idle;
mod loader;
mod named;
mod unheard;
mod vendor;

use std::collections::HashSet;
use std::sync::Arc;

pub(super) use self::changed::CHANGES;
use self::changed::{changes, number};
pub use self::named::loaders;
use super::changes::Changes;
use super::tells::{Behaviour, Tells};
use super::words::{Glob, MacPrefix, UndiRange};
use super::{Quirk, Replies};
use crate::client::Stage;
use crate::yaml::{
    At, FileKind, Finding, Node, Report, Section, Shape as Keys, Value, archs, is_id, kind,
    one_or_list, text, word_of,
};

/// The rows that go with bootjack, as text.
pub const TABLE: &str = include_str!("table.yaml");

/// The most rows an operator may write.
const MAX_ROWS: usize = 500;
/// The longest record, in bytes.
const MAX_RECORD: usize = 1000;

/// A row.
static QUIRK: Keys = Keys {
    what: "a quirk",
    keys: &["name", "tells", "changes", "built-in", "quirks", "record"],
    kin: ROWS_SHAPES,
    aliases: ALIASES,
};
static TELLS: Keys = Keys {
    what: "tells",
    keys: &[
        "mac",
        "class",
        "undi",
        "arch",
        "stage",
        "user-class",
        "uuid",
        "seen",
    ],
    kin: ROWS_SHAPES,
    aliases: ALIASES,
};
/// The shapes of a row and its parts.
static ROWS_SHAPES: &[&Keys] = &[&QUIRK, &TELLS, &CHANGES, &vendor::BYTES];

const ALIASES: &[(&str, &str)] = &[
    ("match", "tells"),
    ("when", "tells"),
    ("oui", "mac"),
    ("vendor-class", "class"),
    ("userclass", "user-class"),
    ("then", "changes"),
    ("strategy", "strategies"),
    ("priority", "ipxe-priority"),
    ("blksize", "block-size"),
    ("windowsize", "window"),
    ("evidence", "record"),
];

/// A file that is read for its quirks alone.
const FILE: FileKind = FileKind {
    what: "quirk table",
    most: 8 << 20,
    too_much: "let one row tell several machines",
    second: "make one of the two",
};

/// The rows that go with bootjack. A test reads them without a finding.
pub(super) fn built_in() -> Vec<Quirk> {
    let file: Arc<str> = "table.yaml".into();
    let mut report = Report::new(&file, TABLE);
    let rows = report.parse(&FILE);
    let rows = rows.map(|node| read_all(&node, Whose::Ours, &mut report));
    let findings = report.finish();
    debug_assert!(findings.is_empty(), "{findings:#?}");
    rows.unwrap_or_default()
}

/// The rows below `quirks:` of the config file `file` with this whole text; `None` where a finding
/// is an error.
pub fn compile(file: &str, text: &str) -> (Option<Vec<Quirk>>, Vec<Finding>) {
    let file: Arc<str> = file.into();
    let mut report = Report::new(&file, text);
    let root = report.parse(&FILE);
    let rows = root.map(|root| of_config(&root, None, &mut report));
    (rows.filter(|_| !report.is_wrong()), report.finish())
}

/// The rows below `quirks:` of a config file with this tree. Of use only where nothing is wrong.
/// `replies`: which are ours, where that is known.
pub fn of_config(root: &Node, replies: Option<Replies>, report: &mut Report<'_>) -> Vec<Quirk> {
    let Value::Map(fields) = &root.value else {
        return Vec::new();
    };
    let given = fields.iter().find(|(key, _)| key.text == "quirks");
    let given = given.filter(|(_, node)| !matches!(node.value, Value::Null));
    given.map_or_else(Vec::new, |(_, node)| {
        read_all(node, Whose::Operators(replies), report)
    })
}

/// Whose rows are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    /// An operator's, who is told which of them do nothing where these replies are ours.
    Operators(Option<Replies>),
}

fn read_all(node: &Node, whose: Whose, report: &mut Report<'_>) -> Vec<Quirk> {
    let ours = whose == Whose::Ours;
    let Value::List(items) = &node.value else {
        let message = format!("quirks must be a list of rows, not {}", kind(node));
        report.error(
            node.at,
            message,
            "begin each row with \"- name:\"".to_owned(),
        );
        return Vec::new();
    };
    if items.len() > MAX_ROWS && !ours {
        let message = format!("{} quirks, and at most {MAX_ROWS} are read", items.len());
        report.error(
            node.at,
            message,
            "let one row tell several machines".to_owned(),
        );
        return Vec::new();
    }
    let mut names = HashSet::new();
    let rows = items.iter().filter_map(|item| {
        let row = row(item, ours, report)?;
        if !names.insert(row.name.clone()) {
            let message = format!("two quirks are called \"{}\"", row.name);
            report.error(item.at, message, "explain tells them by name".to_owned());
        }
        warn_of_our_name(&row, item.at, report);
        Some((item, row))
    });
    let (items, rows): (Vec<&Node>, Vec<Quirk>) = rows.unzip();
    if let Whose::Operators(replies) = whose {
        idle::check(&items, &rows, replies, report);
    }
    rows
}

fn row(node: &Node, ours: bool, report: &mut Report<'_>) -> Option<Quirk> {
    let section = Section::open(node, &QUIRK, report)?;
    let name = section.need("name", report).and_then(|n| name(n, report));
    let tells = section.or("tells", Tells::default(), |n| tells(n, report));
    let changes = section.or("changes", Changes::default(), |n| changes(n, ours, report));
    let built_in = section
        .get("built-in")
        .and_then(|n| words(n, "built-in", report));
    let record = section
        .get("record")
        .and_then(|n| words(n, "record", report));
    let numbers = section.get("quirks").map(|n| numbers(n, report));
    let (tells, changes) = (tells?, changes?);
    if !ours {
        idle::warn_of_parts(node, report);
    }
    Some(Quirk {
        name: name?.into(),
        tells,
        changes,
        built_in: built_in.map(Into::into),
        numbers: numbers.unwrap_or_default(),
        record: record.unwrap_or_default().into(),
        ours,
    })
}

fn says_nothing(node: Option<&Node>) -> bool {
    match node.map(|node| &node.value) {
        None | Some(Value::Null) => true,
        Some(Value::Map(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

/// `explain` names the row that decided.
fn warn_of_our_name(row: &Quirk, at: At, report: &mut Report<'_>) {
    let table = super::Table::default();
    if !row.ours && table.rows().any(|ours| ours.name == row.name) {
        let message = format!(
            "a row that comes with bootjack is called \"{}\" too",
            row.name
        );
        let hint = "both hold; choose another name, so that explain tells which".to_owned();
        report.warn(at, message, hint);
    }
}

fn name<'n>(node: &'n Node, report: &mut Report<'_>) -> Option<&'n str> {
    let word = text(node, "name", report)?;
    if is_id(word) {
        return Some(word);
    }
    let message = format!("\"{}\" is no name of a quirk", word.escape_debug());
    let hint = "use up to 64 letters, digits, -, _ and .".to_owned();
    report.error(node.at, message, hint);
    None
}

fn words<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    let words = text(node, what, report)?;
    if words.len() > MAX_RECORD {
        let message = format!("{what} has more than {MAX_RECORD} bytes");
        report.error(
            node.at,
            message,
            "name where it is on record instead".to_owned(),
        );
        return None;
    }
    Some(words)
}

fn numbers(node: &Node, report: &mut Report<'_>) -> Vec<u8> {
    let items = one_or_list(node, "quirks", report).iter();
    let numbers = items.filter_map(|n| number(n, "quirks", 1..=48, report));
    numbers.map(|n| n as u8).collect()
}

fn tells(node: &Node, report: &mut Report<'_>) -> Option<Tells> {
    let section = Section::open(node, &TELLS, report)?;
    let stages = [Stage::Rom, Stage::HttpBoot, Stage::Ipxe].map(|s| (s.name(), s));
    let arch = section.get("arch").map(|n| archs(n, report));
    Some(Tells {
        mac: list(&section, "mac", report, |n, r| {
            parsed(n, "mac", MacPrefix::parse, "b8:27:eb", r)
        }),
        class: list(&section, "class", report, |n, r| {
            parsed(n, "class", Glob::parse, "PXEClient:Arch:00011*", r)
        }),
        undi: list(&section, "undi", report, |n, r| {
            parsed(n, "undi", UndiRange::parse, "2.1 or 2.0-2.1", r)
        }),
        arch: arch.flatten().unwrap_or_default(),
        stage: list(&section, "stage", report, |n, r| {
            word_of(n, "stage", &stages, r)
        }),
        user_class: list(&section, "user-class", report, |n, r| {
            parsed(n, "user-class", Glob::parse, "iPXE", r)
        }),
        uuid: list(&section, "uuid", report, |n, r| {
            parsed(n, "uuid", lower_glob, "4c4c4544-*", r)
        }),
        seen: list(&section, "seen", report, |n, r| {
            word_of(n, "seen", &Behaviour::ALL, r)
        }),
    })
}

/// UUIDs are shown in small letters.
fn lower_glob(text: &str) -> Option<Glob> {
    let of_uuids = |c: u8| c.is_ascii_hexdigit() || matches!(c, b'-' | b'*');
    Glob::parse(&text.to_ascii_lowercase()).filter(|_| text.bytes().all(of_uuids))
}

fn list<T>(
    section: &Section<'_>,
    key: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&Node, &mut Report<'_>) -> Option<T>,
) -> Vec<T> {
    let Some(node) = section.get(key) else {
        return Vec::new();
    };
    let items = one_or_list(node, key, report).iter();
    items.filter_map(|item| read(item, report)).collect()
}

/// What `parse` makes of a single value, or an error that shows one that would do.
fn parsed<T>(
    node: &Node,
    what: &str,
    parse: fn(&str) -> Option<T>,
    example: &str,
    report: &mut Report<'_>,
) -> Option<T> {
    let word = text(node, what, report)?;
    let value = parse(word);
    if value.is_none() {
        let message = format!("{what}: \"{}\" cannot be read", word.escape_debug());
        report.error(node.at, message, format!("write it like {example}"));
    }
    value
}
