//! Blocks → datagrams, many at a time. Data goes straight to its place behind each block's header,
//! so that what leaves by one system call is one buffer of equal segments (what GSO takes).
//!
//! The buffer is the thread's: it is filled and sent without a wait in between, so transfers hold no
//! memory of their own.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};

use super::source::Source;
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

/// Hands a piece's datagrams to `send`; `None` where their data has to be waited for
/// ([`Source::fetch`]).
///
/// # Errors
/// When it cannot be read.
pub(super) fn at_once<T>(
    source: &mut Source,
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
        let filled = fill(bytes, each, source, piece.offset())?;
        Ok(filled.then(|| send(Datagrams { bytes, each })))
    })
}

/// Bytes of each datagram but the file's last.
fn datagram(run: &Run) -> usize {
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

/// Reads the blocks' data to its places.
fn fill(bytes: &mut [u8], each: usize, source: &mut Source, offset: u64) -> io::Result<bool> {
    let mut parts: [IoSliceMut<'_>; SEGMENTS] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let mut used = 0;
    for (part, datagram) in parts.iter_mut().zip(bytes.chunks_mut(each)) {
        *part = IoSliceMut::new(datagram.get_mut(DATA_HEADER..).unwrap_or_default());
        used += 1;
    }
    source.fill(parts.get_mut(..used).unwrap_or_default(), offset)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::super::files::Data;
    use super::super::source::Larder;
    use super::*;
    use crate::transfer::run::Shape;

    fn shape(size: u64, blksize: u16) -> Shape {
        Shape { size, blksize }
    }

    /// The datagrams that leave.
    async fn sent(data: Data, piece: &Run) -> Vec<Vec<u8>> {
        let mut source = Source::new(data, Larder::new());
        if let Some(sent) = at_once(&mut source, piece, apart).unwrap() {
            return sent;
        }
        let least = usize::try_from(piece.bytes()).unwrap();
        source.fetch(piece.offset(), least).await.unwrap();
        at_once(&mut source, piece, apart).unwrap().unwrap()
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
        assert_eq!(sent(Data::File(Arc::new(file)), &run).await, expected);
        assert_eq!(sent(Data::Memory(Bytes::from(bytes)), &run).await, expected);
    }

    #[tokio::test]
    async fn an_empty_last_block_is_a_header() {
        let data = Data::Memory(Bytes::from(vec![7; 64]));
        let got = sent(data, &shape(64, 64).run(2, 2).unwrap()).await;
        assert_eq!(got, [[0, 3, 0, 2]]);
    }

    #[test]
    fn pieces_fit_one_send() {
        for blksize in [8, 512, 1468, 9000, 65464] {
            let run = shape(10_000_000, blksize).run(1, 64).unwrap();
            for piece in pieces(&run) {
                assert!(piece.blocks().count() <= SEGMENTS);
                assert!(length(&piece) <= PIECE.max(usize::from(blksize) + 4));
            }
        }
    }
}
