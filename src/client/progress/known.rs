//! What is known of machines, for those who look: lists, the API, counters.
//!
//! Machines wait while anybody holds what is known. So of all of them a copy is given ([`All`]), and
//! what takes time is done with that.

use std::collections::BTreeMap;

use super::{Firmware, Learnt, Progress};
use crate::client::{Cut, Shape};
use crate::wire::Mac;

/// What is known of one firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whose.
    pub firmware: Firmware,
    /// What was learnt, where anything was.
    pub learnt: Option<Learnt>,
    /// The shape that is tried with it now.
    pub trying: Option<Shape>,
    /// How a chain loop of its machine is cut now.
    pub cut: Option<Cut>,
}

/// What is known of all machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct All {
    learnt: Vec<(Firmware, Learnt)>,
    trying: Vec<(Firmware, Shape)>,
    cut: Vec<(Firmware, Cut)>,
}

impl All {
    /// Of each firmware: what was learnt, and what is tried now; by machine.
    pub fn known(self) -> Vec<Known> {
        let mut known = BTreeMap::new();
        let of = |firmware| Known {
            firmware,
            learnt: None,
            trying: None,
            cut: None,
        };
        for (firmware, learnt) in self.learnt {
            let one = known.entry(firmware).or_insert_with(|| of(firmware));
            one.learnt = Some(learnt);
        }
        for (firmware, shape) in self.trying {
            let one = known.entry(firmware).or_insert_with(|| of(firmware));
            one.trying = Some(shape);
        }
        for (firmware, cut) in self.cut {
            let one = known.entry(firmware).or_insert_with(|| of(firmware));
            one.cut = Some(cut);
        }
        known.into_values().collect()
    }
}

impl Progress {
    /// Everything that was learnt, in no order.
    pub fn learnt(&self) -> impl Iterator<Item = (&Firmware, &Learnt)> {
        self.memory.iter()
    }

    /// Of how many firmwares something was learnt.
    pub fn remembered(&self) -> usize {
        self.memory.len()
    }

    /// What is known of all machines, as it is now: a copy, to be put in order by whoever has time.
    pub fn all(&self) -> All {
        let learnt = self.memory.iter();
        let trying = self.machines.iter().flat_map(|(mac, machine)| {
            let tries = machine.trials.iter();
            tries.filter_map(|(platform, trial)| {
                let firmware = Firmware {
                    mac: *mac,
                    platform: *platform,
                };
                Some((firmware, trial.trying?))
            })
        });
        let cut = self.machines.iter().filter_map(|(mac, machine)| {
            let (platform, cut) = machine.handed.cut_of()?;
            Some((
                Firmware {
                    mac: *mac,
                    platform,
                },
                cut,
            ))
        });
        All {
            cut: cut.collect(),
            learnt: learnt.map(|(of, learnt)| (*of, learnt.clone())).collect(),
            trying: trying.collect(),
        }
    }

    fn cut_of(&self, firmware: Firmware) -> Option<Cut> {
        let (platform, cut) = self.machines.get(&firmware.mac)?.handed.cut_of()?;
        (platform == firmware.platform).then_some(cut)
    }

    /// What is known of one machine.
    pub fn known_of(&self, mac: Mac) -> Vec<Known> {
        let known = Firmware::all_of(mac).map(|firmware| Known {
            firmware,
            learnt: self.memory.of(firmware).cloned(),
            trying: self.trial(firmware).and_then(|trial| trial.trying),
            cut: self.cut_of(firmware),
        });
        let is_known =
            |known: &Known| known.learnt.is_some() || known.trying.is_some() || known.cut.is_some();
        known.filter(is_known).collect()
    }
}
