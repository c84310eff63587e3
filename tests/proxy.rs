//! ProxyDHCP and port 4011 on the wire: the real binary on a LAN, asked by clients as real firmware asks.
//!
//! * `lab`: the LAN, and what holds for every reply ever seen
//! * `contents`: what each kind of client is told
//! * `places`: several interfaces, several addresses, one interface of many
//! * `items`: menus that the firmware shows, and what is chosen in them
//! * `relayed`: clients behind a relay
//! * `colocated`: port 4011 alone, beside a DHCP server of the same host
//! * `together`: machines that ask at once
//! * `silence`: what is never answered

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

#[path = "proxy/colocated.rs"]
mod colocated;
#[path = "proxy/contents.rs"]
mod contents;
#[path = "proxy/items.rs"]
mod items;
#[path = "proxy/lab.rs"]
mod lab;
#[path = "proxy/places.rs"]
mod places;
#[path = "proxy/relayed.rs"]
mod relayed;
#[path = "proxy/silence.rs"]
mod silence;
#[path = "proxy/together.rs"]
mod together;
