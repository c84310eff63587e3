//! Mode `dhcp` for real: dhclient, udhcpc and dhcpcd take their leases from bootjack on the
//! laboratory's LAN; what no real client says is said by imitated ones.
//!
//! * `life`: a lease from DISCOVER to RELEASE, over restarts; as events, and as `bootjack leases` lists it
//! * `moved`: two interfaces, two networks, and clients that go from one to the other
//! * `reserved`: reservations, in mode `proxy` too
//! * `relayed`: behind real relays
//! * `conflict`: addresses that somebody uses
//! * `scarce`: one address for two
//! * `twins`: two that start at the same moment
//! * `clocks`: a wall clock that is set
//! * `beside`: the question before it serves
//! * `reload`: a config file that changes while it serves
//! * `house`: what all of them use

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod beside;
mod clocks;
mod conflict;
mod house;
mod life;
mod moved;
mod relayed;
mod reload;
mod reserved;
mod scarce;
mod twins;
