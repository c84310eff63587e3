//! A client that comes back without fetching anything is offered another shape of reply, and what
//! worked is remembered.
//!
//! * `talk`: a client and the server, in virtual time
//! * `asks_4011`: those that ask port 4011 although they were told not to
//! * `handed`: what becomes of the iPXE that a machine was sent: Secure Boot, and chain loops
//! * `judged`: what is evidence and what is not
//! * `bounds`: what no order of packets brings about
//! * `rows`: of how many machines something is kept
//! * `store`: what is kept on the disk
//! * `lab`: bootjack beside a DHCP server, and a machine
//! * `wire`: a client deaf to one shape, on the wire: steps, memory, what an operator sees
//! * `loaders`: the same on the wire: what an operator sees of Secure Boot and of loops
//! * `secure_boot`: real firmware that refuses the unsigned loader
//! * `others`: machines that boot from another server are left to it
//! * `overload`: those whom bootjack has no room for are moved to no other shape
//! * `doctor`: what `bootjack doctor` asks says nothing of a machine
//! * `unkept`: a state folder that cannot be used
//! * `rivals`: other boot servers, where nothing is judged
//! * `firmware`: real firmware that is merely slow, or has no DHCP server, is left alone

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[path = "escalation/asks_4011.rs"]
mod asks_4011;
#[path = "escalation/bounds.rs"]
mod bounds;
#[path = "escalation/doctor.rs"]
mod doctor;
#[path = "escalation/firmware.rs"]
mod firmware;
#[path = "escalation/handed.rs"]
mod handed;
#[path = "escalation/judged.rs"]
mod judged;
#[path = "escalation/lab.rs"]
mod lab;
#[path = "escalation/loaders.rs"]
mod loaders;
#[path = "escalation/others.rs"]
mod others;
#[path = "escalation/overload.rs"]
mod overload;
#[path = "escalation/rivals.rs"]
mod rivals;
#[path = "escalation/rows.rs"]
mod rows;
#[allow(dead_code, reason = "made for `start` as well")]
#[path = "start/run.rs"]
mod run;
#[path = "escalation/secure_boot.rs"]
mod secure_boot;
#[path = "escalation/store.rs"]
mod store;
mod support;
#[path = "escalation/talk.rs"]
mod talk;
#[path = "support/tftp_client.rs"]
mod tftp_client;
#[path = "escalation/unkept.rs"]
mod unkept;
#[path = "escalation/wire.rs"]
mod wire;
