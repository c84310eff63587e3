//! A body and a span of it → what hyper sends. The one file that knows how bytes get from a file
//! to the connection.
//!
//! A file is read in chunks at offsets on the blocking pool, the next one while this one is being
//! written: a connection holds two chunks at most, and reads into them in turn. Large chunks are for
//! as many transfers as `Limits::http_wide` says; the rest reads in small ones and waits for nobody,
//! so that neither thousands of connections nor stalled ones cost more than is stated there. A file
//! that has become shorter since it was opened ends the connection, as its length has been promised
//! already.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::progress::Progress;
use super::range::Span;
use crate::service::files::{Body, Data};

/// Bytes of a file read at once. Less costs more changes of thread, more only memory.
const WIDE: u64 = 256 * 1024;

/// The same where as many transfers as may have [`WIDE`] chunks have them.
const NARROW: u64 = 16 * 1024;

/// The body of a response. Tells its connection how far it is and when it ends.
pub struct Payload {
    source: Source,
    left: u64,
    progress: Arc<Progress>,
}

enum Source {
    Memory(Bytes),
    File(Chunks),
}

struct Chunks {
    file: Arc<File>,
    /// Offset of the first byte that no read was started for.
    offset: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// The chunk handed over last: room for the next but one, once it is written.
    last: Option<Bytes>,
    /// Where a place for wide chunks is had, and it.
    places: Arc<Semaphore>,
    place: Option<OwnedSemaphorePermit>,
}

impl Payload {
    /// A span of a body from the tree; `wide` has the places for large chunks.
    pub fn of(body: &Body, span: Span, progress: Arc<Progress>, wide: &Arc<Semaphore>) -> Self {
        let source = match &body.data {
            Data::Memory(bytes) => Source::Memory(part(bytes, span)),
            Data::File(file) => Source::File(Chunks {
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
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = match &mut this.source {
            Source::Memory(bytes) => Ok(std::mem::take(bytes)),
            Source::File(chunks) => ready!(chunks.poll_next(this.left, cx)),
        };
        Poll::Ready(Some(this.hand_over(chunk)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Payload {
    fn hand_over(&mut self, chunk: io::Result<Bytes>) -> Result<Frame<Bytes>, io::Error> {
        match chunk {
            Ok(bytes) => {
                let count = bytes.len() as u64;
                self.left = self.left.saturating_sub(count);
                self.progress.handed(count);
                Ok(Frame::data(bytes))
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
        if let Source::File(chunks) = &mut self.source
            && let Some(place) = chunks.place.take()
        {
            self.progress.keeps(place);
        }
        self.progress.body_ends(self.left == 0);
    }
}

impl Chunks {
    /// The next chunk of the `left` bytes still to send.
    fn poll_next(&mut self, left: u64, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.start(left, None),
        };
        let read = ready!(Pin::new(self.reading.insert(reading)).poll(cx));
        self.reading = None;
        let bytes = read.map_err(io::Error::other)??;
        self.move_on(&bytes, left);
        Poll::Ready(Ok(bytes))
    }

    /// Begins the read behind a chunk just read, where one is left to do. hyper asks for a chunk
    /// when it has written the one before: that one's memory is free then.
    fn move_on(&mut self, bytes: &Bytes, left: u64) {
        let count = bytes.len() as u64;
        self.offset += count;
        if count < left {
            let room = self.last.replace(bytes.clone());
            self.reading = Some(self.start(left - count, room));
        }
    }

    fn start(&mut self, left: u64, room: Option<Bytes>) -> JoinHandle<io::Result<Bytes>> {
        let (file, offset) = (self.file.clone(), self.offset);
        let len = self.len(left) as usize;
        tokio::task::spawn_blocking(move || read(&file, offset, len, room))
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

fn read(file: &File, offset: u64, len: usize, room: Option<Bytes>) -> io::Result<Bytes> {
    let free = room.and_then(|bytes| bytes.try_into_mut().ok());
    let mut chunk = free.unwrap_or_else(|| BytesMut::zeroed(len));
    chunk.resize(len, 0);
    file.read_exact_at(&mut chunk, offset)
        .map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(e.kind(), "the file became shorter while it was sent")
            }
            _ => io::Error::new(e.kind(), format!("cannot read the file: {e}")),
        })?;
    Ok(chunk.freeze())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;
    use crate::profile::Snapshot;
    use crate::service::shared::Folders;
    use crate::service::{Limits, Shared};

    fn progress() -> Arc<Progress> {
        let folders = Folders {
            images: std::path::PathBuf::new(),
            assets: None,
        };
        Progress::new(Shared::new(Snapshot::default(), folders, Limits::default()))
    }

    fn payload(len: u64, progress: &Arc<Progress>, wide: &Arc<Semaphore>) -> Payload {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let body = Body {
            data: Data::File(Arc::new(file)),
            len,
            modified: None,
            media: "",
        };
        let span = Span { start: 0, len };
        Payload::of(&body, span, progress.clone(), wide)
    }

    /// The lengths of a body's chunks, whose bytes are those of the file.
    async fn chunks(mut payload: Payload) -> Vec<usize> {
        let (mut lengths, mut next) = (Vec::new(), 0_usize);
        while let Some(frame) = payload.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
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
        let (wide, progress) = (Arc::new(Semaphore::new(1)), progress());
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
        let (wide, progress) = (Arc::new(Semaphore::new(1)), progress());
        let mut small = payload(NARROW, &progress, &wide);
        small.frame().await.unwrap().unwrap();
        assert_eq!(wide.available_permits(), 1);
    }
}
