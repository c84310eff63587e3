//! What relay agents say: the sub-options of option 82 (RFC 3046) that change an answer.
//!
//! The option itself goes back verbatim and last; here it is only read.

use std::net::Ipv4Addr;

use super::dhcp::{Message, code};
use super::pxe::sub_options;

/// Sub-option numbers (IANA "DHCP Relay Agent Sub-Option Codes").
const CIRCUIT_ID: u8 = 1;
const REMOTE_ID: u8 = 2;
/// An address in the subnet that a lease is for (RFC 3527).
pub const LINK_SELECTION: u8 = 5;
const SERVER_ID_OVERRIDE: u8 = 11;

/// One relay agent's information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayAgent<'a> {
    /// The port or line the client is behind (82.1).
    pub circuit_id: Option<&'a [u8]>,
    /// The modem or switch it is behind (82.2).
    pub remote_id: Option<&'a [u8]>,
    /// An address in the client's subnet, where that is not giaddr's (RFC 3527).
    pub link: Option<Ipv4Addr>,
    /// The address that clients are to be told as their server, so that renewals too go by the
    /// relay (RFC 5107).
    pub server_id: Option<Ipv4Addr>,
}

impl<'a> RelayAgent<'a> {
    /// What a message's relay says; nothing where it came without one. A switch that only adds
    /// option 82 (giaddr 0) tells the port, and speaks for no other link.
    pub fn of(message: &'a Message) -> Self {
        let option = message.options.get(code::RELAY_AGENT);
        let agent = option.map(Self::parse).unwrap_or_default();
        if message.giaddr.is_unspecified() {
            return Self {
                link: None,
                server_id: None,
                ..agent
            };
        }
        agent
    }

    /// Reads option 82; what is malformed in it counts as absent.
    pub fn parse(option_82: &'a [u8]) -> Self {
        let mut agent = Self::default();
        for (code, value) in sub_options(option_82) {
            match code {
                CIRCUIT_ID => agent.circuit_id = Some(value),
                REMOTE_ID => agent.remote_id = Some(value),
                LINK_SELECTION => agent.link = address(value),
                SERVER_ID_OVERRIDE => agent.server_id = address(value),
                _ => {}
            }
        }
        agent
    }
}

fn address(value: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = value.try_into().ok()?;
    Some(octets.into()).filter(|a: &Ipv4Addr| !a.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relays_words_are_read_and_nonsense_is_absent() {
        let option = [
            1, 3, b'e', b'0', b'1', 2, 1, 9, 5, 4, 10, 1, 0, 0, 11, 4, 10, 1, 0, 1,
        ];
        let agent = RelayAgent::parse(&option);
        assert_eq!(agent.circuit_id, Some(&b"e01"[..]));
        assert_eq!(agent.remote_id, Some(&[9][..]));
        assert_eq!(agent.link, Some([10, 1, 0, 0].into()));
        assert_eq!(agent.server_id, Some([10, 1, 0, 1].into()));
        let broken = [5, 3, 10, 1, 0, 11, 4, 0, 0, 0, 0, 1, 200, 1];
        assert_eq!(RelayAgent::parse(&broken), RelayAgent::default());
    }
}
