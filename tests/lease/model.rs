//! What RFC 2131 and we promise, held against each answer of the book.

#[path = "disk.rs"]
mod disk;
#[path = "layout.rs"]
pub mod layout;
#[path = "offers.rs"]
mod offers;
#[path = "promises.rs"]
mod promises;
#[path = "seen.rs"]
mod seen;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use bootjack::lease::{
    Ask, Binding, Book, FOREVER, Holder, Kind, Record, Serial, Silence, State, Time, Verdict,
};
use bootjack::network::{Networks, Terms, Whom};

use super::world::Client;
use layout::{OFFERS, clients, config, granted, limits, own_reservation, reservation_of, universe};
pub use seen::Seen;

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Op {
    Send {
        client: usize,
        network: usize,
        kind: Kind,
        which: Which,
        seconds: Option<u32>,
        authoritative: bool,
        /// Whether the client shows its UUID, or its relay its circuit.
        shows: bool,
    },
    Probe {
        which: proptest::sample::Index,
        free: bool,
    },
    /// The disk takes the next records, or cannot.
    Commit {
        n: usize,
        works: bool,
    },
    Step(Time),
    /// The power fails after so many further records were written.
    Restart {
        written: usize,
    },
    Reload(usize),
    Operator(usize),
}

/// The address that a message names.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    None,
    /// What the client was offered or got last.
    Mine,
    Any(usize),
}

/// A record on its way to disk.
struct Write {
    record: Record,
    /// Of an ACK: its serial and what it promises.
    ack: Option<(Serial, Promise)>,
    /// The lease was given back meanwhile.
    void: bool,
}

/// What a client was told that it has.
struct Promise {
    holder: Holder,
    until: Time,
    reload: usize,
    /// What the reservation that it was made by knows its client by.
    by: Option<Whom>,
}

pub struct Model {
    book: Book,
    networks: Networks,
    reload: usize,
    now: Time,
    queue: VecDeque<Write>,
    disk: BTreeMap<Ipv4Addr, Record>,
    /// Who was offered an address or had it, since another client had it.
    rights: BTreeMap<Ipv4Addr, Vec<Holder>>,
    /// Who was ever offered or given something by which reservation, in which network.
    marks: Vec<(usize, Holder, Whom)>,
    /// ACKs that went out.
    acked: BTreeMap<Ipv4Addr, Promise>,
    /// Offers that went out.
    offers: BTreeMap<Ipv4Addr, Promise>,
    /// What the changes tell.
    states: BTreeMap<Ipv4Addr, State>,
    probes: Vec<(Ipv4Addr, Serial, Promise)>,
    /// What each client was offered or got last.
    mine: BTreeMap<usize, Ipv4Addr>,
    /// The DISCOVER just before, what was offered, and whether the client showed all of itself.
    discovered: Option<(usize, usize, Ipv4Addr, bool)>,
    pub seen: Seen,
}

impl Model {
    pub fn new(now: Time, first: usize) -> Self {
        let networks = config(first);
        let mut book = Book::new(limits());
        book.set_networks(now, &networks);
        Self {
            book,
            networks,
            reload: 0,
            now,
            queue: VecDeque::new(),
            disk: BTreeMap::new(),
            rights: BTreeMap::new(),
            marks: Vec::new(),
            acked: BTreeMap::new(),
            offers: BTreeMap::new(),
            states: BTreeMap::new(),
            probes: Vec::new(),
            mine: BTreeMap::new(),
            discovered: None,
            seen: Seen::default(),
        }
    }

    pub fn step(&mut self, op: &Op) {
        let discovered = self.discovered.take();
        match op {
            Op::Send {
                client,
                network,
                kind,
                which,
                seconds,
                authoritative,
                shows,
            } => {
                let address = match which {
                    Which::None => None,
                    Which::Mine => self.mine.get(client).copied(),
                    Which::Any(n) => Some(universe(*n)),
                };
                let mut sender = clients(*client).at(*network);
                sender.seconds = *seconds;
                if !shows {
                    (sender.uuid, sender.circuit) = (None, None);
                }
                self.send((*client, &sender), *kind, address, *authoritative);
                if let (Some(before), Some(now)) = (discovered, self.discovered)
                    && (before.0, before.1) == (now.0, now.1)
                    && before.3 == now.3
                {
                    assert_eq!(before.2, now.2, "a rapid second DISCOVER gets the same");
                }
            }
            Op::Probe { which, free } => self.probe(*which, *free),
            Op::Commit { n, works } => self.commit(*n, *works),
            Op::Step(seconds) => {
                self.now = self.now.saturating_add(*seconds);
                let changes = self.book.expire(self.now);
                self.seen.expired += changes.len();
                self.replay(&changes);
            }
            Op::Restart { written } => self.restart(*written),
            Op::Reload(n) => {
                self.networks = config(*n);
                self.reload += 1;
                let changes = self.book.set_networks(self.now, &self.networks);
                self.replay(&changes);
                self.forgotten_are_told();
            }
            Op::Operator(n) => {
                if let Some((change, record)) = self.book.release(self.now, universe(*n)) {
                    self.replay(&[change]);
                    self.written_at_leisure(record);
                }
            }
        }
        self.check();
    }

    fn send(
        &mut self,
        (number, sender): (usize, &Client),
        kind: Kind,
        address: Option<Ipv4Addr>,
        authoritative: bool,
    ) {
        let standing = self.standing();
        let must = address.is_some_and(|a| self.must_ack(sender, kind, a));
        let networks = self.networks.clone();
        let network = &networks.all[sender.network];
        let offered = self
            .book
            .iter()
            .filter(|l| l.state == State::Offered)
            .count();
        let asks = (&sender.holder, &sender.who());
        let about = address.filter(|_| kind != Kind::Discover);
        let reservation = self.book.reserved_for(&networks, network, asks, about);
        let by = reservation.map(|r| r.whom.clone());
        let shown = own_reservation(&networks, sender);
        assert!(
            shown.is_none() || reservation == shown,
            "what it shows goes first"
        );
        let outcome = self.book.handle(
            self.now,
            &Ask {
                kind,
                holder: &sender.holder,
                address,
                seconds: sender.seconds,
                host_name: None,
                networks: &networks,
                network,
                reservation,
                profile: None,
                terms: &Terms::default(),
                criteria: &sender.criteria,
                authoritative,
            },
        );
        let before = self.states.clone();
        self.replay(&outcome.changes);
        let acks = usize::from(matches!(
            outcome.verdict,
            Verdict::Ack(_) | Verdict::Bootp(_)
        ));
        assert!(
            !must || acks == 1,
            "{:?} to {kind:?} of {address:?}",
            outcome.verdict
        );
        match outcome.verdict {
            Verdict::Offer { binding, probe } => {
                assert_eq!(kind, Kind::Discover);
                if offered == OFFERS && outcome.changes.len() > 1 {
                    self.seen.evicted += 1;
                }
                self.given_way(sender, kind, binding.address, &standing, &before);
                self.offer((number, sender), binding, probe, by, &before);
            }
            Verdict::Ack(binding) | Verdict::Bootp(binding) => {
                self.given_way(sender, kind, binding.address, &standing, &before);
                assert_eq!(outcome.records.len(), 1, "an ACK comes with its record");
                self.ack(
                    (number, sender),
                    kind,
                    binding,
                    by,
                    &outcome.records[0],
                    &before,
                );
                return;
            }
            Verdict::Nak(_) => {
                self.seen.naks += 1;
                let none = kind == Kind::Discover || kind == Kind::Bootp;
                assert!(!none, "NAK to {kind:?}");
            }
            Verdict::Silence(Silence::Exhausted { .. }) => self.nothing_free(sender, kind),
            Verdict::Silence(_) => (),
            Verdict::Inform => assert_eq!(kind, Kind::Inform),
        }
        for record in outcome.records {
            let given_back = matches!(
                (kind, record.state),
                (Kind::Decline, State::Declined) | (Kind::Release, State::Released)
            );
            assert!(given_back, "{record:?} of {kind:?}");
            let known = self.rights.get(&record.address).into_iter().flatten();
            assert!(
                known.into_iter().any(|h| h.is(&sender.holder)),
                "{record:?}"
            );
            self.written_at_leisure(record);
        }
    }

    /// Whether an address is reserved for him who is known by this.
    fn is_reserved(&self, sender: &Client, by: Option<&Whom>, address: Ipv4Addr) -> bool {
        let reservation = by.and_then(|by| reservation_of(&self.networks, sender.network, by));
        reservation.is_some_and(|r| r.address == Some(address))
    }

    fn ack(
        &mut self,
        (number, sender): (usize, &Client),
        kind: Kind,
        binding: Binding,
        by: Option<Whom>,
        record: &Record,
        before: &BTreeMap<Ipv4Addr, State>,
    ) {
        let address = binding.address;
        let holder = &sender.holder;
        self.may_have(sender, kind, address, before);
        let seconds = if kind == Kind::Bootp {
            u32::MAX
        } else {
            granted(sender)
        };
        if kind == Kind::Bootp {
            self.seen.bootp += 1;
        } else {
            let known = self.rights.get(&address).into_iter().flatten();
            let known = known.into_iter().any(|h| h.is(holder));
            let keeps = matches!(kind, Kind::InitReboot | Kind::Renewing | Kind::Rebinding);
            let reserved = keeps && self.is_reserved(sender, by.as_ref(), address);
            assert!(
                known || reserved,
                "ACK for what was neither offered nor held nor reserved"
            );
            self.seen.taken_over += usize::from(!known);
        }
        assert_eq!(binding.seconds, seconds);
        let until = if seconds == u32::MAX {
            FOREVER
        } else {
            self.now + u64::from(seconds)
        };
        let wanted = (address, State::Leased, until, Some(seconds));
        assert_eq!(
            (record.address, record.state, record.until, record.seconds),
            wanted
        );
        assert_eq!(record.mac, holder.mac.to_string());
        assert_eq!(record.reserved, by.as_ref().map(ToString::to_string));
        self.mark(sender, by.as_ref());
        let silent = own_reservation(&self.networks, sender).is_none();
        self.seen.kept += usize::from(by.is_some() && silent);
        self.rights.insert(address, vec![holder.clone()]);
        self.offers.remove(&address);
        self.mine.insert(number, address);
        let holder = holder.clone();
        let reload = self.reload;
        let promise = Promise {
            holder,
            until,
            reload,
            by,
        };
        let ack = Some((binding.serial, promise));
        self.queue.push_back(Write {
            record: record.clone(),
            ack,
            void: false,
        });
    }
}
