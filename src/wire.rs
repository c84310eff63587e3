//! Bytes ↔ values. Everything here is total: any input gives a value or a reason, never a panic,
//! and costs no more than its own length.
//!
//! * [`path`]: what a client wrote as a name → a clean relative path
//! * [`mac`], [`uuid`], [`arch`]: the identities that packets carry
//! * [`dhcp`]: DHCPv4 messages, decoded by our own TLV pass, encoded in a chosen order
//! * [`pxe`]: options 43, 60, 77, 93, 94, 97 and 175
//! * [`relay`]: what relay agents add (option 82)
//! * [`glob`]: text with `*` in it
//! * [`ether`], [`frame`]: Ethernet, IPv4 and UDP headers around a payload; [`link`]: what captures have
//!   before them
//! * [`tlv`]: fields with a tag and a length, which options are made of
//! * [`tftp`]: TFTP packets
//! * [`arp`], [`echo`]: whether an address is in use
//!
//! Absent on purpose: sockets, the clock, and any opinion about what to answer.

pub mod arch;
pub mod arp;
pub mod dhcp;
pub mod echo;
pub mod ether;

pub mod frame;
pub mod link;

pub mod glob;

pub mod mac;
pub mod pxe;

pub mod tftp;
pub mod tlv;

pub mod relay;
pub mod uuid;

pub mod path;

pub use arch::{Arch, ArchFilter, Platform};
pub use mac::Mac;
pub use path::{BadPath, CleanPath};
pub use uuid::Uuid;

/// Bytes as hex digits, two each, with blanks between.
pub fn hex(bytes: &[u8]) -> String {
    hex_between(bytes, " ")
}

/// Bytes as hex digits, two each, with nothing between.
pub fn hex_digits(bytes: &[u8]) -> String {
    hex_between(bytes, "")
}

fn hex_between(bytes: &[u8], between: &str) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2 + between.len()));
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 {
            out.push_str(between);
        }
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out
}

/// Of half a byte.
fn digit(half: u8) -> char {
    char::from_digit(half.into(), 16).unwrap_or('?')
}

/// Pairs of hexadecimal digits, with blanks, colons or dashes between them or without; `None`: it
/// is something else.
pub fn from_hex(word: &str) -> Option<Vec<u8>> {
    let parts = word.split([' ', ':', '-', '\n']).filter(|p| !p.is_empty());
    let mut bytes = Vec::new();
    for part in parts {
        let (pairs, rest) = part.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        for pair in pairs {
            let digit = |b: u8| char::from(b).to_digit(16);
            let [high, low] = pair.map(digit);
            bytes.push((high? << 4 | low?) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_with_and_without_separators() {
        for (word, bytes) in [
            ("01 02 ff", Some(&[1, 2, 255][..])),
            ("01:02:FF", Some(&[1, 2, 255])),
            ("0102ff", Some(&[1, 2, 255])),
            ("", Some(&[])),
            ("1", None),
            ("01 2", None),
            ("zz", None),
            ("+1", None),
        ] {
            assert_eq!(from_hex(word).as_deref(), bytes, "{word}");
        }
    }
}
