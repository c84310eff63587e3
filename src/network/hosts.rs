//! Addresses that no host can have, and what is no machine's hardware address: refused where they are
//! written.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::wire::Mac;
use crate::yaml::{self, Node, Report};

/// Blocks that no DHCP server gives addresses of (RFC 6890), each with what it is.
const NO_HOSTS: [(Ipv4Net, &str); 4] = [
    (
        block([0, 0, 0, 0], 8),
        "addresses of \"this network\", which no host has",
    ),
    (
        block([127, 0, 0, 0], 8),
        "loopback addresses, which never leave a host",
    ),
    (
        block([224, 0, 0, 0], 4),
        "multicast addresses, which are groups of hosts",
    ),
    (
        block([240, 0, 0, 0], 4),
        "reserved addresses, which no host takes",
    ),
];

/// What hosts give themselves where no DHCP server answers (RFC 3927 1.6: not by DHCP).
const LINK_LOCAL: Ipv4Net = block([169, 254, 0, 0], 16);

const fn block([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// A network of hosts. One that is wrong and was probably meant is given all the same, for the rest
/// of the file to be held against.
pub(super) fn subnet(node: &Node, report: &mut Report<'_>) -> Option<Ipv4Net> {
    let net = match yaml::subnet(node, report) {
        Ok(net) => net,
        Err(meant) => return meant,
    };
    let shares = |block: &Ipv4Net| block.contains(&net) || net.contains(block);
    if let Some((block, what)) = NO_HOSTS.iter().find(|(block, _)| shares(block)) {
        let message = format!("the subnet {net} holds {what} ({block})");
        let hint = "give the network that the hosts are in, such as 10.1.0.0/24, 172.16.0.0/24 or 192.168.1.0/24";
        report.error(node.at, message, hint.to_owned());
    } else if LINK_LOCAL.contains(&net) {
        let message = format!(
            "the subnet {net} holds addresses that hosts give themselves ({LINK_LOCAL}, RFC 3927)"
        );
        let hint = "they would meet hosts that have taken them; give another network".to_owned();
        report.warn(node.at, message, hint);
    }
    Some(net)
}

/// Why a hardware address is no machine's.
pub(super) fn no_machine(mac: &Mac) -> Option<&'static str> {
    let bytes = mac.as_bytes();
    if bytes.iter().all(|b| *b == 0) {
        return Some("is what a card without an address of its own has");
    }
    if bytes.iter().all(|b| *b == 0xff) {
        return Some("is everybody's (broadcast), no machine's");
    }
    // IEEE 802: the lowest bit of the first byte is set in addresses of groups.
    let group = bytes.len() == 6 && bytes.first().is_some_and(|b| b & 1 == 1);
    group.then_some("is the address of a group (multicast), no machine's")
}
