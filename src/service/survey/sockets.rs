//! Who holds a port on which interface: two servers of one host may share a number.
//!
//! `ss` tells to which interface a socket is bound; the kernel's own tables in `/proc` do not. Where
//! `ss` says nothing, whoever has the number anywhere is taken for the holder.

use std::net::IpAddr;
use std::path::Path;

use procfs::process::{FDTarget, Process};

use super::tool::said_by;
use crate::doctor::{Holder, Link, Protocol};
use crate::service::holder;

/// The sockets of this host that others could send to.
#[derive(Debug, Default)]
pub(super) struct Sockets(Vec<Socket>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Socket {
    protocol: Protocol,
    /// `None`: any.
    address: Option<IpAddr>,
    /// `None`: any.
    interface: Option<String>,
    port: u16,
    pid: i32,
}

impl Sockets {
    /// As they are now; none where `ss` is not there.
    pub(super) fn now() -> Self {
        let told = said_by("ss", &["-Htulnp"]).unwrap_or_default();
        Self(told.lines().filter_map(Socket::read).collect())
    }

    /// Every process that has a port on this interface, those bound to it alone first.
    pub(super) fn holders(&self, protocol: Protocol, port: u16, link: &Link) -> Vec<Holder> {
        let wanted = |s: &&Socket| s.protocol == protocol && s.port == port && s.is_on(link);
        let mut found: Vec<&Socket> = self.0.iter().filter(wanted).collect();
        found.sort_by_key(|s| s.interface.is_none());
        let mut pids: Vec<i32> = Vec::new();
        for socket in found {
            if !pids.contains(&socket.pid) {
                pids.push(socket.pid);
            }
        }
        let named: Vec<Holder> = pids.into_iter().filter_map(named).collect();
        if !named.is_empty() {
            return named;
        }
        let anywhere = match protocol {
            Protocol::Udp => holder::of_udp(port),
            Protocol::Tcp => holder::of_tcp(port),
        };
        anywhere.into_iter().collect()
    }
}

impl Socket {
    /// `udp UNCONN 0 0 0.0.0.0%eth0:67 0.0.0.0:* users:(("dnsmasq",pid=812,fd=4))`
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let protocol = match words.next()? {
            "udp" => Protocol::Udp,
            "tcp" => Protocol::Tcp,
            _ => return None,
        };
        let local = words.nth(3)?;
        let (place, port) = local.rsplit_once(':')?;
        let (address, interface) = match place.rsplit_once('%') {
            Some((address, interface)) => (address, Some(interface.to_owned())),
            None => (place, None),
        };
        let address = address.trim_matches(['[', ']']).parse().ok();
        let pid = line.rsplit_once(",pid=")?.1.split(',').next()?;
        Some(Self {
            protocol,
            address: address.filter(|address: &IpAddr| !address.is_unspecified()),
            interface,
            port: port.parse().ok()?,
            pid: pid.parse().ok()?,
        })
    }

    fn is_on(&self, link: &Link) -> bool {
        let interface = self.interface.as_ref();
        let owns = |address: &IpAddr| link.nets.iter().any(|net| net.addr() == *address);
        interface.is_none_or(|name| *name == link.name) && self.address.as_ref().is_none_or(owns)
    }
}

fn named(pid: i32) -> Option<Holder> {
    holder::named(&Process::new(pid).ok()?)
}

/// Whether a process listens at a socket of this file name.
pub(super) fn listens_at(pid: i32, file: &str) -> bool {
    let all = procfs::net::unix().into_iter().flatten();
    let named = all.filter(|s| s.path.as_deref().and_then(Path::file_name) == Some(file.as_ref()));
    let inodes: Vec<u64> = named.map(|socket| socket.inode).collect();
    let fds = Process::new(pid).and_then(|process| process.fd());
    fds.into_iter()
        .flatten()
        .flatten()
        .any(|fd| matches!(fd.target, FDTarget::Socket(inode) if inodes.contains(&inode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, net: &str) -> Link {
        Link {
            name: name.into(),
            nets: vec![net.parse().unwrap()],
            ..Link::default()
        }
    }

    #[test]
    fn what_ss_says() {
        let read = |local: &str| {
            let line =
                format!("udp  UNCONN 0  0   {local}  0.0.0.0:*  users:((\"a b\",pid=81,fd=4))");
            Socket::read(&line)
        };
        let (eth0, eth1) = (link("eth0", "10.0.0.2/24"), link("eth1", "10.1.0.2/24"));
        for (local, on_eth0, on_eth1) in [
            ("0.0.0.0%eth0:67", true, false),
            ("10.0.0.2:67", true, false),
            ("127.0.0.1:67", false, false),
            ("0.0.0.0:67", true, true),
            ("*:67", true, true),
            ("[::]:67", true, true),
            ("[::]%eth1:67", false, true),
            ("[fe80::1]%eth1:67", false, false),
        ] {
            let socket = read(local).unwrap();
            assert_eq!((socket.port, socket.pid), (67, 81), "{local}");
            let on = (socket.is_on(&eth0), socket.is_on(&eth1));
            assert_eq!(on, (on_eth0, on_eth1), "{local}");
        }
        assert_eq!(read("0.0.0.0:x"), None);
        assert_eq!(
            Socket::read("udp UNCONN 0 0 *:67 *:*"),
            None,
            "nobody we may see"
        );
        assert_eq!(Socket::read(""), None);
    }
}
