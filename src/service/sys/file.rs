//! Reading at offsets: from the page cache at once, else not at all.

use std::fs::File;
use std::io::{self, IoSliceMut};

use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// Fills the parts from this offset with what the page cache holds. Never waits for a disk.
///
/// `None`: not all of it is there, or the file system cannot tell (`RWF_NOWAIT` unknown to it); read
/// it where waiting is allowed. What the parts hold then is of no use.
pub fn read_cached(
    file: &File,
    parts: &mut [IoSliceMut<'_>],
    offset: u64,
) -> io::Result<Option<()>> {
    let wanted: usize = parts.iter().map(|part| part.len()).sum();
    match preadv2(file, parts, offset, ReadWriteFlags::NOWAIT) {
        Ok(got) => Ok((got == wanted).then_some(())),
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
