//! What a survey brings home: plain values, judged elsewhere.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::Offer;
use super::firewall::Rules;
use super::offer::Unreadable;
use crate::firmware::Outlook;
use crate::firmware::sample::Flavour;
use crate::wire::Mac;

/// This host and its LANs.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools)] // each is seen for itself
pub struct Observed {
    /// The interfaces looked at.
    pub links: Vec<Link>,
    /// Whether the operator named them; else they are all there are, but for `left_out`.
    pub named: bool,
    /// Networks of containers and virtual machines, which are looked at only where they are named.
    pub left_out: Vec<String>,
    /// All IPv4 addresses of this host.
    pub own: Vec<Ipv4Addr>,
    /// Ports that somebody holds; one that several hold, once for each.
    pub held: Vec<Held>,
    /// Whether a bootjack that runs here has the book of leases open: it runs in mode `dhcp`.
    pub gives_leases: bool,
    /// The HTTP port to be served.
    pub http_port: u16,
    /// The HTTPS port to be served, where one is.
    pub https_port: Option<u16>,
    /// The firewall's rules.
    pub firewall: Rules,
    /// The config file.
    pub config: String,
    /// The mode that the config file names.
    pub configured: Option<String>,
    /// Whether the config file describes networks.
    pub described: bool,
    /// Whether machines are known that take lease and loader of one server alone.
    pub needs_leases: bool,
    /// What the operator gave beside interfaces, word by word: `--config`, `FILE`, …
    pub given: Vec<String>,
}

/// One interface.
#[derive(Debug, Clone, Default)]
pub struct Link {
    /// `eth0`
    pub name: String,
    /// The kernel's number for it, which a later interface of the same name does not have.
    pub index: Option<u32>,
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
    /// Servers that were asked as a relay agent asks.
    pub relayed: Vec<Relayed>,
}

/// A DHCP server that was asked as a relay agent asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relayed {
    /// Its address.
    pub server: Ipv4Addr,
    /// It for people.
    pub who: String,
    /// Whether it answered.
    pub answered: bool,
    /// How long it took to offer an address to a machine.
    pub offered_after: Duration,
    /// How long an answer was waited for.
    pub waited: Duration,
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
    /// It went down while it was asked
    WentDown,
    /// It was taken away while it was asked
    Gone,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::NoCarrier => "no carrier",
            Self::NoAddress => "no IPv4 address",
            Self::WentDown => "went down while it was asked",
            Self::Gone => "vanished while it was asked",
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
        let holder = self.holder.as_ref();
        holder.is_some_and(|h| h.name.starts_with("bootjack"))
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

/// The kind of PXE that a bootjack serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Beside the DHCP server of another host
    Proxy,
    /// Beside the DHCP server of this host
    Colocated,
    /// As the DHCP server
    Dhcp,
}

impl Mode {
    /// As it is written in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Colocated => "colocated",
            Self::Dhcp => "dhcp",
        }
    }
}

/// A bootjack that runs on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// Its process id.
    pub pid: i32,
    /// What it serves.
    pub mode: Mode,
}

impl Observed {
    /// The TCP ports to be served.
    pub fn web_ports(&self) -> impl Iterator<Item = u16> {
        [self.http_port].into_iter().chain(self.https_port)
    }

    /// The interfaces that were asked: those that can be served.
    pub fn asked(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.state == State::Up)
    }

    /// Whether all that were to be asked went away meanwhile, so that nothing was found out.
    pub fn all_lost(&self) -> bool {
        let lost = |link: &Link| matches!(link.state, State::WentDown | State::Gone);
        self.asked().next().is_none() && self.links.iter().any(lost)
    }

    /// Who holds a UDP port on an interface.
    fn holders_of(&self, link: &Link, port: u16) -> impl Iterator<Item = &Held> {
        let held = self.held.iter().filter(move |h| h.port == port);
        held.filter(|h| h.protocol == Protocol::Udp && h.interface == link.name)
    }

    /// Whoever holds a UDP port on an interface: the first of them that is not bootjack, if any.
    pub fn holder_of(&self, link: &Link, port: u16) -> Option<&Held> {
        let mut foreign = self.holders_of(link, port).filter(|h| !h.is_ours());
        foreign
            .next()
            .or_else(|| self.holders_of(link, port).next())
    }

    /// The bootjack that serves an interface. Its sockets tell its mode: without 67 it is
    /// `colocated`, and `dhcp` has its book of leases open.
    pub fn running(&self, link: &Link) -> Option<Running> {
        let ours = |port| self.holders_of(link, port).find(|h| h.is_ours());
        let (dhcp, pxe) = (ours(67), ours(4011));
        let holder = dhcp.or(pxe)?.holder.as_ref()?;
        Some(Running {
            pid: holder.pid,
            mode: match dhcp {
                None => Mode::Colocated,
                Some(_) if self.gives_leases => Mode::Dhcp,
                Some(_) => Mode::Proxy,
            },
        })
    }

    /// Whether an answer came from this host.
    pub fn is_local(&self, offer: &Offer) -> bool {
        self.own.contains(&offer.server())
    }

    /// Whether an answer is that of the bootjack that runs on this host: one of this host, and
    /// such as its mode gives.
    pub fn is_ours(&self, link: &Link, offer: &Offer) -> bool {
        let gives = |running: Running| match running.mode {
            Mode::Proxy => offer.is_proxy(),
            Mode::Colocated => false,
            Mode::Dhcp => true,
        };
        self.is_local(offer) && self.running(link).is_some_and(gives)
    }

    /// Answers that give an address, bootjack's own left out.
    pub fn foreign_leases<'o>(&'o self, link: &'o Link) -> impl Iterator<Item = &'o Offer> {
        link.leases().filter(|o| !self.is_ours(link, o))
    }

    /// What another program of this host offers on an interface.
    pub fn local_leases<'o>(&'o self, link: &'o Link) -> impl Iterator<Item = &'o Offer> {
        self.foreign_leases(link).filter(|o| self.is_local(o))
    }

    /// Whether another program is the DHCP server of this host on an interface: it answered, or
    /// nobody did, and it is known by its name and is no boot server.
    pub fn local_dhcp_server(&self, link: &Link) -> bool {
        let held = self.holder_of(link, 67).filter(|h| !h.is_ours());
        let boots = || link.proxies().any(|o| self.is_local(o));
        let silent = || self.foreign_leases(link).next().is_none() && !boots();
        held.is_some_and(|h| {
            self.local_leases(link).next().is_some() || h.is_dhcp_server() && silent()
        })
    }
}

impl Link {
    /// Answers that give an address.
    pub fn leases(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(|offer| !offer.is_proxy())
    }

    /// How far a firmware comes by what was heard, for each that was asked as.
    pub fn outlooks(&self) -> impl Iterator<Item = (Flavour, Outlook)> {
        Flavour::ALL.into_iter().filter_map(|flavour| {
            let kind = flavour.boots_as()?;
            let mac = self.mac?;
            let told = self.offers.iter().filter(|o| o.flavour == flavour);
            let outlook = Outlook::of(kind, mac, told.map(Offer::reply).collect());
            Some((flavour, outlook))
        })
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
