//! The files of our own tree that a profile names, and where it names them: kernels, initrds, and
//! what `loader` and `chain` start.
//!
//! They are read from the tree of values, so that they are known also where something else is wrong
//! with the profile. Absent on purpose: URLs, scripts and arguments, which may name anything, and
//! whether a file is there (the service looks).

use super::words;
use crate::yaml::{At, Node, Value};

/// A file that a profile names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where its path stands.
    pub at: At,
    /// The key that names it.
    pub key: &'static str,
    /// Its path as written: an asset's name, or below the image folder.
    pub path: String,
}

/// All that a profile names, in the order of the file.
pub(super) fn all(profile: &Node) -> Vec<Named> {
    let entries = profile.get("menu").and_then(|menu| menu.get("entries"));
    let mut found = Vec::new();
    for entry in entries.into_iter().flat_map(below) {
        let linux = |key| entry.get("linux").and_then(|linux| linux.get(key));
        for (key, node) in [
            ("kernel", linux("kernel")),
            ("initrd", linux("initrd")),
            ("loader", entry.get("loader")),
            ("chain", entry.get("chain")),
            ("image", entry.get("image")),
        ] {
            collect(node, key, &mut found);
        }
    }
    found
}

/// A path, a list of them, or one for each platform.
fn collect(node: Option<&Node>, key: &'static str, found: &mut Vec<Named>) {
    let Some(node) = node else { return };
    if let Value::Scalar { text, .. } = &node.value {
        let path = words::own_path(text);
        found.extend(path.map(|path| Named {
            at: node.at,
            key,
            path,
        }));
    }
    for node in below(node) {
        collect(Some(node), key, found);
    }
}

/// What a list or a mapping holds.
fn below(node: &Node) -> Vec<&Node> {
    match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Map(fields) => fields.iter().map(|(_, node)| node).collect(),
        Value::Null | Value::Scalar { .. } => Vec::new(),
    }
}
