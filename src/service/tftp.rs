//! The TFTP door: UDP 69 → tree → [`crate::transfer`] → one socket and one task a transfer.
//!
//! ```text
//! packet → Packet::decode ─ request → seat → tree → open → Connected → Sender → bytes
//!                         ├ stray block or acknowledgement → ERROR 5
//!                         └ anything else → an event
//! ```
//!
//! Answers leave from the address that was asked. Reading only: a write request is refused. Every
//! bound is in [`Limits`](super::Limits); past one, a request goes unanswered, since firmware asks
//! again by itself but takes an ERROR as final. Dropping [`serve`] ends every transfer.
//!
//! * `door`: the loop of one listening socket
//! * `seats`: transfers under way, and what a repeated request means
//! * `request`: one request → a transfer, or the ERROR it gets
//! * `lookup`: its name → a body, or why there is none
//! * `source`: where a body's bytes come from, and what is read ahead of them
//! * `shelf`: datagrams that several transfers send
//! * `datagrams`: bytes → datagrams, many at a time; `netascii`: line ends
//! * `session`: one transfer, from first packet to ending
//! * `workers`: the threads that transfers run on
//! * `ways`: how files are read and sent on this host, for the log
//! * `report`: events, with a bound on what a flood may log

mod datagrams;
mod door;
mod lookup;
mod netascii;
mod report;
mod request;
mod seats;
mod session;
mod shelf;
mod source;
mod ways;
mod workers;

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Shared;
use super::sys::udp::Listener;
use crate::tree;
use door::Door;
use workers::Workers;

pub use super::look_up::Resolve;
pub use ways::{limits, ways};

/// Serves on these sockets (of [`super::sys::udp::open`]) until it is dropped.
///
/// # Errors
/// When a socket cannot enter the runtime, or the system gives no threads; when the loop of one ended by
/// a bug.
pub async fn serve(listeners: Vec<UdpSocket>, shared: Arc<Shared>) -> io::Result<()> {
    serve_with(listeners, shared, tree::resolve).await
}

/// [`serve`] with another way of looking names up.
pub async fn serve_with(
    listeners: Vec<UdpSocket>,
    shared: Arc<Shared>,
    resolve: Resolve,
) -> io::Result<()> {
    let common = request::Common::new(shared, resolve);
    let workers = Arc::new(Workers::start()?);
    let mut doors = JoinSet::new();
    for socket in listeners {
        let door = Door::new(Listener::new(socket)?, &common, &workers)?;
        doors.spawn(door.serve());
    }
    while let Some(ended) = doors.join_next().await {
        ended.map_err(io::Error::other)?;
    }
    Ok(())
}
