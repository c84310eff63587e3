//! A name in the tree → a body that can be sent: bytes in memory or an open file.
//!
//! A file is opened once per request and read through that handle to its end, so a file that is
//! replaced (renamed over) meanwhile is finished as it was opened. The kernel keeps the look-up
//! inside the folder (`openat2` with `RESOLVE_BENEATH`): symlinks that stay inside work, those that
//! lead out do not exist. A name that is not there is looked for once more without regard to case,
//! part by part, for Windows' `\Boot\BCD` (quirk 44).
//!
//! What the kernel has in its caches is opened at once; what it has to look for on a disk, or anew,
//! on the blocking pool. Small files that are asked for again and again stay in memory ([`hot`]).

pub mod hot;

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use self::hot::Hot;
use super::shared::Folders;
use super::sys::file::open_cached;
use crate::tree::{Absence, CleanPath, FilePath, Found, Memory, Root};

/// Something that can be sent.
#[derive(Debug, Clone)]
pub struct Body {
    /// Where the bytes are.
    pub data: Data,
    /// How many there are.
    pub len: u64,
    /// When a file was last changed; `None` for what is in no file.
    pub modified: Option<SystemTime>,
    /// Which state of a file it is; `None` for what is in none.
    pub stamp: Option<Stamp>,
    /// MIME type.
    pub media: &'static str,
}

/// Where the bytes of a [`Body`] are.
#[derive(Debug, Clone)]
pub enum Data {
    /// In memory, whole.
    Memory(Bytes),
    /// In an open regular file; read at offsets, never through its cursor.
    File(Arc<File>),
}

/// What tells one state of a file from another, and from other files: a replaced or changed one cannot
/// keep all of it, for the kernel alone sets the change time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// When it or its inode was changed last: seconds since 1970, and nanoseconds.
    pub changed: (i64, i64),
    /// Bytes.
    pub size: u64,
    /// Its number in its file system.
    pub inode: u64,
    /// That file system.
    pub device: u64,
}

impl Stamp {
    /// Of an open file, as it was told.
    pub fn of(meta: &Metadata) -> Self {
        Self {
            changed: (meta.ctime(), meta.ctime_nsec()),
            size: meta.size(),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }
}

/// How many entries of one folder a look-up without regard to case reads.
const FOLD_LIMIT: usize = 4096;

/// How often a look-up is made: the kernel breaks one off where `..` is in a link on the way and
/// anything, anywhere, is renamed meanwhile (openat2(2), EAGAIN).
const TRIES: u32 = 16;

/// Opens what [`crate::tree::resolve`] found, and says which of several that is.
///
/// # Errors
/// `NotFound` also for what lies outside the folder or is no regular file; with words of its own where
/// the tree has some.
pub async fn open<'f>(
    folders: &Folders,
    hot: &Hot,
    found: &'f Found,
) -> io::Result<(Body, &'f Found)> {
    let mut missing = None;
    for one in found.each() {
        match open_one(folders, hot, one).await {
            Err(e) if e.kind() == io::ErrorKind::NotFound => missing = Some(e),
            other => return Ok((other?, one)),
        }
    }
    Err(weighed(folders, hot, in_words(found, missing)).await)
}

async fn open_one(folders: &Folders, hot: &Hot, found: &Found) -> io::Result<Body> {
    if let Found::File(file) = found
        && let Some(body) = hot
            .believed(file)
            .or_else(|| open_at_once(folders, hot, file))
    {
        return Ok(body);
    }
    match opening(folders, found)? {
        Opening::Done(body) => Ok(body),
        Opening::File(folder, file) => {
            tokio::task::spawn_blocking(move || open_file(&folder, &file))
                .await
                .map_err(io::Error::other)?
        }
    }
}

/// The file, where all that is needed to open it is in the kernel's caches.
fn open_at_once(folders: &Folders, hot: &Hot, wanted: &FilePath) -> Option<Body> {
    let folder = folder_of(folders, wanted.root).ok()?;
    let file = open_cached(folder, wanted.path.as_str())?;
    Some(hot.keep(wanted, body_of(file, wanted).ok()?))
}

/// Opens the first of these files that is there, and says which.
///
/// # Errors
/// As [`open`], but for one that is not there.
pub async fn first(
    folders: &Folders,
    files: Vec<FilePath>,
) -> io::Result<Option<(FilePath, Body)>> {
    if files.is_empty() {
        return Ok(None);
    }
    let folders = folders.clone();
    tokio::task::spawn_blocking(move || first_now(&folders, files))
        .await
        .map_err(io::Error::other)?
}

/// The same where nothing else waits.
///
/// # Errors
/// As [`first`].
pub fn first_now(folders: &Folders, files: Vec<FilePath>) -> io::Result<Option<(FilePath, Body)>> {
    for file in files {
        let opened = folder_of(folders, file.root).and_then(|folder| open_file(folder, &file));
        match opened {
            Ok(body) => return Ok(Some((file, body))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// [`open`] where nothing else waits: it blocks on the disk.
///
/// # Errors
/// As [`open`].
pub fn open_now<'f>(folders: &Folders, found: &'f Found) -> io::Result<(Body, &'f Found)> {
    let mut missing = None;
    for one in found.each() {
        let opened = opening(folders, one).and_then(|opening| match opening {
            Opening::Done(body) => Ok(body),
            Opening::File(folder, file) => open_file(&folder, &file),
        });
        match opened {
            Err(e) if e.kind() == io::ErrorKind::NotFound => missing = Some(e),
            other => return Ok((other?, one)),
        }
    }
    Err(in_words(found, missing))
}

/// What it takes to open one of several.
enum Opening {
    /// Nothing.
    Done(Body),
    /// A look below this folder.
    File(PathBuf, FilePath),
}

fn opening(folders: &Folders, found: &Found) -> io::Result<Opening> {
    match found {
        Found::Asset(memory) | Found::Text(memory, _) => Ok(Opening::Done(in_memory(memory))),
        Found::File(file) => {
            let folder = folder_of(folders, file.root)?;
            Ok(Opening::File(folder.to_owned(), file.clone()))
        }
        Found::First(_) => Err(io::ErrorKind::NotFound.into()), // each of them comes by itself
    }
}

/// That nothing is there, as the tree says it, where it has words for it.
fn in_words(found: &Found, missing: Option<io::Error>) -> io::Error {
    match found.otherwise() {
        Some(absence) => io::Error::new(io::ErrorKind::NotFound, absence.clone()),
        None => missing.unwrap_or_else(|| io::ErrorKind::NotFound.into()),
    }
}

/// The same, where what stands in for it was looked for.
async fn weighed(folders: &Folders, hot: &Hot, missing: io::Error) -> io::Error {
    let Some(absence) = absence(&missing) else {
        return missing;
    };
    for other in &absence.instead {
        if open_one(folders, hot, other).await.is_ok() {
            let other = other.image().map_or("another", CleanPath::as_str);
            let words = format!("not there; images/{other} takes its place");
            let known = Absence {
                words,
                needed: false,
                instead: Vec::new(),
            };
            return io::Error::new(io::ErrorKind::NotFound, known);
        }
    }
    missing
}

fn absence(error: &io::Error) -> Option<&Absence> {
    error.get_ref()?.downcast_ref()
}

/// Whether who asks does not go on without what is not there.
pub fn is_needed(error: &io::Error) -> bool {
    absence(error).is_some_and(|absence| absence.needed)
}

/// Why there is no file, in words.
pub fn no_file(error: &io::Error) -> String {
    let own = error.get_ref().map(ToString::to_string);
    own.unwrap_or_else(|| "no such file".to_owned())
}

fn in_memory(memory: &Memory) -> Body {
    Body {
        len: memory.bytes.len() as u64,
        data: Data::Memory(memory.bytes.clone()),
        modified: None,
        stamp: None,
        media: memory.media,
    }
}

fn folder_of(folders: &Folders, root: Root) -> io::Result<&Path> {
    let folder = match root {
        Root::Images => Some(&folders.images),
        Root::Assets => folders.assets.as_ref(),
    };
    let folder = folder.map(PathBuf::as_path);
    folder.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn open_file(folder: &Path, wanted: &FilePath) -> io::Result<Body> {
    let root = File::open(folder)?;
    let file = match open_beneath(&root, &wanted.path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            open_beneath(&root, &fold(&root, &wanted.path)?)?
        }
        other => other?,
    };
    body_of(file, wanted)
}

fn body_of(file: File, wanted: &FilePath) -> io::Result<Body> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let media = crate::tree::media_type(wanted.path.as_str());
    Ok(Body {
        data: Data::File(Arc::new(file)),
        len: meta.len(),
        modified: meta.modified().ok(),
        stamp: Some(Stamp::of(&meta)),
        media,
    })
}

fn open_beneath(root: &File, path: &CleanPath) -> io::Result<File> {
    // NONBLOCK: opening a FIFO must not wait for a writer.
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match patiently(|| openat2(root.as_fd(), path.as_str(), how)) {
        Ok(fd) => Ok(File::from(fd)),
        // Out of the folder, through a file, a loop, a socket: for the client these do not exist.
        Err(Errno::EXDEV | Errno::ELOOP | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::ENXIO) => {
            Err(io::ErrorKind::NotFound.into())
        }
        Err(errno) => Err(errno.into()),
    }
}

fn patiently<T>(mut look_up: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    for _ in 1..TRIES {
        match look_up() {
            Err(Errno::EAGAIN) => {}
            other => return other,
        }
    }
    look_up()
}

/// The same path as the folder spells it, part by part, ASCII case ignored.
fn fold(root: &File, path: &CleanPath) -> io::Result<CleanPath> {
    let mut so_far = String::new();
    for part in path.as_str().split('/') {
        let folder = if so_far.is_empty() {
            root.try_clone()?
        } else {
            open_beneath(root, &clean(&so_far)?)?
        };
        let name = spelled(&folder, part)?;
        so_far = if so_far.is_empty() {
            name
        } else {
            format!("{so_far}/{name}")
        };
    }
    clean(&so_far)
}

fn clean(text: &str) -> io::Result<CleanPath> {
    CleanPath::new(text.as_bytes()).map_err(|_| io::ErrorKind::NotFound.into())
}

/// A path that goes through a file does not exist, whatever the system calls it.
fn through_a_file(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotADirectory => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}

fn spelled(folder: &File, part: &str) -> io::Result<String> {
    let through_proc = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(folder));
    let entries = std::fs::read_dir(through_proc).map_err(through_a_file)?;
    let names = entries
        .take(FOLD_LIMIT)
        .filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut same: Vec<String> = names
        .filter(|name| name.eq_ignore_ascii_case(part))
        .collect();
    same.sort_unstable();
    let exact = same.iter().position(|name| name == part).unwrap_or(0);
    if same.is_empty() {
        Err(io::ErrorKind::NotFound.into())
    } else {
        Ok(same.swap_remove(exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of look-ups of which the first so many are broken off, and how many were made.
    fn broken_off(times: u32) -> (nix::Result<()>, u32) {
        let mut made = 0;
        let outcome = patiently(|| {
            made += 1;
            if made > times {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        });
        (outcome, made)
    }

    #[test]
    fn a_look_up_that_is_broken_off_is_made_again_but_not_for_ever() {
        assert_eq!(broken_off(0), (Ok(()), 1));
        assert_eq!(broken_off(5), (Ok(()), 6));
        assert_eq!(broken_off(1000), (Err(Errno::EAGAIN), TRIES));
        let missing = patiently(|| Err::<(), _>(Errno::ENOENT));
        assert_eq!(missing, Err(Errno::ENOENT));
    }
}
