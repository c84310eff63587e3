//! Bounds on connections: so many in all, so many from one address. What is past a bound is told
//! so and closed; those inside are not disturbed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the open connections.
#[derive(Debug)]
pub struct Gate {
    in_all: usize,
    from_one: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; leaves with it.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// Room for `in_all` connections, `from_one` of them from one address.
    pub fn new(in_all: usize, from_one: usize) -> Arc<Self> {
        let inside = Mutex::default();
        Arc::new(Self {
            in_all,
            from_one,
            inside,
        })
    }

    /// A place for one more connection from `address`.
    ///
    /// # Errors
    /// Which bound is reached, in words.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Pass, String> {
        let mut inside = self.lock();
        let from_here = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.total >= self.in_all {
            return Err(format!("{} connections in all", self.in_all));
        }
        if from_here >= self.from_one {
            return Err(format!("{} connections from one address", self.from_one));
        }
        inside.total += 1;
        inside.by_address.insert(address, from_here + 1);
        Ok(Pass {
            gate: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        inside.total = inside.total.saturating_sub(1);
        if let Some(count) = inside.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        [10, 0, 0, n].into()
    }

    #[test]
    fn both_bounds_hold_and_a_place_comes_back() {
        let gate = Gate::new(3, 2);
        let first = gate.enter(address(1)).unwrap();
        let _second = gate.enter(address(1)).unwrap();
        let third = gate.enter(address(1)).unwrap_err();
        assert_eq!(third, "2 connections from one address");
        let _other = gate.enter(address(2)).unwrap();
        let fourth = gate.enter(address(3)).unwrap_err();
        assert_eq!(fourth, "3 connections in all");
        drop(first);
        assert!(gate.enter(address(3)).is_ok());
        assert_eq!(gate.lock().by_address.len(), 2);
    }
}
