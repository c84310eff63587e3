//! Leases as they are stored, and what of a client's message becomes part of its lease.
//!
//! Invariants: what is read back is checked as a stranger's; a lease read back does not last
//! longer from now on than it was given for, whatever the clock did meanwhile.

use std::net::Ipv4Addr;

use super::Book;
use super::model::{Ask, FOREVER, Holder, Lease, Record, State, Time};
use crate::wire::hex_digits;

/// The longest name of a host that is kept: a DNS label (RFC 1035 2.3.4).
const NAME: usize = 63;

impl Book {
    /// Takes a stored lease, at start. False for one that makes no sense: it is left out. What is
    /// over by `now` is taken as such, and no event tells of it: most of it was told long ago, and
    /// the start sums up the rest.
    pub fn restore(&mut self, now: Time, record: &Record) -> bool {
        let Some(lease) = record.lease(now) else {
            return false;
        };
        if lease.state != State::Available {
            self.take_over(lease);
        }
        true
    }
}

impl Record {
    /// The lease that it stands for, as it is at `now`; `None` where it makes no sense.
    pub fn lease(&self, now: Time) -> Option<Lease> {
        read(now, self).map(|lease| lease.at(now))
    }
}

/// A lease as it is stored; `seconds`: for how long it was given, where it is leased.
pub(super) fn record(lease: &Lease, seconds: Option<u32>) -> Record {
    Record {
        address: lease.address,
        mac: lease.holder.mac.to_string(),
        client_id: lease.holder.id.as_deref().map(hex_digits),
        state: lease.state,
        since: lease.since,
        until: lease.until,
        seconds,
        host_name: lease.host_name.as_deref().map(str::to_owned),
        profile: lease.profile.as_deref().map(str::to_owned),
        reserved: lease.reserved.as_ref().map(ToString::to_string),
    }
}

fn read(now: Time, record: &Record) -> Option<Lease> {
    let Record {
        state,
        since,
        until,
        ..
    } = *record;
    let stored = matches!(state, State::Leased | State::Released | State::Declined);
    let id = match &record.client_id {
        Some(hex) => Some(from_hex(hex)?),
        None => None,
    };
    let length = record.seconds.map_or(until.checked_sub(since)?, Time::from);
    let longest = now.saturating_add(length);
    let name = record.host_name.as_deref();
    stored.then_some(Lease {
        address: record.address,
        holder: Holder {
            mac: crate::wire::Mac::new(&from_colons(&record.mac)?)?,
            id,
        },
        state,
        since: since.min(now),
        until: if until == FOREVER {
            until
        } else {
            until.min(longest)
        },
        host_name: name.and_then(|name| host_name(name.as_bytes())),
        profile: record.profile.as_deref().map(Into::into),
        reserved: record.reserved.as_ref().and_then(|whom| whom.parse().ok()),
    })
}

/// What a client shows of itself, as a lease of an address; what it leaves out is as in its
/// `old` one.
pub(super) fn shown(ask: &Ask<'_>, address: Ipv4Addr, old: Option<&Lease>) -> Lease {
    let own = old.filter(|lease| lease.is_of(ask.holder));
    let profile = ask.profile.or(own.and_then(|lease| lease.profile.as_ref()));
    Lease {
        address,
        holder: ask.holder.clone(),
        state: State::Available,
        since: 0,
        until: 0,
        host_name: match ask.host_name {
            Some(raw) => host_name(raw),
            None => own.and_then(|lease| lease.host_name.clone()),
        },
        profile: profile.cloned(),
        reserved: ask.reservation.map(|r| r.whom.clone()),
    }
}

/// A host name fit to be shown: letters, digits, `-` and `.`, at most 63 characters. Some clients
/// send a NUL after it.
fn host_name(raw: &[u8]) -> Option<Box<str>> {
    let end = raw.iter().rposition(|b| *b != 0)?;
    let name = raw.get(..=end).filter(|name| name.len() <= NAME)?;
    let fit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    name.iter()
        .all(fit)
        .then(|| str::from_utf8(name).ok())?
        .map(Into::into)
}

fn from_hex(hex: &str) -> Option<Box<[u8]>> {
    let pairs = hex.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    let bytes = bytes.filter(|b| !b.is_empty() && b.len() <= Holder::IDENTIFIER)?;
    Some(bytes.into())
}

/// A hardware address of any length, as it is stored.
fn from_colons(text: &str) -> Option<Vec<u8>> {
    text.split(':').map(|part| byte(part.as_bytes())).collect()
}

fn byte(digits: &[u8]) -> Option<u8> {
    let digits = str::from_utf8(digits).ok().filter(|d| d.len() == 2)?;
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::network::Whom;
    use crate::wire::{Mac, Uuid};

    fn macs(shortest: usize) -> impl Strategy<Value = Mac> {
        vec(any::<u8>(), shortest..=Mac::MAX).prop_map(|bytes| Mac::new(&bytes).unwrap())
    }

    /// As messages make them.
    fn holders() -> impl Strategy<Value = Holder> {
        let ids = proptest::option::of(vec(any::<u8>(), 0..600));
        (macs(1), ids).prop_map(|(mac, id)| Holder::new(mac, id.as_deref(), true))
    }

    /// As the config file makes them.
    fn whom() -> impl Strategy<Value = Whom> {
        let bytes = || vec(any::<u8>(), 1..=255).prop_map(Vec::into_boxed_slice);
        let uuids =
            any::<[u8; 16]>().prop_map(|id| Uuid::from_option_97(&[&[0], &id[..]].concat()));
        prop_oneof![
            macs(6).prop_map(Whom::Mac),
            bytes().prop_map(Whom::ClientId),
            bytes().prop_map(Whom::Circuit),
            uuids.prop_filter_map("no identity", |id| id.map(Whom::Uuid)),
        ]
    }

    fn times() -> impl Strategy<Value = Time> {
        let extremes = [0, 1, FOREVER - 1, FOREVER];
        prop_oneof![any::<Time>(), proptest::sample::select(extremes.to_vec())]
    }

    prop_compose! {
        fn leases()(
            address in any::<Ipv4Addr>(),
            holder in holders(),
            state in prop_oneof![Just(State::Leased), Just(State::Released), Just(State::Declined)],
            since in times(),
            long in times(),
            name in proptest::option::of(prop_oneof!["[a-z0-9.-]{1,70}\0?", any::<String>()]),
            profile in proptest::option::of(any::<String>()),
            reserved in proptest::option::of(whom()),
        ) -> Lease {
            Lease {
                address,
                holder,
                state,
                since,
                until: since.saturating_add(long),
                host_name: name.and_then(|name| host_name(name.as_bytes())),
                profile: profile.map(Into::into),
                reserved,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            lease in leases(),
            seconds in proptest::option::of(any::<u32>()),
            now in times(),
        ) {
            let text = serde_json::to_string(&record(&lease, seconds)).unwrap();
            let stored: Record = serde_json::from_str(&text).unwrap();
            let back = read(now, &stored).unwrap();
            let (since, until) = (back.since, back.until);
            prop_assert!(since <= lease.since && until <= lease.until);
            prop_assert!(since <= now);
            prop_assert_eq!(&Lease { since, until, ..lease.clone() }, &back);
            // Unless the clock was set back, and for as long as it was given.
            if seconds.is_none() && now >= lease.since {
                prop_assert_eq!(&lease, &back);
            }
            prop_assert!(Book::default().restore(now, &stored));
        }
    }
}
