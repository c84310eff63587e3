//! The lease store on a real disk: what is acknowledged stays, whatever happens to the process, the
//! file or the file system.
//!
//! * `killed`: kill -9 at any moment
//! * `damaged`: truncated files, garbage, other versions
//! * `unwritable`: full and read-only file systems, while it runs and at its start
//! * `unsynced`: a disk whose sync fails, and then the power
//! * `moved`: a file that is moved away or replaced while it runs
//! * `together`: many records in one sync
//! * `store`: records, and a store to put them in

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[path = "lease_store/damaged.rs"]
mod damaged;
#[path = "lease_store/killed.rs"]
mod killed;
#[path = "lease_store/moved.rs"]
mod moved;
#[path = "lease_store/store.rs"]
mod store;
mod support;
#[path = "lease_store/together.rs"]
mod together;
#[path = "lease_store/unsynced.rs"]
mod unsynced;
#[path = "lease_store/unwritable.rs"]
mod unwritable;
