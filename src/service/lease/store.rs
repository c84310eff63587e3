//! The lease store: one file in the state folder, read whole at start, written in transactions.
//!
//! ```text
//! leases.redb            in force; locked by the process that has it
//! leases.redb.new        being made; renamed once it is whole
//! leases.redb.damaged-N  one that could not be read, moved aside as it was
//! ```
//!
//! Every page is checked at every start (the file is read whole anyway), so there is no quick
//! repair, which would make each commit dearer. One sync a commit: the second one of redb's
//! two-phase commit is against an attacker who knows the whole file, chooses what is written and
//! decides which pages reach the disk before the power fails. Clients have printable host names
//! for that, among records and times they do not see, and no say over the disk.
//!
//! A write that fails closes the file (after an I/O error the library answers nothing else); the
//! next one opens it again, or a copy of it where it cannot be believed (`disk`).

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, ReadableDatabase};

use super::clock::Anchor;
pub use super::disk::Medium;
use super::disk::{self, CACHE};
use super::format::{self, Contents, Version};
use super::owner;
use super::salvage::salvage;
use crate::error::Error;
use crate::lease::Record;
use crate::yaml::counted;

/// The store's name in the state folder.
pub const FILE: &str = "leases.redb";

/// The store, open for writing unless the last write failed.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: Option<Database>,
    medium: Medium,
    /// The file that holds what was written: another one in its place does not.
    identity: Option<disk::Identity>,
    two_phase: bool,
}

/// Somebody moved the file away, or another one to its place, while it was in use.
const MOVED: &str = "it was moved, removed or replaced; put it back, or start bootjack again";

/// A store as it was found.
#[derive(Debug)]
pub struct Opened {
    /// To write to.
    pub store: Store,
    /// What it holds.
    pub contents: Contents,
    /// What the operator has to know: a damaged file, an old one.
    pub notices: Vec<String>,
}

/// Why a file cannot be used.
enum Trouble {
    /// It is not what was written.
    Damaged(String),
    /// It may be, but cannot be had.
    Refused(Error),
}

impl Store {
    /// Opens the store in a folder, or makes it. A damaged one is moved aside, what can be read of
    /// it is taken over.
    ///
    /// # Errors
    /// Another process has it, a newer version made it, or the system does not let us.
    pub fn open(folder: &Path) -> Result<Opened, Error> {
        Self::open_on(Medium::default(), folder)
    }

    /// [`Store::open`], on a disk that is not the system's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(medium: Medium, folder: &Path) -> Result<Opened, Error> {
        let path = folder.join(FILE);
        let mut notices = Vec::new();
        if !path.exists() {
            make(&path, &[])?;
        }
        if let Some(why) = owner::denied(folder) {
            return Err(Error::failed(why));
        }
        close_to_others(&path);
        let (file, contents) = match read(&medium, &path, &mut notices) {
            Ok(found) => found,
            Err(Trouble::Refused(error)) => return Err(error),
            Err(Trouble::Damaged(why)) => replace(&medium, &path, &why, &mut notices)?,
        };
        if contents.unread > 0 {
            let (n, path) = (contents.unread, path.display());
            notices.push(format!(
                "{path} holds {} that this version cannot read; what is in them may be given to others",
                counted(n, "record")
            ));
        }
        let store = Self::new(path, file, medium);
        Ok(Opened {
            store,
            contents,
            notices,
        })
    }

    /// Reads a store that no server has, without changing it.
    ///
    /// # Errors
    /// As [`Store::open`]; there is none; it is damaged.
    pub fn look(folder: &Path) -> Result<Contents, Error> {
        let path = folder.join(FILE);
        unbroken(&path, || Self::look_at(&path))
    }

    fn look_at(path: &Path) -> Result<Contents, Error> {
        let refused = |error: redb::Error| trouble(path, error).into_error(path);
        match Builder::new().set_cache_size(CACHE).open_read_only(path) {
            Ok(file) => look_in(path, &file).map_err(|t| t.into_error(path)),
            // It was not closed: only a writer may set it right.
            Err(DatabaseError::RepairAborted) => {
                let file = disk::in_memory(path).map_err(refused)?;
                look_in(path, &file).map_err(|t| t.into_error(path))
            }
            Err(error) => Err(refused(error.into())),
        }
    }

    /// Opens a store that is there and whole, for a command that changes a record.
    ///
    /// # Errors
    /// As [`Store::look`].
    pub fn existing(folder: &Path) -> Result<(Self, Contents), Error> {
        let path = folder.join(FILE);
        let medium = Medium::default();
        let (file, contents) = unbroken(&path, || {
            read(&medium, &path, &mut Vec::new()).map_err(|t| t.into_error(&path))
        })?;
        let store = Self::new(path, file, medium);
        Ok((store, contents))
    }

    fn new(path: PathBuf, file: Database, medium: Medium) -> Self {
        Self {
            identity: disk::identity(&path),
            path,
            file: Some(file),
            medium,
            two_phase: false,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs twice a commit (see above for whom), for measurements.
    #[must_use]
    pub fn two_phase(self) -> Self {
        Self {
            two_phase: true,
            ..self
        }
    }

    /// Writes records and the time, all or none; they are on the disk when this returns.
    ///
    /// # Errors
    /// Why not, in the system's words. The store is closed then, and opened again by the next call.
    pub fn write(&mut self, records: &[Record], now: &Anchor) -> Result<(), String> {
        if disk::identity(&self.path) != self.identity {
            return Err(MOVED.to_owned());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => self.reopened()?,
        };
        let commit = || self.commit(&file, records, now);
        catch_unwind(AssertUnwindSafe(commit))
            .map_err(|_| "the file is not what was written to it".to_owned())?
            .map_err(|e| told(&e))?;
        self.file = Some(file);
        Ok(())
    }

    fn reopened(&mut self) -> Result<Database, String> {
        let again = || self.medium.again(&self.path);
        let file = catch_unwind(AssertUnwindSafe(again))
            .unwrap_or_else(|_| Err(redb::Error::Corrupted("it is damaged".to_owned())))
            .map_err(|e| told(&e))?;
        self.identity = disk::identity(&self.path);
        Ok(file)
    }

    fn commit(&self, file: &Database, records: &[Record], now: &Anchor) -> Result<(), redb::Error> {
        let mut change = file.begin_write()?;
        change.set_two_phase_commit(self.two_phase);
        format::put(&change, records)?;
        format::put_clock(&change, now)?;
        Ok(change.commit()?)
    }
}

/// Opens a file that is there, brings it up to date and reads it.
fn read(
    medium: &Medium,
    path: &Path,
    notices: &mut Vec<String>,
) -> Result<(Database, Contents), Trouble> {
    let whole = || -> Result<(Database, Contents), Trouble> {
        let file = medium.found(path).map_err(|e| trouble(path, e))?;
        let told = |e| trouble(path, e);
        if let Version::Older(from) = known(path, format::version(&file).map_err(told)?)? {
            format::bring_up(&file, from).map_err(told)?;
            notices.push(format!(
                "{} was of format {from} and is of format {} now",
                path.display(),
                format::FORMAT
            ));
        }
        let contents = format::contents(&file).map_err(told)?;
        Ok((file, contents))
    };
    // The library is made for files it wrote itself; some that others changed make it panic.
    catch_unwind(AssertUnwindSafe(whole))
        .unwrap_or_else(|_| Err(Trouble::Damaged("it cannot be made sense of".to_owned())))
}

/// Reads a file that may be anything, for a command: it may break the library, and no more.
fn unbroken<T>(path: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let damaged = || Trouble::Damaged("it cannot be made sense of".to_owned()).into_error(path);
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(damaged());
    }
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(read));
    std::panic::set_hook(told);
    outcome.unwrap_or_else(|_| Err(damaged()))
}

fn look_in(path: &Path, file: &impl ReadableDatabase) -> Result<Contents, Trouble> {
    let whole = || {
        known(path, format::version(file).map_err(|e| trouble(path, e))?)?;
        format::contents(file).map_err(|e| trouble(path, e))
    };
    catch_unwind(AssertUnwindSafe(whole))
        .unwrap_or_else(|_| Err(Trouble::Damaged("it cannot be made sense of".to_owned())))
}

/// A format that this program can use.
fn known(path: &Path, version: Option<Version>) -> Result<Version, Trouble> {
    match version {
        Some(Version::Newer(n)) => Err(Trouble::Refused(Error::failed(format!(
            "cannot use the lease store {}: it is of format {n}, made by a newer bootjack, and this one knows {}; run the newer one, or move the file away to begin without leases",
            path.display(),
            format::FORMAT
        )))),
        Some(version) => Ok(version),
        None => Err(Trouble::Damaged("it has no format number".to_owned())),
    }
}

/// A new file takes its name when it is whole and on the disk.
fn make(path: &Path, records: &[Record]) -> Result<(), Error> {
    let draft = disk::draft(path);
    let made = || -> Result<(), redb::Error> {
        disk::remove(&draft)?;
        disk::create(&draft)?;
        let file = Builder::new().set_cache_size(CACHE).create(&draft)?;
        format::begin(&file, records)?;
        file.close()?;
        fs::rename(&draft, path)?;
        Ok(disk::sync_folder(path)?)
    };
    made().map_err(|e| {
        let _ = disk::remove(&draft);
        let (path, why) = (path.display(), told(&e));
        Error::failed(format!("cannot make the lease store {path}: {why}"))
    })
}

/// Earlier versions left that to the umask. Where it is another's file, so it stays.
fn close_to_others(path: &Path) {
    if let Ok(found) = fs::metadata(path) {
        let mode = found.permissions().mode();
        let _ = fs::set_permissions(path, Permissions::from_mode(mode & 0o700));
    }
}

/// Moves a damaged file aside and makes a new one with what can be read of it.
fn replace(
    medium: &Medium,
    path: &Path,
    why: &str,
    notices: &mut Vec<String>,
) -> Result<(Database, Contents), Error> {
    let cannot = |what: &str, e: &dyn std::fmt::Display| {
        let path = path.display();
        Error::failed(format!(
            "the lease store {path} is damaged ({why}) and cannot be {what}: {e}; move it away to begin without leases"
        ))
    };
    let records = salvage(path).map_err(|e| cannot("read", &e))?;
    let aside = free_name(path);
    // A second name first: the damaged file is in force until the new one takes its place.
    if fs::hard_link(path, &aside).is_err() {
        disk::copy(path, &aside).map_err(|e| cannot("moved aside", &told(&e)))?;
    }
    make(path, &records)?;
    notices.push(format!(
        "the lease store {} is damaged ({why}): it was moved to {}, {} could be read from it; what is not among them may be given twice until its lease has ended, so leave conflict detection on",
        path.display(),
        aside.display(),
        counted(records.len(), "lease")
    ));
    read(medium, path, notices).map_err(|t| t.into_error(path))
}

/// `leases.redb.damaged-1`, or the next number that is free.
fn free_name(path: &Path) -> PathBuf {
    let name = |n: u32| path.with_file_name(format!("{FILE}.damaged-{n}"));
    (1..u32::MAX)
        .map(name)
        .find(|p| fs::symlink_metadata(p).is_err())
        .unwrap_or_else(|| name(0))
}

/// What an error means for the file.
fn trouble(path: &Path, error: redb::Error) -> Trouble {
    match error {
        redb::Error::Io(e) if is_damage(&e) => Trouble::Damaged(e.to_string()),
        redb::Error::Io(e) => Trouble::Refused(Error::read("lease store", path, &e)),
        redb::Error::DatabaseAlreadyOpen => Trouble::Refused(Error::failed(format!(
            "cannot open the lease store {}: another bootjack has it; stop that one, or give this one its own state folder with --state",
            path.display()
        ))),
        redb::Error::UpgradeRequired(_) => Trouble::Refused(Error::failed(format!(
            "cannot open the lease store {}: {error}",
            path.display()
        ))),
        other => Trouble::Damaged(other.to_string()),
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
    )
}

impl Trouble {
    /// Where nothing may be moved aside.
    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Damaged(why) => Error::failed(format!(
                "the lease store {} is damaged: {why}; the next start of the server saves what can be read of it",
                path.display()
            )),
        }
    }
}

/// An error in words, with a remedy where there is one.
fn told(error: &redb::Error) -> String {
    let io = match error {
        redb::Error::Io(io) => io,
        redb::Error::DatabaseAlreadyOpen => return "another process has it open".to_owned(),
        other => return other.to_string(),
    };
    let remedy = match io.kind() {
        io::ErrorKind::StorageFull => "; free some space",
        io::ErrorKind::QuotaExceeded => "; raise the quota or free some space",
        io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing",
        io::ErrorKind::PermissionDenied => "; give it to the user that bootjack runs as",
        _ => "",
    };
    format!("{io}{remedy}")
}
