//! UDP 67 and 4011: receive, decide, send.
//!
//! One task a socket, one packet at a time: a decision takes microseconds, and the kernel's receive
//! buffer is the bounded queue in front of it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::sys::udp::{Listener, Received};
use crate::client::Client;
use crate::decide::{self, Answer, Ignore, Incoming, Port};
use crate::event::What;
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREQUEST, Kind, Message, code};

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
        let outcome = decide::decide(&shared.snapshot.load(), incoming);
        if let Some(client) = outcome
            .client
            .as_ref()
            .filter(|_| self.asks_for_boot(&message))
        {
            self.seen(shared, client, incoming);
        }
        let learnt = self.learn_address(shared, &message);
        match outcome.decision {
            Ok(answer) => self.answer(shared, &answer, received, outcome.client.as_ref()),
            Err(_) if learnt => {}
            Err(ignore) => self.ignored(shared, &ignore, outcome.client.as_ref()),
        }
    }

    /// A DISCOVER on 67, a REQUEST at 4011.
    fn asks_for_boot(&self, message: &Message) -> bool {
        let asking = match self.port {
            Port::Dhcp => Kind::Discover,
            Port::Pxe => Kind::Request,
        };
        message.op == BOOTREQUEST && message.kind() == Some(asking)
    }

    /// Takes note of a boot client that asks for boot data.
    fn seen(&self, shared: &Shared, client: &Client, incoming: Incoming<'_>) {
        shared.clients().saw(client.clone());
        let (stage, arch) = (client.stage.name(), client.arch());
        let relay = Some(incoming.message.giaddr).filter(|a| !a.is_unspecified());
        let what = match self.port {
            Port::Dhcp => What::Discover {
                stage,
                arch,
                interface: self.interface.clone(),
                relay,
            },
            Port::Pxe => What::Request {
                stage,
                arch,
                peer: incoming.peer.into(),
            },
        };
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

    fn answer(
        &self,
        shared: &Shared,
        answer: &Answer,
        received: &Received,
        client: Option<&Client>,
    ) {
        let sent = self
            .listener
            .send(&answer.bytes, answer.to, received.local, received.interface);
        let what = match sent {
            Ok(()) => What::Answer {
                message: if answer.message.kind() == Some(Kind::Offer) {
                    "offer"
                } else {
                    "ack"
                },
                strategy: answer.strategy.name,
                profile: answer.selection.profile.name.clone(),
                why: answer.selection.why.clone(),
                loader: answer.loader.clone(),
                to: SocketAddr::V4(answer.to),
            },
            Err(error) => self.unsent(answer, &error),
        };
        shared.emit(client.map(|c| c.mac), what);
    }

    fn ignored(&self, shared: &Shared, ignore: &Ignore, client: Option<&Client>) {
        let what = What::Ignored {
            port: self.port.number(),
            reason: ignore.word(),
            detail: ignore.to_string(),
        };
        shared.emit(client.map(|c| c.mac), what);
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

/// A whole datagram as a message; else what is wrong with it.
fn decode(received: &Received, bytes: &[u8]) -> Result<Message, String> {
    if received.truncated {
        return Err(format!("longer than any DHCP message ({BUFFER} bytes)"));
    }
    Message::decode(bytes).map_err(|why| why.to_string())
}
