//! What holds of every answer, and between any two.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bootjack::lease::{Change, Kind, State};
use bootjack::network::{Network, Pool, Whom};

use super::layout::{OFFERS, fits, own_reservation, reservation_of, universe};
use super::offers::is_overdue;
use super::{Model, Promise};
use crate::world::Client;

impl Model {
    /// Whether the client asks for what we promised it, so that only an ACK will do.
    pub(super) fn must_ack(&self, sender: &Client, kind: Kind, address: Ipv4Addr) -> bool {
        let held = match kind {
            Kind::Selecting { ours: true } => {
                let offered = self.states.get(&address) == Some(&State::Offered);
                self.offers.get(&address).filter(|_| offered)
            }
            Kind::InitReboot | Kind::Renewing | Kind::Rebinding => self.acked.get(&address),
            _ => None,
        };
        let here = self.networks.all[sender.network]
            .subnet_of(address)
            .is_some();
        let waiting = self.queue.iter().filter(|w| w.record.address == address);
        held.is_some_and(|p| {
            p.holder == sender.holder
                && p.until >= self.now
                && p.reload == self.reload
                && self.is_reserved_nowhere_else(sender, address, p.by.as_ref())
        }) && here
            && waiting.count() < 8
    }

    /// Whether a client may keep an address as far as reservations go: for what it shows, else for
    /// what the address was promised it by, this very address is reserved or none.
    fn is_reserved_nowhere_else(
        &self,
        sender: &Client,
        address: Ipv4Addr,
        by: Option<&Whom>,
    ) -> bool {
        if by.is_some_and(|whom| fits(whom, sender) == Some(false)) {
            return false;
        }
        let promised = by.and_then(|whom| reservation_of(&self.networks, sender.network, whom));
        let reservation = own_reservation(&self.networks, sender).or(promised);
        reservation.is_none_or(|r| r.address == Some(address))
    }

    /// Whether an address is reserved for what a client does not show now, but was given something
    /// by in its network.
    fn is_known_by_its_lease(&self, sender: &Client, address: Ipv4Addr) -> bool {
        self.marks.iter().any(|(network, holder, whom)| {
            let reservation = reservation_of(&self.networks, sender.network, whom);
            *network == sender.network
                && holder.is(&sender.holder)
                && fits(whom, sender).is_none()
                && reservation.is_some_and(|r| r.address == Some(address))
        })
    }

    /// What must be so of any address that is offered or acknowledged.
    pub(super) fn may_have(
        &self,
        sender: &Client,
        kind: Kind,
        address: Ipv4Addr,
        before: &BTreeMap<Ipv4Addr, State>,
    ) {
        let network = &self.networks.all[sender.network];
        assert!(
            network.subnet_of(address).is_some(),
            "{address} is of another network"
        );
        if let Some(promise) = self.acked.get(&address).filter(|p| p.until >= self.now) {
            assert!(
                promise.holder.is(&sender.holder),
                "{address} has another holder"
            );
        }
        for write in self.queue.iter().filter(|w| w.record.address == address) {
            if let Some((_, Promise { holder, .. })) = &write.ack {
                assert!(
                    holder.is(&sender.holder),
                    "{address} is about to have another holder"
                );
            }
        }
        let declined = before.get(&address) == Some(&State::Declined);
        let ended = self.states.get(&address) != Some(&State::Declined);
        assert!(!declined || ended, "{address} is in quarantine");
        let shown = own_reservation(&self.networks, sender).and_then(|r| r.address);
        let given = self.is_known_by_its_lease(sender, address);
        let own = shown.or(given.then_some(address));
        let reserved = self
            .networks
            .reservations
            .iter()
            .any(|r| r.address == Some(address));
        assert!(
            !reserved || own == Some(address),
            "{address} is reserved for another"
        );
        let pool = network.pool_of(address);
        assert!(
            pool.is_none_or(|p| p.suits(&sender.criteria)),
            "{address} does not suit"
        );
        assert!(
            pool.is_some() || own == Some(address),
            "{address} is in no pool"
        );
        let bootp = kind != Kind::Bootp || pool.is_some_and(|p| p.bootp) || own == Some(address);
        assert!(bootp, "{address} is not for BOOTP");
        if let Some(own) = shown.filter(|own| *own != address) {
            let suits = network
                .pool_of(own)
                .is_none_or(|p| p.suits(&sender.criteria));
            let free = is_over(*before.get(&own).unwrap_or(&State::Available));
            let waiting = self.queue.iter().any(|w| w.record.address == own);
            assert!(
                !suits || !free || waiting,
                "{own} is reserved for it, and free"
            );
        }
    }

    /// Silence is right only where nothing is free, and nothing was offered for long enough.
    pub(super) fn nothing_free(&mut self, sender: &Client, kind: Kind) {
        self.seen.exhausted += 1;
        self.no_other_is_free(sender, kind, &self.states);
        for (address, (holder, until)) in self.standing() {
            let given = self.may_be_given(sender, kind, address);
            let waits = !is_overdue(until, self.now);
            let own = holder.is(&sender.holder);
            assert!(!given || own || waits, "{address} could be had");
        }
    }

    /// Whether a pool gives this address to such a client.
    pub(super) fn may_be_given(&self, sender: &Client, kind: Kind, address: Ipv4Addr) -> bool {
        let pool = self.networks.all[sender.network].pool_of(address);
        let suits = |p: &Pool| p.suits(&sender.criteria) && (kind != Kind::Bootp || p.bootp);
        let reserved = self.networks.reservations.of_address(address).is_some();
        pool.is_some_and(suits) && !reserved
    }

    pub(super) fn no_other_is_free(
        &self,
        sender: &Client,
        kind: Kind,
        states: &BTreeMap<Ipv4Addr, State>,
    ) {
        for address in (0..12).map(universe) {
            let state = *states.get(&address).unwrap_or(&State::Available);
            let waiting = self.queue.iter().any(|w| w.record.address == address);
            let taken = !is_over(state) || waiting;
            let given = self.may_be_given(sender, kind, address);
            assert!(!given || taken, "{address} is free");
        }
    }

    /// Each change follows on the one before.
    pub(super) fn replay(&mut self, changes: &[Change]) {
        for change in changes {
            let state = self
                .states
                .entry(change.lease.address)
                .or_insert(State::Available);
            assert_eq!(*state, change.was, "{change:?}");
            assert_ne!(change.was, change.lease.state, "{change:?}");
            *state = change.lease.state;
            if State::Offered == change.was || State::Offered == change.lease.state {
                self.offers.remove(&change.lease.address);
            }
        }
    }

    /// After a reload nothing is gone that was not told of.
    pub(super) fn forgotten_are_told(&self) {
        for (address, state) in &self.states {
            let known = self.book.get(*address).is_some();
            assert!(known || *state == State::Available, "{address} was {state}");
        }
    }

    /// What holds between any two messages.
    pub(super) fn check(&mut self) {
        let now = self.now;
        self.acked.retain(|_, promise| promise.until >= now);
        for (address, promise) in &self.acked {
            let lease = self.book.get(*address).expect("acknowledged, so known");
            let waiting = self.queue.iter().any(|w| w.record.address == *address);
            assert!(
                lease.holder.is(&promise.holder),
                "{address} has another holder"
            );
            assert!(
                lease.state == State::Leased || waiting,
                "{lease:?} is acknowledged"
            );
        }
        assert!(self.book.next_deadline().is_none_or(|until| until > now));
        let mut tentative = 0;
        for lease in self.book.iter() {
            let state = self.states.get(&lease.address).copied();
            assert_eq!(
                lease.state,
                state.unwrap_or(State::Available),
                "told of each change"
            );
            assert!(
                is_over(lease.state)
                    || lease
                        .until
                        .saturating_add(u64::from(lease.state == State::Leased))
                        > now,
                "{lease:?} is over at {now}"
            );
            let waiting = self.queue.iter().any(|w| w.record.address == lease.address);
            let offer = matches!(lease.state, State::Offered | State::Available);
            tentative += usize::from(offer && !waiting);
        }
        assert!(tentative <= OFFERS, "{tentative} offers");
        for (address, state) in &mut self.states {
            if self.book.get(*address).is_none() {
                assert!(is_over(*state), "{address} is {state}, and forgotten");
                *state = State::Available;
            }
        }
        let mut all: Vec<&Network> = self.networks.all.iter().collect();
        for network in all.drain(..) {
            let pools = network.subnets.iter().flat_map(|s| &s.pools);
            let free = (0..12).map(universe).filter(|a| {
                let given = pools.clone().any(|p| p.has(*a));
                let reserved = self.networks.reservations.of_address(*a).is_some();
                let taken = self
                    .queue
                    .iter()
                    .any(|w| w.ack.is_some() && w.record.address == *a);
                let state = *self.states.get(a).unwrap_or(&State::Available);
                given && !reserved && !taken && is_over(state)
            });
            assert_eq!(
                self.book.free(network),
                free.count() as u64,
                "{}",
                network.name
            );
        }
    }
}

fn is_over(state: State) -> bool {
    matches!(state, State::Available | State::Expired | State::Released)
}
