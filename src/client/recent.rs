//! A map that knows in which order its keys were last touched: who was heard of longest ago leaves first.
//!
//! Every call costs the same, however many keys there are: packets of a storm touch several of these.
//! Invariant: the places that are linked, from the newest to the oldest, are those of the keys in the
//! map; the others are free.

use std::collections::HashMap;
use std::hash::Hash;

/// The link of a place behind which there is none.
const NONE: usize = usize::MAX;

/// Values by key, in the order of the last touch.
#[derive(Debug)]
pub struct Recent<K, V> {
    places: HashMap<K, usize>,
    slots: Vec<Slot<K, V>>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
}

#[derive(Debug)]
struct Slot<K, V> {
    /// Nothing, where the place is free.
    held: Option<(K, V)>,
    newer: usize,
    older: usize,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// How many.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether the key is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.places.contains_key(key)
    }

    /// Its value, untouched.
    pub fn get(&self, key: &K) -> Option<&V> {
        let slot = self.slots.get(*self.places.get(key)?)?;
        slot.held.as_ref().map(|(_, value)| value)
    }

    /// Its value, to be changed, and untouched all the same.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let slot = self.slots.get_mut(*self.places.get(key)?)?;
        slot.held.as_mut().map(|(_, value)| value)
    }

    /// Its value, which is the newest now.
    pub fn touch(&mut self, key: &K) -> Option<&mut V> {
        let place = self.touched(key)?;
        self.value_at(place)
    }

    /// Its value, which is the newest now; where there is none, the one that is made.
    pub fn touch_or_insert(&mut self, key: K, make: impl FnOnce() -> V) -> Option<&mut V> {
        let place = match self.touched(&key) {
            Some(place) => place,
            None => self.put(key, make()),
        };
        self.value_at(place)
    }

    /// Puts a value in, as the newest; gives the one that it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(before) = self.touch(&key) {
            return Some(std::mem::replace(before, value));
        }
        self.put(key, value);
        None
    }

    /// Takes one out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.places.remove(key)?;
        self.unlink(place);
        self.free.push(place);
        let held = self.slots.get_mut(place)?.held.take();
        held.map(|(_, value)| value)
    }

    /// The key touched longest ago.
    pub fn oldest(&self) -> Option<K> {
        let slot = self.slots.get(self.oldest)?;
        slot.held.as_ref().map(|(key, _)| *key)
    }

    /// Takes out the one touched longest ago.
    pub fn pop_oldest(&mut self) -> Option<(K, V)> {
        let key = self.oldest()?;
        Some((key, self.remove(&key)?))
    }

    /// All of them, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut at = self.newest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at)?;
            at = slot.older;
            slot.held.as_ref().map(|(key, value)| (key, value))
        })
    }

    /// Takes out all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The place of a key, which is the newest now.
    fn touched(&mut self, key: &K) -> Option<usize> {
        let place = *self.places.get(key)?;
        if place != self.newest {
            self.unlink(place);
            self.link(place);
        }
        Some(place)
    }

    /// The place of a key that was not there, as the newest.
    fn put(&mut self, key: K, value: V) -> usize {
        let slot = Slot {
            held: Some((key, value)),
            newer: NONE,
            older: NONE,
        };
        let place = self.place_for(slot);
        self.places.insert(key, place);
        self.link(place);
        place
    }

    fn value_at(&mut self, place: usize) -> Option<&mut V> {
        let held = self.slots.get_mut(place)?.held.as_mut();
        held.map(|(_, value)| value)
    }

    fn place_for(&mut self, slot: Slot<K, V>) -> usize {
        if let Some(place) = self.free.pop()
            && let Some(free) = self.slots.get_mut(place)
        {
            *free = slot;
            return place;
        }
        self.slots.push(slot);
        self.slots.len() - 1
    }

    fn link(&mut self, place: usize) {
        let before = std::mem::replace(&mut self.newest, place);
        if let Some(slot) = self.slots.get_mut(place) {
            (slot.newer, slot.older) = (NONE, before);
        }
        match self.slots.get_mut(before) {
            Some(slot) => slot.newer = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: usize) {
        let Some(slot) = self.slots.get(place) else {
            return;
        };
        let (newer, older) = (slot.newer, slot.older);
        match self.slots.get_mut(newer) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, slowly: the newest last.
    #[derive(Default)]
    struct Plain(Vec<(u8, u32)>);

    impl Plain {
        fn remove(&mut self, key: u8) -> Option<u32> {
            let at = self.0.iter().position(|(k, _)| *k == key)?;
            Some(self.0.remove(at).1)
        }
    }

    proptest! {
        #[test]
        fn it_is_a_list_in_the_order_of_touches(steps in prop::collection::vec((0..5_u8, 0..9_u8), 0..200)) {
            let (mut recent, mut plain) = (Recent::default(), Plain::default());
            for (n, (step, key)) in (0..).zip(steps) {
                match step {
                    0 | 1 => {
                        let before = plain.remove(key);
                        plain.0.push((key, n));
                        prop_assert_eq!(recent.insert(key, n), before);
                    }
                    2 => {
                        let before = plain.remove(key);
                        plain.0.extend(before.map(|value| (key, value)));
                        prop_assert_eq!(recent.touch(&key).copied(), before);
                    }
                    3 => prop_assert_eq!(recent.remove(&key), plain.remove(key)),
                    _ => {
                        let oldest = (!plain.0.is_empty()).then(|| plain.0.remove(0));
                        prop_assert_eq!(recent.pop_oldest(), oldest);
                    }
                }
                let all: Vec<_> = recent.iter().map(|(key, value)| (*key, *value)).collect();
                prop_assert!(all.iter().eq(plain.0.iter().rev()));
                prop_assert_eq!(recent.len(), all.len());
                prop_assert!(all.iter().all(|(key, value)| recent.get(key) == Some(value)));
            }
            prop_assert!(recent.slots.len() <= 9, "places are used again");
        }
    }
}
