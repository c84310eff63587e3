//! `networks:` → [`Network`]s with their subnets and pools.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::ground::Ground;
use super::hosts;
use super::model::{Network, Subnet};
use super::pools::{self, Inside};
use super::schema::{NETWORK, SUBNET};
use super::terms::{self, Layer};
use crate::yaml::{At, Node, Report, Section, Value, kind, text, yes_no};

/// The longest name of a network, in characters.
const MAX_NAME: usize = 64;

/// What holds for all networks.
pub(super) struct Around<'t> {
    /// What clients are told everywhere.
    pub outer: &'t Layer,
    /// The addresses of this host.
    pub own: &'t [Ipv4Addr],
    /// Whether option 61 tells clients apart.
    pub match_client_id: bool,
}

/// Reads the list.
pub(super) fn read(
    node: &Node,
    around: &Around<'_>,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Network> {
    let mut networks = Vec::new();
    let mut names = HashMap::new();
    let hint = "begin every network with \"- subnet:\"";
    let items = list(node, "networks", hint, report);
    ground.networks = items.len();
    // A network's number is its place in the list, of which nothing is left out unless it is wrong.
    for (number, item) in items.iter().enumerate() {
        let Some(section) = Section::open(item, &NETWORK, report) else {
            ground.unknown = true;
            continue;
        };
        let network = one(&section, around, number, ground, report);
        if let Some(network) = &network {
            unique(&network.name, &section, &mut names, report);
        }
        networks.extend(network);
    }
    networks
}

/// The items of a list.
pub(super) fn list<'n>(
    node: &'n Node,
    what: &str,
    hint: &str,
    report: &mut Report<'_>,
) -> &'n [Node] {
    if let Value::List(items) = &node.value {
        return items;
    }
    let message = format!("{what} must be a list, not {}", kind(node));
    report.error(node.at, message, hint.to_owned());
    &[]
}

fn one(
    section: &Section<'_>,
    around: &Around<'_>,
    number: usize,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Option<Network> {
    let named = section.get("name").map(|n| name(n, report));
    let match_client_id = section.or("match-client-id", around.match_client_id, |n| {
        yes_no(n, "match-client-id", report)
    });
    let layer = terms::within(around.outer, section, report);
    let link = Link {
        layer: &layer,
        own: around.own,
        number,
    };
    let subnets = subnets(section, &link, ground, report);
    let first = subnets.first()?.net;
    let named = named.unwrap_or_else(|| Some(first.to_string().into()));
    Some(Network {
        name: named?,
        match_client_id: match_client_id?,
        subnets,
    })
}

/// What holds for the subnets of one network.
struct Link<'t> {
    layer: &'t Layer,
    own: &'t [Ipv4Addr],
    number: usize,
}

/// The subnets of a network, of which it has at least one, unless something is wrong.
fn subnets(
    section: &Section<'_>,
    link: &Link<'_>,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Subnet> {
    match (section.field("subnets"), section.get("subnet")) {
        (Some((key, _)), Some(_)) => {
            let message = "the network has both \"subnet\" and \"subnets\"";
            report.error(key.at, message, "list all of them in subnets".to_owned());
            Vec::new()
        }
        (None, _) => short(section, link, ground, report),
        (Some((_, node)), None) => {
            if let Some((key, _)) = section.field("pools") {
                let message = "pools stand in a subnet here, not beside \"subnets\"";
                report.error(key.at, message, "move them below their subnet".to_owned());
            }
            several(node, link, ground, report)
        }
    }
}

/// A network that is one subnet: what it says is its subnet's.
fn short(
    section: &Section<'_>,
    link: &Link<'_>,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Subnet> {
    let subnet = with_pools(section, link.layer, link, ground, report);
    subnet.into_iter().collect()
}

fn several(
    node: &Node,
    link: &Link<'_>,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Subnet> {
    let hint = "begin every one with \"- subnet:\"";
    let items = list(node, "subnets", hint, report);
    if items.is_empty() && matches!(node.value, Value::List(_)) {
        report.error(node.at, "subnets is an empty list", None);
    }
    let mut subnets = Vec::new();
    for item in items {
        let Some(section) = Section::open(item, &SUBNET, report) else {
            ground.unknown = true;
            continue;
        };
        let layer = terms::within(link.layer, &section, report);
        subnets.extend(with_pools(&section, &layer, link, ground, report));
    }
    subnets
}

/// One subnet. Its pools are read whatever is wrong with its prefix.
fn with_pools(
    section: &Section<'_>,
    layer: &Layer,
    link: &Link<'_>,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Option<Subnet> {
    let node = section.need("subnet", report);
    let net = node.and_then(|n| hosts::subnet(n, report).map(|net| (net, n.at)));
    ground.unknown |= net.is_none();
    if let Some((net, at)) = net {
        ground.subnet(net, link.number, at, report);
    }
    let net = net.map(|(net, _)| net);
    let inside = Inside {
        net,
        layer,
        own: link.own,
    };
    let pools = section.get("pools");
    let pools = pools.map_or_else(Vec::new, |n| pools::read(n, &inside, ground, report));
    Some(Subnet {
        net: net?,
        pools,
        terms: layer.terms.clone(),
    })
}

fn name(node: &Node, report: &mut Report<'_>) -> Option<Arc<str>> {
    let name = text(node, "name", report)?.trim();
    let fits = (1..=MAX_NAME).contains(&name.chars().count()) && !name.contains(char::is_control);
    if !fits {
        let message = format!("\"{}\" is no name for a network", name.escape_debug());
        report.error(node.at, message, format!("at most {MAX_NAME} characters"));
    }
    fits.then(|| name.into())
}

fn unique(
    name: &Arc<str>,
    section: &Section<'_>,
    names: &mut HashMap<Arc<str>, At>,
    report: &mut Report<'_>,
) {
    let at = section.get("name").map_or(section.at, |n| n.at);
    if let Some(first) = names.insert(name.clone(), at) {
        let message = format!("the name \"{name}\" is used twice");
        report.error(at, message, format!("first in line {}", first.line));
    }
}
