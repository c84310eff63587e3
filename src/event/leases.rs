//! How events about leases of the LAN's own DHCP server read (room `relay`).

use std::fmt::{self, Formatter};
use std::net::Ipv4Addr;

/// Addresses in a sentence.
fn all(servers: &[Ipv4Addr]) -> String {
    if servers.is_empty() {
        return "every DHCP server on the link".to_owned();
    }
    let all: Vec<String> = servers.iter().map(ToString::to_string).collect();
    all.join(" and ")
}

/// What an operator can do depends on whether there is a server at all.
pub(super) fn none(f: &mut Formatter<'_>, asked: &[Ipv4Addr], alive: &[Ipv4Addr]) -> fmt::Result {
    write!(
        f,
        "no lease came from {} for what was handed on as by a relay; it is offered its loader alone",
        all(asked)
    )?;
    if alive.is_empty() {
        return f.write_str(": is the DHCP server running, and has it addresses left? Where it is on another network, name it (dhcp-server)");
    }
    write!(
        f,
        ": {} answers machines and no relays. Secure Boot and firmware that follows no proxy need it to; have it serve relay agents, or give this machine next-server and file name there, or run bootjack on its host (--mode colocated)",
        all(alive)
    )
}

/// A question that was handed on.
pub(super) fn forwarded(f: &mut Formatter<'_>, message: &str, servers: &[Ipv4Addr]) -> fmt::Result {
    let message = message.to_uppercase();
    write!(f, "{message} handed on, as by a relay, to {}", all(servers))
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
