//! Mode `dhcp` in a storm: the real server, many imitated clients, and what may happen to both.
//!
//! * `killed`: SIGKILL at any moment, a hundred times on one state folder
//! * `unwritable`: a disk that is full, then read-only, then well again, while it serves
//! * `damaged`: stores that are not what was written, at its start
//! * `beside_kea`: as fast as Kea without a drop, told by Kea's own load generator
//! * `clients`: the imitated clients; `told`: what they were told, held against the store
//! * `server`: the network that is served

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[path = "storm/beside_kea.rs"]
mod beside_kea;
#[path = "storm/clients.rs"]
mod clients;
#[path = "storm/damaged.rs"]
mod damaged;
#[path = "storm/killed.rs"]
mod killed;
#[path = "storm/server.rs"]
mod server;
mod support;
#[path = "storm/told.rs"]
mod told;
#[path = "storm/unwritable.rs"]
mod unwritable;
