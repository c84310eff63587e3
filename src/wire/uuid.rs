//! A machine's UUID as option 97 carries it (RFC 4578 section 2.3).
//!
//! Firmware sends the SMBIOS bytes, whose first three fields are little-endian, and people read
//! what `dmidecode` prints. Some firmware swaps them first, so a profile's UUID is compared in
//! both orders ([`Uuid::swapped`]). Absent, all-0 and all-FF are no identity (quirks 1 and 23).

use std::fmt;
use std::str::FromStr;

/// 16 bytes in wire order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// From option 97: a type byte (0) and 16 bytes. `None` where it names no machine.
    pub fn from_option_97(data: &[u8]) -> Option<Self> {
        let bytes: [u8; 16] = data.get(1..17)?.try_into().ok()?;
        let sane = !bytes.iter().all(|b| *b == 0) && !bytes.iter().all(|b| *b == 0xff);
        (data.first() == Some(&0) && sane).then_some(Self(bytes))
    }

    /// The same UUID with its first three fields in the other byte order.
    #[must_use]
    pub fn swapped(self) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0;
        let [i, j, k, l, m, n, o, p] = rest;
        Self([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
    }

    /// The same for both byte orders of one machine's UUID: the smaller of the two.
    #[must_use]
    pub fn canonical(self) -> Self {
        self.min(self.swapped())
    }

    /// The 16 bytes as four numbers, least significant byte first.
    pub fn words(&self) -> [u32; 4] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(u32::from_le_bytes)
    }

    /// The 16 bytes in wire order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Uuid {
    /// As `dmidecode` and iPXE's `${uuid}` print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.swapped().0.iter().enumerate() {
            let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

/// The text is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no UUID; write it as dmidecode -s system-uuid prints it")]
pub struct BadUuid(pub String);

impl FromStr for Uuid {
    type Err = BadUuid;

    fn from_str(text: &str) -> Result<Self, BadUuid> {
        parse(text).ok_or_else(|| BadUuid(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Uuid> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = u128::from_str_radix(&digits, 16).ok()?;
    Some(Uuid(value.to_be_bytes()).swapped())
}

impl serde::Serialize for Uuid {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "b8945908-d6a6-41a9-611d-74a6ab80b83d";

    #[test]
    fn text_and_wire_agree_as_dmidecode_shows_them() {
        let uuid: Uuid = TEXT.parse().unwrap();
        assert_eq!(
            uuid.as_bytes()[..8],
            [0x08, 0x59, 0x94, 0xb8, 0xa6, 0xd6, 0xa9, 0x41]
        );
        assert_eq!(uuid.to_string(), TEXT);
        assert_eq!(uuid.swapped().swapped(), uuid);
    }

    #[test]
    fn useless_values_are_no_identity() {
        let option = |byte| [&[0][..], &[byte; 16]].concat();
        assert_eq!(Uuid::from_option_97(&option(0)), None);
        assert_eq!(Uuid::from_option_97(&option(0xff)), None);
        assert_eq!(Uuid::from_option_97(&[]), None);
        assert_eq!(Uuid::from_option_97(&[0; 16]), None);
        assert!(Uuid::from_option_97(&option(7)).is_some());
        assert!(
            Uuid::from_option_97(&[&[1][..], &[7; 16]].concat()).is_none(),
            "type 1 is not a GUID"
        );
    }

    #[test]
    fn bad_text_is_refused() {
        for text in [
            "",
            "b8945908",
            "b8945908-d6a6-41a9-611d-74a6ab80b83g",
            "+8945908-d6a6-41a9-611d-74a6ab80b83d",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }
}
