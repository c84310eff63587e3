//! Where every subnet and pool stands, for what concerns several of them: overlaps, and the network
//! of an address. Nothing here counts addresses; a /8 costs as much as a /24.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::model::Range;
use super::words::range_of;
use crate::yaml::{At, Report};

/// More subnets, or pools, than this are a slip.
const MAX_LOTS: usize = 32_768;

/// All subnets and pools, with their places.
#[derive(Default)]
pub(super) struct Ground {
    /// How many networks there are, those that are wrong included.
    pub networks: usize,
    /// Whether there are subnets of which it cannot be told where they are.
    pub unknown: bool,
    subnets: Vec<Lot>,
    pools: Vec<Lot>,
}

/// Some addresses and where they are written.
struct Lot {
    range: Range,
    at: At,
    /// The prefix and the network's number, of a subnet.
    of: Option<(Ipv4Net, usize)>,
}

impl Ground {
    /// Adds a subnet of the network with this number.
    pub fn subnet(&mut self, net: Ipv4Net, network: usize, at: At, report: &mut Report<'_>) {
        let (range, of) = (range_of(net), Some((net, network)));
        let room = add(&mut self.subnets, Lot { range, at, of }, "subnets", report);
        self.unknown |= !room;
    }

    /// Adds a pool; `false` where there are too many.
    pub fn pool(&mut self, range: Range, at: At, report: &mut Report<'_>) -> bool {
        let of = None;
        add(&mut self.pools, Lot { range, at, of }, "pools", report)
    }

    /// Sorts what was added, and reports what overlaps.
    pub fn settle(&mut self, report: &mut Report<'_>) {
        let hint = "each address belongs to one subnet; subnets on one wire make one network";
        settle(&mut self.subnets, "subnet", hint, report);
        let hint = "each address belongs to one pool";
        settle(&mut self.pools, "pool", hint, report);
    }

    /// The subnet of an address and its network's number, once settled.
    pub fn of(&self, address: Ipv4Addr) -> Option<(Ipv4Net, usize)> {
        let behind = self.subnets.partition_point(|lot| lot.range.last < address);
        let lot = self.subnets.get(behind)?;
        lot.of.filter(|_| lot.range.contains(address))
    }

    /// The number of the only network, for what must be in it wherever it lies.
    pub fn only(&self) -> Option<usize> {
        (self.networks == 1).then_some(0)
    }

    /// Some of the subnets, for a hint.
    pub fn shown(&self) -> String {
        let nets = self.subnets.iter().filter_map(|lot| lot.of);
        let shown: Vec<String> = nets.take(8).map(|(net, _)| net.to_string()).collect();
        let more = if self.subnets.len() > 8 { ", …" } else { "" };
        shown.join(", ") + more
    }
}

fn add(lots: &mut Vec<Lot>, lot: Lot, what: &str, report: &mut Report<'_>) -> bool {
    if lots.len() >= MAX_LOTS {
        let hint = "a slip, probably; several small ones next to each other make one".to_owned();
        report.error(lot.at, format!("more than {MAX_LOTS} {what}"), hint);
        return false;
    }
    lots.push(lot);
    true
}

/// Sorted by addresses, each is held against the one before it that reaches furthest.
fn settle(lots: &mut [Lot], what: &str, hint: &str, report: &mut Report<'_>) {
    lots.sort_by_key(|lot| (lot.range.first, lot.at));
    let mut furthest: Option<&Lot> = None;
    for lot in &*lots {
        if let Some(other) = furthest.filter(|f| f.range.overlaps(&lot.range)) {
            overlap(other, lot, what, hint, report);
        }
        if furthest.is_none_or(|f| f.range.last < lot.range.last) {
            furthest = Some(lot);
        }
    }
}

/// Said where the later one of the file stands.
fn overlap(a: &Lot, b: &Lot, what: &str, hint: &str, report: &mut Report<'_>) {
    let (first, later) = if a.at <= b.at { (a, b) } else { (b, a) };
    let message = format!(
        "the {what} {} overlaps {} in line {}",
        later.shown(),
        first.shown(),
        first.at.line
    );
    report.error(later.at, message, hint.to_owned());
}

impl Lot {
    fn shown(&self) -> String {
        self.of
            .map_or_else(|| self.range.to_string(), |(net, _)| net.to_string())
    }
}
