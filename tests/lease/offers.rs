//! The offers of the random walks: made, tried, gone out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::lease::{Binding, Holder, Kind, State, Time};
use bootjack::network::Whom;

use super::layout::{granted, limits};
use super::{Model, Promise};
use crate::world::{Client, QUARANTINE};

/// Whether the client of an offer that ends then had its time.
pub(super) fn is_overdue(until: Time, now: Time) -> bool {
    until - limits().offer + limits().unclaimed <= now
}

impl Model {
    pub(super) fn offer(
        &mut self,
        (number, sender): (usize, &Client),
        binding: Binding,
        probe: bool,
        by: Option<Whom>,
        before: &BTreeMap<Ipv4Addr, State>,
    ) {
        let address = binding.address;
        self.seen.offers += 1;
        self.may_have(sender, Kind::Discover, address, before);
        assert_eq!(binding.seconds, granted(sender));
        let holder = sender.holder.clone();
        let offered = before.get(&address) == Some(&State::Offered);
        let known = self
            .rights
            .get(&address)
            .is_some_and(|r| r.iter().any(|h| h.is(&holder)));
        assert!(
            !offered || known || probe,
            "{address} is offered to another"
        );
        assert!(
            probe || known,
            "{address} is offered untried to one who never had it"
        );
        self.mine.insert(number, address);
        self.mark(sender, by.as_ref());
        let reload = self.reload;
        let promise = Promise {
            holder,
            until: 0,
            reload,
            by,
        };
        if probe {
            self.probes.push((address, binding.serial, promise));
        } else {
            self.goes_out(address, promise);
        }
        let shows = sender.uuid.is_some() || sender.circuit.is_some();
        self.discovered = Some((number, sender.network, address, shows));
    }

    /// Who is offered what now, and until when.
    pub(super) fn standing(&self) -> BTreeMap<Ipv4Addr, (Holder, Time)> {
        let offered = self.book.iter().filter(|l| l.state == State::Offered);
        offered
            .map(|l| (l.address, (l.holder.clone(), l.until)))
            .collect()
    }

    /// What is offered to one goes to another only if nothing else is left, and not too soon.
    pub(super) fn given_way(
        &mut self,
        sender: &Client,
        kind: Kind,
        address: Ipv4Addr,
        standing: &BTreeMap<Ipv4Addr, (Holder, Time)>,
        before: &BTreeMap<Ipv4Addr, State>,
    ) {
        let own = |holder: &Holder| holder.is(&sender.holder);
        let Some((_, until)) = standing.get(&address).filter(|(holder, _)| !own(holder)) else {
            return;
        };
        self.seen.unclaimed += 1;
        assert!(
            is_overdue(*until, self.now),
            "{address} is offered again too soon"
        );
        let oldest = standing
            .iter()
            .filter(|(a, (holder, _))| !own(holder) && self.may_be_given(sender, kind, **a));
        let oldest = oldest.map(|(_, (_, until))| *until).min();
        assert_eq!(oldest, Some(*until), "the oldest first");
        self.no_other_is_free(sender, kind, before);
    }

    /// An offer reaches its client.
    fn goes_out(&mut self, address: Ipv4Addr, mut promise: Promise) {
        let rights = self.rights.entry(address).or_default();
        rights.push(promise.holder.clone());
        promise.until = self.now + limits().offer;
        self.offers.insert(address, promise);
    }

    /// Notes by which reservation a client is given something.
    pub(super) fn mark(&mut self, sender: &Client, by: Option<&Whom>) {
        let holder = sender.holder.clone();
        let mark = by.map(|whom| (sender.network, holder, whom.clone()));
        self.marks.extend(mark);
    }

    pub(super) fn probe(&mut self, which: proptest::sample::Index, free: bool) {
        if self.probes.is_empty() {
            return;
        }
        let (address, serial, promise) = self.probes.remove(which.index(self.probes.len()));
        if free {
            if self.book.probed(address, serial) {
                assert_eq!(self.states[&address], State::Offered);
                self.goes_out(address, promise);
            }
            return;
        }
        let quarantine = Duration::from_secs(QUARANTINE);
        let (changes, records) = self.book.conflict(self.now, address, serial, quarantine);
        self.replay(&changes);
        for record in records {
            self.seen.conflicts += 1;
            assert_eq!((record.address, record.state), (address, State::Declined));
            self.written_at_leisure(record);
        }
    }
}
