//! The machines of the room `firmware` on a LAN made of functions, in virtual time: what each sends,
//! what it boots from, and at what it stops with which words on its screen.
//!
//! * `says`: the messages, held against captures of real firmware
//! * `boots`: what each of them boots from
//! * `lease`: how it comes by its address, and loses it
//! * `stops`: what stops it, as a table
//! * `untaken`: answers that it makes nothing of, and what is said of them
//! * `far`: boot servers in another subnet
//! * `hostile`: answers of anybody
//! * `outlook`: how far each comes by offers alone
//! * `transfer`: their TFTP client
//! * `play`: the LAN

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod boots;
mod far;
mod hostile;
mod lease;
mod outlook;
mod play;
mod says;
mod stops;
mod transfer;
mod untaken;
#[path = "../support/virtual_time.rs"]
mod virtual_time;
