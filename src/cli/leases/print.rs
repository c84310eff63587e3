//! Leases in the forms that people and other programs read, each written line by line.
//!
//! The table is for people: times as short as they can be, in UTC as everywhere. The other forms
//! have them whole, and every field.

use std::io::{self, Write};

use crate::lease::State;
use crate::service::lease::row::Row;

/// The fields; new ones come last.
const NAMES: [&str; 11] = [
    "address",
    "mac",
    "state",
    "since",
    "until",
    "host_name",
    "profile",
    "network",
    "client_id",
    "client_name",
    "meant_for",
];
/// Columns of the list: the first of [`NAMES`].
const COLUMNS: usize = 7;
/// The longest of [`NAMES`].
const LABEL: usize = 11;

type Fields = [String; NAMES.len()];

/// The fields in the order of [`NAMES`]; empty: there is none.
fn fields(row: &Row) -> Fields {
    let text = |text: Option<&str>| text.map_or_else(String::new, printable);
    [
        row.address.to_string(),
        text(row.mac.as_deref()),
        row.state.name().to_owned(),
        text(row.since.as_deref()),
        row.until.as_deref().unwrap_or("for ever").to_owned(),
        text(row.host_name.as_deref()),
        text(row.profile.as_deref()),
        text(row.network.as_deref()),
        text(row.client_id.as_deref()),
        text(row.client_name.as_deref()),
        text(row.meant_for.as_deref()),
    ]
}

/// A name comes from the network: no control character reaches a terminal.
fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(safe).collect()
}

/// One line each, in columns.
pub(super) fn table(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    aligned(out, rows, &jiff::Timestamp::now().to_string())
}

fn aligned(out: &mut dyn Write, rows: &[Row], today: &str) -> io::Result<()> {
    let head = NAMES.map(|name| name.to_uppercase().replace('_', " "));
    let mut widths: [usize; COLUMNS] = [0; COLUMNS];
    let lines = || std::iter::once(head.clone()).chain(rows.iter().map(|row| cells(row, today)));
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(&line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in lines() {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// The fields as they stand in the table.
fn cells(row: &Row, today: &str) -> Fields {
    let mut cells = fields(row);
    let [_, _, _, since, until, ..] = &mut cells;
    for time in [since, until] {
        *time = short(time, today);
    }
    cells.map(|cell| match cell.as_str() {
        "" => "-".to_owned(),
        _ => cell,
    })
}

/// `10:31:05Z` of today; of another day of this year `11-22 10:31Z`, else `2027-01-31`.
fn short(stamp: &str, today: &str) -> String {
    let Some((day, time)) = stamp.split_once('T') else {
        return stamp.to_owned();
    };
    let day_of_year = |stamp: &str| stamp.get(5..10).map(str::to_owned);
    if today.starts_with(day) {
        return time.to_owned();
    }
    match (day.get(..5), day_of_year(day), time.get(..5)) {
        (Some(year), Some(day), Some(minute)) if today.starts_with(year) => {
            format!("{day} {minute}Z")
        }
        _ => day.to_owned(),
    }
}

/// All fields of each, a line a field.
pub(super) fn blocks(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    for (n, row) in rows.iter().enumerate() {
        out.write_all(if n == 0 { b"" } else { b"\n" })?;
        let named = NAMES.iter().zip(fields(row));
        for (name, value) in named.filter(|(_, value)| !value.is_empty()) {
            writeln!(out, "{:<LABEL$} {value}", name.replace('_', " "))?;
        }
    }
    Ok(())
}

/// A JSON array.
pub(super) fn json(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, rows)?;
    writeln!(out)
}

/// One JSON object a line.
pub(super) fn lines(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Comma-separated (RFC 4180), with a line of names.
pub(super) fn csv(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "{}", NAMES.join(","))?;
    for row in rows {
        let cells = fields(row).map(|cell| quoted(&cell));
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

/// A spreadsheet computes what begins like a formula; an apostrophe before it makes it text.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@']);
    let cell = format!("{}{cell}", if formula { "'" } else { "" });
    if cell.contains(['"', ',', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// As dnsmasq writes its leases: `end mac address name identifier`; 0 is for ever, `*` is none.
pub(super) fn dnsmasq(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    for row in rows.iter().filter(|row| row.state == State::Leased) {
        let stamp = |text: &str| {
            text.parse::<jiff::Timestamp>()
                .map_or(0, jiff::Timestamp::as_second)
        };
        let end = row.until.as_deref().map_or(0, stamp);
        let word =
            |w: &&str| !w.is_empty() && !w.contains(|c: char| c.is_whitespace() || c.is_control());
        let name = row.host_name.as_deref().filter(word).unwrap_or("*");
        let id = row.client_id.as_deref();
        let id = id.map_or_else(|| "*".to_owned(), colons);
        let mac = row.mac.as_deref().unwrap_or("*");
        writeln!(out, "{end} {mac} {} {name} {id}", row.address)?;
    }
    Ok(())
}

/// `0102` → `01:02`
fn colons(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            address: [10, 0, 0, 5].into(),
            mac: Some("52:54:00:12:34:56".to_owned()),
            client_id: None,
            state: State::Leased,
            since: Some("2026-11-22T10:31:05Z".to_owned()),
            until: None,
            host_name: None,
            client_name: None,
            profile: None,
            network: None,
            meant_for: None,
        }
    }

    fn written(form: fn(&mut dyn Write, &[Row]) -> io::Result<()>, rows: &[Row]) -> String {
        let mut out = Vec::new();
        form(&mut out, rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_as_short_as_their_distance_allows() {
        let today = "2026-11-22T23:59:59.123Z";
        for (stamp, shown) in [
            ("2026-11-22T10:31:05Z", "10:31:05Z"),
            ("2026-11-23T00:31:05Z", "11-23 00:31Z"),
            ("2027-01-03T10:31:05Z", "2027-01-03"),
            ("for ever", "for ever"),
            ("", ""),
        ] {
            assert_eq!(short(stamp, today), shown);
        }
    }

    #[test]
    fn no_cell_is_a_formula_or_ends_its_line() {
        for (cell, expected) in [
            ("pc-1", "pc-1"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
        let hostile = Row {
            host_name: Some("a\n=1+1\r\t\u{9b}".to_owned()),
            ..row()
        };
        let text = written(csv, &[hostile]);
        let fields = "52:54:00:12:34:56,leased,2026-11-22T10:31:05Z,for ever";
        let name = "a\u{fffd}=1+1\u{fffd}\u{fffd}\u{fffd}";
        let line = format!("10.0.0.5,{fields},{name},,,,,");
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), [line]);
    }

    #[test]
    fn no_form_lets_a_name_draw_on_a_terminal() {
        let hostile = Row {
            host_name: Some("\u{1b}[31mRED\u{7}\nroot".to_owned()),
            profile: Some("\u{1b}]0;x".to_owned()),
            ..row()
        };
        for form in [table, blocks, json, lines, csv, dnsmasq] {
            let text = written(form, std::slice::from_ref(&hostile));
            let drawn = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(drawn), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("root")), "{text}");
        }
    }

    #[test]
    fn a_usual_table_fits_eighty_columns_and_no_line_ends_in_blanks() {
        let leased = Row {
            address: [10, 1, 0, 100].into(),
            until: row().since,
            host_name: Some("lab-pc-12".to_owned()),
            profile: Some("Lab A".to_owned()),
            ..row()
        };
        let text = written(
            |out, rows| aligned(out, rows, "2026-11-22"),
            &[leased, row()],
        );
        for line in text.lines() {
            assert_eq!(line.trim_end(), line);
        }
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{longest:?}\n{text}");
    }
}
