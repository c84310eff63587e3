//! Firmware with Secure Boot on, from power-on to a kernel that says so: shim, signed GRUB and the
//! signed kernel of Debian's installer.
//!
//! The kernel alone is proof: GRUB fetches it, shim holds it against the keys, and it prints its
//! line before it looks for anything else. So there is no initrd, and a machine is switched off at
//! that line; all but the one in [`renews`], whose system is asked for its lease.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod alone;
mod beside;
mod forged;
mod lab;
mod renews;
mod trouble;
