//! One menu, several dialects.
//!
//! ```text
//! profile + client + place → view (entries this client can boot, URIs made, templates filled)
//!                          → pxelinux | ipxe | grub (text)
//! ```
//!
//! * [`view`]: what is the same in every dialect
//! * [`template`]: `{{ variables }}`
//! * [`place`]: where this client reaches us, and URIs there
//! * [`signed`]: what Secure Boot takes from a menu
//! * [`pxelinux`], [`ipxe`], [`grub`]: the dialects, each with its own escaping
//!
//! Absent on purpose: which profile (`profile::select`), which name leads here (`tree`).

pub mod grub;
pub mod ipxe;
mod making;
pub mod place;
pub mod pxelinux;
pub mod signed;
pub mod template;
pub mod view;

use crate::client::Client;
use crate::profile::{Profile, Snapshot};
pub use place::Place;
pub use view::{BoardTree, Boot, Item, View};

/// A text form of a menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SYSLINUX configuration
    Pxelinux,
    /// iPXE script
    Ipxe,
    /// GRUB configuration
    Grub,
}

impl Dialect {
    /// The word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pxelinux => "pxelinux",
            Self::Ipxe => "ipxe",
            Self::Grub => "grub",
        }
    }
}

/// The text, and how many entries it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// The menu or script.
    pub text: String,
    /// Entries this client sees.
    pub entries: usize,
}

/// Why a menu could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A template failed.
    #[error("entry \"{entry}\": {why}")]
    Template {
        /// The entry's id.
        entry: String,
        /// What minijinja says.
        why: String,
    },
    /// The menu has no entry of this id, or not a script.
    #[error("no script entry \"{0}\" in this machine's menu")]
    NoScript(String),
}

/// A profile's menu for a client, in a dialect.
pub fn menu(
    snapshot: &Snapshot,
    profile: &Profile,
    client: &Client,
    place: Place,
    dialect: Dialect,
) -> Result<Rendering, RenderError> {
    let view = view::view(snapshot, profile, client, place, dialect)?;
    let text = match dialect {
        Dialect::Pxelinux => pxelinux::config(&view),
        Dialect::Ipxe => ipxe::script(&view),
        Dialect::Grub => grub::config(&view),
    };
    Ok(Rendering {
        text,
        entries: view.items.len(),
    })
}

/// The name in the tree of one entry's own iPXE script. Off BIOS it tells what the machine is, for
/// one that no DHCP packet has shown.
pub fn entry_script_name(client: &Client, id: &str) -> String {
    let mac = client.mac.dashed();
    let platform = client.platform();
    match platform.ipxe_build().filter(|_| platform.is_efi()) {
        Some(build) => format!("boot/{build}/{mac}/{id}.ipxe"),
        None => format!("boot/{mac}/{id}.ipxe"),
    }
}

/// A title in what every boot screen shows. UTF-8 comes out as two wrong characters each on a BIOS
/// screen, and as question marks from Debian 12's iPXE on UEFI (seen).
fn ascii(title: &str) -> String {
    let plain = deunicode::deunicode_with_tofu(title, "?");
    let plain: String = plain.chars().filter(|c| !c.is_control()).collect();
    // A wide `$` before a wide brace becomes an expansion only now.
    plain.replace("${", "$ {")
}
