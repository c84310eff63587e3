//! Blocks → datagrams, many at a time. Data goes straight to its place behind each block's header,
//! so that what leaves by one system call is one buffer of equal segments (what GSO takes).
//!
//! What several transfers send is made ready once and sent as it lies there ([`super::shelf`]). Else the buffer
//! is the thread's: it is filled and sent without a wait in between, so transfers hold no memory of their own.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::ops::Range;

use super::shelf;
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

/// A run in pieces that leave by one system call each, and lie in one part each.
pub(super) fn pieces(run: &Run) -> impl Iterator<Item = Run> + use<> {
    let part = shelf::blocks(datagram(run));
    let run = *run;
    let most = (PIECE / datagram(&run)).clamp(1, SEGMENTS) as u64;
    let mut next = run.first();
    std::iter::from_fn(move || {
        let blocks = most.min(part - (next - 1) % part);
        let last = run.last().min(next.saturating_add(blocks - 1));
        let piece = run.sibling(next, last)?;
        next = last + 1;
        Some(piece)
    })
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
    let each = datagram(piece);
    make_ready(source, piece)?;
    if let Some(bytes) = source.ready().and_then(|part| part.get(within(piece))) {
        return Ok(Some(send(Datagrams { bytes, each })));
    }
    ROOM.with_borrow_mut(|room| {
        let len = length(piece);
        if room.len() < len {
            room.resize(len, 0);
        }
        let bytes = room.get_mut(..len).unwrap_or_default();
        let filled = fill(bytes, piece, source)?;
        Ok(filled.then(|| send(Datagrams { bytes, each })))
    })
}

/// Goes to the part where a piece lies, and prepares all of it where others are known to want it, too.
fn make_ready(source: &mut Source, piece: &Run) -> io::Result<()> {
    let blocks = shelf::blocks(datagram(piece));
    let number = (piece.first() - 1) / blocks;
    let first = number * blocks + 1;
    let Some(part) = piece.sibling(first, first + blocks - 1) else {
        return Ok(());
    };
    let Some(mut place) = source.go_to(number, piece.blksize(), length(&part)) else {
        return Ok(());
    };
    if fill(&mut place.bytes, &part, source)? {
        source.made_ready(place);
    }
    Ok(())
}

/// Where a piece's datagrams lie in their part.
fn within(piece: &Run) -> Range<usize> {
    let each = datagram(piece);
    let before = (piece.first() - 1) % shelf::blocks(each);
    let from = before as usize * each; // a part: some hundred blocks
    from..from + length(piece)
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

/// Puts a run's datagrams there; `false` where their data has to be waited for.
fn fill(bytes: &mut [u8], run: &Run, source: &mut Source) -> io::Result<bool> {
    let each = datagram(run);
    number(bytes, run);
    let mut offset = run.offset();
    for some in bytes.chunks_mut(SEGMENTS * each) {
        let data = (some.len() - some.len().div_ceil(each) * DATA_HEADER) as u64;
        if !read(some, each, source, offset)? {
            return Ok(false);
        }
        offset += data;
    }
    Ok(true)
}

/// The blocks' headers, room for their data behind each.
fn number(bytes: &mut [u8], run: &Run) {
    let datagrams = bytes.chunks_mut(datagram(run));
    for (datagram, block) in datagrams.zip(run.blocks()) {
        if let Some(header) = datagram.first_chunk_mut() {
            *header = data_header(block.number);
        }
    }
}

/// Reads the blocks' data to its places.
fn read(bytes: &mut [u8], each: usize, source: &mut Source, offset: u64) -> io::Result<bool> {
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

    use super::super::super::files::{Data, Stamp};
    use super::super::source::Larder;
    use super::*;
    use crate::transfer::run::Shape;

    fn shape(size: u64, blksize: u16) -> Shape {
        Shape { size, blksize }
    }

    /// The datagrams that leave.
    async fn sent(data: Data, piece: &Run) -> Vec<Vec<u8>> {
        sent_of(&mut Source::new(data, None, Larder::new()), piece).await
    }

    async fn sent_of(source: &mut Source, piece: &Run) -> Vec<Vec<u8>> {
        if let Some(sent) = at_once(source, piece, apart).unwrap() {
            return sent;
        }
        let least = usize::try_from(piece.bytes()).unwrap();
        source.fetch(piece.offset(), least).await.unwrap();
        at_once(source, piece, apart).unwrap().unwrap()
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

    /// Three transfers of one file: the first reads for itself, the second for all, the third nothing.
    #[tokio::test]
    async fn what_is_ready_for_all_is_the_same() {
        for (size, blksize) in [
            (1_000_000, 1468),
            (200_000, 512),
            (2_000, 8),
            (400_000, 65464),
        ] {
            let bytes: Vec<u8> = (0..size).map(|n: usize| (n / 7) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
            let (file, larder) = (Arc::new(file), Larder::new());
            let settled = Stamp {
                changed: (1, 0),
                size: size as u64,
                inode: 1,
                device: 1,
            };
            let new = || {
                Source::new(
                    Data::File(Arc::clone(&file)),
                    Some(settled),
                    Arc::clone(&larder),
                )
            };
            let mut sources = [(); 3].map(|()| new());
            let whole = shape(size as u64, blksize).run(1, u64::MAX).unwrap();
            for piece in pieces(&whole) {
                let expected = sent(Data::Memory(Bytes::from(bytes.clone())), &piece).await;
                for source in &mut sources {
                    assert!(sent_of(source, &piece).await == expected, "{piece:?}");
                }
                let ready = sources.each_ref().map(|source| source.ready().is_some());
                assert_eq!(ready[0..1], [false], "{piece:?}");
                assert_eq!(ready[1], ready[2], "{piece:?}");
            }
        }
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
            let blocks: Vec<_> = pieces(&run).flat_map(|piece| piece.blocks()).collect();
            assert_eq!(blocks, run.blocks().collect::<Vec<_>>());
        }
    }
}
