//! The compiled set, indexed so that selection looks at the few profiles that can match.
//!
//! Each profile is filed under one key of its `match:` that a client must meet: whole addresses
//! where it lists nothing else under `mac`, else UUIDs, else addresses and patterns, else subnets,
//! else architectures, else everyone. The candidates for a client are found by hash (addresses,
//! UUIDs, prefixes of addresses by their length, networks by their prefix length, architectures);
//! only patterns with a `*` elsewhere are tried one by one, and those are bounded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::Profile;
use super::matching::Match;
use super::pattern::MacPattern;
use super::select::Subject;
use crate::wire::ArchFilter;
use crate::wire::{Mac, Uuid};

/// A set of profiles that may be served.
#[derive(Debug, Default)]
pub struct Profiles {
    /// Every profile, in file order.
    pub all: Vec<Arc<Profile>>,
    /// Places in `all`, by the profile's name.
    by_name: Vec<u32>,
    matches: Vec<Arc<Match>>,
    macs: Table<Mac>,
    uuids: Table<Uuid>,
    prefixes: BTreeMap<usize, Table<Box<str>>>,
    patterns: Vec<(MacPattern, u32)>,
    subnets: BTreeMap<u8, Table<Ipv4Net>>,
    archs: Table<ArchFilter>,
    everyone: Vec<u32>,
    /// Where items of menus in the firmware are asked for by multicast.
    pub groups: BTreeSet<Ipv4Addr>,
}

/// Value → the profiles filed under it. Nearly always one.
type Table<K> = HashMap<K, Bucket>;

#[derive(Debug)]
enum Bucket {
    One(u32),
    Many(Vec<u32>),
}

/// The key under which a profile is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FiledUnder {
    Mac,
    Uuid,
    Subnet,
    Arch,
    Everyone,
}

impl Match {
    /// The key that narrows the candidates most.
    pub(super) fn filed_under(&self) -> FiledUnder {
        if !self.macs.is_empty() && self.patterns.is_empty() {
            FiledUnder::Mac
        } else if !self.uuids.is_empty() {
            FiledUnder::Uuid
        } else if !self.patterns.is_empty() {
            FiledUnder::Mac
        } else if !self.subnets.is_empty() {
            FiledUnder::Subnet
        } else if !self.archs.is_empty() {
            FiledUnder::Arch
        } else {
            FiledUnder::Everyone
        }
    }
}

impl Profiles {
    /// The set of these profiles, in file order.
    pub(super) fn new(profiles: impl IntoIterator<Item = (Arc<Profile>, Arc<Match>)>) -> Self {
        let mut set = Self::default();
        for (number, (profile, matching)) in (0..).zip(profiles) {
            set.file(number, &matching);
            set.groups.extend(profile.multicast);
            set.all.push(profile);
            set.matches.push(matching);
            set.by_name.push(number);
        }
        let all = &set.all;
        let name = |number: &u32| all.get(*number as usize).map(|p| &*p.name);
        set.by_name.sort_by(|a, b| name(a).cmp(&name(b)));
        set
    }

    /// The profile of this name; the first in file order where several have it.
    pub fn named(&self, name: &str) -> Option<&Arc<Profile>> {
        let of = |number: &u32| self.all.get(*number as usize);
        let before = |number: &u32| of(number).is_some_and(|p| &*p.name < name);
        let at = self.by_name.partition_point(before);
        of(self.by_name.get(at)?).filter(|profile| &*profile.name == name)
    }

    /// All profiles, in file order.
    pub fn all(&self) -> impl Iterator<Item = &Profile> {
        self.all.iter().map(Arc::as_ref)
    }

    /// Each profile with its `match:`, in file order.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Arc<Profile>, &Match)> {
        self.all.iter().zip(self.matches.iter().map(Arc::as_ref))
    }

    /// Each profile with the architectures that its `match:` names, in file order; none: it names none.
    pub fn with_archs(&self) -> impl Iterator<Item = (&Profile, Vec<ArchFilter>)> {
        let archs = |matching: &Match| matching.archs.iter().map(|(arch, _)| *arch).collect();
        self.each()
            .map(move |(profile, matching)| (profile.as_ref(), archs(matching)))
    }

    /// Each profile with the networks that its `match:` names, in file order; none: it names none.
    pub fn with_subnets(&self) -> impl Iterator<Item = (&Profile, Vec<Ipv4Net>)> {
        let subnets = |matching: &Match| matching.subnets.iter().map(|(net, _)| *net).collect();
        self.each()
            .map(move |(profile, matching)| (profile.as_ref(), subnets(matching)))
    }

    /// One profile with its `match:`.
    pub(super) fn get(&self, number: u32) -> Option<(&Arc<Profile>, &Match)> {
        let number = number as usize;
        Some((self.all.get(number)?, self.matches.get(number)?.as_ref()))
    }

    /// Every profile that may match, some of them twice; none that matches is left out.
    pub(super) fn candidates(&self, subject: &Subject<'_>) -> Vec<u32> {
        let mut found = self.everyone.clone();
        let mut add = |bucket: Option<&Bucket>| match bucket {
            None => {}
            Some(Bucket::One(number)) => found.push(*number),
            Some(Bucket::Many(numbers)) => found.extend(numbers),
        };
        add(self.macs.get(&subject.mac));
        let with_star = !self.prefixes.is_empty() || !self.patterns.is_empty();
        let written = if with_star {
            subject.mac.to_string()
        } else {
            String::new()
        };
        for (length, table) in &self.prefixes {
            add(written.get(..*length).and_then(|p| table.get(p)));
        }
        add(subject.uuid.and_then(|u| self.uuids.get(&u.canonical())));
        for (length, table) in &self.subnets {
            let net = Ipv4Net::new(subject.network, *length);
            add(net.ok().and_then(|n| table.get(&n.trunc())));
        }
        for arch in subject.archs {
            add(self.archs.get(&ArchFilter::Exact(*arch)));
            add(self.archs.get(&ArchFilter::Platform(arch.platform())));
        }
        let patterns = self.patterns.iter().filter(|(p, _)| p.matches(&written));
        found.extend(patterns.map(|(_, number)| number));
        found
    }

    fn file(&mut self, number: u32, matching: &Match) {
        match matching.filed_under() {
            FiledUnder::Mac => {
                let macs = matching.macs.iter().map(|(mac, _)| *mac);
                insert(&mut self.macs, macs, number);
                for (pattern, _) in &matching.patterns {
                    self.file_pattern(number, pattern);
                }
            }
            FiledUnder::Uuid => {
                let uuids = matching.uuids.iter().map(|(uuid, _)| *uuid);
                insert(&mut self.uuids, uuids, number);
            }
            FiledUnder::Subnet => {
                for (net, _) in &matching.subnets {
                    let table = self.subnets.entry(net.prefix_len()).or_default();
                    insert(table, [*net], number);
                }
            }
            FiledUnder::Arch => {
                let archs = matching.archs.iter().map(|(arch, _)| *arch);
                insert(&mut self.archs, archs, number);
            }
            FiledUnder::Everyone => self.everyone.push(number),
        }
    }

    fn file_pattern(&mut self, number: u32, pattern: &MacPattern) {
        match pattern.prefix() {
            Some(prefix) => {
                let table = self.prefixes.entry(prefix.len()).or_default();
                insert(table, [prefix.into()], number);
            }
            None => self.patterns.push((pattern.clone(), number)),
        }
    }
}

fn insert<K: Eq + Hash>(table: &mut Table<K>, keys: impl IntoIterator<Item = K>, number: u32) {
    for key in keys {
        let filed = table.entry(key).and_modify(|bucket| match bucket {
            Bucket::One(first) => *bucket = Bucket::Many(vec![*first, number]),
            Bucket::Many(numbers) => numbers.push(number),
        });
        filed.or_insert(Bucket::One(number));
    }
}
