//! Which program or URI a client is named: its profile's `loader`, its platform and its stage.
//!
//! A client that is iPXE already gets its script, which also ends the chain: firmware → snponly.efi
//! → iPXE asks again → script. Where there is no iPXE (UEFI on IA32 and ARM64) GRUB is the loader, behind
//! shim, with Secure Boot on and off alike.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

pub use super::no_loader::{NoKind, NoLoader};
use super::{Incoming, menu};
use crate::client::quirk::{NameForm, Treatment};
use crate::client::{Class, Client, Cut, Stage};
use crate::profile::{Entry, Loader, Profile, Snapshot, Target};
use crate::wire::{Mac, Platform};

/// Where this client reaches us.
#[derive(Debug, Clone, Copy)]
pub struct Here<'s> {
    /// Our address on its side.
    pub server: Ipv4Addr,
    /// What is in force: ports, and names in the tree.
    snapshot: &'s Snapshot,
}

impl<'s> Here<'s> {
    /// Of one who sent this message.
    pub(super) const fn of(snapshot: &'s Snapshot, incoming: Incoming<'_>) -> Self {
        Self {
            server: incoming.local,
            snapshot,
        }
    }

    /// Whether the operator has put a GRUB or a shim of his own in the place of ours.
    fn own_grub(&self) -> bool {
        let mut overrides = self.snapshot.overrides.iter();
        overrides.any(|name| reads_the_ack(name))
    }

    /// `http://10.0.0.2:8067`
    fn http(&self) -> String {
        format!("http://{}:{}", self.server, self.snapshot.http_port)
    }

    /// What firmware that boots by HTTP finds us by: as [`Here::http`], or by https.
    fn web(&self, profile: &Profile) -> Result<String, NoLoader> {
        if !profile.http_boot.https {
            return Ok(self.http());
        }
        let https = self.snapshot.https.as_ref().ok_or(NoLoader::Https)?;
        let host = https.name.clone();
        let host = host.unwrap_or_else(|| self.server.to_string());
        Ok(format!("https://{host}:{}", https.port))
    }
}

/// What the reply names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Named {
    /// A name at the TFTP root.
    File(Cow<'static, str>),
    /// A complete URI.
    Uri(String),
}

impl Named {
    /// As it stands in the reply.
    pub fn as_str(&self) -> &str {
        match self {
            Self::File(name) => name,
            Self::Uri(uri) => uri,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a URI may not carry as it is, of what paths in profiles hold (RFC 3986 section 3.3).
const ESCAPED: &AsciiSet = &CONTROLS.add(b'#').add(b'%').add(b'?').add(b'[').add(b']');

/// Whether a loader of this name (or URI) asks for its files the server that its firmware has its lease
/// from, and nobody whom a proxy names: GRUB reads the `DHCPACK` alone, and shim takes that where it names
/// a file; behind a proxy GRUB asks the DHCP server for its menu, for ever (facts C, quirks 37 and 38; seen
/// with Debian's signed pair). `core.efi` and `core.0` are what grub-mknetdir makes.
pub fn reads_the_ack(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let begins = |start: &str| {
        let head = file.as_bytes().get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    };
    ["shim", "grub", "core.efi", "core.0"]
        .into_iter()
        .any(begins)
}

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
    let asks = Asks {
        profile,
        client,
        platform: client.platform(),
        wanted: wanted(profile, client.platform()),
        shim: profile.starts_by_shim(client),
        own: quirks.set(|c| c.loader.as_deref()),
    };
    if asks.runs_a_script() {
        return Ok(Named::Uri(script_uri(client, here)));
    }
    if let Some(target) = asks.http_entry() {
        return Ok(Named::Uri(by_http(profile, target, here)?));
    }
    if asks.ends_by_http() {
        return Err(NoLoader::SignedByHttp);
    }
    if asks.is_cut_by_script() {
        return Ok(Named::Uri(script_by_tftp(client, here)));
    }
    let file = asks.file(here)?;
    Ok(match client.class {
        Class::Pxe => by_tftp(file, quirks, here),
        Class::Http => Named::Uri(format!("{}/assets/{file}", here.web(profile)?)),
    })
}

/// The first program of ours that a profile has for ROMs of a platform, whatever is known of each.
pub(super) fn first(profile: &Profile, platform: Platform) -> Option<&'static str> {
    let wanted = wanted(profile, platform);
    let shim = wanted.shim(platform);
    let shim = shim.filter(|_| profile.boots_by_shim(platform));
    shim.or_else(|| wanted.program(platform))
}

/// The loader that a profile has for a platform.
fn wanted(profile: &Profile, platform: Platform) -> Loader {
    profile.loader.get(platform).copied().unwrap_or_default()
}

/// Who is to be named a loader.
struct Asks<'a> {
    profile: &'a Profile,
    client: &'a Client,
    platform: Platform,
    wanted: Loader,
    /// Whether Secure Boot is on, as its profile says or was seen of it.
    shim: bool,
    /// What a quirk row names.
    own: Option<&'a str>,
}

impl<'a> Asks<'a> {
    /// Whether it is an iPXE that goes on by itself.
    fn runs_a_script(&self) -> bool {
        let Self { client, wanted, .. } = *self;
        let ipxe = client.stage == Stage::Ipxe && !self.shim;
        ipxe && by_script(wanted) && !is_stripped(client, wanted)
    }

    /// What `http_boot` has its firmware load by itself.
    fn http_entry(&self) -> Option<&'a Target> {
        if self.client.class != Class::Http || self.client.stage == Stage::Ipxe {
            return None;
        }
        let seen = |entry: &Entry| menu::sees(self.client, entry);
        self.profile.http_entry(self.platform, seen)
    }

    /// Whether it was seen to run what is signed alone, and by HTTP: Debian's GRUB has no http module, and
    /// its prefix is where shim came from (seen with OVMF).
    fn ends_by_http(&self) -> bool {
        self.shim && self.client.class == Class::Http && self.profile.secure_boot.is_none()
    }

    fn is_cut_by_script(&self) -> bool {
        self.cut() == Some(Cut::Script) && by_script(self.wanted)
    }

    /// How a loop of ours is cut; what a row names is the operator's, who knows what it leads to.
    fn cut(&self) -> Option<Cut> {
        self.client
            .past
            .cut
            .filter(|_| self.own.is_none() && !self.shim)
    }

    /// What a row names, where its profile leaves that open.
    fn row(&self) -> Option<&'a str> {
        let open = matches!(self.wanted, Loader::Auto | Loader::Firmware);
        self.own.filter(|_| !self.shim && open)
    }

    /// The name of its loader.
    fn file(&self, here: Here<'_>) -> Result<Cow<'static, str>, NoLoader> {
        if let Some(row) = self.row() {
            return Ok(row.to_owned().into());
        }
        let file = self.program().ok_or_else(|| self.none(false))?;
        // What --assets brings is the operator's, who knows what it can.
        if self.client.class == Class::Http && !here.own_grub() && reads_the_ack(file) {
            return Err(self.not_by_http());
        }
        Ok(file.into())
    }

    /// The one of ours.
    fn program(&self) -> Option<&'static str> {
        let Self {
            platform, wanted, ..
        } = *self;
        if self.shim {
            return wanted.shim(platform);
        }
        if self.cut() == Some(Cut::OtherLoader) && wanted == Loader::Ipxe {
            let other = Loader::Auto.program(platform);
            return other.or(wanted.program(platform));
        }
        // The menu of U-Boot is for `pxe get`, which is TFTP.
        let by_tftp = platform.is_u_boot() && self.client.class == Class::Http;
        wanted.program(platform).filter(|_| !by_tftp)
    }

    /// Why HTTP boot is not named GRUB: its profile says so where another would be named without Secure Boot.
    fn not_by_http(&self) -> NoLoader {
        let other = self.wanted.program(self.platform);
        if self.shim && other.is_some_and(|other| !reads_the_ack(other)) {
            return NoLoader::SecureByHttp((*self.profile.name).into());
        }
        self.none(true).into()
    }

    fn none(&self, by_pxe: bool) -> NoKind {
        NoKind {
            loader: word(self.wanted),
            platform: self.platform,
            arch: self.client.arch(),
            by_pxe,
        }
    }
}

/// What firmware itself loads by HTTP: a program, or an image that becomes a RAM disk. What another
/// server has is named as it is.
fn by_http(profile: &Profile, target: &Target, here: Here<'_>) -> Result<String, NoLoader> {
    let path = match target {
        Target::Url(url) => return Ok(url.clone()),
        Target::Path(path) => here.snapshot.tree_name(path),
    };
    let path = utf8_percent_encode(&path, ESCAPED);
    Ok(format!("{}/{path}", here.web(profile)?))
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
        Some(features) if !features.http => script_by_tftp(client, here),
        _ => format!("{}/{name}", here.http()),
    }
}

/// The script by what every iPXE speaks; a ROM that is none asks for a file of that name, which is not
/// there, and starts nothing.
fn script_by_tftp(client: &Client, here: Here) -> String {
    format!("tftp://{}/{}", here.server, script_name(client.mac))
}

/// Whether it is a ROM's iPXE that can start no Linux kernel, nor go on to one that can by its script: the
/// one in VirtualBox (danderson/netboot#51, ltsp#579). It boots `lpxelinux.0` as any ROM does. Builds for
/// UEFI do not list that feature, and have no need of it (danderson/netboot#55).
fn is_stripped(client: &Client, wanted: Loader) -> bool {
    let bios = client.platform() == Platform::Bios;
    bios && wanted != Loader::Ipxe && client.ipxe.is_some_and(|features| features.stripped)
}

const fn word(loader: Loader) -> &'static str {
    match loader {
        Loader::Auto | Loader::Firmware => "automatic",
        Loader::Pxelinux => "pxelinux",
        Loader::Ipxe => "iPXE",
        Loader::Grub => "GRUB",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shim_and_grub_read_only_the_ack() {
        for name in [
            "grubaa64.efi",
            "GRUBX64.EFI",
            "images/debian/grubnetx64.efi.signed",
            "shimia32.efi",
            "http://10.0.0.2:8067/assets/shimx64.efi",
            "boot\\grub\\core.efi",
        ] {
            assert!(reads_the_ack(name), "{name}");
        }
        for name in [
            "snponly.efi",
            "lpxelinux.0",
            "http://10.0.0.2:8067/boot/02-00-00-00-00-01.ipxe",
            "grub/menu.ipxe",
            "bootmgfw.efi",
        ] {
            assert!(!reads_the_ack(name), "{name}");
        }
    }

    #[test]
    fn all_that_boots_by_grub_reads_only_the_ack() {
        for platform in Platform::NAMED {
            for loader in Loader::ALL {
                let shim = loader.shim(platform);
                assert!(shim.is_none_or(reads_the_ack), "{platform}");
                let program = loader.program(platform);
                let grub = program.is_some_and(reads_the_ack);
                assert_eq!(grub, loader.is_grub(platform), "{platform} {program:?}");
            }
        }
    }
}
