//! Mode `dhcp`: a message and the book of leases → what its client is told, with boot data in it.
//!
//! ```text
//! message → link → network → who asks, and how → reservation, profile (see `read`)
//!         → the book's verdict → reply (see `grant`) → destination
//! ```
//!
//! Invariants: a client is answered from the network of its link alone; an ACK names the record that
//! must be on disk before it leaves, and a lease that no reply has room for is none; a client that boots nothing gets its lease without boot data,
//! and one that nothing can be named to gets the lease all the same, with the reason beside it.

mod read;

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::grant::{self, Grant};
use super::{Ignore, Incoming};
use crate::client::Client;
use crate::lease::{Ask, Book, Change, Holder, Kind, Record, Time};
use crate::network::{Criteria, Network, Reservation, Terms};
use crate::profile::{Selection, Snapshot};
use crate::wire::Mac;
use crate::wire::dhcp::code;
use crate::wire::relay::RelayAgent;

/// What a lease depends on beside the message.
pub struct Desk<'a> {
    /// What is in force.
    pub snapshot: &'a Snapshot,
    /// Who has which address.
    pub book: &'a mut Book,
    /// Lease time.
    pub now: Time,
    /// Whether clients without a record are told NAK, where the config file does not say.
    pub authoritative: bool,
    /// Whether an address is this host's, on whichever interface.
    pub is_own: &'a dyn Fn(Ipv4Addr) -> bool,
    /// Whether what was heard last of a machine, before this, was that it boots.
    pub is_booting: &'a dyn Fn(Mac) -> bool,
}

/// What becomes of a message in mode `dhcp`.
#[derive(Debug)]
pub struct Leasing {
    /// Whose message it is, where it says.
    pub mac: Option<Mac>,
    /// The machine, where it boots.
    pub client: Option<Client>,
    /// The network it is on, where it is on one of ours.
    pub network: Option<Arc<str>>,
    /// Addresses whose state has changed.
    pub changes: Vec<Change>,
    /// What is to be put on disk; of an ACK, before it leaves.
    pub records: Vec<Record>,
    /// What it is told, or why nothing.
    pub decision: Result<Box<Grant>, Ignore>,
}

/// A message understood: who asks what, on which network, and what is known of him.
pub(super) struct Asked<'a> {
    pub(super) incoming: Incoming<'a>,
    pub(super) relay: RelayAgent<'a>,
    pub(super) kind: Kind,
    pub(super) holder: Holder,
    pub(super) network: &'a Network,
    pub(super) reservation: Option<&'a Reservation>,
    pub(super) client: Option<Client>,
    pub(super) selection: Option<Selection>,
}

/// Decides one message that came to port 67.
pub fn decide(desk: Desk<'_>, incoming: Incoming<'_>) -> Leasing {
    decide_knowing(desk, incoming, |client| client)
}

/// The same where more may be known of a machine that boots than this message shows: `complete`
/// adds it.
pub fn decide_knowing(
    desk: Desk<'_>,
    incoming: Incoming<'_>,
    complete: impl FnOnce(Client) -> Client,
) -> Leasing {
    let Desk {
        snapshot,
        book,
        now,
        authoritative,
        is_own,
        is_booting,
    } = desk;
    let known = read::Known { is_own, is_booting };
    let mut asked = match Asked::read(snapshot, book, (incoming, known)) {
        Ok(asked) => asked,
        Err(why) => return Leasing::silence(incoming.message.mac(), why),
    };
    asked.client = asked.client.map(complete);
    let authoritative = snapshot.networks.authoritative.unwrap_or(authoritative);
    let mut outcome = asked.put(snapshot, authoritative, |ask| book.handle(now, ask));
    let decision = grant::build(snapshot, &asked, outcome.verdict).map(Box::new);
    if decision.is_err() {
        outcome = book.unanswered(now, outcome);
    }
    Leasing {
        mac: Some(asked.holder.mac),
        network: Some(asked.network.name.clone()),
        client: asked.client,
        changes: outcome.changes,
        records: outcome.records,
        decision,
    }
}

impl Leasing {
    fn silence(mac: Option<Mac>, why: Ignore) -> Self {
        Self {
            mac,
            client: None,
            network: None,
            changes: Vec::new(),
            records: Vec::new(),
            decision: Err(why),
        }
    }
}

impl Asked<'_> {
    /// Puts the question.
    fn put<T>(
        &self,
        snapshot: &Snapshot,
        authoritative: bool,
        to: impl FnOnce(&Ask<'_>) -> T,
    ) -> T {
        let (no_terms, no_criteria) = (Terms::default(), Criteria::default());
        let profile = self.selection.as_ref().map(|s| &s.profile);
        to(&Ask {
            kind: self.kind,
            holder: &self.holder,
            address: self.address(),
            seconds: self.seconds(),
            host_name: self.incoming.message.options.get(code::HOST_NAME),
            networks: &snapshot.networks,
            network: self.network,
            reservation: self.reservation,
            profile: self.profile_name().as_ref(),
            terms: profile.map_or(&no_terms, |p| &p.terms),
            criteria: profile.map_or(&no_criteria, |p| &p.criteria),
            authoritative,
        })
    }

    /// The address that the message is about: what it asks for, else what it has.
    fn address(&self) -> Option<Ipv4Addr> {
        let asked = self.incoming.message.address(code::REQUESTED_ADDRESS);
        asked.or_else(|| self.has())
    }

    /// The address that the client has.
    pub(super) fn has(&self) -> Option<Ipv4Addr> {
        read::has(self.incoming, self.kind)
    }

    /// Whether the client speaks to us from another link than ours.
    pub(super) fn is_afar(&self) -> bool {
        let here = self.network.subnet_of(self.incoming.local).is_some();
        self.incoming.unicast && !here
    }

    fn seconds(&self) -> Option<u32> {
        let option = self.incoming.message.options.get(code::LEASE_TIME)?;
        Some(u32::from_be_bytes(option.try_into().ok()?))
    }

    /// The profile's name goes into the lease of a machine that boots.
    fn profile_name(&self) -> Option<Arc<str>> {
        let boots = self.client.is_some();
        let selection = self.selection.as_ref().filter(|_| boots)?;
        Some((*selection.profile.name).into())
    }

    /// The address that clients know us by: ours on this link, or what their relay asks us to say
    /// so that renewals come by it too (RFC 5107).
    pub(super) fn server_id(&self) -> Ipv4Addr {
        self.relay.server_id.unwrap_or(self.incoming.local)
    }
}
