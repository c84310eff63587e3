//! Files without waiting for a disk: looked up, opened and read as far as the kernel has them in its
//! memory; sent from there to a socket without coming through ours; and telling the kernel what will be read
//! next.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsFd;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, sendfile};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

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

/// Whether the page cache holds both ends of a part of a file: what lies between is there too, most
/// of the time, as it is read in one go.
pub fn is_cached(file: &File, offset: u64, len: u64) -> bool {
    let last = offset.saturating_add(len.saturating_sub(1));
    let held = |at| {
        let mut byte = [0];
        matches!(
            read_cached(file, &mut [IoSliceMut::new(&mut byte)], at),
            Ok(Cached::Whole)
        )
    };
    held(offset) && held(last)
}

/// Opens a regular file below a folder to read it, where all that the look-up needs is in the
/// kernel's caches. Never waits for a disk.
///
/// `None`: not all of it is there, the kernel cannot tell (before Linux 5.12), or there is no such
/// file: look again where waiting is allowed.
pub fn open_cached(folder: &std::path::Path, path: &str) -> Option<File> {
    let at_once = |at: rustix::fd::BorrowedFd<'_>, path: &std::path::Path, flags, how| {
        openat2(
            at,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::CACHED | how,
        )
        .ok()
    };
    // PATH goes with no other flags than these (openat2(2), EINVAL).
    let (root, anywhere) = (OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::empty());
    let folder = at_once(CWD, folder, root, anywhere)?;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // NONBLOCK: opening a FIFO must not wait for a writer.
    let file = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    at_once(folder.as_fd(), path.as_ref(), file, beneath).map(File::from)
}

/// Sends up to `most` bytes of a file, from this offset on, to a socket. Waits for the disk where the page
/// cache does not have them, and never for the socket.
///
/// # Errors
/// `WouldBlock`: the socket takes nothing now.
pub fn send_file(to: impl AsFd, file: &File, offset: u64, most: usize) -> io::Result<usize> {
    let mut at = offset;
    loop {
        match sendfile(&to, file, Some(&mut at), most) {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Sends bytes that others follow at once: the kernel keeps what does not fill a packet until they
/// come (tcp(7), `MSG_MORE`).
///
/// # Errors
/// `WouldBlock`: the socket takes nothing now.
pub fn send_more(to: impl AsFd, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match sendmsg(&to, bytes, &mut SendAncillaryBuffer::default(), flags) {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_was_just_written_opens_at_once_and_what_leads_out_never() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("images");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        std::fs::write(inside.join("ten"), "0123456789").unwrap();
        symlink("../secret", inside.join("out")).unwrap();
        symlink("ten", inside.join("in")).unwrap();
        for name in ["ten", "in"] {
            // The kernel may have let go of a name that was just written, but not each time anew.
            let opened = (0..100).find_map(|_| {
                std::fs::metadata(inside.join(name)).unwrap();
                open_cached(&inside, name)
            });
            let mut text = String::new();
            opened.expect(name).read_to_string(&mut text).unwrap();
            assert_eq!(text, "0123456789", "{name}");
        }
        for name in ["out", "nothing", "../secret", "/etc/passwd"] {
            assert!(open_cached(&inside, name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_part_of_a_file_is_sent_as_it_is_and_past_its_end_nothing() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"0123456789").unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        assert_eq!(
            send_more(&ours, &[IoSlice::new(b"a"), IoSlice::new(b"b")]).unwrap(),
            2
        );
        assert_eq!(send_file(&ours, &file, 2, 3).unwrap(), 3);
        assert_eq!(send_file(&ours, &file, 10, 3).unwrap(), 0);
        drop(ours);
        let mut got = String::new();
        theirs.read_to_string(&mut got).unwrap();
        assert_eq!(got, "ab234");
    }

    #[test]
    fn of_what_is_past_the_end_nothing_is_cached() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"0123456789").unwrap();
        assert!(!is_cached(&file, 5, 6));
        assert!(!is_cached(&file, 10, 1));
    }
}
