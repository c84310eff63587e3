//! A mapping read by its shape: which keys stand where, and the readers of single values.
//!
//! A reader gives `None` once it has reported what is wrong, so that its caller goes on with the
//! next value and an operator sees everything at once. Keys that no shape knows are refused.

use super::node::{At, Key, Node, Value};
use super::report::Report;
use super::similar;

/// The keys of one kind of mapping.
#[derive(Debug)]
pub struct Shape {
    /// How messages call it.
    pub what: &'static str,
    /// Its keys.
    pub keys: &'static [&'static str],
    /// The other shapes of its document, for a key that stands at the wrong place.
    pub kin: &'static [&'static Shape],
    /// What other programs call our keys: theirs, ours.
    pub aliases: &'static [(&'static str, &'static str)],
}

/// A mapping read by its [`Shape`].
#[derive(Debug)]
pub struct Section<'n> {
    shape: &'static Shape,
    /// Where it begins.
    pub at: At,
    fields: &'n [(Key, Node)],
}

impl<'n> Section<'n> {
    /// Reads `node` as a mapping and reports every key that `shape` does not know.
    pub fn open(node: &'n Node, shape: &'static Shape, report: &mut Report<'_>) -> Option<Self> {
        Self::open_with(node, shape, |_| None, report)
    }

    /// As [`Self::open`]; `meant` may know better than the shape what to do about a key.
    pub fn open_with(
        node: &'n Node,
        shape: &'static Shape,
        meant: impl Fn(&str) -> Option<String>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let Value::Map(fields) = &node.value else {
            let keys = shape.keys.join(", ");
            let message = format!("{} must hold keys, not {}", shape.what, kind(node));
            report.error(node.at, message, format!("keys here: {keys}"));
            return None;
        };
        for (key, _) in fields
            .iter()
            .filter(|(k, _)| !shape.keys.contains(&&*k.text))
        {
            let message = format!("unknown key \"{}\" in {}", key.text, shape.what);
            let hint = meant(&key.text).unwrap_or_else(|| hint(&key.text, shape));
            report.error(key.at, message, hint);
        }
        Some(Self {
            shape,
            at: node.at,
            fields,
        })
    }

    /// The value of a key, where it is given.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.field(key).map(|(_, node)| node)
    }

    /// What `read` makes of the value of a key; `absent` where it is not given.
    pub fn or<T>(
        &self,
        key: &str,
        absent: T,
        read: impl FnOnce(&'n Node) -> Option<T>,
    ) -> Option<T> {
        self.get(key).map_or(Some(absent), read)
    }

    /// The key and its value, where it is given.
    pub fn field(&self, key: &str) -> Option<&'n (Key, Node)> {
        self.fields.iter().find(|(k, _)| k.text == key)
    }

    /// The value of a key that must be given.
    pub fn need(&self, key: &str, report: &mut Report<'_>) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} has no \"{key}\"", self.shape.what);
            report.error(self.at, message, None);
        }
        found
    }
}

fn hint(word: &str, shape: &Shape) -> String {
    let alias = shape
        .aliases
        .iter()
        .find(|(theirs, _)| *theirs == word.to_lowercase());
    if let Some((_, ours)) = alias.filter(|(_, ours)| shape.keys.contains(ours)) {
        return format!("it is called \"{ours}\" here");
    }
    let elsewhere = shape.kin.iter().find(|s| s.keys.contains(&word));
    match elsewhere.filter(|_| similar::nearest(word, shape.keys).is_none()) {
        Some(home) => format!(
            "\"{word}\" belongs into {}; look at the indentation",
            home.what
        ),
        None => similar::hint(word, shape.keys.iter().copied()),
    }
}

/// What a value is, in words.
pub fn kind(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "nothing",
        Value::Scalar { .. } => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}

/// A single value's text.
pub fn text<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    if let Value::Scalar { text, .. } = &node.value {
        return Some(text);
    }
    let message = format!("{what} must be a single value, not {}", kind(node));
    report.error(node.at, message, None);
    None
}

/// `true` or `false`.
pub fn yes_no(node: &Node, what: &str, report: &mut Report<'_>) -> Option<bool> {
    let word = text(node, what, report)?;
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => {
            let message = format!(
                "{what} is \"{}\"; expected true or false",
                word.escape_debug()
            );
            let near = similar::nearest(word, &["true", "false", "yes", "no"]);
            let hint = near.map(|near| format!("did you mean \"{near}\"?"));
            report.error(node.at, message, hint);
            None
        }
    }
}

/// One of some words; gives what it stands for.
pub fn word_of<T: Copy>(
    node: &Node,
    what: &str,
    all: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let word = text(node, what, report)?;
    let found = all.iter().find(|(name, _)| *name == word);
    if found.is_none() {
        let message = format!("{what}: \"{}\" is not known", word.escape_debug());
        let hint = similar::hint(word, all.iter().map(|(name, _)| *name));
        report.error(node.at, message, hint);
    }
    found.map(|(_, value)| *value)
}

/// One value, or a list of them that is not empty.
pub fn one_or_list<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> &'n [Node] {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            let hint = format!("leave \"{what}\" out, or list at least one value");
            report.error(node.at, format!("{what} is an empty list"), hint);
            &[]
        }
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}
