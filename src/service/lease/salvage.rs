//! What can still be read of a damaged lease store.
//!
//! Records are whole texts in the file, old versions of them among the new: every text that is a
//! record is taken, and of several for one address the newest. A record that was removed may come
//! back this way; it keeps an address from being given twice, and ends by itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::path::Path;

use crate::lease::Record;

/// How a record begins: its first field.
const BEGIN: &[u8] = br#"{"address":""#;
/// No record is longer: identifiers, names and profiles have their bounds.
const LONGEST: usize = 8192;
/// More of a file is not read: a store of a million leases is smaller.
const MOST: u64 = 1 << 30;

/// Every record that the file's bytes hold, by address.
///
/// # Errors
/// The file cannot be read.
pub(super) fn salvage(path: &Path) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(records(&bytes))
}

fn records(bytes: &[u8]) -> Vec<Record> {
    let mut newest: BTreeMap<Ipv4Addr, Record> = BTreeMap::new();
    for record in begins(bytes).filter_map(|at| parsed(bytes.get(at..)?)) {
        let known = newest.get(&record.address);
        if known.is_none_or(|known| age(known) <= age(&record)) {
            newest.insert(record.address, record);
        }
    }
    newest.into_values().collect()
}

/// A later state goes before an earlier one, and a renewal before what it renewed.
fn age(record: &Record) -> (u64, u64) {
    (record.since, record.until)
}

fn begins(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let starts = bytes.windows(BEGIN.len()).enumerate();
    starts.filter(|(_, w)| *w == BEGIN).map(|(at, _)| at)
}

fn parsed(bytes: &[u8]) -> Option<Record> {
    let text = bytes.get(..bytes.len().min(LONGEST))?;
    let mut found = serde_json::Deserializer::from_slice(text).into_iter();
    found.next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::State;

    fn record(last: u8, since: u64, until: u64) -> Record {
        Record {
            address: Ipv4Addr::new(10, 0, 0, last),
            mac: "52:54:00:12:34:56".to_owned(),
            client_id: None,
            state: State::Leased,
            since,
            until,
            seconds: None,
            host_name: Some(r#"{"address":"10.0.0.9"#.to_owned()),
            profile: None,
            reserved: None,
        }
    }

    fn text(record: &Record) -> Vec<u8> {
        serde_json::to_vec(record).unwrap()
    }

    #[test]
    fn the_newest_of_each_address_is_found_among_garbage() {
        let (old, renewed, newer) = (record(1, 5, 10), record(1, 5, 20), record(1, 7, 7));
        let other = record(2, 1, 2);
        let cut = text(&record(3, 1, 2));
        let all = [
            b"\0\xff{\"address\":\"".as_slice(),
            &text(&renewed),
            &text(&old),
            b"{\"address\":\"x\"}",
            &text(&other),
            &cut[..cut.len() - 1],
        ];
        assert_eq!(records(&all.concat()), [renewed, other.clone()]);
        let all = [text(&old), text(&newer), text(&old), text(&other)];
        assert_eq!(records(&all.concat()), [newer, other]);
        assert_eq!(records(b""), []);
    }
}
