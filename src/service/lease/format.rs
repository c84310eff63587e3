//! What stands in the lease store, and how the files of older versions become that.
//!
//! Table `leases`: the address as a number → the [`Record`] as JSON, which can be read without
//! this program and takes new fields. Table `meta`: `format`, the number of the layout; `clock`,
//! the last time written ([`Anchor`]).
//!
//! | format | |
//! |---|---|
//! | 1 | records without the lease's length, host name and profile; no clock |
//! | 2 | with them |
//!
//! A file of an older format is brought up step by step, in one transaction; one of a newer format
//! is left alone.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::clock::Anchor;
use crate::lease::Record;

/// The format written.
pub const FORMAT: u32 = 2;

/// Address → record.
pub(super) const LEASES: TableDefinition<'static, u32, &[u8]> = TableDefinition::new("leases");
/// Name → value.
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

const VERSION: &str = "format";
const CLOCK: &str = "clock";

/// From one format to the next.
type Step = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// The steps, by the format they begin at.
const STEPS: [(u32, Step); 1] = [(1, rewritten)];

/// All that a store holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The leases, by address.
    pub records: Vec<Record>,
    /// The last time written.
    pub anchor: Option<Anchor>,
    /// Addresses whose record is none; it is left as it is.
    pub unread: usize,
}

/// Which format a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// That of today.
    Ours,
    /// One before it.
    Older(u32),
    /// One that this program does not know.
    Newer(u32),
}

/// The format of a file; `None`: it has none, so it is none of ours.
pub(super) fn version(file: &impl ReadableDatabase) -> Result<Option<Version>, redb::Error> {
    let meta = match file.begin_read()?.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let number = meta.get(VERSION)?;
    let number = number.and_then(|n| str::from_utf8(n.value()).ok()?.parse().ok());
    Ok(number.map(|n: u32| match n.cmp(&FORMAT) {
        std::cmp::Ordering::Less => Version::Older(n),
        std::cmp::Ordering::Equal => Version::Ours,
        std::cmp::Ordering::Greater => Version::Newer(n),
    }))
}

/// Makes an empty file a store.
pub(super) fn begin(file: &Database, records: &[Record]) -> Result<(), redb::Error> {
    let change = file.begin_write()?;
    stamp(&change)?;
    put(&change, records)?;
    Ok(change.commit()?)
}

/// Brings a file of an older format up to today's, or leaves it as it is.
pub(super) fn bring_up(file: &Database, from: u32) -> Result<(), redb::Error> {
    let change = file.begin_write()?;
    for (_, step) in STEPS.iter().filter(|(at, _)| *at >= from) {
        step(&change)?;
    }
    stamp(&change)?;
    Ok(change.commit()?)
}

/// Every record as it is written today.
fn rewritten(change: &WriteTransaction) -> Result<(), redb::Error> {
    let mut leases = change.open_table(LEASES)?;
    let mut records = Vec::new();
    for row in leases.iter()? {
        records.extend(parsed(row?.1.value()));
    }
    for record in &records {
        leases.insert(key(record), encoded(record).as_slice())?;
    }
    Ok(())
}

fn stamp(change: &WriteTransaction) -> Result<(), redb::Error> {
    let mut meta = change.open_table(META)?;
    meta.insert(VERSION, FORMAT.to_string().as_bytes())?;
    Ok(())
}

/// Writes records; of several for one address, the last.
pub(super) fn put(change: &WriteTransaction, records: &[Record]) -> Result<(), redb::Error> {
    let mut leases = change.open_table(LEASES)?;
    // In the order of the table, neighbours share their page.
    let sorted: std::collections::BTreeMap<u32, &Record> =
        records.iter().map(|r| (key(r), r)).collect();
    for (key, record) in sorted {
        leases.insert(key, encoded(record).as_slice())?;
    }
    Ok(())
}

/// Writes the time.
pub(super) fn put_clock(change: &WriteTransaction, anchor: &Anchor) -> Result<(), redb::Error> {
    let text = serde_json::to_vec(anchor).unwrap_or_default();
    change.open_table(META)?.insert(CLOCK, text.as_slice())?;
    Ok(())
}

/// Reads everything.
pub(super) fn contents(file: &impl ReadableDatabase) -> Result<Contents, redb::Error> {
    let reading = file.begin_read()?;
    let mut contents = Contents::default();
    let clock = reading.open_table(META)?.get(CLOCK)?;
    contents.anchor = clock.and_then(|text| serde_json::from_slice(text.value()).ok());
    for row in reading.open_table(LEASES)?.iter()? {
        match parsed(row?.1.value()) {
            Some(record) => contents.records.push(record),
            None => contents.unread += 1,
        }
    }
    Ok(contents)
}

fn parsed(text: &[u8]) -> Option<Record> {
    serde_json::from_slice(text).ok()
}

fn key(record: &Record) -> u32 {
    record.address.into()
}

/// A record has nothing that JSON cannot say.
fn encoded(record: &Record) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}
