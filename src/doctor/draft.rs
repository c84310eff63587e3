//! The networks of LANs where nobody gives addresses, as lines for bootjack's config file: what
//! mode `dhcp` needs before it starts, and an operator would else have to write first.
//!
//! One subnet an interface: the first that has room. Invariants: the lines are right as they are
//! (room `network` finds nothing in them), and no address of this host or of a router is given out.
//!
//! Absent on purpose: addresses that others were given by hand. Nobody can list them; addresses are
//! tried before they are offered.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Link, Observed};

/// A subnet for the config file.
struct Draft {
    net: Ipv4Net,
    router: Option<Ipv4Addr>,
    pool: Pool,
    /// In the pool, and not to be given out.
    kept: Vec<Ipv4Addr>,
}

/// More networks than these have a line each.
const SHORT: usize = 4;

/// First and last address.
type Pool = (Ipv4Addr, Ipv4Addr);

/// The lines for these interfaces; `None` where none of them has room for clients.
pub(super) fn lines(observed: &Observed, links: &[&Link]) -> Option<String> {
    let mut drafts: Vec<Draft> = Vec::new();
    for link in links {
        let own = link.nets.iter();
        let mut all = own.filter_map(|own| Draft::of(observed, link, *own));
        let new = |draft: &Draft| !drafts.iter().any(|known| known.overlaps(draft));
        let found = all.find(new);
        drafts.extend(found);
    }
    let instead = match observed.configured.as_deref() {
        Some(mode) if mode != "dhcp" => format!("      # in place of `mode: {mode}`"),
        _ => String::new(),
    };
    let head = format!("mode: dhcp{instead}\ndhcp:\n  networks:");
    let short = drafts.len() > SHORT;
    let rows = drafts.iter().map(|draft| draft.lines(short));
    let lines: Vec<String> = [head].into_iter().chain(rows).collect();
    (!drafts.is_empty()).then(|| lines.join("\n"))
}

impl Draft {
    /// For the subnet that `own` is this host's address in.
    fn of(observed: &Observed, link: &Link, own: Ipv4Net) -> Option<Self> {
        let net = own.trunc();
        let known: Vec<Ipv4Addr> = [own.addr()]
            .iter()
            .chain(&observed.own)
            .chain(&link.routers)
            .copied()
            .collect();
        let mut drafts = pools(own).into_iter().map(|pool| Self {
            net,
            router: link.routers.iter().find(|r| net.contains(*r)).copied(),
            pool,
            kept: within(pool, &known),
        });
        drafts.find(Self::has_room)
    }

    fn has_room(&self) -> bool {
        let (first, last) = self.pool;
        let addresses = last.to_bits().saturating_sub(first.to_bits()) as usize;
        addresses >= self.kept.len() // of n + 1 addresses, n may be kept
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.net.contains(&other.net) || other.net.contains(&self.net)
    }

    fn lines(&self, short: bool) -> String {
        let (first, last) = self.pool;
        let router = self
            .router
            .map(|router| format!("options: {{ routers: {router} }}"));
        let kept: Vec<String> = self.kept.iter().map(ToString::to_string).collect();
        let pool = if kept.is_empty() {
            format!("{first}-{last}")
        } else {
            let kept = kept.join(", ");
            format!("{{ range: {first}-{last}, exclude: [{kept}] }}")
        };
        let subnet = format!("subnet: {}", self.net);
        let pools = format!("pools: [ {pool} ]");
        let keys: Vec<String> = [Some(subnet), router, Some(pools)]
            .into_iter()
            .flatten()
            .collect();
        if short {
            format!("    - {{ {} }}", keys.join(", "))
        } else {
            format!("    - {}", keys.join("\n      "))
        }
    }
}

/// Where clients could go, what is usual first: .100 to .199 beside our own address, where the
/// subnet has that many; else its upper half, or all of it. None in a subnet for two.
fn pools(own: Ipv4Net) -> Vec<Pool> {
    let (network, broadcast) = (own.network().to_bits(), own.broadcast().to_bits());
    let pool = |first: u32, last: u32| (Ipv4Addr::from(first), Ipv4Addr::from(last));
    let beside = own.addr().to_bits() & !0xff;
    match own.prefix_len() {
        0..=24 => vec![pool(beside + 100, beside + 199)],
        25..=30 => {
            let half = network | (broadcast - network).div_ceil(2);
            let last = broadcast - 1;
            vec![pool(half, last), pool(network | 1, last)]
        }
        _ => Vec::new(),
    }
}

/// Those of `known` that lie in the pool, sorted.
fn within(pool: Pool, known: &[Ipv4Addr]) -> Vec<Ipv4Addr> {
    let known = known.iter().copied();
    let mut kept: Vec<Ipv4Addr> = known.filter(|a| (pool.0..=pool.1).contains(a)).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::network;

    fn drafted(links: &[(&str, &[&str])]) -> Option<String> {
        let links: Vec<Link> = links
            .iter()
            .map(|(nets, routers)| Link {
                nets: nets.split(' ').map(|net| net.parse().unwrap()).collect(),
                routers: routers.iter().map(|r| r.parse().unwrap()).collect(),
                ..Link::default()
            })
            .collect();
        let own = links.iter().flat_map(|l| &l.nets);
        let observed = Observed {
            own: own.map(Ipv4Net::addr).collect(),
            ..Observed::default()
        };
        lines(&observed, &links.iter().collect::<Vec<_>>())
    }

    /// The pools of one interface without a router.
    fn pools_of(net: &str) -> Option<String> {
        let text = drafted(&[(net, &[])])?;
        let pools = text.split("pools: [ ").nth(1).unwrap();
        Some(pools.trim_end_matches(" ]").to_owned())
    }

    #[test]
    fn one_subnet_for_each_lan() {
        let text = drafted(&[
            ("10.1.0.2/24", &["10.1.0.1"]),
            ("10.1.0.3/24", &[]),
            ("10.2.9.150/16 10.3.0.1/24", &["10.2.9.120"]),
            ("10.3.0.2/32", &[]),
        ]);
        let expected = "mode: dhcp
dhcp:
  networks:
    - subnet: 10.1.0.0/24
      options: { routers: 10.1.0.1 }
      pools: [ 10.1.0.100-10.1.0.199 ]
    - subnet: 10.2.0.0/16
      options: { routers: 10.2.9.120 }
      pools: [ { range: 10.2.9.100-10.2.9.199, exclude: [10.2.9.120, 10.2.9.150] } ]";
        assert_eq!(text.unwrap(), expected);
    }

    #[test]
    fn another_mode_is_replaced() {
        let link = Link {
            nets: vec!["10.1.0.2/24".parse().unwrap()],
            ..Link::default()
        };
        let first = |mode: &str| {
            let observed = Observed {
                configured: Some(mode.into()),
                ..Observed::default()
            };
            let text = lines(&observed, &[&link]).unwrap();
            text.lines().next().unwrap().to_owned()
        };
        assert_eq!(
            first("proxy"),
            "mode: dhcp      # in place of `mode: proxy`"
        );
        assert_eq!(first("dhcp"), "mode: dhcp");
    }

    #[test]
    fn many_networks_have_a_line_each() {
        let nets: Vec<String> = (0..5).map(|n| format!("10.{n}.0.2/24")).collect();
        let links: Vec<(&str, &[&str])> = nets
            .iter()
            .map(|n| (n.as_str(), &["10.0.0.1"][..]))
            .collect();
        let text = drafted(&links).unwrap();
        let row = "    - { subnet: 10.0.0.0/24, options: { routers: 10.0.0.1 }, pools: [ 10.0.0.100-10.0.0.199 ] }";
        assert_eq!(text.lines().nth(3), Some(row));
        assert_eq!(text.lines().count(), 3 + 5);
        assert_eq!(network::compile("bootjack.yaml", &text).1.len(), 0);
    }

    #[test]
    fn small_subnets() {
        let pools = |net| pools_of(net).unwrap();
        assert_eq!(pools("10.0.0.1/25"), "10.0.0.64-10.0.0.126");
        assert_eq!(pools("10.0.0.1/29"), "10.0.0.4-10.0.0.6");
        assert_eq!(pools("10.0.0.1/30"), "10.0.0.2-10.0.0.2");
        let all = "{ range: 10.0.0.1-10.0.0.2, exclude: [10.0.0.2] }";
        assert_eq!(pools("10.0.0.2/30"), all);
        assert_eq!(pools_of("10.0.0.1/31"), None);
        assert_eq!(pools_of("10.0.0.1/32"), None);
        assert_eq!(drafted(&[("10.0.0.2/30", &["10.0.0.1"])]), None, "no room");
    }

    proptest! {
        /// Whatever the subnet, the lines are right, and no known address is in a pool.
        #[test]
        fn the_lines_are_right(
            first in 1_u8..=223, rest in any::<[u8; 3]>(), prefix in 8_u8..=30, router in any::<u32>(),
        ) {
            let [b, c, d] = rest;
            let own = Ipv4Net::new(Ipv4Addr::new(first, b, c, d), prefix).unwrap();
            let hosts = u32::from(own.broadcast()) - u32::from(own.network());
            let router = Ipv4Addr::from(u32::from(own.network()) + router % hosts);
            prop_assume!(first != 127 && own.addr() != own.network() && own.addr() != own.broadcast());
            prop_assume!(router != own.network());
            // `check` warns of these (RFC 3927).
            prop_assume!(!own.addr().is_link_local());
            let link = Link { nets: vec![own], routers: vec![router], ..Link::default() };
            let Some(text) = lines(&Observed::default(), &[&link]) else {
                prop_assert_eq!(prefix, 30);
                return Ok(());
            };
            let (networks, findings) = network::compile("bootjack.yaml", &text);
            prop_assert_eq!(findings.len(), 0, "{:?}\n{}", findings, text);
            let networks = networks.unwrap();
            let network = networks.of_link(own.addr()).unwrap();
            prop_assert!(network.pool_of(own.addr()).is_none(), "{}", text);
            prop_assert!(network.pool_of(router).is_none(), "{}", text);
        }
    }
}
