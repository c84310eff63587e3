//! What RFC 2131 and we promise, held against each answer of the book.

#[path = "disk.rs"]
mod disk;
#[path = "layout.rs"]
pub mod layout;
#[path = "promises.rs"]
mod promises;
#[path = "seen.rs"]
mod seen;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::lease::{
    Ask, Binding, Book, FOREVER, Holder, Kind, Record, Serial, Silence, State, Time, Verdict,
};
use bootjack::network::{Networks, Terms};

use super::world::{Client, QUARANTINE};
use layout::{OFFERS, clients, config, granted, limits, own_reservation, universe};
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
    /// ACKs that went out.
    acked: BTreeMap<Ipv4Addr, Promise>,
    /// Offers that went out.
    offers: BTreeMap<Ipv4Addr, Promise>,
    /// What the changes tell.
    states: BTreeMap<Ipv4Addr, State>,
    probes: Vec<(Ipv4Addr, Serial, Holder, usize)>,
    /// What each client was offered or got last.
    mine: BTreeMap<usize, Ipv4Addr>,
    /// The DISCOVER just before, and what was offered.
    discovered: Option<(usize, usize, Ipv4Addr)>,
    pub seen: Seen,
}

impl Model {
    pub fn new(now: Time) -> Self {
        let networks = config(0);
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
            } => {
                let address = match which {
                    Which::None => None,
                    Which::Mine => self.mine.get(client).copied(),
                    Which::Any(n) => Some(universe(*n)),
                };
                let mut sender = clients(*client).at(*network);
                sender.seconds = *seconds;
                self.send((*client, &sender), *kind, address, *authoritative);
                if let (Some(before), Some(now)) = (discovered, self.discovered)
                    && (before.0, before.1) == (now.0, now.1)
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
        let must = address.is_some_and(|a| self.must_ack(sender, kind, a));
        let networks = self.networks.clone();
        let network = &networks.all[sender.network];
        let offered = self
            .book
            .iter()
            .filter(|l| l.state == State::Offered)
            .count();
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
                reservation: own_reservation(&networks, sender),
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
                self.offer(number, sender, binding, probe, &before);
            }
            Verdict::Ack(binding) | Verdict::Bootp(binding) => {
                assert_eq!(outcome.records.len(), 1, "an ACK comes with its record");
                self.ack(number, sender, kind, binding, &outcome.records[0], &before);
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

    fn offer(
        &mut self,
        number: usize,
        sender: &Client,
        binding: Binding,
        probe: bool,
        before: &BTreeMap<Ipv4Addr, State>,
    ) {
        let address = binding.address;
        self.seen.offers += 1;
        self.may_have(sender, Kind::Discover, address, before);
        assert_eq!(binding.seconds, granted(sender));
        let holder = sender.holder.clone();
        let offered = before.get(&address) == Some(&State::Offered);
        let known = self
            .rights
            .get(&address)
            .is_some_and(|r| r.iter().any(|h| h.is(&holder)));
        assert!(
            !offered || known || probe,
            "{address} is offered to another"
        );
        assert!(
            probe || known,
            "{address} is offered untried to one who never had it"
        );
        self.mine.insert(number, address);
        if probe {
            let tried = (address, binding.serial, holder, self.reload);
            self.probes.push(tried);
        } else {
            self.goes_out(address, holder, self.reload);
        }
        self.discovered = Some((number, sender.network, address));
    }

    /// An offer reaches its client; `reload`: the networks it was made by.
    fn goes_out(&mut self, address: Ipv4Addr, holder: Holder, reload: usize) {
        self.rights.entry(address).or_default().push(holder.clone());
        let until = self.now + limits().offer;
        self.offers.insert(
            address,
            Promise {
                holder,
                until,
                reload,
            },
        );
    }

    fn ack(
        &mut self,
        number: usize,
        sender: &Client,
        kind: Kind,
        binding: Binding,
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
            assert!(known, "ACK for what was neither offered nor held");
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
        self.rights.insert(address, vec![holder.clone()]);
        self.offers.remove(&address);
        self.mine.insert(number, address);
        let holder = holder.clone();
        let reload = self.reload;
        let promise = Promise {
            holder,
            until,
            reload,
        };
        let ack = Some((binding.serial, promise));
        self.queue.push_back(Write {
            record: record.clone(),
            ack,
            void: false,
        });
    }

    fn probe(&mut self, which: proptest::sample::Index, free: bool) {
        if self.probes.is_empty() {
            return;
        }
        let (address, serial, holder, reload) = self.probes.remove(which.index(self.probes.len()));
        if free {
            if self.book.probed(address, serial) {
                assert_eq!(self.states[&address], State::Offered);
                self.goes_out(address, holder, reload);
            }
            return;
        }
        let quarantine = Duration::from_secs(QUARANTINE);
        let (changes, records) = self.book.conflict(self.now, address, serial, quarantine);
        self.replay(&changes);
        for record in records {
            self.seen.conflicts += 1;
            assert_eq!((record.address, record.state), (address, State::Declined));
            self.written_at_leisure(record);
        }
    }
}
