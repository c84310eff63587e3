//! `Range` → the span of bytes to send (RFC 9110 section 14).
//!
//! One range is served: `a-b`, `a-` or `-n`. Several ranges get the whole body, which the RFC
//! allows and every client must take; firmware never asks for several. Whatever is not valid is as
//! if it were not there.

use hyper::header::{HeaderMap, RANGE};

/// Bytes of a body, one or more; always inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// How many bytes.
    pub len: u64,
}

/// What a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// No valid single range: everything.
    Whole,
    /// This part.
    Part(Span),
    /// A valid range that begins past the end.
    Unsatisfiable,
}

/// Reads the `Range` header for a body of `len` bytes.
pub fn parse(headers: &HeaderMap, len: u64) -> Asked {
    let mut lines = headers.get_all(RANGE).iter();
    match (lines.next(), lines.next()) {
        (Some(only), None) => only
            .to_str()
            .ok()
            .and_then(single)
            .map_or(Asked::Whole, |(first, last)| span(first, last, len)),
        _ => Asked::Whole,
    }
}

/// The two sides of the only range; `None` where there are several or none.
fn single(value: &str) -> Option<(&str, &str)> {
    let (unit, set) = value.split_once('=')?;
    let mut ranges = set.split(',').map(str::trim).filter(|r| !r.is_empty());
    let only = ranges.next()?;
    let alone = ranges.next().is_none() && unit.trim().eq_ignore_ascii_case("bytes");
    only.split_once('-').filter(|_| alone)
}

fn span(first: &str, last: &str, len: u64) -> Asked {
    match (number(first), number(last)) {
        (None, Some(count)) if first.is_empty() => suffix(count, len),
        (Some(start), None) if last.is_empty() => between(start, u64::MAX, len),
        (Some(start), Some(end)) if start <= end => between(start, end, len),
        _ => Asked::Whole,
    }
}

fn suffix(count: u64, len: u64) -> Asked {
    let count = count.min(len);
    match (count, len) {
        (_, 0) => Asked::Whole,
        (0, _) => Asked::Unsatisfiable,
        _ => Asked::Part(Span {
            start: len - count,
            len: count,
        }),
    }
}

fn between(start: u64, end: u64, len: u64) -> Asked {
    if start >= len {
        return Asked::Unsatisfiable;
    }
    Asked::Part(Span {
        start,
        len: end.saturating_add(1).min(len) - start,
    })
}

/// Digits → number; one that is too large is as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(value: &str, len: u64) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, value.parse().unwrap());
        parse(&headers, len)
    }

    fn part(start: u64, len: u64) -> Asked {
        Asked::Part(Span { start, len })
    }

    #[test]
    fn ranges_of_ten_bytes() {
        for (value, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-4", part(2, 3)),
            ("bytes=2-", part(2, 8)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=9-99", part(9, 1)),
            ("BYTES= 1-2 ,", part(1, 2)),
            ("bytes=0-18446744073709551615", part(0, 10)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=99999999999999999999999-", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=4-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=1 - 2", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=--1", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("bytes", Asked::Whole),
            ("lines=0-1", Asked::Whole),
        ] {
            assert_eq!(asked(value, 10), expected, "{value}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_part() {
        assert_eq!(asked("bytes=0-", 0), Asked::Unsatisfiable);
        assert_eq!(asked("bytes=-5", 0), Asked::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_leaves_the_body(
            value in "bytes=[0-9]{0,21}-[0-9]{0,21}", len in any::<u64>(),
        ) {
            if let Asked::Part(span) = asked(&value, len) {
                prop_assert!(span.len > 0);
                prop_assert!(span.start.checked_add(span.len).is_some_and(|end| end <= len));
            }
        }
    }
}
