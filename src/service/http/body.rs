//! A body and a span of it → what hyper sends: the one file that knows how bytes get from a file to the
//! connection.
//!
//! Without TLS the kernel sends a file by itself ([`super::passing`]), in parts that its page cache
//! has. With TLS a file is read in chunks at offsets: a connection holds two at most, and reads into
//! them in turn. Large chunks are for as many transfers as `Limits::http_wide` says; the rest reads
//! in small ones and waits for nobody, so that neither thousands of connections nor stalled ones cost
//! more than is stated there. What the page cache does not have is waited for on the blocking pool
//! in both cases. A file that has become shorter since it was opened ends the connection, as its
//! length has been promised already.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::task::coop::poll_proceed;

use super::passing::{Passing, Piece};
use super::progress::Progress;
use super::range::Span;
use super::socket::SHORTER;
use crate::service::files::{Body, Data};
use crate::service::sys::file::{Cached, is_cached, read_cached};

/// Bytes of a file read at once. Less costs more system calls, more only memory.
const WIDE: u64 = 256 * 1024;

/// The same where as many transfers as may have [`WIDE`] chunks have them.
const NARROW: u64 = 16 * 1024;

/// Bytes of a file that the kernel is given to send at once, where its page cache has them: as much
/// as nginx gives it. Half of that cost a tenth more processor time a GB with 64 connections, twice as
/// much won nothing.
const PART: u64 = 2 << 20;

/// What a part takes of a task's budget of 128 turns (`tokio::task::coop`): who reads as fast as the
/// kernel sends lets the others have theirs after one part. The rest of the budget is for sending it.
const TURNS: u32 = 96;

/// The body of a response. Tells its connection how far it is and when it ends.
pub struct Payload {
    source: Source,
    left: u64,
    progress: Arc<Progress>,
}

enum Source {
    Memory(Bytes),
    Parts(Parts),
    Chunks(Chunks),
}

/// A file that the kernel sends.
struct Parts {
    file: Arc<File>,
    passing: Arc<Passing>,
    /// Offset of the first byte that was not handed over.
    offset: u64,
    warming: Option<(u64, JoinHandle<io::Result<()>>)>,
}

/// A file that is read.
struct Chunks {
    file: Arc<File>,
    /// Offset of the first byte that was not read.
    offset: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// The chunk handed over last: room for the next, once it is written.
    last: Option<Bytes>,
    /// Where a place for wide chunks is had, and it.
    places: Arc<Semaphore>,
    place: Option<OwnedSemaphorePermit>,
}

/// A chunk, or the work that brings it.
enum Read {
    Done(Bytes),
    Begun(JoinHandle<io::Result<Bytes>>),
}

impl Payload {
    /// A span of a body from the tree; `wide` has the places for large chunks.
    pub fn of(body: &Body, span: Span, progress: Arc<Progress>, wide: &Arc<Semaphore>) -> Self {
        let source = match (&body.data, progress.passing()) {
            (Data::Memory(bytes), _) => Source::Memory(part(bytes, span)),
            (Data::File(file), Some(passing)) => Source::Parts(Parts {
                file: file.clone(),
                passing: passing.clone(),
                offset: span.start,
                warming: None,
            }),
            (Data::File(file), None) => Source::Chunks(Chunks {
                file: file.clone(),
                offset: span.start,
                reading: None,
                last: None,
                places: wide.clone(),
                place: None,
            }),
        };
        Self {
            source,
            left: span.len,
            progress,
        }
    }

    /// A text of our own.
    pub fn text(bytes: Bytes, progress: Arc<Progress>) -> Self {
        Self {
            left: bytes.len() as u64,
            source: Source::Memory(bytes),
            progress,
        }
    }
}

fn part(bytes: &Bytes, span: Span) -> Bytes {
    let start = usize::try_from(span.start).unwrap_or(usize::MAX);
    let end = usize::try_from(span.start.saturating_add(span.len)).unwrap_or(usize::MAX);
    let len = bytes.len();
    bytes.slice(start.min(len)..end.clamp(start.min(len), len))
}

impl HttpBody for Payload {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let piece = match &mut this.source {
            Source::Memory(bytes) => Ok(Piece::Memory(std::mem::take(bytes))),
            Source::Parts(parts) => ready!(parts.poll_next(this.left, cx)),
            Source::Chunks(chunks) => ready!(chunks.poll_next(this.left, cx)).map(Piece::Memory),
        };
        Poll::Ready(Some(this.hand_over(piece)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Payload {
    fn hand_over(&mut self, piece: io::Result<Piece>) -> Result<Frame<Piece>, io::Error> {
        match piece {
            Ok(piece) => {
                let count = match &piece {
                    Piece::Memory(bytes) => {
                        self.progress.handed(bytes.len() as u64);
                        bytes.len()
                    }
                    Piece::Part(len, _) => *len, // the socket counts what the kernel took
                };
                self.left = self.left.saturating_sub(count as u64);
                Ok(Frame::data(piece))
            }
            Err(e) => {
                self.progress.broke(e.to_string());
                Err(e)
            }
        }
    }
}

impl Drop for Payload {
    /// What was handed over is in memory until it is written, and so long its place is taken.
    fn drop(&mut self) {
        if let Source::Chunks(chunks) = &mut self.source
            && let Some(place) = chunks.place.take()
        {
            self.progress.keeps(place);
        }
        self.progress.body_ends(self.left == 0);
    }
}

impl Parts {
    /// The next part of the `left` bytes still to send: one that the page cache has.
    fn poll_next(&mut self, left: u64, cx: &mut Context<'_>) -> Poll<io::Result<Piece>> {
        for _ in 0..TURNS {
            ready!(poll_proceed(cx)).made_progress();
        }
        let len = ready!(self.poll_warm(left, cx))?;
        let piece = self.passing.hand(&self.file, self.offset, len as usize);
        self.offset = self.offset.saturating_add(len);
        Poll::Ready(Ok(piece))
    }

    /// So many of the next bytes can be sent without waiting for the disk.
    fn poll_warm(&mut self, left: u64, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if self.warming.is_none() {
            let len = left.min(PART);
            if is_cached(&self.file, self.offset, len) {
                return Poll::Ready(Ok(len));
            }
            let (file, offset, len) = (self.file.clone(), self.offset, left.min(WIDE));
            let read = tokio::task::spawn_blocking(move || warm(&file, offset, len));
            self.warming = Some((len, read));
        }
        let Some((len, read)) = &mut self.warming else {
            return Poll::Ready(Ok(0));
        };
        let (len, read) = (*len, ready!(Pin::new(read).poll(cx)));
        self.warming = None;
        Poll::Ready(read.map_err(io::Error::other)?.map(|()| len))
    }
}

/// Brings a part of a file into the page cache.
fn warm(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let mut room = vec![0; NARROW as usize];
    let mut done = 0;
    while done < len {
        let some = room.len().min((len - done) as usize);
        let room = room.get_mut(..some).unwrap_or_default();
        file.read_exact_at(room, offset + done)
            .map_err(|e| worded(&e))?;
        done += some as u64;
    }
    Ok(())
}

impl Chunks {
    /// The next chunk of the `left` bytes still to send.
    fn poll_next(&mut self, left: u64, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let reading = match self.reading.take() {
            Some(reading) => reading,
            None => match self.read_or_begin(left)? {
                Read::Done(bytes) => return Poll::Ready(Ok(self.moves_on(bytes))),
                Read::Begun(reading) => reading,
            },
        };
        let read = ready!(Pin::new(self.reading.insert(reading)).poll(cx));
        self.reading = None;
        let bytes = read.map_err(io::Error::other)??;
        Poll::Ready(Ok(self.moves_on(bytes)))
    }

    fn read_or_begin(&mut self, left: u64) -> io::Result<Read> {
        let mut chunk = self.room(left);
        let parts = &mut [IoSliceMut::new(&mut chunk)];
        if read_cached(&self.file, parts, self.offset)? == Cached::Whole {
            return Ok(Read::Done(chunk.freeze()));
        }
        let (file, offset) = (self.file.clone(), self.offset);
        let read = tokio::task::spawn_blocking(move || read(&file, offset, chunk));
        Ok(Read::Begun(read))
    }

    fn moves_on(&mut self, bytes: Bytes) -> Bytes {
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        self.last = Some(bytes.clone());
        bytes
    }

    /// Room for the next chunk: that of the last one, where it is written.
    fn room(&mut self, left: u64) -> BytesMut {
        let len = self.len(left) as usize;
        let free = self.last.take().and_then(|bytes| bytes.try_into_mut().ok());
        let mut room = free.unwrap_or_else(|| BytesMut::zeroed(len));
        room.resize(len, 0);
        room
    }

    /// Bytes to read of the `left` ones.
    fn len(&mut self, left: u64) -> u64 {
        if left > NARROW && self.place.is_none() {
            self.place = self.places.clone().try_acquire_owned().ok();
        }
        let wide = self.place.is_some();
        left.min(if wide { WIDE } else { NARROW })
    }
}

fn read(file: &File, offset: u64, mut chunk: BytesMut) -> io::Result<Bytes> {
    let read = file.read_exact_at(&mut chunk, offset);
    read.map_err(|e| worded(&e))?;
    Ok(chunk.freeze())
}

fn worded(error: &io::Error) -> io::Error {
    let words = match error.kind() {
        io::ErrorKind::UnexpectedEof => SHORTER.to_owned(),
        _ => format!("cannot read the file: {error}"),
    };
    io::Error::new(error.kind(), words)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;
    use crate::profile::Snapshot;
    use crate::service::shared::Folders;
    use crate::service::{Limits, Shared};

    /// Of a connection with TLS, or without.
    fn progress(plain: bool) -> Arc<Progress> {
        let folders = Folders {
            images: std::path::PathBuf::new(),
            assets: None,
        };
        Progress::new(
            Shared::new(Snapshot::default(), folders, Limits::default()),
            plain,
        )
    }

    fn payload(len: u64, progress: &Arc<Progress>, wide: &Arc<Semaphore>) -> Payload {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let body = Body {
            data: Data::File(Arc::new(file)),
            len,
            modified: None,
            stamp: None,
            media: "",
        };
        let span = Span { start: 0, len };
        Payload::of(&body, span, progress.clone(), wide)
    }

    /// The lengths of a body's chunks, whose bytes are those of the file.
    async fn chunks(mut payload: Payload) -> Vec<usize> {
        let (mut lengths, mut next) = (Vec::new(), 0_usize);
        while let Some(frame) = payload.frame().await {
            let Ok(Piece::Memory(bytes)) = frame.unwrap().into_data() else {
                panic!("a part of a file below TLS");
            };
            for byte in &bytes {
                assert_eq!(usize::from(*byte), next % 251);
                next += 1;
            }
            lengths.push(bytes.len());
        }
        lengths
    }

    #[tokio::test]
    async fn who_finds_no_place_reads_in_small_chunks_and_does_not_wait() {
        let (wide, progress) = (Arc::new(Semaphore::new(1)), progress(false));
        let len = WIDE + NARROW + 1;
        let mut first = payload(len, &progress, &wide);
        first.frame().await.unwrap().unwrap();
        let second = chunks(payload(len, &progress, &wide)).await;
        assert_eq!(second.len() as u64, WIDE / NARROW + 2);
        assert!(second.iter().all(|len| *len as u64 <= NARROW));
        drop(first);
        assert_eq!(wide.available_permits(), 0, "what was read is not written");
        progress.flushed();
        let third = chunks(payload(len, &progress, &wide)).await;
        assert_eq!(third.len(), 2);
    }

    #[tokio::test]
    async fn a_small_file_takes_no_place() {
        let (wide, progress) = (Arc::new(Semaphore::new(1)), progress(false));
        let mut small = payload(NARROW, &progress, &wide);
        small.frame().await.unwrap().unwrap();
        assert_eq!(wide.available_permits(), 1);
    }
}
