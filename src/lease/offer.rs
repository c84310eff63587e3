//! Offers: made, tried, taken back, run out.
//!
//! Invariants: an offer hides what the address was before and gives it back when it is taken back;
//! one that went out and ran out is remembered for its client ([`State::Available`]) until
//! somebody else needs the address or the room; one that is being tried has not gone out, so it
//! is not remembered.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Book;
use super::book::{Turn, silence};
use super::choose::granted;
use super::entry::{Entry, Standing};
use super::model::{Ask, Binding, Change, Lease, Record, Serial, Silence, State, Time, Verdict};

impl Book {
    /// DHCPDISCOVER (RFC 2131 4.3.1): an address, offered. A client that has a lease keeps it.
    pub(super) fn discover(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = self.choose(ask, turn.now) else {
            let pools = self.pools_size(ask);
            return silence(Silence::Exhausted { pools });
        };
        let own = self.entry(address).filter(|e| e.is_of(ask.holder));
        match own.map(|entry| (entry.lease.state, entry.serial)) {
            Some((State::Leased, serial)) => offer(ask, address, serial, false),
            Some((State::Offered, serial)) => self.offer_again(ask, address, serial, turn),
            _ if self.entry(address).is_some_and(Entry::is_storing) => silence(Silence::Storing),
            _ => self.offer_anew(ask, address, turn),
        }
    }

    /// The offer that stands, kept for another while.
    fn offer_again(
        &mut self,
        ask: &Ask<'_>,
        address: Ipv4Addr,
        serial: Serial,
        turn: &mut Turn,
    ) -> Verdict {
        let Some(entry) = self.entry(address) else {
            return silence(Silence::NoRecord);
        };
        if entry.is_probing() {
            return silence(Silence::Probing);
        }
        let mut entry = entry.clone();
        entry.lease.holder = ask.holder.clone();
        entry.lease.reserved = ask.reservation.map(|r| r.whom.clone());
        entry.lease.until = turn.now.saturating_add(self.limits.offer);
        self.set(entry, turn);
        offer(ask, address, serial, false)
    }

    fn offer_anew(&mut self, ask: &Ask<'_>, address: Ipv4Addr, turn: &mut Turn) -> Verdict {
        self.take_back_all(ask, turn);
        self.take_from_another(ask, address, turn);
        self.make_room(turn);
        let before = self.entry(address).map(|entry| &entry.lease);
        let before = before.filter(|lease| lease.was_held()).cloned();
        let probing = before.as_ref().is_none_or(|lease| !lease.is_of(ask.holder));
        let serial = self.next_serial();
        let entry = Entry {
            lease: self.offered(ask, address, before.as_ref(), turn.now),
            serial,
            standing: Standing::Offered {
                probing,
                before: before.map(Box::new),
            },
        };
        self.set(entry, turn);
        offer(ask, address, serial, probing)
    }

    fn offered(&self, ask: &Ask<'_>, address: Ipv4Addr, old: Option<&Lease>, now: Time) -> Lease {
        Lease {
            state: State::Offered,
            since: now,
            until: now.saturating_add(self.limits.offer),
            ..super::record::shown(ask, address, old)
        }
    }

    /// Takes back what a client is offered in its network.
    pub(super) fn take_back_all(&mut self, ask: &Ask<'_>, turn: &mut Turn) {
        let offered = |entry: &&Entry| entry.lease.state == State::Offered;
        let own = self.own_entries(ask.network, ask.holder).filter(offered);
        let own = own.filter(|entry| entry.lease.holder == *ask.holder);
        let addresses: Vec<Ipv4Addr> = own.map(|entry| entry.lease.address).collect();
        for address in addresses {
            self.withdraw(address, turn);
        }
    }

    /// Takes back what another client was offered and has not asked for.
    pub(super) fn take_from_another(&mut self, ask: &Ask<'_>, address: Ipv4Addr, turn: &mut Turn) {
        let entry = self.entry(address).filter(|entry| !entry.is_of(ask.holder));
        if entry.is_some_and(|entry| entry.lease.state == State::Offered) {
            self.withdraw(address, turn);
        }
    }

    /// Takes back an offer, or forgets one that ran out: the address is as it was before.
    pub(super) fn withdraw(&mut self, address: Ipv4Addr, turn: &mut Turn) {
        let before = self.entry(address).and_then(|entry| entry.before());
        match before.cloned() {
            Some(lease) => self.set(Entry::settled(lease), turn),
            None => self.forget(address, turn),
        }
    }

    /// Ends what the time of an address is over for.
    pub(super) fn end(&mut self, address: Ipv4Addr, turn: &mut Turn) {
        let Some(entry) = self.entry(address) else {
            return;
        };
        let gone_out = !entry.is_probing();
        let own = |lease: &&Lease| lease.is_of(&entry.lease.holder);
        match entry.lease.state {
            State::Offered if !gone_out || entry.before().as_ref().is_some_and(own) => {
                self.withdraw(address, turn);
            }
            State::Offered => {
                let ended = entry.lease.clone().at(turn.now);
                self.set(Entry::settled(ended), turn);
            }
            State::Declined if !entry.is_storing() => self.forget(address, turn),
            _ => {
                let mut entry = entry.clone();
                entry.lease = entry.lease.at(turn.now);
                self.set(entry, turn);
            }
        }
    }

    /// Nobody answered the probe of an offer. True if the offer stands and may go out now.
    pub fn probed(&mut self, address: Ipv4Addr, serial: Serial) -> bool {
        let entry = self.entry(address).filter(|e| e.is_probe(serial));
        let Some(mut entry) = entry.cloned() else {
            return false;
        };
        if let Standing::Offered { probing, .. } = &mut entry.standing {
            *probing = false;
        }
        self.set(entry, &mut Turn::default());
        true
    }

    /// Somebody answered the probe of an offer: the address is left alone for a while. Nothing, if
    /// the offer is no longer the one that was tried.
    pub fn conflict(
        &mut self,
        now: Time,
        address: Ipv4Addr,
        serial: Serial,
        quarantine: Duration,
    ) -> (Vec<Change>, Vec<Record>) {
        let mut turn = self.turn(now);
        if self.entry(address).is_some_and(|e| e.is_probe(serial)) {
            self.quarantine(address, quarantine, &mut turn);
        }
        (turn.changes, turn.records)
    }
}

impl Entry {
    fn before(&self) -> Option<&Lease> {
        match &self.standing {
            Standing::Offered { before, .. } => before.as_deref(),
            Standing::Settled | Standing::Storing(_) => None,
        }
    }

    fn is_probe(&self, serial: Serial) -> bool {
        self.is_probing() && self.serial == serial
    }
}

fn offer(ask: &Ask<'_>, address: Ipv4Addr, serial: Serial, probe: bool) -> Verdict {
    let binding = Binding {
        address,
        seconds: granted(ask, address),
        serial,
    };
    Verdict::Offer { binding, probe }
}
