//! `machines.sock` in the state folder, or what stands in for it: how `bootjack machines`, `explain` and `doctor` ask the
//! server what it has learnt ([`control`](crate::service::control) says how).
//!
//! ```text
//! {"ask":"list"}                              {"mac":"52:54:00:12:34:56",…}  a line each firmware
//! {"ask":"forget","mac":"52:54:00:12:34:56"}  {"done":2}                     how many are forgotten
//! {"ask":"forget"}                            the same, of all machines
//! {"ask":"servers"}                           "10.0.0.1"                     a line each DHCP server that dhcp-server names
//! ```

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use crate::service::Shared;
use crate::service::control::{Desk, End, Stream, line};
use crate::wire::Mac;

/// The socket's name in the state folder.
pub const FILE: &str = "machines.sock";

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// Everything that was learnt.
    List {},
    /// Forget what was learnt.
    Forget {
        /// Of this machine alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mac: Option<String>,
    },
    /// Whom `dhcp-server` names, as it is in force.
    Servers {},
}

/// Answers for a server.
pub struct AtDesk(pub Arc<Shared>);

impl Desk for AtDesk {
    type Ask = Ask;

    async fn answer(&self, stream: &mut Stream, ask: Ask) -> io::Result<End> {
        match ask {
            Ask::List {} => {
                let rows = self.0.machines.rows();
                let lines: Vec<u8> = rows.iter().flat_map(line).collect();
                stream.write_all(&lines).await?;
                Ok(End::Done(rows.len()))
            }
            Ask::Servers {} => {
                let named = self.0.relay().servers.named().to_vec();
                let lines: Vec<u8> = named.iter().flat_map(line).collect();
                stream.write_all(&lines).await?;
                Ok(End::Done(named.len()))
            }
            Ask::Forget { mac } => Ok(self.forget(mac).await),
        }
    }
}

impl AtDesk {
    async fn forget(&self, mac: Option<String>) -> End {
        let mac: Option<Mac> = match mac.map(|mac| mac.parse()).transpose() {
            Ok(mac) => mac,
            Err(bad) => return End::Error(format!("{bad}")),
        };
        let shared = self.0.clone();
        let forgotten = tokio::task::spawn_blocking(move || shared.forget(mac)).await;
        match forgotten {
            Ok(Ok(count)) => End::Done(count),
            Ok(Err(why)) => End::Error(format!(
                "forgotten, but only until bootjack is started again: the store of machines cannot be written: {why}"
            )),
            Err(broke) => End::Error(broke.to_string()),
        }
    }
}
