//! Reservations, found by what a client shows and by their address.
//!
//! A client may show several things that are reserved for: its client identifier goes first, then
//! its hardware address, its UUID, its relay's circuit. It does not show all of them in every
//! message: a renewal passes no relay, and most operating systems send no UUID ([`Whom::fits`]).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::model::{Network, Networks, Reservation, Who, Whom};
use crate::wire::{Mac, Uuid, from_hex};

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

    /// Those that know their client by this, in the order of [`Self::find`].
    fn by(&self, whom: &Whom) -> impl Iterator<Item = &Reservation> {
        let numbers = match whom {
            Whom::ClientId(id) => self.ids.get(id),
            Whom::Mac(mac) => self.macs.get(mac),
            Whom::Uuid(uuid) => self.uuids.get(&uuid.canonical()),
            Whom::Circuit(id) => self.circuits.get(id),
        };
        let numbers = numbers.into_iter().flatten();
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
        self.reservations.find(who).find(|r| r.is_in(network))
    }

    /// What is reserved in a network for whom this tells; as [`Self::reserved_for`].
    pub fn reserved_by(&self, network: &Network, whom: &Whom) -> Option<&Reservation> {
        self.reservations.by(whom).find(|r| r.is_in(network))
    }
}

impl Reservation {
    /// Whether it counts in a network.
    fn is_in(&self, network: &Network) -> bool {
        let lies = |address| network.subnet_of(address).is_some();
        self.address.is_none_or(lies)
    }
}

impl Whom {
    /// Whether a client is the one; `None` where it shows nothing that would tell. An identifier
    /// that is just the hardware address tells nothing (quirk 22).
    pub fn fits(&self, who: &Who<'_>) -> Option<bool> {
        match self {
            Self::Mac(mac) => Some(*mac == who.mac),
            Self::ClientId(id) => {
                let shown = who.client_id.map(|shown| (shown, *shown == **id));
                let telling = shown.filter(|(id, same)| *same || !who.mac.is_identifier(id));
                telling.map(|(_, same)| same)
            }
            Self::Uuid(uuid) => who.uuid.map(|u| u.canonical() == uuid.canonical()),
            Self::Circuit(id) => who.circuit.map(|shown| *shown == **id),
        }
    }
}

/// The text tells nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" tells no client")]
pub struct BadWhom(pub String);

impl FromStr for Whom {
    type Err = BadWhom;

    /// Takes what [`Whom`] is shown as.
    fn from_str(text: &str) -> Result<Self, BadWhom> {
        let bytes = |digits| from_hex(digits).map(Vec::into_boxed_slice);
        let whom = text.split_once(' ').and_then(|(what, value)| match what {
            "mac" => value.parse().ok().map(Self::Mac),
            "uuid" => value.parse().ok().map(Self::Uuid),
            "client-id" => bytes(value).map(Self::ClientId),
            "circuit-id" => bytes(value).map(Self::Circuit),
            _ => None,
        });
        whom.ok_or_else(|| BadWhom(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_is_read_as_it_is_shown() {
        for text in [
            "mac 52:54:00:12:34:56",
            "uuid b8945908-d6a6-41a9-611d-74a6ab80b83d",
            "client-id ff00",
            "circuit-id 65746831",
        ] {
            assert_eq!(text.parse::<Whom>().unwrap().to_string(), text);
        }
        for text in ["", "mac", "mac 52", "circuit-id x", "name pc-1"] {
            assert_eq!(text.parse::<Whom>(), Err(BadWhom(text.to_owned())));
        }
    }

    #[test]
    fn a_client_that_shows_nothing_is_neither_the_one_nor_another() {
        let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
        let own = [&[1], mac.as_bytes()].concat();
        let mut who = Who {
            mac,
            client_id: None,
            uuid: None,
            circuit: None,
        };
        let id = |bytes: &[u8]| Whom::ClientId(bytes.into());
        let circuit = Whom::Circuit(b"eth1".as_slice().into());
        assert_eq!(Whom::Mac(mac).fits(&who), Some(true));
        assert_eq!((circuit.fits(&who), id(b"\0x").fits(&who)), (None, None));
        who.client_id = Some(&own);
        assert_eq!(
            (id(b"\0x").fits(&who), id(&own).fits(&who)),
            (None, Some(true))
        );
        who.client_id = Some(b"\0y");
        who.circuit = Some(b"eth2");
        assert_eq!(
            (circuit.fits(&who), id(b"\0x").fits(&who)),
            (Some(false), Some(false))
        );
    }
}
