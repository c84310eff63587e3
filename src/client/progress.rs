//! Whether machines follow what they are offered, and which shape of reply is tried next where they
//! do not.
//!
//! One attempt of firmware to boot: a DISCOVER, its repetitions, the REQUEST for its lease, perhaps
//! a request at port 4011, a file. What it fetches a file after was right; what it fetched nothing
//! after, twice in a row, is left for the next shape of its ladder. What is evidence, and what is a
//! client that is merely slow, stands in `attempt`.
//!
//! * [`Progress`]: all machines, and what was learnt of them
//! * `attempt`: one attempt, and what it proves
//! * `trial`: attempts in a row: when to go on, and where to
//! * `handed`, `verdict`: whether it runs the loader that it was sent: Secure Boot, and chain loops
//! * `memory`: what is kept over restarts
//! * `known`: all of it, for those who look
//! * `overheard`: what other servers answer them
//!
//! Kept by hardware address and platform: the BIOS and the UEFI of one machine are two programs.
//! Firmware's own PXE client alone is judged, and only where a proxy's OFFER was ours to shape: a
//! shape that a profile pins is the operator's choice, HTTP boot and iPXE have one shape, in mode
//! `colocated` no OFFER is ours, and in mode `dhcp` the lease itself carries the loader. And only where
//! its DHCP server was heard to offer it a lease, and no other server was heard to boot it: nobody is
//! taken away from a server that he follows.
//!
//! Bounded: so many machines, the one unseen for longest leaves first; two failed attempts of five
//! seconds at least for a step; as many steps as the ladder has shapes, then an hour without any.
//! Whoever forges packets of a machine can at worst move it within its ladder; whoever forges those of
//! servers can keep it from being moved. Time comes in.

mod attempt;
mod handed;
mod known;
mod memory;
mod overheard;
mod step;
mod trial;
mod verdict;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Client, Recent, Side, Stage};
use crate::client::Class;
use crate::wire::{Mac, Platform};
pub use attempt::{Offered, SETTLE, Windows};
use handed::Handed;
pub use handed::{Given, SECURE_BOOT_OFF};
pub use known::{All, Known};
pub use memory::{Learnt, Memory, NEW_ROWS, ROW_EVERY, Rows};
use overheard::Hearing;
pub use overheard::Overheard;
pub use step::{Now, Step, Turn};
use trial::Trial;
pub use trial::{FAILURES, KNOWN_FAILURES, REST};

/// One program that boots a machine: its BIOS, its UEFI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Firmware {
    /// The machine.
    pub mac: Mac,
    /// Which of its programs.
    pub platform: Platform,
}

impl Firmware {
    /// The firmware that asks, where it is firmware's own PXE client.
    pub fn of(client: &Client) -> Option<Self> {
        let rom = client.stage == Stage::Rom && client.class == Class::Pxe;
        rom.then(|| Self {
            mac: client.mac,
            platform: client.platform(),
        })
    }

    /// The firmware that asks, by PXE or by its HTTP boot: one program, with one Secure Boot.
    pub fn that_boots(client: &Client) -> Option<Self> {
        let firmware = matches!(client.stage, Stage::Rom | Stage::HttpBoot);
        firmware.then(|| Self {
            mac: client.mac,
            platform: client.platform(),
        })
    }

    /// Of whom something is learnt: on our own link alone. Behind a relay the lease is not heard, and
    /// whoever can reach us from there can say that he is one.
    pub fn judged(client: &Client) -> Option<Self> {
        Self::of(client).filter(|_| client.side == Side::Link)
    }

    /// Whatever can boot a machine.
    fn all_of(mac: Mac) -> impl Iterator<Item = Self> {
        let platforms = Platform::NAMED.into_iter().chain([Platform::Other]);
        platforms.map(move |platform| Self { mac, platform })
    }
}

/// Every machine's attempts, and what was learnt.
#[derive(Debug)]
pub struct Progress {
    capacity: usize,
    machines: Recent<Mac, Machine>,
    hearing: Hearing,
    memory: Memory,
}

/// One machine's firmwares; never more than there are platforms.
#[derive(Debug, Default)]
struct Machine {
    /// Which of them asked last.
    asked: Option<Platform>,
    trials: BTreeMap<Platform, Trial>,
    /// What it was sent, and what became of that.
    handed: Handed,
}

impl Progress {
    /// Room for the attempts of `capacity` machines, beside what was learnt before.
    pub fn new(capacity: usize, memory: Memory) -> Self {
        Self {
            capacity,
            machines: Recent::default(),
            hearing: Hearing::default(),
            memory,
        }
    }

    /// A DISCOVER came: what it says of the attempt before it. To be called before it is answered.
    pub fn discovered(&mut self, now: Now, firmware: Firmware, xid: u32) -> Turn {
        let Self {
            machines,
            hearing,
            memory,
            ..
        } = self;
        let machine = machines.get_mut(&firmware.mac);
        let trial = machine.and_then(|machine| machine.trials.get_mut(&firmware.platform));
        let Some(trial) = trial else {
            return Turn::default();
        };
        let mut learnt = memory.of(firmware).cloned().unwrap_or_default();
        match trial.discovered(now.at, xid, hearing, &mut learnt) {
            Some(step) => self.turn(now, firmware, learnt, Some(step)),
            None => Turn::default(),
        }
    }

    /// It was answered with an OFFER; `None`: with one that says nothing of a shape of ours. Gives
    /// other boot servers that have answered it already, those seen for the first time.
    pub fn offered(
        &mut self,
        now: Now,
        firmware: Firmware,
        xid: u32,
        offered: Option<Offered>,
    ) -> Vec<Ipv4Addr> {
        let learnt = self.memory.of(firmware).cloned().unwrap_or_default();
        let Some(machine) = self.saw(firmware.mac) else {
            return Vec::new();
        };
        machine.asked = Some(firmware.platform);
        let trial = machine.trials.entry(firmware.platform);
        let trial = trial.or_insert_with(|| Trial::of(&learnt, now));
        trial.offered(now.at, xid, offered);
        self.hearing.answers(now.at, firmware.mac, xid);
        let ahead = self.hearing.ahead(now.at, firmware.mac, xid);
        let new = ahead.into_iter().filter_map(|heard| self.hear(now, heard));
        new.collect()
    }

    /// Another server's answer to a machine was heard on the wire; a boot server that is seen for the
    /// first time. What it says of no attempt under way may be ahead of its DISCOVER.
    pub fn overheard(&mut self, now: Now, heard: Overheard) -> Option<Ipv4Addr> {
        self.hearing.keep(now.at, heard);
        self.hear(now, heard)
    }

    fn hear(&mut self, now: Now, heard: Overheard) -> Option<Ipv4Addr> {
        let trials = self.machines.get_mut(&heard.mac)?.trials.values_mut();
        let attempts = trials.filter_map(Trial::attempt);
        let hear = attempts.filter_map(|one| one.hears(now.at, heard).then_some(()));
        // Where nothing is judged, a menu or a shape that is pinned, the rival is one all the same.
        let known = hear.count() > 0 || self.hearing.is_shared(now.at, heard);
        (known && heard.boots && self.hearing.is_new(heard.server)).then_some(heard.server)
    }

    /// Answers of other servers may have been missed.
    pub const fn missed(&mut self, now: Now) {
        self.hearing.miss(now.at);
    }

    /// Firmware asks for its lease, on port 67, of this address.
    pub fn requested(&mut self, now: Now, firmware: Firmware, xid: u32, address: Option<Ipv4Addr>) {
        if let Some(attempt) = self.trial_of(firmware).and_then(Trial::attempt) {
            attempt.requested(now.at, xid, address);
        }
    }

    /// Firmware asks port 4011, from this address.
    pub fn asked_4011(&mut self, now: Now, firmware: Firmware, from: Ipv4Addr) -> Turn {
        let mut learnt = self.memory.of(firmware).cloned().unwrap_or_default();
        let bios = firmware.platform == Platform::Bios;
        let trial = self.trial_of(firmware);
        match trial.and_then(|trial| trial.asked_4011(now.at, from, bios, &mut learnt)) {
            Some(step) => self.turn(now, firmware, learnt, Some(step)),
            None => Turn::default(),
        }
    }

    /// A machine asks for a file, by a request that may be refused or damaged: it follows what it
    /// was offered, and is left alone; that this is remembered takes a file ([`Self::fetched`]).
    pub fn asks_for_a_file(&mut self, now: Now, mac: Mac) {
        let Some(machine) = self.machines.get_mut(&mac) else {
            return;
        };
        machine.handed.asks();
        if let Some((_, trial)) = machine.last_asked() {
            trial.asks_for_a_file(now.at);
        }
    }

    /// An answer to it could not be sent, or not at its time: that it does not follow is not its doing.
    pub fn unanswered(&mut self, firmware: Firmware) {
        if let Some(attempt) = self.trial_of(firmware).and_then(Trial::attempt) {
            attempt.is_unanswered();
        }
    }

    /// A machine asks for a file; `found`: it gets it.
    pub fn fetched(&mut self, now: Now, mac: Mac, found: bool) -> Turn {
        let machine = self.machines.get_mut(&mac);
        let Some(machine) = machine else {
            return Turn::default();
        };
        machine.handed.is_answered(now.at, found);
        let Some((platform, trial)) = machine.last_asked() else {
            return Turn::default();
        };
        if !trial.fetched(now.at, found) {
            return Turn::default();
        }
        let firmware = Firmware { mac, platform };
        let mut learnt = self.memory.of(firmware).cloned().unwrap_or_default();
        let step = trial.follows(&mut learnt);
        self.turn(now, firmware, learnt, step)
    }

    /// Another program of the machine asks: firmware has booted it, from us or from elsewhere.
    /// UEFI HTTP boot is tried by firmware itself, and proves nothing.
    pub fn other_stage(&mut self, now: Now, mac: Mac, stage: Stage) -> Turn {
        if let Some(machine) = self.machines.get_mut(&mac) {
            if stage != Stage::HttpBoot
                && let Some((_, trial)) = machine.last_asked()
            {
                trial.booted();
            }
            machine.asked = None;
        }
        match stage {
            Stage::Ipxe => self.runs_ipxe(now, mac),
            _ => Turn::default(),
        }
    }

    /// Forgets what was learnt of a machine, or of all of them; gives what is not kept any more.
    pub fn forget(&mut self, mac: Option<Mac>) -> Rows {
        if let Some(mac) = mac {
            self.machines.remove(&mac);
        } else {
            self.machines.clear();
        }
        let gone = self.memory.forget(mac);
        gone.into_iter().map(|firmware| (firmware, None)).collect()
    }

    /// Keeps what was learnt, where that has changed or may soon be the oldest. Where there is no
    /// room for it now, it is not said either; the machine goes on with what it follows.
    fn turn(&mut self, now: Now, firmware: Firmware, learnt: Learnt, step: Option<Step>) -> Turn {
        if let Some(rows) = self.memory.keep(now, firmware, learnt) {
            return Turn { step, rows };
        }
        let told = step.filter(|step| !step.is_of_a_row());
        if told.is_none()
            && let Some(trial) = self.trial_of(firmware)
        {
            trial.goes_on();
        }
        Turn {
            step: told,
            rows: Vec::new(),
        }
    }

    fn trial(&self, firmware: Firmware) -> Option<&Trial> {
        let machine = self.machines.get(&firmware.mac)?;
        machine.trials.get(&firmware.platform)
    }

    fn trial_of(&mut self, firmware: Firmware) -> Option<&mut Trial> {
        let machine = self.machines.get_mut(&firmware.mac)?;
        machine.trials.get_mut(&firmware.platform)
    }

    /// The machine, seen now; the one unseen for longest makes room.
    fn saw(&mut self, mac: Mac) -> Option<&mut Machine> {
        let full = self.machines.len() >= self.capacity;
        if full && !self.machines.contains_key(&mac) {
            self.machines.pop_oldest()?;
        }
        self.machines.touch_or_insert(mac, Machine::default)
    }
}

impl Machine {
    fn last_asked(&mut self) -> Option<(Platform, &mut Trial)> {
        let platform = self.asked?;
        Some((platform, self.trials.get_mut(&platform)?))
    }
}

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// Long enough for any loader to begin, and shorter than the way to an operating system's own
/// requests.
pub(super) const FETCH_WITHIN: Duration = Duration::from_secs(600);
