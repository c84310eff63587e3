//! The YAML shape of a profile: which keys stand where, and the readers of single values.
//!
//! ```text
//! name, match {mac, uuid, subnet, arch}, menu {…, entries [{…, linux {…}}]}, loader, secure_boot, vars
//! ```
//!
//! A reader gives `None` once it has reported what is wrong, so that its caller goes on with the
//! next value and an operator sees everything at once. Keys that no shape knows are refused.

use super::model::PerArch;
use super::node::{At, Key, Node, Value};
use super::report::Report;
use super::similar;
use crate::wire::Platform;

/// The keys of one kind of mapping.
#[derive(Debug)]
pub(super) struct Shape {
    /// How messages call it.
    pub what: &'static str,
    /// Its keys.
    pub keys: &'static [&'static str],
}

pub(super) const PROFILE: Shape = Shape {
    what: "a profile",
    keys: &["name", "match", "menu", "loader", "secure_boot", "vars"],
};
pub(super) const MATCH: Shape = Shape {
    what: "match",
    keys: &["mac", "uuid", "subnet", "arch"],
};
pub(super) const MENU: Shape = Shape {
    what: "menu",
    keys: &["title", "timeout", "default", "installed", "entries"],
};
pub(super) const ENTRY: Shape = Shape {
    what: "an entry",
    keys: &[
        "id", "title", "arch", "linux", "loader", "local", "chain", "ipxe",
    ],
};
/// The keys of an entry of which it has exactly one.
pub(super) const ACTIONS: [&str; 5] = ["linux", "loader", "local", "chain", "ipxe"];
pub(super) const LINUX: Shape = Shape {
    what: "linux",
    keys: &["kernel", "initrd", "args"],
};

const SHAPES: [&Shape; 5] = [&PROFILE, &MATCH, &MENU, &ENTRY, &LINUX];

/// What other boot programs call our keys.
const ALIASES: &[(&str, &str)] = &[
    ("append", "args"),
    ("cmdline", "args"),
    ("boot_args", "args"),
    ("initramfs", "initrd"),
    ("label", "title"),
    ("script", "ipxe"),
    ("url", "chain"),
    ("localboot", "local"),
    ("macs", "mac"),
    ("network", "subnet"),
    ("variables", "vars"),
];

/// A mapping read by its [`Shape`].
#[derive(Debug)]
pub(super) struct Section<'n> {
    shape: &'static Shape,
    /// Where it begins.
    pub at: At,
    fields: &'n [(Key, Node)],
}

impl<'n> Section<'n> {
    /// Reads `node` as a mapping and reports every key that `shape` does not know.
    pub fn open(node: &'n Node, shape: &'static Shape, report: &mut Report<'_>) -> Option<Self> {
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
            report.error(key.at, message, hint(&key.text, shape));
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
    let alias = ALIASES
        .iter()
        .find(|(theirs, _)| *theirs == word.to_lowercase());
    if let Some((_, ours)) = alias.filter(|(_, ours)| shape.keys.contains(ours)) {
        return format!("it is called \"{ours}\" here");
    }
    let elsewhere = SHAPES.iter().find(|s| s.keys.contains(&word));
    match elsewhere.filter(|_| similar::nearest(word, shape.keys).is_none()) {
        Some(home) => format!(
            "\"{word}\" belongs into {}; look at the indentation",
            home.what
        ),
        None => similar::hint(word, shape.keys.iter().copied()),
    }
}

/// What a value is, in words.
pub(super) fn kind(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "nothing",
        Value::Scalar { .. } => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}

/// A single value's text.
pub(super) fn text<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    if let Value::Scalar { text, .. } = &node.value {
        return Some(text);
    }
    let message = format!("{what} must be a single value, not {}", kind(node));
    report.error(node.at, message, None);
    None
}

/// `true` or `false`.
pub(super) fn yes_no(node: &Node, what: &str, report: &mut Report<'_>) -> Option<bool> {
    let word = text(node, what, report)?;
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => {
            let message = format!("{what} is \"{word}\"; expected true or false");
            report.error(node.at, message, None);
            None
        }
    }
}

/// One value, or a list of them that is not empty.
pub(super) fn one_or_list<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> &'n [Node] {
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

/// One value for all platforms, or a mapping from platform names to values.
pub(super) fn per_arch<T>(
    node: &Node,
    what: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&Node, &mut Report<'_>) -> Option<T>,
) -> Option<PerArch<T>> {
    let Value::Map(fields) = &node.value else {
        return read(node, report).map(PerArch::All);
    };
    if fields.is_empty() {
        report.error(node.at, format!("{what} names no platform"), None);
        return None;
    }
    let each = fields.iter().map(|(key, value)| {
        let (platform, value) = (platform(key, report), read(value, report));
        Some((platform?, value?))
    });
    // Through a list: every field is to be read, also after one that is wrong.
    let each: Vec<_> = each.collect();
    each.into_iter().collect::<Option<_>>().map(PerArch::Each)
}

fn platform(key: &Key, report: &mut Report<'_>) -> Option<Platform> {
    let found = Platform::from_name(&key.text);
    if found.is_none() {
        let meant = key.text.parse().map(crate::wire::Arch::platform);
        let hint = match meant {
            Ok(platform) if platform != Platform::Other => format!("write \"{platform}\""),
            _ => similar::hint(&key.text, Platform::NAMED.map(Platform::name)),
        };
        report.error(key.at, format!("\"{}\" is no platform", key.text), hint);
    }
    found
}
