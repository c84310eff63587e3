//! A captured packet → the UDP datagram in it, where it may be about booting.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::decide::Port;
use crate::service::capture::Packet;
use crate::wire::frame::Datagram;

/// The port of TFTP.
const TFTP: u16 = 69;
/// The port of DHCP clients.
const CLIENT: u16 = 68;
/// What every TFTP ERROR begins with.
const ERROR: [u8; 2] = [0, 5];

/// A datagram that may be about booting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// The packet's number.
    pub(super) number: u64,
    /// When it was seen, since 1970.
    pub(super) at: Option<Duration>,
    /// Its VLAN.
    pub(super) vlan: Option<u16>,
    /// Source.
    pub(super) from: SocketAddrV4,
    /// Destination.
    pub(super) to: SocketAddrV4,
    /// What is there of its payload.
    pub(super) payload: Vec<u8>,
    /// Bytes of its whole payload.
    pub(super) length: usize,
    /// What it may say.
    pub(super) topic: Topic,
}

/// What a datagram may say, by its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// DHCP, in either direction.
    Dhcp,
    /// A TFTP request.
    Request,
    /// The end of a transfer, where there is one between these ports.
    Error,
}

impl Heard {
    /// The datagram in a packet; `None` where it is about something else.
    pub(super) fn in_packet(packet: &Packet) -> Option<Self> {
        let inside = packet.link.ok()?.ipv4(&packet.frame)?;
        let datagram = Datagram::decode_captured(inside.packet).ok()?;
        Some(Self {
            number: packet.number,
            at: packet.at,
            vlan: inside.vlan,
            from: datagram.from,
            to: datagram.to,
            topic: topic(&datagram)?,
            payload: datagram.payload.to_vec(),
            length: datagram.length,
        })
    }

    /// Whether part of its payload is not in the capture.
    pub(super) fn is_cut(&self) -> bool {
        self.payload.len() < self.length
    }
}

fn topic(datagram: &Datagram<'_>) -> Option<Topic> {
    let served = [Port::Dhcp.number(), Port::Pxe.number()];
    let (from, to) = (datagram.from.port(), datagram.to.port());
    let dhcp = served.contains(&to) || served.contains(&from) || to == CLIENT;
    match to {
        _ if dhcp => Some(Topic::Dhcp),
        TFTP => Some(Topic::Request),
        _ if datagram.payload.starts_with(&ERROR) => Some(Topic::Error),
        _ => None,
    }
}
