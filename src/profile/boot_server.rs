//! Who serves an entry in a menu that the firmware shows: `servers:` and `type:` of an entry.
//!
//! An item of such a menu has a type (a number) and servers (addresses); the firmware asks the
//! servers for the type. Without a word about either, bootjack serves the entry under a number of
//! its own. Types under 32768 are for what other boot servers call theirs (facts B "Types").

use std::net::Ipv4Addr;

use super::model::{BootServer, Entry};
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

impl Entry {
    /// Its type in a menu that the firmware shows. A type of bootjack's own follows from the id
    /// alone (FNV-1a of its bytes, modulo 32767, from 32768 on), so that it stays the same whatever
    /// happens to the other entries.
    pub fn item_type(&self) -> u16 {
        match (&self.action, self.own_type) {
            (super::Action::Local, _) => LOCAL,
            (_, Some(own)) => own,
            (_, None) => FIRST_OWN + (fnv1a(self.id.as_bytes()) % OWN) as u16,
        }
    }

    /// Whether bootjack itself is among those who serve it.
    pub fn is_served_here(&self) -> bool {
        self.servers.is_empty() || self.servers.contains(&BootServer::Here)
    }

    /// Whether bootjack boots it for who asks at this address of ours: it is among those who serve it
    /// by that address or as `self`, and knows what it boots.
    pub fn is_booted_at(&self, here: Ipv4Addr) -> bool {
        self.action != super::Action::Elsewhere && self.served_at(here).contains(&here)
    }

    /// Which of these addresses of this host is asked for it, where nothing says what it boots.
    pub fn asks_in_vain(&self, own: &[Ipv4Addr]) -> Option<Ipv4Addr> {
        let idle = self.action == super::Action::Elsewhere;
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

/// FNV-1a of 32 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// What an entry says of its servers: who they are, and the type that they know it by.
pub(super) type Servers = (Vec<BootServer>, Option<u16>);

/// Reads `servers:` and `type:`.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Option<Servers> {
    let servers = section.or("servers", Vec::new(), |n| servers(n, report));
    let own_type = match section.get("type") {
        Some(node) => item_type(node, report).map(Some),
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
    Some((servers?, own_type?))
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

fn item_type(node: &Node, report: &mut Report<'_>) -> Option<u16> {
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
        // The hash's own test vectors.
        assert_eq!(fnv1a(b""), 0x811c_9dc5);
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
        for (id, kind) in [("debian", 35720), ("memtest", 39400), ("a", 61767)] {
            let own = FIRST_OWN + (fnv1a(id.as_bytes()) % OWN) as u16;
            assert_eq!(own, kind, "{id}");
        }
    }
}
