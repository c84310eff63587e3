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
use crate::wire::dhcp::Message;

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

/// For whom leases are fetched from another DHCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relays {
    /// Nobody: in modes `colocated` and `dhcp`.
    #[default]
    Nobody,
    /// Mode `proxy`: machines of our own link, of whichever server there answers.
    Link,
    /// Mode `proxy` where the operator names the server: also machines behind relays. Whoever can send to port 67 can
    /// say that he is one, so that others are not asked for them.
    Everybody,
}

impl Relays {
    /// Whether a message is of one of those. Who hands on what others have handed on goes round in circles where there
    /// are two of him: so [`MOST_HOPS`] at most (RFC 1542 4.1.1 has 4 by default).
    pub fn serve(self, message: &Message) -> bool {
        let served = match self {
            Self::Nobody => false,
            Self::Link => message.giaddr.is_unspecified(),
            Self::Everybody => true,
        };
        served && message.hops < MOST_HOPS
    }
}

/// A message that has passed so many relays is not handed on.
const MOST_HOPS: u8 = 4;

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
    /// For whom leases can be fetched from the LAN's own DHCP server, as a relay agent would.
    pub relays: Relays,
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
