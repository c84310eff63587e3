//! A body → datagrams. Data is read straight to its place behind each block's header, so that a
//! piece of a window is one buffer of equal segments (what GSO takes).
//!
//! Netascii is honoured (RFC 1350 says so, tftp-hpa asks for it unless told otherwise, and converts
//! back): `\n` leaves as CR LF, a bare CR as CR NUL. The sizes of blocks then depend on the bytes
//! before them, so the whole body is converted in memory, up to [`NETASCII_LIMIT`]. Firmware never
//! asks for it.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::super::files::{Body, Data};
use super::super::sys::file::read_cached;
use crate::transfer::Run;
use crate::wire::tftp::{DATA_HEADER, data_header};

/// The largest body sent as netascii, in bytes: texts are small, and what is converted is held in
/// memory until it is sent.
pub(super) const NETASCII_LIMIT: u64 = 1024 * 1024;

/// The most bytes of datagrams prepared at once: what one UDP send with segmentation can carry.
const PIECE: u64 = 65_507;
/// The most blocks prepared at once: as many segments as the kernel takes (`UDP_MAX_SEGMENTS`).
const SEGMENTS: u64 = 64;

/// Datagrams in one buffer: equal lengths, but for the last.
pub(super) struct Datagrams {
    bytes: Vec<u8>,
    each: usize,
}

impl Datagrams {
    /// Each datagram, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.each)
    }

    /// The blocks' headers, room for their data behind each.
    fn of(run: &Run) -> Self {
        let each = DATA_HEADER + usize::from(run.blksize());
        let blocks = (run.last() - run.first() + 1) as usize; // a piece: SEGMENTS at most
        let bytes = vec![0; run.bytes() as usize + blocks * DATA_HEADER];
        let mut datagrams = Self { bytes, each };
        for (datagram, block) in datagrams.bytes.chunks_mut(each).zip(run.blocks()) {
            if let Some(header) = datagram.first_chunk_mut() {
                *header = data_header(block.number);
            }
        }
        datagrams
    }

    /// Where the blocks' data goes.
    fn payloads(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let datagrams = self.bytes.chunks_mut(self.each);
        datagrams.map(|datagram| datagram.get_mut(DATA_HEADER..).unwrap_or_default())
    }

    fn fill(&mut self, mut data: &[u8]) -> io::Result<()> {
        for payload in self.payloads() {
            let (head, rest) = data
                .split_at_checked(payload.len())
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            payload.copy_from_slice(head);
            data = rest;
        }
        Ok(())
    }
}

/// A run in pieces that [`datagrams`] takes.
pub(super) fn pieces(run: &Run) -> impl Iterator<Item = Run> + use<> {
    let each = DATA_HEADER as u64 + u64::from(run.blksize());
    run.pieces((PIECE / each).clamp(1, SEGMENTS))
}

/// The datagrams of a piece.
///
/// # Errors
/// `UnexpectedEof` where the file has become shorter than it was when it was opened.
pub(super) async fn datagrams(data: &Data, piece: &Run) -> io::Result<Datagrams> {
    let mut datagrams = Datagrams::of(piece);
    match data {
        Data::Memory(bytes) => datagrams.fill(slice(bytes, piece)?)?,
        Data::File(file) => {
            if !fill_cached(&mut datagrams, file, piece.offset())? {
                let cold = read_cold(Arc::clone(file), piece.offset(), piece.bytes()).await?;
                datagrams.fill(&cold)?;
            }
        }
    }
    Ok(datagrams)
}

fn slice<'a>(bytes: &'a Bytes, piece: &Run) -> io::Result<&'a [u8]> {
    let from = piece.offset() as usize; // within a body in memory
    bytes
        .get(from..from + piece.bytes() as usize)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn fill_cached(datagrams: &mut Datagrams, file: &File, offset: u64) -> io::Result<bool> {
    let mut parts: Vec<IoSliceMut<'_>> = datagrams.payloads().map(IoSliceMut::new).collect();
    Ok(read_cached(file, &mut parts, offset)?.is_some())
}

/// Reads where waiting for a disk holds up nobody.
async fn read_cold(file: Arc<File>, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let read = move || {
        let mut bytes = vec![0; len as usize]; // a piece: PIECE at most
        file.read_exact_at(&mut bytes, offset).map(|()| bytes)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(io::Error::other)?
}

/// The body as netascii. The caller has held its length to [`NETASCII_LIMIT`].
pub(super) async fn netascii(body: Body) -> io::Result<Body> {
    let plain = match body.data {
        Data::Memory(bytes) => bytes,
        Data::File(file) => read_cold(file, 0, body.len).await?.into(),
    };
    let bytes = Bytes::from(to_netascii(&plain));
    Ok(Body {
        len: bytes.len() as u64,
        data: Data::Memory(bytes),
        ..body
    })
}

fn to_netascii(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 16);
    for byte in plain {
        match byte {
            b'\n' => out.extend_from_slice(b"\r\n"),
            b'\r' => out.extend_from_slice(b"\r\0"),
            other => out.push(*other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::run::Shape;

    #[tokio::test]
    async fn datagrams_are_header_and_data_from_memory_and_from_a_file_alike() {
        let bytes: Vec<u8> = (0..200_u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let shape = Shape {
            size: 200,
            blksize: 64,
        };
        let run = shape.run(2, 9).unwrap();
        let sources = [
            Data::Memory(Bytes::from(bytes.clone())),
            Data::File(Arc::new(file)),
        ];
        for data in sources {
            let got = datagrams(&data, &run).await.unwrap();
            let expected: Vec<Vec<u8>> = [(2, 64..128), (3, 128..192), (4, 192..200)]
                .into_iter()
                .map(|(n, range)| [&[0, 3, 0, n], &bytes[range]].concat())
                .collect();
            assert_eq!(got.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_not_cached_is_read_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[1, 2, 3, 4, 5]).unwrap();
        let cold = read_cold(Arc::new(file), 1, 3).await.unwrap();
        assert_eq!(cold, [2, 3, 4]);
    }

    #[tokio::test]
    async fn an_empty_last_block_is_a_header() {
        let shape = Shape {
            size: 64,
            blksize: 64,
        };
        let data = Data::Memory(Bytes::from(vec![7; 64]));
        let got = datagrams(&data, &shape.run(2, 2).unwrap()).await.unwrap();
        assert_eq!(got.iter().collect::<Vec<_>>(), [[0, 3, 0, 2]]);
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        let shape = Shape {
            size: 100,
            blksize: 64,
        };
        let data = Data::File(Arc::new(file));
        let got = datagrams(&data, &shape.run(1, 2).unwrap()).await;
        let error = got.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn pieces_fit_one_send() {
        for blksize in [8, 512, 1468, 9000, 65464] {
            let size = 10_000_000;
            let run = Shape { size, blksize }.run(1, 64).unwrap();
            for piece in pieces(&run) {
                let datagrams = Datagrams::of(&piece);
                assert!(datagrams.iter().count() <= 64);
                assert!(datagrams.bytes.len() <= 65_507.max(usize::from(blksize) + 4));
            }
        }
    }

    #[test]
    fn netascii_marks_line_ends_and_bare_returns() {
        assert_eq!(to_netascii(b"a\nb\r\nc\rd"), b"a\r\nb\r\0\r\nc\r\0d");
    }
}
