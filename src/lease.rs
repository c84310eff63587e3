//! Who has which address: the server side of RFC 2131 as a state machine.
//!
//! ```text
//! what a client asks (Ask) + the networks in force + now → Outcome: a verdict, the changes to tell
//! of, and the record that must be on disk before the verdict is
//! ```
//!
//! * [`model`]: leases, their states, what goes in and comes out
//! * `book`: the leases, and all ways to them; `entry` is one, `index` and `space` are the lists
//! * `choose`: which address a client may have, and which it gets
//! * `offer`, `request`, `give_back`: what is offered, leased, and given back or declined
//! * `settle`: what the disk says to the records
//! * `record`: what is stored, and read back
//!
//! Invariants: an address has one holder; an ACK is only for what was offered to that client or
//! held by it; what leaves as ACK has been given to the caller as a [`Record`] first; memory is
//! bounded by the pools and by [`Limits`]. Pure: time comes in, disk and network are the caller's.

mod book;
mod choose;
mod entry;
mod give_back;
mod index;
pub mod model;
mod offer;
mod record;
mod request;
mod settle;
mod space;

pub use book::Book;
pub use model::{
    Ask, Binding, Change, FOREVER, Holder, Kind, Lease, Limits, Nak, Outcome, Record, Serial,
    Silence, State, Time, Verdict,
};
