//! The laboratory: a private LAN with real servers and real firmware, for tests and the demo.
//!
//! * [`lan`]: switch, hosts and cables out of network namespaces
//! * [`netns`]: one namespace: commands, processes and sockets in it
//! * [`process`]: a program that runs beside the test, with its output
//! * [`pixiecore`]: somebody else's boot server, made of bytes
//! * [`servers`]: somebody else's DHCP server; [`relay`]: relays to it
//! * [`lease_clients`]: real DHCP clients, through all of a lease's life; [`requests`]: which kind of
//!   REQUEST they send; [`perfdhcp`]: thousands of imitated ones
//! * [`packages`]: programs that are unpacked and not installed
//! * [`appliance`]: bootjack under test
//! * [`qemu`]: a PC with real firmware; [`serial`] reads its console, [`monitor`] its screen,
//!   [`slots`] keeps the machine from running too many, [`ipxe`] types at a prompt
//! * [`cpio`]: files that go into its initrd
//! * [`captures`]: what is written down of real firmware
//! * [`packet`], [`clients`], [`dhcp_client`]: boot clients made of bytes, and what they are told
//! * [`places`]: the folders of an appliance; [`readme`]: the lines that README tells a user to write
//! * [`poll`]: waiting for a condition, with a deadline
//!
//! Invariants: no packet leaves the namespaces of a lab; a lab is gone when it is dropped, after a
//! panic too, and what a killed test left behind is removed by the next one; nothing is ended that
//! the lab did not start. A lab that cannot be built is a failed test: everything here panics with
//! the reason. Deliberately absent: the project's own encoder and decoder, which are on trial.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its part of the laboratory"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a laboratory that does not work is a failed test"
)]

pub mod appliance;
pub mod captures;
pub mod clients;
pub mod cpio;
pub mod dhcp_client;
pub mod ipxe;
pub mod lan;
pub mod lease_clients;
pub mod monitor;
pub mod netns;
pub mod packages;
pub mod packet;
pub mod perfdhcp;
pub mod pixiecore;
pub mod places;
pub mod poll;
pub mod process;
pub mod qemu;
pub mod readme;
pub mod relay;
pub mod requests;
pub mod serial;
pub mod servers;
pub mod slots;

use std::io::Write as _;

/// Leaves a test out where there is no root: `as_root!("its name");` as its first line.
#[macro_export]
macro_rules! as_root {
    ($name:literal) => {
        if $crate::support::left_out(concat!(module_path!(), ": ", $name)) {
            return;
        }
    };
}

/// Whether the lab can be built here. Without root it says so, past the test harness's capture,
/// and the caller returns: `if support::left_out("name") { return }`.
pub fn left_out(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        let line = format!("LEFT OUT (network namespaces need root): {test}\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    !root
}
