//! What the table of questions gives back: what is to be asked, what has come, and what has not.

use std::net::Ipv4Addr;

use super::servers::News;
use super::transaction::Stray;
use crate::wire::dhcp::Message;

/// A message to DHCP servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The message.
    pub message: Message,
    /// Where to; the broadcast address stands for all on the link.
    pub to: Vec<Ipv4Addr>,
}

impl Forward {
    /// The transaction.
    pub const fn xid(&self) -> u32 {
        self.message.xid
    }
}

/// Why a RELEASE or DECLINE goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGivenBack {
    /// Nobody knows whose lease that is.
    #[error(
        "{0} is no lease that was handed on to this machine, as far as is known since the start; its server is not told"
    )]
    Unknown(Ipv4Addr),
    /// Servers were asked as much as they are in this second.
    #[error("servers were asked enough in this second")]
    TooMany,
}

/// An answer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came<T> {
    /// An OFFER or an ACK for the client, to be joined with boot data.
    Lease(T),
    /// The same of an OFFER, after the client was given a proxy's.
    Late(T),
    /// A NAK for the client.
    Refused(T),
    /// An ACK to a renewal.
    Renewed(T),
    /// The server of a lease was found: this goes to it.
    Found(T, Box<Forward>),
    /// Its server offers another address than the client has asked us for.
    Gone(T),
    /// What its client does not need any more.
    Unneeded,
}

/// A question that nobody has answered in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue<T> {
    /// What was kept with it.
    pub carried: T,
    /// Who was asked.
    pub asked: Vec<Ipv4Addr>,
    /// Those of them that have offered the client an address themselves meanwhile.
    pub alive: Vec<Ipv4Addr>,
    /// Others who have, and were not asked: the operator names servers, and not those.
    pub unasked: Vec<Ipv4Addr>,
    /// Whose answer was not believed, and why, where one came.
    pub stray: Option<(Ipv4Addr, Stray)>,
    /// What has become known of servers.
    pub news: Vec<News>,
}
