//! Which messages are meant for us because we have handed on a lease: renewals, and what gives it back. (A REQUEST
//! for a lease that we have offered is [`takes_our_lease`](crate::decide::takes_our_lease).)

use crate::client::Side;
use crate::decide::{Incoming, Port, item};
use crate::wire::dhcp::{Kind, code};

/// Whether a message is the renewal of a lease that its client takes for ours: sent to us alone, from the
/// address that is leased (RFC 2131 4.3.2, RENEWING), and no choice in a menu. From another network nobody is
/// believed to have one: who renews there asks everybody in the end.
pub fn renews(incoming: Incoming<'_>) -> bool {
    let message = incoming.message;
    let from_there = message.ciaddr == *incoming.peer.ip() && !message.ciaddr.is_unspecified();
    let options = &message.options;
    message.kind() == Some(Kind::Request)
        && (incoming.port, incoming.unicast) == (Port::Dhcp, true)
        && incoming.side == Some(Side::Link)
        && item::asked(incoming).is_none()
        && from_there
        && message.giaddr.is_unspecified()
        && !options.has(code::SERVER_ID)
        && !options.has(code::REQUESTED_ADDRESS)
}

/// Whether a message gives back a lease that its client takes for ours, from our own link; a RELEASE comes from the
/// address that it is of, a DECLINE from none.
pub fn gives_back(incoming: Incoming<'_>) -> bool {
    let message = incoming.message;
    let from_there = message.ciaddr == *incoming.peer.ip();
    let its_own = match message.kind() {
        Some(Kind::Release) => from_there && !message.ciaddr.is_unspecified(),
        Some(Kind::Decline) => true,
        _ => false,
    };
    let ours = message.address(code::SERVER_ID) == Some(incoming.local);
    its_own && ours && incoming.side == Some(Side::Link) && message.giaddr.is_unspecified()
}
