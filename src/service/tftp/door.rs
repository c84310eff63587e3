//! The loop of one listening socket: what each packet is, and who deals with it.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use super::super::sys::udp::{Listener, Received};
use super::report::printable;
use super::request::{Call, Common};
use super::seats::{Admission, Pair, Repeats, Seat};
use super::workers::Workers;
use crate::wire::tftp::{BadPacket, ErrorCode, Packet, Request};

/// Room for a request. RFC 2347 allows 512 bytes; more than a frame is no request.
const REQUEST: usize = 1500;

/// The pause after a socket failed, so that a lasting failure does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// One listening socket.
pub(super) struct Door {
    listener: Arc<Listener>,
    device: Option<Arc<[u8]>>,
    common: Arc<Common>,
    workers: Arc<Workers>,
}

impl Door {
    pub(super) fn new(
        listener: Listener,
        common: &Arc<Common>,
        workers: &Arc<Workers>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            device: listener.device()?.map(Into::into),
            listener: Arc::new(listener),
            common: Arc::clone(common),
            workers: Arc::clone(workers),
        })
    }

    /// Takes packets until it is dropped, and its transfers with it.
    pub(super) async fn serve(self) {
        let mut transfers = JoinSet::new();
        let mut buf = [0; REQUEST];
        loop {
            tokio::select! {
                got = self.listener.recv(&mut buf) => match got {
                    Ok(received) => {
                        let packet = buf.get(..received.len).unwrap_or_default();
                        if let Some((call, repeats)) = self.take(&received, packet) {
                            self.begin(&mut transfers, call, repeats);
                        }
                    }
                    Err(e) => self.failed(&e).await,
                },
                Some(ended) = transfers.join_next() => self.ended(ended),
            }
        }
    }

    fn begin(&self, transfers: &mut JoinSet<()>, call: Call, repeats: Repeats) {
        let place = self.workers.place();
        let thread = place.handle();
        let transfer = async move {
            let _place = place;
            call.answer(repeats).await;
        };
        transfers.spawn_on(transfer, &thread);
    }

    async fn failed(&self, error: &std::io::Error) {
        let text = format!("cannot receive TFTP requests: {error}; trying again");
        self.common.report.fault(text);
        tokio::time::sleep(PAUSE).await;
    }

    fn ended(&self, ended: Result<(), JoinError>) {
        if let Err(e) = ended {
            let text = format!("a TFTP transfer ended by a bug in bootjack: {e}; please report it");
            self.common.report.fault(text);
        }
    }

    /// A packet → the call to answer, if it makes one.
    fn take(&self, received: &Received, bytes: &[u8]) -> Option<(Call, Repeats)> {
        // Whoever comes here has followed, also where there is no room for it, or no sense in it.
        (self.common.shared).asks_for_a_file((*received.from.ip()).into());
        if let Some(reason) = unfit(received) {
            self.common.report.malformed(received.from, reason);
            return None;
        }
        match Packet::decode(bytes) {
            Ok(Packet::Read(request)) => return self.admit(received, bytes, &request),
            Ok(Packet::Write(request)) => self.refuse_write(received, &request),
            Ok(Packet::Data { .. } | Packet::Ack(_)) => self.stray(received),
            Ok(Packet::Error { .. } | Packet::Oack(_)) => {
                self.malformed(received.from, "an answer where no request was made");
            }
            Err(e) => self.undecodable(received, &e),
        }
        None
    }

    fn admit(
        &self,
        received: &Received,
        bytes: &[u8],
        request: &Request<'_>,
    ) -> Option<(Call, Repeats)> {
        let pair = Pair {
            peer: received.from,
            local: received.local,
        };
        match self.common.seats.admit(pair, bytes) {
            Admission::New(seat, repeats) => Some((self.call(seat, request), repeats)),
            Admission::Repeated => None,
            Admission::Full(bound) => {
                self.common.report.refused(received.from, bound);
                None
            }
        }
    }

    fn call(&self, seat: Seat, request: &Request<'_>) -> Call {
        Call {
            at: Instant::now(),
            name: request.name.to_vec(),
            mode: request.mode,
            options: request.options,
            seat,
            listener: Arc::clone(&self.listener),
            device: self.device.clone(),
            common: Arc::clone(&self.common),
        }
    }

    fn refuse_write(&self, received: &Received, request: &Request<'_>) {
        let name = printable(request.name);
        let why = format!("writing is never granted (\"{name}\")");
        self.common.report.refused(received.from, why);
        self.tell(received, ErrorCode::ILLEGAL, b"this server only sends");
    }

    fn stray(&self, received: &Received) {
        self.malformed(received.from, "a block or acknowledgement of no transfer");
        self.tell(received, ErrorCode::UNKNOWN_TRANSFER, b"unknown transfer");
    }

    fn undecodable(&self, received: &Received, error: &BadPacket) {
        self.malformed(received.from, &error.to_string());
        if *error == BadPacket::Mode {
            self.tell(received, ErrorCode::ILLEGAL, b"octet and netascii only");
        }
    }

    fn malformed(&self, peer: SocketAddrV4, reason: &str) {
        self.common.report.malformed(peer, reason);
    }

    fn tell(&self, received: &Received, code: ErrorCode, text: &[u8]) {
        tell(&self.listener, received.from, received.local, code, text);
    }
}

/// Sends an ERROR, as far as there is room; it is not repeated (RFC 1350).
pub(super) fn tell(
    listener: &Listener,
    peer: SocketAddrV4,
    local: std::net::Ipv4Addr,
    code: ErrorCode,
    text: &[u8],
) {
    let packet = Packet::Error { code, text }.encode();
    let _ = listener.send(&packet, peer, local, 0);
}

/// Why a datagram cannot be a request, whatever is in it.
fn unfit(received: &Received) -> Option<&'static str> {
    if received.truncated {
        Some("longer than any request")
    } else if received.to != received.local {
        Some("sent to a broadcast address (RFC 1123 has it ignored)")
    } else if received.from.port() == 0 {
        Some("from port 0, where no answer can go")
    } else {
        None
    }
}
