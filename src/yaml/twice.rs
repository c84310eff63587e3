//! Keys that a mapping has twice: found in the tree, so that they are told beside everything else
//! that is wrong.

use std::collections::HashMap;

use super::node::{At, Key, Node, Value};

/// A key that was given before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Twice<'n> {
    /// The later one.
    pub key: &'n str,
    /// Where it stands.
    pub at: At,
    /// Where the first one stands.
    pub first: At,
}

/// Fewer keys than this are compared one by one.
const FEW: usize = 16;

/// All of them, in the order of the file.
pub(super) fn all(node: &Node) -> Vec<Twice<'_>> {
    let mut found = Vec::new();
    look(node, &mut found);
    found
}

/// The tree is no deeper than a file may be nested.
fn look<'n>(node: &'n Node, found: &mut Vec<Twice<'n>>) {
    match &node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => {
            for item in items {
                look(item, found);
            }
        }
        Value::Map(fields) => {
            found.extend(in_mapping(fields));
            for (_, value) in fields {
                look(value, found);
            }
        }
    }
}

fn in_mapping(fields: &[(Key, Node)]) -> Vec<Twice<'_>> {
    let keys = fields.iter().map(|(key, _)| key);
    let mut seen: HashMap<&str, At> = HashMap::new();
    let twice = keys.enumerate().filter_map(|(n, key)| {
        let first = if fields.len() < FEW {
            let mut before = fields.iter().take(n).map(|(key, _)| key);
            before.find(|k| k.text == key.text).map(|k| k.at)
        } else {
            let first = seen.get(key.text.as_str()).copied();
            seen.entry(&key.text).or_insert(key.at);
            first
        };
        Some(Twice {
            key: &key.text,
            at: key.at,
            first: first?,
        })
    });
    twice.collect()
}

#[cfg(test)]
mod tests {
    use super::super::node::{FileKind, MAX_FILE, parse};
    use super::*;

    #[test]
    fn every_key_that_is_given_twice_is_found_also_in_large_mappings() {
        let kind = FileKind {
            what: "test",
            most: MAX_FILE,
            too_much: "",
            second: "",
        };
        for many in [0, 100] {
            let others: Vec<String> = (0..many).map(|n| format!("k{n}: 1\n")).collect();
            let others = others.concat();
            let text = format!("a: {{x: 1, y: 2, x: 3}}\nb: [{{c: 1, c: 2}}]\n{others}a: 1\n");
            let tree = parse(&text, &kind).unwrap();
            let found = all(&tree);
            let shown: Vec<_> = found
                .iter()
                .map(|t| (t.key, t.at.line, t.first.column))
                .collect();
            assert_eq!(shown, [("a", many + 3, 1), ("x", 1, 5), ("c", 2, 6)]);
        }
    }
}
