//! Who has which address: the server side of RFC 2131 as a state machine.
//!
//! ```text
//! what a client asks (Ask) + the networks in force + now → Outcome: a verdict, the changes to tell
//! of, and the record that must be on disk before the verdict is
//! ```
//!
//! * [`model`]: leases, their states, what goes in and comes out
//!
//! Invariants: an address has one holder; an ACK is only for what was offered to that client or
//! held by it; what leaves as ACK has been given to the caller as a [`Record`] first; memory is
//! bounded by the pools and by [`Limits`]. Pure: time comes in, disk and network are the caller's.

pub mod model;

pub use model::{
    Ask, Binding, Change, Holder, Kind, Lease, Limits, Nak, Outcome, Record, Serial, Silence,
    State, Time, Verdict,
};
