//! The shape of a reply: which, on what evidence, who chose it, and what it names.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::client::{Client, Shape};
use crate::config::Mode;
use crate::decide::Answer;
use crate::decide::loader::Named;
use crate::decide::menu::NoRoom;
use crate::profile::Profile;
use crate::relay::servers::Servers;
use crate::relay::{LONGEST, WAIT};
use crate::service::dhcp_servers::FILE;

/// All of it, and the profile.
pub(super) fn strategy(answer: &Answer, servers: &Servers, out: &mut String) -> std::fmt::Result {
    let profile = &answer.selection.profile;
    writeln!(
        out,
        "profile: \"{}\" ({}): {}",
        profile.name, profile.file, answer.selection.why
    )?;
    writeln!(
        out,
        "strategy: {}: {}",
        answer.strategy.name, answer.strategy.evidence
    )?;
    writeln!(out, "chosen by: {}", answer.by)?;
    if let Some(lease) = lease_of_another(answer, servers, None) {
        writeln!(out, "lease: {lease}")?;
    }
    if let Some(unleased) = &answer.unleased {
        writeln!(out, "no lease: {unleased}")?;
    }
    if !answer.delay.is_zero() {
        writeln!(out, "delay: {:?} before the OFFER", answer.delay)?;
    }
    loader(answer.loader.as_ref().map(Named::as_str), out)?;
    no_menu(answer.no_menu.as_ref(), out)
}

/// A shape that the profile pins, and this reply does not have, for want of a lease to put it into; `told`: it has
/// one, or it was said why not.
pub(super) fn pinned(
    profile: &Profile,
    client: &Client,
    (mode, told): (Mode, bool),
    out: &mut String,
) -> std::fmt::Result {
    let shape = profile.strategy.as_ref();
    let shape = shape.and_then(|each| each.get(client.platform()));
    if told || shape != Some(&Shape::Augment) {
        return Ok(());
    }
    let why = match mode {
        Mode::Proxy => "no lease can be fetched for it",
        Mode::Colocated | Mode::Dhcp => "that is for mode proxy alone",
    };
    writeln!(
        out,
        "pinned: {}, which does not apply in mode {}: {why}",
        Shape::Augment,
        mode.name()
    )
}

/// Where the rest of the reply comes from, and what there is without it; `None`: all of it is ours. `wanted`: the
/// address that is asked for, where one is.
pub(super) fn lease_of_another(
    answer: &Answer,
    servers: &Servers,
    wanted: Option<Ipv4Addr>,
) -> Option<String> {
    if !answer.strategy.leased {
        return None;
    }
    let which = wanted.map_or_else(String::new, |address| format!(" of {address}"));
    let lease = format!(
        "the LAN's own DHCP server's, asked for as by a relay; the reply is that lease{which} with what is printed here"
    );
    let Some(otherwise) = answer.otherwise.as_ref().map(|a| a.strategy.name) else {
        return Some(format!(
            "{lease}, or a NAK where that server has another address for this machine"
        ));
    };
    if !servers.all_deaf() {
        return Some(format!(
            "{lease}; where none comes in {WAIT:?} ({LONGEST:?} while that server is busy), {otherwise} without one"
        ));
    }
    let deaf: Vec<String> = servers.deaf().map(|server| server.to_string()).collect();
    Some(format!(
        "none is waited for, since {} is known to answer no relays ({FILE} in the state folder): {otherwise} goes out at \
         once, without one, as long as no other DHCP server is heard; a lease that comes all the same is handed on",
        deaf.join(", ")
    ))
}

/// What leaves as things are: where no lease is waited for, what there is without one.
pub(super) fn sent<'a>(answer: &'a Answer, servers: &Servers) -> &'a Answer {
    let otherwise = answer.otherwise.as_deref();
    otherwise.filter(|_| servers.all_deaf()).unwrap_or(answer)
}

/// What is named; a menu may be all that is told.
pub(super) fn loader(name: Option<&str>, out: &mut String) -> std::fmt::Result {
    let name =
        name.unwrap_or("none for this machine; its firmware loads what is chosen in its menu");
    writeln!(out, "loader: {name}")
}

/// Why the loader shows a menu that the profile has for the firmware.
pub(super) fn no_menu(why: Option<&NoRoom>, out: &mut String) -> std::fmt::Result {
    why.map_or(Ok(()), |why| {
        writeln!(out, "menu: left to the loader: {why}")
    })
}
