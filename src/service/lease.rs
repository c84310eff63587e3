//! The impure half of mode `dhcp`'s leases: the book behind a lock, the disk, the clock, the probes.
//!
//! * [`store`], [`format`], [`disk`]: the file, what stands in it, and how far it can be believed; a
//!   damaged one is saved by `salvage`; [`owner`]: whose it is
//! * [`commit`]: records → disk, many in one sync; then the answers
//! * [`clock`]: lease time, which no clock that is set moves
//! * [`probe`]: is an address in use?
//! * `whole`: what the operator is told of many leases at once
//! * [`control`]: how the command asks this server; [`row`]: how a lease is shown, [`filter`]: which
//!
//! The flow of one message, which the caller writes: `book()` → `handle` → [`Leases::store`] under
//! the same lock → the answer leaves when the record is on the disk. Under the same lock, because
//! records of one address must reach the disk in the order of the decisions.

pub mod clock;
pub mod commit;
pub mod control;
pub mod disk;
pub mod filter;
pub mod format;
pub mod owner;
pub mod probe;
pub mod row;
mod salvage;
pub mod store;
mod whole;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use self::clock::{Clock, Readings};
use self::commit::{Committer, Done, Pending, Written};
use self::row::Row;
use self::store::Store;
use self::whole::{ended_meanwhile, is_end, outside};
use crate::error::Error;
use crate::event::What;
use crate::lease::{Binding, Book, Change, Holder, Lease, Limits, Record, State, Time};
use crate::network::Networks;
use crate::wire::{Mac, hex_digits};
use crate::yaml::counted;

/// Hears events, each about a machine or none.
pub type Emit = Arc<dyn Fn(Option<Mac>, What) + Send + Sync>;

/// How often it is looked whether a lease has ended.
const TICK: Duration = Duration::from_secs(1);

/// All leases, in memory and on the disk.
pub struct Leases {
    book: Mutex<Book>,
    networks: ArcSwap<Networks>,
    clock: Clock,
    committer: Committer,
    emit: Emit,
    /// Something ended by itself since the time was last written.
    ended: AtomicBool,
}

impl Leases {
    /// Rows built under one lock of the book.
    pub const PART: usize = 512;

    /// Opens the store, reads it, and starts the thread that writes it. Returns with it what the
    /// operator has to know. To be called when privileges are given up: the files are the user's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(
        folder: &Path,
        networks: Arc<Networks>,
        limits: Limits,
        emit: Emit,
    ) -> Result<(Arc<Self>, Vec<What>), Error> {
        let mut opened = Store::open(folder)?;
        let clock = Clock::start(opened.contents.anchor.as_ref(), Readings::now());
        let mut book = Book::new(limits);
        let now = clock.now();
        book.set_networks(now, &networks);
        let all = opened.contents.records.iter();
        let unknown = all.filter(|record| !book.restore(now, record)).count();
        if unknown > 0 {
            opened.notices.push(format!(
                "{} in {}: left out, for nothing can be made of it",
                counted(unknown, "lease"),
                opened.store.path().display()
            ));
        }
        opened.notices.extend(outside(&book, &networks));
        let told = opened.notices.into_iter();
        let told = told.map(|text| What::Warning { text });
        let told = told.chain(ended_meanwhile(&opened.contents, now)).collect();
        let heard = emit.clone();
        let say = Box::new(move |what| heard(None, what));
        let leases = Self {
            book: Mutex::new(book),
            committer: Committer::start(opened.store, clock.clone(), networks.syncing, say)?,
            networks: ArcSwap::new(networks),
            clock,
            emit,
            ended: AtomicBool::new(false),
        };
        Ok((Arc::new(leases), told))
    }

    /// The book, locked. Never across an await.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lease time now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The networks in force for leases.
    pub fn networks(&self) -> Arc<Networks> {
        self.networks.load_full()
    }

    /// Puts other networks in force; `with_it` happens before the next message is decided.
    pub fn set_networks(&self, networks: Arc<Networks>, with_it: impl FnOnce()) {
        // With 100,000 leases this takes a third of a second: not for a profile that has changed.
        let changed = *self.networks() != *networks;
        let mut book = self.book();
        let mut changes = Vec::new();
        let mut strays = None;
        if changed {
            changes = book.set_networks(self.now(), &networks);
            strays = outside(&book, &networks);
            self.committer.set_syncing(networks.syncing);
            self.networks.store(networks);
        }
        with_it();
        drop(book);
        self.tell(&changes);
        if let Some(text) = strays {
            (self.emit)(None, What::Warning { text });
        }
    }

    /// What was written since the start.
    pub fn written(&self) -> &Written {
        self.committer.written()
    }

    /// Whether the last write failed: no lease could be given.
    pub fn is_unwritable(&self) -> bool {
        self.written().failing.load(Ordering::Relaxed)
    }

    /// Hands records over, to be written in the order of these calls; `book` is the proof that the
    /// lock they were made under is still held. False when there is no room: nobody is told then,
    /// and it is an event about `peer`.
    pub fn submit(
        &self,
        _book: &mut Book,
        peer: IpAddr,
        records: Vec<Record>,
        done: Option<Done>,
    ) -> bool {
        if records.is_empty() && done.is_none() {
            return true;
        }
        let submitted = self.committer.submit(Pending { records, done });
        if let Err(full) = &submitted {
            let limit = full.to_string();
            let service = "dhcp";
            (self.emit)(
                None,
                What::Refused {
                    service,
                    peer,
                    limit,
                },
            );
        }
        submitted.is_ok()
    }

    /// Hands over the records of an ACK. When they are on the disk and the client has not lost the
    /// address meanwhile, its changes are told and `answer` is called, on the writing thread. Where
    /// they cannot be written, neither: the book goes back to what the disk has.
    pub fn store(
        self: &Arc<Self>,
        book: &mut Book,
        peer: IpAddr,
        lease: Given,
        answer: impl FnOnce() + Send + 'static,
    ) {
        let Given {
            binding,
            records,
            changes,
        } = lease;
        let Binding {
            address, serial, ..
        } = binding;
        // Nothing is held while the answer leaves: whoever drops the leases after it closes them.
        let leases = Arc::downgrade(self);
        let untold = changes.clone();
        let done = move |outcome: Result<(), Arc<str>>| {
            let Some(leases) = leases.upgrade() else {
                return;
            };
            if outcome.is_err() {
                let back = leases.book().unstored(leases.now(), address, serial);
                return leases.tell(&since(&untold, back));
            }
            let may_leave = leases.book().stored(address, serial);
            if may_leave {
                leases.tell(&untold);
                drop(leases);
                answer();
            }
        };
        if !self.submit(book, peer, records, Some(Box::new(done))) {
            let back = book.unstored(self.now(), address, serial);
            self.tell(&since(&changes, back));
        }
    }

    /// An event for each change.
    pub fn tell(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        if changes.iter().any(is_end) {
            self.ended.store(true, Ordering::Relaxed);
        }
        let networks = self.networks.load();
        for Change { lease, was } in changes {
            let what = What::Lease {
                address: lease.address,
                state: lease.state,
                was: *was,
                until: self.clock.shown(lease.until),
                network: networks.of_link(lease.address).map(|n| n.name.clone()),
                host_name: row::name_given(lease, &networks).map(Into::into),
                holder: named(&lease.holder),
            };
            (self.emit)(Some(lease.holder.mac), what);
        }
    }

    /// Ends what is over, every second, until the task is dropped.
    ///
    /// # Errors
    /// Never; the type is that of the other services.
    pub async fn expire(self: Arc<Self>) -> io::Result<()> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let now = self.now();
            let changes = {
                let mut book = self.book();
                let due = book.next_deadline().is_some_and(|end| end <= now);
                due.then(|| book.expire(now))
            };
            self.tell(&changes.unwrap_or_default());
            self.note_ends();
        }
    }

    /// Writes the time where something has ended and was told: the next start tells what ended
    /// after it.
    fn note_ends(&self) {
        if self.ended.swap(false, Ordering::Relaxed) {
            let time = Pending {
                records: Vec::new(),
                done: None,
            };
            // Where there is no room, the records in it bring the time with them.
            let _ = self.committer.submit(time);
        }
    }

    /// The operator ends a lease, or a quarantine; with `mac`, if the lease is of that machine.
    ///
    /// # Errors
    /// There is none; it cannot be written.
    pub async fn release(&self, address: Ipv4Addr, mac: Option<&str>) -> Result<(), String> {
        let (told, answer) = oneshot::channel();
        let change = {
            let mut book = self.book();
            let (change, record) = is_held_by(&book, address, mac)
                .then(|| book.release(self.now(), address))
                .flatten()
                .ok_or_else(|| nothing_leased(address))?;
            let done = Box::new(move |outcome| drop(told.send(outcome)));
            self.submit(&mut book, address.into(), vec![record], Some(done));
            change
        };
        self.tell(&[change]);
        let why = match answer.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why,
            Err(_) => "too much waits for the disk".into(),
        };
        Err(format!(
            "{address} is released, but only until bootjack is started again: the lease store cannot be written: {why}"
        ))
    }

    /// Every address in the book, sorted.
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let mut all: Vec<Ipv4Addr> = self.book().iter().map(|lease| lease.address).collect();
        all.sort_unstable();
        all
    }

    /// The addresses that a machine has or had, sorted.
    pub fn addresses_of(&self, mac: Mac) -> Vec<Ipv4Addr> {
        let mut all: Vec<Ipv4Addr> = self.book().of_mac(mac).map(|l| l.address).collect();
        all.sort_unstable();
        all
    }

    /// These leases, as they are shown; offers that ran out are not. For many, in parts of
    /// [`Leases::PART`]: the lock is held for the whole call.
    pub fn rows(&self, addresses: &[Ipv4Addr]) -> Vec<Row> {
        let networks = self.networks.load();
        let book = self.book();
        let leases = addresses.iter().filter_map(|address| book.get(*address));
        leases
            .filter(|lease| lease.state != State::Available)
            .map(|lease| Row::new(lease, &networks, &self.clock))
            .collect()
    }

    /// How many addresses are in each state, over all networks.
    pub fn counts(&self) -> Vec<(State, u64)> {
        let networks = self.networks.load();
        let book = self.book();
        let mut sums: Vec<(State, u64)> = Vec::new();
        for (state, count) in networks.all.iter().flat_map(|n| book.counts(n)) {
            match sums.iter_mut().find(|(known, _)| *known == state) {
                Some((_, sum)) => *sum += count,
                None => sums.push((state, count)),
            }
        }
        sums
    }
}

/// A lease on its way to the disk.
#[derive(Debug)]
pub struct Given {
    /// The lease.
    pub binding: Binding,
    /// What is to be written.
    pub records: Vec<Record>,
    /// What is to be told once it is.
    pub changes: Vec<Change>,
}

/// What has changed in the end, where `untold` was undone by `back`.
fn since(untold: &[Change], back: Vec<Change>) -> Vec<Change> {
    let was = |change: &Change| {
        let address = change.lease.address;
        let first = untold.iter().find(|c| c.lease.address == address);
        first.map_or(change.was, |c| c.was)
    };
    let told = back.into_iter().map(|c| Change { was: was(&c), ..c });
    told.filter(|c| c.was != c.lease.state).collect()
}

/// Whether a machine has the lease of an address; any has, where none is named.
pub fn is_held_by(book: &Book, address: Ipv4Addr, mac: Option<&str>) -> bool {
    let is_it = |lease: &&Lease| mac.is_none_or(|mac| lease.holder.mac.to_string() == mac);
    let held = |lease: &Lease| mac.is_none() || lease.state == State::Leased;
    book.get(address).filter(is_it).is_some_and(held)
}

/// Why a release does nothing.
pub fn nothing_leased(address: Ipv4Addr) -> String {
    format!("{address} is neither leased nor declined")
}

/// A client in an event.
fn named(holder: &Holder) -> String {
    match &holder.id {
        None => holder.mac.to_string(),
        Some(id) => format!("{} id {}", holder.mac, hex_digits(id)),
    }
}
