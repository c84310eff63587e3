//! When something happens, and what it leads to.

use std::time::Instant;

use super::memory::Rows;
use crate::client::quirk::Behaviour;
use crate::client::{Cut, Shape};

/// When something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By a clock that nobody sets.
    pub at: Instant,
    /// Seconds of the wall clock since 1970, for what is kept.
    pub wall: u64,
}

/// What an operator is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It did not follow a shape so many times; this one is tried next.
    Next {
        /// The shape that it did not follow.
        left: Shape,
        /// How many times.
        failures: u8,
        /// Whether it came to port 4011 in the last attempt, and fetched nothing all the same.
        at_4011: bool,
        /// The shape from now on.
        next: Shape,
    },
    /// It did not follow the last shape of its ladder either; it is offered the first again.
    NothingLeft {
        /// The shape that it did not follow.
        left: Shape,
        /// How many times.
        failures: u8,
        /// Whether it came to port 4011 in the last attempt, and fetched nothing all the same.
        at_4011: bool,
        /// Whether it asked for the lease that it was offered.
        leased: bool,
    },
    /// It fetched a file after something else than what was known to work.
    Follows {
        /// The shape.
        shape: Shape,
        /// Whether that is remembered; the first shape of a ladder need not be.
        remembered: bool,
    },
    /// It was seen to do something that a row of the quirk table asks for, or its loader.
    Seen(Behaviour),
    /// It was seen to do what it could not if that were so.
    Disproved(Behaviour),
    /// It was sent shim, and came back without having asked for what shim starts.
    ShimRefused,
    /// It was sent iPXE again and again, and got no further.
    Looped {
        /// What it is given instead.
        cut: Cut,
        /// How many times.
        rounds: u8,
    },
}

impl Step {
    /// Whether it says that something is remembered, and nothing more.
    pub const fn is_seen(self) -> bool {
        matches!(self, Self::Seen(_))
    }

    /// Whether it says that something is remembered.
    pub(super) const fn is_of_a_row(self) -> bool {
        matches!(self, Self::Follows { .. } | Self::Seen(_))
    }
}

/// What a message has led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Turn {
    /// What an operator is told of.
    pub step: Option<Step>,
    /// What is to be kept from now on.
    pub rows: Rows,
}
