//! The snapshot: everything a decision depends on, immutable, replaced as a whole.
//!
//! A packet takes one `Arc` of it and keeps it to the end; a reload builds another beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Profiles;
use crate::assets;
use crate::client::quirk;
use crate::network::Networks;

/// A distribution found below the image folder: `<name>/linux` and `<name>/initrd.gz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// The folder's name.
    pub name: String,
    /// The kernel's file name in it.
    pub kernel: String,
    /// The initrd's file name in it.
    pub initrd: String,
}

/// What is in force.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The compiled profiles.
    pub profiles: Profiles,
    /// What the image folder holds in the simple layout, sorted by name.
    pub installed: Vec<Installed>,
    /// Names below the operator's asset folder: they stand in for embedded assets.
    pub overrides: BTreeSet<String>,
    /// The port HTTP is served on, for URLs.
    pub http_port: u16,
    /// Whether leases can be fetched from the LAN's own DHCP server, as a relay agent would: mode `proxy`.
    pub relays: bool,
    /// The quirk table: an operator's rows, then ours.
    pub quirks: Arc<quirk::Table>,
    /// The networks that `dhcp:` of the config file describes.
    pub networks: Arc<Networks>,
}

impl Snapshot {
    /// The name in the tree of a path in a profile: an asset where one has that name, else an image.
    pub fn tree_name(&self, path: &str) -> String {
        let asset = assets::get(path).is_some() || self.overrides.contains(path);
        let folder = if asset { "assets" } else { "images" };
        format!("{folder}/{path}")
    }
}
