//! Parts of files that pass to a plain TCP connection without coming into memory: the kernel sends
//! them from its page cache (sendfile(2)), and hyper, which knows bytes alone, orders them among
//! the rest.
//!
//! hyper gets a [`Piece`] that is as long as the part, and stands over bytes that say nothing
//! ([`nothing`]). Its turn come, hyper hands those to the socket, which knows them by their address
//! and sends the part instead ([`Passing::send`]).
//!
//! Invariants: one part is on its way at a time, as hyper writes one response after another. What is
//! taken off a piece was sent before: if hyper ever copied the bytes that say nothing, the
//! connection would end rather than send them ([`Passing::is_sound`]).
//!
//! Absent on purpose: a mapping of the file in the place of those bytes. It would cost two system
//! calls and an address range a response, be `unsafe`, and a file that becomes shorter would kill
//! the process where anything touched it. The kernel's own TLS (kTLS), which would let HTTPS go
//! this way too: no kernel that bootjack was measured on has it.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use rustix::io::Errno;
use tokio::net::TcpStream;

use crate::service::sys::file::send_file;

/// The most that is sent by one system call: others have their turn in between.
const AT_ONCE: usize = 2 << 20;

/// Read and written at once where a file system has no sendfile.
const BY_HAND: usize = 64 * 1024;

/// The bytes that stand for parts of files. Never touched, so they take no memory.
static NOTHING: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0; AT_ONCE]);

fn nothing() -> &'static [u8] {
    &NOTHING
}

/// Whether these bytes stand for a part of a file.
pub fn stands_for_a_part(bytes: &IoSlice<'_>) -> bool {
    nothing().as_ptr_range().contains(&bytes.as_ptr())
}

/// What of a file is on its way through one connection.
#[derive(Debug, Default)]
pub struct Passing {
    part: Mutex<Part>,
    unsound: AtomicBool,
}

#[derive(Debug, Default)]
struct Part {
    file: Option<Arc<File>>,
    /// Of the first byte that was not sent.
    offset: u64,
    /// Bytes that hyper has, or will have, in its queue for it.
    left: u64,
    /// Bytes sent that hyper has not taken off its queue yet.
    sent: usize,
}

/// Some bytes of a body, as hyper has them.
#[derive(Debug)]
pub enum Piece {
    /// In memory.
    Memory(Bytes),
    /// So many bytes of a file.
    Part(usize, Arc<Passing>),
}

impl Passing {
    /// The next `len` bytes of a response: those of the file from `offset` on. A response's parts
    /// follow each other without a gap.
    pub fn hand(self: &Arc<Self>, file: &Arc<File>, offset: u64, len: usize) -> Piece {
        let mut part = self.lock();
        if part.left == 0 {
            (part.file, part.offset) = (Some(file.clone()), offset);
        } else if part.offset.saturating_add(part.left) != offset {
            self.unsound.store(true, Ordering::Relaxed);
        }
        part.left = part.left.saturating_add(len as u64);
        Piece::Part(len, self.clone())
    }

    /// Sends up to `most` bytes of the part whose turn it is. Zero: the file has ended before it.
    ///
    /// # Errors
    /// `WouldBlock`: the socket takes nothing now.
    pub fn send(&self, to: &TcpStream, most: usize) -> io::Result<usize> {
        let mut part = self.lock();
        let most = usize::try_from(part.left).unwrap_or(most).min(most);
        let Some(file) = part.file.as_ref().filter(|_| most > 0) else {
            return Err(io::Error::other("a part of a file that nobody has handed"));
        };
        let sent = match send_file(to, file, part.offset, most) {
            Err(e) if has_no_sendfile(&e) => by_hand(to, file, part.offset, most)?,
            other => other?,
        };
        part.offset = part.offset.saturating_add(sent as u64);
        part.left = part.left.saturating_sub(sent as u64);
        part.sent = part.sent.saturating_add(sent);
        if part.left == 0 {
            part.file = None;
        }
        Ok(sent)
    }

    /// Whether hyper has only let go of what was sent.
    pub fn is_sound(&self) -> bool {
        !self.unsound.load(Ordering::Relaxed)
    }

    fn taken(&self, count: usize) {
        let mut part = self.lock();
        match part.sent.checked_sub(count) {
            Some(rest) => part.sent = rest,
            None => self.unsound.store(true, Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is the file system that cannot (sendfile(2), EINVAL).
fn has_no_sendfile(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| matches!(errno, Errno::INVAL | Errno::NOSYS))
}

fn by_hand(to: &TcpStream, file: &File, offset: u64, most: usize) -> io::Result<usize> {
    let mut room = vec![0; most.min(BY_HAND)];
    let read = file.read_at(&mut room, offset)?;
    match room.get(..read) {
        Some(bytes) if read > 0 => to.try_write(bytes),
        _ => Ok(0),
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.remaining(),
            Self::Part(left, _) => *left,
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes.chunk(),
            Self::Part(left, _) => nothing().get(..*left).unwrap_or(nothing()),
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Memory(bytes) => bytes.advance(count),
            Self::Part(left, passing) => {
                passing.taken(count);
                *left = left.saturating_sub(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::AsyncReadExt;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap());
        let (ours, theirs) = tokio::join!(listener.accept(), theirs);
        let ours = ours.unwrap().0;
        ours.writable().await.unwrap();
        (ours, theirs.unwrap())
    }

    fn ten() -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        Arc::new(file)
    }

    #[tokio::test]
    async fn parts_that_follow_each_other_are_sent_in_turn() {
        let (passing, file) = (Arc::new(Passing::default()), ten());
        let (ours, mut theirs) = pair().await;
        let mut first = passing.hand(&file, 1, 4);
        assert!(stands_for_a_part(&IoSlice::new(first.chunk())));
        assert_eq!(passing.send(&ours, 3).unwrap(), 3);
        first.advance(3);
        let mut second = passing.hand(&file, 5, 2);
        assert_eq!(passing.send(&ours, 100).unwrap(), 3);
        first.advance(1);
        second.advance(2);
        assert_eq!((first.remaining(), second.remaining()), (0, 0));
        assert!(passing.is_sound());
        drop(ours);
        let mut got = String::new();
        theirs.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "123456");
    }

    #[tokio::test]
    async fn a_file_that_has_ended_gives_nothing() {
        let (passing, file) = (Arc::new(Passing::default()), ten());
        let (ours, _theirs) = pair().await;
        let _piece = passing.hand(&file, 8, 4);
        assert_eq!(passing.send(&ours, 4).unwrap(), 2);
        assert_eq!(passing.send(&ours, 2).unwrap(), 0);
    }

    #[test]
    fn bytes_that_were_copied_and_not_sent_are_found_out() {
        let (passing, file) = (Arc::new(Passing::default()), ten());
        let mut piece = passing.hand(&file, 0, 10);
        assert!(passing.is_sound());
        let copy = piece.copy_to_bytes(4);
        assert!(!stands_for_a_part(&IoSlice::new(&copy)));
        assert!(!passing.is_sound());
    }

    #[test]
    fn a_part_in_the_midst_of_another_is_found_out() {
        let (passing, file) = (Arc::new(Passing::default()), ten());
        let _first = passing.hand(&file, 0, 2);
        let _second = passing.hand(&file, 5, 2);
        assert!(!passing.is_sound());
    }

    #[tokio::test]
    async fn where_there_is_no_sendfile_it_is_read_and_written() {
        let (ours, mut theirs) = pair().await;
        assert_eq!(by_hand(&ours, &ten(), 7, 100).unwrap(), 3);
        assert_eq!(by_hand(&ours, &ten(), 10, 100).unwrap(), 0);
        drop(ours);
        let mut got = String::new();
        theirs.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "789");
    }
}
