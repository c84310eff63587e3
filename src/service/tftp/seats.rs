//! Transfers under way: at most so many in all and for one address, and at most one for a peer's
//! port. The same request again belongs to the transfer it began; another one ends it (facts E).

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::super::Limits;

/// Who transfers with which address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) peer: SocketAddrV4,
    pub(super) local: Ipv4Addr,
}

/// All transfers.
pub(super) struct Seats {
    in_all: usize,
    per_client: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    count: u64,
    in_all: usize,
    by_client: HashMap<Ipv4Addr, usize>,
    by_pair: HashMap<Pair, Holder>,
}

/// The transfer that a pair has now.
struct Holder {
    number: u64,
    request: Box<[u8]>,
    repeats: mpsc::Sender<()>,
}

/// One transfer's place; dropping it frees the place.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    pub(super) pair: Pair,
}

/// The same request came again; closed when another one came.
pub(super) type Repeats = mpsc::Receiver<()>;

/// What a request means among those before it.
pub(super) enum Admission {
    /// A transfer to begin.
    New(Seat, Repeats),
    /// A repetition; its transfer knows.
    Repeated,
    /// No room: which bound.
    Full(String),
}

impl Seats {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            in_all: limits.tftp_transfers,
            per_client: limits.tftp_per_client,
            taken: Mutex::default(),
        })
    }

    /// Places a request (the whole packet) of this pair.
    pub(super) fn admit(self: &Arc<Self>, pair: Pair, request: &[u8]) -> Admission {
        let mut taken = self.lock();
        if let Some(holder) = taken.by_pair.get(&pair).filter(|h| *h.request == *request) {
            let _ = holder.repeats.try_send(()); // one that waits to be seen is enough
            return Admission::Repeated;
        }
        taken.by_pair.remove(&pair); // its transfer sees the channel close
        if let Some(bound) = self.full(&taken, *pair.peer.ip()) {
            return Admission::Full(bound);
        }
        let (repeats, seen) = mpsc::channel(1);
        let number = taken.sit(pair, request.into(), repeats);
        let seats = Arc::clone(self);
        let seat = Seat {
            seats,
            number,
            pair,
        };
        Admission::New(seat, seen)
    }

    fn full(&self, taken: &Taken, client: Ipv4Addr) -> Option<String> {
        let of_client = taken.by_client.get(&client).copied().unwrap_or(0);
        if taken.in_all >= self.in_all {
            Some(format!("{} transfers in all", self.in_all))
        } else if of_client >= self.per_client {
            Some(format!("{} transfers for one address", self.per_client))
        } else {
            None
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn sit(&mut self, pair: Pair, request: Box<[u8]>, repeats: mpsc::Sender<()>) -> u64 {
        self.count += 1;
        self.in_all += 1;
        *self.by_client.entry(*pair.peer.ip()).or_default() += 1;
        let number = self.count;
        let holder = Holder {
            number,
            request,
            repeats,
        };
        self.by_pair.insert(pair, holder);
        number
    }

    fn leave(&mut self, pair: Pair, number: u64) {
        self.in_all = self.in_all.saturating_sub(1);
        let client = *pair.peer.ip();
        let left = self
            .by_client
            .get(&client)
            .map_or(0, |n| n.saturating_sub(1));
        if left == 0 {
            self.by_client.remove(&client);
        } else {
            self.by_client.insert(client, left);
        }
        if self.by_pair.get(&pair).is_some_and(|h| h.number == number) {
            self.by_pair.remove(&pair);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().leave(self.pair, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(in_all: usize, per_client: usize) -> Arc<Seats> {
        Seats::new(&Limits {
            tftp_transfers: in_all,
            tftp_per_client: per_client,
            ..Limits::default()
        })
    }

    fn pair(client: u8, port: u16) -> Pair {
        Pair {
            peer: SocketAddrV4::new([10, 0, 0, client].into(), port),
            local: [10, 0, 0, 1].into(),
        }
    }

    fn seat(admission: Admission) -> (Seat, Repeats) {
        match admission {
            Admission::New(seat, repeats) => (seat, repeats),
            Admission::Repeated => panic!("repeated"),
            Admission::Full(bound) => panic!("full: {bound}"),
        }
    }

    #[test]
    fn the_same_request_again_belongs_to_its_transfer() {
        let seats = seats(9, 9);
        let (_seat, mut repeats) = seat(seats.admit(pair(1, 2070), b"a"));
        for _ in 0..3 {
            assert!(matches!(
                seats.admit(pair(1, 2070), b"a"),
                Admission::Repeated
            ));
        }
        assert_eq!(repeats.try_recv(), Ok(()));
        assert!(repeats.try_recv().is_err());
        let _other = seat(seats.admit(pair(1, 2071), b"a"));
    }

    #[test]
    fn another_request_of_the_same_port_ends_the_first() {
        let seats = seats(9, 9);
        let (first, mut repeats) = seat(seats.admit(pair(1, 2070), b"a"));
        let (_second, mut later) = seat(seats.admit(pair(1, 2070), b"b"));
        assert_eq!(
            repeats.try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
        drop(first); // must not take the second's place with it
        assert!(matches!(
            seats.admit(pair(1, 2070), b"b"),
            Admission::Repeated
        ));
        assert_eq!(later.try_recv(), Ok(()));
    }

    #[test]
    fn both_bounds_hold_and_free_places_are_given_again() {
        let seats = seats(3, 2);
        let (a, _ra) = seat(seats.admit(pair(1, 1), b"x"));
        let (_b, _rb) = seat(seats.admit(pair(1, 2), b"x"));
        assert!(matches!(seats.admit(pair(1, 3), b"x"), Admission::Full(_)));
        let (c, _rc) = seat(seats.admit(pair(2, 1), b"x"));
        assert!(matches!(seats.admit(pair(3, 1), b"x"), Admission::Full(_)));
        drop(a);
        let (_d, _rd) = seat(seats.admit(pair(1, 3), b"x"));
        drop(c);
        let (_e, _re) = seat(seats.admit(pair(3, 1), b"x"));
        let taken = seats.lock();
        assert_eq!(
            (taken.in_all, taken.by_pair.len(), taken.by_client.len()),
            (3, 3, 2)
        );
    }
}
