//! How events about leases of the LAN's own DHCP server read (room `relay`).

use std::fmt::{self, Formatter};
use std::net::Ipv4Addr;

use super::told::Unanswered;

/// Addresses in a sentence.
fn all(servers: &[Ipv4Addr]) -> String {
    let all: Vec<String> = servers.iter().map(ToString::to_string).collect();
    all.join(" and ")
}

/// What an operator can do depends on what the servers have done.
pub(super) fn none(f: &mut Formatter<'_>, of: &Unanswered) -> fmt::Result {
    let from = if of.asked.is_empty() {
        "any DHCP server on the link".to_owned()
    } else {
        all(&of.asked)
    };
    if of.message == "request" {
        return write!(
            f,
            "no answer came from {from} to the REQUEST for its lease, which was handed on: it has none, and asks again or begins anew; is that DHCP server still running?{}",
            of.disbelief()
        );
    }
    if of.known {
        return write!(
            f,
            "it is offered its loader alone, at once: {from} is known to answer no relays; have it serve relay agents, or run bootjack on its host (--mode colocated)"
        );
    }
    write!(
        f,
        "no lease came from {from} for what was handed on as by a relay; it is offered its loader alone: {}{}",
        of.remedy(),
        of.disbelief()
    )
}

impl Unanswered {
    fn remedy(&self) -> String {
        if self.not_believed.is_some() {
            return "an answer came, and is none to what was asked".to_owned();
        }
        match (self.alive.as_slice(), self.unasked.as_slice()) {
            ([], []) => "is the DHCP server running, and has it addresses left? Where it is on another network, name it (dhcp-server)".to_owned(),
            ([], others) => format!(
                "the server that dhcp-server names is silent; {} answers machines, and is not named",
                all(others)
            ),
            (alive, _) => format!(
                "{} answers machines and no relays. Secure Boot and firmware that follows no proxy need it to; have it serve relay agents, or give this machine next-server and file name there, or run bootjack on its host (--mode colocated)",
                all(alive)
            ),
        }
    }

    fn disbelief(&self) -> String {
        let why = self.not_believed.as_ref();
        why.map_or_else(String::new, |why| format!(" (not believed: {why})"))
    }
}

/// A NAK.
pub(super) fn refused(f: &mut Formatter<'_>, server: Option<Ipv4Addr>, why: &str) -> fmt::Result {
    match server {
        Some(server) => write!(f, "NAK of {server} handed on: {why}"),
        None => write!(f, "told to begin anew (NAK): {why}"),
    }
}

/// A question that was handed on.
pub(super) fn forwarded(f: &mut Formatter<'_>, message: &str, servers: &[Ipv4Addr]) -> fmt::Result {
    let message = message.to_uppercase();
    let to = if servers.is_empty() {
        "every DHCP server on the link".to_owned()
    } else {
        all(servers)
    };
    write!(f, "{message} handed on, as by a relay, to {to}")
}

/// A renewal.
pub(super) fn renewed(
    f: &mut Formatter<'_>,
    address: Ipv4Addr,
    server: Option<Ipv4Addr>,
) -> fmt::Result {
    write!(f, "renews {address}")?;
    server.map_or(Ok(()), |server| {
        write!(f, " with {server}, which it asks itself from now on")
    })
}
