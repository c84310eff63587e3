//! The shapes of reply that may be tried with a client, in order: as many as there are shapes at most, each once.
//! One is made for every packet, so it takes no memory of its own.

use std::ops::Deref;

use super::Shape;

/// Shapes in their order, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    /// Behind the first `len` stand fillers.
    shapes: [Shape; Shape::ALL.len()],
    len: u8,
}

impl FromIterator<Shape> for Ladder {
    fn from_iter<I: IntoIterator<Item = Shape>>(shapes: I) -> Self {
        let mut ladder = Self {
            shapes: [Shape::SelfSufficient; Shape::ALL.len()],
            len: 0,
        };
        for shape in shapes {
            if ladder.contains(&shape) {
                continue;
            }
            // There is room for each once.
            if let Some(place) = ladder.shapes.get_mut(usize::from(ladder.len)) {
                *place = shape;
                ladder.len += 1;
            }
        }
        ladder
    }
}

impl Deref for Ladder {
    type Target = [Shape];

    fn deref(&self) -> &[Shape] {
        self.shapes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Ladder {
    /// Those that can be had.
    #[must_use]
    pub fn only(&self, can_be_had: impl Fn(Shape) -> bool) -> Self {
        self.iter().copied().filter(|s| can_be_had(*s)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_stands_once_in_the_order_of_its_first() {
        let all: Ladder = Shape::ALL.into_iter().chain(Shape::ALL).collect();
        assert_eq!(*all, Shape::ALL);
        let few: Ladder = [Shape::Augment, Shape::Menu, Shape::Augment]
            .into_iter()
            .collect();
        assert_eq!(*few, [Shape::Augment, Shape::Menu]);
        assert_eq!(*few.only(|shape| shape != Shape::Augment), [Shape::Menu]);
        assert!(few.only(|_| false).is_empty());
        let none: Ladder = [].into_iter().collect();
        assert_ne!(none, few);
    }
}
