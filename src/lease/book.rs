//! The book of leases: every address that has or had a holder, and what is free beside them.
//!
//! Invariants: an address has one entry at most; an entry is in the lists of [`Index`] and
//! [`Space`] under what it holds now, since [`Book::set`] and [`Book::forget`] alone write; each
//! change of a state is told once, by them; there are no more entries than addresses in pools,
//! reservations, leases that have not ended yet and [`Limits::offers`] together.
//!
//! Absent on purpose: the clock, the disk and the probes. `now` comes in and must not run
//! backwards; every message, and every report of a probe or the disk, first ends what is over.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::entry::Entry;
use super::index::{Index, STATES};
use super::model::{
    Ask, Change, Kind, Lease, Limits, Outcome, Record, Serial, Silence, State, Time, Verdict,
};
use super::space::{LastUse, Space, pools};
use crate::network::{Network, Networks};
use crate::wire::Mac;

/// All leases.
#[derive(Debug, Default)]
pub struct Book {
    pub(super) limits: Limits,
    entries: HashMap<Ipv4Addr, Entry>,
    index: Index,
    pub(super) space: Space,
    /// Whether the networks are known; before that nothing is forgotten.
    opened: bool,
    serial: Serial,
}

/// What one message brings about, while it is worked on.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) now: Time,
    pub(super) changes: Vec<Change>,
    pub(super) records: Vec<Record>,
}

impl Book {
    /// An empty book.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// What these networks have is free from now on, as far as nobody has it. At start and at each
    /// reload; takes time in proportion to the leases. Leases of pools that are gone stay until
    /// they end; what is over there is forgotten, which the changes tell.
    pub fn set_networks(&mut self, now: Time, networks: &Networks) -> Vec<Change> {
        let mut turn = self.turn(now);
        self.space = Space::new(networks);
        self.index = Index::new(networks);
        self.opened = true;
        for entry in std::mem::take(&mut self.entries).into_values() {
            if self.is_kept(&entry) {
                self.space.enter(entry.lease.address);
                self.put(entry);
            } else if entry.lease.state != State::Available {
                turn.tell(entry.lease.vacant(now), entry.lease.state);
            }
        }
        turn.changes
    }

    /// Answers one message. [`Outcome`] says what has to happen before the answer goes out.
    pub fn handle(&mut self, now: Time, ask: &Ask<'_>) -> Outcome {
        let mut turn = self.turn(now);
        let verdict = match ask.kind {
            Kind::Discover => self.discover(ask, &mut turn),
            Kind::Selecting { ours: true } => self.selecting(ask, &mut turn),
            Kind::Selecting { ours: false } => self.other_server(ask, &mut turn),
            Kind::InitReboot => self.init_reboot(ask, &mut turn),
            Kind::Renewing | Kind::Rebinding => self.renewing(ask, &mut turn),
            Kind::Decline => self.decline(ask, &mut turn),
            Kind::Release => self.released(ask, &mut turn),
            Kind::Inform => Verdict::Inform,
            Kind::Bootp => self.bootp(ask, &mut turn),
        };
        Outcome {
            verdict,
            changes: turn.changes,
            records: turn.records,
        }
    }

    /// Ends what is over: offers, leases, quarantines.
    pub fn expire(&mut self, now: Time) -> Vec<Change> {
        self.turn(now).changes
    }

    /// When something ends next.
    pub fn next_deadline(&self) -> Option<Time> {
        self.index.next_deadline().map(|(until, _)| until)
    }

    /// The lease of an address; also one that is over, and is kept for its client.
    pub fn get(&self, address: Ipv4Addr) -> Option<&Lease> {
        self.entries.get(&address).map(|entry| &entry.lease)
    }

    /// Every address that has or had a holder, in no order. Offers that ran out are among them, as
    /// [`State::Available`].
    pub fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.entries.values().map(|entry| &entry.lease)
    }

    /// The addresses that a hardware address has or had.
    pub fn of_mac(&self, mac: Mac) -> impl Iterator<Item = &Lease> {
        self.index.of_mac(mac).filter_map(|a| self.get(a))
    }

    /// How many addresses of a network are in each state. Available are those in its pools that
    /// nobody has or had.
    pub fn counts(&self, network: &Network) -> [(State, u64); 6] {
        let row = self.index.numbers().of(network);
        let mut counts = std::array::from_fn(|n| {
            let number = row.get(n).copied().unwrap_or_default();
            (STATES.get(n).copied().unwrap_or(State::Available), number)
        });
        let untouched: u64 = pools(network).map(|p| self.space.untouched(p)).sum();
        if let Some((_, available)) = counts.first_mut() {
            *available = available.saturating_add(untouched);
        }
        counts
    }

    /// How many addresses in the pools of a network could be given to a new client.
    pub fn free(&self, network: &Network) -> u64 {
        pools(network).map(|pool| self.space.free(pool)).sum()
    }

    /// Begins a turn: what is over by now is ended first.
    pub(super) fn turn(&mut self, now: Time) -> Turn {
        let mut turn = Turn {
            now,
            ..Turn::default()
        };
        while let Some((until, address)) = self.index.next_deadline()
            && until <= now
        {
            self.end(address, &mut turn);
        }
        turn
    }

    pub(super) fn entry(&self, address: Ipv4Addr) -> Option<&Entry> {
        self.entries.get(&address)
    }

    pub(super) fn addresses_of(&self, holder: &super::Holder) -> Vec<Ipv4Addr> {
        self.index.of_holder(holder)
    }

    pub(super) fn next_serial(&mut self) -> Serial {
        self.serial = self.serial.saturating_add(1);
        self.serial
    }

    /// Takes back offers, the oldest first, until there is room for one more.
    pub(super) fn make_room(&mut self, turn: &mut Turn) {
        while self.index.offers() >= self.limits.offers.max(1)
            && let Some(oldest) = self.index.oldest_offer()
        {
            self.withdraw(oldest, turn);
        }
    }

    /// Writes an entry, in place of the one of its address.
    pub(super) fn set(&mut self, entry: Entry, turn: &mut Turn) {
        let address = entry.lease.address;
        let old = self.entries.get_mut(&address);
        if let Some(old) = old.filter(|old| old.is_filed_as(&entry)) {
            *old = entry;
            return;
        }
        let old = self.take(address);
        let was = old.as_ref().map_or(State::Available, |e| e.lease.state);
        if was != entry.lease.state {
            turn.tell(entry.lease.clone(), was);
        }
        match (old.is_some(), self.is_kept(&entry)) {
            (true, false) => return self.space.leave(address),
            (false, false) => return,
            (false, true) => self.space.enter(address),
            (true, true) => (),
        }
        self.put(entry);
    }

    /// Removes the entry of an address, which nobody has any longer.
    pub(super) fn forget(&mut self, address: Ipv4Addr, turn: &mut Turn) {
        let Some(old) = self.take(address) else {
            return;
        };
        self.space.leave(address);
        if old.lease.state != State::Available {
            turn.tell(old.lease.vacant(turn.now), old.lease.state);
        }
    }

    /// Takes what was stored before the start: no change is told.
    pub(super) fn take_over(&mut self, lease: Lease) {
        self.set(Entry::settled(lease), &mut Turn::default());
    }

    /// Whether an entry stays: one that is free does as long as it can be given again.
    fn is_kept(&self, entry: &Entry) -> bool {
        !self.opened || !entry.is_free() || self.space.knows(entry.lease.address)
    }

    fn put(&mut self, entry: Entry) {
        self.index.enter(&entry);
        self.shelve(&entry, true);
        self.entries.insert(entry.lease.address, entry);
    }

    fn take(&mut self, address: Ipv4Addr) -> Option<Entry> {
        let entry = self.entries.remove(&address)?;
        self.index.leave(&entry);
        self.shelve(&entry, false);
        Some(entry)
    }

    fn shelve(&mut self, entry: &Entry, there: bool) {
        let Lease { address, until, .. } = entry.lease;
        if entry.is_free() {
            self.space.shelve(address, last_use(&entry.lease), there);
        }
        if entry.lease.state == State::Offered {
            self.space.offer(address, until, there);
        }
    }
}

fn last_use(lease: &Lease) -> LastUse {
    LastUse {
        leased: lease.state != State::Available,
        end: lease.until,
    }
}

impl Turn {
    /// Tells of a change, once.
    fn tell(&mut self, lease: Lease, was: State) {
        self.changes.push(Change { lease, was });
    }
}

/// The answer where none is due.
pub(super) const fn silence(why: Silence) -> Verdict {
    Verdict::Silence(why)
}
