//! What a client says, and the forms in which it goes on to DHCP servers.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::came::Forward;
use super::forward::{forwarded, retraced};
use super::offers::Offered;
use crate::wire::dhcp::Message;

/// What a client says, and as whom we say it to DHCP servers.
#[derive(Debug, Clone, Copy)]
pub struct Question<'m> {
    /// When.
    pub now: Instant,
    /// Our address on the client's side.
    pub here: Ipv4Addr,
    /// A number that nobody can guess.
    pub xid: u32,
    /// The client's message.
    pub message: &'m Message,
}

impl Question<'_> {
    /// As it is, to these servers.
    pub(super) fn to(self, to: Vec<Ipv4Addr>) -> Forward {
        let message = forwarded(self.message, self.here, self.xid, None);
        Forward { message, to }
    }

    /// As the DISCOVER that it came of.
    pub(super) fn retraced(self, to: Vec<Ipv4Addr>) -> Forward {
        let message = retraced(self.message, self.here, self.xid);
        Forward { message, to }
    }

    /// To the server that has offered an address, under its own name, the way that it was found by.
    pub(super) fn selecting(self, offered: Offered) -> Forward {
        let server = Some(offered.server);
        let message = forwarded(self.message, self.here, self.xid, server);
        let to = offered.ways();
        Forward { message, to }
    }
}
