//! Whose offers clients have had, the last ones of each.

use std::net::Ipv4Addr;

use super::aged::Aged;
use crate::wire::Mac;
use crate::wire::dhcp::Message;

/// Offers of one client that are kept: firmware asks four times, and may take any of the answers.
pub const OFFERS: usize = 4;

#[derive(Debug, Clone, Copy)]
pub(super) struct Offered {
    pub address: Ipv4Addr,
    /// Its own name (54), and where it answers.
    pub server: Ipv4Addr,
    pub at: Ipv4Addr,
    /// The ways that the question took which it answered.
    pub asked: Asked,
}

/// The ways that a question took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To servers, by their addresses.
    Servers,
    /// To everybody on the link: a relay there may have carried it on, and know the only way.
    Everybody,
    /// Both.
    Both,
}

impl Asked {
    pub fn of(to: &[Ipv4Addr]) -> Self {
        match (to.contains(&Ipv4Addr::BROADCAST), to.len()) {
            (false, _) => Self::Servers,
            (true, 1) => Self::Everybody,
            (true, _) => Self::Both,
        }
    }
}

impl Offered {
    /// Where its server is asked: the way that it was found by. Other servers that have offered something hear so
    /// that it is not taken, as from the client itself.
    pub fn ways(self) -> Vec<Ipv4Addr> {
        match self.asked {
            Asked::Servers => vec![self.at],
            Asked::Everybody => vec![Ipv4Addr::BROADCAST],
            Asked::Both => vec![self.at, Ipv4Addr::BROADCAST],
        }
    }
}

#[derive(Debug)]
pub(super) struct Offers(Aged<Mac, Vec<Offered>>);

impl Offers {
    /// Room for so many machines.
    pub fn new(capacity: usize) -> Self {
        Self(Aged::new(capacity))
    }

    /// Of this address, to the machine that a message is of.
    pub fn of(&self, message: &Message, address: Ipv4Addr) -> Option<Offered> {
        let mut offers = self.0.get(message.mac()?)?.iter();
        offers.find(|offer| offer.address == address).copied()
    }

    /// Keeps what a machine was offered.
    pub fn keep(&mut self, request: &Message, offered: Offered) {
        let Some(mac) = request.mac() else { return };
        let mut offers = self.0.remove(mac).unwrap_or_default();
        offers.retain(|known| known.address != offered.address);
        if offers.len() >= OFFERS {
            offers.remove(0);
        }
        offers.push(offered);
        self.0.insert(mac, offers);
    }
}
