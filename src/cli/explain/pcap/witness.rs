//! Who has heard all of a capture so far: each datagram → what it says, and what this bootjack would
//! answer, with what earlier ones have told (as `service::dhcp` keeps it).
//!
//! What was sent to other servers is explained as if it had come to us. In mode `dhcp` no address is
//! taken when the capture begins, and what is answered in it is taken from then on. What was learnt of a
//! machine before counts; nothing more is learnt of a capture. Absent on purpose: what depends on this
//! host's interfaces and other files, and the next shape for a machine that does not follow: it was
//! other servers that it did not follow here.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::datagram::{Heard, Topic};
use super::told::{Answer, Boot, Event, NotInIt, Reply, Said, Told};
use super::transfers::Transfers;
use crate::cli::explain::learnt::Learnt;
use crate::cli::explain::shape::{lease_of_another, sent};
use crate::client::{Client, Registry, Side, identify};
use crate::config::{Effective, Mode};
use crate::decide::grant::{Grant, Told as Granted};
use crate::decide::lease::{Desk, Leasing};
use crate::decide::{self, Ignore, Incoming, Port, item, note};
use crate::lease::{Book, Limits};
use crate::profile::Snapshot;
use crate::relay::meant;
use crate::service::shared::Folders;
use crate::wire::dhcp::{BOOTREQUEST, Message, code};
use crate::wire::{self, Mac};

/// How many machines are remembered.
const MACHINES: usize = 10_000;
/// How many are named where the one asked for is not among them.
const NAMED: usize = 10;

/// What a capture has told so far.
pub(super) struct Witness<'a> {
    snapshot: &'a Snapshot,
    /// What was learnt of machines in their earlier boots.
    pub(super) learnt: &'a Learnt,
    mode: Mode,
    server: Ipv4Addr,
    /// Whether clients without a lease are told NAK, where the config file does not say.
    authoritative: bool,
    clients: Registry,
    /// Machines that have shown themselves as ones that boot.
    booting: HashSet<Mac>,
    book: Book,
    transfers: Transfers<'a>,
    began: Option<Duration>,
    /// Lease time: seconds since the beginning, and one.
    now: u64,
}

impl<'a> Witness<'a> {
    /// Nothing heard yet.
    pub(super) fn new(
        (snapshot, learnt): (&'a Snapshot, &'a Learnt),
        settings: &Effective,
        server: Ipv4Addr,
    ) -> Self {
        let folders = Folders {
            images: settings.images.clone(),
            assets: settings.assets.clone(),
        };
        let mut book = Book::new(Limits::default());
        if settings.mode == Mode::Dhcp {
            book.set_networks(1, &snapshot.networks);
        }
        Self {
            snapshot,
            learnt,
            mode: settings.mode,
            server,
            authoritative: !settings.force,
            clients: Registry::new(MACHINES),
            booting: HashSet::new(),
            book,
            transfers: Transfers::new(snapshot, folders, server.into()),
            began: None,
            now: 1,
        }
    }

    /// Hears one more. `None`: it is of no machine that boots, or not of the one that is asked for.
    pub(super) fn hear(&mut self, heard: &Heard, only: Option<Mac>) -> Option<Event> {
        let seconds = self.seconds(heard.at);
        let (said, mac) = match heard.topic {
            Topic::Dhcp => self.dhcp(heard, only)?,
            Topic::Request => whose(self.transfers.request(heard, &self.clients)),
            Topic::Error => whose(self.transfers.error(heard, &self.clients)?),
        };
        let wanted = only.is_none_or(|only| mac == Some(only));
        wanted.then_some(Event {
            packet: heard.number,
            seconds,
            vlan: heard.vlan,
            from: heard.from,
            to: heard.to,
            mac,
            said,
        })
    }

    /// Seconds since the first one, which may be later than this one.
    fn seconds(&mut self, at: Option<Duration>) -> Option<f64> {
        let at = at?;
        let began = *self.began.get_or_insert(at);
        let since = at.saturating_sub(began);
        self.now = self.now.max(since.as_secs().saturating_add(1));
        // No difference of fractions: it would have digits that no stamp has.
        Some(match at.checked_sub(began) {
            Some(since) => since.as_secs_f64(),
            None => -began.saturating_sub(at).as_secs_f64(),
        })
    }

    /// This machine is not in the capture; these are.
    pub(super) fn without(&self, mac: Mac) -> NotInIt {
        let mut machines: Vec<Mac> = self.booting.iter().copied().collect();
        machines.sort_unstable();
        let more = machines.len().saturating_sub(NAMED);
        machines.truncate(NAMED);
        NotInIt {
            mac,
            machines,
            more,
        }
    }

    fn dhcp(&mut self, heard: &Heard, only: Option<Mac>) -> Option<(Said, Option<Mac>)> {
        let message = match decode(heard) {
            Ok(message) => message,
            Err(why) => {
                let service = "DHCP";
                return Some((Said::Unreadable { service, why }, None));
            }
        };
        let mac = message.mac();
        let passed_by = only.is_some_and(|only| mac != Some(only));
        if message.op != BOOTREQUEST {
            if passed_by {
                return None;
            }
            let message = Box::new(Told::of(&message));
            return self
                .tells_of(mac, only)
                .then_some((Said::Replied { message }, mac));
        }
        let port = [Port::Dhcp, Port::Pxe]
            .into_iter()
            .find(|port| port.number() == heard.to.port())?;
        let incoming = self.incoming(heard, &message, port);
        if passed_by {
            if !self.is_our_own(&message) {
                self.overhear(incoming);
            }
            return None;
        }
        let (answer, client) = self.answer(incoming);
        self.boots(client.as_ref());
        let told = client.is_some() || self.tells_of(mac, only);
        told.then(|| {
            let learnt = client.as_ref().and_then(|c| self.learnt.row(c));
            let asked = Said::Asked {
                message: Box::new(Told::of(&message)),
                learnt: learnt.cloned().map(Box::new),
                client: client.map(Box::new),
                answer,
            };
            (asked, mac)
        })
    }

    /// Whether a message that shows no boot client is told of: its machine boots, or is asked for.
    fn tells_of(&self, mac: Option<Mac>, only: Option<Mac>) -> bool {
        mac.is_some_and(|mac| only == Some(mac) || self.booting.contains(&mac))
    }

    fn boots(&mut self, client: Option<&Client>) {
        if let Some(client) = client.filter(|_| self.booting.len() < MACHINES) {
            self.booting.insert(client.mac);
        }
    }

    fn incoming<'m>(&self, heard: &Heard, message: &'m Message, port: Port) -> Incoming<'m> {
        Incoming {
            message,
            port,
            local: self.server,
            peer: heard.from,
            unicast: !(heard.to.ip().is_broadcast() || heard.to.ip().is_multicast()),
            side: None,
        }
    }

    /// Whether it is what we have asked a DHCP server for a machine, as a relay agent.
    fn is_our_own(&self, message: &Message) -> bool {
        self.mode == Mode::Proxy && message.giaddr == self.server
    }

    /// Whether it is about a lease, and leases are ours.
    fn is_lease(&self, incoming: Incoming<'_>) -> bool {
        (self.mode, incoming.port) == (Mode::Dhcp, Port::Dhcp) && item::asked(incoming).is_none()
    }

    fn answer(&mut self, incoming: Incoming<'_>) -> (Answer, Option<Client>) {
        // From which side it came nobody knows of a capture.
        let near = Incoming {
            side: Some(Side::Link),
            ..incoming
        };
        match (self.mode, incoming.port) {
            _ if self.is_our_own(incoming.message) => {
                (handed_on(), identify(incoming.message, self.server).ok())
            }
            (Mode::Proxy, Port::Dhcp) if meant::renews(near) || meant::gives_back(near) => {
                (renewal(), identify(incoming.message, self.server).ok())
            }
            (Mode::Colocated, Port::Dhcp) => {
                (not_ours(), identify(incoming.message, self.server).ok())
            }
            _ if self.is_lease(incoming) => self.lease(incoming),
            _ => self.boot(incoming),
        }
    }

    /// Takes in what a machine says that nobody asked for: who has which address, and no answer but
    /// to what may take an address from the pool.
    fn overhear(&mut self, incoming: Incoming<'_>) {
        let client = if self.is_lease(incoming) {
            self.leasing(incoming).client
        } else {
            let client = identify(incoming.message, self.server).ok();
            let client = client.map(|c| item::with_past(&self.clients, c, incoming));
            if (self.mode, incoming.port) != (Mode::Colocated, Port::Dhcp) {
                self.keep(client.as_ref(), incoming);
            }
            client
        };
        self.boots(client.as_ref());
    }

    /// As `service::dhcp::boot`.
    fn boot(&mut self, incoming: Incoming<'_>) -> (Answer, Option<Client>) {
        let (clients, learnt) = (&self.clients, self.learnt);
        let complete = |client| learnt.complete(item::with_past(clients, client, incoming));
        let outcome = decide::decide_knowing(self.snapshot, incoming, complete);
        self.keep(outcome.client.as_ref(), incoming);
        let wanted = incoming.message.address(code::REQUESTED_ADDRESS);
        let answer = match outcome.decision {
            Ok(answer) => {
                let servers = &self.learnt.servers;
                let handed_on = lease_of_another(&answer, servers, wanted);
                let reply = Reply::beside(sent(&answer, servers), handed_on);
                Answer::Reply(Box::new(reply))
            }
            Err(why) => silence(&why),
        };
        (answer, outcome.client)
    }

    fn lease(&mut self, incoming: Incoming<'_>) -> (Answer, Option<Client>) {
        let leasing = self.leasing(incoming);
        let answer = match leasing.decision {
            Ok(grant) => Answer::Reply(Box::new(granted(*grant))),
            Err(why) => silence(&why),
        };
        (answer, leasing.client)
    }

    /// As `service::dhcp::lease`, where every address answers to nobody and every record is stored.
    fn leasing(&mut self, incoming: Incoming<'_>) -> Leasing {
        let (server, clients) = (self.server, &self.clients);
        let desk = Desk {
            snapshot: self.snapshot,
            book: &mut self.book,
            now: self.now,
            authoritative: self.authoritative,
            is_own: &|address| address == server,
            is_booting: &|mac| clients.is_booting(mac),
        };
        let learnt = self.learnt;
        let complete = |client| learnt.complete(item::with_past(clients, client, incoming));
        let leasing = decide::lease::decide_knowing(desk, incoming, complete);
        if leasing.network.is_some() {
            self.note(leasing.client.as_ref(), incoming);
        }
        self.settle(&leasing, incoming);
        leasing
    }

    /// As `service::dhcp::boot`: who it is, and which address it takes.
    fn keep(&mut self, client: Option<&Client>, incoming: Incoming<'_>) {
        self.note(client, incoming);
        if let Some((mac, address)) = note::lease_taken(incoming) {
            note::has_address(&mut self.clients, incoming, (mac, address));
        }
    }

    fn note(&mut self, client: Option<&Client>, incoming: Incoming<'_>) {
        note::keep(
            &mut self.clients,
            client.cloned(),
            incoming,
            self.mode == Mode::Dhcp,
        );
    }

    fn settle(&mut self, leasing: &Leasing, incoming: Incoming<'_>) {
        let Ok(grant) = &leasing.decision else { return };
        let Some(binding) = grant.told.binding() else {
            return;
        };
        if let Granted::Offer(_) = grant.told {
            self.book.probed(binding.address, binding.serial);
            return;
        }
        self.book.stored(binding.address, binding.serial);
        if let Some(mac) = leasing.mac {
            note::has_address(&mut self.clients, incoming, (mac, binding.address));
        }
    }
}

/// The message, or why it cannot be read.
fn decode(heard: &Heard) -> Result<Message, String> {
    if heard.is_cut() {
        let (there, length) = (heard.payload.len(), heard.length);
        return Err(format!(
            "only {there} of its {length} bytes are in the capture; it came in fragments, or take it \
             anew with `tcpdump -s 0`"
        ));
    }
    Message::decode(&heard.payload).map_err(|why| why.to_string())
}

fn granted(grant: Grant) -> Reply {
    let boot = match grant.boot {
        Some(Ok(boot)) => {
            let loader = boot.loader.as_ref().map(ToString::to_string);
            let by = boot.shaped.as_ref().map(ToString::to_string);
            let boot_data = Boot::leased(&boot.selection, (boot.strategy, by), loader);
            boot_data.left_to_its_loader(boot.no_menu.as_ref())
        }
        Some(Err(why)) => Boot::None {
            no_boot_data: why.to_string(),
        },
        None => Boot::None {
            no_boot_data: "this message asks for none".to_owned(),
        },
    };
    let binding = grant.told.binding();
    Reply {
        to: grant.to,
        boot,
        handed_on: None,
        lease: binding.map(|b| format!("{} for {}", b.address, grant.told.detail())),
        message: Told::of(&grant.message),
        bytes: wire::hex_digits(&grant.bytes),
    }
}

fn silence(why: &Ignore) -> Answer {
    Answer::Silence {
        reason: why.word(),
        why: why.to_string(),
    }
}

fn handed_on() -> Answer {
    Answer::Silence {
        reason: "own-question",
        why: "bootjack itself asks the DHCP server here, as a relay agent, for the lease of this machine"
            .to_owned(),
    }
}

fn renewal() -> Answer {
    Answer::Silence {
        reason: "handed-on",
        why: "of a lease that bootjack has handed on: handed on to its DHCP server, whose answer goes to the client"
            .to_owned(),
    }
}

fn not_ours() -> Answer {
    Answer::Silence {
        reason: "other-port",
        why: "in mode colocated port 67 is the DHCP server's of this host; ours is 4011".to_owned(),
    }
}

fn whose((said, client): (Said, Option<Client>)) -> (Said, Option<Mac>) {
    (said, client.map(|client| client.mac))
}
