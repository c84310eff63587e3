//! What strangers can send: malformed, forged and far too much, on each port. After each onslaught
//! the same process still boots a machine from DISCOVER to its menu, and its log and memory are
//! bounded.
//!
//! * `lab`: the appliance, the stranger, and what "still boots" means
//! * `noise`: bytes that are wrong in many ways, the same in every run
//! * `packets`: malformed messages on 67, 4011 and 69
//! * `forged`: addresses that lie
//! * `elsewhere`: strangers who speak for a machine
//! * `floods`: too many packets, machines and transfers
//! * `waiting`: replies to addresses that nobody has
//! * `web`: HTTP

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

#[path = "hostile/elsewhere.rs"]
mod elsewhere;
#[path = "hostile/floods.rs"]
mod floods;
#[path = "hostile/forged.rs"]
mod forged;
#[path = "hostile/lab.rs"]
mod lab;
#[path = "hostile/noise.rs"]
mod noise;
#[path = "hostile/packets.rs"]
mod packets;
#[path = "hostile/waiting.rs"]
mod waiting;
#[path = "hostile/web.rs"]
mod web;
