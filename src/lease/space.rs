//! Which addresses are free, pool by pool, without a list of them: stretches that nobody ever had,
//! and the used ones in order of their last use.
//!
//! Invariants: a stretch holds addresses of pools alone, neither excluded nor reserved, and none
//! that the book has an entry for. There are never more stretches than entries and configured
//! ranges together, so a pool of a /8 costs no more than one of ten addresses.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::Ipv4Addr;

use super::model::Time;
use crate::network::{Network, Networks, Pool, Range};

/// The addresses of all pools.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// First address → last address and pool, of what pools hand out by themselves.
    given: BTreeMap<u32, (u32, usize)>,
    /// First address → last address, of what no entry is there for.
    untouched: BTreeMap<u32, u32>,
    /// First address → pool.
    firsts: BTreeMap<u32, usize>,
    pools: Vec<Shelf>,
    reserved: HashSet<Ipv4Addr>,
}

/// One pool.
#[derive(Debug)]
struct Shelf {
    range: Range,
    /// Addresses that it hands out.
    size: u64,
    /// Those of them that the book has an entry for.
    entries: u64,
    /// Those of the entries that are free.
    used: BTreeSet<(LastUse, Ipv4Addr)>,
    /// Those that are offered, with the end of the offer.
    offered: BTreeSet<(Time, Ipv4Addr)>,
}

/// When a free address was last leased. One that was only ever offered comes first: so a flood of
/// offers that nobody takes goes round in its own addresses and leaves old clients theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LastUse {
    /// Whether it was leased at all.
    pub(super) leased: bool,
    /// The end of the lease, or of the offer.
    pub(super) end: Time,
}

impl Space {
    /// The pools of these networks, as if nobody had any address.
    pub(super) fn new(networks: &Networks) -> Self {
        let reserved = networks.reservations.iter().filter_map(|r| r.address);
        let mut space = Self {
            reserved: reserved.collect(),
            ..Self::default()
        };
        let mut taken: Vec<u32> = space.reserved.iter().map(|a| u32::from(*a)).collect();
        taken.sort_unstable();
        for pool in pools_of(networks) {
            space.add(pool, &taken);
        }
        space.untouched = space.given.iter().map(|(f, (l, _))| (*f, *l)).collect();
        space
    }

    fn add(&mut self, pool: &Pool, reserved: &[u32]) {
        let number = self.pools.len();
        let (first, last) = bounds(pool.range);
        let from = reserved.partition_point(|r| *r < first);
        let single = reserved.iter().skip(from).take_while(|r| **r <= last);
        let mut holes: Vec<(u32, u32)> = single.map(|r| (*r, *r)).collect();
        holes.extend(pool.exclude.iter().map(|part| bounds(*part)));
        holes.sort_unstable();
        let parts = without(first, last, &holes);
        let size = parts.iter().map(|(f, l)| u64::from(l - f) + 1).sum();
        let parts = parts.into_iter().map(|(f, l)| (f, (l, number)));
        self.given.extend(parts);
        self.firsts.insert(first, number);
        self.pools.push(Shelf {
            range: pool.range,
            size,
            entries: 0,
            used: BTreeSet::new(),
            offered: BTreeSet::new(),
        });
    }

    /// Whether an address whose lease is over is worth remembering: it can be given again.
    pub(super) fn knows(&self, address: Ipv4Addr) -> bool {
        let before = self.firsts.range(..=u32::from(address)).next_back();
        let pool = before.and_then(|(_, number)| self.pools.get(*number));
        pool.is_some_and(|pool| pool.range.contains(address)) || self.reserved.contains(&address)
    }

    /// The book has an entry for an address now.
    pub(super) fn enter(&mut self, address: Ipv4Addr) {
        if let Some(shelf) = self.shelf(address) {
            shelf.entries = shelf.entries.saturating_add(1);
            self.split(u32::from(address));
        }
    }

    /// It has none any longer.
    pub(super) fn leave(&mut self, address: Ipv4Addr) {
        if let Some(shelf) = self.shelf(address) {
            shelf.entries = shelf.entries.saturating_sub(1);
            self.merge(u32::from(address));
        }
    }

    /// An address with an entry became free, or is so no longer.
    pub(super) fn shelve(&mut self, address: Ipv4Addr, last: LastUse, free: bool) {
        if let Some(shelf) = self.shelf(address) {
            if free {
                shelf.used.insert((last, address));
            } else {
                shelf.used.remove(&(last, address));
            }
        }
    }

    /// An address was offered until then, or is so no longer.
    pub(super) fn offer(&mut self, address: Ipv4Addr, until: Time, offered: bool) {
        if let Some(shelf) = self.shelf(address) {
            if offered {
                shelf.offered.insert((until, address));
            } else {
                shelf.offered.remove(&(until, address));
            }
        }
    }

    /// Whether an address is one of those that pools hand out and nobody ever had.
    pub(super) fn is_untouched(&self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        let before = self.untouched.range(..=address).next_back();
        before.is_some_and(|(_, last)| *last >= address)
    }

    /// The lowest address of a pool that nobody ever had.
    pub(super) fn first_untouched(&self, pool: &Pool) -> Option<Ipv4Addr> {
        let (first, last) = bounds(self.of(pool)?.range);
        let around = self.untouched.range(..=first).next_back();
        if around.is_some_and(|(_, end)| *end >= first) {
            return Some(pool.range.first);
        }
        let next = self.untouched.range(first..=last).next();
        next.map(|(start, _)| Ipv4Addr::from(*start))
    }

    /// The free address of a pool that was in use the longest ago.
    pub(super) fn oldest_used(&self, pool: &Pool) -> Option<(LastUse, Ipv4Addr)> {
        self.of(pool)?.used.first().copied()
    }

    /// The address of a pool that is offered, and was so the longest ago; with the offer's end.
    pub(super) fn oldest_offered(&self, pool: &Pool) -> Option<(Time, Ipv4Addr)> {
        self.of(pool)?.offered.first().copied()
    }

    /// How many addresses a pool hands out, free or not.
    pub(super) fn size(&self, pool: &Pool) -> u64 {
        self.of(pool).map_or(0, |shelf| shelf.size)
    }

    /// How many of them nobody ever had.
    pub(super) fn untouched(&self, pool: &Pool) -> u64 {
        self.of(pool)
            .map_or(0, |s| s.size.saturating_sub(s.entries))
    }

    /// How many of them are free.
    pub(super) fn free(&self, pool: &Pool) -> u64 {
        let used = self.of(pool).map_or(0, |shelf| shelf.used.len() as u64);
        self.untouched(pool).saturating_add(used)
    }

    /// A pool of the networks, if it is still the one that this was made for.
    fn of(&self, pool: &Pool) -> Option<&Shelf> {
        let shelf = self
            .pools
            .get(*self.firsts.get(&pool.range.first.into())?)?;
        (shelf.range == pool.range).then_some(shelf)
    }

    fn shelf(&mut self, address: Ipv4Addr) -> Option<&mut Shelf> {
        let address = u32::from(address);
        let (_, (last, number)) = self.given.range(..=address).next_back()?;
        (*last >= address).then(|| self.pools.get_mut(*number))?
    }

    /// Takes an address out of its stretch.
    fn split(&mut self, address: u32) {
        let around = self.untouched.range(..=address).next_back();
        let Some((first, last)) = around.map(|(f, l)| (*f, *l)).filter(|(_, l)| *l >= address)
        else {
            return;
        };
        match address.checked_sub(1).filter(|end| *end >= first) {
            Some(end) => self.untouched.insert(first, end),
            None => self.untouched.remove(&first),
        };
        if let Some(start) = address.checked_add(1).filter(|start| *start <= last) {
            self.untouched.insert(start, last);
        }
    }

    /// Gives it back, and joins it with its neighbours.
    fn merge(&mut self, address: u32) {
        let after = address
            .checked_add(1)
            .and_then(|n| self.untouched.remove(&n));
        let last = after.unwrap_or(address);
        let before = self.untouched.range_mut(..address).next_back();
        match before.filter(|(_, end)| end.checked_add(1) == Some(address)) {
            Some((_, end)) => *end = last,
            None => _ = self.untouched.insert(address, last),
        }
    }
}

/// All pools of all networks.
fn pools_of(networks: &Networks) -> impl Iterator<Item = &Pool> {
    networks.all.iter().flat_map(pools)
}

/// All pools of a network, in the order of the file.
pub(super) fn pools(network: &Network) -> impl Iterator<Item = &Pool> {
    network.subnets.iter().flat_map(|subnet| &subnet.pools)
}

fn bounds(range: Range) -> (u32, u32) {
    (range.first.into(), range.last.into())
}

/// What is left of a range without its holes, which are sorted and may overlap.
fn without(first: u32, last: u32, holes: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut parts = Vec::new();
    let mut next = Some(first);
    for (from, to) in holes {
        let Some(start) = next.filter(|start| *start <= last) else {
            break;
        };
        if let Some(end) = from.checked_sub(1).filter(|end| *end >= start) {
            parts.push((start, end.min(last)));
        }
        next = to.checked_add(1).map(|after| after.max(start));
    }
    let rest = next.filter(|start| *start <= last);
    parts.extend(rest.map(|start| (start, last)));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_leave_the_rest() {
        assert_eq!(without(1, 9, &[]), [(1, 9)]);
        assert_eq!(
            without(1, 9, &[(1, 1), (4, 5), (5, 6), (9, 9)]),
            [(2, 3), (7, 8)]
        );
        assert_eq!(without(1, 9, &[(0, 20)]), []);
        assert_eq!(without(1, 9, &[(3, 8), (4, 5)]), [(1, 2), (9, 9)]);
        assert_eq!(
            without(0, u32::MAX, &[(0, 0), (u32::MAX, u32::MAX)]),
            [(1, u32::MAX - 1)]
        );
    }

    #[test]
    fn stretches_split_and_join_again() {
        let mut space = Space {
            untouched: [(10, 20)].into(),
            ..Space::default()
        };
        for address in [10, 20, 15, 15, 30] {
            space.split(address);
        }
        assert_eq!(space.untouched, [(11, 14), (16, 19)].into());
        for address in [15, 10, 20] {
            space.merge(address);
        }
        assert_eq!(space.untouched, [(10, 20)].into());
    }
}
