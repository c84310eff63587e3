//! The interfaces to serve: those named, or every one that is up, broadcast-capable and has an
//! IPv4 address, but for the networks of containers and virtual machines inside this host.

use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

use crate::error::Error;

/// How long a list of addresses is believed: making one takes as long as many a packet, and
/// strangers choose how many come.
const FRESH: Duration = Duration::from_secs(1);

/// An interface that can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// `eth0`
    pub name: String,
    /// Its addresses with their subnets, at least one.
    pub nets: Vec<Ipv4Net>,
}

/// The addresses of one interface, as they are now: a lease of our own may change them.
#[derive(Debug)]
pub struct Own {
    name: String,
    known: Mutex<Known<Ipv4Net>>,
}

/// Every address of this host, as they are now, a second late at most.
#[derive(Debug, Default)]
pub struct Host(Mutex<Known<Ipv4Addr>>);

/// A list, and when the system was asked for it.
#[derive(Debug)]
struct Known<T> {
    all: Vec<T>,
    asked: Option<Instant>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            asked: None,
        }
    }
}

impl<T> Known<T> {
    /// Makes the list anew, unless that was done just now.
    fn renew(&mut self, now: Instant, list: impl FnOnce() -> Vec<T>) {
        let fresh = |asked| now.saturating_duration_since(asked) < FRESH;
        if !self.asked.is_some_and(fresh) {
            *self = Self {
                all: list(),
                asked: Some(now),
            };
        }
    }
}

impl Host {
    /// Whether an address is one of them.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.renew(Instant::now(), addresses);
        known.all.contains(&address)
    }
}

impl Own {
    /// Those of an interface just listed.
    pub fn of(interface: &Interface) -> Self {
        Self {
            name: interface.name.clone(),
            known: Mutex::new(Known {
                all: interface.nets.clone(),
                asked: None,
            }),
        }
    }

    /// All of them, as they were last seen.
    pub fn all(&self) -> Vec<Ipv4Addr> {
        self.lock().all.iter().map(Ipv4Net::addr).collect()
    }

    /// Whether an address is in a subnet of the interface.
    pub fn is_near(&self, address: Ipv4Addr) -> bool {
        self.lock().all.iter().any(|net| net.contains(&address))
    }

    /// The same as it is now: looks again for one that is in none.
    pub fn is_on_link(&self, address: Ipv4Addr) -> bool {
        let near = |known: &Known<Ipv4Net>| known.all.iter().any(|net| net.contains(&address));
        let mut known = self.lock();
        if !near(&known) {
            known.renew(Instant::now(), || self.listed());
        }
        near(&known)
    }

    /// Whether an address stands for a subnet of the interface, or for everybody in it, and so for
    /// no host (RFC 3021: not where the subnet has only two addresses).
    pub fn is_no_host(&self, address: Ipv4Addr) -> bool {
        let stands_for = |net: &Ipv4Net| {
            let whole = [net.network(), net.broadcast()].contains(&address);
            net.prefix_len() < 31 && whole
        };
        self.lock().all.iter().any(stands_for)
    }

    /// Whether it has this address. Looks again only for one that it did not have before.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        let has = |known: &Known<Ipv4Net>| known.all.iter().any(|net| net.addr() == address);
        let mut known = self.lock();
        if !has(&known) {
            known.renew(Instant::now(), || self.listed());
        }
        has(&known)
    }

    fn listed(&self) -> Vec<Ipv4Net> {
        let found = now().into_iter().find(|i| i.name == self.name);
        found.map(|i| i.nets).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Known<Ipv4Net>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interface {
    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.nets.iter().map(Ipv4Net::addr)
    }

    /// Its addresses, for people.
    pub fn shown(&self) -> String {
        let addresses: Vec<String> = self.addresses().map(|a| a.to_string()).collect();
        addresses.join(" ")
    }
}

/// Every interface that can be served now; none where they cannot be listed.
pub fn now() -> Vec<Interface> {
    usable(&getifaddrs().into_iter().flatten().collect::<Vec<_>>())
}

/// Every address of these interfaces.
pub fn all_of(interfaces: &[Interface]) -> Vec<Ipv4Addr> {
    interfaces.iter().flat_map(Interface::addresses).collect()
}

/// Every IPv4 address of this host, sorted; none where they cannot be listed.
pub fn addresses() -> Vec<Ipv4Addr> {
    let all: Vec<InterfaceAddress> = getifaddrs().into_iter().flatten().collect();
    let mut addresses: Vec<Ipv4Addr> = all.iter().filter_map(ipv4).map(|net| net.addr()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The interfaces to serve.
///
/// # Errors
/// A named interface that does not exist, is down or has no IPv4 address; none at all.
pub fn to_serve(named: &[String]) -> Result<Vec<Interface>, Error> {
    let all: Vec<InterfaceAddress> = getifaddrs()
        .map_err(|e| Error::failed(format!("cannot list network interfaces: {e}")))?
        .collect();
    let usable = usable(&all);
    if let Some(missing) = named.iter().find(|n| !usable.iter().any(|i| i.name == **n)) {
        return Err(why_not(&all, missing, &usable));
    }
    let (chosen, others): (Vec<Interface>, Vec<Interface>) =
        usable.into_iter().partition(|i| is_chosen(named, &i.name));
    if chosen.is_empty() {
        return Err(Error::failed(nothing(&others)));
    }
    Ok(chosen)
}

/// Those of [`to_serve`] that can be served now; others may be missing.
pub fn present(named: &[String]) -> Vec<Interface> {
    let mut present = now();
    present.retain(|interface| is_chosen(named, &interface.name));
    present
}

/// What [`to_serve`] leaves out though it could be served.
pub fn left_out(named: &[String]) -> Vec<String> {
    let names = now().into_iter().map(|i| i.name);
    names
        .filter(|name| named.is_empty() && is_inner(name))
        .collect()
}

fn is_chosen(named: &[String], name: &str) -> bool {
    if named.is_empty() {
        !is_inner(name)
    } else {
        named.iter().any(|n| n == name)
    }
}

fn nothing(left_out: &[Interface]) -> String {
    let names: Vec<&str> = left_out.iter().map(|i| i.name.as_str()).collect();
    let text = "no interface is up, broadcast-capable and has an IPv4 address; bring one up, or name one with --interface";
    if names.is_empty() {
        return text.to_owned();
    }
    let names = names.join(", ");
    format!(
        "{text} (left out by themselves, as networks of containers and virtual machines: {names})"
    )
}

/// How the interfaces of Docker, Podman, CNI, LXC, Incus, libvirt, VirtualBox and VMware begin.
const INNER: [&str; 13] = [
    "docker", "podman", "cni", "veth", "cali", "flannel", "lxcbr", "lxdbr", "incusbr", "virbr",
    "vnet", "vboxnet", "vmnet",
];

/// Whether an interface is, by its name, a network of containers or virtual machines inside this
/// host: no cable leads there, and it has a DHCP server of its own or needs none. It is served
/// where it is named.
pub fn is_inner(name: &str) -> bool {
    // Docker's own networks: `br-0123456789ab`
    let docker = |rest: &str| rest.len() == 12 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    INNER.iter().any(|kind| name.starts_with(kind)) || name.strip_prefix("br-").is_some_and(docker)
}

fn usable(all: &[InterfaceAddress]) -> Vec<Interface> {
    let mut usable: Vec<Interface> = Vec::new();
    for entry in all.iter().filter(|e| serves(e.flags)) {
        let Some(net) = ipv4(entry) else { continue };
        match usable.iter_mut().find(|i| i.name == entry.interface_name) {
            Some(interface) => interface.nets.push(net),
            None => usable.push(Interface {
                name: entry.interface_name.clone(),
                nets: vec![net],
            }),
        }
    }
    usable
}

fn serves(flags: InterfaceFlags) -> bool {
    flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_BROADCAST)
        && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
}

fn ipv4(entry: &InterfaceAddress) -> Option<Ipv4Net> {
    let part = |part: &Option<SockaddrStorage>| Some(part.as_ref()?.as_sockaddr_in()?.ip());
    let address = part(&entry.address)?;
    let mask = part(&entry.netmask).unwrap_or(Ipv4Addr::BROADCAST);
    Ipv4Net::with_netmask(address, mask).ok()
}

/// A name that stands for nothing is a wrong setting; what is not ready yet may be later.
fn why_not(all: &[InterfaceAddress], name: &str, usable: &[Interface]) -> Error {
    let flags = all
        .iter()
        .find(|e| e.interface_name == name)
        .map(|e| e.flags);
    let others: Vec<&str> = usable.iter().map(|i| i.name.as_str()).collect();
    let others = match others.as_slice() {
        [] => "none".to_owned(),
        others => others.join(", "),
    };
    let text = |why: &str| format!("cannot serve interface {name}: {why}; usable here: {others}");
    match flags {
        None => Error::usage(text("there is no such interface")),
        Some(f) if !f.contains(InterfaceFlags::IFF_UP) => Error::failed(text(&format!(
            "it is down; bring it up with `ip link set {name} up`"
        ))),
        Some(f) if !serves(f) => Error::usage(text("it cannot broadcast")),
        Some(_) => Error::failed(text(
            "it has no IPv4 address; give it one, or wait until it has",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_inside_this_host() {
        for name in [
            "docker0",
            "br-0123456789ab",
            "veth12ab",
            "virbr0",
            "cni0",
            "podman0",
        ] {
            assert!(is_inner(name), "{name}");
        }
        for name in [
            "eth0",
            "br0",
            "br-lan",
            "br-0123456789xy",
            "enp3s0",
            "wlan0",
            "bond0.5",
        ] {
            assert!(!is_inner(name), "{name}");
        }
        assert!(is_chosen(&[], "eth0") && !is_chosen(&[], "docker0"));
        let named = ["docker0".to_owned()];
        assert!(is_chosen(&named, "docker0") && !is_chosen(&named, "eth0"));
    }

    /// A flood of packets to an interface without its address is no flood of questions.
    #[test]
    fn the_system_is_asked_once_a_second() {
        let (start, asked) = (Instant::now(), std::cell::Cell::new(0));
        let mut known = Known::default();
        for ms in [0, 1, 500, 999, 1000, 1500] {
            known.renew(start + Duration::from_millis(ms), || {
                asked.set(asked.get() + 1);
                vec![asked.get()]
            });
        }
        assert_eq!((known.all, asked.get()), (vec![2], 2));
    }
}
