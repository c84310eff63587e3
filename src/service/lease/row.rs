//! A lease as people and programs are shown it: in the API, by the control socket, in lists.
//! The field names are the API's and stay.
//!
//! A declined address has no holder: whom it was to be for is said apart.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use crate::lease::{Lease, State};
use crate::network::Networks;
use crate::wire::hex_digits;

/// One address with its holder, now or last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The address.
    pub address: Ipv4Addr,
    /// The holder's hardware address; `null`: nobody has it, nor had it last.
    pub mac: Option<String>,
    /// The holder's option 61 in hex, where it tells the client.
    pub client_id: Option<String>,
    /// The state.
    pub state: State,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// Until when, RFC 3339; `null`: for ever.
    pub until: Option<String>,
    /// The name given to the client: its reservation's, else the one it gave itself.
    pub host_name: Option<String>,
    /// The name the client gave itself.
    pub client_name: Option<String>,
    /// The profile it got.
    pub profile: Option<String>,
    /// The network; `null` where none has the address any more, or the networks are not known.
    pub network: Option<Arc<str>>,
    /// Of a declined address: the hardware address of the client that was to have it, when it was
    /// found in use.
    pub meant_for: Option<String>,
}

impl Row {
    /// A lease, with the networks in force.
    pub fn new(lease: &Lease, networks: &Networks, clock: &Clock) -> Self {
        let held = lease.state != State::Declined;
        let mac = lease.holder.mac.to_string();
        let (mac, meant_for) = if held {
            (Some(mac), None)
        } else {
            (None, Some(mac))
        };
        let text = |text: Option<&str>| text.filter(|_| held).map(str::to_owned);
        let id = lease.holder.id.as_deref().filter(|_| held);
        Self {
            address: lease.address,
            mac,
            client_id: id.map(hex_digits),
            state: lease.state,
            since: stamp(clock.shown(lease.since)),
            until: stamp(clock.shown(lease.until)),
            host_name: text(name_given(lease, networks)),
            client_name: text(lease.host_name.as_deref()),
            profile: text(lease.profile.as_deref()),
            network: networks.of_link(lease.address).map(|n| n.name.clone()),
            meant_for,
        }
    }
}

/// The name that a client is told, else the one it gave itself.
pub(super) fn name_given<'a>(lease: &'a Lease, networks: &'a Networks) -> Option<&'a str> {
    reserved_name(lease, networks).or(lease.host_name.as_deref())
}

fn reserved_name<'a>(lease: &Lease, networks: &'a Networks) -> Option<&'a str> {
    let whom = lease.reserved.as_ref()?;
    let network = networks.of_link(lease.address)?;
    networks.reserved_by(network, whom)?.host_name.as_deref()
}

/// RFC 3339 in UTC; lease times are shown in whole seconds.
fn stamp(at: Option<SystemTime>) -> Option<String> {
    Some(jiff::Timestamp::try_from(at?).ok()?.to_string())
}
