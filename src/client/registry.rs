//! What was last seen of each machine, and which machine an address belongs to.
//!
//! On our own link and beyond it are kept apart ([`Side`]): what comes from elsewhere is never put into
//! what was seen here, and takes no address from it. Addresses are learnt from DHCP packets alone (a
//! REQUEST on 67, `ciaddr` at 4011). The one that a machine asked a DHCP server for goes before those
//! that later packets claim. So a stranger confuses the menus of machines whose MAC he forges, and
//! only on his side of our routers. Bounded: the machine unseen for longest leaves first, with its
//! address.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::{Boot, Client, Recent, Side};
use crate::wire::{Mac, Uuid};

/// One machine on one side: a stranger who forges its MAC may be on the other.
type Key = (Mac, Side);

/// Machines seen, by MAC, by address and by age.
#[derive(Debug)]
pub struct Registry {
    capacity: usize,
    tick: u64,
    seen: Recent<Key, Seen>,
    by_ip: HashMap<Ipv4Addr, Key>,
    /// Of those seen, whose last DISCOVER was no boot client's.
    booted: HashSet<Key>,
}

/// What was last seen of a machine.
#[derive(Debug)]
struct Seen {
    tick: u64,
    /// The tick at which it asked for boot data last.
    boot: u64,
    client: Client,
    /// Whether it asked a DHCP server for its address, and we heard it.
    asked: bool,
}

impl Registry {
    /// Room for `capacity` machines.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            tick: 0,
            seen: Recent::default(),
            by_ip: HashMap::new(),
            booted: HashSet::new(),
        }
    }

    /// Takes note of a machine. An address known before is kept where this packet shows none, unless
    /// another machine has taken it meanwhile.
    ///
    /// # Errors
    /// It claims an address, and has asked a DHCP server for this other one: nothing is kept.
    pub fn saw(&mut self, client: Client) -> Result<(), Ipv4Addr> {
        let key = (client.mac, client.side);
        let asked_for = self.asked_for(key);
        let other = asked_for.filter(|asked| client.ip.is_some_and(|ip| ip != *asked));
        if let Some(asked) = other {
            return Err(asked);
        }
        if !self.booted.is_empty() {
            self.booted.remove(&key);
        }
        self.enter(client, asked_for.is_some(), None);
        Ok(())
    }

    /// The address that a machine was heard to ask a DHCP server for, while nobody else has it.
    fn asked_for(&self, key: Key) -> Option<Ipv4Addr> {
        let seen = self.seen.get(&key).filter(|seen| seen.asked)?;
        let has = |ip: &Ipv4Addr| self.by_ip.get(ip) == Some(&key);
        seen.client.ip.filter(has)
    }

    /// Something else than a boot client DISCOVERs by this machine's address: its operating system.
    pub fn has_booted(&mut self, mac: Mac, side: Side) {
        if self.seen.contains_key(&(mac, side)) {
            self.booted.insert((mac, side));
        }
    }

    /// Whether the machine was seen to boot, and nothing else was heard of it since.
    pub fn is_booting(&self, mac: Mac) -> bool {
        let booting = |key: &Key| self.seen.contains_key(key) && !self.booted.contains(key);
        keys(mac).iter().any(booting)
    }

    fn enter(&mut self, mut client: Client, asked: bool, boot: Option<u64>) {
        let key = (client.mac, client.side);
        let before = self.seen.get(&key).map(|seen| seen.client.ip);
        if before.is_none() {
            self.make_room();
        }
        let before = before.flatten();
        if let Some(ip) = before {
            self.leaves(ip, key);
        }
        let kept = before.filter(|ip| !self.by_ip.contains_key(ip));
        let claimed = client.ip.filter(|ip| self.is_free_for(*ip, key));
        client.ip = claimed.or(kept);
        self.tick += 1;
        if let Some(ip) = client.ip {
            self.by_ip.insert(ip, key);
        }
        let asked = asked && client.ip.is_some();
        let tick = self.tick;
        let seen = Seen {
            tick,
            boot: boot.unwrap_or(tick),
            client,
            asked,
        };
        self.seen.insert(key, seen);
    }

    /// The machines unseen for longest leave, with their addresses, until there is room for one more.
    fn make_room(&mut self) {
        while self.seen.len() >= self.capacity {
            let Some((oldest, seen)) = self.seen.pop_oldest() else {
                return;
            };
            self.booted.remove(&oldest);
            if let Some(ip) = seen.client.ip {
                self.leaves(ip, oldest);
            }
        }
    }

    /// A machine leaves an address, where that is its own.
    fn leaves(&mut self, ip: Ipv4Addr, key: Key) {
        if self.by_ip.get(&ip) == Some(&key) {
            self.by_ip.remove(&ip);
        }
    }

    /// Whether this machine may be the one at an address: nobody beyond our link takes that of
    /// somebody on it.
    fn is_free_for(&self, ip: Ipv4Addr, (_, side): Key) -> bool {
        let holder = self.by_ip.get(&ip);
        side == Side::Link || holder.is_none_or(|(_, holder)| *holder == Side::Beyond)
    }

    /// A machine that goes on with what it began by its DISCOVER, with what it was known by there:
    /// at port 4011 no relay names its circuit, and EDK2 sends no identifier. A new DISCOVER shows
    /// all of it anew: the machine may be plugged in elsewhere by then.
    pub fn going_on(&self, client: Client) -> Client {
        let here = self.on(client.mac, client.side);
        let Some(before) = here.or_else(|| self.by_mac(client.mac)) else {
            return client;
        };
        Client {
            known_by: client.known_by.or(&before.known_by),
            ..client
        }
    }

    /// The machine on this side took an address (its REQUEST was seen); only for machines seen
    /// before. What was chosen on it goes along, but for what another address chose before.
    pub fn has_address(&mut self, mac: Mac, side: Side, ip: Ipv4Addr) -> bool {
        let key = (mac, side);
        let Some(seen) = self.seen.get(&key) else {
            return false;
        };
        if !self.is_free_for(ip, key) {
            return false;
        }
        let boot = seen.boot;
        let chosen_there = seen.asked || seen.client.ip == Some(ip);
        let mut client = seen.client.clone();
        client.ip = Some(ip);
        client.chosen = client.chosen.filter(|_| chosen_there);
        self.enter(client, true, Some(boot));
        true
    }

    /// The machine of this hardware address, on whichever side it was seen last.
    pub fn by_mac(&self, mac: Mac) -> Option<&Client> {
        let keys = keys(mac);
        let seen = keys.iter().filter_map(|key| self.seen.get(key));
        seen.max_by_key(|seen| seen.tick).map(|seen| &seen.client)
    }

    /// The machine of this hardware address on one side.
    pub fn on(&self, mac: Mac, side: Side) -> Option<&Client> {
        self.seen.get(&(mac, side)).map(|seen| &seen.client)
    }

    /// The side of a machine that speaks from an address, where it is known by that.
    pub fn side_at(&self, mac: Mac, ip: Ipv4Addr) -> Option<Side> {
        let (owner, side) = self.by_ip.get(&ip)?;
        (*owner == mac).then_some(*side)
    }

    /// The machine of this hardware address, as whoever has this address may know it: what was chosen
    /// on it is for the address that chose. Where addresses are not heard of (mode `colocated`), who
    /// is known by none has what was chosen on our link.
    pub fn as_asked_from(&self, mac: Mac, peer: IpAddr) -> Option<Client> {
        if self.mac_of(peer) == Some(mac) {
            return self.by_ip(peer);
        }
        let known = [Side::Link, Side::Beyond].map(|side| self.seen.get(&(mac, side)));
        let seen = known.into_iter().flatten().next()?;
        let stranger = self.mac_of(peer).is_none();
        let may = stranger && !seen.asked && seen.client.side == Side::Link;
        let client = seen.client.clone();
        Some(Client {
            chosen: client.chosen.filter(|_| may),
            ..client
        })
    }

    /// The machine of this UUID, in either byte order; `None` where several have it, as boards of
    /// one make that were never given their own.
    pub fn by_uuid(&self, uuid: Uuid) -> Option<Mac> {
        let all = self.seen.iter().map(|(_, seen)| &seen.client);
        let mut same = all.filter(|c| c.has_uuid(uuid)).map(|c| c.mac);
        let first = same.next()?;
        same.all(|mac| mac == first).then_some(first)
    }

    /// The machine that was last seen with this address.
    pub fn by_ip(&self, ip: IpAddr) -> Option<Client> {
        let key = self.key_of(ip)?;
        self.seen.get(&key).map(|seen| seen.client.clone())
    }

    /// The boot that the machine at an address is in, as far as it was heard.
    pub fn boot(&self, ip: IpAddr) -> Option<Boot> {
        let seen = self.seen.get(&self.key_of(ip)?)?;
        Some(Boot(seen.boot))
    }

    /// Its hardware address alone.
    pub fn mac_of(&self, ip: IpAddr) -> Option<Mac> {
        self.key_of(ip).map(|(mac, _)| mac)
    }

    /// The machine of our own link that has this address.
    pub fn on_link(&self, ip: IpAddr) -> Option<Mac> {
        let key = self.key_of(ip).filter(|(_, side)| *side == Side::Link);
        key.map(|(mac, _)| mac)
    }

    fn key_of(&self, ip: IpAddr) -> Option<Key> {
        let IpAddr::V4(ip) = ip.to_canonical() else {
            return None;
        };
        self.by_ip.get(&ip).copied()
    }

    /// All machines, the one seen last first.
    pub fn all(&self) -> impl Iterator<Item = &Client> {
        let latest = |(mac, side): &Key, seen: &Seen| {
            let other = self.seen.get(&(*mac, side.other()));
            other.is_none_or(|other| other.tick <= seen.tick)
        };
        let all = self
            .seen
            .iter()
            .filter(move |(key, seen)| latest(key, seen));
        all.map(|(_, seen)| &seen.client)
    }
}

const fn keys(mac: Mac) -> [Key; 2] {
    [(mac, Side::Link), (mac, Side::Beyond)]
}

#[cfg(test)]
mod tests;
