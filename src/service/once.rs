//! Addresses of which the operator is told once each.
//!
//! Invariant: forged ones cannot make more of it than [`Once::MOST`] lines; what comes after them is not told.

use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

/// Those told of.
#[derive(Debug, Default)]
pub struct Once(Mutex<Vec<Ipv4Addr>>);

impl Once {
    const MOST: usize = 16;

    /// Whether an address was not told of yet, and may be now.
    pub fn is_new(&self, address: Ipv4Addr) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = !told.contains(&address) && told.len() < Self::MOST;
        if new {
            told.push(address);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_of_once_and_not_more_than_so_many() {
        let once = Once::default();
        let mut told = 0;
        for n in (0..100).flat_map(|n| [n, n]) {
            told += usize::from(once.is_new(Ipv4Addr::from_bits(n)));
        }
        assert_eq!(told, Once::MOST);
    }
}
