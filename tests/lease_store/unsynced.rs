//! A disk whose sync fails: the kernel takes the pages for written and keeps them, so that all looks
//! well until the power fails. What was acknowledged is there then all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bootjack::lease::Record;
use bootjack::service::lease::store::{FILE, Medium, Store};
use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::store::{anchor, found, record};

const PAGE: usize = 4096;

/// A kernel's pages of one file.
#[derive(Debug, Default)]
struct Pages {
    /// To be written by the next sync.
    dirty: BTreeSet<usize>,
    /// What the disk has of those that are different in memory.
    on_disk: BTreeMap<usize, Vec<u8>>,
}

/// All files, by name, and what the next syncs say.
#[derive(Debug, Default)]
struct Kernel {
    files: BTreeMap<u64, Pages>,
    errors: Vec<io::ErrorKind>,
}

type Shared = Arc<Mutex<Kernel>>;

#[derive(Debug)]
struct Cached {
    kernel: Shared,
    inode: u64,
    raw: File,
    file: FileBackend,
}

impl Cached {
    fn page(&self, number: usize) -> Vec<u8> {
        let mut bytes = vec![0; PAGE];
        let mut had = 0;
        while let Ok(more @ 1..) = self
            .raw
            .read_at(&mut bytes[had..], (number * PAGE + had) as u64)
        {
            had += more;
        }
        bytes
    }
}

impl StorageBackend for Cached {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut kernel = self.kernel.lock().unwrap();
        let error = kernel.errors.pop();
        let pages = kernel.files.entry(self.inode).or_default();
        let dirty = std::mem::take(&mut pages.dirty);
        if let Some(error) = error {
            // Taken for written, and never written.
            return Err(error.into());
        }
        pages.on_disk.retain(|page, _| !dirty.contains(page));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let first = offset as usize / PAGE;
        let last = (offset as usize + data.len().max(1) - 1) / PAGE;
        let mut kernel = self.kernel.lock().unwrap();
        let pages = kernel.files.entry(self.inode).or_default();
        for page in first..=last {
            pages.on_disk.entry(page).or_insert_with(|| self.page(page));
            pages.dirty.insert(page);
        }
        self.file.write(offset, data)
    }
}

fn inode(file: &File) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().unwrap().ino()
}

/// A disk whose next syncs fail so.
fn medium(kernel: &Shared) -> Medium {
    let kernel = kernel.clone();
    Medium::new(move |raw| {
        let inode = inode(&raw);
        let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&raw));
        if fs::read_link(link)?.extension().is_some_and(|e| e == "new") {
            // Synced by the system itself; the number may have been another file's.
            kernel.lock().unwrap().files.remove(&inode);
        }
        Ok(Box::new(Cached {
            kernel: kernel.clone(),
            inode,
            file: FileBackend::new(raw.try_clone()?)?,
            raw,
        }))
    })
}

/// Only what is on the disk is left.
fn power_fails(kernel: &Shared, folder: &Path) {
    let path = folder.join(FILE);
    let file = File::options().write(true).open(&path).unwrap();
    let pages = kernel.lock().unwrap().files.remove(&inode(&file));
    for (page, bytes) in pages.unwrap_or_default().on_disk {
        file.write_all_at(&bytes, (page * PAGE) as u64).unwrap();
    }
}

/// A store of many pages, and what stands in it.
fn opened(kernel: &Shared, folder: &Path) -> (Store, Vec<Record>) {
    let mut store = Store::open_on(medium(kernel), folder).unwrap().store;
    let all: Vec<Record> = (0..400).map(|n| record(n, 1)).collect();
    store.write(&all, &anchor()).unwrap();
    (store, all)
}

/// What is left when the power fails now.
fn left(kernel: &Shared, folder: &Path, when: &str) -> Vec<Record> {
    power_fails(kernel, folder);
    // The store has had no time to close.
    let dead = tempfile::tempdir().unwrap();
    fs::copy(folder.join(FILE), dead.path().join(FILE)).unwrap();
    let (left, notices) = found(dead.path());
    assert_eq!(notices, [""; 0], "{when}: it is whole");
    left
}

/// Writes at one end of the table fail with these errors, then writes at its other end go well:
/// they leave the pages of the first as they are.
fn keeps_what_it_acknowledged(errors: &[io::ErrorKind]) {
    let folder = tempfile::tempdir().unwrap();
    let kernel = Shared::default();
    let (mut store, mut all) = opened(&kernel, folder.path());
    kernel.lock().unwrap().errors = errors.to_vec();
    for _ in errors {
        store.write(&[record(1, 2)], &anchor()).unwrap_err();
    }
    assert!(kernel.lock().unwrap().errors.is_empty(), "each was met");
    for n in 395..400 {
        all[n as usize] = record(n, 2);
        store
            .write(&all[n as usize..=n as usize], &anchor())
            .unwrap();
    }
    let left = left(&kernel, folder.path(), &format!("{errors:?}"));
    assert_eq!((left.len(), &left[2..]), (400, &all[2..]), "{errors:?}");
}

#[test]
fn what_is_acknowledged_after_a_failed_sync_is_on_the_disk() {
    use io::ErrorKind::{Other, StorageFull};
    keeps_what_it_acknowledged(&[Other]);
    // A thin volume, or NFS, says so only then.
    keeps_what_it_acknowledged(&[StorageFull]);
    keeps_what_it_acknowledged(&[Other, Other, Other]);
}

/// Nobody knows then that a sync had failed.
#[test]
fn a_start_after_a_failed_sync_takes_nothing_on_trust() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = Shared::default();
    let (mut store, all) = opened(&kernel, folder.path());
    kernel.lock().unwrap().errors = vec![io::ErrorKind::Other];
    store.write(&[record(1, 2)], &anchor()).unwrap_err();
    drop(store);
    let again = Store::open_on(medium(&kernel), folder.path());
    let mut again = again.unwrap().store;
    again.write(&[record(399, 2)], &anchor()).unwrap();
    let left = left(&kernel, folder.path(), "started again");
    assert_eq!((left.len(), &left[2..399]), (400, &all[2..399]));
    assert_eq!(left[399], record(399, 2));
}

/// `leases list` is anybody's who may read.
#[test]
fn a_look_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let open = crate::store::filled(folder.path(), 20);
    let store = Store::open(folder.path()).unwrap();
    let dead = tempfile::tempdir().unwrap();
    let path = dead.path().join(FILE);
    fs::copy(folder.path().join(FILE), &path).unwrap();
    drop(store);
    let before = fs::read(&path).unwrap();
    assert_eq!(Store::look(dead.path()).unwrap().records, open);
    assert!(fs::read(&path).unwrap() == before, "byte for byte");
    assert_eq!(fs::read_dir(dead.path()).unwrap().count(), 1);
}
