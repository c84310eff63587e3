//! What a client wrote → a clean relative path (facts E "Paths", quirks 15 and 44).
//!
//! `\` → `/`, `//` and `/./` collapse, leading `/` goes, the text ends at NUL, trailing bytes that
//! are no printable text are cut. `..` is refused: it is never needed and always an attempt.

use std::fmt;

/// A relative path: not empty, no `..`, no `.`, no empty part, no NUL, `/` between parts.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CleanPath(String);

/// The longest path served, in bytes.
pub const MAX_PATH: usize = 512;

/// Why a name is no path in the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing is left after cleaning.
    #[error("empty name")]
    Empty,
    /// It has a `..` part.
    #[error("the name leads out of the tree")]
    Escape,
    /// Longer than [`MAX_PATH`].
    #[error("the name is longer than 512 bytes")]
    TooLong,
    /// Not UTF-8, or control characters inside.
    #[error("the name has bytes that are no text")]
    NotText,
}

impl CleanPath {
    /// Cleans what a client sent.
    pub fn new(raw: &[u8]) -> Result<Self, BadPath> {
        let raw = raw.split(|b| *b == 0).next().unwrap_or_default();
        if raw.len() > MAX_PATH {
            return Err(BadPath::TooLong);
        }
        let text = text(trim_garbage(raw))?;
        if text.chars().any(char::is_control) {
            return Err(BadPath::NotText);
        }
        let parts: Vec<&str> = text
            .split(['/', '\\'])
            .filter(|p| !p.is_empty() && *p != ".")
            .collect();
        if parts.contains(&"..") {
            return Err(BadPath::Escape);
        }
        if parts.is_empty() {
            Err(BadPath::Empty)
        } else {
            Ok(Self(parts.join("/")))
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name in the folder of this one; `None` where the name is no path.
    pub fn sibling(&self, name: &str) -> Option<Self> {
        let sibling = match self.0.rsplit_once('/') {
            Some((folder, _)) => Self::new(format!("{folder}/{name}").as_bytes()),
            None => Self::new(name.as_bytes()),
        };
        sibling.ok()
    }

    /// The first part, and the rest where there is one.
    pub fn split_first(&self) -> (&str, Option<Self>) {
        match self.0.split_once('/') {
            Some((first, rest)) => (first, Some(Self(rest.to_owned()))),
            None => (&self.0, None),
        }
    }
}

/// The name; what is behind it may be no text in any other way too (quirk 15: five bytes of it are
/// on record). Between the letters of a name it is no name.
fn text(raw: &[u8]) -> Result<&str, BadPath> {
    let error = match str::from_utf8(raw) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let (name, rest) = raw.split_at(error.valid_up_to());
    if rest.iter().any(u8::is_ascii_graphic) {
        return Err(BadPath::NotText);
    }
    str::from_utf8(trim_garbage(name)).map_err(|_| BadPath::NotText)
}

/// Old ROMs read option 67 past its end and ask for `name\xff` (quirk 15).
fn trim_garbage(raw: &[u8]) -> &[u8] {
    let end = raw
        .iter()
        .rposition(|b| (0x21..0x7f).contains(b) || (0x80..0xf5).contains(b));
    raw.get(..end.map_or(0, |i| i + 1)).unwrap_or_default()
}

impl fmt::Display for CleanPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CleanPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_firmware_become_one_path() {
        for (raw, clean) in [
            (&b"pxelinux.0"[..], "pxelinux.0"),
            (b"/pxelinux.0", "pxelinux.0"),
            (b"//grubx64.efi", "grubx64.efi"),
            (b"\\Boot\\BCD", "Boot/BCD"),
            (b"./a/./b//c", "a/b/c"),
            (b"undionly.kpxe\xff", "undionly.kpxe"),
            (b"undionly.kpxe\x01\xff\xff", "undionly.kpxe"),
            (b"undionly.kpxe\x80", "undionly.kpxe"),
            (b"undionly.kpxe \xfe\x9b\xe2", "undionly.kpxe"),
            (b"name\0junk", "name"),
            ("öl/x".as_bytes(), "öl/x"),
        ] {
            assert_eq!(
                CleanPath::new(raw).map(|p| p.0),
                Ok(clean.to_owned()),
                "{raw:?}"
            );
        }
    }

    #[test]
    fn siblings_stay_in_the_folder() {
        let of = |path: &str, name| CleanPath::new(path.as_bytes()).unwrap().sibling(name);
        let clean = |path: &str| CleanPath::new(path.as_bytes()).ok();
        assert_eq!(of("a/b/shim.efi", "grub/x"), clean("a/b/grub/x"));
        assert_eq!(of("shim.efi", "grub.efi"), clean("grub.efi"));
        assert_eq!(of("a/shim.efi", "../b"), None);
    }

    #[test]
    fn escapes_and_rubbish_are_refused() {
        assert_eq!(CleanPath::new(b"../etc/passwd"), Err(BadPath::Escape));
        assert_eq!(CleanPath::new(b"a/..\\..\\b"), Err(BadPath::Escape));
        assert_eq!(CleanPath::new(b""), Err(BadPath::Empty));
        assert_eq!(CleanPath::new(b"///"), Err(BadPath::Empty));
        assert_eq!(CleanPath::new(b"\0x"), Err(BadPath::Empty));
        assert_eq!(CleanPath::new(b"a\nb"), Err(BadPath::NotText));
        assert_eq!(CleanPath::new(b"a\xc3(b"), Err(BadPath::NotText));
        assert_eq!(CleanPath::new(b"\xff\x80"), Err(BadPath::Empty));
        assert_eq!(CleanPath::new(&[b'a'; 513]), Err(BadPath::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_comes_a_clean_path_stays_inside(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(path) = CleanPath::new(&raw) {
                prop_assert!(!path.as_str().starts_with('/'));
                prop_assert!(path.as_str().split('/').all(|p| !p.is_empty() && p != "." && p != ".."));
                prop_assert_eq!(CleanPath::new(path.as_str().as_bytes()), Ok(path));
            }
        }
    }
}
