//! What was last seen of each machine, and which machine an address belongs to.
//!
//! Addresses are learnt from DHCP packets alone (a REQUEST on 67, `ciaddr` at 4011), so a stranger
//! can at most confuse the menus of machines whose MAC he forges. Bounded: the machine unseen for
//! longest leaves first, with its address.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::Client;
use crate::wire::{Mac, Uuid};

/// Machines seen, by MAC, by address and by age.
#[derive(Debug)]
pub struct Registry {
    capacity: usize,
    tick: u64,
    seen: HashMap<Mac, (u64, Client)>,
    by_age: BTreeMap<u64, Mac>,
    by_ip: HashMap<Ipv4Addr, Mac>,
    /// Of those seen, whose last DISCOVER was no boot client's.
    booted: HashSet<Mac>,
}

impl Registry {
    /// Room for `capacity` machines.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            tick: 0,
            seen: HashMap::new(),
            by_age: BTreeMap::new(),
            by_ip: HashMap::new(),
            booted: HashSet::new(),
        }
    }

    /// Takes note of a machine. An address known before is kept where this packet shows none, unless
    /// another machine has taken it meanwhile.
    pub fn saw(&mut self, client: Client) {
        self.booted.remove(&client.mac);
        self.enter(client);
    }

    /// Something else than a boot client DISCOVERs by this machine's address: its operating system.
    pub fn has_booted(&mut self, mac: Mac) {
        if self.seen.contains_key(&mac) {
            self.booted.insert(mac);
        }
    }

    /// Whether the machine was seen to boot, and nothing else was heard of it since.
    pub fn is_booting(&self, mac: Mac) -> bool {
        self.seen.contains_key(&mac) && !self.booted.contains(&mac)
    }

    fn enter(&mut self, mut client: Client) {
        let before = self.remove(client.mac).and_then(|c| c.ip);
        let kept = before.filter(|ip| !self.by_ip.contains_key(ip));
        client.ip = client.ip.or(kept);
        while self.seen.len() >= self.capacity {
            let Some((_, oldest)) = self.by_age.first_key_value() else {
                break;
            };
            let oldest = *oldest;
            self.booted.remove(&oldest);
            self.remove(oldest);
        }
        self.tick += 1;
        self.by_age.insert(self.tick, client.mac);
        if let Some(ip) = client.ip {
            self.by_ip.insert(ip, client.mac);
        }
        self.seen.insert(client.mac, (self.tick, client));
    }

    /// A machine that goes on with what it began by its DISCOVER, with what it was known by there:
    /// at port 4011 no relay names its circuit, and EDK2 sends no identifier. A new DISCOVER shows
    /// all of it anew: the machine may be plugged in elsewhere by then.
    pub fn going_on(&self, client: Client) -> Client {
        let Some(before) = self.by_mac(client.mac) else {
            return client;
        };
        Client {
            known_by: client.known_by.or(&before.known_by),
            ..client
        }
    }

    /// The machine took an address (its REQUEST was seen); only for machines seen before.
    pub fn has_address(&mut self, mac: Mac, ip: Ipv4Addr) -> bool {
        let Some((_, client)) = self.seen.get(&mac) else {
            return false;
        };
        let mut client = client.clone();
        client.ip = Some(ip);
        self.enter(client);
        true
    }

    /// The machine of this hardware address.
    pub fn by_mac(&self, mac: Mac) -> Option<&Client> {
        self.seen.get(&mac).map(|(_, client)| client)
    }

    /// The machine of this UUID, in either byte order; `None` where several have it, as boards of
    /// one make that were never given their own.
    pub fn by_uuid(&self, uuid: Uuid) -> Option<&Client> {
        let mut same = self
            .seen
            .values()
            .map(|(_, c)| c)
            .filter(|c| c.has_uuid(uuid));
        same.next().filter(|_| same.next().is_none())
    }

    /// The machine that was last seen with this address.
    pub fn by_ip(&self, ip: IpAddr) -> Option<Client> {
        self.by_mac(self.mac_of(ip)?).cloned()
    }

    /// Its hardware address alone.
    pub fn mac_of(&self, ip: IpAddr) -> Option<Mac> {
        let IpAddr::V4(ip) = ip.to_canonical() else {
            return None;
        };
        self.by_ip.get(&ip).copied()
    }

    /// All machines, the one seen last first.
    pub fn all(&self) -> impl Iterator<Item = &Client> {
        self.by_age
            .values()
            .rev()
            .filter_map(|mac| self.by_mac(*mac))
    }

    fn remove(&mut self, mac: Mac) -> Option<Client> {
        let (tick, client) = self.seen.remove(&mac)?;
        self.by_age.remove(&tick);
        if let Some(ip) = client.ip.filter(|ip| self.by_ip.get(ip) == Some(&mac)) {
            self.by_ip.remove(&ip);
        }
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::KnownBy;

    fn machine(n: u8, ip: Option<[u8; 4]>) -> Client {
        let mac = Mac::ethernet([2, 0, 0, 0, 0, n]);
        Client {
            ip: ip.map(Ipv4Addr::from),
            ..Client::unknown(mac, Ipv4Addr::UNSPECIFIED)
        }
    }

    #[test]
    fn an_address_finds_its_machine_and_moves_with_it() {
        let mut registry = Registry::new(4);
        registry.saw(machine(1, None));
        assert!(registry.has_address(machine(1, None).mac, [10, 0, 0, 9].into()));
        registry.saw(machine(1, None));
        assert_eq!(
            registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
            machine(1, None).mac
        );
        registry.saw(machine(2, Some([10, 0, 0, 9])));
        assert_eq!(
            registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
            machine(2, None).mac
        );
        registry.saw(machine(1, Some([10, 0, 0, 8])));
        assert_eq!(
            registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
            machine(2, None).mac
        );
    }

    #[test]
    fn a_machine_that_moves_leaves_its_old_address_to_whoever_has_it_now() {
        let mut registry = Registry::new(4);
        registry.saw(machine(1, Some([10, 0, 0, 9])));
        registry.saw(machine(2, Some([10, 0, 0, 9])));
        registry.has_address(machine(1, None).mac, [10, 0, 0, 8].into());
        for (ip, number) in [(9, 2), (8, 1)] {
            let found = registry.by_ip([10, 0, 0, ip].into()).unwrap();
            assert_eq!(found.mac, machine(number, None).mac);
        }
    }

    #[test]
    fn a_machine_that_comes_back_does_not_take_its_old_address_from_the_one_that_has_it_now() {
        let mut registry = Registry::new(4);
        registry.saw(machine(1, Some([10, 0, 0, 9])));
        registry.saw(machine(2, Some([10, 0, 0, 9])));
        registry.saw(machine(1, None));
        assert_eq!(
            registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
            machine(2, None).mac
        );
        registry.saw(machine(1, Some([10, 0, 0, 60])));
        assert_eq!(
            registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
            machine(2, None).mac
        );
    }

    #[test]
    fn what_a_discover_shows_is_known_until_the_next_one() {
        let shows = |circuit: Option<&[u8]>, id: Option<&[u8]>| Client {
            known_by: KnownBy {
                circuit: circuit.map(Into::into),
                client_id: id.map(Into::into),
            },
            ..machine(1, None)
        };
        let mut registry = Registry::new(4);
        assert_eq!(registry.going_on(shows(None, None)), shows(None, None));
        registry.saw(shows(Some(b"port7"), Some(b"red")));
        let goes_on = registry.going_on(shows(None, None));
        assert_eq!(goes_on, shows(Some(b"port7"), Some(b"red")));
        let renamed = registry.going_on(shows(None, Some(b"blue")));
        assert_eq!(renamed, shows(Some(b"port7"), Some(b"blue")));
        registry.saw(goes_on);
        registry.saw(shows(Some(b"port8"), None));
        assert_eq!(
            registry.going_on(shows(None, None)),
            shows(Some(b"port8"), None)
        );
    }

    #[test]
    fn a_machine_boots_until_its_system_asks() {
        let mac = machine(1, None).mac;
        let mut registry = Registry::new(1);
        registry.has_booted(mac);
        assert!(!registry.is_booting(mac), "a stranger");
        registry.saw(machine(1, None));
        assert!(registry.is_booting(mac));
        registry.has_booted(mac);
        assert!(registry.has_address(mac, [10, 0, 0, 9].into()));
        assert!(!registry.is_booting(mac), "its lease is its system's");
        registry.saw(machine(1, None));
        assert!(registry.is_booting(mac), "started again");
        registry.has_booted(mac);
        registry.saw(machine(2, None));
        assert_eq!(
            (registry.booted.len(), registry.is_booting(mac)),
            (0, false)
        );
    }

    #[test]
    fn a_uuid_that_two_machines_have_names_neither() {
        let uuid: Uuid = "03000200-0400-0500-0006-000700080009".parse().unwrap();
        let with = |n| Client {
            uuid: Some(uuid),
            ..machine(n, None)
        };
        let mut registry = Registry::new(4);
        registry.saw(with(1));
        assert_eq!(
            registry.by_uuid(uuid.swapped()).unwrap().mac,
            machine(1, None).mac
        );
        registry.saw(with(2));
        assert_eq!(registry.by_uuid(uuid), None);
    }

    #[test]
    fn the_machine_unseen_for_longest_leaves_first() {
        let mut registry = Registry::new(3);
        for n in 0..3 {
            registry.saw(machine(n, Some([10, 0, 0, n])));
        }
        registry.saw(machine(0, None));
        registry.saw(machine(9, None));
        assert!(registry.by_mac(machine(1, None).mac).is_none());
        assert_eq!(registry.by_ip([10, 0, 0, 1].into()), None);
        assert_eq!(
            registry
                .all()
                .map(|c| c.mac.as_bytes()[5])
                .collect::<Vec<_>>(),
            [9, 0, 2]
        );
        assert_eq!(registry.by_age.len(), 3);
    }
}
