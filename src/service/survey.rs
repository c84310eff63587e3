//! Looks at this host and asks its LANs, as a machine that boots would: for `bootjack doctor`, and
//! before mode `dhcp` serves.
//!
//! * [`ask`]: DISCOVERs out, offers in, on all interfaces at once and on one thread
//! * [`relay`]: whether servers answer a relay agent
//! * [`starter`]: others that are about to serve at the same moment
//! * [`host`]: interfaces, ports, firewall; [`sockets`]: who holds a port on which interface;
//!   [`tool`]: what a tool prints
//!
//! Nothing is changed: a DISCOVER takes no lease, and a port is held for no longer than it takes to
//! find it free.

mod ask;
mod host;
mod relay;
mod sockets;
mod starter;
mod tool;

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use nix::net::if_::if_nametoindex;

use super::interfaces::Interface;
use crate::doctor::{Link, Observed, Offer, State};
use crate::error::Error;
use crate::firmware::sample::Flavour;
use ask::{Asking, Patience, Question};
use starter::Starter;

/// When a DISCOVER is sent, again and again (as firmware does, but sooner).
const SENT_AT: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
];
/// How long offers are listened for where somebody offers addresses, and where nobody does.
const LISTENED: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(8));
/// How long mode `dhcp` looks for rivals before it serves.
pub const RIVALS: Duration = Duration::from_millis(2500);

/// What is surveyed.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Interfaces named; empty: all.
    pub interfaces: &'a [String],
    /// The HTTP port to be served.
    pub http_port: u16,
    /// The HTTPS port to be served, where one is.
    pub https_port: Option<u16>,
    /// The config file.
    pub config: &'a str,
    /// The mode that the config file names.
    pub configured: Option<&'a str>,
    /// Whether the config file describes networks.
    pub described: bool,
    /// DHCP servers that the operator names, which are asked as a relay agent asks, and no others.
    pub dhcp_servers: &'a [Ipv4Addr],
    /// What else the command to run has to say, word by word.
    pub given: &'a [String],
}

/// A host that was looked at, and how to ask its LANs: opened while the process may, asked when it
/// no longer may.
#[derive(Debug)]
pub struct Survey {
    observed: Observed,
    asking: Vec<Asking>,
}

impl Survey {
    /// Looks at the host.
    ///
    /// # Errors
    /// A named interface does not exist; interfaces cannot be listed; no right to send and hear
    /// frames.
    pub fn begin(scope: Scope<'_>) -> Result<Self, Error> {
        let mut observed = host::look(scope)?;
        let mut all = Vec::new();
        let mut lost = Vec::new();
        for link in observed.asked() {
            let own = observed.holder_of(link, 67).is_some();
            let named = named_on(scope.dhcp_servers, &observed, link);
            let also = Also::Relay(&link.nets, named);
            match asking(&link.name, own, &Flavour::ALL, also) {
                Ok(asking) => all.extend(asking),
                Err(_) if gone(link) => lost.push(link.name.clone()),
                Err(why) => return Err(why),
            }
        }
        for link in &mut observed.links {
            if lost.contains(&link.name) {
                link.state = State::Gone;
            }
        }
        Ok(Self {
            observed,
            asking: all,
        })
    }

    /// The interfaces that will be asked.
    pub fn asked(&self) -> Vec<&str> {
        self.observed.asked().map(|l| l.name.as_str()).collect()
    }

    /// The longest that asking takes.
    pub fn longest() -> Duration {
        LISTENED.1
    }

    /// Asks the LANs. What anybody may send is read: to be called when privileges are given up. An
    /// interface that goes down or away meanwhile is said to be, and the others are asked on.
    pub fn ask(mut self) -> Observed {
        let patience = Patience {
            sent_at: &SENT_AT,
            answered: LISTENED.0,
            unanswered: LISTENED.1,
            first_is_enough: false,
        };
        for heard in ask::all(self.asking, patience) {
            let mut links = self.observed.links.iter_mut();
            if let Some(link) = links.find(|l| l.name == heard.interface) {
                if heard.lost.is_some() {
                    link.state = if gone(link) {
                        State::Gone
                    } else {
                        State::WentDown
                    };
                }
                link.offers = heard.offers;
                link.unreadable = heard.unreadable;
                link.spanning_tree = heard.spanning_tree;
                link.relayed = heard.relayed;
            }
        }
        self.observed
    }
}

/// Those of the named servers that are asked by an interface: its neighbours, and by the default route those
/// that are nobody's. `None`: none are named.
fn named_on(named: &[Ipv4Addr], observed: &Observed, link: &Link) -> Option<Vec<Ipv4Addr>> {
    let near = |link: &Link, server: &Ipv4Addr| link.nets.iter().any(|net| net.contains(server));
    let nobodys = |server: &Ipv4Addr| !observed.asked().any(|link| near(link, server));
    let here =
        |server: &Ipv4Addr| near(link, server) || !link.routers.is_empty() && nobodys(server);
    let named_here = named.iter().filter(|server| here(server));
    (!named.is_empty()).then(|| named_here.copied().collect())
}

/// Whether it is there no more, or another one has its name now.
fn gone(link: &Link) -> bool {
    let index = if_nametoindex(link.name.as_str()).ok();
    index.is_none() || index != link.index
}

/// What else is asked.
enum Also<'a> {
    /// As a relay agent of these addresses of ours; whom alone, where servers are named.
    Relay(&'a [Ipv4Net], Option<Vec<Ipv4Addr>>),
    /// Whether somebody else is about to serve, as we are.
    Starter(Option<Starter>),
}

/// A question for one interface; `None` where it has no Ethernet address to ask from.
fn asking(
    name: &str,
    local: bool,
    flavours: &[Flavour],
    also: Also<'_>,
) -> Result<Option<Asking>, Error> {
    let Some(mac) = host::mac_of(name)? else {
        return Ok(None);
    };
    let index =
        if_nametoindex(name).map_err(|e| Error::failed(format!("interface {name}: {e}")))?;
    let (relay, starter) = match also {
        Also::Relay(nets, named) => (Some((nets.to_vec(), named)), None),
        Also::Starter(starter) => (None, starter),
    };
    let question = Question {
        interface: name.to_owned(),
        index,
        mac,
        also_local: local,
        flavours: flavours.to_vec(),
        relay,
        starter,
    };
    Asking::open(question).map(Some)
}

/// Those who would be a second DHCP server beside us: how to look for them, opened while the
/// process may, asked when it no longer may.
#[derive(Debug)]
pub struct RivalSearch(Vec<Asking>);

impl RivalSearch {
    /// Opens what asking on these interfaces takes.
    ///
    /// # Errors
    /// No right to send and hear frames.
    pub fn open(interfaces: &[Interface]) -> Result<Self, Error> {
        let flavours = [Flavour::Plain, Flavour::Bios];
        let mut macs = Vec::new();
        for interface in interfaces {
            macs.extend(host::mac_of(&interface.name)?);
        }
        let lowest = macs.into_iter().min();
        let asking = interfaces.iter().filter_map(|interface| {
            let address = interface.addresses().next();
            let starter = lowest.zip(address);
            let starter = starter.map(|(mac, address)| Starter { mac, address });
            asking(&interface.name, false, &flavours, Also::Starter(starter)).transpose()
        });
        Ok(Self(asking.collect::<Result<_, Error>>()?))
    }

    /// Refuses to be a second DHCP server; ends with the first that is found.
    ///
    /// # Errors
    /// There is one: where, who, what it offers, what to do. Or it cannot be found out.
    pub fn none(self, patience: Duration) -> Result<(), Error> {
        let patience = Patience {
            sent_at: &SENT_AT,
            answered: patience,
            unanswered: patience,
            first_is_enough: true,
        };
        let mut all = ask::all(self.0, patience);
        if let Some(why) = all.iter_mut().find_map(|heard| heard.lost.take()) {
            return Err(why);
        }
        for heard in all {
            if let Some(offer) = heard.offers.iter().find(|o| !o.is_proxy()) {
                return Err(Error::rival(refusal(&heard.interface, offer)));
            }
            if let Some(starter) = heard.goes_before {
                return Err(Error::rival(gives_way(&heard.interface, starter)));
            }
        }
        Ok(())
    }
}

fn refusal(interface: &str, offer: &Offer) -> String {
    format!(
        "another DHCP server answers on {interface}: {} offers {}; two of them would give out the \
         same addresses: serve beside it with `--mode proxy`, serve other interfaces with \
         `--interface`, switch it off, or serve nevertheless with `--force`",
        offer.who(),
        offer.message.yiaddr
    )
}

fn gives_way(interface: &str, starter: Starter) -> String {
    let Starter { mac, address } = starter;
    format!(
        "another bootjack is starting on {interface} at the same moment: {mac}, {address}; two of \
         them would give out the same addresses, and that one goes on: leave it the LAN, serve other \
         interfaces with `--interface`, or serve nevertheless with `--force`"
    )
}
