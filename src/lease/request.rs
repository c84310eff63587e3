//! DHCPREQUEST in its four kinds (RFC 2131 4.3.2), and BOOTP.
//!
//! Invariants: an ACK is for an address that was offered to this client, or is reserved for it, or is,
//! or was, its own and nobody else's since; it comes with its record. RFC 2131's silence of a server that has no record
//! becomes NAK where the server is authoritative; where it is not, nobody is told NAK who may be
//! another server's client: only one who names us, one whose record speaks of that very address,
//! and one who holds a lease of ours and asks for another address that we alone hand out.

use std::net::Ipv4Addr;

use super::Book;
use super::book::{Turn, silence};
use super::choose::{granted, suiting};
use super::entry::{Entry, Standing, Storing};
use super::model::{Ask, Binding, FOREVER, Lease, Nak, Serial, Silence, State, Time, Verdict};
use super::record::{record, shown};

/// ACKs of one address that wait for the disk at once. A client that sends more gets no answer
/// until one of them is written.
const WAITING: usize = 8;

impl Book {
    /// A client takes one of our offers.
    pub(super) fn selecting(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = ask.address else {
            return silence(Silence::NoAddress);
        };
        if ask.network.subnet_of(address).is_none() {
            return Verdict::Nak(Nak::WrongNetwork);
        }
        match self.own_at(ask, address) {
            Some(entry) if entry.is_probing() => silence(Silence::Probing),
            Some(_) => self.ack_acceptable(ask, address, turn),
            None => Verdict::Nak(self.why_not(address, Nak::NotOffered)),
        }
    }

    /// A client takes another server's offer.
    pub(super) fn other_server(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        self.take_back_all(ask, turn);
        silence(Silence::OtherServer)
    }

    /// A client that was off asks whether it may keep its address.
    pub(super) fn init_reboot(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = ask.address else {
            return silence(Silence::NoAddress);
        };
        let told = self.may_refuse(ask, address);
        if ask.network.subnet_of(address).is_none() {
            return nak_or_silence(told, Nak::WrongNetwork);
        }
        if self.may_keep(ask, address) {
            return self.ack_acceptable(ask, address, turn);
        }
        let held = |entry: &Entry| entry.lease.was_held();
        let otherwise = if self.own_entries(ask.network, ask.holder).any(held) {
            Nak::NotOffered
        } else {
            Nak::Unknown
        };
        nak_or_silence(told, self.why_not(address, otherwise))
    }

    /// A client extends its lease.
    pub(super) fn renewing(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = ask.address else {
            return silence(Silence::NoAddress);
        };
        if ask.network.subnet_of(address).is_none() {
            let told = self.may_refuse(ask, address);
            return nak_or_silence(told, Nak::WrongNetwork);
        }
        if self.may_keep(ask, address) {
            return self.ack_acceptable(ask, address, turn);
        }
        // Not where it is merely offered, or left alone: its user may be this very client.
        let leased = |entry: &Entry| entry.lease.state == State::Leased;
        let told = ask.authoritative || self.entry(address).is_some_and(leased);
        nak_or_silence(told, self.why_not(address, Nak::Unknown))
    }

    /// BOOTP (RFC 1534): an address for ever, reserved or from a pool that is for it.
    pub(super) fn bootp(&mut self, ask: &Ask<'_>, turn: &mut Turn) -> Verdict {
        let Some(address) = self.choose(ask, turn.now) else {
            let none = suiting(ask).next().is_none();
            let pools = self.pools_size(ask);
            return silence(if none {
                Silence::NoBootp
            } else {
                Silence::Exhausted { pools }
            });
        };
        if self.entry(address).is_some_and(Entry::is_probing) {
            return silence(Silence::Probing);
        }
        self.take_from_another(ask, address, turn);
        match self.lease(ask, address, u32::MAX, turn) {
            Verdict::Ack(binding) => Verdict::Bootp(binding),
            other => other,
        }
    }

    fn ack_acceptable(&mut self, ask: &Ask<'_>, address: Ipv4Addr, turn: &mut Turn) -> Verdict {
        if !self.is_acceptable(ask, address) {
            return Verdict::Nak(Nak::Revoked);
        }
        self.lease(ask, address, granted(ask, address), turn)
    }

    /// Leases an address that the client may have: from now on in memory, for good once its record
    /// is stored.
    fn lease(
        &mut self,
        ask: &Ask<'_>,
        address: Ipv4Addr,
        seconds: u32,
        turn: &mut Turn,
    ) -> Verdict {
        let serial = self.next_serial();
        let old = self.entry(address);
        if old.is_some_and(Entry::is_crowded) {
            return silence(Silence::Storing);
        }
        let lease = leased(ask, address, old.map(|e| &e.lease), (turn.now, seconds));
        let storing = storing(old, &lease, serial, turn.now);
        turn.records.push(record(&lease, Some(seconds)));
        let standing = Standing::Storing(Box::new(storing));
        self.set(
            Entry {
                lease,
                serial,
                standing,
            },
            turn,
        );
        Verdict::Ack(Binding {
            address,
            seconds,
            serial,
        })
    }

    /// The entry of an address if it is this client's, were it by an offer that ran out.
    fn own_at(&self, ask: &Ask<'_>, address: Ipv4Addr) -> Option<&Entry> {
        self.entry(address).filter(|e| e.is_of(ask.holder))
    }

    /// Whether an address is the client's to keep: by its record, or because it is reserved for it,
    /// as it is for clients that had it of the server before us.
    fn may_keep(&self, ask: &Ask<'_>, address: Ipv4Addr) -> bool {
        match self.own_at(ask, address) {
            Some(entry) if is_record(entry) || entry.is_probing() => is_record(entry),
            _ => self.usable_reservation(ask) == Some(address),
        }
    }

    /// Whether a client that asks to keep an address may be told NAK, though it names no server.
    fn may_refuse(&self, ask: &Ask<'_>, address: Ipv4Addr) -> bool {
        let leased = |entry: &Entry| entry.lease.state == State::Leased;
        let has_another = || self.own_entries(ask.network, ask.holder).any(leased);
        let recorded = self.own_at(ask, address).is_some_and(is_record);
        ask.authoritative || recorded || is_handed_out(ask, address) && has_another()
    }

    /// Why an address is not for one whose it is not: somebody else has it, or `otherwise`.
    fn why_not(&self, address: Ipv4Addr, otherwise: Nak) -> Nak {
        let taken = self.entry(address).is_some_and(|entry| !entry.is_free());
        if taken { Nak::Taken } else { otherwise }
    }
}

impl Entry {
    fn is_crowded(&self) -> bool {
        matches!(&self.standing, Standing::Storing(s) if s.waiting.len() >= WAITING)
    }
}

/// Whether an entry is a lease of its client, or an offer that it has: something it may ask to
/// keep. An offer that ran out is not.
fn is_record(entry: &Entry) -> bool {
    entry.lease.state != State::Available && !entry.is_probing()
}

/// Whether an address is one that we hand out, on this link or another.
fn is_handed_out(ask: &Ask<'_>, address: Ipv4Addr) -> bool {
    let network = ask.networks.of_link(address);
    let pool = network.and_then(|network| network.pool_of(address));
    pool.is_some() || ask.networks.reservations.of_address(address).is_some()
}

fn nak_or_silence(told: bool, why: Nak) -> Verdict {
    if told {
        Verdict::Nak(why)
    } else {
        silence(Silence::NoRecord)
    }
}

/// The lease of a client from `now` on.
fn leased(
    ask: &Ask<'_>,
    address: Ipv4Addr,
    old: Option<&Lease>,
    (now, seconds): (Time, u32),
) -> Lease {
    let own = old.filter(|lease| lease.is_of(ask.holder));
    let since = own.filter(|lease| lease.state == State::Leased);
    let until = now.saturating_add(seconds.into());
    Lease {
        state: State::Leased,
        since: since.map_or(now, |lease| lease.since),
        until: if seconds == u32::MAX { FOREVER } else { until },
        ..shown(ask, address, own)
    }
}

/// What waits for the disk, with one more.
fn storing(old: Option<&Entry>, lease: &Lease, serial: Serial, now: Time) -> Storing {
    let mut storing = match old.map(|entry| (&entry.standing, entry)) {
        Some((Standing::Storing(storing), _)) => (**storing).clone(),
        Some((_, entry)) if entry.lease.is_of(&lease.holder) => Storing::over(entry.firm(now)),
        _ => Storing::over(lease.vacant(now)),
    };
    storing.waiting.push_back((serial, lease.clone()));
    storing
}
