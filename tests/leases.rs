//! Leases as an operator meets them: `bootjack leases` with and without a running server, the API,
//! the events; and what a restart brings back.
//!
//! * `offline`: the command on a store that no server has
//! * `online`: the command, the control socket and the API of a running one
//! * `kept`: what comes back after a restart, and ends by itself
//! * `documented`: what README says of all this
//! * `house`: a network, leases in it, a server that has them

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[path = "leases/documented.rs"]
mod documented;
#[path = "leases/house.rs"]
mod house;
#[path = "leases/kept.rs"]
mod kept;
#[path = "leases/offline.rs"]
mod offline;
#[path = "leases/online.rs"]
mod online;
#[allow(dead_code, reason = "the tests of the start use the rest")]
#[path = "start/run.rs"]
mod run;
mod support;
