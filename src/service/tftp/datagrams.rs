//! Blocks → datagrams, many at a time. Data is read straight to its place behind each block's header,
//! so that what leaves by one system call is one buffer of equal segments (what GSO takes).
//!
//! The buffer is the thread's: it is filled and sent without a wait in between, so transfers hold no
//! memory of their own. Only what is not in the page cache is read elsewhere, on the pool for what
//! may block, and is held until it has left.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::super::files::Data;
use super::super::sys::file::read_cached;
use crate::transfer::Run;
use crate::wire::tftp::{DATA_HEADER, data_header};

/// The most bytes of datagrams prepared at once: what one UDP send with segmentation can carry.
const PIECE: usize = 65_507;
/// The most blocks prepared at once: as many segments as the kernel takes (`UDP_MAX_SEGMENTS`).
const SEGMENTS: usize = 64;

thread_local! {
    /// Filled and sent without a wait in between.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Datagrams in one buffer: equal lengths, but for the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagrams<'b> {
    pub(super) bytes: &'b [u8],
    /// Bytes of each but the last.
    pub(super) each: usize,
}

/// A run in pieces that leave by one system call each.
pub(super) fn pieces(run: &Run) -> impl Iterator<Item = Run> + use<> {
    let blocks = (PIECE / datagram(run)).clamp(1, SEGMENTS);
    run.pieces(blocks as u64)
}

/// Hands a piece's datagrams to `send`; `None` where they would have to be waited for: [`read`] them.
///
/// # Errors
/// `UnexpectedEof` where the file has become shorter than it was when it was opened.
pub(super) fn at_once<T>(
    data: &Data,
    piece: &Run,
    send: impl FnOnce(Datagrams<'_>) -> T,
) -> io::Result<Option<T>> {
    ROOM.with_borrow_mut(|room| {
        let len = length(piece);
        if room.len() < len {
            room.resize(len, 0);
        }
        let bytes = room.get_mut(..len).unwrap_or_default();
        let each = datagram(piece);
        number(bytes, piece);
        let filled = match data {
            Data::Memory(memory) => fill(bytes, each, slice(memory, piece)?).map(Some),
            Data::File(file) => fill_cached(bytes, each, file, piece.offset()),
        };
        Ok(filled?.map(|()| send(Datagrams { bytes, each })))
    })
}

/// The bytes of a piece's datagrams, read where waiting for a disk holds up nobody.
///
/// # Errors
/// As [`at_once`].
pub(super) async fn read(data: &Data, piece: &Run) -> io::Result<Vec<u8>> {
    let (offset, len) = (piece.offset(), piece.bytes());
    let cold = match data {
        Data::Memory(memory) => slice(memory, piece)?.to_vec(),
        Data::File(file) => read_cold(Arc::clone(file), offset, len).await?,
    };
    let mut bytes = vec![0; length(piece)];
    number(&mut bytes, piece);
    fill(&mut bytes, datagram(piece), &cold)?;
    Ok(bytes)
}

/// Reads where waiting for a disk holds up nobody.
pub(super) async fn read_cold(file: Arc<File>, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let read = move || {
        let mut bytes = vec![0; len as usize]; // a piece: PIECE at most; or a text
        file.read_exact_at(&mut bytes, offset).map(|()| bytes)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(io::Error::other)?
}

/// Bytes of each datagram but the file's last.
pub(super) fn datagram(run: &Run) -> usize {
    DATA_HEADER + usize::from(run.blksize())
}

/// Bytes of a piece's datagrams.
pub(super) fn length(piece: &Run) -> usize {
    let blocks = piece.last() - piece.first() + 1;
    (piece.bytes() + blocks * DATA_HEADER as u64) as usize // a piece: PIECE at most
}

/// The blocks' headers, room for their data behind each.
fn number(bytes: &mut [u8], piece: &Run) {
    let datagrams = bytes.chunks_mut(datagram(piece));
    for (datagram, block) in datagrams.zip(piece.blocks()) {
        if let Some(header) = datagram.first_chunk_mut() {
            *header = data_header(block.number);
        }
    }
}

/// Where the blocks' data goes.
fn payloads(bytes: &mut [u8], each: usize) -> impl Iterator<Item = &mut [u8]> {
    let datagrams = bytes.chunks_mut(each);
    datagrams.map(|datagram| datagram.get_mut(DATA_HEADER..).unwrap_or_default())
}

fn fill(bytes: &mut [u8], each: usize, mut data: &[u8]) -> io::Result<()> {
    for payload in payloads(bytes, each) {
        let (head, rest) = data
            .split_at_checked(payload.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        payload.copy_from_slice(head);
        data = rest;
    }
    Ok(())
}

fn slice<'a>(memory: &'a [u8], piece: &Run) -> io::Result<&'a [u8]> {
    let from = piece.offset() as usize; // within a body in memory
    memory
        .get(from..from + piece.bytes() as usize)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn fill_cached(bytes: &mut [u8], each: usize, file: &File, offset: u64) -> io::Result<Option<()>> {
    let mut parts: [IoSliceMut<'_>; SEGMENTS] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let mut used = 0;
    for (part, payload) in parts.iter_mut().zip(payloads(bytes, each)) {
        *part = IoSliceMut::new(payload);
        used += 1;
    }
    read_cached(file, parts.get_mut(..used).unwrap_or_default(), offset)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::transfer::run::Shape;

    fn shape(size: u64, blksize: u16) -> Shape {
        Shape { size, blksize }
    }

    /// The datagrams that would leave at once.
    fn sent(data: &Data, piece: &Run) -> Option<Vec<Vec<u8>>> {
        at_once(data, piece, apart).unwrap()
    }

    fn apart(datagrams: Datagrams<'_>) -> Vec<Vec<u8>> {
        let each = datagrams.bytes.chunks(datagrams.each);
        each.map(<[u8]>::to_vec).collect()
    }

    #[tokio::test]
    async fn datagrams_are_header_and_data_from_memory_and_from_a_file_alike() {
        let bytes: Vec<u8> = (0..200_u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let run = shape(200, 64).run(2, 9).unwrap();
        let expected: Vec<Vec<u8>> = [(2, 64..128), (3, 128..192), (4, 192..200)]
            .into_iter()
            .map(|(n, range)| [&[0, 3, 0, n], &bytes[range]].concat())
            .collect();
        let file = Data::File(Arc::new(file));
        let memory = Data::Memory(Bytes::from(bytes));
        assert_eq!(sent(&memory, &run).unwrap(), expected);
        if let Some(cached) = sent(&file, &run) {
            assert_eq!(cached, expected);
        }
        for data in [memory, file] {
            assert_eq!(read(&data, &run).await.unwrap(), expected.concat());
        }
    }

    #[test]
    fn an_empty_last_block_is_a_header() {
        let data = Data::Memory(Bytes::from(vec![7; 64]));
        let got = sent(&data, &shape(64, 64).run(2, 2).unwrap()).unwrap();
        assert_eq!(got, [[0, 3, 0, 2]]);
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        let data = Data::File(Arc::new(file));
        let error = read(&data, &shape(100, 64).run(1, 2).unwrap()).await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn pieces_fit_one_send() {
        for blksize in [8, 512, 1468, 9000, 65464] {
            let run = shape(10_000_000, blksize).run(1, 64).unwrap();
            for piece in pieces(&run) {
                assert!(piece.blocks().count() <= 64);
                assert!(length(&piece) <= PIECE.max(usize::from(blksize) + 4));
            }
        }
    }
}
