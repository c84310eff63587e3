//! Who serves an entry in a menu that the firmware shows: `servers:` and `type:` of an entry.
//!
//! An item of such a menu has a type (a number) and servers (addresses); the firmware asks the
//! servers for the type. Without a word about either, bootjack serves the entry under a number of
//! its own. Types under 32768 are for what other boot servers call theirs (facts B "Types").

use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use super::model::{Action, BootServer, Entry};
use super::schema::ACTIONS;
use crate::wire::pxe::menu::LOCAL;
use crate::yaml::{Node, Report, Section, one_or_list, text};

/// The word for bootjack itself among an entry's servers.
const HERE: &str = "self";
/// The first type for vendors' use (facts B).
const FIRST_OWN: u16 = 32768;
/// How many there are: 65535 is for tests.
const OWN: u32 = 32767;
/// More servers for one entry leave no room for a menu.
const MAX_SERVERS: usize = 8;

/// bootjack's own type of an id. It follows from the id alone, so that it stays the same whatever
/// happens to the other entries: the first four bytes of the id's SHA-256 as a number, modulo 32767,
/// from 32768 on (`printf %s ID | sha256sum`).
pub fn type_of(id: &str) -> u16 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(id));
    FIRST_OWN + (u32::from_be_bytes([a, b, c, d]) % OWN) as u16
}

/// An entry's type: a local boot's is 0, else the one that its servers know it by, else our own.
pub(super) fn item_type(id: &str, action: &Action, told: Option<u16>) -> u16 {
    match (action, told) {
        (Action::Local, _) => LOCAL,
        (_, Some(told)) => told,
        (_, None) => type_of(id),
    }
}

impl Entry {
    /// Whether bootjack itself is among those who serve it.
    pub fn is_served_here(&self) -> bool {
        self.servers.is_empty() || self.servers.contains(&BootServer::Here)
    }

    /// Whether bootjack boots it for who asks at this address of ours: it is among those who serve it
    /// by that address or as `self`, and knows what it boots.
    pub fn is_booted_at(&self, here: Ipv4Addr) -> bool {
        self.action != Action::Elsewhere && self.served_at(here).contains(&here)
    }

    /// Which of these addresses of this host is asked for it, where nothing says what it boots.
    pub fn asks_in_vain(&self, own: &[Ipv4Addr]) -> Option<Ipv4Addr> {
        let idle = self.action == Action::Elsewhere;
        let at = |server: &BootServer| match server {
            BootServer::At(address) => own.contains(address).then_some(*address),
            BootServer::Here => None,
        };
        self.servers.iter().filter(|_| idle).find_map(at)
    }

    /// The addresses that serve it, each once, where ours is `here`.
    pub fn served_at(&self, here: Ipv4Addr) -> Vec<Ipv4Addr> {
        if self.servers.is_empty() {
            return vec![here];
        }
        let at = |server: &BootServer| match server {
            BootServer::Here => here,
            BootServer::At(address) => *address,
        };
        let mut each = Vec::with_capacity(self.servers.len());
        for address in self.servers.iter().map(at) {
            if !each.contains(&address) {
                each.push(address);
            }
        }
        each
    }
}

/// What an entry says of its servers: who they are, and the type that they know it by.
pub(super) type Servers = (Vec<BootServer>, Option<u16>);

/// Reads `servers:` and `type:`.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Option<Servers> {
    let servers = section.or("servers", Vec::new(), |n| servers(n, report));
    let told = match section.get("type") {
        Some(node) => number(node, report).map(Some),
        None => Some(None),
    };
    if let (Some((key, _)), Some(_)) = (section.field("servers"), section.get("local")) {
        let hint = "the firmware boots from the disk by itself; take servers out".to_owned();
        report.error(key.at, "no server has a part in local: true", hint);
    }
    if let (Some((key, _)), None) = (section.field("type"), section.get("servers")) {
        let hint = "bootjack's own types follow from the id; take type out".to_owned();
        report.error(key.at, "type is for an entry with servers", hint);
    }
    Some((servers?, told?))
}

/// Whether other servers alone have the entry, so that it need not say what it boots. Where they are
/// wrong (`None`), they are meant all the same.
pub(super) fn is_elsewhere(section: &Section<'_>, read: Option<&Servers>) -> bool {
    let no_action = ACTIONS.iter().all(|action| section.get(action).is_none());
    let here = read.is_some_and(|(servers, _)| servers.contains(&BootServer::Here));
    no_action && section.get("servers").is_some() && !here
}

fn servers(node: &Node, report: &mut Report<'_>) -> Option<Vec<BootServer>> {
    let items = one_or_list(node, "servers", report);
    if items.len() > MAX_SERVERS {
        let message = format!(
            "{} servers; an entry has at most {MAX_SERVERS}",
            items.len()
        );
        report.error(node.at, message, None);
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| server(item, report)).collect();
    for (n, item) in items.iter().enumerate() {
        let this = read.get(n).copied().flatten();
        if this.is_some() && read.iter().take(n).any(|before| *before == this) {
            report.warn(
                item.at,
                "this server is listed twice",
                "take it out".to_owned(),
            );
        }
    }
    let read: Option<Vec<_>> = read.into_iter().collect();
    read.filter(|list| !list.is_empty())
}

fn server(node: &Node, report: &mut Report<'_>) -> Option<BootServer> {
    let word = text(node, "servers", report)?;
    if word == HERE {
        return Some(BootServer::Here);
    }
    let host = |a: &Ipv4Addr| {
        !(a.is_unspecified() || a.is_broadcast() || a.is_multicast() || a.is_loopback())
    };
    let address = word.parse().ok().filter(host);
    if address.is_none() {
        let message = format!("\"{}\" is no boot server", word.escape_debug());
        let hint = format!("write its IPv4 address, or {HERE} for bootjack");
        report.error(node.at, message, hint);
    }
    address.map(BootServer::At)
}

fn number(node: &Node, report: &mut Report<'_>) -> Option<u16> {
    let word = text(node, "type", report)?;
    let number = word.parse().ok().filter(|n| (1..u16::MAX).contains(n));
    if number.is_none() {
        let message = format!("\"{}\" is no boot server type", word.escape_debug());
        let hint = "write the number that its servers know it by, 1 to 65534".to_owned();
        report.error(node.at, message, hint);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types are in menus that machines hold: they must not change from one release to the next.
    #[test]
    fn the_type_of_an_id_never_changes() {
        for (id, kind) in [("debian", 47883), ("memtest", 46382), ("a", 38468)] {
            assert_eq!(type_of(id), kind, "{id}");
        }
    }

    /// What people call their entries.
    const EVERYDAY: &str = "debian debian-11 debian-12 debian-13 ubuntu ubuntu-22.04 ubuntu-24.04 \
        fedora fedora-40 fedora-41 alma rocky rhel rhel-8 rhel-9 centos opensuse suse sles arch alpine \
        gentoo nixos freebsd openbsd netbsd kali mint proxmox esxi vmware windows win10 win11 winpe wds \
        mdt sccm fog clonezilla gparted rescue systemrescue grml memtest memtest86 disk local hd hdd \
        boot install reinstall wipe live shell efi uefi deb net netboot netinst ipxe pxe chain menu \
        hwtest firmware bios update shutdown reboot poweroff exit test lab office server desktop kiosk \
        a b c d e f x y z one two three 1 2 3 4 5 6 7 8 9 10 talos flatcar dos truenas vyos maas linux";

    #[test]
    fn everyday_ids_have_types_of_their_own() {
        let mut known = std::collections::BTreeMap::new();
        for id in EVERYDAY.split_whitespace() {
            let other = known.insert(type_of(id), id);
            assert_eq!(other, None, "{id}");
        }
        assert!(known.len() > 100);
    }

    /// Of 17,576 ids some 4,714 pairs meet by chance.
    #[test]
    fn ids_that_differ_by_a_letter_meet_no_more_often_than_others() {
        let mut met = std::collections::BTreeMap::<u16, u32>::new();
        let letters = || b'a'..=b'z';
        for (a, b, c) in
            letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| (a, b, c))))
        {
            let id = String::from_utf8(vec![a, b, c]).unwrap();
            *met.entry(type_of(&id)).or_default() += 1;
        }
        let pairs: u32 = met.values().map(|n| n * (n - 1) / 2).sum();
        assert!((4500..4900).contains(&pairs), "{pairs}");
    }
}
