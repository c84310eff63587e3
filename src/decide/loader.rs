//! Which program or URI a client is named: its profile's `loader`, its platform and its stage.
//!
//! A client that is iPXE already gets its script, which also ends the chain: firmware → snponly.efi
//! → iPXE asks again → script.

use std::fmt;
use std::net::Ipv4Addr;

use std::borrow::Cow;

use crate::client::quirk::{NameForm, Treatment};
use crate::client::{Class, Client, Stage};
use crate::profile::{Loader, Profile};
use crate::wire::{Mac, Platform};

/// Where this client reaches us.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    /// Our address on its side.
    pub server: Ipv4Addr,
    /// The port HTTP is served on.
    pub http_port: u16,
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
    let shim = profile.secure_boot && by_shim(wanted, platform);
    if client.stage == Stage::Ipxe && !shim && matches!(wanted, Loader::Auto | Loader::Ipxe) {
        return Ok(Named::Uri(script_uri(client, here)));
    }
    let file: Option<Cow<'static, str>> = match quirks.set(|c| c.loader.as_deref()) {
        _ if shim => Some(SHIM.into()),
        Some(own) if wanted == Loader::Auto => Some(own.to_owned().into()),
        _ => wanted.program(platform).map(Into::into),
    };
    let file = file.ok_or(NoLoader {
        loader: word(wanted),
        platform,
    })?;
    let by_url = quirks.set(|c| c.name) == Some(NameForm::Url);
    Ok(match client.class {
        Class::Pxe if by_url => Named::Uri(format!("tftp://{}/{file}", here.server)),
        Class::Pxe => Named::File(file),
        Class::Http => Named::Uri(format!(
            "http://{}:{}/assets/{file}",
            here.server, here.http_port
        )),
    })
}

/// Whether Secure Boot has a chain there: shim is signed, and so is GRUB behind it.
const fn by_shim(wanted: Loader, platform: Platform) -> bool {
    matches!(
        (platform, wanted),
        (Platform::EfiX64, Loader::Auto | Loader::Grub)
    )
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
        Loader::Auto => "automatic",
        Loader::Pxelinux => "pxelinux",
        Loader::Ipxe => "iPXE",
        Loader::Grub => "GRUB",
    }
}
