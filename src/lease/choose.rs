//! Which address a client may have, and which of those it gets.
//!
//! The order: what is reserved for it, its current lease, its last one, the address it asks for,
//! one that nobody ever had, the one in use the longest ago, and where all are taken the one that
//! somebody else was offered the longest ago and has not asked for. Acceptability is that of the facts
//! (extension points, section 11, v4): a usable reservation rules out every other address, what is
//! reserved for somebody else is never given, and a pool must suit the client's criteria. An
//! address that is reserved outside of all pools has no tags, and suits everybody's criteria.
//!
//! A reservation is for a client that shows what it is known by, and for the holder of a lease that
//! was given by it, in messages that do not show it: a renewal passes no relay that would add the
//! circuit, and an operating system sends no UUID.

use std::net::Ipv4Addr;

use super::Book;
use super::entry::Entry;
use super::model::{Ask, Holder, Kind, Lease, State, Time};
use super::space::pools;
use crate::network::{LeaseTimes, Network, Networks, Pool, Reservation, Terms, Who};

impl Book {
    /// What is reserved for a client in its network: by what it shows; else what its lease there
    /// was given by, unless it shows now that it is another ([`crate::network::Whom::fits`]). Of
    /// several leases, that of the address which it asks to keep (`about`) goes first.
    pub fn reserved_for<'n>(
        &self,
        networks: &'n Networks,
        network: &Network,
        (holder, who): (&Holder, &Who<'_>),
        about: Option<Ipv4Addr>,
    ) -> Option<&'n Reservation> {
        let shown = networks.reserved_for(network, who);
        shown.or_else(|| {
            let own = self.own_entries(network, holder).map(|entry| &entry.lease);
            let named = |lease: &Lease| Some(lease.address) == about;
            let lease = own.max_by_key(|lease| (named(lease), rank(lease, holder)))?;
            let whom = lease.reserved.as_ref()?;
            let another = whom.fits(who) == Some(false);
            networks.reserved_by(network, whom).filter(|_| !another)
        })
    }

    /// The address for a DISCOVER or BOOTP.
    pub(super) fn choose(&self, ask: &Ask<'_>, now: Time) -> Option<Ipv4Addr> {
        self.usable_reservation(ask)
            .or_else(|| self.own(ask))
            .or_else(|| self.requested(ask))
            .or_else(|| self.never_used(ask))
            .or_else(|| self.longest_unused(ask))
            .or_else(|| self.unclaimed(ask, now))
            .filter(|address| self.is_acceptable(ask, *address))
    }

    /// Whether a client may have an address of its own (still), or a free one.
    pub(super) fn is_acceptable(&self, ask: &Ask<'_>, address: Ipv4Addr) -> bool {
        if ask.network.subnet_of(address).is_none() {
            return false;
        }
        match self.usable_reservation(ask) {
            Some(reserved) => reserved == address,
            None => !is_reserved_for_other(ask, address) && is_given(ask, address),
        }
    }

    /// The address that is reserved for the client, if it can have it now.
    pub(super) fn usable_reservation(&self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        let address = ask.reservation?.address?;
        ask.network.subnet_of(address)?;
        let suits = |pool: &Pool| pool.suits(ask.criteria);
        let suits = ask.network.pool_of(address).is_none_or(suits);
        let entry = self.entry(address);
        (suits && entry.is_none_or(|e| e.is_free() || e.is_of(ask.holder))).then_some(address)
    }

    /// The client's address in this network: the current one before the last ones.
    fn own(&self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        let own = self.own_entries(ask.network, ask.holder);
        let own = own.map(|entry| &entry.lease);
        let acceptable = own.filter(|lease| self.is_acceptable(ask, lease.address));
        let best = acceptable.max_by_key(|lease| rank(lease, ask.holder))?;
        Some(best.address)
    }

    /// What a client has or had in a network, offers included.
    pub(super) fn own_entries<'b>(
        &'b self,
        network: &'b Network,
        holder: &'b Holder,
    ) -> impl Iterator<Item = &'b Entry> {
        let all = self.addresses_of(holder).into_iter();
        all.filter(|address| network.subnet_of(*address).is_some())
            .filter_map(|address| self.entry(address))
            .filter(|entry| entry.is_of(holder))
    }

    /// The address that the client asks for, if nobody has it.
    fn requested(&self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        let address = ask.address.filter(|_| ask.kind == Kind::Discover)?;
        let free = match self.entry(address) {
            Some(entry) => entry.is_free(),
            None => self.space.is_untouched(address),
        };
        (free && self.is_acceptable(ask, address)).then_some(address)
    }

    fn never_used(&self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        suiting(ask).find_map(|pool| self.space.first_untouched(pool))
    }

    fn longest_unused(&self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        let oldest = suiting(ask).filter_map(|pool| self.space.oldest_used(pool));
        oldest.min().map(|(_, address)| address)
    }

    /// The address that was offered the longest ago, if its client had time enough to ask for it.
    fn unclaimed(&self, ask: &Ask<'_>, now: Time) -> Option<Ipv4Addr> {
        let oldest = suiting(ask).filter_map(|pool| self.space.oldest_offered(pool));
        let (until, address) = oldest.min()?;
        let offered = until.saturating_sub(self.limits.offer);
        let end = offered.saturating_add(self.limits.unclaimed);
        (end <= now).then_some(address)
    }

    /// How many addresses there are in the pools that a client may have one from.
    pub(super) fn pools_size(&self, ask: &Ask<'_>) -> u64 {
        suiting(ask).map(|pool| self.space.size(pool)).sum()
    }
}

/// The pools that a client may have an address from.
pub(super) fn suiting<'a>(ask: &Ask<'a>) -> impl Iterator<Item = &'a Pool> {
    let (criteria, kind) = (ask.criteria, ask.kind);
    pools(ask.network).filter(move |pool| pool.suits(criteria) && serves(pool, kind))
}

/// How long a client is given an address, in seconds.
pub(super) fn granted(ask: &Ask<'_>, address: Ipv4Addr) -> u32 {
    let pool = ask.network.pool_of(address).map(|pool| &pool.terms);
    let subnet = ask.network.subnet_of(address).map(|subnet| &subnet.terms);
    let reservation = ask.reservation.map(|r| &r.terms);
    let place = pool.or(subnet);
    let layers = reservation.into_iter().chain([ask.terms]).chain(place);
    let layers: Vec<&Terms> = layers.collect();
    LeaseTimes::granted(&layers, ask.seconds)
}

/// What is found by the identifier before what is found by the hardware address; leases before
/// offers before what is over; this very identity before a kindred one; the latest.
fn rank(lease: &Lease, holder: &Holder) -> (bool, u8, bool, Time, Ipv4Addr) {
    let by_id = holder.id.is_some() && lease.holder.id == holder.id;
    let state = match lease.state {
        State::Leased => 3,
        State::Offered => 2,
        State::Expired | State::Released => 1,
        State::Available | State::Declined => 0,
    };
    let same = lease.holder == *holder;
    (by_id, state, same, lease.since, lease.address)
}

fn is_reserved_for_other(ask: &Ask<'_>, address: Ipv4Addr) -> bool {
    let reserved = ask.networks.reservations.of_address(address).is_some();
    reserved && !is_own_reservation(ask, address)
}

fn is_own_reservation(ask: &Ask<'_>, address: Ipv4Addr) -> bool {
    ask.reservation.is_some_and(|r| r.address == Some(address))
}

/// Whether a pool gives an address to such a client, or a reservation does.
fn is_given(ask: &Ask<'_>, address: Ipv4Addr) -> bool {
    match ask.network.pool_of(address) {
        Some(pool) if !pool.suits(ask.criteria) => false,
        Some(pool) => is_own_reservation(ask, address) || serves(pool, ask.kind),
        None => is_own_reservation(ask, address),
    }
}

/// Whether a pool is for messages of this kind: BOOTP clients get addresses of some alone.
fn serves(pool: &Pool, kind: Kind) -> bool {
    kind != Kind::Bootp || pool.bootp
}
