//! The augmenting relay on the wire: bootjack beside the DHCP servers that people have, asked by clients as
//! firmware asks.
//!
//! * `servers`: lease and loader in one OFFER and one ACK, of every server
//! * `trouble`: no answer, a restart, another address, a dead server
//! * `after`: renewals, and leases that are given back
//! * `systems`: dhclient and udhcpc, after the boot
//! * `beyond`: clients behind a relay, and servers
//! * `room`: many machines at once

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

#[path = "relay/after.rs"]
mod after;
#[path = "relay/beyond.rs"]
mod beyond;
#[path = "relay/lab.rs"]
mod lab;
#[path = "relay/room.rs"]
mod room;
#[path = "relay/servers.rs"]
mod servers;
#[path = "relay/systems.rs"]
mod systems;
#[path = "relay/trouble.rs"]
mod trouble;
