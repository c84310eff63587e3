//! `machines.redb` in the state folder: what was learnt of machines, kept over restarts.
//!
//! ```text
//! machines.redb            in force; locked by the process that has it
//! machines.redb.damaged-N  one that could not be read, moved aside as it was
//! ```
//!
//! Table `machines`: `mac platform` → the [`Row`] as JSON. Table `meta`: `format`, the number of the
//! layout. Nothing in it is worth a start that fails: a damaged file is moved aside with a word of
//! it, and without a file machines are learnt to know anew. Absent for that reason: salvage, and
//! the care for pages that a failed sync has lost (compare the store of leases).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable as _, TableDefinition,
    TableError, WriteTransaction,
};

use super::row::Row;
use crate::client::progress::{Firmware, Learnt};
use crate::error::{Error, why};
use crate::service::lease::disk;
use crate::wire::Mac;

/// The store's name in the state folder.
pub const FILE: &str = "machines.redb";
/// The layout written.
const FORMAT: u32 = 1;
/// Memory for pages.
const CACHE: usize = 4 << 20;

const MACHINES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("machines");
const META: TableDefinition<'static, &str, u32> = TableDefinition::new("meta");
const VERSION: &str = "format";

/// Changes, in order.
pub(super) type Changes = Vec<Change>;

/// One change.
#[derive(Debug)]
pub(super) enum Change {
    /// All rows of this machine go, or all there are: those too that this version cannot read.
    Forget(Option<Mac>),
    /// This row goes.
    Remove(String),
    /// This row is kept from now on, in the place of the one of this key.
    Keep(String, Row),
}

impl Change {
    /// What is to be kept of one from now on; `None`: nothing.
    pub(super) fn of(firmware: Firmware, learnt: Option<&Learnt>) -> Self {
        let row = Row::kept(firmware, learnt.unwrap_or(&Learnt::default()));
        if learnt.is_some() {
            Self::Keep(key(&row), row)
        } else {
            Self::Remove(key(&row))
        }
    }
}

fn key(Row { mac, platform, .. }: &Row) -> String {
    format!("{mac} {platform}")
}

/// The store, open for writing unless the last write failed.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: Option<Database>,
    /// The file that holds what was written: another one in its place does not.
    identity: Option<disk::Identity>,
}

/// Why a file cannot be used.
enum Trouble {
    /// It is not what was written.
    Damaged(String),
    /// It may be, but cannot be had.
    Refused(String),
}

impl Store {
    /// Opens the store in a folder, or makes it. Gives what it holds, and what the operator has to
    /// know of it.
    ///
    /// # Errors
    /// In words: another process has it, a newer version made it, or the system does not let us.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<Row>, Option<String>), String> {
        let path = folder.join(FILE);
        let (found, notice) = match opened(&path) {
            Err(Trouble::Damaged(damage)) => {
                let aside = free_name(&path);
                fs::rename(&path, &aside).map_err(|e| {
                    format!("it is damaged ({damage}) and cannot be moved aside: {e}")
                })?;
                let notice = format!(
                    "{} is damaged ({damage}): it was moved to {}; what was learnt of machines is learnt anew",
                    path.display(),
                    aside.display()
                );
                (opened(&path), Some(notice))
            }
            outcome => (outcome, None),
        };
        let (file, rows) = found.map_err(|trouble| match trouble {
            Trouble::Damaged(why) | Trouble::Refused(why) => why,
        })?;
        let store = Self {
            identity: disk::identity(&path),
            path,
            file: Some(file),
        };
        Ok((store, rows, notice))
    }

    /// What a store holds that no server has, without changing it; `None`: there is none.
    ///
    /// # Errors
    /// It is damaged, or cannot be had.
    pub fn look(folder: &Path) -> Result<Option<Vec<Row>>, Error> {
        let path = folder.join(FILE);
        match fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::read("store of machines", &path, &e)),
            Ok(found) if !found.is_file() => {
                return Err(unreadable(&path, "it is no file"));
            }
            Ok(_) => {}
        }
        quietly(|| looked_at(&path))
            .map(Some)
            .map_err(|trouble| match trouble {
                Trouble::Damaged(why) => unreadable(
                    &path,
                    &format!(
                        "it is damaged ({why}); the next start of the server begins a new one"
                    ),
                ),
                Trouble::Refused(why) => unreadable(&path, &why),
            })
    }

    /// Forgets rows of a store that no server has.
    ///
    /// # Errors
    /// As [`Store::look`]; it cannot be written.
    pub fn forget(folder: &Path, gone: &[Row]) -> Result<(), Error> {
        let failed = |why: String| unreadable(&folder.join(FILE), &why);
        let (mut store, ..) = quietly(|| Self::open(folder)).map_err(failed)?;
        let changes: Changes = gone.iter().map(|row| Change::Remove(key(row))).collect();
        store.write(&changes).map(drop).map_err(failed)
    }

    /// Closes the file until there is something to write.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Whether the next write has to hold everything: the file is not open, or another one.
    pub(super) fn is_new(&mut self) -> bool {
        if disk::identity(&self.path) != self.identity {
            self.file = None;
        }
        self.file.is_none()
    }

    /// Writes all of it or nothing; it is on the disk when this returns. Gives what the operator has to
    /// know, where the file had to be opened again; what that one holds counts from the next start on.
    ///
    /// # Errors
    /// Why not, in the system's words. The store is closed then, and opened again by the next call.
    pub(super) fn write(&mut self, changes: &Changes) -> Result<Option<String>, String> {
        let mut notice = None;
        if self.file.is_none() {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            (*self, _, notice) = Self::open(folder)?;
        }
        let Some(file) = self.file.take() else {
            return Err("it is not open".to_owned());
        };
        guarded(|| put(&file, changes).map_err(trouble)).map_err(|trouble| match trouble {
            Trouble::Damaged(why) | Trouble::Refused(why) => why,
        })?;
        self.file = Some(file);
        Ok(notice)
    }
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::failed(format!("cannot use {}: {why}", path.display()))
}

/// Opens a file for writing, or makes it, and reads it. Half a file is not left behind.
fn opened(path: &Path) -> Result<(Database, Vec<Row>), Trouble> {
    let new = fs::symlink_metadata(path).is_err();
    let outcome = made(path);
    if new && outcome.is_err() {
        let _ = fs::remove_file(path);
    }
    outcome
}

fn made(path: &Path) -> Result<(Database, Vec<Row>), Trouble> {
    guarded(|| {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(path);
        let file = file.map_err(|e| trouble(e.into()))?;
        let backend = FileBackend::new(file).map_err(|e| trouble(e.into()))?;
        let mut builder = Builder::new();
        let file = builder.set_cache_size(CACHE).create_with_backend(backend);
        let file = file.map_err(|e| trouble(e.into()))?;
        begin(&file).map_err(trouble)?;
        let rows = rows(&file)?;
        Ok((file, rows))
    })
}

fn looked_at(path: &Path) -> Result<Vec<Row>, Trouble> {
    guarded(
        || match Builder::new().set_cache_size(CACHE).open_read_only(path) {
            Ok(file) => rows(&file),
            // It was not closed: only a writer may set it right.
            Err(DatabaseError::RepairAborted) => rows(&disk::in_memory(path).map_err(trouble)?),
            Err(error) => Err(trouble(error.into())),
        },
    )
}

/// A new file gets its format.
fn begin(file: &Database) -> Result<(), redb::Error> {
    if version(file)?.is_some() {
        return Ok(());
    }
    let change = file.begin_write()?;
    change.open_table(META)?.insert(VERSION, FORMAT)?;
    change.open_table(MACHINES)?;
    Ok(change.commit()?)
}

fn version(file: &impl ReadableDatabase) -> Result<Option<u32>, redb::Error> {
    match file.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get(VERSION)?.map(|n| n.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Every row that this version can read; what else there is stays as it is.
fn rows(file: &impl ReadableDatabase) -> Result<Vec<Row>, Trouble> {
    match version(file).map_err(trouble)? {
        Some(FORMAT) => {}
        Some(other) => {
            return Err(Trouble::Refused(format!(
                "it is of format {other}, made by a newer bootjack, and this one knows {FORMAT}; run the newer one, or move the file away"
            )));
        }
        None => return Err(Trouble::Damaged("it has no format number".to_owned())),
    }
    let read = || -> Result<Vec<Row>, redb::Error> {
        let table = file.begin_read()?.open_table(MACHINES)?;
        let mut rows = Vec::new();
        for row in table.iter()? {
            rows.extend(serde_json::from_slice(row?.1.value()).ok());
        }
        Ok(rows)
    };
    read().map_err(trouble)
}

fn put(file: &Database, changes: &Changes) -> Result<(), redb::Error> {
    let change = file.begin_write()?;
    put_in(&change, changes)?;
    Ok(change.commit()?)
}

fn put_in(change: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut table = change.open_table(MACHINES)?;
    for change in changes {
        match change {
            Change::Keep(key, row) => {
                let text = serde_json::to_vec(row).unwrap_or_default();
                table.insert(key.as_str(), text.as_slice())?;
            }
            Change::Remove(key) => {
                table.remove(key.as_str())?;
            }
            Change::Forget(mac) => {
                let whose = mac.map_or_else(String::new, |mac| format!("{mac} "));
                table.retain(|key, _| !key.starts_with(&whose))?;
            }
        }
    }
    Ok(())
}

/// The library is made for files it wrote itself; some that others changed make it panic.
fn guarded<T>(with: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    let damaged = || Trouble::Damaged("it cannot be made sense of".to_owned());
    catch_unwind(AssertUnwindSafe(with)).unwrap_or_else(|_| Err(damaged()))
}

/// The same for a command, which says by itself what went wrong.
fn quietly<T>(with: impl FnOnce() -> T) -> T {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = with();
    std::panic::set_hook(told);
    outcome
}

/// What an error means for the file.
fn trouble(error: redb::Error) -> Trouble {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error {
        redb::Error::Io(e) if matches!(e.kind(), InvalidData | UnexpectedEof | InvalidInput) => {
            Trouble::Damaged(e.to_string())
        }
        redb::Error::Io(e) => Trouble::Refused(why(&e)),
        redb::Error::DatabaseAlreadyOpen => Trouble::Refused("another bootjack has it".to_owned()),
        redb::Error::UpgradeRequired(_) => Trouble::Refused(error.to_string()),
        other => Trouble::Damaged(other.to_string()),
    }
}

/// `machines.redb.damaged-1`, or the next number that is free.
fn free_name(path: &Path) -> PathBuf {
    let name = |n: u32| path.with_file_name(format!("{FILE}.damaged-{n}"));
    (1..u32::MAX)
        .map(name)
        .find(|path| fs::symlink_metadata(path).is_err())
        .unwrap_or_else(|| name(0))
}
