//! What a survey brings home: plain values, judged elsewhere.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::Offer;
use super::firewall::Rules;
use super::offer::Unreadable;
use crate::wire::Mac;

/// This host and its LANs.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The interfaces looked at.
    pub links: Vec<Link>,
    /// Whether the operator named them; else they are all there are.
    pub named: bool,
    /// All IPv4 addresses of this host.
    pub own: Vec<Ipv4Addr>,
    /// Ports that somebody holds.
    pub held: Vec<Held>,
    /// The HTTP port to be served.
    pub http_port: u16,
    /// The firewall's rules.
    pub firewall: Rules,
    /// The config file, where it is not the usual one.
    pub config: Option<String>,
    /// Whether the config file describes networks.
    pub described: bool,
}

/// One interface.
#[derive(Debug, Clone, Default)]
pub struct Link {
    /// `eth0`
    pub name: String,
    /// Whether it can be served.
    pub state: State,
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// Its addresses with their masks.
    pub nets: Vec<Ipv4Net>,
    /// The routers of default routes through it.
    pub routers: Vec<Ipv4Addr>,
    /// Whether the kernel's reverse path filter is strict on it.
    pub strict_reverse_path: bool,
    /// What was answered, in order of arrival.
    pub offers: Vec<Offer>,
    /// Answers that firmware cannot read.
    pub unreadable: Vec<Unreadable>,
    /// What a switch says of its spanning tree.
    pub spanning_tree: Option<SpanningTree>,
}

/// Whether an interface can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Up, with carrier and an address
    #[default]
    Up,
    /// Not brought up
    Down,
    /// Up, but nothing at the other end of the cable
    NoCarrier,
    /// Up, but without an IPv4 address
    NoAddress,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::NoCarrier => "no carrier",
            Self::NoAddress => "no IPv4 address",
        })
    }
}

/// What is told by a switch's hello (IEEE 802.1D, configuration BPDU).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanningTree {
    /// How long a port waits in each of two steps before it forwards.
    pub forward_delay: Duration,
}

impl SpanningTree {
    /// From an LLC frame: `42 42 03`, then a configuration or rapid BPDU.
    pub fn decode(frame: &[u8]) -> Option<Self> {
        let bpdu = frame.strip_prefix(&[0x42, 0x42, 0x03])?;
        let &[0, 0, _version, kind, ..] = bpdu else {
            return None;
        };
        let delay: [u8; 2] = bpdu.get(33..35)?.try_into().ok()?;
        // In 1/256 s.
        let delay = Duration::from_millis(u64::from(u16::from_be_bytes(delay)) * 1000 / 256);
        matches!(kind, 0 | 2).then_some(Self {
            forward_delay: delay,
        })
    }
}

/// UDP or TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// UDP
    #[serde(rename = "UDP")]
    Udp,
    /// TCP
    #[serde(rename = "TCP")]
    Tcp,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// A port that could not be had on an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
    /// On which interface.
    pub interface: String,
    /// Who has it, where that can be seen.
    pub holder: Option<Holder>,
}

/// A process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The command's name.
    pub name: String,
    /// The process id.
    pub pid: i32,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Commands of DHCP servers, as the kernel cuts them to 15 bytes.
const DHCP_SERVERS: [&str; 8] = [
    "dnsmasq",
    "dhcpd",
    "kea-dhcp4",
    "udhcpd",
    "odhcpd",
    "systemd-network",
    "systemd-networkd",
    "coredhcp",
];

impl Held {
    /// Whether bootjack itself holds it.
    pub fn is_ours(&self) -> bool {
        self.holder.as_ref().is_some_and(|h| h.name == "bootjack")
    }

    /// Whether a program holds it that is known to be a DHCP server.
    pub fn is_dhcp_server(&self) -> bool {
        let name = self.holder.as_ref().map(|h| h.name.as_str());
        name.is_some_and(|name| DHCP_SERVERS.contains(&name))
    }

    /// Who holds it, for people.
    pub fn by(&self) -> String {
        let holder = self.holder.as_ref();
        holder.map_or_else(|| "another program".to_owned(), ToString::to_string)
    }
}

impl Observed {
    /// The interfaces that were asked: those that can be served.
    pub fn asked(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.state == State::Up)
    }

    /// Who holds a UDP port on an interface.
    pub fn holder_of(&self, link: &Link, port: u16) -> Option<&Held> {
        let mut all = self.held.iter();
        all.find(|h| h.protocol == Protocol::Udp && h.port == port && h.interface == link.name)
    }

    /// Whether an answer came from this host.
    pub fn is_local(&self, offer: &Offer) -> bool {
        self.own.contains(&offer.server())
    }

    /// Whether an answer is bootjack's, running on this host: it gives no address and bootjack
    /// holds a port that such answers come from, or bootjack is the DHCP server.
    pub fn is_ours(&self, link: &Link, offer: &Offer) -> bool {
        let holds = |port| self.holder_of(link, port).is_some_and(Held::is_ours);
        self.is_local(offer) && holds(67)
    }

    /// Whether another program is the DHCP server of this host on an interface: it answered, or is
    /// known by its name and is no boot server.
    pub fn local_dhcp_server(&self, link: &Link) -> bool {
        let held = self.holder_of(link, 67);
        let foreign = held.is_some_and(|h| !h.is_ours());
        let leases = link.leases().any(|o| self.is_local(o));
        let boots = link.proxies().any(|o| self.is_local(o));
        foreign && (leases || !boots && held.is_some_and(Held::is_dhcp_server))
    }
}

impl Link {
    /// Answers that give an address.
    pub fn leases(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(|offer| !offer.is_proxy())
    }

    /// Answers that give boot data alone.
    pub fn proxies(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(|offer| offer.is_proxy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switchs_hello() {
        let mut frame = vec![0x42, 0x42, 3, 0, 0, 0, 0];
        frame.resize(3 + 33, 0);
        frame.extend([15, 0]);
        let delay = Duration::from_secs(15);
        let heard = Some(SpanningTree {
            forward_delay: delay,
        });
        assert_eq!(SpanningTree::decode(&frame), heard);
        frame[5..7].copy_from_slice(&[2, 2]);
        assert_eq!(SpanningTree::decode(&frame), heard, "rapid");
        frame[6] = 0x80;
        assert_eq!(SpanningTree::decode(&frame), None, "a change of topology");
        assert_eq!(SpanningTree::decode(&frame[..30]), None);
        assert_eq!(SpanningTree::decode(&[0xaa, 0xaa, 3]), None);
    }
}
