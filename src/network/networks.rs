//! `networks:` → [`Network`]s with their subnets and pools.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::ground::Ground;
use super::model::{Network, Subnet, Terms};
use super::pools::{self, Inside};
use super::schema::{NETWORK, SUBNET};
use super::terms;
use crate::yaml::{At, Node, Report, Section, Value, kind, subnet, text, yes_no};

/// The longest name of a network, in characters.
const MAX_NAME: usize = 64;

/// What holds for all networks.
pub(super) struct Around<'t> {
    /// What clients are told everywhere.
    pub terms: &'t Terms,
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
    for item in list(
        node,
        "networks",
        "begin every network with \"- subnet:\"",
        report,
    ) {
        if let Some(section) = Section::open(item, &NETWORK, report) {
            // Counted as read, so that a network's number is its place in the list.
            if let Some(network) = one(&section, around, networks.len(), ground, report) {
                unique(&network.name, &section, &mut names, report);
                networks.push(network);
            }
        }
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
    let terms = terms::within(around.terms, section, report);
    let subnets = subnets(section, terms, number, ground, report);
    let first = subnets.first()?.net;
    let named = named.unwrap_or_else(|| Some(first.to_string().into()));
    Some(Network {
        name: named?,
        match_client_id: match_client_id?,
        subnets,
    })
}

/// The subnets of a network, of which it has at least one, unless something is wrong.
fn subnets(
    section: &Section<'_>,
    terms: Terms,
    number: usize,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Subnet> {
    match (section.field("subnets"), section.get("subnet")) {
        (Some((key, _)), Some(_)) => {
            let message = "the network has both \"subnet\" and \"subnets\"";
            report.error(key.at, message, "list all of them in subnets".to_owned());
            Vec::new()
        }
        (None, _) => short(section, terms, number, ground, report),
        (Some((_, node)), None) => {
            if let Some((key, _)) = section.field("pools") {
                let message = "pools stand in a subnet here, not beside \"subnets\"";
                report.error(key.at, message, "move them below their subnet".to_owned());
            }
            several(node, &terms, number, ground, report)
        }
    }
}

/// A network that is one subnet: what it says is its subnet's.
fn short(
    section: &Section<'_>,
    terms: Terms,
    number: usize,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Subnet> {
    let Some(node) = section.need("subnet", report) else {
        return Vec::new();
    };
    let net = subnet(node, report);
    let net = net.filter(|net| ground.subnet(*net, number, node.at, report));
    net.map(|net| with_pools(section, net, terms, ground, report))
        .into_iter()
        .collect()
}

fn several(
    node: &Node,
    outer: &Terms,
    number: usize,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Vec<Subnet> {
    let items = list(
        node,
        "subnets",
        "begin every one with \"- subnet:\"",
        report,
    );
    if items.is_empty() && matches!(node.value, Value::List(_)) {
        report.error(node.at, "subnets is an empty list", None);
    }
    let mut subnets = Vec::new();
    for item in items {
        let Some(section) = Section::open(item, &SUBNET, report) else {
            continue;
        };
        let terms = terms::within(outer, &section, report);
        let node = section.need("subnet", report);
        let Some((node, net)) = node.and_then(|n| Some((n, subnet(n, report)?))) else {
            continue;
        };
        if !ground.subnet(net, number, node.at, report) {
            break;
        }
        subnets.push(with_pools(&section, net, terms, ground, report));
    }
    subnets
}

fn with_pools(
    section: &Section<'_>,
    net: Ipv4Net,
    terms: Terms,
    ground: &mut Ground,
    report: &mut Report<'_>,
) -> Subnet {
    let inside = Inside { net, terms: &terms };
    let pools = section.get("pools");
    let pools = pools.map_or_else(Vec::new, |n| pools::read(n, &inside, ground, report));
    Subnet { net, pools, terms }
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
