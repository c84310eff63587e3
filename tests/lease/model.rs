//! What RFC 2131 and we promise, held against each answer of the book.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::lease::{
    Ask, Binding, Book, Change, FOREVER, Holder, Kind, Limits, Record, Serial, Silence, State,
    Time, Verdict,
};
use bootjack::network::{Network, Networks, Reservation, Terms, Whom};

use super::world::{
    Client, DEFAULT, MAX, MIN, QUARANTINE, client, ip, mac, network, networks, pool, reserved,
    subnet,
};

pub const CLIENTS: usize = 6;
pub const CONFIGS: usize = 3;
pub const OFFERS: usize = 4;

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

/// How often what happened.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub offers: usize,
    pub acks: usize,
    pub void: usize,
    pub naks: usize,
    pub unstored: usize,
    pub conflicts: usize,
    pub exhausted: usize,
    pub expired: usize,
    pub survived: usize,
    pub declined: usize,
    pub bootp: usize,
    pub evicted: usize,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        self.offers += other.offers;
        self.acks += other.acks;
        self.void += other.void;
        self.naks += other.naks;
        self.unstored += other.unstored;
        self.conflicts += other.conflicts;
        self.exhausted += other.exhausted;
        self.expired += other.expired;
        self.survived += other.survived;
        self.declined += other.declined;
        self.bootp += other.bootp;
        self.evicted += other.evicted;
    }
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

/// Three layouts: as it begins; with a smaller pool, an exclusion and reservations; with a pool
/// gone and another reservation.
fn config(n: usize) -> Networks {
    let mut fast = pool("10.0.1.10", "10.0.1.11");
    fast.tags = ["fast".to_owned()].into();
    let mut one = pool("10.9.0.5", "10.9.0.5");
    one.bootp = true;
    let mut first = pool("10.0.0.10", "10.0.0.13");
    let mut reservations = Vec::new();
    let mut second = vec![fast];
    match n {
        0 => (),
        1 => {
            first = pool("10.0.0.10", "10.0.0.12");
            first.exclude = vec![super::world::range("10.0.0.12", "10.0.0.12")];
            reservations = vec![
                reserved(mac(2), "10.0.0.11"),
                reserved(mac(4), "10.9.0.200"),
            ];
        }
        _ => {
            second.clear();
            reservations = vec![reserved(mac(2), "10.0.0.50"), reserved(mac(1), "10.9.0.5")];
        }
    }
    let subnets = vec![
        subnet("10.0.0.0/24", vec![first]),
        subnet("10.0.1.0/24", second),
    ];
    let all = vec![
        network("a", subnets),
        network("b", vec![subnet("10.9.0.0/24", vec![one])]),
    ];
    networks(all, reservations)
}

/// Every address that a message may name: given, reserved, and strange ones.
fn universe(n: usize) -> Ipv4Addr {
    ip([
        "10.0.0.10",
        "10.0.0.11",
        "10.0.0.12",
        "10.0.0.13",
        "10.0.0.50",
        "10.0.0.77",
        "10.0.1.10",
        "10.0.1.11",
        "10.9.0.5",
        "10.9.0.200",
        "192.0.2.1",
        "0.0.0.0",
    ][n])
}

/// The clients: two machines; one behind whose address two systems live; one machine whose system
/// has an identifier and whose firmware has none; one that wants a fast pool.
fn clients(n: usize) -> Client {
    match n {
        0 => client(1),
        1 => client(2),
        2 => client(3).with_id(b"\0x"),
        3 => client(3).with_id(b"\0y"),
        4 => client(1).with_id(b"\0z"),
        _ => {
            let mut fast = client(4);
            fast.criteria.include.insert("fast".into());
            fast
        }
    }
}

fn limits() -> Limits {
    Limits {
        offers: OFFERS,
        offer: 60,
    }
}

fn is_over(state: State) -> bool {
    matches!(state, State::Available | State::Expired | State::Released)
}

impl Model {
    pub fn new(now: Time) -> Self {
        let networks = config(0);
        let mut book = Book::new(limits());
        book.set_networks(&networks);
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
            Op::Probe { which, free } => self.probe(which, *free),
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
                self.book.set_networks(&self.networks);
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

    /// Whether the client asks for what we promised it, so that only an ACK will do.
    fn must_ack(&self, sender: &Client, kind: Kind, address: Ipv4Addr) -> bool {
        let held = match kind {
            Kind::Selecting { ours: true } => {
                let offered = self.states.get(&address) == Some(&State::Offered);
                self.offers.get(&address).filter(|_| offered)
            }
            Kind::InitReboot | Kind::Renewing | Kind::Rebinding => self.acked.get(&address),
            _ => None,
        };
        let here = self.networks.all[sender.network]
            .subnet_of(address)
            .is_some();
        let unreserved = |r: &Reservation| r.whom != Whom::Mac(sender.holder.mac);
        let waiting = self.queue.iter().filter(|w| w.record.address == address);
        held.is_some_and(|p| {
            p.holder == sender.holder && p.until > self.now && p.reload == self.reload
        }) && here
            && self.networks.reservations.iter().all(unreserved)
            && waiting.count() < 8
    }

    /// What must be so of any address that is offered or acknowledged.
    fn may_have(
        &self,
        sender: &Client,
        kind: Kind,
        address: Ipv4Addr,
        before: &BTreeMap<Ipv4Addr, State>,
    ) {
        let network = &self.networks.all[sender.network];
        assert!(
            network.subnet_of(address).is_some(),
            "{address} is of another network"
        );
        if let Some(promise) = self.acked.get(&address).filter(|p| p.until > self.now) {
            assert!(
                promise.holder.is(&sender.holder),
                "{address} has another holder"
            );
        }
        for write in self.queue.iter().filter(|w| w.record.address == address) {
            if let Some((_, Promise { holder, .. })) = &write.ack {
                assert!(
                    holder.is(&sender.holder),
                    "{address} is about to have another holder"
                );
            }
        }
        let declined = before.get(&address) == Some(&State::Declined);
        let ended = self.states.get(&address) != Some(&State::Declined);
        assert!(!declined || ended, "{address} is in quarantine");
        let own = own_reservation(&self.networks, sender).and_then(|r| r.address);
        let reserved = self
            .networks
            .reservations
            .iter()
            .any(|r| r.address == Some(address));
        assert!(
            !reserved || own == Some(address),
            "{address} is reserved for another"
        );
        let pool = network.pool_of(address);
        assert!(
            pool.is_none_or(|p| p.suits(&sender.criteria)),
            "{address} does not suit"
        );
        assert!(
            pool.is_some() || own == Some(address),
            "{address} is in no pool"
        );
        let bootp = kind != Kind::Bootp || pool.is_some_and(|p| p.bootp) || own == Some(address);
        assert!(bootp, "{address} is not for BOOTP");
        if let Some(own) = own.filter(|own| *own != address) {
            let suits = network
                .pool_of(own)
                .is_none_or(|p| p.suits(&sender.criteria));
            let free = is_over(*before.get(&own).unwrap_or(&State::Available));
            let waiting = self.queue.iter().any(|w| w.record.address == own);
            assert!(
                !suits || !free || waiting,
                "{own} is reserved for it, and free"
            );
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

    /// A lease ended before its time: nobody has the address now.
    fn written_at_leisure(&mut self, record: Record) {
        let address = record.address;
        for write in self
            .queue
            .iter_mut()
            .filter(|w| w.record.address == address)
        {
            write.void = true;
        }
        self.acked.remove(&address);
        self.offers.remove(&address);
        if record.state == State::Declined {
            self.seen.declined += 1;
            self.rights.remove(&address);
        }
        self.queue.push_back(Write {
            record,
            ack: None,
            void: false,
        });
    }

    /// Silence is right only where nothing is free.
    fn nothing_free(&mut self, sender: &Client, kind: Kind) {
        self.seen.exhausted += 1;
        for address in (0..12).map(universe) {
            let pool = self.networks.all[sender.network].pool_of(address);
            let given =
                pool.is_some_and(|p| p.suits(&sender.criteria) && (kind != Kind::Bootp || p.bootp));
            let reserved = self.networks.reservations.of_address(address).is_some();
            let state = *self.states.get(&address).unwrap_or(&State::Available);
            let waiting = self.queue.iter().any(|w| w.record.address == address);
            let taken = !is_over(state) || waiting;
            assert!(!given || reserved || taken, "{address} is free");
        }
    }

    fn probe(&mut self, which: &proptest::sample::Index, free: bool) {
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

    fn commit(&mut self, n: usize, works: bool) {
        for _ in 0..n {
            let Some(write) = self.queue.pop_front() else {
                return;
            };
            if works {
                self.write(&write);
            }
            let address = write.record.address;
            let Some((serial, promise)) = write.ack else {
                continue;
            };
            if !works {
                self.seen.unstored += 1;
                let changes = self.book.unstored(self.now, address, serial);
                self.replay(&changes);
                continue;
            }
            let later = self.queue.iter().rev();
            let mut later = later.filter(|w| w.record.address == address && w.ack.is_some());
            let newest = later.next().map_or(write.record.until, |w| w.record.until);
            let due = !write.void && (newest == FOREVER || newest > self.now);
            assert_eq!(
                self.book.stored(address, serial),
                due,
                "whether the ACK may go out"
            );
            if due {
                self.acknowledged(address, promise);
            } else {
                self.seen.void += 1;
            }
        }
    }

    /// An ACK reaches its client.
    fn acknowledged(&mut self, address: Ipv4Addr, promise: Promise) {
        self.seen.acks += 1;
        let on_disk = &self.disk[&address];
        let first = (on_disk.state, on_disk.until);
        assert_eq!(first, (State::Leased, promise.until), "on disk first");
        if let Some(old) = self.acked.get(&address).filter(|p| p.until > self.now) {
            assert!(old.holder.is(&promise.holder), "{address} has two holders");
        }
        self.acked.insert(address, promise);
    }

    /// A record reaches the disk. A client that asks for less itself is promised no more.
    fn write(&mut self, write: &Write) {
        let address = write.record.address;
        if let (Some(promise), Some(_)) = (self.acked.get_mut(&address), &write.ack) {
            promise.until = promise.until.min(write.record.until);
        }
        self.disk.insert(address, write.record.clone());
    }

    fn restart(&mut self, written: usize) {
        for _ in 0..written {
            if let Some(write) = self.queue.pop_front() {
                self.write(&write);
            }
        }
        self.queue.clear();
        self.probes.clear();
        self.offers.clear();
        self.book = Book::new(limits());
        self.states.clear();
        for record in self.disk.values() {
            assert!(self.book.restore(self.now, record));
            let Some(lease) = self.book.get(record.address) else {
                assert_eq!(record.state, State::Declined);
                continue;
            };
            self.states.insert(record.address, lease.state);
            let rights = self.rights.entry(record.address).or_default();
            rights.push(lease.holder.clone());
        }
        self.book.set_networks(&self.networks);
        let changes = self.book.expire(self.now);
        self.replay(&changes);
        for (address, promise) in self.acked.iter().filter(|(_, p)| p.until > self.now) {
            let lease = self
                .book
                .get(*address)
                .expect("an acknowledged lease survives");
            assert_eq!(
                (lease.state, lease.until),
                (State::Leased, self.disk[address].until)
            );
            assert!(lease.holder.is(&promise.holder) && lease.until >= promise.until);
            self.seen.survived += 1;
        }
    }

    /// Each change follows on the one before.
    fn replay(&mut self, changes: &[Change]) {
        for change in changes {
            let state = self
                .states
                .entry(change.lease.address)
                .or_insert(State::Available);
            assert_eq!(*state, change.was, "{change:?}");
            assert_ne!(change.was, change.lease.state, "{change:?}");
            *state = change.lease.state;
            if change.was == State::Offered {
                self.offers.remove(&change.lease.address);
            }
        }
    }

    /// What holds between any two messages.
    fn check(&mut self) {
        let now = self.now;
        self.acked.retain(|_, promise| promise.until > now);
        for (address, promise) in &self.acked {
            let lease = self.book.get(*address).expect("acknowledged, so known");
            let waiting = self.queue.iter().any(|w| w.record.address == *address);
            assert!(
                lease.holder.is(&promise.holder),
                "{address} has another holder"
            );
            assert!(
                lease.state == State::Leased || waiting,
                "{lease:?} is acknowledged"
            );
        }
        assert!(self.book.next_deadline().is_none_or(|until| until > now));
        let mut tentative = 0;
        for lease in self.book.iter() {
            let state = self.states.get(&lease.address).copied();
            assert_eq!(
                lease.state,
                state.unwrap_or(State::Available),
                "told of each change"
            );
            assert!(
                is_over(lease.state) || lease.until > now,
                "{lease:?} is over at {now}"
            );
            let waiting = self.queue.iter().any(|w| w.record.address == lease.address);
            let offer = matches!(lease.state, State::Offered | State::Available);
            tentative += usize::from(offer && !waiting);
        }
        assert!(tentative <= OFFERS, "{tentative} offers");
        for (address, state) in &mut self.states {
            if self.book.get(*address).is_none() {
                assert!(is_over(*state), "{address} is {state}, and forgotten");
                *state = State::Available;
            }
        }
        let mut all: Vec<&Network> = self.networks.all.iter().collect();
        for network in all.drain(..) {
            let pools = network.subnets.iter().flat_map(|s| &s.pools);
            let free = (0..12).map(universe).filter(|a| {
                let given = pools.clone().any(|p| p.has(*a));
                let reserved = self.networks.reservations.of_address(*a).is_some();
                let taken = self
                    .queue
                    .iter()
                    .any(|w| w.ack.is_some() && w.record.address == *a);
                let state = *self.states.get(a).unwrap_or(&State::Available);
                given && !reserved && !taken && is_over(state)
            });
            assert_eq!(
                self.book.free(network),
                free.count() as u64,
                "{}",
                network.name
            );
        }
    }
}

fn granted(sender: &Client) -> u32 {
    sender.seconds.map_or(DEFAULT, |s| s.clamp(MIN, MAX))
}

/// What is reserved for a client in its network.
fn own_reservation<'n>(networks: &'n Networks, sender: &Client) -> Option<&'n Reservation> {
    let here = &networks.all[sender.network];
    networks.reservations.iter().find(|r| {
        let address = r.address.unwrap();
        r.whom == Whom::Mac(sender.holder.mac) && here.subnet_of(address).is_some()
    })
}
