//! Which program or URI a client is named: its profile's `loader`, its platform and its stage.
//!
//! A client that is iPXE already gets its script, which also ends the chain: firmware → snponly.efi
//! → iPXE asks again → script.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use super::Incoming;
use crate::client::quirk::{NameForm, Treatment};
use crate::client::{Class, Client, Stage};
use crate::profile::{Entry, Loader, Profile, Snapshot};
use crate::wire::{Mac, Platform};

/// Where this client reaches us.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    /// Our address on its side.
    pub server: Ipv4Addr,
    /// The port HTTP is served on.
    pub http_port: u16,
}

impl Here {
    /// Of one who sent this message.
    pub(super) const fn of(snapshot: &Snapshot, incoming: Incoming<'_>) -> Self {
        Self {
            server: incoming.local,
            http_port: snapshot.http_port,
        }
    }
}

/// What the reply names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A name at the TFTP root.
    File(Cow<'static, str>),
    /// A complete URI.
    Uri(String),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Uri(uri) => f.write_str(uri),
        }
    }
}

/// The profile's loader does not exist for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no {loader} loader for {platform} firmware; set `loader:` in its profile to one that exists there"
)]
pub struct NoLoader {
    /// What the profile asks for.
    pub loader: &'static str,
    /// What the client is.
    pub platform: Platform,
}

/// The first program of Secure Boot.
const SHIM: &str = "shimx64.efi";

/// The name of an iPXE script for a machine, in the tree.
pub fn script_name(mac: Mac) -> String {
    format!("boot/{}.ipxe", mac.dashed())
}

/// What this client is told to load.
pub fn for_client(
    profile: &Profile,
    client: &Client,
    quirks: &Treatment<'_>,
    here: Here,
) -> Result<Named, NoLoader> {
    let platform = client.platform();
    let wanted = profile.loader.get(platform).copied().unwrap_or_default();
    let shim = profile.boots_by_shim(platform);
    if client.stage == Stage::Ipxe && !shim && by_script(wanted) {
        return Ok(Named::Uri(script_uri(client, here)));
    }
    let file: Option<Cow<'static, str>> = match quirks.set(|c| c.loader.as_deref()) {
        _ if shim => Some(SHIM.into()),
        Some(own) if matches!(wanted, Loader::Auto | Loader::Firmware) => {
            Some(own.to_owned().into())
        }
        // Its menu is for `pxe get`, which is TFTP.
        _ if platform.is_u_boot() && client.class == Class::Http => None,
        _ => wanted.program(platform).map(Into::into),
    };
    let file = file.ok_or(NoLoader {
        loader: word(wanted),
        platform,
    })?;
    Ok(match client.class {
        Class::Pxe => by_tftp(file, quirks, here),
        Class::Http => Named::Uri(format!(
            "http://{}:{}/assets/{file}",
            here.server, here.http_port
        )),
    })
}

/// Whether a loader asks for its files the server that its firmware has its lease from, and nobody whom a
/// proxy names: GRUB reads the `DHCPACK` alone, and shim takes that where it names a file; behind a proxy
/// GRUB asks the DHCP server for its menu, for ever (quirk 37; seen with Debian's signed pair).
pub(super) fn reads_the_ack(named: &Named) -> bool {
    let name = named.to_string();
    let file = name
        .rsplit('/')
        .next()
        .unwrap_or(&name)
        .to_ascii_lowercase();
    file.starts_with("shim") || file.starts_with("grub")
}

/// What this client is told to load beside a menu that its firmware shows, where it is told one. A
/// menu needs no file: `None` where there is no loader for this machine, whose firmware starts by
/// itself what is chosen, or asks other servers for it (facts B: 43.6 = 3 with 8, 9 and 10).
pub(super) fn beside(
    menu: bool,
    profile: &Profile,
    (client, quirks): (&Client, &Treatment<'_>),
    here: Here,
) -> Result<Option<Named>, NoLoader> {
    match for_client(profile, client, quirks, here) {
        Err(_) if menu => Ok(None),
        named => named.map(Some),
    }
}

/// What starts an entry that was chosen in the firmware's menu, and whether that is a loader that
/// has to be told which entry; otherwise it is the entry's own program.
pub(super) fn for_item(
    snapshot: &Snapshot,
    profile: &Profile,
    entry: &Entry,
    (client, quirks): (&Client, &Treatment<'_>),
    here: Here,
) -> Result<(Named, bool), NoLoader> {
    let own = entry.action.boot_program(client.platform());
    let Some(path) = own.filter(|_| client.stage != Stage::Ipxe) else {
        return Ok((for_client(profile, client, quirks, here)?, true));
    };
    let name = snapshot.tree_name(path);
    // Loaders look for their files beside themselves: assets stand at the root for them.
    let name = name.strip_prefix("assets/").unwrap_or(&name).to_owned();
    Ok((by_tftp(name.into(), quirks, here), false))
}

/// A name at the TFTP root, as this client wants to be told it.
fn by_tftp(file: Cow<'static, str>, quirks: &Treatment<'_>, here: Here) -> Named {
    match quirks.set(|c| c.name) {
        Some(NameForm::Url) => Named::Uri(format!("tftp://{}/{file}", here.server)),
        _ => Named::File(file),
    }
}

/// Whether an iPXE goes on by itself.
const fn by_script(wanted: Loader) -> bool {
    matches!(wanted, Loader::Auto | Loader::Ipxe | Loader::Firmware)
}

/// HTTP where this iPXE can (all but the smallest ROMs), else the same name by TFTP. An iPXE that
/// lists no features at all is taken to speak HTTP, as its default build does.
fn script_uri(client: &Client, here: Here) -> String {
    let name = script_name(client.mac);
    match client.ipxe {
        Some(features) if !features.http => format!("tftp://{}/{name}", here.server),
        _ => format!("http://{}:{}/{name}", here.server, here.http_port),
    }
}

const fn word(loader: Loader) -> &'static str {
    match loader {
        Loader::Auto | Loader::Firmware => "automatic",
        Loader::Pxelinux => "pxelinux",
        Loader::Ipxe => "iPXE",
        Loader::Grub => "GRUB",
    }
}
