//! YAML text → a tree of values, each with its place in the file.
//!
//! The tree stands between the YAML library and the [`super::section`], because a derived shape stops
//! at its first mistake and an operator wants to see all of them. A scalar keeps the text as written:
//! `1.10` stays `1.10` and `000000123456` keeps its zeros. Keys that are given twice stay both in the
//! tree ([`super::twice`] tells of them). Aliases without anchor, unknown tags and a second document
//! are refused; size, depth and alias replay are bounded, so a file costs no more than its length.
//! Absent on purpose: what any key means.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Options, Spanned};

use super::syntax::{self, Problem};

/// A place in a file: 1-based line and column, in characters; 0:0 is the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// 1-based line.
    pub line: u32,
    /// 1-based column.
    pub column: u32,
}

/// One value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// Where it is used (for an alias: the alias).
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// What a [`Node`] is.
#[derive(Debug)]
pub enum Value {
    /// Nothing after the key, or `null`.
    Null,
    /// Any single value: text, number, truth.
    Scalar {
        /// Its text, quotes and escapes resolved; of a plain scalar as it is written.
        text: String,
        /// The bytes of the file that it came from.
        raw: Range<usize>,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug)]
pub struct Key {
    /// Where it stands.
    pub at: At,
    /// Its text.
    pub text: String,
}

/// The longest file, in bytes: room for half a million MAC lines.
pub const MAX_FILE: usize = 16 << 20;
/// The most keys and values of a file.
pub(super) const MAX_NODES: usize = 1 << 20;
/// The deepest nesting.
pub(super) const MAX_DEPTH: usize = 16;
/// The most `&` and `*` of a file.
pub(super) const MAX_ALIASES: usize = 1024;
/// The most that all `*` of a file may repeat.
pub(super) const MAX_REPLAYED: usize = 1 << 18;

/// A kind of file.
#[derive(Debug)]
pub struct FileKind {
    /// What a file holds.
    pub what: &'static str,
    /// The most bytes it may have.
    pub most: usize,
    /// What to do about a file that holds too much.
    pub too_much: &'static str,
    /// What to do about a second document in it.
    pub second: &'static str,
}

/// The tree of one file's only document.
///
/// # Errors
/// The first thing that is no YAML, or more of it than a file may hold.
pub fn parse(text: &str, kind: &FileKind) -> Result<Node, Problem> {
    let read = serde_saphyr::from_str_with_options::<Raw>(text, options());
    read.map(|raw| raw.into_node(text))
        .map_err(|e| syntax::problem(&e, text, kind))
}

/// How the library is to read a file: bounded, and strict.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        emit_comments: false,
        with_snippet: false,
    }
}

impl Node {
    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(fields) = &self.value else {
            return None;
        };
        let found = fields.iter().find(|(name, _)| name.text == key);
        found.map(|(_, node)| node)
    }
}

impl At {
    /// The place that the YAML library names.
    pub fn of(location: serde_saphyr::Location) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: number(location.line()),
            column: number(location.column()),
        }
    }
}

/// What the library hands us: of a plain scalar that is no text only its place is kept, since the
/// number it was turned into has lost the spelling.
struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    Text(String),
    AsWritten,
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn into_node(self, source: &str) -> Node {
        let span = self.0.defined.span();
        let start = span.byte_offset().unwrap_or_default() as usize;
        let raw = start..start + span.byte_len().unwrap_or_default() as usize;
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Text(text) => Value::Scalar { text, raw },
            RawValue::AsWritten => Value::Scalar {
                text: source.get(raw.clone()).unwrap_or_default().to_owned(),
                raw,
            },
            RawValue::List(items) => {
                Value::List(items.into_iter().map(|n| n.into_node(source)).collect())
            }
            RawValue::Map(fields) => {
                let field =
                    |(key, value): (Spanned<String>, Self)| (Key::of(key), value.into_node(source));
                Value::Map(fields.into_iter().map(field).collect())
            }
        };
        Node {
            at: At::of(self.0.referenced),
            value,
        }
    }
}

impl Key {
    fn of(key: Spanned<String>) -> Self {
        Self {
            at: At::of(key.referenced),
            text: key.value,
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<RawValue, E> {
        Ok(RawValue::AsWritten)
    }

    fn visit_i64<E>(self, _: i64) -> Result<RawValue, E> {
        Ok(RawValue::AsWritten)
    }

    fn visit_u64<E>(self, _: u64) -> Result<RawValue, E> {
        Ok(RawValue::AsWritten)
    }

    fn visit_i128<E>(self, _: i128) -> Result<RawValue, E> {
        Ok(RawValue::AsWritten)
    }

    fn visit_u128<E>(self, _: u128) -> Result<RawValue, E> {
        Ok(RawValue::AsWritten)
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawValue, E> {
        Ok(RawValue::AsWritten)
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = fields.next_key()? {
            map.push((key, fields.next_value()?));
        }
        Ok(RawValue::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const PROFILE: FileKind = FileKind {
        what: "profile",
        most: MAX_FILE,
        too_much: "split it",
        second: "put it into a file of its own",
    };

    fn show(node: &Node) -> String {
        let At { line, column } = node.at;
        let value = match &node.value {
            Value::Null => "null".into(),
            Value::Scalar { text, .. } => format!("{text:?}"),
            Value::List(items) => items.iter().map(show).collect::<Vec<_>>().join(" "),
            Value::Map(fields) => {
                let field = |(k, v): &(Key, Node)| {
                    format!("{}@{}:{}={}", k.text, k.at.line, k.at.column, show(v))
                };
                fields.iter().map(field).collect::<Vec<_>>().join(" ")
            }
        };
        format!("{line}:{column} {value}")
    }

    #[test]
    fn scalars_keep_their_spelling_and_their_place() {
        for (yaml, tree) in [
            ("v: 1.10", "1:1 v@1:1=1:4 \"1.10\""),
            ("v: 000000123456", "1:1 v@1:1=1:4 \"000000123456\""),
            ("v: 12e456789012", "1:1 v@1:1=1:4 \"12e456789012\""),
            (
                "v: 52:54:00:12:34:56",
                "1:1 v@1:1=1:4 \"52:54:00:12:34:56\"",
            ),
            ("v: .inf", "1:1 v@1:1=1:4 \".inf\""),
            ("v: yes", "1:1 v@1:1=1:4 \"yes\""),
            ("v: 'it''s'", "1:1 v@1:1=1:4 \"it's\""),
            ("ü: [a, 0x1F]", "1:1 ü@1:1=1:4 1:5 \"a\" 1:8 \"0x1F\""),
            ("a: &x 07\nb: *x", "1:1 a@1:1=1:7 \"07\" b@2:1=2:4 \"07\""),
            ("v:", "1:1 v@1:1=1:2 null"),
            ("v: |\n  a\n  b\n", "1:1 v@1:1=2:3 \"a\\nb\\n\""),
        ] {
            assert_eq!(show(&parse(yaml, &PROFILE).unwrap()), tree, "{yaml}");
        }
    }

    #[test]
    fn an_alias_bomb_and_a_tower_are_refused() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (next, last) in ["b", "c", "d", "e", "f", "g", "h"]
            .iter()
            .zip("abcdefg".chars())
        {
            let eight = format!("*{last}, ").repeat(8);
            writeln!(bomb, "{next}: &{next} [{eight}]").unwrap();
        }
        assert!(parse(&bomb, &PROFILE).is_err());
        assert!(parse(&"[".repeat(100_000), &PROFILE).is_err());
        assert!(parse(&"- ".repeat(100_000), &PROFILE).is_err());
    }
}
