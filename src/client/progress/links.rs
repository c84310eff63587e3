//! Networks on which somebody did get a lease: without that, a client that asks for none may only
//! have no DHCP server. Bounded: the network heard of for longest leaves first.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Instant;

/// When a lease was last taken, by an address on the link.
#[derive(Debug)]
pub(super) struct Links {
    capacity: usize,
    leased: HashMap<Ipv4Addr, Instant>,
}

impl Links {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            leased: HashMap::new(),
        }
    }

    pub(super) fn leased(&mut self, link: Ipv4Addr, at: Instant) {
        if self.leased.len() >= self.capacity && !self.leased.contains_key(&link) {
            let oldest = self.leased.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(link, _)| *link) {
                self.leased.remove(&oldest);
            }
        }
        self.leased.insert(link, at);
    }

    /// Whether the last one was taken in this time.
    pub(super) fn leased_between(&self, link: Ipv4Addr, from: Instant, until: Instant) -> bool {
        let last = self.leased.get(&link);
        last.is_some_and(|at| (from..=until).contains(at))
    }
}
