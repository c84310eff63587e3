//! What is the same in every dialect: the entries this client can boot, their URIs, their
//! arguments filled in, the default and the timeout.

use std::time::Duration;

use super::making::Making;
use super::place::Transport;
use super::signed::Signed;
use super::{Dialect, Place, RenderError, template};
use crate::client::{Client, Stage};
use crate::profile::boot_server::type_of;
use crate::profile::{
    Action, DeviceTree, Entry, Installed, PerArch, Profile, Snapshot, Target, Template,
};

/// A menu for one client in one dialect, all text final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Headline.
    pub title: String,
    /// `None` waits for the user; zero starts the default at once.
    pub timeout: Option<Duration>,
    /// The index of the default entry in `items`.
    pub default: usize,
    /// Entries that this client can boot.
    pub items: Vec<Item>,
    /// Whether the default starts without a menu: the profile has one entry, or the timeout is zero.
    pub at_once: bool,
    /// What is written as a comment on top.
    pub comment: String,
    /// Whether U-Boot reads it.
    pub for_u_boot: bool,
    /// Of a machine that was seen to have Secure Boot on: what that takes from its menu.
    pub signed: Option<Signed>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// The line shown.
    pub title: String,
    /// What it starts.
    pub boot: Boot,
}

/// What an entry starts, with URIs in the dialect's transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// A Linux kernel.
    Linux {
        /// URI
        kernel: String,
        /// URIs
        initrd: Vec<String>,
        /// Command line
        args: String,
        /// What U-Boot fetches for it; no other dialect has it
        device_tree: Option<BoardTree>,
    },
    /// A program, by URI.
    Program(String),
    /// An iPXE script of its own, by URI.
    Script(String),
    /// An image of a CD or disk.
    Image {
        /// URI
        uri: String,
        /// Whether it is a CD's.
        cd: bool,
    },
    /// The local disk.
    Local,
}

/// A device tree, by the name that U-Boot asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardTree {
    /// A file.
    File(String),
    /// A folder, in which it looks for that of its board.
    Folder(String),
}

impl View {
    /// The default entry; `None` only for an empty menu.
    pub fn default_item(&self) -> Option<&Item> {
        self.items.get(self.default)
    }

    /// Whether the client is shown a menu, or started at once.
    pub fn shows_menu(&self) -> bool {
        !self.at_once
    }
}

/// The menu of `profile` as this client sees it in this dialect.
pub fn view(
    snapshot: &Snapshot,
    profile: &Profile,
    client: &Client,
    place: Place,
    dialect: Dialect,
) -> Result<View, RenderError> {
    let making = making(snapshot, (profile, client), place, dialect);
    let all = entries(snapshot, profile);
    let mut items = Vec::new();
    for entry in &all {
        items.extend(making.item(entry)?);
    }
    let signed = making.signed(profile, &all)?;
    let (mut default, mut timeout) = unattended(profile, &items);
    let mut at_once = all.len() == 1 || timeout == Some(Duration::ZERO);
    match chosen(profile, client, &mut items) {
        Chosen::Nothing => {}
        Chosen::Entry => (default, timeout, at_once) = (0, Some(Duration::ZERO), true),
        Chosen::Gone => (timeout, at_once) = (None, false),
    }
    Ok(View {
        title: profile.menu.title.clone(),
        timeout,
        default,
        at_once,
        items,
        for_u_boot: client.platform().is_u_boot(),
        comment: format!("bootjack: profile \"{}\" for {}", profile.name, client.mac),
        signed,
    })
}

fn making<'a>(
    snapshot: &'a Snapshot,
    (profile, client): (&Profile, &'a Client),
    place: Place,
    dialect: Dialect,
) -> Making<'a> {
    Making {
        snapshot,
        client,
        place,
        dialect,
        transport: transport(client, place, dialect),
        values: template::variables(profile, client, place),
    }
}

/// An entry that a client does not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its id.
    pub id: String,
    /// Its line.
    pub title: String,
    /// Why, in words for the operator.
    pub why: String,
}

/// The entries of `profile` that this client does not see in this dialect, and why.
///
/// # Errors
/// As [`view`].
pub fn left_out(
    snapshot: &Snapshot,
    profile: &Profile,
    client: &Client,
    place: Place,
    dialect: Dialect,
) -> Result<Vec<LeftOut>, RenderError> {
    let making = making(snapshot, (profile, client), place, dialect);
    let mut left_out = Vec::new();
    for entry in entries(snapshot, profile) {
        if making.item(&entry)?.is_none() {
            left_out.push(LeftOut {
                why: making.why_not(&entry),
                id: entry.id,
                title: entry.title,
            });
        }
    }
    Ok(left_out)
}

/// What was chosen before, in a menu that the firmware showed.
enum Chosen {
    Nothing,
    /// This one, and it is the only item left.
    Entry,
    /// One that is not there any more.
    Gone,
}

/// Leaves the entry alone that was chosen in the firmware's menu. Where the profile has changed
/// since then so that it is gone, somebody has to choose again: nothing else may start instead.
fn chosen(profile: &Profile, client: &Client, items: &mut Vec<Item>) -> Chosen {
    let Some(choice) = client.chosen.as_ref().filter(|choice| choice.by_loader) else {
        return Chosen::Nothing;
    };
    let same = choice.profile == profile.name;
    let place = items.iter().position(|i| same && i.id == *choice.entry);
    let Some(place) = place else {
        return Chosen::Gone;
    };
    *items = items.drain(place..=place).collect();
    Chosen::Entry
}

/// Which entry starts without anybody choosing it, and when. A default that this client cannot boot
/// is replaced by none: the entry that happens to stand first may be "erase and reinstall".
fn unattended(profile: &Profile, items: &[Item]) -> (usize, Option<Duration>) {
    let place = |wanted: &dyn Fn(&Item) -> bool| items.iter().position(wanted);
    let Some(named) = &profile.menu.default else {
        return (0, profile.menu.timeout);
    };
    match place(&|item| item.id == *named) {
        Some(default) => (default, profile.menu.timeout),
        None => (place(&|item| item.boot == Boot::Local).unwrap_or(0), None),
    }
}

/// The profile's entries, then one for each distribution found installed.
fn entries(snapshot: &Snapshot, profile: &Profile) -> Vec<Entry> {
    let found = snapshot
        .installed
        .iter()
        .filter(|_| profile.menu.installed)
        .map(installed);
    profile.menu.entries.iter().cloned().chain(found).collect()
}

fn installed(found: &Installed) -> Entry {
    let path = |file: &str| Target::Path(format!("{}/{file}", found.name));
    let id = found.name.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    });
    let id = format!("installed-{}", id.collect::<String>());
    Entry {
        item_type: type_of(&id),
        id,
        title: found.name.clone(),
        arch: Vec::new(),
        action: Action::Linux {
            kernel: PerArch::All(path(&found.kernel)),
            initrd: PerArch::All(vec![path(&found.initrd)]),
            args: PerArch::All(Template::default()),
            device_tree: PerArch::All(DeviceTree::Firmware),
        },
        servers: Vec::new(),
    }
}

/// U-Boot takes a URL for a file's name. lpxelinux and iPXE fetch by HTTP, pxelinux and an iPXE built without it by TFTP; Debian's signed
/// GRUB network image has no http module (facts, lab).
fn transport(client: &Client, place: Place, dialect: Dialect) -> Transport {
    let no_http = client.stage == Stage::Ipxe && client.ipxe.is_some_and(|features| !features.http);
    match dialect {
        Dialect::Grub => Transport::GrubTftp,
        Dialect::Pxelinux if client.platform().is_u_boot() => Transport::Name,
        Dialect::Ipxe if no_http => Transport::Tftp,
        Dialect::Pxelinux if place.tftp_only => Transport::Tftp,
        Dialect::Ipxe | Dialect::Pxelinux => Transport::Http,
    }
}

/// Arguments may be written over several lines; a kernel command line is one.
pub(super) fn one_line(args: &str) -> String {
    args.split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// One entry's own script, for loaders that hand over to iPXE.
pub fn entry_script(
    snapshot: &Snapshot,
    profile: &Profile,
    client: &Client,
    place: Place,
    id: &str,
) -> Result<String, RenderError> {
    let entry = profile
        .menu
        .entries
        .iter()
        .find(|e| e.id == id)
        .ok_or_else(|| RenderError::NoScript(id.to_owned()))?;
    let values = template::variables(profile, client, place);
    let failed = |why| RenderError::Template {
        entry: id.to_owned(),
        why,
    };
    match &entry.action {
        Action::Ipxe(script) => Ok(super::ipxe::headed(
            &template::fill(script, &values).map_err(failed)?,
        )),
        Action::Chain(target) | Action::Loader(target) => {
            let target = target
                .get(client.platform())
                .ok_or_else(|| RenderError::NoScript(id.to_owned()))?;
            Ok(super::ipxe::chain_to(&place.target(
                snapshot,
                Transport::Http,
                target,
            )))
        }
        _ => Err(RenderError::NoScript(id.to_owned())),
    }
}
