//! The options of a request or an OACK: `name NUL decimal NUL`, in any order and case.
//!
//! A value that is no number or out of its RFC's range counts as not asked, and so does an unknown
//! option; a block or window size above the range is asked as its largest, since a server may grant
//! less. The first of two equal names counts (RFC 2347 forbids the second).

use super::string;

/// The options that bootjack knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `blksize`: bytes of payload a block, 8 to 65,464 (RFC 2348).
    pub blksize: Option<u16>,
    /// `tsize`: bytes in all; 0 in a request (RFC 2349).
    pub tsize: Option<u64>,
    /// `timeout`: seconds until a packet is repeated, 1 to 255 (RFC 2349).
    pub timeout: Option<u8>,
    /// `windowsize`: blocks an acknowledgement, 1 to 65,535 (RFC 7440).
    pub windowsize: Option<u16>,
}

impl Options {
    /// The largest `blksize` (RFC 2348).
    pub const MAX_BLKSIZE: u16 = 65464;
    /// The smallest `blksize` (RFC 2348).
    pub const MIN_BLKSIZE: u16 = 8;

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Self {
        let mut options = Self::default();
        while let (name, Some(rest)) = string(bytes) {
            let (value, rest) = string(rest);
            options.take(name, decimal(value));
            bytes = rest.unwrap_or_default();
        }
        options
    }

    fn take(&mut self, name: &[u8], value: Option<u64>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("blksize") {
            self.blksize = self.blksize.or(value.and_then(blksize));
        } else if is("tsize") {
            self.tsize = self.tsize.or(value);
        } else if is("timeout") {
            self.timeout = self.timeout.or(value.and_then(timeout));
        } else if is("windowsize") {
            self.windowsize = self.windowsize.or(value.and_then(windowsize));
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let all = [
            ("blksize", self.blksize.map(u64::from)),
            ("tsize", self.tsize),
            ("timeout", self.timeout.map(u64::from)),
            ("windowsize", self.windowsize.map(u64::from)),
        ];
        for (name, value) in all {
            let Some(value) = value else { continue };
            out.extend_from_slice(name.as_bytes());
            out.push(0);
            out.extend_from_slice(value.to_string().as_bytes());
            out.push(0);
        }
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| str::from_utf8(text).ok()?.parse().ok())?
}

fn blksize(value: u64) -> Option<u16> {
    let value = u16::try_from(value).unwrap_or(u16::MAX);
    (value >= Options::MIN_BLKSIZE).then(|| value.min(Options::MAX_BLKSIZE))
}

fn timeout(value: u64) -> Option<u8> {
    u8::try_from(value).ok().filter(|seconds| *seconds > 0)
}

fn windowsize(value: u64) -> Option<u16> {
    let value = u16::try_from(value).unwrap_or(u16::MAX);
    (value > 0).then_some(value)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::nuls;
    use super::*;
    use proptest::prelude::*;

    fn decoded(text: &str) -> Options {
        Options::decode(&nuls(text))
    }

    pub(crate) fn any_options() -> impl Strategy<Value = Options> {
        let blksize = proptest::option::of(8..=65464_u16);
        let timeout = proptest::option::of(1..=255_u8);
        let windowsize = proptest::option::of(1..=65535_u16);
        let tsize = any::<Option<u64>>();
        (blksize, tsize, timeout, windowsize).prop_map(|(blksize, tsize, timeout, windowsize)| {
            Options {
                blksize,
                tsize,
                timeout,
                windowsize,
            }
        })
    }

    #[test]
    fn values_are_held_to_their_range() {
        for (text, blksize) in [
            ("7", None),
            ("8", Some(8)),
            ("65464", Some(65464)),
            ("65465", Some(65464)),
            ("99999999999999999999", None),
            ("-1", None),
            ("+9", None),
            ("", None),
            ("12a", None),
        ] {
            let options = decoded(&format!("blksize|{text}|"));
            assert_eq!(options.blksize, blksize, "{text}");
        }
        let others = decoded("timeout|0|windowsize|0|timeout|256|");
        assert!(others.is_empty());
        let largest = decoded("timeout|255|windowsize|70000|");
        assert_eq!(largest.timeout, Some(255));
        assert_eq!(largest.windowsize, Some(65535));
    }

    #[test]
    fn the_first_of_two_counts_and_strangers_are_passed_over() {
        let options = decoded("multicast||BlkSize|1000|x|y|blksize|2000|tsize|0");
        assert_eq!(options.blksize, Some(1000));
        assert_eq!(options.tsize, Some(0));
    }
}
