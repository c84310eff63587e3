//! What was asked and is not answered yet: by our number, and by the client's own, under which servers answer
//! the client itself.
//!
//! Invariant: the two never differ; who leaves the one, by his age or because there is no room, leaves the other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::aged::Aged;
use super::transaction::Transaction;
use crate::wire::Mac;

/// So long an answer may take: longer than anybody waits for it ([`LONGEST`](super::LONGEST)).
const OPEN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Open<T> {
    asked: Aged<u32, Transaction<T>>,
    /// A client, its number, and ours.
    of_clients: BTreeSet<(Mac, u32, u32)>,
}

impl<T> Open<T> {
    /// Room for so many.
    pub fn new(capacity: usize) -> Self {
        Self {
            asked: Aged::new(capacity),
            of_clients: BTreeSet::new(),
        }
    }

    /// Under our number, where there is still time for an answer; it is forgotten otherwise.
    pub fn in_time(&mut self, now: Instant, xid: u32) -> Option<&mut Transaction<T>> {
        if self.asked.get(xid).is_some_and(|asked| is_over(now, asked)) {
            self.remove(xid);
        }
        self.get_mut(xid)
    }

    pub fn get(&self, xid: u32) -> Option<&Transaction<T>> {
        self.asked.get(xid)
    }

    pub fn get_mut(&mut self, xid: u32) -> Option<&mut Transaction<T>> {
        self.asked.get_mut(xid)
    }

    /// All that was asked for a client's message of this number.
    pub fn for_each_of(&mut self, (mac, xid): (Mac, u32), mut f: impl FnMut(&mut Transaction<T>)) {
        let ours = (mac, xid, 0)..=(mac, xid, u32::MAX);
        for (_, _, ours) in self.of_clients.range(ours) {
            if let Some(asked) = self.asked.get_mut(*ours) {
                f(asked);
            }
        }
    }

    /// One more; those whose time is over leave.
    pub fn insert(&mut self, now: Instant, xid: u32, transaction: Transaction<T>) {
        while let Some(gone) = self.asked.remove_oldest_if(|asked| is_over(now, asked)) {
            self.forget(&gone);
        }
        let of_client = of_client(xid, &transaction);
        if let Some(gone) = self.asked.insert(xid, transaction) {
            self.forget(&gone);
        }
        self.of_clients.extend(of_client);
    }

    pub fn remove(&mut self, xid: u32) -> Option<Transaction<T>> {
        let gone = (xid, self.asked.remove(xid)?);
        self.forget(&gone);
        Some(gone.1)
    }

    fn forget(&mut self, (xid, gone): &(u32, Transaction<T>)) {
        if let Some(of_client) = of_client(*xid, gone) {
            self.of_clients.remove(&of_client);
        }
    }
}

fn is_over<T>(now: Instant, asked: &Transaction<T>) -> bool {
    now.saturating_duration_since(asked.began) > OPEN
}

fn of_client<T>(xid: u32, asked: &Transaction<T>) -> Option<(Mac, u32, u32)> {
    Some((asked.request.mac()?, asked.request.xid, xid))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::transaction::Asks;
    use super::*;
    use crate::wire::dhcp::Message;

    fn mac(number: u8) -> Mac {
        Mac::ethernet([2, 0, 0, 0, 0, number])
    }

    fn asked(began: Instant, number: u8, xid: u32) -> Transaction<()> {
        Transaction {
            asks: Asks::Discover,
            request: Message::request(mac(number), xid),
            here: Ipv4Addr::LOCALHOST,
            to: Vec::new(),
            began,
            times: 1,
            alive: Vec::new(),
            overdue: false,
            settled: false,
            stray: None,
            carried: (),
        }
    }

    /// How many are found under the client's number.
    fn found(open: &mut Open<()>, number: u8, xid: u32) -> usize {
        let mut count = 0;
        open.for_each_of((mac(number), xid), |_| count += 1);
        count
    }

    #[test]
    fn a_client_finds_its_own_and_nobody_elses() {
        let (mut open, now) = (Open::new(4), Instant::now());
        for (ours, number, xid) in [(1, 1, 7), (u32::MAX, 1, 7), (3, 1, 8), (4, 2, 7)] {
            open.insert(now, ours, asked(now, number, xid));
        }
        let all = [(1, 7), (1, 8), (2, 7), (2, 8)];
        assert_eq!(all.map(|(n, xid)| found(&mut open, n, xid)), [2, 1, 1, 0]);
        open.remove(u32::MAX);
        assert_eq!(found(&mut open, 1, 7), 1);
    }

    #[test]
    fn who_leaves_is_not_found_any_more() {
        let (mut open, now) = (Open::new(2), Instant::now());
        open.insert(now, 1, asked(now, 1, 7));
        open.insert(now, 1, asked(now, 2, 7));
        assert_eq!(found(&mut open, 1, 7), 0, "another has its number");
        open.insert(now, 2, asked(now, 3, 7));
        open.insert(now, 3, asked(now, 4, 7));
        assert_eq!(found(&mut open, 2, 7), 0, "there is no room");
        let later = now + OPEN + Duration::from_millis(1);
        assert!(open.in_time(later, 2).is_none());
        assert_eq!(found(&mut open, 3, 7), 0, "it was looked for too late");
        open.insert(later, 4, asked(later, 5, 7));
        assert_eq!(found(&mut open, 4, 7), 0, "its time is over");
        assert_eq!(open.of_clients.len(), 1);
    }
}
