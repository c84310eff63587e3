//! The store's file on the disk, and how far it can be believed.
//!
//! When a sync fails, Linux takes the pages for written all the same: they are read back from
//! memory as if they were on the disk, and no later sync writes them or speaks of them (fsync(2)).
//! What is built on them is gone when the power fails. So nothing is written to such a file any
//! more: it is [`copied`](Medium::copied), which makes every page one to be written, and the copy
//! takes its name once it is whole and synced. What is read for it is the failed commit, or where
//! the kernel has dropped pages of that, by redb's checksums the one before it, which is on the disk.
//!
//! A file that was not closed may be one of these (nobody knows after a start): it is copied too.
//! Where only room was lacking, no page is lost, and there may be none for a copy: it is opened as it
//! is.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};

use super::store::FILE;

/// Memory for pages; the kernel's cache holds the rest.
pub(super) const CACHE: usize = 16 << 20;

/// A file as redb uses it.
type Backend = Box<dyn StorageBackend>;
/// How a file becomes that.
type Wrap = dyn Fn(File) -> Result<Backend, DatabaseError> + Send + Sync;

/// Opens files, and knows whether the one in use can be believed.
#[derive(Clone)]
pub struct Medium {
    wrap: Arc<Wrap>,
    doubted: Arc<AtomicBool>,
}

impl Default for Medium {
    fn default() -> Self {
        Self::new(|file| Ok(Box::new(FileBackend::new(file)?)))
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Medium(doubted: {:?})", self.doubted)
    }
}

impl Medium {
    /// Files behind something else than the system, such as a disk that fails.
    pub fn new(
        wrap: impl Fn(File) -> Result<Backend, DatabaseError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            wrap: Arc::new(wrap),
            doubted: Arc::default(),
        }
    }

    /// Opens a file that is there for writing, at a start.
    pub(super) fn found(&self, path: &Path) -> Result<Database, redb::Error> {
        if was_closed(path)? {
            return self.open(path);
        }
        match self.copied(path) {
            Err(redb::Error::Io(e)) if lacks_room(&e) => self.open(path),
            outcome => outcome,
        }
    }

    /// Opens it again after a write that failed.
    pub(super) fn again(&self, path: &Path) -> Result<Database, redb::Error> {
        if self.doubted.load(Ordering::Relaxed) {
            self.copied(path)
        } else {
            self.open(path)
        }
    }

    /// A copy in the place of the file, with every page of it on the disk.
    fn copied(&self, path: &Path) -> Result<Database, redb::Error> {
        let draft = draft(path);
        let taken = || -> Result<Database, redb::Error> {
            copy(path, &draft)?;
            let file = self.open(&draft)?;
            fs::rename(&draft, path)?;
            sync_folder(path)?;
            Ok(file)
        };
        let file = taken().inspect_err(|_| drop(remove(&draft)))?;
        self.doubted.store(false, Ordering::Relaxed);
        Ok(file)
    }

    fn open(&self, path: &Path) -> Result<Database, redb::Error> {
        let file = File::options().read(true).write(true).open(path)?;
        if file.metadata()?.len() == 0 {
            // It would be begun anew.
            return Err(io::Error::new(ErrorKind::InvalidData, "it is empty").into());
        }
        let disk = Disk {
            file: (self.wrap)(file)?,
            doubted: self.doubted.clone(),
        };
        Ok(builder().create_with_backend(disk)?)
    }
}

/// Which file stands in a place: its device, and its number there.
pub(in crate::service) type Identity = (u64, u64);

/// Of the file that stands there now.
pub(in crate::service) fn identity(path: &Path) -> Option<Identity> {
    let data = fs::metadata(path).ok()?;
    Some((data.dev(), data.ino()))
}

/// A copy in memory of a file that was not closed, for those who only read.
pub(in crate::service) fn in_memory(path: &Path) -> Result<Database, redb::Error> {
    let bytes = fs::read(path)?;
    let memory = InMemoryBackend::new();
    memory.set_len(bytes.len() as u64)?;
    memory.write(0, &bytes)?;
    Ok(builder().create_with_backend(memory)?)
}

/// With every page checked.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE)
        .set_check_integrity_on_open(true);
    builder
}

/// Whether its last writer has closed the file.
fn was_closed(path: &Path) -> Result<bool, redb::Error> {
    if !fs::metadata(path)?.is_file() {
        return Ok(true);
    }
    match Builder::new().set_cache_size(CACHE).open_read_only(path) {
        Ok(_) => Ok(true),
        Err(DatabaseError::RepairAborted) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The name of a store that is being made.
pub(super) fn draft(path: &Path) -> PathBuf {
    path.with_file_name(format!("{FILE}.new"))
}

/// A file with the same bytes and the same owner, on the disk; none where it does not come to that.
///
/// # Errors
/// Another process writes the file; what the system says.
pub(super) fn copy(path: &Path, to: &Path) -> Result<(), redb::Error> {
    remove(to)?;
    duplicate(path, to).inspect_err(|_| drop(remove(to)))
}

fn duplicate(path: &Path, to: &Path) -> Result<(), redb::Error> {
    let mut from = File::open(path)?;
    match from.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(redb::Error::DatabaseAlreadyOpen),
        Err(fs::TryLockError::Error(error)) => return Err(error.into()),
    }
    let mut copy = create(to)?;
    let (old, new) = (from.metadata()?, copy.metadata()?);
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(&copy, Some(old.uid()), Some(old.gid()))?;
    }
    io::copy(&mut from, &mut copy)?;
    copy.sync_all()?;
    Ok(sync_folder(to)?)
}

/// An empty file that nobody else reads: who has which address is not for everybody on this host.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// A name is on the disk when its folder is.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |f| File::open(f)?.sync_all())
}

/// Whether it says nothing of what was written before.
fn lacks_room(error: &io::Error) -> bool {
    use ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        StorageFull | QuotaExceeded | ReadOnlyFilesystem
    )
}

/// A file that notes when it can no longer be believed.
#[derive(Debug)]
struct Disk {
    file: Backend,
    doubted: Arc<AtomicBool>,
}

impl Disk {
    fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    /// Whatever the reason: where the room is promised before it is there (thin volumes, NFS), a
    /// full disk is told here too.
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().inspect_err(|_| self.doubt())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = self.file.write(offset, data);
        written.inspect_err(|e| {
            if !lacks_room(e) {
                self.doubt();
            }
        })
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_copy_leaves_the_file_and_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, "damaged").unwrap();
        fs::write(&aside, "what a crash has left").unwrap();
        copy(&path, &aside).unwrap();
        for file in [&path, &aside] {
            assert_eq!(fs::read_to_string(file).unwrap(), "damaged");
        }
        let mode = fs::metadata(&aside).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A folder can be opened, but not read.
        fs::create_dir(folder.path().join("c")).unwrap();
        copy(&folder.path().join("c"), &aside).unwrap_err();
        assert!(!aside.exists());
    }
}
