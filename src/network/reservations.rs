//! `reservations:` → [`Reservation`]s: each for one client, each address once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::compile::Beside;
use super::ground::Ground;
use super::hosts::no_machine;
use super::model::{Reservation, Terms, Whom};
use super::networks::list;
use super::pools::usable;
use super::schema::{RESERVATION, WHOM};
use super::terms::{self, Layer};
use super::words::{address, host_name, identifier, mac};
use crate::wire::Mac;
use crate::yaml::{At, Node, Report, Section, similar, text, uuid};

/// The longest name of a profile, in characters.
const MAX_PROFILE: usize = 120;

/// So many times the nearest name of a profile is looked for.
const MAX_MEANT: usize = 50;

/// What was reserved before, and where.
#[derive(Default)]
struct Taken {
    /// Profiles that are not there.
    strays: usize,
    addresses: HashMap<Ipv4Addr, At>,
    /// For whom, in which network (`None`: without an address).
    whom: HashMap<(Whom, Option<usize>), At>,
}

/// What a reservation is held against.
struct Around<'a> {
    ground: &'a Ground,
    beside: Beside<'a>,
}

/// Reads the list; `ground` is settled.
pub(super) fn read(
    node: &Node,
    ground: &Ground,
    beside: Beside<'_>,
    report: &mut Report<'_>,
) -> Vec<Reservation> {
    let mut taken = Taken::default();
    let around = Around { ground, beside };
    let hint = "begin every reservation with \"- mac:\"";
    let items = list(node, "reservations", hint, report);
    let read = items
        .iter()
        .map(|item| one(item, &around, &mut taken, report));
    read.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn one(
    node: &Node,
    around: &Around<'_>,
    taken: &mut Taken,
    report: &mut Report<'_>,
) -> Option<Reservation> {
    let section = Section::open(node, &RESERVATION, report)?;
    let whom = whom(&section, report);
    let address = section.or("address", None, |n| {
        Some(Some((address(n, "address", report)?, n)))
    });
    let host_name = section.or("host-name", None, |n| Some(Some(host_name(n, report)?)));
    let profile = section.or("profile", None, |n| {
        Some(Some(profile(n, around.beside, taken, report)?))
    });
    let terms = terms::within(&Layer::default(), &section, report).terms;
    let network = network(address.flatten(), around, taken, report);
    once(&section, whom.as_ref(), network, taken, report);
    let (whom, address) = (whom?, address?);
    let mut reservation = Reservation {
        whom,
        address: address.map(|(address, _)| address),
        host_name: host_name?,
        profile: profile?,
        terms,
        at: section.at,
    };
    warn_of_nothing(&reservation, report);
    reservation.address = address.and_then(|(a, n)| free(a, n, around.beside.own, report));
    Some(reservation)
}

/// The number of the network that it is in, as far as that can be told.
fn network(
    address: Option<(Ipv4Addr, &Node)>,
    around: &Around<'_>,
    taken: &mut Taken,
    report: &mut Report<'_>,
) -> Option<usize> {
    let placed = address.and_then(|(a, node)| placed(a, node, around.ground, taken, report));
    placed.or_else(|| around.ground.only())
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
        "mac" => machine(node, report).map(Whom::Mac),
        "client-id" => identifier(node, "client-id", report).map(Whom::ClientId),
        "uuid" => uuid(node, report).map(Whom::Uuid),
        _ => identifier(node, "circuit-id", report).map(Whom::Circuit),
    }
}

/// The hardware address of one machine.
fn machine(node: &Node, report: &mut Report<'_>) -> Option<Mac> {
    let mac = mac(node, report)?;
    if let Some(why) = no_machine(&mac) {
        let hint = "write the address of the machine's network card".to_owned();
        report.error(node.at, format!("{mac} {why}"), hint);
    }
    Some(mac)
}

fn profile(
    node: &Node,
    beside: Beside<'_>,
    taken: &mut Taken,
    report: &mut Report<'_>,
) -> Option<Arc<str>> {
    let name = text(node, "profile", report)?.trim();
    if !(1..=MAX_PROFILE).contains(&name.chars().count()) {
        let message = "profile must be the name of a profile";
        report.error(node.at, message, None);
        return None;
    }
    // No error: a profile that is renamed must not take the addresses of a whole LAN away.
    if let Some(all) = beside.profiles.filter(|all| !all.contains(name)) {
        taken.strays += 1;
        let hint = (taken.strays <= MAX_MEANT).then(|| similar::hint(name, sorted(all)));
        let message = format!("no profile is called \"{}\"", name.escape_debug());
        report.warn(node.at, message, hint);
    }
    Some(name.into())
}

fn sorted<'a>(all: &HashSet<&'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = all.iter().copied().collect();
    all.sort_unstable();
    all
}

/// The address, unless this host has it.
fn free(
    address: Ipv4Addr,
    node: &Node,
    own: &[Ipv4Addr],
    report: &mut Report<'_>,
) -> Option<Ipv4Addr> {
    if !own.contains(&address) {
        return Some(address);
    }
    let message = format!("{address} is this host's own, and is not given out");
    let hint = "reserve another one; until then the client gets one of a pool".to_owned();
    report.warn(node.at, message, hint);
    None
}

/// The number of the network that an address lies in; what else is wrong with it is reported.
fn placed(
    address: Ipv4Addr,
    node: &Node,
    ground: &Ground,
    taken: &mut Taken,
    report: &mut Report<'_>,
) -> Option<usize> {
    if let Some(first) = first(&mut taken.addresses, address, node.at) {
        let message = format!("{address} is reserved twice");
        report.error(node.at, message, format!("first in line {}", first.line));
    }
    let Some((net, network)) = ground.of(address) else {
        // It may be in the one that cannot be read.
        if ground.unknown {
            return None;
        }
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
    }
    Some(network)
}

/// Where the same stood first; else that is here.
fn first<K: Eq + Hash>(seen: &mut HashMap<K, At>, what: K, at: At) -> Option<At> {
    match seen.entry(what) {
        Entry::Occupied(first) => Some(*first.get()),
        Entry::Vacant(none) => {
            none.insert(at);
            None
        }
    }
}

/// A client has one reservation a network, and one that is for everywhere else.
fn once(
    section: &Section<'_>,
    whom: Option<&Whom>,
    network: Option<usize>,
    taken: &mut Taken,
    report: &mut Report<'_>,
) {
    let anywhere = section.get("address").is_none();
    let Some(whom) = whom.filter(|_| anywhere || network.is_some()) else {
        return;
    };
    let network = network.filter(|_| !anywhere);
    if let Some(first) = first(&mut taken.whom, (whom.clone(), network), section.at) {
        let message = match network {
            Some(_) => "this client has a reservation in the same network already",
            None => "this client has a reservation without an address already",
        };
        report.error(section.at, message, format!("first in line {}", first.line));
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
