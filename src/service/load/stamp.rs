//! Whether anything may have changed, from names, sizes, times and inodes alone; and from the
//! addresses of this host, which nobody is given.
//!
//! Where inotify sees nothing (network file systems, a root that was replaced, links to files
//! elsewhere, files deep below the image folder) this is looked at now and then. Times are compared
//! to the nanosecond and in both directions: a ConfigMap that is rolled back gets older.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Places, folder, images, own};

/// A number that differs when something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(u64);

/// Device and inode of a folder: what a watch is set on.
pub type Identity = Option<(u64, u64)>;

/// The stamp of all places now. It blocks on the disk.
pub fn stamp(places: &Places) -> Stamp {
    let mut hash = DefaultHasher::new();
    identity(&places.profiles).hash(&mut hash);
    for name in folder::names(&places.profiles).unwrap_or_default() {
        let meta = fs::metadata(places.profiles.join(&name)).ok();
        (name, meta.as_ref().map(times)).hash(&mut hash);
    }
    let config = fs::metadata(&places.config.path).ok();
    config.as_ref().map(times).hash(&mut hash);
    let mut findings = Vec::new();
    for found in images::installed(&places.images, &mut findings) {
        (found.name, found.kernel, found.initrd).hash(&mut hash);
    }
    if let Some(assets) = &places.assets {
        images::overrides(assets, &mut findings).hash(&mut hash);
    }
    findings.len().hash(&mut hash);
    own(places.mode).hash(&mut hash);
    Stamp(hash.finish())
}

/// What stands at a path now, links followed.
pub fn identity(path: &Path) -> Identity {
    let meta = fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

fn times(meta: &Metadata) -> (u64, u64, u64, [i64; 4]) {
    let times = [
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    ];
    (meta.dev(), meta.ino(), meta.size(), times)
}
