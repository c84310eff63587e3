//! UDP 67 and 4011: receive, decide, send.
//!
//! One task a socket. It takes the packets that are there, a batch at a time, decides each, one after
//! the other, and sends the answers together: a decision takes microseconds, and the kernel's receive
//! buffer is the bounded queue in front of it. One socket a port and interface: most of what machines ask is
//! broadcast, which the kernel hands to every socket of a port, not to one of them.
//!
//! A reply to one who is no neighbour yet waits in the kernel until ARP has found him, three seconds
//! if nobody has that address; and anybody can have replies sent to addresses that nobody has.
//! So what has to wait goes by sockets of its own, that for this link apart from that for others;
//! broadcasts, and replies to everybody who has just asked us by unicast, never wait behind it.
//!
//! * `outbox`: what leaves together; `told`: what is told of it
//! * `boot`: boot data beside somebody else's leases, and port 4011
//! * `lease`: mode `dhcp` on port 67: leases of our own
//! * `relay`: leases of the LAN's own DHCP server, asked for as a relay agent does; `hand_over`: what comes, to the
//!   machines; `overdue`: what does not

mod boot;
mod hand_over;
mod lease;
mod outbox;
mod overdue;
mod relay;
mod told;

pub use lease::Giver;
pub use relay::Carried;

use outbox::Outbox;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::interfaces::Own;
use super::sys::batch::Inbox;
use super::sys::neighbour;
use super::sys::outlet::Outlet;
use super::sys::udp::{Listener, Received};
use crate::client::{Client, Side};
use crate::decide::note::{self, Noted};
use crate::decide::{Ignore, Incoming, Port, item};
use crate::event::What;
use crate::firmware::made_up::is_played;
use crate::profile::Relays;
use crate::relay::meant;
use crate::wire::Mac;
use crate::wire::dhcp::{self, BOOTREPLY, Kind, Message};

/// Longer datagrams than any DHCP client sends are malformed.
const BUFFER: usize = 2048;
/// How long a failing socket rests, so that an interface that is gone does not spin.
const REST: Duration = Duration::from_millis(200);

/// One socket to serve.
pub struct Door {
    /// The socket, on one interface.
    pub listener: Listener,
    /// For what may have to wait for a neighbour.
    pub near: Outlet,
    /// For what may have to wait elsewhere.
    pub far: Outlet,
    /// For servers on other networks, by whichever interface the routes name.
    pub routed: Outlet,
    /// Its port.
    pub port: Port,
    /// The interface's name.
    pub interface: Arc<str>,
    /// Its addresses.
    pub own: Own,
    /// The leases given out here; `None`: somebody else gives them.
    pub giver: Option<Arc<Giver>>,
}

/// Serves one socket until the task is dropped; no error of the socket ends it.
///
/// # Errors
/// Never; the type is that of the other services.
pub async fn serve(door: Door, shared: Arc<Shared>) -> io::Result<()> {
    let door = Arc::new(door);
    let mut inbox = Inbox::<BUFFER>::default();
    let mut outbox = Outbox::default();
    let mut failing = false;
    loop {
        match door.listener.recv_all(&mut inbox).await {
            Ok(()) => {
                failing = false;
                for (received, bytes) in inbox.iter() {
                    door.packet(&shared, &mut outbox, received, bytes);
                }
                outbox.leave(&door, &shared);
                if inbox.is_full() {
                    // Others have something to do, too.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    shared.emit(None, door.fault("receive", &error));
                }
                tokio::time::sleep(REST).await;
            }
        }
    }
}

impl Door {
    fn packet(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        outbox: &mut Outbox,
        received: &Received,
        bytes: &[u8],
    ) {
        let message = match decode(received, bytes) {
            Ok(message) => message,
            Err(reason) => {
                let what = What::Malformed {
                    service: "dhcp",
                    peer: received.from.into(),
                    mac: dhcp::sender(bytes),
                    reason,
                };
                return outbox.tell(None, what);
            }
        };
        if relay::is_own(&message, &self.own) {
            return;
        }
        if let Err(why) = self.can_be_answered(received, &message) {
            outbox.leave(self, shared);
            return self.pass_over(shared, &why, &message, None);
        }
        let relays = self.port == Port::Dhcp && shared.snapshot.load().relays != Relays::Nobody;
        if relays && self.relayed(shared, outbox, received, &message) {
            return;
        }
        let giver = self.giver.as_ref();
        let item = giver.and_then(|_| item::asked(self.incoming(&message, received)));
        match giver.filter(|_| item.is_none()) {
            Some(giver) => {
                outbox.leave(self, shared);
                self.lease(shared, giver, *received, message);
            }
            None => self.boot(shared, outbox, received, &message),
        }
    }

    /// What is the relay's business, where it is.
    fn relayed(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        outbox: &mut Outbox,
        received: &Received,
        message: &Message,
    ) -> bool {
        let incoming = self.incoming(message, received);
        if message.kind() == Some(Kind::Request) {
            // It has chosen a lease: whatever else was asked for it is of no use.
            shared.relay().settle(message);
        }
        let (reply, renews) = (message.op == BOOTREPLY, meant::renews(incoming));
        if !(reply || renews || meant::gives_back(incoming)) {
            return false;
        }
        outbox.leave(self, shared);
        match (reply, renews) {
            (true, _) => self.replied(shared, received, message),
            (_, true) => self.renew(shared, received, message),
            _ => self.give_back(shared, received, message),
        }
        true
    }

    /// Whether there is anybody to answer, and an address to answer from.
    fn can_be_answered(&self, received: &Received, message: &Message) -> Result<(), Ignore> {
        if received.local.is_unspecified() {
            return Err(Ignore::NoOwnAddress);
        }
        if self.own.is_no_host(message.giaddr) {
            return Err(Ignore::Relay(message.giaddr));
        }
        Ok(())
    }

    fn incoming<'m>(&self, message: &'m Message, received: &Received) -> Incoming<'m> {
        Incoming {
            message,
            port: self.port,
            local: received.local,
            peer: received.from,
            unicast: received.to == received.local,
            side: Some(self.side(message, received)),
        }
    }

    /// What was sent to everybody has come over our link: no router hands it on. A relay on our link
    /// that says so speaks for it, too.
    fn side(&self, message: &Message, received: &Received) -> Side {
        let (from, relay) = (*received.from.ip(), message.giaddr);
        let here = |address: Ipv4Addr| address.is_unspecified() || self.own.is_on_link(address);
        let heard_here = received.to.is_broadcast() || here(from);
        let relayed_here = self.port == Port::Pxe || here(relay);
        if heard_here && relayed_here {
            Side::Link
        } else {
            Side::Beyond
        }
    }

    /// A broadcast is answered from an address of the interface it came by; where that has none, the
    /// kernel names one of another interface.
    fn send(&self, bytes: &[u8], to: SocketAddrV4, received: &Received) -> io::Result<()> {
        let from = received.local;
        if self.has_lost(received) {
            return Err(io::Error::other("it has no IPv4 address any more"));
        }
        if let Some(outlet) = self.outlet(*to.ip()) {
            let source = SocketAddrV4::new(from, self.port.number());
            if outlet.send(bytes, source, to)? {
                return Ok(());
            }
        }
        self.listener.send(bytes, to, from, received.interface)
    }

    /// Whether an answer can leave with others: it has an address of ours to leave from, and need not wait.
    fn leaves_with_others(&self, to: SocketAddrV4, received: &Received) -> bool {
        !self.has_lost(received) && self.outlet(*to.ip()).is_none()
    }

    /// Whether the interface has lost the address that an answer would leave from.
    fn has_lost(&self, received: &Received) -> bool {
        received.to != received.local && !self.own.has(received.local)
    }

    /// The way out for a reply that may have to wait.
    fn outlet(&self, to: Ipv4Addr) -> Option<&Outlet> {
        let leaves_at_once =
            to.is_broadcast() || neighbour::is_known(&self.listener, &self.interface, to);
        match self.own.is_near(to) {
            _ if leaves_at_once => None,
            true => Some(&self.near),
            false => Some(&self.far),
        }
    }

    /// Takes note of a boot client that asks for boot data. This is before the answer (see
    /// [`note::keep`]); the event that it gives may wait.
    fn note(
        &self,
        shared: &Shared,
        client: Option<Client>,
        incoming: Incoming<'_>,
    ) -> Option<(Noted, What)> {
        let gives_leases = self.giver.is_some();
        let of = |client: &Client| (client.stage.name(), client.arch());
        let told = client.as_ref().map(of);
        let noted = note::keep(&mut shared.clients(), client, incoming, gives_leases)?;
        let (stage, arch) = told?;
        let discover = |message| What::Discover {
            message,
            stage,
            arch,
            interface: self.interface.clone(),
            relay: Some(incoming.message.giaddr).filter(|a| !a.is_unspecified()),
        };
        let what = match noted {
            Noted::Discover => discover("discover"),
            Noted::Bootp => discover("bootp"),
            Noted::Request => What::Request {
                port: self.port.number(),
                stage,
                arch,
                peer: incoming.peer.into(),
            },
            Noted::Elsewhere(asked) => What::NotKept {
                port: self.port.number(),
                from: *incoming.peer.ip(),
                asked,
            },
        };
        Some((noted, what))
    }

    /// Tells of a packet that is not answered. What may be a stranger's stands with the machine that it
    /// names where that has a timeline, for it may be the machine's as well.
    fn pass_over(&self, shared: &Shared, why: &Ignore, message: &Message, mac: Option<Mac>) {
        let (mac, what) = self.passed_over(shared, why, message, mac);
        shared.emit(mac, what);
        let Ignore::NotItsAddress { named, from } = *why else {
            return;
        };
        if shared.passed_over.is_new(from) {
            let text = self.nat(named, from);
            shared.emit(None, What::Notice { text });
        }
    }

    fn passed_over(
        &self,
        shared: &Shared,
        why: &Ignore,
        message: &Message,
        mac: Option<Mac>,
    ) -> (Option<Mac>, What) {
        let mac = if why.is_forgery() {
            let named = message.mac();
            named.filter(|mac| shared.timeline().has_room_for_forgery(*mac))
        } else {
            mac
        };
        (mac, self.ignored(why, message, mac))
    }

    /// Once for each address that this comes from.
    fn nat(&self, named: Ipv4Addr, from: Ipv4Addr) -> String {
        format!(
            "what {from} sends to UDP {} of {} in the name of {named} is not answered (not-its-address): there is NAT \
             on the way, which has to go, or somebody forges it",
            self.port.number(),
            self.interface
        )
    }

    /// A packet of nobody we keep a timeline for has its sender in the text.
    fn ignored(&self, ignore: &Ignore, message: &Message, told_of: Option<Mac>) -> What {
        let sender = message.mac().filter(|_| told_of.is_none());
        let sender = sender.map_or_else(String::new, |mac| format!(" from {mac}"));
        What::Ignored {
            port: self.port.number(),
            reason: ignore.word(),
            detail: format!("{ignore}{sender}"),
            played: is_played(message),
        }
    }

    /// Where an answer goes is the client's or its relay's word, so this is no fault of ours.
    fn unsent(&self, to: SocketAddrV4, error: &io::Error) -> What {
        let remedy = match error.kind() {
            io::ErrorKind::WouldBlock => {
                "too many replies wait for addresses that nobody answers for (ARP); somebody makes them up"
            }
            _ => "look at the routes (ip route) and the firewall",
        };
        What::Ignored {
            port: self.port.number(),
            reason: "unreachable",
            detail: format!(
                "cannot send to {to} by {}: {error}; {remedy}",
                self.interface
            ),
            played: false,
        }
    }

    fn fault(&self, what: &str, error: &io::Error) -> What {
        What::Fault {
            text: format!(
                "cannot {what} on UDP {} of {}: {error}",
                self.port.number(),
                self.interface
            ),
        }
    }
}

fn decode(received: &Received, bytes: &[u8]) -> Result<Message, String> {
    if received.truncated {
        return Err(format!("longer than any DHCP message ({BUFFER} bytes)"));
    }
    Message::decode(bytes).map_err(|e| e.to_string())
}
