//! This host as it is: interfaces, ports and who holds them, firewall.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use ipnet::Ipv4Net;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

use super::Scope;
use super::tool::said_by;
use crate::doctor::firewall::Rules;
use crate::doctor::{Held, Holder, Link, Observed, Protocol, State, host::UDP_PORTS};
use crate::error::Error;
use crate::service::{holder, open};
use crate::wire::Mac;

/// Everything but what the LANs answer.
pub(super) fn look(scope: Scope<'_>) -> Result<Observed, Error> {
    let all = addresses()?;
    let links = links(&all, scope.interfaces)?;
    let mut observed = Observed {
        named: !scope.interfaces.is_empty(),
        own: all.iter().filter_map(ipv4).collect(),
        http_port: scope.http_port,
        config: scope.config.map(str::to_owned),
        described: scope.described,
        links,
        ..Observed::default()
    };
    observed.held = held(&observed);
    observed.firewall = rules();
    Ok(observed)
}

fn addresses() -> Result<Vec<InterfaceAddress>, Error> {
    let all = getifaddrs();
    let all = all.map_err(|e| Error::failed(format!("cannot list network interfaces: {e}")))?;
    Ok(all.collect())
}

/// Those named, else all that could be served: no loopback, no ports of a bridge.
fn links(all: &[InterfaceAddress], named: &[String]) -> Result<Vec<Link>, Error> {
    let mut names: Vec<&str> = named.iter().map(String::as_str).collect();
    if names.is_empty() {
        let candidates = all.iter().filter(|e| could_serve(e));
        names = candidates.map(|e| e.interface_name.as_str()).collect();
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| link(all, name)).collect()
}

fn could_serve(entry: &InterfaceAddress) -> bool {
    let flags = entry.flags;
    flags.contains(InterfaceFlags::IFF_BROADCAST)
        && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
        && !class(&entry.interface_name, "master").exists()
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

/// Ports that `serve` could not have on the interfaces it would serve.
fn held(observed: &Observed) -> Vec<Held> {
    let mut held = Vec::new();
    for link in observed.asked() {
        let udp = UDP_PORTS.map(|port| (Protocol::Udp, port));
        for (protocol, port) in udp.into_iter().chain([(Protocol::Tcp, observed.http_port)]) {
            let taken = match protocol {
                Protocol::Udp => open::udp_is_taken(port, &link.name),
                Protocol::Tcp => open::tcp_is_taken(port, &link.name),
            };
            if taken {
                held.push(Held {
                    protocol,
                    port,
                    interface: link.name.clone(),
                    holder: who(protocol, port),
                });
            }
        }
    }
    held
}

fn who(protocol: Protocol, port: u16) -> Option<Holder> {
    match protocol {
        Protocol::Udp => holder::of_udp(port),
        Protocol::Tcp => holder::of_tcp(port),
    }
}

fn rules() -> Rules {
    Rules {
        nft: said_by("nft", &["-j", "list", "ruleset"]),
        iptables: said_by("iptables-save", &[]),
    }
}
