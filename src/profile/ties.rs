//! Profiles that are equally specific for the same client: nobody could say which one wins.
//!
//! Two profiles tie when they give the same keys and share a value of each: the same address, the
//! same UUID (in either byte order), the same network, the same architecture; of patterns, also two
//! of the same grade that overlap. Two profiles without a match tie always. A client that names
//! several architectures may still meet two profiles equally; there the order of the files decides.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ipnet::Ipv4Net;

use super::matching::Match;
use super::pattern::MacPattern;
use crate::wire::ArchFilter;
use crate::wire::{Mac, Uuid};
use crate::yaml::At;

/// Patterns whose only `*` is not at their end are tried one by one; more than this are refused.
pub(super) const MAX_PATTERNS: usize = 256;

/// Two profiles of a set that tie, and on what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tie {
    /// The later profile, and where its value stands.
    pub later: (usize, At),
    /// The earlier profile, and where its value stands.
    pub earlier: (usize, At),
    /// The value they share: "mac 52:54:00:12:34:56".
    pub on: String,
    /// How many more values they share.
    pub more: usize,
}

/// A value of a `match:`; of a profile the values of its most specific key are compared by hash,
/// those of its other keys one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Item<'m> {
    Mac(Mac),
    Pattern(&'m MacPattern),
    Uuid(Uuid),
    Subnet(Ipv4Net),
    Arch(ArchFilter),
    Everyone,
}

/// Every pair of `matches` that ties, once each.
pub(super) fn find(matches: &[&Match]) -> Vec<Tie> {
    let mut ties = Ties::default();
    for (number, matching) in matches.iter().enumerate() {
        for (item, at) in items(matching) {
            ties.meet(item, (number, at), matches);
        }
    }
    let loose = loose_patterns(matches);
    for (i, (one, a)) in loose.iter().enumerate() {
        for (other, b) in loose.iter().take(i.min(MAX_PATTERNS)) {
            if one != other && one.grade() == other.grade() && one.overlaps(other) {
                ties.compare(&Item::Pattern(one), *b, *a, matches);
            }
        }
    }
    ties.found.into_values().collect()
}

/// The patterns that cannot be looked up by hash, with their profile and place.
pub(super) fn loose_patterns<'m>(matches: &[&'m Match]) -> Vec<(&'m MacPattern, (usize, At))> {
    let all = matches.iter().enumerate();
    let all = all.flat_map(|(n, m)| m.patterns.iter().map(move |(p, at)| (p, (n, *at))));
    all.filter(|(p, _)| p.prefix().is_none()).collect()
}

#[derive(Default)]
struct Ties<'m> {
    first: HashMap<Item<'m>, (usize, At)>,
    more: HashMap<Item<'m>, Vec<(usize, At)>>,
    found: BTreeMap<(usize, usize), Tie>,
}

impl<'m> Ties<'m> {
    fn meet(&mut self, item: Item<'m>, here: (usize, At), matches: &[&Match]) {
        let first = *self.first.entry(item).or_insert(here);
        if first.0 == here.0 {
            return;
        }
        let others = self.more.entry(item).or_default();
        let mut before = std::iter::once(first).chain(others.iter().copied());
        let tied = before.find(|(earlier, _)| share_the_rest(item, matches, *earlier, here.0));
        others.push(here);
        if let Some(earlier) = tied {
            self.note(&item, earlier, here);
        }
    }

    fn compare(
        &mut self,
        item: &Item<'_>,
        earlier: (usize, At),
        later: (usize, At),
        matches: &[&Match],
    ) {
        if earlier.0 != later.0 && share_the_rest(*item, matches, earlier.0, later.0) {
            self.note(item, earlier, later);
        }
    }

    fn note(&mut self, item: &Item<'_>, earlier: (usize, At), later: (usize, At)) {
        let tie = self.found.entry((later.0, earlier.0));
        tie.and_modify(|tie| tie.more += 1).or_insert_with(|| Tie {
            later,
            earlier,
            on: item.to_string(),
            more: 0,
        });
    }
}

/// The values of the most specific key that is given.
fn items(m: &Match) -> Box<dyn Iterator<Item = (Item<'_>, At)> + '_> {
    if !m.macs.is_empty() || !m.patterns.is_empty() {
        let whole = m.macs.iter().map(|(mac, at)| (Item::Mac(*mac), *at));
        Box::new(whole.chain(m.patterns.iter().map(|(p, at)| (Item::Pattern(p), *at))))
    } else if !m.uuids.is_empty() {
        Box::new(m.uuids.iter().map(|(u, at)| (Item::Uuid(*u), *at)))
    } else if !m.subnets.is_empty() {
        Box::new(m.subnets.iter().map(|(n, at)| (Item::Subnet(*n), *at)))
    } else if !m.archs.is_empty() {
        Box::new(m.archs.iter().map(|(a, at)| (Item::Arch(*a), *at)))
    } else {
        Box::new(std::iter::once((Item::Everyone, At { line: 1, column: 1 })))
    }
}

/// Whether two profiles that share `item` share a value of every other key, too.
fn share_the_rest(item: Item<'_>, matches: &[&Match], one: usize, other: usize) -> bool {
    let (Some(a), Some(b)) = (matches.get(one), matches.get(other)) else {
        return false;
    };
    let is_mac = matches!(item, Item::Mac(_) | Item::Pattern(_));
    let uuid = matches!(item, Item::Uuid(_)) || share(&a.uuids, &b.uuids);
    let subnet = matches!(item, Item::Subnet(_)) || share(&a.subnets, &b.subnets);
    let arch = matches!(item, Item::Arch(_)) || share(&a.archs, &b.archs);
    let mac = is_mac || has_no_mac(a) == has_no_mac(b);
    mac && uuid && subnet && arch
}

fn has_no_mac(m: &Match) -> bool {
    m.macs.is_empty() && m.patterns.is_empty()
}

/// Both keys are not given, or have a value in common. Both lists are sorted.
fn share<T: Ord>(a: &[(T, At)], b: &[(T, At)]) -> bool {
    let has = |list: &[(T, At)], value: &T| list.binary_search_by(|(v, _)| v.cmp(value)).is_ok();
    (a.is_empty() && b.is_empty()) || a.iter().any(|(value, _)| has(b, value))
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "mac {mac}"),
            Self::Pattern(pattern) => write!(f, "mac {pattern}"),
            Self::Uuid(uuid) => write!(f, "uuid {uuid}"),
            Self::Subnet(net) => write!(f, "subnet {net}"),
            Self::Arch(arch) => write!(f, "arch {arch}"),
            Self::Everyone => f.write_str("every machine"),
        }
    }
}
