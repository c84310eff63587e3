//! `bootjack probe` on the laboratory's LAN: against bootjack in each of its modes, against servers of
//! others, and against servers made wrong on purpose. (Beside real firmware: `probing_screens`.)
//!
//! * `own`: bootjack serves
//! * `others`: dnsmasq and pixiecore serve
//! * `wrong`: what stops a boot
//! * `web`: HTTP servers of many kinds
//! * `lease`: what becomes of the lease
//! * `lab`: the command and its report

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod lab;
mod lease;
mod others;
mod own;
mod web;
mod wrong;
