//! Mode `dhcp` on port 67: the book's verdict, what has to happen before it leaves, and the events.
//!
//! ```text
//! message → decide::lease → nothing first: send
//!                         → probe first: try the address (a task), then send, or decide again
//!                         → store first: the committer's queue, then send
//! ```
//!
//! Invariant: an ACK is sent by the completion of its record's commit, and by nothing else.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, MutexGuard};

use super::Door;
use crate::client::Client;
use crate::decide::grant::{Boot, First, Grant, Told};
use crate::decide::lease::{Desk, Leasing, decide_knowing};
use crate::decide::{Ignore, item, note};
use crate::event::{BootTold, What};
use crate::lease::{Binding, Book, Change, Record, Silence};
use crate::service::Shared;
use crate::service::lease::probe::{Answer, Method, Prober};
use crate::service::lease::{Given, Leases};
use crate::service::once::Once;
use crate::service::sys::udp::Received;
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

/// How many addresses are tried for one DISCOVER, where each turns out to be used by somebody.
const TRIES: usize = 4;

/// What leases are given out with.
pub struct Giver {
    /// The leases.
    pub leases: Arc<Leases>,
    /// Tries addresses before they are offered.
    pub prober: Prober,
    /// Whether clients without a record are told NAK, where the config file does not say.
    pub authoritative: bool,
    /// Other servers that clients were seen to choose.
    pub rivals: Once,
}

/// One message on its way to an answer.
struct Case {
    door: Arc<Door>,
    giver: Arc<Giver>,
    shared: Arc<Shared>,
    message: Message,
    received: Received,
    tries: usize,
}

/// What a decision has made, beside its answer.
struct Made {
    changes: Vec<Change>,
    records: Vec<Record>,
}

/// What is to be told, and of whom.
struct Reply {
    mac: Option<Mac>,
    network: Arc<str>,
    grant: Box<Grant>,
}

impl Door {
    pub(super) fn lease(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        giver: &Arc<Giver>,
        received: Received,
        message: Message,
    ) {
        let case = Case {
            received: self.at_home(shared, received),
            door: self.clone(),
            giver: giver.clone(),
            shared: shared.clone(),
            message,
            tries: TRIES,
        };
        case.handle();
    }

    /// The address of ours that stands for the link: of several on the interface, one in a subnet
    /// that is served. Where a client has brought its address from another link, the kernel names
    /// the one of ours that is there.
    fn at_home(&self, shared: &Shared, mut received: Received) -> Received {
        let snapshot = shared.snapshot.load();
        let served = |address: &Ipv4Addr| snapshot.networks.of_link(*address).is_some();
        let at_home = self.own.has(received.local) && served(&received.local);
        if received.to != received.local && !at_home {
            let own = self.own.all();
            let home = own.iter().find(|a| served(a)).or(own.first());
            received.local = home.copied().unwrap_or(received.local);
        }
        received
    }
}

impl Case {
    /// Decides, hands records over, answers. Records go to the committer under the lock that they
    /// were made under: those of one address must reach the disk in the order of the decisions.
    fn handle(self) {
        let giver = self.giver.clone();
        if self.message.kind() == Some(Kind::Discover) && giver.leases.is_unwritable() {
            return self.silence(self.message.mac(), &Ignore::Unwritable);
        }
        let mut book = giver.leases.book();
        let leasing = self.decide(&mut book);
        let first_time = self.tries == TRIES;
        if leasing.network.is_some() && first_time {
            self.seen(leasing.client.as_ref());
        }
        let made = Made {
            changes: leasing.changes,
            records: leasing.records,
        };
        match leasing.decision {
            Ok(grant) => {
                let reply = Reply {
                    mac: leasing.mac,
                    network: leasing.network.unwrap_or_default(),
                    grant,
                };
                self.answer(book, made, reply);
            }
            Err(why) => {
                self.keep(&mut book, made);
                drop(book);
                self.silence(leasing.mac, &why);
            }
        }
    }

    fn answer(self, mut book: MutexGuard<'_, Book>, made: Made, reply: Reply) {
        match (reply.grant.first, reply.grant.told.binding()) {
            (First::Store, Some(binding)) => self.answer_when_stored(book, made, binding, reply),
            (First::Probe, Some(binding)) => {
                self.keep(&mut book, made);
                self.answer_when_tried(book, binding, reply);
            }
            _ => {
                self.keep(&mut book, made);
                drop(book);
                self.send_in_time(reply);
            }
        }
    }

    /// Tells what has changed; writes at leisure, for no answer waits.
    fn keep(&self, book: &mut Book, made: Made) {
        let leases = &self.giver.leases;
        leases.tell(&made.changes);
        leases.submit(book, self.peer(), made.records, None);
    }

    /// The answer, and the changes of its own address with it, wait for the disk.
    fn answer_when_stored(
        self,
        mut book: MutexGuard<'_, Book>,
        made: Made,
        binding: Binding,
        reply: Reply,
    ) {
        let (leases, peer) = (self.giver.leases.clone(), self.peer());
        let own = |change: &Change| change.lease.address == binding.address;
        let (changes, others): (Vec<_>, Vec<_>) = made.changes.into_iter().partition(own);
        leases.tell(&others);
        let lease = Given {
            binding,
            records: made.records,
            changes,
        };
        leases.store(&mut book, peer, lease, move || self.send(&reply));
    }

    /// The answer waits until its address was tried, where it has to be.
    fn answer_when_tried(self, mut book: MutexGuard<'_, Book>, binding: Binding, reply: Reply) {
        if self.is_untried(binding.address) {
            book.probed(binding.address, binding.serial);
            drop(book);
            return self.send_in_time(reply);
        }
        drop(book);
        tokio::spawn(self.send_when_tried(reply, binding));
    }

    fn silence(&self, mac: Option<Mac>, why: &Ignore) {
        self.door.pass_over(&self.shared, why, &self.message, mac);
        let server = self.message.address(code::SERVER_ID);
        if let (Ignore::Lease(Silence::OtherServer), Some(server)) = (why, server) {
            self.other_server(server);
        }
    }

    /// A client chose another server: the operator has two that give addresses on one LAN.
    fn other_server(&self, server: Ipv4Addr) {
        if !self.giver.rivals.is_new(server) {
            return;
        }
        let text = format!(
            "another DHCP server gives leases on {}: {server}; switch one of the two off, or let `bootjack doctor` tell more",
            self.door.interface
        );
        self.shared.emit(None, What::Warning { text });
    }

    fn decide(&self, book: &mut Book) -> Leasing {
        let snapshot = self.shared.snapshot.load();
        let desk = Desk {
            snapshot: &snapshot,
            book,
            now: self.giver.leases.now(),
            authoritative: self.giver.authoritative,
            is_own: &|address| self.giver.prober.is_own(address),
            is_booting: &|mac| self.shared.clients().is_booting(mac),
        };
        let incoming = self.door.incoming(&self.message, &self.received);
        let complete = |client| {
            let client = item::with_past(&self.shared.clients(), client, incoming);
            self.shared.asks_for_boot_data(client, &self.message)
        };
        decide_knowing(desk, incoming, complete)
    }

    fn seen(&self, client: Option<&Client>) {
        let incoming = self.door.incoming(&self.message, &self.received);
        if let Some((_, what)) = self.door.note(&self.shared, client.cloned(), incoming) {
            self.shared.emit(client.map(|client| client.mac), what);
        }
    }

    fn peer(&self) -> IpAddr {
        (*self.received.from.ip()).into()
    }

    /// Sends it now, or where its firmware wants to wait (quirk 27), in a while.
    fn send_in_time(self, reply: Reply) {
        let delay = reply.grant.delay;
        let places = self.shared.waiting_answers.clone();
        let place = (!delay.is_zero()).then(|| places.try_acquire_owned());
        let Some(Ok(place)) = place else {
            return self.send(&reply);
        };
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            self.send(&reply);
            drop(place);
        });
    }

    async fn send_when_tried(mut self, reply: Reply, binding: Binding) {
        match self.try_address(binding.address).await {
            // After a lost store: the client itself still has the address.
            Answer::Used(by) if by.is_none() || by != reply.mac => {
                self.conflict(binding, by);
                self.tries = self.tries.saturating_sub(1);
                if self.tries > 0 {
                    self.handle();
                }
            }
            Answer::Used(_) | Answer::Free | Answer::Unknown => {
                if self.probed(binding) {
                    self.send_in_time(reply);
                }
            }
        }
    }

    /// Nobody uses the address; whether it is still offered to this client.
    fn probed(&self, binding: Binding) -> bool {
        let mut book = self.giver.leases.book();
        book.probed(binding.address, binding.serial)
    }

    /// Whether an address need not be tried: it is no own one, and the config says so.
    fn is_untried(&self, address: Ipv4Addr) -> bool {
        self.method().is_none() && !self.giver.prober.is_own(address)
    }

    /// How addresses are tried for this client; `None`: not at all.
    fn method(&self) -> Option<Method> {
        let conflict = self.shared.snapshot.load().networks.conflict;
        let relayed = !self.message.giaddr.is_unspecified();
        Method::of(conflict.method, relayed)
    }

    async fn try_address(&self, address: Ipv4Addr) -> Answer {
        let wait = self.shared.snapshot.load().networks.conflict.wait;
        let (prober, interface) = (&self.giver.prober, &self.door.interface);
        prober
            .try_address(interface, address, self.method(), wait)
            .await
    }

    /// Somebody uses the address: it is left alone for a while.
    fn conflict(&self, binding: Binding, by: Option<Mac>) {
        let quarantine = self.shared.snapshot.load().networks.quarantine;
        let leases = &self.giver.leases;
        let mut book = leases.book();
        let Binding {
            address, serial, ..
        } = binding;
        let (changes, records) = book.conflict(leases.now(), address, serial, quarantine);
        self.shared.emit(
            None,
            What::Conflict {
                address,
                by,
                seconds: quarantine.as_secs(),
            },
        );
        leases.tell(&changes);
        leases.submit(&mut book, self.peer(), records, None);
    }

    /// The answer leaves first; what is written down about it comes after.
    fn send(&self, reply: &Reply) {
        let grant = &reply.grant;
        let what = match self.door.send(&grant.bytes, grant.to, &self.received) {
            Ok(()) => granted(reply),
            Err(error) => self.door.unsent(grant.to, &error),
        };
        if let (Told::Ack(binding) | Told::Bootp(binding), Some(mac)) = (grant.told, reply.mac) {
            // Its operating system's too: files that it fetches later are known to be its own.
            let incoming = self.door.incoming(&self.message, &self.received);
            let has = (mac, binding.address);
            note::has_address(&mut self.shared.clients(), incoming, has);
        }
        self.shared.emit(reply.mac, what);
    }
}

fn told(boot: &Boot) -> BootTold {
    BootTold {
        strategy: boot.strategy.name,
        profile: boot.selection.profile.name.to_string(),
        why: boot.selection.why.to_string(),
        loader: boot.loader.as_ref().map(ToString::to_string),
        no_menu: boot.no_menu.as_ref().map(ToString::to_string),
    }
}

fn granted(reply: &Reply) -> What {
    let grant = &reply.grant;
    let boot = grant.boot.as_ref().and_then(|b| b.as_ref().ok());
    let no_boot = grant.boot.as_ref().and_then(|b| b.as_ref().err());
    What::Granted {
        message: grant.told.name(),
        address: grant.told.binding().map(|b| b.address),
        detail: grant.told.detail().into(),
        network: (*reply.network).into(),
        to: grant.to,
        boot: boot.map(told).map(Box::new),
        no_boot: no_boot.map(|why| why.to_string().into()),
        left_out: grant.left_out.as_slice().into(),
    }
}
