//! A map with room for so much: what was put in first leaves first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Aged<K, V> {
    capacity: usize,
    tick: u64,
    values: HashMap<K, (u64, V)>,
    by_age: BTreeMap<u64, K>,
}

impl<K: Copy + Eq + Hash, V> Aged<K, V> {
    /// Room for so many, one at least.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            tick: 0,
            values: HashMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    pub fn get(&self, key: K) -> Option<&V> {
        self.values.get(&key).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.values.get_mut(&key).map(|(_, value)| value)
    }

    /// Puts it in, as the youngest. With it who had to leave: the one of the same key, or the oldest.
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        let replaced = self.remove(key).map(|value| (key, value));
        let is_full = self.values.len() >= self.capacity;
        let gone = replaced.or_else(|| self.remove_oldest_if(|_| is_full));
        self.tick += 1;
        self.by_age.insert(self.tick, key);
        self.values.insert(key, (self.tick, value));
        gone
    }

    /// The oldest, where it is so.
    pub fn remove_oldest_if(&mut self, is: impl FnOnce(&V) -> bool) -> Option<(K, V)> {
        let key = *self.by_age.first_key_value()?.1;
        self.get(key).is_some_and(is).then_some(())?;
        Some((key, self.remove(key)?))
    }

    pub fn remove(&mut self, key: K) -> Option<V> {
        let (tick, value) = self.values.remove(&key)?;
        self.by_age.remove(&tick);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut aged = Aged::new(2);
        assert_eq!(aged.insert(1, 'a'), None);
        assert_eq!(aged.insert(2, 'b'), None);
        assert_eq!(aged.insert(1, 'c'), Some((1, 'a')));
        assert_eq!(aged.insert(3, 'd'), Some((2, 'b')));
        assert_eq!(
            [1, 2, 3].map(|key| aged.get(key).copied()),
            [Some('c'), None, Some('d')]
        );
        assert_eq!(aged.remove(3), Some('d'));
        assert_eq!((aged.remove(3), aged.by_age.len()), (None, 1));
        aged.insert(5, 'e');
        assert_eq!(aged.remove_oldest_if(|value| *value == 'e'), None);
        assert_eq!(aged.remove_oldest_if(|value| *value == 'c'), Some((1, 'c')));
        assert_eq!(aged.get_mut(5), Some(&mut 'e'));
    }
}
