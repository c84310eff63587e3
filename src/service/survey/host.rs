//! This host as it is: interfaces, ports and who holds them, firewall.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use ipnet::Ipv4Net;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};

use super::Scope;
use super::sockets::{self, Sockets};
use super::tool::said_by;
use crate::doctor::firewall::Rules;
use crate::doctor::{Held, Link, Observed, Protocol, State, host::UDP_PORTS};
use crate::error::Error;
use crate::service::lease::control::FILE as CONTROL;
use crate::service::{interfaces, open};
use crate::wire::Mac;

/// Everything but what the LANs answer.
pub(super) fn look(scope: Scope<'_>) -> Result<Observed, Error> {
    let all = addresses()?;
    let (links, left_out) = links(&all, scope.interfaces)?;
    let mut observed = Observed {
        named: !scope.interfaces.is_empty(),
        left_out,
        own: all.iter().filter_map(ipv4).collect(),
        http_port: scope.http_port,
        https_port: scope.https_port,
        config: scope.config.to_owned(),
        configured: scope.configured.map(str::to_owned),
        described: scope.described,
        given: scope.given.to_vec(),
        links,
        ..Observed::default()
    };
    let sockets;
    (observed.firewall, sockets) = from_tools();
    (observed.held, observed.gives_leases) = held(&observed, &sockets);
    Ok(observed)
}

fn addresses() -> Result<Vec<InterfaceAddress>, Error> {
    let all = getifaddrs();
    let all = all.map_err(|e| Error::failed(format!("cannot list network interfaces: {e}")))?;
    Ok(all.collect())
}

/// Those named, else all that `serve` would serve or could, and the names of those that it leaves
/// out unless they are named.
fn links(all: &[InterfaceAddress], named: &[String]) -> Result<(Vec<Link>, Vec<String>), Error> {
    let mut names: Vec<&str> = named.iter().map(String::as_str).collect();
    let mut left_out = Vec::new();
    if names.is_empty() {
        let candidates = all.iter().filter(|e| could_serve(all, e));
        names = candidates.map(|e| e.interface_name.as_str()).collect();
        left_out = names
            .extract_if(.., |name| interfaces::is_inner(name))
            .collect();
    }
    for names in [&mut names, &mut left_out] {
        names.sort_unstable();
        names.dedup();
    }
    let links: Result<Vec<Link>, Error> = names.into_iter().map(|name| link(all, name)).collect();
    Ok((links?, left_out.into_iter().map(str::to_owned).collect()))
}

/// No loopback; a port of a bridge only where it has an address of its own.
fn could_serve(all: &[InterfaceAddress], entry: &InterfaceAddress) -> bool {
    let (flags, name) = (entry.flags, &entry.interface_name);
    let addressed = || {
        all.iter()
            .any(|e| e.interface_name == *name && ipv4(e).is_some())
    };
    flags.contains(InterfaceFlags::IFF_BROADCAST)
        && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
        && (!class(name, "master").exists() || addressed())
}

/// `/sys/class/net/eth0/carrier`
fn class(interface: &str, file: &str) -> std::path::PathBuf {
    Path::new("/sys/class/net").join(interface).join(file)
}

fn link(all: &[InterfaceAddress], name: &str) -> Result<Link, Error> {
    let entries: Vec<&InterfaceAddress> = all.iter().filter(|e| e.interface_name == name).collect();
    let first = entries.first().ok_or_else(|| {
        Error::usage(format!(
            "cannot look at interface {name}: there is no such interface; see `ip link`"
        ))
    })?;
    if !first.flags.contains(InterfaceFlags::IFF_BROADCAST) {
        return Err(Error::usage(format!(
            "cannot look at interface {name}: it cannot broadcast, so no machine boots from it"
        )));
    }
    let nets: Vec<Ipv4Net> = entries.iter().filter_map(|e| net(e)).collect();
    Ok(Link {
        name: name.to_owned(),
        index: if_nametoindex(name).ok(),
        state: state(first.flags, name, &nets),
        mac: entries.iter().find_map(|e| mac(e)),
        nets,
        routers: routers(name),
        strict_reverse_path: strict(name),
        ..Link::default()
    })
}

fn state(flags: InterfaceFlags, name: &str, nets: &[Ipv4Net]) -> State {
    let carrier = fs::read_to_string(class(name, "carrier"));
    if !flags.contains(InterfaceFlags::IFF_UP) {
        State::Down
    } else if carrier.is_ok_and(|told| told.trim() == "0") {
        State::NoCarrier
    } else if nets.is_empty() {
        State::NoAddress
    } else {
        State::Up
    }
}

fn ipv4(entry: &InterfaceAddress) -> Option<Ipv4Addr> {
    Some(entry.address.as_ref()?.as_sockaddr_in()?.ip())
}

fn net(entry: &InterfaceAddress) -> Option<Ipv4Net> {
    let mask = entry.netmask.as_ref()?.as_sockaddr_in()?.ip();
    Ipv4Net::with_netmask(ipv4(entry)?, mask).ok()
}

fn mac(entry: &InterfaceAddress) -> Option<Mac> {
    let link = entry.address.as_ref()?.as_link_addr()?;
    link.addr().filter(|_| link.halen() == 6).map(Mac::ethernet)
}

/// The routers of default routes through an interface.
fn routers(name: &str) -> Vec<Ipv4Addr> {
    let all = procfs::net::route().into_iter().flatten();
    let default = all.filter(|r| r.iface == name && r.mask.is_unspecified());
    let routers = default.map(|r| r.gateway);
    routers.filter(|r| !r.is_unspecified()).collect()
}

/// The Ethernet address of an interface.
pub(super) fn mac_of(name: &str) -> Result<Option<Mac>, Error> {
    let all = addresses()?;
    let mut entries = all.iter().filter(|e| e.interface_name == name);
    Ok(entries.find_map(mac))
}

/// The larger of both settings counts (ip-sysctl); 1 is strict, 2 loose.
fn strict(name: &str) -> bool {
    let told = |scope: &str| {
        let file = format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.trim().parse::<u8>().unwrap_or(0)
    };
    told("all").max(told(name)) == 1
}

/// Ports that `serve` could not have on the interfaces it would serve, with everybody who has them
/// there; and whether a bootjack among these gives out leases.
fn held(observed: &Observed, sockets: &Sockets) -> (Vec<Held>, bool) {
    let udp = UDP_PORTS.map(|port| (Protocol::Udp, port));
    let ports: Vec<_> = udp
        .into_iter()
        .chain(observed.web_ports().map(|port| (Protocol::Tcp, port)))
        .collect();
    let mut held = Vec::new();
    for link in observed.asked() {
        for &(protocol, port) in ports.iter().filter(|(p, n)| is_taken(*p, *n, &link.name)) {
            let by = sockets.holders(protocol, port, link).into_iter().map(Some);
            let nobody_seen = by.len() == 0;
            let by = by.chain(nobody_seen.then_some(None));
            held.extend(by.map(|holder| Held {
                protocol,
                port,
                interface: link.name.clone(),
                holder,
            }));
        }
    }
    let mut ours = held
        .iter()
        .filter(|h: &&Held| h.is_ours())
        .filter_map(|h| h.holder.as_ref());
    let gives = ours.any(|holder| sockets::listens_at(holder.pid, CONTROL));
    (held, gives)
}

fn is_taken(protocol: Protocol, port: u16, interface: &str) -> bool {
    match protocol {
        Protocol::Udp => open::udp_is_taken(port, interface),
        Protocol::Tcp => open::tcp_is_taken(port, interface),
    }
}

/// What tools say, asked at the same time: each may take its whole patience.
fn from_tools() -> (Rules, Sockets) {
    std::thread::scope(|scope| {
        let nft = scope.spawn(|| said_by("nft", &["-j", "list", "ruleset"]));
        let iptables = scope.spawn(|| said_by("iptables-save", &[]));
        let sockets = Sockets::now();
        let ended = || Err("its reader ended".to_owned());
        let rules = Rules {
            nft: nft.join().unwrap_or_else(|_| ended()),
            iptables: iptables.join().unwrap_or_else(|_| ended()),
        };
        (rules, sockets)
    })
}
