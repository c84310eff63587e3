//! A lease as people and programs are shown it: in the API, by the control socket, in lists.
//! The field names are the API's and stay.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use crate::lease::{Lease, Record, State, Time};

/// One address with its holder, now or last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The address.
    pub address: Ipv4Addr,
    /// The hardware address.
    pub mac: String,
    /// Option 61 in hex, where it tells the client.
    pub client_id: Option<String>,
    /// The state.
    pub state: State,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// Until when, RFC 3339; `null`: for ever.
    pub until: Option<String>,
    /// The name the client gave.
    pub host_name: Option<String>,
    /// The profile it got.
    pub profile: Option<String>,
    /// The network; `null` where no server is asked, or none has the address any more.
    pub network: Option<Arc<str>>,
}

impl Row {
    /// A lease of the book.
    pub fn new(lease: &Lease, network: Option<Arc<str>>, clock: &Clock) -> Self {
        Self {
            address: lease.address,
            mac: lease.holder.mac.to_string(),
            client_id: lease.holder.id.as_deref().map(hex),
            state: lease.state,
            since: shown(clock.shown(lease.since)),
            until: shown(clock.shown(lease.until)),
            host_name: lease.host_name.as_deref().map(str::to_owned),
            profile: lease.profile.as_deref().map(str::to_owned),
            network,
        }
    }

    /// A record, where no server is running: what is over by `now` has expired.
    pub fn stored(record: Record, now: Time, clock: &Clock) -> Self {
        let state = match record.state {
            State::Leased if record.until <= now => State::Expired,
            State::Declined if record.until <= now => State::Available,
            state => state,
        };
        Self {
            address: record.address,
            mac: record.mac,
            client_id: record.client_id,
            state,
            since: shown(clock.shown(record.since)),
            until: shown(clock.shown(record.until)),
            host_name: record.host_name,
            profile: record.profile,
            network: None,
        }
    }
}

/// RFC 3339 in UTC, whole seconds.
fn shown(at: Option<SystemTime>) -> Option<String> {
    let stamp = jiff::Timestamp::try_from(at?).ok()?;
    Some(format!("{stamp:.0}"))
}

/// Two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
