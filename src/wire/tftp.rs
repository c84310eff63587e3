//! TFTP packets (RFC 1350) and their options (RFC 2347, 2348, 2349, 7440).
//!
//! Decoding is total and borrows from the packet. It is lenient where clients are known to be
//! sloppy: modes and option names in any case, a last string without its NUL, rubbish behind the
//! options. Encoding is strict: nothing stands behind the last NUL (EDK2 insists, facts E).
//!
//! Absent on purpose: what a name means (`tree`), and what of the options is granted (`transfer`).

mod options;

use std::fmt;

pub use options::Options;

/// Bytes before a DATA packet's payload: opcode and block number.
pub const DATA_HEADER: usize = 4;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ: send me this
    Read(Request<'a>),
    /// WRQ: take this from me
    Write(Request<'a>),
    /// A block of the file
    Data {
        /// Its number, modulo 65,536.
        block: u16,
        /// The payload.
        bytes: &'a [u8],
    },
    /// All blocks up to this number have arrived
    Ack(u16),
    /// The transfer is over
    Error {
        /// Why, as a number.
        code: ErrorCode,
        /// Why, in words; not necessarily UTF-8.
        text: &'a [u8],
    },
    /// The options granted (RFC 2347)
    Oack(Options),
}

/// The body of an RRQ or WRQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The name, as it came, without its NUL.
    pub name: &'a [u8],
    /// How the bytes are to be sent.
    pub mode: Mode,
    /// What it asks for beyond RFC 1350.
    pub options: Options,
}

/// How the bytes of a file are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As they are
    Octet,
    /// As text: line ends as CR LF, a bare CR as CR NUL
    Netascii,
}

/// The number in an ERROR packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// Not defined: see the text. Some clients end a probe with it (facts E).
    pub const UNDEFINED: Self = Self(0);
    /// File not found
    pub const NOT_FOUND: Self = Self(1);
    /// Access violation
    pub const ACCESS: Self = Self(2);
    /// Illegal TFTP operation
    pub const ILLEGAL: Self = Self(4);
    /// Unknown transfer: a packet from a port that has none
    pub const UNKNOWN_TRANSFER: Self = Self(5);
    /// Options refused (RFC 2347); EDK2 ends its size probe with it
    pub const OPTIONS: Self = Self(8);
}

/// Why bytes are no TFTP packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// It ends before it is complete.
    #[error("the packet ends too early")]
    Short,
    /// No such opcode.
    #[error("no TFTP opcode: {0}")]
    Opcode(u16),
    /// A request in a mode that is neither octet nor netascii.
    #[error("a request in an unknown mode")]
    Mode,
}

const RRQ: u16 = 1;
const WRQ: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

impl<'a> Packet<'a> {
    /// Reads one packet.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BadPacket> {
        let (opcode, body) = number(bytes)?;
        Ok(match opcode {
            RRQ => Self::Read(Request::decode(body)?),
            WRQ => Self::Write(Request::decode(body)?),
            OACK => Self::Oack(Options::decode(body)),
            DATA => {
                let (block, bytes) = number(body)?;
                Self::Data { block, bytes }
            }
            ACK => Self::Ack(number(body)?.0),
            ERROR => {
                let (code, rest) = number(body)?;
                let (text, _) = string(rest);
                let code = ErrorCode(code);
                Self::Error { code, text }
            }
            other => return Err(BadPacket::Opcode(other)),
        })
    }

    /// The packet's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Read(request) => request.encode(RRQ),
            Self::Write(request) => request.encode(WRQ),
            Self::Data { block, bytes } => [&data_header(*block)[..], bytes].concat(),
            Self::Ack(block) => [ACK.to_be_bytes(), block.to_be_bytes()].concat(),
            Self::Error { code, text } => {
                let head = [ERROR.to_be_bytes(), code.0.to_be_bytes()].concat();
                [&head[..], text, &[0]].concat()
            }
            Self::Oack(options) => {
                let mut out = OACK.to_be_bytes().to_vec();
                options.encode(&mut out);
                out
            }
        }
    }
}

/// What stands before the payload of a DATA packet.
pub const fn data_header(block: u16) -> [u8; DATA_HEADER] {
    let ([a, b], [c, d]) = (DATA.to_be_bytes(), block.to_be_bytes());
    [a, b, c, d]
}

impl<'a> Request<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, BadPacket> {
        let (name, rest) = string(body);
        let (mode, rest) = string(rest.ok_or(BadPacket::Short)?);
        Ok(Self {
            name,
            mode: Mode::decode(mode)?,
            options: Options::decode(rest.unwrap_or_default()),
        })
    }

    fn encode(&self, opcode: u16) -> Vec<u8> {
        let mut out = opcode.to_be_bytes().to_vec();
        for text in [self.name, self.mode.name().as_bytes()] {
            out.extend_from_slice(text);
            out.push(0);
        }
        self.options.encode(&mut out);
        out
    }
}

impl Mode {
    /// The word in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
        }
    }

    fn decode(word: &[u8]) -> Result<Self, BadPacket> {
        [Self::Octet, Self::Netascii]
            .into_iter()
            .find(|mode| word.eq_ignore_ascii_case(mode.name().as_bytes()))
            .ok_or(BadPacket::Mode)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.0)
    }
}

/// A big-endian number, and what follows it.
fn number(bytes: &[u8]) -> Result<(u16, &[u8]), BadPacket> {
    let (head, rest) = bytes.split_first_chunk().ok_or(BadPacket::Short)?;
    Ok((u16::from_be_bytes(*head), rest))
}

/// A string up to its NUL, and what follows the NUL; up to the end where there is none.
fn string(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|b| *b == 0) {
        Some(end) => (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..)),
        None => (bytes, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text with `|` for NUL.
    pub(super) fn nuls(text: &str) -> Vec<u8> {
        text.replace('|', "\0").into_bytes()
    }

    #[test]
    fn requests_of_firmware_on_record() {
        let edk2 = nuls("|\x01snponly.efi|octet|tsize|0|blksize|1468|windowsize|4|");
        let Ok(Packet::Read(request)) = Packet::decode(&edk2) else {
            panic!("an RRQ");
        };
        assert_eq!(request.name, b"snponly.efi");
        let options = Options {
            blksize: Some(1468),
            tsize: Some(0),
            windowsize: Some(4),
            timeout: None,
        };
        assert_eq!((request.mode, request.options), (Mode::Octet, options));
        let sloppy = nuls("|\x01a|OcTeT|BLKSIZE|512|tsize");
        let Ok(Packet::Read(request)) = Packet::decode(&sloppy) else {
            panic!("an RRQ");
        };
        assert_eq!(
            (request.mode, request.options.blksize),
            (Mode::Octet, Some(512))
        );
        assert!(matches!(
            Packet::decode(b"\0\x01a\0octet"),
            Ok(Packet::Read(_))
        ));
    }

    #[test]
    fn what_is_no_packet_says_why() {
        for (bytes, why) in [
            (&b""[..], BadPacket::Short),
            (b"\0", BadPacket::Short),
            (b"\0\x04\0", BadPacket::Short),
            (b"\0\x03", BadPacket::Short),
            (b"\0\x01name", BadPacket::Short),
            (b"\0\x01name\0", BadPacket::Mode),
            (b"\0\x01name\0mail\0", BadPacket::Mode),
            (b"\0\x07", BadPacket::Opcode(7)),
            (b"GET / HTTP/1.1", BadPacket::Opcode(0x4745)),
        ] {
            assert_eq!(Packet::decode(bytes), Err(why), "{bytes:?}");
        }
    }

    #[test]
    fn an_oack_ends_with_its_last_nul() {
        let options = Options {
            blksize: Some(1468),
            tsize: Some(100_000),
            ..Options::default()
        };
        assert_eq!(
            Packet::Oack(options).encode(),
            nuls("|\x06blksize|1468|tsize|100000|")
        );
    }

    fn without_nul(len: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(1..=255_u8, 0..len)
    }

    proptest! {
        #[test]
        fn a_request_reads_as_it_was_written(
            name in without_nul(80),
            netascii: bool,
            write: bool,
            options in options::tests::any_options(),
        ) {
            let mode = if netascii { Mode::Netascii } else { Mode::Octet };
            let request = Request { name: &name, mode, options };
            let packet = if write { Packet::Write(request) } else { Packet::Read(request) };
            let bytes = packet.encode();
            prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
        }

        #[test]
        fn the_others_read_as_they_were_written(
            block: u16,
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            text in without_nul(60),
            options in options::tests::any_options(),
        ) {
            let code = ErrorCode(block);
            for packet in [
                Packet::Data { block, bytes: &bytes },
                Packet::Ack(block),
                Packet::Error { code, text: &text },
                Packet::Oack(options),
            ] {
                let bytes = packet.encode();
                prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
            }
        }

        #[test]
        fn whatever_comes_is_read_or_refused(
            opcode in 0..9_u8,
            bytes in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let _ = Packet::decode(&bytes);
            let bytes = [&[0, opcode][..], &bytes].concat();
            if let Ok(packet) = Packet::decode(&bytes) {
                let again = packet.encode();
                prop_assert_eq!(Packet::decode(&again), Ok(packet));
            }
        }
    }
}
