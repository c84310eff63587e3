//! What the operator is told of many leases at once: those that ended while nobody was there to tell
//! of each, and those that nothing gives any longer.
//!
//! Pure.

use std::net::Ipv4Addr;

use super::format::Contents;
use crate::event::What;
use crate::lease::{Book, Change, Record, State, Time};
use crate::network::Networks;
use crate::yaml::counted;

/// Whether a lease or a quarantine was over.
pub(super) fn is_end(change: &Change) -> bool {
    use State::{Available, Declined, Expired, Leased};
    matches!(
        (change.was, change.lease.state),
        (Leased, Expired) | (Declined, Available)
    )
}

/// What ended while nobody was there to tell of it, in one sum.
pub(super) fn ended_meanwhile(contents: &Contents, now: Time) -> Option<What> {
    let last = contents.anchor.as_ref()?.time;
    let count = |state: State| {
        let over = |r: &&Record| r.state == state && last < r.until && r.until <= now;
        contents.records.iter().filter(over).count()
    };
    let leases = count(State::Leased);
    let quarantines = count(State::Declined);
    let parts = [
        (leases > 0).then(|| format!("{} ran out", counted(leases, "lease"))),
        (quarantines > 0).then(|| format!("{} ended", counted(quarantines, "quarantine"))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| What::Notice {
        text: format!("{} while bootjack was down", parts.join(" and ")),
    })
}

/// The leases that no pool and no reservation gives any longer.
pub(super) fn outside(book: &Book, networks: &Networks) -> Option<String> {
    let given = |address: Ipv4Addr| {
        let network = networks.of_link(address);
        let pool = network.and_then(|network| network.pool_of(address));
        pool.is_some() || networks.reservations.of_address(address).is_some()
    };
    let leased = book.iter().filter(|lease| lease.state == State::Leased);
    let outside = leased.map(|lease| lease.address).filter(|a| !given(*a));
    let (count, first) = outside.fold((0_u64, None), |(count, first), address| {
        (
            count + 1,
            Some(first.map_or(address, |f: Ipv4Addr| f.min(address))),
        )
    });
    let (first, many) = (first?, if count == 1 { " is" } else { "s are" });
    Some(format!(
        "{count} lease{many} outside every pool and reservation now, {first} the first: not renewed any more; a client that asks is told to start anew, and one that does not keeps its address until the lease ends"
    ))
}
