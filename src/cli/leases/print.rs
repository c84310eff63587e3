//! Leases in the forms that people and other programs read.

use std::fmt::Write as _;

use crate::lease::State;
use crate::service::lease::row::Row;

const NAMES: [&str; 9] = [
    "address",
    "mac",
    "state",
    "since",
    "until",
    "host_name",
    "profile",
    "network",
    "client_id",
];
/// Columns of the list: the first of [`NAMES`].
const COLUMNS: usize = 7;

/// The fields in the order of [`NAMES`]; empty: there is none.
fn fields(row: &Row) -> [String; NAMES.len()] {
    let text = |text: Option<&str>| text.map_or_else(String::new, printable);
    [
        row.address.to_string(),
        printable(&row.mac),
        row.state.name().to_owned(),
        text(row.since.as_deref()),
        row.until.as_deref().unwrap_or("for ever").to_owned(),
        text(row.host_name.as_deref()),
        text(row.profile.as_deref()),
        text(row.network.as_deref()),
        text(row.client_id.as_deref()),
    ]
}

/// A name comes from the network: no control character reaches a terminal.
fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(safe).collect()
}

/// One line each, in columns.
pub(super) fn table(rows: &[Row]) -> String {
    let head = NAMES.map(|name| name.to_uppercase().replace('_', " "));
    let lines: Vec<[String; NAMES.len()]> = std::iter::once(head)
        .chain(rows.iter().map(fields))
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| {
            let cell = if cell.is_empty() { "-" } else { cell };
            format!("{cell:<width$}")
        });
        let joined = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{}", joined.trim_end());
    }
    out
}

/// All fields of each, a line a field.
pub(super) fn blocks(rows: &[Row]) -> String {
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        out.push_str(if n == 0 { "" } else { "\n" });
        let named = NAMES.iter().zip(fields(row));
        for (name, value) in named.filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(out, "{:<10} {value}", name.replace('_', " "));
        }
    }
    out
}

/// A JSON array.
pub(super) fn json(rows: &[Row]) -> String {
    let mut text = serde_json::to_string_pretty(rows).unwrap_or_default();
    text.push('\n');
    text
}

/// One JSON object a line.
pub(super) fn lines(rows: &[Row]) -> String {
    let line = |row| serde_json::to_string(row).unwrap_or_default() + "\n";
    rows.iter().map(line).collect()
}

/// Comma-separated (RFC 4180), with a line of names.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut out = NAMES.join(",");
    out.push('\n');
    for row in rows {
        let cells = fields(row).map(|cell| quoted(&cell));
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// As dnsmasq writes its leases: `end mac address name identifier`; 0 is for ever, `*` is none.
pub(super) fn dnsmasq(rows: &[Row]) -> String {
    let leased = rows.iter().filter(|row| row.state == State::Leased);
    let line = |row: &Row| {
        let stamp = |text: &str| {
            text.parse::<jiff::Timestamp>()
                .map_or(0, jiff::Timestamp::as_second)
        };
        let end = row.until.as_deref().map_or(0, stamp);
        let word =
            |w: &&str| !w.is_empty() && !w.contains(|c: char| c.is_whitespace() || c.is_control());
        let name = row.host_name.as_deref().filter(word).unwrap_or("*");
        let id = row
            .client_id
            .as_deref()
            .map_or_else(|| "*".to_owned(), colons);
        format!("{end} {} {} {name} {id}\n", row.mac, row.address)
    };
    leased.map(line).collect()
}

/// `0102` → `01:02`
fn colons(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.collect::<Vec<_>>().join(":")
}
