//! One address in the book: its lease, and what it goes back to if what it waits for fails.
//!
//! Invariant: [`Standing::Offered`] goes with [`State::Offered`] and with no other;
//! [`Standing::Storing`] waits for one record at least.

use std::collections::VecDeque;

use super::model::{FOREVER, Holder, Lease, Serial, State, Time};

/// An address that has, or had, a holder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) lease: Lease,
    /// Of its latest state.
    pub(super) serial: Serial,
    pub(super) standing: Standing,
}

/// What is still open about it.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// Nothing: memory and disk agree, as far as the disk is told.
    Settled,
    /// The client has not asked for it yet.
    Offered {
        /// Whether it is still being tried, and so has not gone out.
        probing: bool,
        /// The lease that the offer hides: its client's own older one, or another's that is over.
        before: Option<Box<Lease>>,
    },
    /// Records of ACKs are on their way to disk.
    Storing(Box<Storing>),
}

/// The records of one address that are on their way.
#[derive(Debug, Clone)]
pub(super) struct Storing {
    /// What holds if all of them fail.
    pub(super) firm: Lease,
    /// When `firm` came to be: an ACK older than that is void.
    pub(super) firm_since: Serial,
    /// The leases of the ACKs that wait, in order.
    pub(super) waiting: VecDeque<(Serial, Lease)>,
}

impl Entry {
    /// An address about which nothing is open.
    pub(super) fn settled(lease: Lease) -> Self {
        Self {
            lease,
            serial: 0,
            standing: Standing::Settled,
        }
    }

    /// Whether its address may be given to anybody: its last lease is over, and no record says
    /// otherwise in a moment.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.standing, Standing::Settled) && self.lease.is_over()
    }

    /// Whether it belongs to this client, now or last. Not where a quarantine ended before the disk
    /// had answered to older records.
    pub(super) fn is_of(&self, holder: &Holder) -> bool {
        let forgotten = self.lease.state == State::Available && self.is_storing();
        self.lease.is_of(holder) && !forgotten
    }

    /// Whether it is being tried for an offer.
    pub(super) fn is_probing(&self) -> bool {
        matches!(self.standing, Standing::Offered { probing: true, .. })
    }

    /// Whether it is an offer, or remembers one.
    pub(super) fn is_tentative(&self) -> bool {
        let offer = matches!(self.lease.state, State::Offered | State::Available);
        offer && !self.is_storing()
    }

    /// Whether both are in the same lists under the same keys.
    pub(super) fn is_filed_as(&self, other: &Self) -> bool {
        let (own, their) = (&self.lease, &other.lease);
        (own.address, own.state, own.until) == (their.address, their.state, their.until)
            && own.holder == their.holder
            && self.is_free() == other.is_free()
            && self.is_tentative() == other.is_tentative()
    }

    /// Whether records of it are on their way.
    pub(super) fn is_storing(&self) -> bool {
        matches!(self.standing, Standing::Storing(_))
    }

    /// What the address goes back to if the next ACK cannot be stored.
    pub(super) fn firm(&self, now: Time) -> Lease {
        match &self.standing {
            Standing::Storing(storing) => storing.firm.clone(),
            Standing::Settled => self.lease.clone(),
            Standing::Offered { before, .. } => {
                let own = before
                    .as_deref()
                    .filter(|b| b.holder.is(&self.lease.holder));
                own.map_or_else(|| self.lease.vacant(now), Clone::clone)
            }
        }
    }
}

impl Lease {
    /// When its state ends by itself. Lease time is cut to whole seconds, and a client counts from the
    /// moment within one: the second in which its lease ends is the client's to the end.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Leased if self.until == FOREVER => None,
            State::Leased => Some(self.until.saturating_add(1)),
            State::Offered | State::Declined => Some(self.until),
            State::Available | State::Expired | State::Released => None,
        }
    }

    /// Whether nobody has it any longer.
    pub(super) fn is_over(&self) -> bool {
        matches!(
            self.state,
            State::Available | State::Expired | State::Released
        )
    }

    /// Whether a client has it or had it last, rather than an offer of it.
    pub(super) fn was_held(&self) -> bool {
        matches!(self.state, State::Leased | State::Expired | State::Released)
    }

    /// Whether it belongs to this client, now or last, so that the client may ask for it.
    pub(super) fn is_of(&self, holder: &Holder) -> bool {
        self.state != State::Declined && self.holder.is(holder)
    }

    /// The same address, holder remembered, that nobody has.
    pub(super) fn vacant(&self, now: Time) -> Self {
        self.ended(State::Available, now)
    }

    /// The same in a state that began, and ended, at a time.
    pub(super) fn ended(&self, state: State, at: Time) -> Self {
        Self {
            state,
            since: at,
            until: at,
            ..self.clone()
        }
    }

    /// The lease as it is at `now`: over if its time is.
    pub(super) fn at(self, now: Time) -> Self {
        match (self.state, self.deadline()) {
            (State::Leased, Some(until)) if until <= now => self.ended(State::Expired, until),
            (State::Declined | State::Offered, Some(until)) if until <= now => self.vacant(until),
            _ => self,
        }
    }
}
