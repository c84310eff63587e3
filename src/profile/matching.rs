//! `match:`: whom a profile is for, and how specific it is for one client.
//!
//! Every key that is given must match, and a list means any of it. How specific a match is, is a
//! [`Rank`]: for each key from the most to the least specific, how well it met this client; ranks
//! are compared like words in a dictionary. So the most specific key decides, the next one breaks a
//! tie, and so on; equal ranks fall to the file that comes first, and `compile` refuses sets in
//! which that could happen to a client of one architecture.

use std::fmt;

use ipnet::Ipv4Net;

use super::pattern::MacPattern;
use super::select::Subject;
use super::why::{Met, Why};
use crate::wire::ArchFilter;
use crate::wire::{Mac, Uuid};
use crate::yaml::At;

/// A compiled `match:`. Empty lists are keys that are not given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// Whole addresses, sorted.
    pub(super) macs: Vec<(Mac, At)>,
    /// Addresses with `*`.
    pub(super) patterns: Vec<(MacPattern, At)>,
    /// UUIDs in [`Uuid::canonical`] order, sorted.
    pub(super) uuids: Vec<(Uuid, At)>,
    /// Networks.
    pub(super) subnets: Vec<(Ipv4Net, At)>,
    /// Architectures.
    pub(super) archs: Vec<(ArchFilter, At)>,
}

/// How specific a match is; greater wins. Each part is 0 where its key is not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The address is listed whole.
    pub mac: bool,
    /// The UUID is listed.
    pub uuid: bool,
    /// [`MacPattern::grade`] of the best pattern.
    pub pattern: u8,
    /// 1 + prefix length of the smallest network.
    pub subnet: u8,
    /// 1: the platform, 2: the very number.
    pub arch: u8,
}

/// The key that kept a profile from matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    Mac,
    Uuid,
    Subnet,
    Arch,
}

impl Match {
    /// How well the client is met, or the first key that it fails.
    pub(super) fn rank(&self, subject: &Subject<'_>) -> Result<Rank, Miss> {
        let (mac, pattern) = self.mac(subject.mac).ok_or(Miss::Mac)?;
        Ok(Rank {
            mac,
            pattern,
            uuid: self.uuid(subject).ok_or(Miss::Uuid)?,
            subnet: self.subnet(subject).ok_or(Miss::Subnet)?,
            arch: self.arch(subject).ok_or(Miss::Arch)?,
        })
    }

    fn mac(&self, mac: Mac) -> Option<(bool, u8)> {
        if self.macs.binary_search_by_key(&mac, |(m, _)| *m).is_ok() {
            return Some((true, 0));
        }
        if self.patterns.is_empty() {
            return self.macs.is_empty().then_some((false, 0));
        }
        let mac = mac.to_string();
        let hits = self.patterns.iter().filter(|(p, _)| p.matches(&mac));
        hits.map(|(p, _)| p.grade())
            .max()
            .map(|grade| (false, grade))
    }

    fn uuid(&self, subject: &Subject<'_>) -> Option<bool> {
        if self.uuids.is_empty() {
            return Some(false);
        }
        let uuid = subject.uuid?.canonical();
        let found = self.uuids.binary_search_by_key(&uuid, |(u, _)| *u);
        found.is_ok().then_some(true)
    }

    fn subnet(&self, subject: &Subject<'_>) -> Option<u8> {
        best(&self.subnets, |net| {
            net.contains(&subject.network)
                .then_some(1 + net.prefix_len())
        })
    }

    fn arch(&self, subject: &Subject<'_>) -> Option<u8> {
        best(&self.archs, |filter| {
            filter.matches(subject.archs).then_some(match filter {
                ArchFilter::Platform(_) => 1,
                ArchFilter::Exact(_) => 2,
            })
        })
    }

    /// Which keys met this client.
    pub(super) fn met(&self, subject: &Subject<'_>, rank: Rank) -> Why {
        Why::Met(Met {
            mac: Some(subject.mac).filter(|_| rank.mac),
            uuid: subject.uuid.filter(|_| rank.uuid),
            pattern: self.pattern_of(subject, rank).cloned(),
            subnet: self.subnet_of(subject, rank).copied(),
            arch: self.arch_of(subject, rank),
        })
    }

    fn pattern_of(&self, subject: &Subject<'_>, rank: Rank) -> Option<&MacPattern> {
        if rank.pattern == 0 {
            return None;
        }
        let written = subject.mac.to_string();
        let mut patterns = self.patterns.iter().map(|(p, _)| p);
        patterns.find(|p| p.grade() == rank.pattern && p.matches(&written))
    }

    fn subnet_of(&self, subject: &Subject<'_>, rank: Rank) -> Option<&Ipv4Net> {
        let mut subnets = self.subnets.iter().map(|(n, _)| n);
        subnets.find(|n| rank.subnet == 1 + n.prefix_len() && n.contains(&subject.network))
    }

    fn arch_of(&self, subject: &Subject<'_>, rank: Rank) -> Option<ArchFilter> {
        let mut archs = self.archs.iter().map(|(a, _)| *a);
        let exact = |a: &ArchFilter| matches!(a, ArchFilter::Exact(_)) == (rank.arch == 2);
        archs.find(|a| exact(a) && a.matches(subject.archs))
    }

    /// Why the client is not met, in words.
    pub(super) fn objection(&self, subject: &Subject<'_>, miss: Miss) -> String {
        match miss {
            Miss::Mac => format!("mac {} is not listed", subject.mac),
            Miss::Uuid => match subject.uuid {
                Some(uuid) => format!("uuid {uuid} is not listed"),
                None => "wants a uuid, and the client sends none".to_owned(),
            },
            Miss::Subnet => {
                let wanted = listed(&self.subnets);
                format!("subnet: {} is not in {wanted}", subject.network)
            }
            Miss::Arch => {
                let has: Vec<String> = subject.archs.iter().map(ToString::to_string).collect();
                format!(
                    "arch: wants {}, the client is {}",
                    listed(&self.archs),
                    has.join(", ")
                )
            }
        }
    }
}

/// The best of the values that meet; `Some(0)` where the key is not given, `None` where none meets.
fn best<T>(values: &[(T, At)], meets: impl Fn(&T) -> Option<u8>) -> Option<u8> {
    if values.is_empty() {
        return Some(0);
    }
    values.iter().filter_map(|(value, _)| meets(value)).max()
}

/// At most this many values are named in a sentence.
const NAMED: usize = 8;

fn listed<T: fmt::Display>(values: &[(T, At)]) -> String {
    let named: Vec<String> = values
        .iter()
        .take(NAMED)
        .map(|(v, _)| v.to_string())
        .collect();
    let more = if values.len() > NAMED { ", …" } else { "" };
    named.join(", ") + more
}
