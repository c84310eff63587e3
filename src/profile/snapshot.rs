//! The snapshot: everything a decision depends on, immutable, replaced as a whole.
//!
//! A packet takes one `Arc` of it and keeps it to the end; a reload builds another beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Profiles;
use crate::assets;
use crate::client::quirk;
use crate::firmware::image::Image;
use crate::network::Networks;
use crate::wire::Platform;

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

/// Where HTTPS is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// The port.
    pub port: u16,
    /// The name that the certificate has; `None`: our address.
    pub name: Option<String>,
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
    /// What those of the kernels and programs that profiles name are built for whose first bytes say it,
    /// by their names in the tree.
    pub built_for: BTreeMap<String, Image>,
    /// The port HTTP is served on, for URLs.
    pub http_port: u16,
    /// Where HTTPS is served, for URLs; `None`: nowhere.
    pub https: Option<Https>,
    /// Whether leases can be fetched from the LAN's own DHCP server, as a relay agent would: mode `proxy`.
    pub relays: bool,
    /// The quirk table: an operator's rows, then ours.
    pub quirks: Arc<quirk::Table>,
    /// The networks that `dhcp:` of the config file describes.
    pub networks: Arc<Networks>,
}

impl Snapshot {
    /// Whether a machine can boot the kernel of this name, as far as its first bytes tell.
    pub fn boots_kernel(&self, platform: Platform, name: &str) -> bool {
        self.built_for
            .get(name)
            .is_none_or(|image| image.boots_as_kernel(platform))
    }

    /// Whether a machine can start the program of this name, as far as its first bytes tell.
    pub fn starts_program(&self, platform: Platform, name: &str) -> bool {
        self.built_for
            .get(name)
            .is_none_or(|image| image.starts_as_program(platform))
    }

    /// The name in the tree of a path in a profile: an asset where one has that name, else an image.
    pub fn tree_name(&self, path: &str) -> String {
        let asset = assets::get(path).is_some() || self.overrides.contains(path);
        let folder = if asset { "assets" } else { "images" };
        format!("{folder}/{path}")
    }
}
