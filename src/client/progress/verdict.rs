//! What is said of machines by what became of the iPXE or shim that they were sent (see `handed`): Secure
//! Boot, learnt and taken back, shim that is refused, and loops that are cut.

use super::handed::{First, Given};
use super::{Firmware, Learnt, Machine, Now, Progress, Step, Turn};
use crate::assets::pair;
use crate::client::quirk::Behaviour;
use crate::client::{Class, Client, Cut, Past, Stage};
use crate::wire::Mac;

const SECURE_BOOT: Behaviour = Behaviour::SecureBoot;

impl Progress {
    /// What is known of a client: what it was seen to do, the shape to go on with, and how a loop of its is
    /// cut. Firmware tells its HTTP boot from its PXE, and has one Secure Boot for both.
    pub fn past(&self, client: &Client) -> Past {
        let Client { mac, stage, .. } = *client;
        let platform = client.platform();
        let firmware = Firmware { mac, platform };
        let cut = self.machines.get(&mac).and_then(|m| m.handed.cut());
        let in_place = |cut: &Cut| *cut == Cut::ScriptInPlace;
        match (stage, client.class) {
            (Stage::Rom, Class::Pxe) => Past {
                cut: cut.filter(|cut| !in_place(cut)),
                ..self.past_of(firmware)
            },
            (Stage::HttpBoot, _) => self.past_of(firmware).of_http_boot(),
            (Stage::Ipxe, _) => Past {
                cut: cut.filter(in_place),
                ..Past::default()
            },
            _ => Past::default(),
        }
    }

    fn past_of(&self, firmware: Firmware) -> Past {
        let learnt = self.memory.of(firmware).cloned().unwrap_or_default();
        let trying = self.trial(firmware).and_then(|trial| trial.trying);
        let mut learnt = learnt;
        if self.refuses(firmware) {
            learnt.see(SECURE_BOOT);
        }
        Past {
            seen: learnt.seen,
            shape: trying.or(learnt.shape),
            cut: None,
        }
    }

    fn refuses(&self, firmware: Firmware) -> bool {
        let machine = self.machines.get(&firmware.mac);
        machine.is_some_and(|m| m.handed.refuses == Some(firmware.platform))
    }

    /// Firmware asks for boot data anew: by a DISCOVER, or at port 4011 where that is all that is heard of
    /// it. Says what became of the loader that it was sent before.
    pub fn begins(&mut self, now: Now, firmware: Firmware) -> Turn {
        let Some(Machine { handed, .. }) = self.saw(firmware.mac) else {
            return Turn::default();
        };
        let back = handed.begins(now.at, firmware.platform);
        if pair::of(firmware.platform).is_none() {
            let cut = handed.cuts(now.at);
            let rounds = handed.rounds;
            return Turn::of(cut.map(|cut| Step::Looped { cut, rounds }));
        }
        match back {
            Some(First::Shim) => return Turn::of(Some(Step::ShimRefused)),
            Some(First::Ipxe) if handed.refuses != Some(firmware.platform) => {}
            _ => return Turn::default(),
        }
        handed.refuses = Some(firmware.platform);
        let mut learnt = self.learnt_of(firmware);
        if learnt.seen.contains(&SECURE_BOOT) {
            // And its profile has it all the same.
            return Turn::default();
        }
        learnt.see(SECURE_BOOT);
        self.said(now, firmware, learnt, Step::Seen(SECURE_BOOT))
    }

    /// An iPXE of the machine asks for boot data.
    pub(super) fn runs_ipxe(&mut self, now: Now, mac: Mac) -> Turn {
        let Some(Machine { handed, .. }) = self.saw(mac) else {
            return Turn::default();
        };
        let (ran, cut) = handed.runs(now.at);
        let rounds = handed.rounds;
        let Some(platform) = ran else {
            return Turn::of(cut.map(|cut| Step::Looped { cut, rounds }));
        };
        self.takes_back(now, Firmware { mac, platform })
    }

    /// Secure Boot is off after all.
    fn takes_back(&mut self, now: Now, firmware: Firmware) -> Turn {
        let machine = self.machines.get_mut(&firmware.mac);
        let in_memory = machine.and_then(|m| m.handed.refuses.take()).is_some();
        let mut learnt = self.learnt_of(firmware);
        let known = learnt.seen.contains(&SECURE_BOOT);
        learnt.seen.retain(|seen| *seen != SECURE_BOOT);
        if known || in_memory {
            self.said(now, firmware, learnt, Step::Disproved(SECURE_BOOT))
        } else {
            Turn::default()
        }
    }

    /// A machine was sent a file whole.
    pub fn sent(&mut self, now: Now, mac: Mac, given: Given) -> Turn {
        let Some(machine) = self.machines.get_mut(&mac) else {
            return Turn::default();
        };
        machine.handed.is_sent(now.at, given);
        match (given, machine.handed.firmware()) {
            (Given::SecureBootOff, Some(platform)) => {
                self.takes_back(now, Firmware { mac, platform })
            }
            _ => Turn::default(),
        }
    }

    fn learnt_of(&self, firmware: Firmware) -> Learnt {
        self.memory.of(firmware).cloned().unwrap_or_default()
    }

    /// Told also where there is no room to remember it: it holds until bootjack ends.
    fn said(&mut self, now: Now, firmware: Firmware, learnt: Learnt, step: Step) -> Turn {
        let rows = self.memory.keep(now, firmware, learnt).unwrap_or_default();
        let step = Some(step);
        Turn { step, rows }
    }
}

impl Turn {
    /// Of which nothing is kept.
    const fn of(step: Option<Step>) -> Self {
        let rows = Vec::new();
        Self { step, rows }
    }
}
