//! Address → network, subnet, pool.
//!
//! Which network an address belongs to is asked for every packet, so all subnets are kept in one
//! list, sorted, found by binary search. Subnets do not overlap, so at most one can be meant.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use super::model::{Network, Networks, Pool, Range, Subnet};
use super::words::range_of;

/// The subnets of all networks, sorted; filled in at the first question. It follows from the
/// networks alone: all are equal.
#[derive(Debug, Clone, Default)]
pub struct Links(OnceLock<Vec<Link>>);

/// The addresses of one subnet and the place of its network in [`Networks::all`].
#[derive(Debug, Clone, Copy)]
struct Link {
    range: Range,
    network: usize,
}

impl PartialEq for Links {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn sorted(networks: &[Network]) -> Vec<Link> {
    let numbered = networks.iter().enumerate();
    let mut links: Vec<Link> = numbered
        .flat_map(|(network, n)| {
            let ranges = n.subnets.iter().map(|subnet| range_of(subnet.net));
            ranges.map(move |range| Link { range, network })
        })
        .collect();
    links.sort_unstable_by_key(|link| link.range.first);
    links
}

impl Networks {
    /// How long a conflicting address is left alone where nothing is set.
    pub const QUARANTINE: std::time::Duration = std::time::Duration::from_secs(3600);

    /// The network that has a subnet with this address: a relay's, one of ours, a client's.
    pub fn of_link(&self, address: Ipv4Addr) -> Option<&Network> {
        let links = self.links.0.get_or_init(|| sorted(&self.all));
        let behind = links.partition_point(|link| link.range.last < address);
        let link = links.get(behind).filter(|l| l.range.contains(address))?;
        self.all.get(link.network)
    }
}

impl Network {
    /// The subnet of an address.
    pub fn subnet_of(&self, address: Ipv4Addr) -> Option<&Subnet> {
        self.subnets.iter().find(|s| s.net.contains(&address))
    }

    /// The pool that hands out an address.
    pub fn pool_of(&self, address: Ipv4Addr) -> Option<&Pool> {
        let mut pools = self.subnet_of(address)?.pools.iter();
        pools.find(|pool| pool.has(address))
    }
}
