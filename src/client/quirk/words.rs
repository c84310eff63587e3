//! The small languages inside single values of a row: beginnings of addresses, text with `*`, UNDI
//! versions.

use crate::wire::{Mac, glob};

/// How a hardware address begins: 1 to 16 whole bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacPrefix(Box<[u8]>);

impl MacPrefix {
    /// `b8:27:eb`, `b8:27:eb:*`, `B8-27-EB`, or a whole address.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('*').trim_end_matches([':', '-']);
        let byte = |group: &str| {
            let plain = group.len() == 2 && group.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u8::from_str_radix(group, 16).ok())?
        };
        let bytes: Option<Vec<u8>> = text.split([':', '-']).map(byte).collect();
        bytes
            .filter(|b| b.len() <= Mac::MAX)
            .map(|b| Self(b.into()))
    }

    /// How it begins.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this address begins so.
    pub fn begins(&self, mac: Mac) -> bool {
        mac.as_bytes().starts_with(&self.0)
    }
}

/// Text in which `*` stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Box<str>);

impl Glob {
    /// The longest pattern, in bytes.
    pub const MAX: usize = crate::client::MAX_CLASS;

    /// A pattern that is neither empty nor too long.
    pub fn parse(text: &str) -> Option<Self> {
        (1..=Self::MAX)
            .contains(&text.len())
            .then(|| Self(text.into()))
    }

    /// What stands before the first `*`.
    pub fn beginning(&self) -> &str {
        self.0.split('*').next().unwrap_or_default()
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text that begins so can match.
    pub fn may_begin(&self, with: &[u8]) -> bool {
        let (own, open) = (self.beginning().as_bytes(), self.0.contains('*'));
        own.starts_with(with) || (open && with.starts_with(own))
    }

    /// Whether it is the whole text.
    pub fn matches(&self, text: &str) -> bool {
        glob::matches(self.0.as_bytes(), text.as_bytes())
    }
}

/// UNDI versions from the first to the last, major before minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndiRange {
    first: (u8, u8),
    last: (u8, u8),
}

impl UndiRange {
    /// `2.1`, `2` (every 2.x), `2.0-2.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (version(first, 0)?, version(last, u8::MAX)?);
        (first <= last).then_some(Self { first, last })
    }

    /// Whether it is one of them.
    pub fn holds(self, version: (u8, u8)) -> bool {
        (self.first..=self.last).contains(&version)
    }
}

/// `2.1`, or `2` with this minor version.
fn version(text: &str, minor: u8) -> Option<(u8, u8)> {
    match text.trim().split_once('.') {
        Some((major, minor)) => Some((major.parse().ok()?, minor.parse().ok()?)),
        None => Some((text.trim().parse().ok()?, minor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_addresses() {
        let pi: Mac = "b8:27:eb:01:02:03".parse().unwrap();
        for (text, begins) in [
            ("b8:27:eb", Some(true)),
            ("B8-27-EB-*", Some(true)),
            ("b8:27:eb:01:02:03", Some(true)),
            ("b8:27:ec", Some(false)),
            ("b8:2", None),
            ("", None),
            ("*", None),
            ("b8:27:xx", None),
        ] {
            assert_eq!(
                MacPrefix::parse(text).map(|p| p.begins(pi)),
                begins,
                "{text}"
            );
        }
    }

    #[test]
    fn undi_versions() {
        for (text, version, held) in [
            ("2.1", (2, 1), Some(true)),
            ("2.1", (2, 0), Some(false)),
            ("2", (2, 9), Some(true)),
            ("2.0-2.1", (2, 1), Some(true)),
            ("3", (2, 1), Some(false)),
            ("2.1-2.0", (2, 1), None),
            ("two", (2, 1), None),
            ("300", (2, 1), None),
        ] {
            let range = UndiRange::parse(text);
            assert_eq!(range.map(|r| r.holds(version)), held, "{text} {version:?}");
        }
    }
}
