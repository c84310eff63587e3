//! MAC patterns: `a4:bb:6d:*`, where `*` stands for any run of characters of the address as it is
//! written with colons and small letters. Nearly all are prefixes and are found by hash.

use std::fmt;
use std::sync::Arc;

use crate::wire::glob::matches;

/// A MAC address with `*` in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacPattern(Arc<str>);

impl MacPattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase().replace('-', ":");
        let groups: Vec<String> = text.split(':').map(padded).collect();
        let stray = |c: char| !(c.is_ascii_hexdigit() || c == '*');
        let too_long = |g: &String| g.bytes().filter(u8::is_ascii_hexdigit).count() > 2;
        if !text.contains('*') {
            Err("has no * and is no address")
        } else if text.contains("**") {
            Err("has ** where one * says the same")
        } else if groups.iter().any(|g| g.contains(stray) || g.is_empty()) {
            Err("holds more than hexadecimal digits, colons and *")
        } else if groups.iter().any(too_long) || groups.len() > crate::wire::Mac::MAX {
            Err("has a group of more than two digits")
        } else {
            Ok(Self(whole_groups(groups.join(":")).into()))
        }
    }

    /// The text before the only `*`, where that stands at the end.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*').filter(|p| !p.contains('*'))
    }

    /// How specific it is: more fixed digits, then a prefix before any other pattern. Never 0.
    pub(super) fn grade(&self) -> u8 {
        let digits = self.0.bytes().filter(u8::is_ascii_hexdigit).count() as u8;
        1 + 2 * digits + u8::from(self.prefix().is_some())
    }

    /// Whether it matches an address written with colons and small letters.
    pub(super) fn matches(&self, mac: &str) -> bool {
        match self.prefix() {
            Some(prefix) => mac.starts_with(prefix),
            None => matches(self.0.as_bytes(), mac.as_bytes()),
        }
    }

    /// Whether there can be an address that both match.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        overlap(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl fmt::Display for MacPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `0` in a group of its own is `00`, as in a whole address.
fn padded(group: &str) -> String {
    match group.as_bytes() {
        [digit] if digit.is_ascii_hexdigit() => format!("0{group}"),
        _ => group.to_owned(),
    }
}

/// `a4:bb*` says the same as `a4:bb:*`; one spelling of it lets equal patterns be equal.
fn whole_groups(pattern: String) -> String {
    match pattern.strip_suffix('*') {
        Some(prefix) if prefix.len() % 3 == 2 && !prefix.contains('*') => format!("{prefix}:*"),
        _ => pattern,
    }
}

/// Whether some text matches both, by the table of all pairs of ends of `a` and `b`, last first.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    let star = |p: &[u8]| p.first() == Some(&b'*');
    // below[j]: whether a[i+1..] and b[j..] overlap; row[j]: the same for a[i..].
    let mut below: Vec<bool> = Vec::new();
    for i in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            let (x, y) = (
                a.get(i..).unwrap_or_default(),
                b.get(j..).unwrap_or_default(),
            );
            let down = below.get(j).copied().unwrap_or(false);
            let right = row.get(j + 1).copied().unwrap_or(false);
            let both = below.get(j + 1).copied().unwrap_or(false);
            let same = !x.is_empty() && x.first() == y.first();
            let meet = (x.is_empty() && y.is_empty())
                || (star(x) && (down || right))
                || (star(y) && (down || right))
                || (same && both);
            if let Some(cell) = row.get_mut(j) {
                *cell = meet;
            }
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> MacPattern {
        MacPattern::parse(text).unwrap()
    }

    #[test]
    fn patterns_match_the_written_address() {
        let mac = "a4:bb:6d:00:12:34";
        for (text, matching) in [
            ("a4:bb:6d:*", true),
            ("A4-BB-6D-*", true),
            ("a4:bb:6d:0:*", true),
            ("*:34", true),
            ("*:12:*", true),
            ("a4:*:34", true),
            ("*", true),
            ("a4:bb:6*", true),
            ("a4:bb:6e:*", false),
            ("*:35", false),
            ("a4:*:12", false),
        ] {
            assert_eq!(pattern(text).matches(mac), matching, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "a4:bb:6d",
            "a4:**",
            "xx:*",
            "a4bb:*",
            "a4::*",
            "",
            "{{ mac }}*",
            "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:*",
        ] {
            assert!(MacPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn longer_is_more_specific_and_a_prefix_before_the_rest() {
        let order = ["*", "*:a4", "a4:*", "a4:bb:*", "a4:bb:6*", "a4:bb:6d:*"];
        let grades: Vec<u8> = order.map(|t| pattern(t).grade()).to_vec();
        assert!(grades.is_sorted_by(|a, b| a < b), "{grades:?}");
        assert!(grades[0] > 0);
    }

    proptest! {
        #[test]
        fn the_two_matchers_are_the_plain_definition(pattern in "[ab*]{0,6}", text in "[ab]{0,6}") {
            fn plain(p: &[u8], t: &[u8]) -> bool {
                match (p, t) {
                    ([], []) => true,
                    ([b'*', rest @ ..], _) => plain(rest, t) || matches!(t, [_, more @ ..] if plain(p, more)),
                    ([x, rest @ ..], [y, more @ ..]) => x == y && plain(rest, more),
                    _ => false,
                }
            }
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), plain(pattern.as_bytes(), text.as_bytes()));
            // A text is the pattern that only it matches.
            prop_assert_eq!(overlap(pattern.as_bytes(), text.as_bytes()), plain(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn patterns_that_share_an_address_overlap(a in "[ab*]{0,5}", b in "[ab*]{0,5}", text in "[ab]{0,5}") {
            if matches(a.as_bytes(), text.as_bytes()) && matches(b.as_bytes(), text.as_bytes()) {
                prop_assert!(overlap(a.as_bytes(), b.as_bytes()));
            }
            prop_assert_eq!(overlap(a.as_bytes(), b.as_bytes()), overlap(b.as_bytes(), a.as_bytes()));
        }
    }
}
