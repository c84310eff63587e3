//! What the disk says to the records of ACKs: written, or not; and ACKs that cannot be sent at all.
//!
//! Invariants: a report settles its record and all older ones of the address, since records of one
//! address are written in order; with the last one settled, memory is what the disk has. An ACK may
//! go out if its record was written and its client has not lost the address meanwhile.

use std::net::Ipv4Addr;

use super::Book;
use super::book::Turn;
use super::entry::{Entry, Standing, Storing};
use super::model::{Change, Lease, Outcome, Serial, State, Time, Verdict};

impl Book {
    /// The record of an ACK is on disk. True if the ACK may go out: the lease was not given back,
    /// declined or over while it was written.
    pub fn stored(&mut self, address: Ipv4Addr, serial: Serial) -> bool {
        let Some(mut entry) = self.entry(address).cloned() else {
            return false;
        };
        let Standing::Storing(storing) = &mut entry.standing else {
            return false;
        };
        let Some(lease) = storing.settle(serial) else {
            return false;
        };
        let current = storing.firm_since < serial;
        if current {
            storing.firm = lease;
            storing.firm_since = serial;
        }
        let may_go_out = current && entry.lease.state == State::Leased;
        if storing.waiting.is_empty() {
            entry.standing = Standing::Settled;
        }
        // A quarantine that ended meanwhile leaves nothing to remember.
        let declined = !current && entry.lease.state == State::Available;
        if declined && entry.is_free() {
            self.forget(address, &mut Turn::default());
        } else {
            self.set(entry, &mut Turn::default());
        }
        may_go_out
    }

    /// The record of an ACK could not be written: there is no ACK, and the lease is what it was on
    /// disk.
    pub fn unstored(&mut self, now: Time, address: Ipv4Addr, serial: Serial) -> Vec<Change> {
        let mut turn = self.turn(now);
        if let Some(entry) = self.entry(address).cloned() {
            self.fall_back(entry, serial, &mut turn);
        }
        turn.changes
    }

    /// No reply has room for the ACK of an outcome: the lease is what it was before, and nothing of
    /// it is to be written or told. What else the message brought about stays.
    pub fn unanswered(&mut self, now: Time, mut outcome: Outcome) -> Outcome {
        let (Verdict::Ack(binding) | Verdict::Bootp(binding)) = outcome.verdict else {
            return outcome;
        };
        let address = binding.address;
        let mut turn = self.turn(now);
        if let Some(entry) = self.entry(address).cloned() {
            self.untake(entry, binding.serial, &mut turn);
        }
        outcome.records.retain(|record| record.address != address);
        outcome.changes.append(&mut turn.changes);
        outcome.changes = in_sum(outcome.changes, address);
        outcome
    }

    /// As if the latest ACK had not been asked for: older ones may still be on their way to disk.
    fn untake(&mut self, mut entry: Entry, serial: Serial, turn: &mut Turn) {
        let Standing::Storing(storing) = &mut entry.standing else {
            return;
        };
        let Some((_, older)) = storing.waiting.iter().rev().nth(1).cloned() else {
            return self.fall_back(entry, serial, turn);
        };
        storing.waiting.retain(|(waits, _)| *waits != serial);
        entry.lease = older;
        self.set(entry, turn);
    }

    fn fall_back(&mut self, mut entry: Entry, serial: Serial, turn: &mut Turn) {
        let Standing::Storing(storing) = &mut entry.standing else {
            return;
        };
        if storing.settle(serial).is_none() {
            return;
        }
        if !storing.waiting.is_empty() {
            return self.set(entry, turn);
        }
        let declined = storing.firm.state == State::Declined;
        let firm = storing.firm.clone().at(turn.now);
        if declined && firm.state == State::Available {
            return self.forget(firm.address, turn);
        }
        self.make_room(turn);
        let serial = self.next_serial();
        self.set(
            Entry {
                serial,
                ..Entry::settled(firm)
            },
            turn,
        );
    }
}

/// The same changes, those of one address as one; none where it ends as it began.
fn in_sum(changes: Vec<Change>, address: Ipv4Addr) -> Vec<Change> {
    let (own, mut others): (Vec<Change>, Vec<Change>) = changes
        .into_iter()
        .partition(|c| c.lease.address == address);
    let was = own.first().map(|change| change.was);
    let last = own.into_iter().next_back();
    let sum = last.zip(was).map(|(last, was)| Change { was, ..last });
    others.extend(sum.filter(|change| change.was != change.lease.state));
    others
}

impl Storing {
    /// Nothing waits yet; `firm` holds if what will fails.
    pub(super) fn over(firm: Lease) -> Self {
        Self {
            firm,
            firm_since: 0,
            waiting: std::collections::VecDeque::new(),
        }
    }

    /// Takes a record and the older ones out of those that wait; its lease, if it was among them.
    fn settle(&mut self, serial: Serial) -> Option<Lease> {
        let place = self.waiting.iter().position(|(s, _)| *s == serial)?;
        self.waiting
            .drain(..=place)
            .next_back()
            .map(|(_, lease)| lease)
    }
}
