//! A client that comes back without fetching anything is offered another shape of reply, and what
//! worked is remembered.
//!
//! * `talk`: a client and the server, in virtual time
//! * `judged`: what is evidence and what is not
//! * `bounds`: what no order of packets brings about
//! * `rows`: of how many machines something is kept
//! * `store`: what is kept on the disk
//! * `wire`: a client deaf to one shape, on the wire: steps, memory, what an operator sees
//! * `rivals`: other boot servers, where nothing is judged
//! * `firmware`: real firmware that is merely slow, or has no DHCP server, is left alone

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[path = "escalation/bounds.rs"]
mod bounds;
#[path = "escalation/firmware.rs"]
mod firmware;
#[path = "escalation/judged.rs"]
mod judged;
#[path = "escalation/rivals.rs"]
mod rivals;
#[path = "escalation/rows.rs"]
mod rows;
#[allow(dead_code, reason = "made for `start` as well")]
#[path = "start/run.rs"]
mod run;
#[path = "escalation/store.rs"]
mod store;
mod support;
#[path = "escalation/talk.rs"]
mod talk;
#[path = "escalation/wire.rs"]
mod wire;
