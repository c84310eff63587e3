//! HTTPS as its clients see it: a real server on loopback, asked by curl, by openssl and by hand.
//!
//! * `doors`: what firmware and other clients need of TLS
//! * `hostile`: what strangers send, and clients that do not trust us
//! * `certificates`: what an operator is told of his files
//! * `lab`: the server, its authority, the clients

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "support/authority.rs"]
mod authority;
#[path = "https/certificates.rs"]
mod certificates;
#[path = "https/doors.rs"]
mod doors;
#[path = "https/hostile.rs"]
mod hostile;
#[path = "https/lab.rs"]
mod lab;
