//! `reservations:` → [`Reservation`]s: each for one client, each address once.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::ground::Ground;
use super::model::{Reservation, Terms, Whom};
use super::networks::list;
use super::pools::usable;
use super::schema::{RESERVATION, WHOM};
use super::terms;
use super::words::{address, host_name, identifier, mac};
use crate::yaml::{At, Node, Report, Section, text, uuid};

/// The longest name of a profile, in characters.
const MAX_PROFILE: usize = 120;

/// What was reserved before, and where.
#[derive(Default)]
struct Taken {
    addresses: HashMap<Ipv4Addr, At>,
    /// For whom, in which network (`None`: without an address).
    whom: HashMap<(Whom, Option<usize>), At>,
}

/// Reads the list; `ground` is settled.
pub(super) fn read(node: &Node, ground: &Ground, report: &mut Report<'_>) -> Vec<Reservation> {
    let mut taken = Taken::default();
    let hint = "begin every reservation with \"- mac:\"";
    let items = list(node, "reservations", hint, report);
    let read = items
        .iter()
        .map(|item| one(item, ground, &mut taken, report));
    read.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn one(
    node: &Node,
    ground: &Ground,
    taken: &mut Taken,
    report: &mut Report<'_>,
) -> Option<Reservation> {
    let section = Section::open(node, &RESERVATION, report)?;
    let whom = whom(&section, report);
    let address = section.or("address", None, |n| {
        Some(Some((address(n, "address", report)?, n)))
    });
    let host_name = section.or("host-name", None, |n| Some(Some(host_name(n, report)?)));
    let profile = section.or("profile", None, |n| Some(Some(profile(n, report)?)));
    let terms = terms::within(&Terms::default(), &section, report);
    let network = match address {
        Some(Some((address, node))) => placed(address, node, ground, taken, report),
        _ => None,
    };
    let (whom, address) = (whom?, address?);
    // Of an address without a network it has been said already.
    if address.is_none() || network.is_some() {
        once(&whom, network, section.at, taken, report);
    }
    let reservation = Reservation {
        whom,
        address: address.map(|(address, _)| address),
        host_name: host_name?,
        profile: profile?,
        terms,
        at: section.at,
    };
    warn_of_nothing(&reservation, report);
    Some(reservation)
}

/// The one key that tells the client.
fn whom(section: &Section<'_>, report: &mut Report<'_>) -> Option<Whom> {
    let mut given = WHOM.iter().filter_map(|name| section.field(name));
    let Some((key, node)) = given.next() else {
        let message =
            "the reservation is for nobody; give it one of mac, client-id, uuid, circuit-id";
        report.error(section.at, message, None);
        return None;
    };
    if let Some((other, _)) = given.next() {
        let message = format!(
            "the reservation has both \"{}\" and \"{}\"",
            key.text, other.text
        );
        report.error(other.at, message, "make two reservations of it".to_owned());
    }
    match key.text.as_str() {
        "mac" => mac(node, report).map(Whom::Mac),
        "client-id" => identifier(node, "client-id", report).map(Whom::ClientId),
        "uuid" => uuid(node, report).map(Whom::Uuid),
        _ => identifier(node, "circuit-id", report).map(Whom::Circuit),
    }
}

fn profile(node: &Node, report: &mut Report<'_>) -> Option<Arc<str>> {
    let name = text(node, "profile", report)?.trim();
    let fits = (1..=MAX_PROFILE).contains(&name.chars().count());
    if !fits {
        let message = "profile must be the name of a profile";
        report.error(node.at, message, None);
    }
    fits.then(|| name.into())
}

/// The number of the network that an address lies in, where a host may have it and it is free.
fn placed(
    address: Ipv4Addr,
    node: &Node,
    ground: &Ground,
    taken: &mut Taken,
    report: &mut Report<'_>,
) -> Option<usize> {
    if let Some(first) = taken.addresses.insert(address, node.at) {
        let message = format!("{address} is reserved twice");
        report.error(node.at, message, format!("first in line {}", first.line));
        return None;
    }
    let Some((net, network)) = ground.of(address) else {
        let message = format!("{address} is in no subnet");
        let hint = match ground.shown() {
            none if none.is_empty() => "there is no network; describe it below networks".to_owned(),
            subnets => format!("subnets here: {subnets}"),
        };
        report.error(node.at, message, hint);
        return None;
    };
    let usable = usable(net);
    if !usable.contains(address) {
        let message = format!("{address} is the network or broadcast address of {net}");
        report.error(node.at, message, format!("hosts have {usable}"));
        return None;
    }
    Some(network)
}

/// A client has one reservation a network, and one that is for everywhere else.
fn once(whom: &Whom, network: Option<usize>, at: At, taken: &mut Taken, report: &mut Report<'_>) {
    if let Some(first) = taken.whom.insert((whom.clone(), network), at) {
        let message = match network {
            Some(_) => "this client has a reservation in the same network already",
            None => "this client has a reservation without an address already",
        };
        report.error(at, message, format!("first in line {}", first.line));
    }
}

fn warn_of_nothing(reservation: &Reservation, report: &mut Report<'_>) {
    let says = reservation.address.is_some()
        || reservation.host_name.is_some()
        || reservation.profile.is_some()
        || reservation.terms != Terms::default();
    if !says {
        let hint = "give it an address, a host-name, a profile or options".to_owned();
        report.warn(reservation.at, "the reservation reserves nothing", hint);
    }
}
