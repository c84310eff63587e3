//! Where the rows of a config file name a loader, for who looks whether such a file is there.

use crate::yaml::{At, Node, Value};

/// The name of a loader and where it stands, for each row of `quirks:` that has one.
pub fn loaders(root: &Node) -> Vec<(At, &str)> {
    let Some(Value::List(rows)) = root.get("quirks").map(|rows| &rows.value) else {
        return Vec::new();
    };
    let loaders = rows
        .iter()
        .filter_map(|row| row.get("changes")?.get("loader"));
    let named = loaders.filter_map(|node| match &node.value {
        Value::Scalar { text, .. } => Some((node.at, text.as_str())),
        _ => None,
    });
    named.collect()
}
