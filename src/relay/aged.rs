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

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.values_mut().map(|(_, value)| value)
    }

    /// Puts it in, as the youngest.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(key);
        while self.values.len() >= self.capacity {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.values.remove(&oldest);
        }
        self.tick += 1;
        self.by_age.insert(self.tick, key);
        self.values.insert(key, (self.tick, value));
    }

    /// Drops the oldest as long as they are so.
    pub fn drop_oldest_while(&mut self, is: impl Fn(&V) -> bool) {
        while let Some((_, key)) = self.by_age.first_key_value() {
            let key = *key;
            if !self.get(key).is_some_and(&is) {
                return;
            }
            self.remove(key);
        }
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
        aged.insert(1, 'a');
        aged.insert(2, 'b');
        aged.insert(1, 'c');
        aged.insert(3, 'd');
        assert_eq!(
            [1, 2, 3].map(|key| aged.get(key).copied()),
            [Some('c'), None, Some('d')]
        );
        assert_eq!(aged.remove(3), Some('d'));
        assert_eq!((aged.remove(3), aged.by_age.len()), (None, 1));
        aged.insert(4, 'c');
        aged.insert(5, 'e');
        aged.drop_oldest_while(|value| *value == 'c');
        assert_eq!(aged.values_mut().collect::<Vec<_>>(), [&'e']);
    }
}
