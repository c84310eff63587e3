//! Where a transfer's bytes come from: memory, the page cache, or a disk.
//!
//! What the page cache holds is read at once. The rest is read ahead on the pool for what may block,
//! [`AHEAD`] bytes a trip, and the kernel is told to go on behind it: so that a disk holds up nobody
//! else, and its own transfer seldom. A file system that cannot say what is cached (tmpfs, overlayfs) is
//! noticed once a file.
//!
//! What is read ahead has its place in the [`Larder`], which bounds the memory of all transfers
//! together. Without a place for [`AHEAD`] bytes a transfer reads one send's worth, which it does
//! not keep: so nobody waits for those who hold much and are slow.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::files::hot::is_settled;
use super::super::files::{Data, Stamp};
use super::super::sys::file::{Cached, read_cached, will_read};
use super::shelf::{Answer, Key, Place, Reader, Shelf};

/// Bytes read ahead at once.
const AHEAD: usize = 512 << 10;
/// So many transfers read so far ahead at a time.
const WIDE: usize = 64;
/// So many others read what they send next, 64 KiB each, at a time.
const NARROW: usize = 64;

/// Places for what is read ahead: 64 of 512 KiB and 64 of 64 KiB, so 36 MiB at most; and what is ready for
/// all.
pub(super) struct Larder {
    wide: Arc<Semaphore>,
    narrow: Arc<Semaphore>,
    shelf: Arc<Shelf>,
}

impl Larder {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            wide: Arc::new(Semaphore::new(WIDE)),
            narrow: Arc::new(Semaphore::new(NARROW)),
            shelf: Arc::default(),
        })
    }

    /// An empty place, a wide one where there is one, else one for so many bytes.
    async fn place(&self, least: usize) -> io::Result<Ahead> {
        let (permit, wide) = if let Ok(permit) = Arc::clone(&self.wide).try_acquire_owned() {
            (permit, true)
        } else {
            let permit = Arc::clone(&self.narrow).acquire_owned().await;
            (permit.map_err(io::Error::other)?, false)
        };
        Ok(Ahead {
            offset: 0,
            // Here and not on the pool, each of whose threads would keep some of it.
            bytes: vec![0; if wide { AHEAD.max(least) } else { least }],
            wide,
            _place: permit,
        })
    }
}

/// What was read ahead.
struct Ahead {
    offset: u64,
    bytes: Vec<u8>,
    wide: bool,
    _place: OwnedSemaphorePermit,
}

impl Ahead {
    /// So many bytes at this offset of the file, if all of them are here.
    fn part(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(from..from.checked_add(len)?)
    }

    /// Reads from this offset, on and on up to `most` bytes or the file's end.
    fn read(mut self, file: &File, offset: u64, most: usize) -> io::Result<Self> {
        self.offset = offset;
        self.bytes.resize(most, 0);
        let mut len = 0;
        while let Some(rest) = self.bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + len as u64) {
                Ok(0) => break,
                Ok(got) => len += got,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.bytes.truncate(len);
        if self.wide {
            will_read(file, offset + len as u64, AHEAD as u64);
        }
        Ok(self)
    }
}

/// One transfer's bytes.
pub(super) struct Source {
    data: Data,
    /// Whether the file system can say what is cached, as far as we know.
    tells: bool,
    ahead: Option<Ahead>,
    larder: Arc<Larder>,
    /// Where datagrams of this file in this state are ready.
    shelf: Option<(Reader, Stamp)>,
    part: Part,
}

/// Where a transfer is, and the datagrams of all of that part, where they are ready.
#[derive(Default)]
struct Part {
    number: Option<u64>,
    datagrams: Option<Arc<Vec<u8>>>,
}

impl Source {
    /// Of a body; a file in a state that is not known to be its own is read for this transfer alone.
    pub(super) fn new(data: Data, stamp: Option<Stamp>, larder: Arc<Larder>) -> Self {
        let of_file = stamp.filter(|stamp| matches!(data, Data::File(_)) && is_settled(stamp));
        Self {
            shelf: of_file.map(|stamp| (larder.shelf.reader(), stamp)),
            part: Part::default(),
            data,
            tells: true,
            ahead: None,
            larder,
        }
    }

    /// The datagrams of this part, where they are ready.
    pub(super) fn ready(&self) -> Option<&[u8]> {
        self.part.datagrams.as_deref().map(Vec::as_slice)
    }

    /// Goes to a part, of `len` bytes of datagrams; a place for them where they are to be made ready.
    pub(super) fn go_to(&mut self, part: u64, blksize: u16, len: usize) -> Option<Place> {
        if self.part.number == Some(part) {
            return None;
        }
        (self.part.number, self.part.datagrams) = (Some(part), None);
        let (reader, file) = self.shelf.as_ref()?;
        let key = Key {
            file: *file,
            blksize,
            part,
        };
        match reader.ask(key, len) {
            Answer::Here(datagrams) => self.part.datagrams = Some(datagrams),
            Answer::Room(place) => return Some(place),
            Answer::Nothing => {}
        }
        None
    }

    /// They are ready now.
    pub(super) fn made_ready(&mut self, place: Place) {
        self.part.datagrams = Some(place.keep());
    }

    /// Fills the parts from this offset; `false` where that has to be waited for: [`Source::fetch`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn fill(&mut self, parts: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<bool> {
        let len = parts.iter().map(|part| part.len()).sum();
        if let Some(bytes) = self.ahead.as_ref().and_then(|a| a.part(offset, len)) {
            copy(parts, bytes);
            return Ok(true);
        }
        match &self.data {
            Data::Memory(memory) => copy(parts, slice(memory, offset, len)?),
            Data::File(file) if self.tells => {
                let cached = read_cached(file, parts, offset)?;
                self.tells = cached != Cached::Unknown;
                if cached != Cached::Whole {
                    return Ok(false);
                }
                self.ahead = None; // the page cache is ahead of it
            }
            Data::File(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Reads ahead from this offset, `least` bytes at least, where waiting for a disk holds up
    /// nobody. Afterwards [`Source::fill`] has them.
    ///
    /// # Errors
    /// When it cannot be read; `UnexpectedEof` where the file has become shorter than it was when
    /// it was opened.
    pub(super) async fn fetch(&mut self, offset: u64, least: usize) -> io::Result<()> {
        let Data::File(file) = &self.data else {
            return Ok(());
        };
        let place = match self.ahead.take().filter(|ahead| ahead.wide) {
            Some(place) => place,
            None => self.larder.place(least).await?,
        };
        let most = if place.wide { AHEAD.max(least) } else { least };
        let file = Arc::clone(file);
        let read = move || place.read(&file, offset, most);
        let ahead = tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)??;
        if ahead.bytes.len() < least {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.ahead = Some(ahead);
        Ok(())
    }

    /// Gives up a place that holds one send's worth: others wait for such.
    pub(super) fn let_go_of_little(&mut self) {
        self.ahead = self.ahead.take().filter(|ahead| ahead.wide);
    }

    /// Gives up what was read ahead, for a client that may be gone.
    pub(super) fn let_go(&mut self) {
        self.ahead = None;
        self.part = Part::default();
    }
}

/// All bytes of a body of at most `len` bytes, read where waiting holds up nobody.
///
/// # Errors
/// As [`Source::fetch`].
pub(super) async fn whole(data: Data, len: u64) -> io::Result<Bytes> {
    let file = match data {
        Data::Memory(bytes) => return Ok(bytes),
        Data::File(file) => file,
    };
    let read = move || {
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0).map(|()| bytes.into())
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(io::Error::other)?
}

fn slice(memory: &[u8], offset: u64, len: usize) -> io::Result<&[u8]> {
    let from = usize::try_from(offset).map_err(io::Error::other)?;
    memory
        .get(from..)
        .and_then(|rest| rest.get(..len))
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// As many bytes as the parts hold.
fn copy(parts: &mut [IoSliceMut<'_>], mut bytes: &[u8]) {
    for part in parts {
        let (head, rest) = bytes.split_at(part.len().min(bytes.len()));
        if let Some(to) = part.get_mut(..head.len()) {
            to.copy_from_slice(head);
        }
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 3 * AHEAD + 1000;

    fn pattern() -> Vec<u8> {
        let words = (0..=LEN as u32 / 4).map(|n| n.wrapping_mul(0x9e37_79b1));
        let mut bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        bytes.truncate(LEN);
        bytes
    }

    fn file() -> Data {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &pattern()).unwrap();
        Data::File(Arc::new(file))
    }

    /// What the source gives of two parts at this offset, and whether it had to be waited for.
    async fn given(source: &mut Source, offset: usize, len: usize) -> (Vec<u8>, bool) {
        let (mut one, mut other) = (vec![0; len / 2], vec![0; len - len / 2]);
        let mut fetched = false;
        loop {
            let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)];
            if source.fill(&mut parts, offset as u64).unwrap() {
                return ([one, other].concat(), fetched);
            }
            assert!(!fetched, "what was fetched is there");
            source.fetch(offset as u64, len).await.unwrap();
            fetched = true;
        }
    }

    /// A file system that cannot tell: with it, this many trips to the pool.
    async fn trips(larder: &Arc<Larder>) -> usize {
        let (mut source, pattern) = (Source::new(file(), None, Arc::clone(larder)), pattern());
        source.tells = false;
        let mut trips = 0;
        for (n, expected) in pattern.chunks(65_000).enumerate() {
            let (bytes, fetched) = given(&mut source, n * 65_000, expected.len()).await;
            assert!(bytes == expected, "{n}");
            trips += usize::from(fetched);
            source.let_go_of_little();
        }
        trips
    }

    #[tokio::test]
    async fn what_cannot_be_had_at_once_is_read_far_ahead_while_there_is_room() {
        let larder = Larder::new();
        let sends = LEN.div_ceil(65_000);
        assert!(trips(&larder).await <= 8, "far ahead");
        let all = Arc::clone(&larder.wide).acquire_many_owned(WIDE as u32);
        let all = all.await.unwrap();
        assert_eq!(trips(&larder).await, sends);
        drop(all);
        assert!(trips(&larder).await <= 8);
        let free = (
            larder.wide.available_permits(),
            larder.narrow.available_permits(),
        );
        assert_eq!(free, (WIDE, NARROW), "every place was given back");
    }

    #[tokio::test]
    async fn any_part_may_be_asked_for_again() {
        let pattern = pattern();
        for data in [file(), Data::Memory(Bytes::from(pattern.clone()))] {
            for tells in [true, false] {
                let mut source = Source::new(data.clone(), None, Larder::new());
                source.tells = tells;
                for offset in [0, 70_000, 10, AHEAD, AHEAD - 10, LEN - 100, 0] {
                    let (bytes, _) = given(&mut source, offset, 100).await;
                    assert!(bytes == pattern[offset..offset + 100], "{offset}");
                }
                assert_eq!(given(&mut source, LEN, 0).await.0, [0_u8; 0]);
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        let mut source = Source::new(Data::File(Arc::new(file)), None, Larder::new());
        let mut room = [0; 100];
        let filled = source.fill(&mut [IoSliceMut::new(&mut room)], 0);
        assert!(!filled.unwrap());
        let error = source.fetch(0, 100).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
