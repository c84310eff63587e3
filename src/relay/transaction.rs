//! One question to DHCP servers, and which answers to it are believed.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use super::patience::Alive;
use super::servers::Servers;
use crate::wire::dhcp::{BOOTREPLY, Kind, Message, code};

/// The port of servers and relays.
const SERVERS: u16 = 67;

/// What is asked in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// A lease, of anybody.
    Discover,
    /// The lease that this server has offered.
    Request(Ipv4Addr),
    /// Who offers this address.
    Retrace(Ipv4Addr),
    /// To go on with a lease, of this server where it is known whose that is.
    Renew(Option<Ipv4Addr>),
}

/// Why an answer is not believed, or not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stray {
    /// Nothing was asked under this number, or it is answered already.
    #[error("it answers nothing that was asked")]
    Unasked,
    /// It is about another machine, or came another way than it was asked.
    #[error("it is not about what was asked under its number")]
    Other,
    /// It is no answer to what was asked.
    #[error("it is of a kind that does not answer what was asked")]
    Kind,
    /// It names no address for a host.
    #[error("it gives no address that a host may have")]
    Address,
    /// It gives another address than was asked for.
    #[error("it gives another address than the one that was offered")]
    Another,
    /// Somebody else was asked.
    #[error("its server was not asked")]
    Server,
}

/// What was asked for a client.
#[derive(Debug)]
pub(super) struct Transaction<T> {
    pub asks: Asks,
    pub request: Message,
    pub here: Ipv4Addr,
    pub to: Vec<Ipv4Addr>,
    pub began: Instant,
    /// How often it was asked.
    pub times: u8,
    /// Servers that have answered the client itself.
    pub alive: Vec<Alive>,
    /// Whether the client was given a proxy's OFFER meanwhile.
    pub overdue: bool,
    /// Whether the client has what it asked for: by another question, or it takes a lease already.
    pub settled: bool,
    /// Whose answer to it was not believed, and why, the last one.
    pub stray: Option<(Ipv4Addr, Stray)>,
    pub carried: T,
}

impl<T> Transaction<T> {
    /// The server's own name, where this answers what was asked.
    pub fn believes(&self, from: SocketAddrV4, reply: &Message) -> Result<Ipv4Addr, Stray> {
        let same = (reply.htype, reply.chaddr) == (self.request.htype, self.request.chaddr);
        if reply.op != BOOTREPLY || !same || reply.giaddr != self.here || from.port() != SERVERS {
            return Err(Stray::Other);
        }
        let server = reply.address(code::SERVER_ID).ok_or(Stray::Kind)?;
        let chosen = match self.asks {
            Asks::Request(chosen) | Asks::Renew(Some(chosen)) => server == chosen,
            _ => Servers::may_answer(&self.to, *from.ip(), server),
        };
        if !chosen || server == self.here {
            return Err(Stray::Server);
        }
        let is_lease = is_host(reply.yiaddr) && reply.yiaddr != self.here;
        match (self.asks, reply.kind()) {
            (Asks::Discover, Some(Kind::Offer)) if is_lease => Ok(server),
            (Asks::Retrace(wanted), Some(Kind::Offer)) if is_lease => {
                let may_be = wanted == reply.yiaddr || self.is_alone();
                may_be.then_some(server).ok_or(Stray::Another)
            }
            (Asks::Request(_), Some(Kind::Ack)) if is_lease => self.wanted(reply, server),
            (Asks::Renew(_), Some(Kind::Ack)) if reply.yiaddr == self.request.ciaddr => Ok(server),
            (Asks::Request(_) | Asks::Renew(Some(_)), Some(Kind::Nak)) => Ok(server),
            // Of a server that may not be the one: who has the lease may say otherwise.
            (Asks::Renew(None), Some(Kind::Nak)) => Err(Stray::Server),
            (_, Some(Kind::Offer | Kind::Ack)) if is_lease => Err(Stray::Kind),
            (_, Some(Kind::Offer | Kind::Ack)) => Err(Stray::Address),
            _ => Err(Stray::Kind),
        }
    }

    /// Whether a server is one of those that were asked.
    pub fn has_asked(&self, server: Ipv4Addr) -> bool {
        Servers::may_answer(&self.to, server, server)
    }

    /// Keeps why an answer was not believed. A proxy's OFFER says nothing of leases.
    pub fn keep_stray(&mut self, from: SocketAddrV4, reply: &Message, stray: Stray) {
        let proxys = reply.kind() == Some(Kind::Offer) && reply.yiaddr.is_unspecified();
        if !proxys {
            let named = reply.address(code::SERVER_ID);
            self.stray = Some((named.unwrap_or(*from.ip()), stray));
        }
    }

    /// Whether one server was asked, and nobody else.
    fn is_alone(&self) -> bool {
        matches!(self.to.as_slice(), [one] if !one.is_broadcast())
    }

    /// An ACK is for the address that the client has asked for.
    fn wanted(&self, reply: &Message, server: Ipv4Addr) -> Result<Ipv4Addr, Stray> {
        let wanted = self.request.address(code::REQUESTED_ADDRESS);
        (wanted == Some(reply.yiaddr))
            .then_some(server)
            .ok_or(Stray::Another)
    }
}

const fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_loopback())
}
