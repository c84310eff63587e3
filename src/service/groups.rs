//! The multicast groups of profiles, joined on every interface served: boot-server discovery by
//! multicast comes to port 4011 there.
//!
//! A group is joined by a socket that does nothing else: the kernel then takes the group's packets
//! in, and gives them to whoever is bound to their port on that interface. A group that is in no
//! profile any more is left with the socket's end. A new set is told of, so that nothing is looked at
//! while nothing changes; but an interface that cannot join now (it is down) is tried again, and that
//! is said once.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::Shared;
use super::interfaces::Interface;
use crate::event::What;
use crate::profile::Snapshot;

/// Between two tries of what could not be joined.
const PAUSE: Duration = Duration::from_secs(5);

/// A group on an interface: joined, or known to have failed.
type Groups = BTreeMap<(String, Ipv4Addr), Option<UdpSocket>>;

/// Keeps to what is in force, until the task is dropped.
///
/// # Errors
/// Never; the type is that of the other services.
pub async fn keep(served: Vec<Interface>, shared: Arc<Shared>) -> io::Result<()> {
    let mut groups = Groups::new();
    loop {
        let wanted = wanted(&served, &shared.snapshot.load());
        groups.retain(|key, _| wanted.contains(key));
        for key in wanted {
            if let Some(text) = renew(&mut groups, key) {
                shared.emit(None, What::Fault { text });
            }
        }
        let replaced = shared.replaced.notified();
        if groups.values().all(Option::is_some) {
            replaced.await;
        } else {
            let _ = tokio::time::timeout(PAUSE, replaced).await;
        }
    }
}

fn wanted(served: &[Interface], snapshot: &Snapshot) -> Vec<(String, Ipv4Addr)> {
    let of_all = &snapshot.profiles.groups;
    let on = |group: &Ipv4Addr| {
        let group = *group;
        served.iter().map(move |i| (i.name.clone(), group))
    };
    of_all.iter().flat_map(on).collect()
}

/// Joins a group that is not joined yet; what is wrong, the first time.
fn renew(groups: &mut Groups, key: (String, Ipv4Addr)) -> Option<String> {
    if matches!(groups.get(&key), Some(Some(_))) {
        return None;
    }
    let (interface, group) = &key;
    let joined = join(interface, *group);
    let why = joined.as_ref().err().map(|error| {
        format!(
            "cannot join the group {group} on {interface}: {error}; boot menus whose items are asked for there do not work"
        )
    });
    let before = groups.insert(key, joined.ok());
    why.filter(|_| before.is_none())
}

fn join(interface: &str, group: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    let index = if_nametoindex(interface).map_err(io::Error::from)?;
    socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))?;
    Ok(socket.into())
}
