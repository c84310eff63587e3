//! Where a machine is played, and with which hardware address.

use std::path::{Path, PathBuf};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

use crate::error::Error;
use crate::firmware::Kind;
use crate::firmware::kind::TABLE;
use crate::service::interfaces;
use crate::wire::Mac;

/// The maker's numbers of Raspberry Pis: servers tell them by these (quirk 28).
const fn maker(kind: Kind) -> Option<[u8; 3]> {
    match kind {
        Kind::Rpi3 => Some([0xb8, 0x27, 0xeb]),
        Kind::Rpi4 => Some([0xdc, 0xa6, 0x32]),
        Kind::Rpi5 => Some([0x2c, 0xcf, 0x67]),
        _ => None,
    }
}

/// Where a machine is played, and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The interface.
    pub interface: String,
    /// The machine's hardware address.
    pub mac: Mac,
    /// Whether that is the interface's own.
    pub own_mac: bool,
    /// Whether it was named: there may be a machine that has it.
    pub given_mac: bool,
    /// Whether it is Wi-Fi: an access point takes frames of no other hardware address.
    pub wireless: bool,
}

impl Place {
    /// The interface named, or the only one there is; the MAC named, or one made from the
    /// interface's, the same each time, so that repeated probes of one kind take one lease.
    ///
    /// # Errors
    /// No such interface; several and none named; no Ethernet.
    pub fn find(interface: Option<&str>, mac: Option<Mac>, kind: Kind) -> Result<Self, Error> {
        let all: Vec<InterfaceAddress> = getifaddrs()
            .map_err(|e| Error::failed(format!("cannot list network interfaces: {e}")))?
            .collect();
        let name = match interface {
            Some(name) => name.to_owned(),
            None => only(&all)?,
        };
        let own = ethernet(&all, &name).ok_or_else(|| {
            let there = all.iter().any(|e| e.interface_name == name);
            let why = if there {
                "it is no Ethernet, and no machine boots from it"
            } else {
                "there is no such interface"
            };
            Error::usage(format!("cannot probe on \"{name}\": {why}; see `ip link`"))
        })?;
        if !is_up(&all, &name) {
            let text = format!(
                "cannot probe on {name}: it is down; bring it up (`ip link set {name} up`)"
            );
            return Err(Error::usage(text));
        }
        if !has_carrier(&name) {
            let text = format!("cannot probe on {name}: no cable, or nothing at its other end");
            return Err(Error::failed(text));
        }
        let given_mac = mac.is_some();
        let mac = mac.map_or_else(|| Ok(made_of(own, kind)), of_one)?;
        let own_mac = mac == Mac::ethernet(own);
        Ok(Self {
            wireless: class(&name, "phy80211").exists(),
            interface: name,
            mac,
            own_mac,
            given_mac,
        })
    }
}

/// `/sys/class/net/eth0/carrier`
fn class(interface: &str, file: &str) -> PathBuf {
    Path::new("/sys/class/net").join(interface).join(file)
}

/// What cannot be read is taken for a link.
fn has_carrier(name: &str) -> bool {
    let told = std::fs::read_to_string(class(name, "carrier"));
    told.map_or(true, |told| told.trim() != "0")
}

/// A hardware address that one machine can have.
fn of_one(mac: Mac) -> Result<Mac, Error> {
    let bytes = mac.as_bytes();
    let group = bytes.first().is_none_or(|first| first & 1 != 0);
    if group || bytes.iter().all(|byte| *byte == 0) {
        let text = format!("cannot play {mac}: it is no machine's, but a group's or nobody's");
        return Err(Error::usage(text));
    }
    Ok(mac)
}

fn is_up(all: &[InterfaceAddress], name: &str) -> bool {
    let mut named = all.iter().filter(|e| e.interface_name == name);
    named.any(|e| e.flags.contains(InterfaceFlags::IFF_UP))
}

fn ethernet(all: &[InterfaceAddress], name: &str) -> Option<[u8; 6]> {
    let mut named = all.iter().filter(|e| e.interface_name == name);
    named.find_map(|e| {
        let link = e.address.as_ref()?.as_link_addr()?;
        (link.hatype() == nix::libc::ARPHRD_ETHER).then(|| link.addr())?
    })
}

/// The one interface that a machine could boot from.
fn only(all: &[InterfaceAddress]) -> Result<String, Error> {
    let usable = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_BROADCAST;
    let mut names: Vec<&str> = all
        .iter()
        .filter(|e| e.flags.contains(usable) && !interfaces::is_inner(&e.interface_name))
        .map(|e| e.interface_name.as_str())
        .filter(|name| ethernet(all, name).is_some())
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Error::usage(
            "no interface is up; bring one up, or name one with --interface",
        )),
        several => Err(Error::usage(format!(
            "several interfaces are up: say with --interface where to probe: {}",
            several.join(", ")
        ))),
    }
}

/// Locally administered, not the interface's own, and another one for each kind: two at once take
/// two leases, and no server takes them for one machine that changes its mind.
fn made_of(own: [u8; 6], kind: Kind) -> Mac {
    let [a, b, c, d, e, f] = own;
    if let Some([x, y, z]) = maker(kind) {
        return Mac::ethernet([x, y, z, d, e, f]);
    }
    let at = TABLE.iter().position(|row| row.kind == kind);
    let mark = 0x60 | at.unwrap_or(0) as u8;
    Mac::ethernet([(a | 0x02) & 0xfe, b ^ mark, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_made_up_address_is_local_and_another_one() {
        for own in [
            [0x52, 0x54, 0, 1, 2, 3],
            [0x02, 0, 0, 1, 2, 3],
            [0, 0x1b, 0x21, 1, 2, 3],
        ] {
            let kinds = TABLE.iter().filter(|row| maker(row.kind).is_none());
            let all: Vec<Mac> = kinds.clone().map(|row| made_of(own, row.kind)).collect();
            let different: HashSet<&Mac> = all.iter().collect();
            assert_eq!(different.len(), kinds.count(), "one for each");
            for made in &all {
                let bytes = made.as_bytes();
                assert_eq!(bytes[0] & 3, 2, "{made}: locally administered, no group");
                assert_ne!(bytes, own);
            }
        }
        let pi = made_of([0, 0x1b, 0x21, 1, 2, 3], Kind::Rpi3);
        assert_eq!(pi.to_string(), "b8:27:eb:01:02:03");
    }
}
