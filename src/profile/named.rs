//! The files of our own tree that a profile names, and where it names them: kernels, initrds, device trees, and
//! what `loader` and `chain` start, pxelinux' own configuration, and what a Raspberry Pi cannot do without in its folder.
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
            ("dtb", linux("dtb")),
            ("loader", entry.get("loader")),
            ("chain", entry.get("chain")),
            ("image", entry.get("image")),
        ] {
            collect(node, key, &mut found);
        }
    }
    found.extend(pxelinux_config(profile));
    let pi = profile.get("raspberry_pi");
    let folder = pi.and_then(|pi| Some((pi, pi.get("folder")?)));
    found.extend(
        folder
            .into_iter()
            .flat_map(|(pi, folder)| in_folder(pi, folder, profile)),
    );
    found
}

/// The configuration that pxelinux is told to look for first, at the root of the tree: where nothing is put in front
/// of its name, and it is no other server's.
fn pxelinux_config(profile: &Node) -> Option<Named> {
    let pxelinux = profile.get("pxelinux")?;
    let config = pxelinux.get("config")?;
    let Value::Scalar { text, .. } = &config.value else {
        return None;
    };
    let ours = pxelinux.get("prefix").is_none() && !text.contains("::");
    let path = words::own_path(text).filter(|_| ours)?;
    Some(Named {
        at: config.at,
        key: "config",
        path,
    })
}

/// What a Raspberry Pi cannot do without, below its folder: for those up to the third, which have no
/// flash memory of their own, where a MAC of the profile is one of theirs.
fn in_folder(pi: &Node, folder: &Node, profile: &Node) -> Vec<Named> {
    let Value::Scalar { text, .. } = &folder.value else {
        return Vec::new();
    };
    let Some(path) = words::own_path(text) else {
        return Vec::new();
    };
    let given = |key: &str| pi.get(key).is_some();
    let files = [
        ("config.txt", !given("config")),
        ("cmdline.txt", !given("cmdline")),
        ("bootcode.bin", has_old(profile)),
        ("start.elf", has_old(profile)),
    ];
    let missing = files.into_iter().filter(|(_, wanted)| *wanted);
    let named = missing.map(|(file, _)| Named {
        at: folder.at,
        key: "folder",
        path: format!("{path}/{file}"),
    });
    named.collect()
}

/// Whether the profile names a MAC as Raspberry Pis up to the third have.
fn has_old(profile: &Node) -> bool {
    let macs = profile.get("match").and_then(|m| m.get("mac"));
    let one = macs.into_iter();
    let all = one.flat_map(|macs| match &macs.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![macs],
    });
    let mut texts = all.filter_map(|node| match &node.value {
        Value::Scalar { text, .. } => Some(text.to_ascii_lowercase().replace('-', ":")),
        _ => None,
    });
    texts.any(|mac| mac.starts_with("b8:27:eb"))
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
