//! The HTTP service as its clients see it: a real server on loopback, asked by curl and by hand.
//!
//! * `rules`: what RFC 9110 and boot firmware want of a response
//! * `files`: what is served from the folders, and what never is
//! * `pipeline`: many requests in one packet
//! * `hostile`: what strangers send
//! * `looks`: API, metrics, status page
//! * `lab`: the server, the clients, and how to wait

// A test may; clippy does not see that the helpers of tests are tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "http/files.rs"]
mod files;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/lab.rs"]
mod lab;
#[path = "http/looks.rs"]
mod looks;
#[path = "http/pipeline.rs"]
mod pipeline;
#[path = "http/rules.rs"]
mod rules;
