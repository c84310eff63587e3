//! `bootjack doctor` on LANs made wrong on purpose, one for each finding, with real servers where
//! they can be made so.
//!
//! * `lan`: what DHCP servers and rivals do
//! * `odd`: answers that no real server gives, made of bytes
//! * `host`: interfaces, ports, firewall
//! * `many`: many interfaces, those that go away meanwhile, and those that are left out
//! * `serving`: bootjack runs already, in the right mode or in the wrong one
//! * `relays`: servers that answer a relay agent, and those that do not
//! * `needs`: which profiles and rows have machines that need them
//! * `rivals`: the look around before mode `dhcp` serves
//! * `readme`: its table of codes is the program's
//! * `run`: the command and its report

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

#[path = "doctor/host.rs"]
mod host;
#[path = "doctor/lan.rs"]
mod lan;
#[path = "doctor/many.rs"]
mod many;
#[path = "doctor/needs.rs"]
mod needs;
#[path = "doctor/odd.rs"]
mod odd;
#[path = "doctor/readme.rs"]
mod readme;
#[path = "doctor/relays.rs"]
mod relays;
#[path = "doctor/rivals.rs"]
mod rivals;
#[path = "doctor/run.rs"]
mod run;
#[path = "doctor/serving.rs"]
mod serving;
