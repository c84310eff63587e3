//! Leases that end before their time: DECLINE, RELEASE, a conflict, the operator.
//!
//! Invariant: each such end comes with its record, which is written at leisure: a lease that is
//! longer on disk than in memory takes an address from nobody, for the next lease of the address
//! overwrites it before its ACK.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Book;
use super::book::{Turn, silence};
use super::entry::{Entry, Standing};
use super::model::{Ask, Change, Lease, Record, Silence, State, Time, Verdict};
use super::record::record;

impl Book {
    /// DHCPDECLINE (RFC 2131 4.3.3): the client found somebody else at its address.
    pub(super) fn decline(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = ask.address else {
            return silence(Silence::NoAddress);
        };
        let own = self.entry(address).filter(|e| e.is_of(ask.holder));
        let given = |e: &&Entry| matches!(e.lease.state, State::Offered | State::Leased);
        if own.filter(given).is_none_or(Entry::is_probing) {
            return silence(Silence::NotOwn);
        }
        self.quarantine(address, ask.networks.quarantine, turn);
        silence(Silence::NoneDue)
    }

    /// DHCPRELEASE (RFC 2131 4.3.4): the client needs its address no longer. Only by the
    /// client identifier it has the lease by, or likewise without one: who shows it or does not show
    /// it, as firmware and OS of one machine do, may go on with a lease, but not end it for the other.
    pub(super) fn released(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = ask.address else {
            return silence(Silence::NoAddress);
        };
        let own = self.entry(address).filter(|e| e.is_of(ask.holder));
        let Some(entry) = own.filter(|e| e.lease.holder.id == ask.holder.id) else {
            return silence(Silence::NotOwn);
        };
        if entry.lease.state == State::Leased {
            let released = entry.lease.ended(State::Released, turn.now);
            self.give_back(released, turn);
        }
        silence(Silence::NoneDue)
    }

    /// The operator ends a lease or a quarantine; nothing where there is neither. The client is
    /// not told: it may use the address until it asks again.
    pub fn release(&mut self, now: Time, address: Ipv4Addr) -> Option<(Change, Record)> {
        let mut turn = Turn {
            now,
            ..Turn::default()
        };
        let lease = &self.entry(address)?.lease;
        match lease.state {
            State::Leased => {
                let released = lease.ended(State::Released, now);
                self.give_back(released, &mut turn);
            }
            // Over at once: nobody had the address, so there is nobody to keep it for.
            State::Declined => {
                self.quarantine(address, Duration::ZERO, &mut turn);
                self.end(address, &mut turn);
            }
            _ => return None,
        }
        turn.changes.pop().zip(turn.records.pop())
    }

    /// Leaves an address alone for a while.
    pub(super) fn quarantine(&mut self, address: Ipv4Addr, long: Duration, turn: &mut Turn) {
        let Some(entry) = self.entry(address) else {
            return;
        };
        let declined = Lease {
            until: turn.now.saturating_add(long.as_secs()),
            ..entry.lease.ended(State::Declined, turn.now)
        };
        self.give_back(declined, turn);
    }

    /// Puts an end in place of a lease. ACKs that still wait for the disk become void.
    fn give_back(&mut self, lease: Lease, turn: &mut Turn) {
        let serial = self.next_serial();
        let old = self.entry(lease.address).map(|e| &e.standing);
        let standing = match old {
            Some(Standing::Storing(storing)) => {
                let mut storing = storing.clone();
                storing.firm = lease.clone();
                storing.firm_since = serial;
                Standing::Storing(storing)
            }
            _ => Standing::Settled,
        };
        turn.records.push(record(&lease, None));
        self.set(
            Entry {
                lease,
                serial,
                standing,
            },
            turn,
        );
    }
}
