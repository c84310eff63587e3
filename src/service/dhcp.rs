//! UDP 67 and 4011: receive, decide, send.
//!
//! One task a socket, one packet at a time: a decision takes microseconds, and the kernel's receive
//! buffer is the bounded queue in front of it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::interfaces::Own;
use super::sys::udp::{Listener, Received};
use crate::client::Client;
use crate::decide::{self, Answer, Ignore, Incoming, Outcome, Port};
use crate::event::What;
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

/// Longer datagrams than any DHCP client sends are malformed.
const BUFFER: usize = 2048;
/// How long a failing socket rests, so that an interface that is gone does not spin.
const REST: Duration = Duration::from_millis(200);

/// One socket to serve.
#[derive(Debug)]
pub struct Door {
    /// The socket, on one interface.
    pub listener: Listener,
    /// Its port.
    pub port: Port,
    /// The interface's name.
    pub interface: String,
    /// Its addresses.
    pub own: Own,
}

/// Serves one socket until the task is dropped; no error of the socket ends it.
///
/// # Errors
/// Never; the type is that of the other services.
pub async fn serve(door: Door, shared: Arc<Shared>) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut failing = false;
    loop {
        match door.listener.recv(&mut buffer).await {
            Ok(received) => {
                failing = false;
                let bytes = buffer.get(..received.len).unwrap_or_default();
                door.packet(&shared, &received, bytes);
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
    fn packet(&self, shared: &Shared, received: &Received, bytes: &[u8]) {
        let message = match decode(received, bytes) {
            Ok(message) => message,
            Err(why) => return shared.malformed("dhcp", received.from.into(), why),
        };
        let incoming = Incoming {
            message: &message,
            port: self.port,
            local: received.local,
            peer: received.from,
        };
        let Outcome { client, decision } = decide::decide(&shared.snapshot.load(), incoming);
        // The answer leaves first; what is written down about it comes after.
        let failed = decision
            .as_ref()
            .ok()
            .and_then(|answer| self.send(answer, received).err());
        if let Some(client) = &client {
            self.seen(shared, client, incoming);
        }
        let learnt = self.learn_address(shared, &message);
        let what = match (decision, failed) {
            (Ok(answer), None) => answered(&answer),
            (Ok(answer), Some(error)) => self.unsent(&answer, &error),
            (Err(_), _) if learnt => return,
            (Err(ignore), _) => self.ignored(&ignore, &message),
        };
        shared.emit(client.map(|c| c.mac), what);
    }

    /// A broadcast is answered from an address of the interface it came by; where that has none, the
    /// kernel names one of another interface.
    fn send(&self, answer: &Answer, received: &Received) -> io::Result<()> {
        let from = received.local;
        if received.to != from && !self.own.has(from) {
            return Err(io::Error::other("it has no IPv4 address any more"));
        }
        self.listener
            .send(&answer.bytes, answer.to, from, received.interface)
    }

    /// Takes note of a boot client that asks for boot data.
    fn seen(&self, shared: &Shared, client: &Client, incoming: Incoming<'_>) {
        let (stage, arch) = (client.stage.name(), client.arch());
        let relay = Some(incoming.message.giaddr).filter(|a| !a.is_unspecified());
        let what = match (self.port, incoming.message.kind()) {
            (Port::Dhcp, Some(Kind::Discover)) => What::Discover {
                stage,
                arch,
                interface: self.interface.clone(),
                relay,
            },
            (Port::Pxe, Some(Kind::Request)) => What::Request {
                stage,
                arch,
                peer: incoming.peer.into(),
            },
            _ => return,
        };
        shared.clients().saw(client.clone());
        shared.emit(Some(client.mac), what);
    }

    /// A REQUEST on 67 tells which address a machine takes: how files it fetches later are known
    /// to be its own. That goes for its operating system too.
    fn learn_address(&self, shared: &Shared, message: &Message) -> bool {
        let Some((mac, address)) = self.lease_taken(message) else {
            return false;
        };
        let known = shared.clients().has_address(mac, address);
        if known {
            let server = message.address(code::SERVER_ID);
            shared.emit(Some(mac), What::Leased { address, server });
        }
        known
    }

    fn lease_taken(&self, message: &Message) -> Option<(Mac, Ipv4Addr)> {
        if self.port != Port::Dhcp || message.kind() != Some(Kind::Request) {
            return None;
        }
        let renewing = Some(message.ciaddr).filter(|a| !a.is_unspecified());
        let address = message.address(code::REQUESTED_ADDRESS).or(renewing)?;
        Some((message.mac()?, address))
    }

    /// A packet of nobody we keep a timeline for has its sender in the text.
    fn ignored(&self, ignore: &Ignore, message: &Message) -> What {
        let sender = message
            .mac()
            .map_or_else(String::new, |mac| format!(" from {mac}"));
        What::Ignored {
            port: self.port.number(),
            reason: ignore.word(),
            detail: format!("{ignore}{sender}"),
        }
    }

    /// Where an answer goes is the client's or its relay's word, so this is no fault of ours.
    fn unsent(&self, answer: &Answer, error: &io::Error) -> What {
        What::Ignored {
            port: self.port.number(),
            reason: "unreachable",
            detail: format!(
                "cannot send to {} by {}: {error}; look at the routes (ip route) and the firewall",
                answer.to, self.interface
            ),
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
    if received.local.is_unspecified() {
        return Err("came by an interface that has no address any more".to_owned());
    }
    Message::decode(bytes).map_err(|e| e.to_string())
}

fn answered(answer: &Answer) -> What {
    let offer = answer.message.kind() == Some(Kind::Offer);
    What::Answer {
        message: if offer { "offer" } else { "ack" },
        strategy: answer.strategy.name,
        profile: answer.selection.profile.name.clone(),
        why: answer.selection.why.clone(),
        loader: answer.loader.clone(),
        to: SocketAddr::V4(answer.to),
    }
}
