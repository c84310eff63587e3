//! Reading at offsets: from the page cache at once, else not at all; and telling the kernel what
//! will be read next.

use std::fs::File;
use std::io::{self, IoSliceMut};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// What came of a look into the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cached {
    /// All of it was there.
    Whole,
    /// Not all of it is there: read it where waiting is allowed.
    Missing,
    /// This file system cannot tell (tmpfs, overlayfs, `RWF_NOWAIT` unknown to them): not worth
    /// another look.
    Unknown,
}

/// Fills the parts from this offset with what the page cache holds. Never waits for a disk. Where it
/// does not say [`Cached::Whole`], what the parts hold is of no use.
///
/// # Errors
/// What reading fails with.
pub fn read_cached(file: &File, parts: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<Cached> {
    let wanted: usize = parts.iter().map(|part| part.len()).sum();
    match preadv2(file, parts, offset, ReadWriteFlags::NOWAIT) {
        Ok(got) if got == wanted => Ok(Cached::Whole),
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(Cached::Missing),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(Cached::Unknown),
        Err(errno) => Err(errno.into()),
    }
}

/// Has the kernel begin to read this part of a file. It may wait for room in a disk's queue; what
/// hinders it shows when the part is read.
pub fn will_read(file: &File, offset: u64, len: u64) {
    if let (Ok(offset), Ok(len)) = (offset.try_into(), len.try_into()) {
        let _ = posix_fadvise(file, offset, len, PosixFadviseAdvice::POSIX_FADV_WILLNEED);
    }
}
