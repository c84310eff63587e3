//! Ways into the book other than by address: by client, by deadline, by age of offers, and the
//! numbers of addresses by state and network.
//!
//! Invariant: every list here holds addresses that the book has an entry for, each at most once;
//! [`super::Book`] enters and removes them together with the entry.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::entry::Entry;
use super::model::{Holder, Lease, State, Time};
use crate::network::{Network, Networks};
use crate::wire::Mac;

const LOWEST: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const HIGHEST: Ipv4Addr = Ipv4Addr::BROADCAST;

/// How many addresses of one hardware address are looked at: more than any honest client has, and
/// few enough that one who collects them does not slow the rest.
const LOOKED_AT: usize = 64;

/// All lists.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Hardware addresses, those without an identifier first.
    macs: BTreeSet<(Mac, bool, Ipv4Addr)>,
    ids: BTreeSet<(Box<[u8]>, Ipv4Addr)>,
    deadlines: BTreeSet<(Time, Ipv4Addr)>,
    /// Offers, and those that ran out, by their end.
    offers: BTreeSet<(Time, Ipv4Addr)>,
    numbers: Numbers,
}

impl Index {
    /// Enters an entry.
    pub(super) fn enter(&mut self, entry: &Entry) {
        let Lease {
            address, holder, ..
        } = &entry.lease;
        self.macs
            .insert((holder.mac, holder.id.is_some(), *address));
        if let Some(id) = &holder.id {
            self.ids.insert((id.clone(), *address));
        }
        if let Some(until) = entry.lease.deadline() {
            self.deadlines.insert((until, *address));
        }
        if entry.is_tentative() {
            self.offers.insert((entry.lease.until, *address));
        }
        self.numbers.add(&entry.lease);
    }

    /// Removes an entry, as it was entered.
    pub(super) fn leave(&mut self, entry: &Entry) {
        let Lease {
            address, holder, ..
        } = &entry.lease;
        self.macs
            .remove(&(holder.mac, holder.id.is_some(), *address));
        if let Some(id) = &holder.id {
            self.ids.remove(&(id.clone(), *address));
        }
        if let Some(until) = entry.lease.deadline() {
            self.deadlines.remove(&(until, *address));
        }
        if entry.is_tentative() {
            self.offers.remove(&(entry.lease.until, *address));
        }
        self.numbers.remove(&entry.lease);
    }

    /// The addresses that may be of this client: those of its identifier, and those of its
    /// hardware address where one of both has no identifier.
    pub(super) fn of_holder(&self, holder: &Holder) -> Vec<Ipv4Addr> {
        let Some(id) = &holder.id else {
            return self.by_mac(holder.mac, true).collect();
        };
        let range = (id.clone(), LOWEST)..=(id.clone(), HIGHEST);
        let by_id = self.ids.range(range).take(LOOKED_AT);
        let by_id = by_id.map(|(_, address)| *address);
        by_id.chain(self.by_mac(holder.mac, false)).collect()
    }

    fn by_mac(&self, mac: Mac, with_id: bool) -> impl Iterator<Item = Ipv4Addr> {
        let range = (mac, false, LOWEST)..=(mac, with_id, HIGHEST);
        let all = self.macs.range(range).take(LOOKED_AT);
        all.map(|(_, _, address)| *address)
    }

    /// The addresses of a hardware address.
    pub(super) fn of_mac(&self, mac: Mac) -> impl Iterator<Item = Ipv4Addr> {
        let range = (mac, false, LOWEST)..=(mac, true, HIGHEST);
        self.macs.range(range).map(|(_, _, address)| *address)
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<(Time, Ipv4Addr)> {
        self.deadlines.first().copied()
    }

    /// The offer that is the first to end, or did so the longest ago.
    pub(super) fn oldest_offer(&self) -> Option<Ipv4Addr> {
        self.offers.first().map(|(_, address)| *address)
    }

    /// How many offers there are, those that ran out and are remembered included.
    pub(super) fn offers(&self) -> usize {
        self.offers.len()
    }

    /// How many addresses with an entry are in each state.
    pub(super) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// An empty index that counts by these networks.
    pub(super) fn new(networks: &Networks) -> Self {
        Self {
            numbers: Numbers::new(networks),
            ..Self::default()
        }
    }
}

/// How many addresses with an entry are in each state, by network.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// First and last address of each subnet, and its network's place in `by_network`; sorted.
    subnets: Vec<(Ipv4Addr, Ipv4Addr, usize)>,
    by_network: Vec<(Arc<str>, Row)>,
    /// Addresses of no network any longer.
    homeless: Row,
}

/// One number for each of [`STATES`].
type Row = [u64; STATES.len()];

/// All states, in the order in which they are counted.
pub(super) const STATES: [State; 6] = [
    State::Available,
    State::Offered,
    State::Leased,
    State::Expired,
    State::Released,
    State::Declined,
];

impl Numbers {
    fn new(networks: &Networks) -> Self {
        let all = networks.all.iter().enumerate();
        let subnets = all.flat_map(|(n, network)| network.subnets.iter().map(move |s| (n, s.net)));
        let mut subnets: Vec<_> = subnets
            .map(|(n, net)| (net.network(), net.broadcast(), n))
            .collect();
        subnets.sort_unstable();
        let named = networks
            .all
            .iter()
            .map(|network| (network.name.clone(), Row::default()));
        Self {
            subnets,
            by_network: named.collect(),
            homeless: Row::default(),
        }
    }

    /// Those of a network; all zero if it is not known.
    pub(super) fn of(&self, network: &Network) -> Row {
        let mut all = self.by_network.iter();
        let found = all.find(|(name, _)| *name == network.name);
        found.map_or_else(Row::default, |(_, row)| *row)
    }

    fn add(&mut self, lease: &Lease) {
        if let Some(number) = self.cell(lease) {
            *number = number.saturating_add(1);
        }
    }

    fn remove(&mut self, lease: &Lease) {
        if let Some(number) = self.cell(lease) {
            *number = number.saturating_sub(1);
        }
    }

    fn cell(&mut self, lease: &Lease) -> Option<&mut u64> {
        let after = self
            .subnets
            .partition_point(|(first, ..)| *first <= lease.address);
        let before = after.checked_sub(1).and_then(|n| self.subnets.get(n));
        let network = before.filter(|(_, last, _)| *last >= lease.address);
        let row = match network {
            Some((.., n)) => &mut self.by_network.get_mut(*n)?.1,
            None => &mut self.homeless,
        };
        let place = STATES.iter().position(|state| *state == lease.state)?;
        row.get_mut(place)
    }
}
