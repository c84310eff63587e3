//! Netascii is honoured (RFC 1350 says so, tftp-hpa asks for it unless told otherwise, and converts
//! back): `\n` leaves as CR LF, a bare CR as CR NUL. The sizes of blocks then depend on the bytes
//! before them, so the whole body is converted in memory, up to [`LIMIT`]. Firmware never asks for it.

use std::io;

use bytes::Bytes;

use super::super::files::{Body, Data};
use super::source;

/// The largest body sent as netascii, in bytes: texts are small, and what is converted is held in
/// memory until it is sent.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// The body as netascii. The caller has held its length to [`LIMIT`].
pub(super) async fn converted(body: Body) -> io::Result<Body> {
    let plain = source::whole(body.data, body.len).await?;
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

    #[test]
    fn netascii_marks_line_ends_and_bare_returns() {
        assert_eq!(to_netascii(b"a\nb\r\nc\rd"), b"a\r\nb\r\0\r\nc\r\0d");
    }
}
