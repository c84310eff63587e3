//! One request → a transfer, or the ERROR it gets: look up, agree, send, report.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::super::sys::bulk::Bulk;
use super::super::sys::connected::Connected;
use super::super::sys::neighbour;
use super::super::sys::udp::Listener;
use super::super::{Limits, Shared};
use super::Resolve;
use super::door::tell;
use super::lookup::{Content, Refusal, look_up};
use super::report::{Report, printable};
use super::seats::{Pair, Repeats, Seat, Seats};
use super::session::{self, Job, Outcome};
use super::source::Larder;
use crate::client::{Client, Side};
use crate::event::What;
use crate::firmware::is_probe;
use crate::profile::Snapshot;
use crate::transfer::{Bounds, Ending, Failure, agree};
use crate::tree::{CleanPath, Door, Requester};
use crate::wire::tftp::{ErrorCode, Mode, Options};

/// How many bodies are held as netascii at once; with the limit on each it bounds their memory.
const NETASCII_AT_ONCE: usize = 32;

/// What all requests share.
pub(super) struct Common {
    pub(super) shared: Arc<Shared>,
    pub(super) resolve: Resolve,
    pub(super) seats: Arc<Seats>,
    pub(super) report: Report,
    pub(super) netascii: Arc<Semaphore>,
    pub(super) bulk: Bulk,
    pub(super) larder: Arc<Larder>,
}

/// A request that has its seat.
pub(super) struct Call {
    /// When it came.
    pub(super) at: Instant,
    /// The name, as it came.
    pub(super) name: Vec<u8>,
    pub(super) mode: Mode,
    pub(super) options: Options,
    pub(super) seat: Seat,
    /// The socket it came by.
    pub(super) listener: Arc<Listener>,
    /// The interface that socket is bound to.
    pub(super) device: Option<Arc<[u8]>>,
    pub(super) common: Arc<Common>,
}

impl Common {
    pub(super) fn new(shared: Arc<Shared>, resolve: Resolve) -> Arc<Self> {
        Arc::new(Self {
            seats: Seats::new(&shared.limits),
            report: Report::new(Arc::clone(&shared)),
            netascii: Arc::new(Semaphore::new(NETASCII_AT_ONCE)),
            bulk: Bulk::chosen(shared.limits.tftp_segmentation),
            larder: Larder::new(),
            resolve,
            shared,
        })
    }
}

impl Call {
    /// Serves it to its end.
    pub(super) async fn answer(self, repeats: Repeats) {
        let pair = self.seat.pair;
        let shared = &self.common.shared;
        let path = CleanPath::new(&self.name).ok();
        let mut who = shared.requester(Door::Tftp, self.client(), pair.local.into(), path.as_ref());
        let snapshot = shared.snapshot.load_full();
        if who.client.is_none() {
            who.client = self.silent_pi(&snapshot);
        }
        let bounds = |mtu| bounds(&shared.limits, &snapshot, &who, mtu);
        let served = match look_up(&self, &snapshot, &who).await {
            Ok(content) => self.send(&who, (&content, bounds), repeats).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = served {
            self.refuse(&who, refusal);
        }
    }

    /// A Raspberry Pi that sends no REQUEST, as those up to the third, or has its address from elsewhere:
    /// no DHCP packet shows what address it uses, but on our own link its ARP does. Of nobody else is an
    /// address believed to be his for that.
    fn silent_pi(&self, snapshot: &Snapshot) -> Option<Client> {
        let address = *self.seat.pair.peer.ip();
        let interface = str::from_utf8(self.device.as_deref()?).ok()?;
        let mac = neighbour::hardware_address(&*self.listener, interface, address)?;
        let seen = self.common.shared.clients().on(mac, Side::Link).cloned();
        let client = Client {
            ip: Some(address),
            ..seen.unwrap_or_else(|| Client::unknown(mac, address))
        };
        let is_pi = snapshot.quirks.treat(&client).tells_pi(&client);
        is_pi.then_some(client)
    }

    async fn send(
        &self,
        who: &Requester,
        (content, bounds): (&Content, impl Fn(u32) -> Bounds),
        repeats: Repeats,
    ) -> Result<(), Refusal> {
        let (socket, mtu) = self.socket().map_err(|e| no_socket(self.seat.pair, &e))?;
        let size = content.body.len;
        let job = Job {
            socket,
            peer: self.seat.pair.peer,
            terms: agree(&self.options, size, &bounds(mtu)),
            body: content.body.clone(),
            patience: self.common.shared.limits.idle,
            repeats,
            larder: Arc::clone(&self.common.larder),
        };
        self.emit(who, self.started(size));
        let ended = match session::run(job, &self.common.report).await {
            Ok(outcome) => self.ended(who, &outcome, size),
            Err(unreadable) => self.failed(unreadable.acknowledged, unreadable.to_string()),
        };
        if matches!(ended, What::Sent { .. }) {
            self.common.shared.sent(self.client(), content.given);
        }
        self.emit(who, ended);
        Ok(())
    }

    fn socket(&self) -> io::Result<(Connected, u32)> {
        let pair = self.seat.pair;
        let socket = Connected::open(
            pair.local,
            pair.peer,
            self.device.as_deref(),
            self.common.bulk,
        )?;
        let mtu = socket.mtu()?;
        Ok((socket, mtu))
    }

    fn refuse(&self, who: &Requester, refusal: Refusal) {
        let pair = self.seat.pair;
        if let Some((code, text)) = refusal.answer() {
            tell(&self.listener, pair.peer, pair.local, code, text.as_bytes());
        }
        match refusal {
            Refusal::Missing { why, needed } => self.emit(who, self.not_found(why, needed)),
            Refusal::Denied(why) => self.emit(who, self.not_found(why, false)),
            Refusal::Unneeded => {}
            Refusal::Unreachable(reason) => self.emit(who, self.failed(0, reason)),
            Refusal::NotText => {
                self.emit(who, self.failed(0, "too large for netascii".to_owned()));
            }
            Refusal::Busy => {
                let bound = format!("{NETASCII_AT_ONCE} netascii transfers");
                self.common.report.refused(pair.peer, bound);
            }
            Refusal::Nowhere => {
                let reason = "from a broadcast address, where no transfer can go";
                self.common.report.malformed(pair.peer, reason);
            }
            Refusal::Fault(text) => self.common.report.fault(text),
        }
    }

    /// Hands an event about this machine to its readers.
    pub(super) fn emit(&self, who: &Requester, what: What) {
        let client = who.client.as_ref().map(|client| client.mac);
        self.common.shared.emit(client, what);
    }

    /// The name for events.
    pub(super) fn path(&self) -> String {
        printable(&self.name)
    }

    fn client(&self) -> IpAddr {
        (*self.seat.pair.peer.ip()).into()
    }

    fn started(&self, size: u64) -> What {
        What::Started {
            door: Door::Tftp,
            path: self.path(),
            peer: self.client(),
            size,
        }
    }

    fn not_found(&self, reason: String, needed: bool) -> What {
        What::NotFound {
            door: Door::Tftp,
            path: self.path(),
            peer: self.client(),
            reason,
            needed,
        }
    }

    fn failed(&self, sent: u64, reason: String) -> What {
        What::Failed {
            door: Door::Tftp,
            path: self.path(),
            peer: self.client(),
            sent,
            reason,
        }
    }

    fn ended(&self, who: &Requester, outcome: &Outcome, size: u64) -> What {
        let ending = match outcome.ending {
            // `bootjack probe` has seen enough with a first block; without an OACK no client else says so.
            Ending::Failed(Failure::Told(ErrorCode::UNDEFINED)) if is_played(who) => Ending::Probed,
            ending => ending,
        };
        match ending {
            Ending::Sent => What::Sent {
                door: Door::Tftp,
                path: self.path(),
                peer: self.client(),
                size,
                took: self.at.elapsed(),
            },
            Ending::Probed => What::Probed {
                door: Door::Tftp,
                path: self.path(),
                peer: self.client(),
                sent: outcome.acknowledged,
            },
            Ending::Failed(failure) => {
                self.failed(outcome.acknowledged, reason(failure, &outcome.words))
            }
        }
    }
}

fn is_played(who: &Requester) -> bool {
    who.client.as_ref().is_some_and(is_probe)
}

/// What the operator lets be, a path with this MTU bears, and the requester, as far as his quirks are
/// known.
fn bounds(limits: &Limits, snapshot: &Snapshot, who: &Requester, mtu: u32) -> Bounds {
    let bounds = Bounds {
        blksize: Bounds::of_mtu(mtu).blksize.min(limits.tftp_blksize),
        windowsize: limits.tftp_windowsize,
    };
    match &who.client {
        Some(client) => bounds.within(&snapshot.quirks.treat(client)),
        None => bounds,
    }
}

/// Where an answer goes is the client's word, so that nothing leads there is no fault of ours. Which
/// addresses are broadcast addresses is the kernel's to know: it refuses to connect there.
fn no_socket(pair: Pair, error: &io::Error) -> Refusal {
    use io::ErrorKind::{HostUnreachable, InvalidInput, NetworkUnreachable, PermissionDenied};
    match error.kind() {
        PermissionDenied => Refusal::Nowhere,
        NetworkUnreachable | HostUnreachable | InvalidInput => Refusal::Unreachable(format!(
            "unreachable: {error}; look at the routes (ip route) and the firewall"
        )),
        _ => Refusal::Fault(format!(
            "cannot open a socket from {} to {} for a TFTP transfer: {error}",
            pair.local, pair.peer
        )),
    }
}

fn reason(failure: Failure, words: &str) -> String {
    match failure {
        Failure::Told(_) if !words.is_empty() => format!("{failure}: {words}"),
        failure => failure.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;

    fn refused(local: Ipv4Addr, peer: [u8; 4]) -> Refusal {
        let peer = SocketAddrV4::new(peer.into(), 2070);
        let error = Connected::open(local, peer, None, Bulk::Batches).unwrap_err();
        no_socket(Pair { peer, local }, &error)
    }

    #[tokio::test]
    async fn only_what_lacks_on_our_side_is_a_fault_of_ours() {
        let home = Ipv4Addr::LOCALHOST;
        let far = refused(home, [192, 0, 2, 1]); // from loopback no route leads there
        assert!(matches!(far, Refusal::Unreachable(_)));
        let all = refused(home, [127, 255, 255, 255]);
        assert!(matches!(all, Refusal::Nowhere));
        let gone = refused(Ipv4Addr::new(192, 0, 2, 7), [127, 0, 0, 1]); // not an address of ours
        assert!(matches!(gone, Refusal::Fault(_)));
    }
}
