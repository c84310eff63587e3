//! Path and asker → content, under one snapshot.

use std::net::IpAddr;

use super::names::{MenuKind, Name, Whose, name};
use super::raspberry_pi;
use super::{CleanPath, FilePath, Found, Memory, Missing, Rendered, Requester, Root};
use crate::assets::{self, pair};
use crate::client::progress::Given;
use crate::client::{Client, Cut, Registry, Stage};
use crate::profile::{Selection, Snapshot, choose};
use crate::render::{self, Dialect, Place};
use crate::wire::{Arch, Mac};

/// What `path` is for this requester.
///
/// # Errors
/// The reason why it is nothing; the peer is told "not found".
pub fn resolve(
    snapshot: &Snapshot,
    requester: &Requester,
    path: &CleanPath,
) -> Result<Found, Missing> {
    match name(path) {
        Name::Asset(name) if loops(requester, &name) => {
            menu(snapshot, requester, MenuKind::Ipxe(None), Whose::Asker)
        }
        Name::Asset(name) => asset(snapshot, &name).or_else(|missing| {
            raspberry_pi::file(snapshot, requester, path).unwrap_or(Err(missing))
        }),
        Name::Image(path) => Ok(image(path)),
        Name::Menu(kind, whose) => match own(snapshot, path.as_str()) {
            Some(file) if matches!(kind, MenuKind::Grub(_)) => Ok(Found::File(file)),
            _ => menu(snapshot, requester, kind, whose),
        },
        Name::SecureBootOff => Ok(taken_back()),
        Name::EntryScript { mac, arch, id } => entry_script(snapshot, requester, (mac, arch), &id),
    }
}

/// Whether it is the iPXE that another server names again and again to the iPXE that asks for it, which
/// takes a script under any name.
fn loops(requester: &Requester, name: &str) -> bool {
    let client = requester.client.as_ref();
    let cut = client.is_some_and(|client| client.past.cut == Some(Cut::ScriptInPlace));
    cut && Given::of(name) == Given::Ipxe
}

/// What `path` is for whoever asks; `None` where that depends on who it is.
///
/// # Errors
/// The reason why it is nothing.
pub fn for_everyone(snapshot: &Snapshot, path: &CleanPath) -> Option<Result<Found, Missing>> {
    match name(path) {
        Name::Asset(name) => Some(asset(snapshot, &name)),
        Name::Image(path) => Some(Ok(image(path))),
        Name::Menu(..) | Name::EntryScript { .. } | Name::SecureBootOff => None,
    }
}

pub(super) const fn image(path: CleanPath) -> Found {
    Found::File(FilePath {
        root: Root::Images,
        path,
    })
}

/// The machine that asks for `path`: the one that the path names, else the one behind the address; as
/// that address may know it.
pub fn asker(clients: &Registry, peer: IpAddr, path: Option<&CleanPath>) -> Option<Client> {
    let asker = clients.by_ip(peer);
    let named = match path.map_or(Whose::Asker, mentioned) {
        Whose::Mac(mac) => Some(mac),
        // Boards of one make may share a UUID: the asker's own goes before all others.
        Whose::Uuid(uuid) if !asker.as_ref().is_some_and(|a| a.has_uuid(uuid)) => {
            clients.by_uuid(uuid)
        }
        Whose::Uuid(_) | Whose::Asker => None,
    };
    let named = named.and_then(|mac| clients.as_asked_from(mac, peer));
    named.or(asker)
}

/// Which machine a path names by itself.
fn mentioned(path: &CleanPath) -> Whose {
    match name(path) {
        Name::Menu(_, whose) => whose,
        Name::EntryScript { mac, .. } => Whose::Mac(mac),
        Name::Asset(_) | Name::Image(_) | Name::SecureBootOff => Whose::Asker,
    }
}

/// The operator's file of that name, else ours; firmware may spell it in capitals.
fn asset(snapshot: &Snapshot, name: &str) -> Result<Found, Missing> {
    if let Some(file) = own(snapshot, name) {
        return Ok(Found::File(file));
    }
    match embedded(name) {
        Some(found) => Ok(found),
        None => match behind_shim(name) {
            Some(program) => asset(snapshot, program),
            None => in_a_folder(snapshot, name).ok_or(Missing::Unknown),
        },
    }
}

/// U-Boot puts the folder of the boot file that it was named in front of what our menu names.
fn in_a_folder(snapshot: &Snapshot, name: &str) -> Option<Found> {
    if let Some((_, rest)) = name.split_once("/images/") {
        return CleanPath::new(rest.as_bytes()).map(image).ok();
    }
    let (_, rest) = name.split_once("/assets/")?;
    asset(snapshot, rest).ok()
}

/// Which of the programs behind shim it is, in some folder: shim looks for it where the DHCP server's file
/// is, or in half a folder's name (quirk 37).
fn behind_shim(name: &str) -> Option<&'static str> {
    let (_, file) = name.rsplit_once('/')?;
    let mut programs = pair::ALL.iter().map(|pair| pair.grub);
    programs.find(|program| program.eq_ignore_ascii_case(file))
}

/// Whether there is an asset or an operator's file of that name.
pub(super) fn is_ours(snapshot: &Snapshot, name: &str) -> bool {
    own(snapshot, name).is_some() || embedded(name).is_some()
}

fn own(snapshot: &Snapshot, name: &str) -> Option<FilePath> {
    let mut own = snapshot.overrides.iter();
    let own = own.find(|o| o.eq_ignore_ascii_case(name))?;
    Some(FilePath {
        root: Root::Assets,
        path: CleanPath::new(own.as_bytes()).ok()?,
    })
}

fn embedded(name: &str) -> Option<Found> {
    let asset = assets::get(name).or_else(|| assets::get(&name.to_ascii_lowercase()))?;
    Some(Found::Asset(Memory {
        bytes: bytes::Bytes::from_static(asset.bytes),
        media: super::media_type(asset.name),
    }))
}

fn menu(
    snapshot: &Snapshot,
    requester: &Requester,
    kind: MenuKind,
    whose: Whose,
) -> Result<Found, Missing> {
    let client = match (known(requester, whose), kind, whose) {
        (Some(client), ..) => client,
        (None, MenuKind::Ipxe(None), _) => return Ok(introduce_yourself(requester, snapshot)),
        (None, MenuKind::Ipxe(Some(arch)), Whose::Mac(mac)) => {
            stranger(requester, mac, arch, Stage::Ipxe)
        }
        (None, MenuKind::Pxelinux, Whose::Mac(mac)) => {
            stranger(requester, mac, Arch::BIOS, Stage::Pxelinux)
        }
        (None, MenuKind::Grub(arch), Whose::Mac(mac)) => {
            stranger(requester, mac, arch.unwrap_or(Arch::EFI_X64), Stage::Grub)
        }
        (None, ..) => return Err(Missing::UnknownClient),
    };
    let dialect = dialect(kind);
    let profile = chosen(snapshot, &client)?.profile;
    let rendering = render::menu(
        snapshot,
        &profile,
        &client,
        place(snapshot, requester),
        dialect,
    )
    .map_err(|e| Missing::Render(e.to_string()))?;
    let rendered = Rendered {
        dialect: dialect.name(),
        profile: profile.name.to_string(),
        entries: rendering.entries,
    };
    Ok(text(rendering.text, rendered))
}

const fn dialect(kind: MenuKind) -> Dialect {
    match kind {
        MenuKind::Pxelinux => Dialect::Pxelinux,
        MenuKind::Grub(_) => Dialect::Grub,
        MenuKind::Ipxe(_) => Dialect::Ipxe,
    }
}

/// The machine the service looked up, unless the path means another one.
fn known(requester: &Requester, whose: Whose) -> Option<Client> {
    let client = requester.client.as_ref()?;
    let meant = match whose {
        Whose::Mac(mac) => client.mac == mac,
        // A UUID that nobody has shown is the asker's own: pxelinux asks by it first.
        Whose::Uuid(_) | Whose::Asker => true,
    };
    meant.then(|| client.clone())
}

/// A machine that no DHCP packet has shown, as far as its request tells of it.
fn stranger(requester: &Requester, mac: Mac, arch: Arch, stage: Stage) -> Client {
    let ip = match requester.peer {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    let network = ip.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED);
    Client {
        archs: vec![arch],
        stage,
        ip,
        ..Client::unknown(mac, network)
    }
}

/// An iPXE that nobody knows is sent to the name that says what it is.
fn introduce_yourself(requester: &Requester, snapshot: &Snapshot) -> Found {
    let base = place(snapshot, requester).http();
    let script =
        format!("#!ipxe\nchain {base}/boot/${{platform}}-${{buildarch}}/${{mac:hexhyp}}.ipxe\n");
    text(
        script,
        Rendered {
            dialect: "ipxe",
            profile: String::new(),
            entries: 0,
        },
    )
}

/// What GRUB does when it has told that Secure Boot is off.
fn taken_back() -> Found {
    let rendered = Rendered {
        dialect: Dialect::Grub.name(),
        profile: String::new(),
        entries: 0,
    };
    text(render::signed::TAKEN_BACK.to_owned(), rendered)
}

fn entry_script(
    snapshot: &Snapshot,
    requester: &Requester,
    (mac, arch): (Mac, Option<Arch>),
    id: &str,
) -> Result<Found, Missing> {
    let arch = arch.unwrap_or(Arch::BIOS);
    let client = known(requester, Whose::Mac(mac))
        .unwrap_or_else(|| stranger(requester, mac, arch, Stage::Ipxe));
    let profile = chosen(snapshot, &client)?.profile;
    let script =
        render::view::entry_script(snapshot, &profile, &client, place(snapshot, requester), id)
            .map_err(|e| Missing::Render(e.to_string()))?;
    Ok(text(
        script,
        Rendered {
            dialect: "ipxe",
            profile: profile.name.to_string(),
            entries: 1,
        },
    ))
}

pub(super) fn chosen(snapshot: &Snapshot, client: &Client) -> Result<Selection, Missing> {
    choose(snapshot, client).ok_or(Missing::NoProfile)
}

pub(super) const fn place(snapshot: &Snapshot, requester: &Requester) -> Place {
    Place {
        server: requester.server,
        http_port: snapshot.http_port,
        peer: requester.peer,
        tftp_only: requester.tftp_only,
    }
}

pub(super) fn text(text: String, rendered: Rendered) -> Found {
    Found::Text(
        Memory {
            bytes: text.into(),
            media: "text/plain; charset=utf-8",
        },
        rendered,
    )
}
