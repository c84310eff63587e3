//! The menu that a machine will see: its entries in the words of its loader, and those of the profile that are left
//! out for it.
//!
//! Absent on purpose: what a loader of the operator's asks for, and whether the files are there (`check`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::client::Client;
use crate::client::progress::Given;
use crate::decide::loader::reads_the_ack;
use crate::decide::menu::{NoRoom, of};
use crate::profile::items::{Items, WAIT};
use crate::profile::{Profile, Snapshot, U_BOOT_MENU};
use crate::render::view::{self, BoardTree, LeftOut, View};
use crate::render::{Boot, Dialect, Place};

/// What a machine is told, as far as its menu goes.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) profile: &'a Profile,
    /// The program or URI that it is named.
    pub(super) loader: Option<&'a str>,
    /// Why its firmware shows no menu, where the profile has one for it.
    pub(super) no_menu: Option<&'a NoRoom>,
}

/// Prints it.
pub(super) fn menu(
    snapshot: &Snapshot,
    client: &Client,
    (told, server): (Told<'_>, Ipv4Addr),
    out: &mut String,
) -> std::fmt::Result {
    let quirks = snapshot.quirks.treat(client);
    if quirks.tells_pi(client) {
        return of_pi(told.profile, out);
    }
    let shown = of(told.profile, client, &quirks).filter(|_| told.no_menu.is_none());
    if let Some(items) = shown {
        return of_firmware(told.profile, &items, client, out);
    }
    let Some(loader) = told.loader else {
        return Ok(());
    };
    let told_pxelinux = told.profile.pxelinux.as_ref();
    let config = told_pxelinux.and_then(|told| told.config.as_ref());
    if let Some(config) = config.filter(|_| loader.ends_with("pxelinux.0")) {
        return writeln!(
            out,
            "menu: {config:?} in the place of all entries (pxelinux: config)"
        );
    }
    let Some(dialect) = dialect(loader) else {
        return writeln!(
            out,
            "menu: none of the profile's entries: {loader} is started as it is"
        );
    };
    let place = Place {
        server: IpAddr::V4(server),
        http_port: snapshot.http_port,
        peer: IpAddr::V4(client.ip.unwrap_or(client.network)),
        tftp_only: false,
    };
    let made = view::view(snapshot, told.profile, client, place, dialect);
    let left_out = view::left_out(snapshot, told.profile, client, place, dialect);
    match made.and_then(|view| Ok((view, left_out?))) {
        Ok((view, left_out)) => of_loader(told.profile, dialect, (&view, &left_out), out),
        Err(why) => writeln!(out, "menu: none, it cannot be made: {why}"),
    }
}

/// What a loader reads, by the name under which it is told.
fn dialect(loader: &str) -> Option<Dialect> {
    let ending = loader.rsplit('.').next().unwrap_or_default();
    let is_script = ending.eq_ignore_ascii_case("ipxe") || Given::of(loader) == Given::Ipxe;
    let is_pxelinux = loader.ends_with("pxelinux.0") || loader == U_BOOT_MENU;
    match (is_script, is_pxelinux) {
        (true, _) => Some(Dialect::Ipxe),
        (_, true) => Some(Dialect::Pxelinux),
        _ => reads_the_ack(loader).then_some(Dialect::Grub),
    }
}

fn of_pi(profile: &Profile, out: &mut String) -> std::fmt::Result {
    match &profile.raspberry_pi {
        Some(pi) => writeln!(
            out,
            "menu: none: a Raspberry Pi asks for the files of a boot partition, and gets those of images/{}",
            pi.folder
        ),
        None => writeln!(
            out,
            "menu: NONE: it is a Raspberry Pi, which shows none, and the profile has no files for one (raspberry_pi: {{ folder: … }})"
        ),
    }
}

/// A menu in option 43, which is printed where that is.
fn of_firmware(
    profile: &Profile,
    shown: &Items<'_>,
    client: &Client,
    out: &mut String,
) -> std::fmt::Result {
    let begins = match shown.seconds {
        0 => "the first starts at once".to_owned(),
        WAIT => "it waits for somebody to choose".to_owned(),
        seconds => format!("the first starts after {seconds}s"),
    };
    let shown = &shown.entries;
    let count = counted(shown.len());
    writeln!(
        out,
        "menu: its firmware shows it (option 43), {count}; {begins}"
    )?;
    for entry in shown {
        line(&entry.id, &entry.title, "", out)?;
    }
    let platform = client.platform();
    let mut hidden = profile.menu.entries.iter();
    hidden.try_for_each(|entry| {
        if shown.iter().any(|seen| seen.id == entry.id) {
            return Ok(());
        }
        let why =
            format!("left out: nothing of it is for {platform}, or its loader cannot start it");
        line(&entry.id, &entry.title, &why, out)
    })
}

fn of_loader(
    profile: &Profile,
    dialect: Dialect,
    (view, left_out): (&View, &[LeftOut]),
    out: &mut String,
) -> std::fmt::Result {
    let who = match dialect {
        Dialect::Grub => "GRUB",
        Dialect::Ipxe => "iPXE",
        Dialect::Pxelinux if view.for_u_boot => "U-Boot",
        Dialect::Pxelinux => "pxelinux",
    };
    match view.default_item() {
        None => writeln!(
            out,
            "menu: EMPTY: this machine can start nothing of \"{}\" by {who}; give the profile an entry that is for it, or have it match another one",
            profile.name
        )?,
        Some(default) => writeln!(
            out,
            "menu: by {who}, {}; {}",
            counted(view.items.len()),
            begins(view, &default.id)
        )?,
    }
    for item in &view.items {
        line(&item.id, &item.title, &starts(&item.boot), out)?;
    }
    for LeftOut { id, title, why } in left_out {
        line(id, title, &format!("left out: {why}"), out)?;
    }
    Ok(())
}

/// Which entry starts, and when.
fn begins(view: &View, id: &str) -> String {
    match view.timeout {
        _ if view.at_once => format!("{id} starts at once, without a menu"),
        Some(timeout) => format!("{id} starts after {timeout:?}"),
        None => format!("{id} is the default, and it waits for somebody to choose"),
    }
}

fn starts(boot: &Boot) -> String {
    match boot {
        Boot::Linux {
            kernel,
            initrd,
            args,
            device_tree,
        } => {
            let tree = match device_tree {
                None => String::new(),
                Some(BoardTree::File(name) | BoardTree::Folder(name)) => {
                    format!(" device tree {name}")
                }
            };
            let files = std::iter::once(kernel).chain(initrd);
            let files: Vec<&str> = files.map(String::as_str).collect();
            format!("linux {}{tree} {args}", files.join(" "))
        }
        Boot::Program(uri) => format!("program {uri}"),
        Boot::Script(uri) => format!("iPXE script {uri}"),
        Boot::Image { uri, cd: true } => format!("CD image {uri}"),
        Boot::Image { uri, cd: false } => format!("disk image {uri}"),
        Boot::Local => "the local disk".to_owned(),
    }
}

fn counted(entries: usize) -> String {
    crate::yaml::counted(entries, "entry")
}

fn line(id: &str, title: &str, what: &str, out: &mut String) -> std::fmt::Result {
    let text = format!("  {id:<12} {title:<28} {what}");
    writeln!(out, "{}", text.trim_end())
}
