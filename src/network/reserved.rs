//! Reservations, found by what a client shows and by their address.
//!
//! A client may show several things that are reserved for: its client identifier goes first, then
//! its hardware address, its UUID, its relay's circuit.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::Ipv4Addr;

use super::model::{Network, Networks, Reservation, Who, Whom};
use crate::wire::{Mac, Uuid};

/// All reservations, found by whom they are for and by their address.
#[derive(Debug, Clone, Default)]
pub struct Reservations {
    all: Vec<Reservation>,
    ids: Table<Box<[u8]>>,
    macs: Table<Mac>,
    uuids: Table<Uuid>,
    circuits: Table<Box<[u8]>>,
    addresses: HashMap<Ipv4Addr, u32>,
}

/// For whom → the places in `all`: those with an address first, since they are for one network.
type Table<K> = HashMap<K, Vec<u32>>;

impl PartialEq for Reservations {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Reservations {
    /// Takes those that the compiler has checked.
    pub fn new(all: Vec<Reservation>) -> Self {
        let mut new = Self::default();
        let numbered = || (0u32..).zip(&all);
        let (own, anywhere) = numbered().partition::<Vec<_>, _>(|(_, r)| r.address.is_some());
        for (number, reservation) in own.into_iter().chain(anywhere) {
            new.file(number, reservation);
        }
        new.all = all;
        new
    }

    fn file(&mut self, number: u32, reservation: &Reservation) {
        fn add<K: Hash + Eq>(table: &mut Table<K>, key: K, number: u32) {
            table.entry(key).or_default().push(number);
        }
        match &reservation.whom {
            Whom::ClientId(id) => add(&mut self.ids, id.clone(), number),
            Whom::Mac(mac) => add(&mut self.macs, *mac, number),
            Whom::Uuid(uuid) => add(&mut self.uuids, uuid.canonical(), number),
            Whom::Circuit(id) => add(&mut self.circuits, id.clone(), number),
        }
        if let Some(address) = reservation.address {
            self.addresses.entry(address).or_insert(number);
        }
    }

    /// Every one, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Reservation> {
        self.all.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those for this client: by client identifier, then hardware address, UUID (in either byte
    /// order), circuit id; of one of these, those with an address first, in the order of the file.
    pub fn find(&self, who: &Who<'_>) -> impl Iterator<Item = &Reservation> {
        let tables = [
            who.client_id.and_then(|id| self.ids.get(id)),
            self.macs.get(&who.mac),
            who.uuid.and_then(|uuid| self.uuids.get(&uuid.canonical())),
            who.circuit.and_then(|id| self.circuits.get(id)),
        ];
        let numbers = tables.into_iter().flatten().flatten();
        numbers.filter_map(|number| self.all.get(*number as usize))
    }

    /// The one that keeps this address.
    pub fn of_address(&self, address: Ipv4Addr) -> Option<&Reservation> {
        self.all.get(*self.addresses.get(&address)? as usize)
    }
}

impl Networks {
    /// What is reserved for a client in a network: the first of [`Reservations::find`] whose
    /// address lies in that network, or that has no address.
    pub fn reserved_for(&self, network: &Network, who: &Who<'_>) -> Option<&Reservation> {
        let here = |r: &&Reservation| {
            let lies = |address| network.subnet_of(address).is_some();
            r.address.is_none_or(lies)
        };
        self.reservations.find(who).find(here)
    }
}
