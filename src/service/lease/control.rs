//! `control.sock` in the state folder: how `bootjack leases` asks the server that has the store
//! ([`control`](crate::service::control) says how).
//!
//! ```text
//! {"ask":"list"}                          {"address":"10.0.0.5","mac":…}  a line each lease,
//!                                         {"done":2}                      then how many
//! {"ask":"networks"}                      {"network":"lab","subnets":…}   the same of networks
//! {"ask":"release","address":"10.0.0.5"}  {"done":1}
//! {…,"mac":"52:54:00:12:34:56"}           the same, if that machine has the lease
//! anything else, or what fails            {"error":"why"}
//! ```

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::{Leases, filter};
use crate::service::control::{self, Desk, Stream, line};
pub use crate::service::control::{Answer, End};

/// The socket's name in the state folder.
pub const FILE: &str = "control.sock";

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// Every lease.
    List {},
    /// Every network.
    Networks {},
    /// End the lease of an address.
    Release {
        /// The address.
        address: Ipv4Addr,
        /// Only a lease of this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mac: Option<String>,
    },
}

/// Why no socket can be in a folder, in words.
pub fn misplaced(folder: &Path) -> Option<String> {
    control::misplaced(&folder.join(FILE))
}

/// Makes the socket.
///
/// # Errors
/// The folder cannot be written, or is [`misplaced`].
pub fn open(folder: &Path) -> io::Result<UnixListener> {
    control::open(&folder.join(FILE))
}

/// Answers until the task is dropped.
///
/// # Errors
/// The runtime does not take the socket.
pub async fn serve(listener: UnixListener, leases: Arc<Leases>) -> io::Result<()> {
    control::serve(listener, leases).await
}

impl Desk for Leases {
    type Ask = Ask;

    async fn answer(&self, stream: &mut Stream, ask: Ask) -> io::Result<End> {
        Ok(match ask {
            Ask::List {} => list(stream, self).await?,
            Ask::Networks {} => networks(stream, self).await?,
            Ask::Release { address, mac } => match self.release(address, mac.as_deref()).await {
                Ok(()) => End::Done(1),
                Err(why) => End::Error(why),
            },
        })
    }
}

/// So many at a time, that nobody waits long for the book.
async fn list(stream: &mut Stream, leases: &Leases) -> io::Result<End> {
    let addresses = leases.addresses();
    let mut count = 0;
    for part in addresses.chunks(Leases::PART) {
        let rows = leases.rows(part);
        count += rows.len();
        let lines: Vec<u8> = rows.iter().flat_map(line).collect();
        stream.write_all(&lines).await?;
    }
    Ok(End::Done(count))
}

async fn networks(stream: &mut Stream, leases: &Leases) -> io::Result<End> {
    let known = filter::known(&leases.networks());
    let lines: Vec<u8> = known.iter().flat_map(line).collect();
    stream.write_all(&lines).await?;
    Ok(End::Done(known.len()))
}

/// Asks the server that has this state folder; `None` where none is running.
///
/// # Errors
/// The socket is another user's; the server answered something that makes no sense, or nothing.
pub fn ask<T: DeserializeOwned>(folder: &Path, ask: &Ask) -> io::Result<Option<Answer<T>>> {
    control::ask(&folder.join(FILE), ask)
}
