//! Hardware addresses as DHCP carries them: 1 to 16 bytes, nearly always 6.
//!
//! EDK2 may put its GUID into `chaddr` with `hlen` 16 (facts A), so the length is part of the value.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A client's hardware address, 1 to 16 bytes (RFC 2131 `chaddr`, `hlen`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac {
    len: u8,
    octets: [u8; 16],
}

/// As two numbers: tables of machines are looked into many times a packet, and this costs half of what the
/// bytes one by one would. Behind the address stand zeros.
impl Hash for Mac {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.octets));
        state.write_u8(self.len);
    }
}

impl Mac {
    /// The longest address that `chaddr` can hold, in bytes.
    pub const MAX: usize = 16;

    /// An address of 1 to 16 bytes; `None` for any other length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut octets = [0; Self::MAX];
        let room = octets.get_mut(..bytes.len())?;
        if bytes.is_empty() {
            return None;
        }
        room.copy_from_slice(bytes);
        Some(Self {
            len: bytes.len() as u8,
            octets,
        })
    }

    /// An Ethernet address.
    pub const fn ethernet(b: [u8; 6]) -> Self {
        let octets = [
            b[0], b[1], b[2], b[3], b[4], b[5], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        Self { len: 6, octets }
    }

    /// The address bytes, without padding.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The address as `chaddr` has it: zeros behind it.
    pub const fn padded(&self) -> [u8; Self::MAX] {
        self.octets
    }

    /// Whether a client identifier (option 61) says no more than this address: type 1 and its
    /// bytes (RFC 2132 9.14).
    pub fn is_identifier(&self, id: &[u8]) -> bool {
        matches!(id, [1, rest @ ..] if rest == self.as_bytes())
    }

    /// `52-54-00-12-34-56`: the form that pxelinux and GRUB put into file names.
    pub fn dashed(&self) -> String {
        self.to_string().replace(':', "-")
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written at once: a format for each byte was a seventh of the time of a decision.
        let mut text = [b':'; 3 * Self::MAX];
        for (room, byte) in text.chunks_exact_mut(3).zip(self.as_bytes()) {
            let digit = |n: u8| char::from_digit(n.into(), 16).map_or(b'?', |c| c as u8);
            if let [high, low, _] = room {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        let written = (3 * usize::from(self.len)).saturating_sub(1);
        let text = text.get(..written).and_then(|t| str::from_utf8(t).ok());
        f.write_str(text.unwrap_or_default())
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

/// The text is no hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no MAC address; write it as 52:54:00:12:34:56 (or with dashes)")]
pub struct BadMac(pub String);

impl FromStr for Mac {
    type Err = BadMac;

    /// Takes `:` or `-` between bytes, Cisco's `5254.0012.3456`, or bare hex.
    fn from_str(text: &str) -> Result<Self, BadMac> {
        parse(text).ok_or_else(|| BadMac(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Mac> {
    let bytes: Option<Vec<u8>> = if text.contains([':', '-']) {
        text.split([':', '-'])
            .map(|b| (b.len() <= 2).then(|| hex(b))?)
            .collect()
    } else {
        let digits: String = text.chars().filter(|c| *c != '.').collect();
        (digits.len().is_multiple_of(2) && digits.is_ascii()).then(|| {
            digits
                .as_bytes()
                .chunks(2)
                .map(|b| hex(str::from_utf8(b).ok()?))
                .collect()
        })?
    };
    bytes.filter(|b| b.len() >= 6).and_then(|b| Mac::new(&b))
}

fn hex(digits: &str) -> Option<u8> {
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u8::from_str_radix(digits, 16).ok())?
}

impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_is_the_same_address() {
        let mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        for text in [
            "52:54:00:12:34:56",
            "52-54-00-12-34-56",
            "5254.0012.3456",
            "525400123456",
            "52:54:0:12:34:56",
        ] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        assert_eq!(mac.to_string(), "52:54:00:12:34:56");
        assert_eq!(mac.dashed(), "52-54-00-12-34-56");
    }

    #[test]
    fn other_text_is_refused_with_the_text() {
        for text in [
            "",
            "52:54",
            "52:54:00:12:34:zz",
            "52:54:00:12:34:056",
            "+1:54:00:12:34:56",
            "52540012345",
            "ä2540012345",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(BadMac(text.into())), "{text}");
        }
    }

    #[test]
    fn sixteen_bytes_are_kept() {
        let guid: Vec<u8> = (1..=16).collect();
        assert_eq!(Mac::new(&guid).unwrap().as_bytes(), guid);
        assert_eq!(Mac::new(&[]), None);
        assert_eq!(Mac::new(&[0; 17]), None);
    }
}
