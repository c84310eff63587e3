//! The shape of a reply: which, on what evidence, who chose it, and what it names.

use std::fmt::Write as _;

use crate::client::{Client, Shape};
use crate::config::Mode;
use crate::decide::Answer;
use crate::decide::menu::NoRoom;
use crate::profile::Profile;
use crate::relay::WAIT;

/// All of it, and the profile.
pub(super) fn strategy(answer: &Answer, out: &mut String) -> std::fmt::Result {
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
    if answer.strategy.leased {
        lease_of_another(answer, out)?;
    }
    if let Some(unleased) = &answer.unleased {
        writeln!(out, "no lease: {unleased}")?;
    }
    if !answer.delay.is_zero() {
        writeln!(out, "delay: {:?} before the OFFER", answer.delay)?;
    }
    loader(answer.loader.as_deref(), out)?;
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

/// Where the rest of the reply comes from, and what there is without it.
fn lease_of_another(answer: &Answer, out: &mut String) -> std::fmt::Result {
    write!(
        out,
        "lease: the LAN's own DHCP server's, asked for as by a relay; the reply is that lease with what is printed here"
    )?;
    let otherwise = answer.otherwise.as_ref().map(|a| a.strategy.name);
    otherwise.map_or(Ok(()), |name| {
        write!(out, "; where none comes in {WAIT:?}, {name} without one")
    })?;
    writeln!(out)
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
