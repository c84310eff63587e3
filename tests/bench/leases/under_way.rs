//! As fast as the server can: clients that begin as others end, by a load that costs little.

use std::time::Duration;

use super::{ALL, Lab, OURS, RELAY, SECONDS, Who};
use crate::lease_load::{self, UNDER_WAY};
use crate::meter;
use crate::table::{Figure, Row, Table};

impl Lab<'_> {
    /// A row for each way that we are set, beside each peer.
    pub(super) fn one_after_the_other(&self, table: &mut Table) {
        let mut all = ALL.map(|who| (who, Vec::new(), 0));
        for _ in 0..self.run.rounds(3) {
            for (who, rounds, lost) in &mut all {
                let (figure, unanswered) = self.under_way(*who);
                rounds.push(figure);
                *lost += unanswered;
            }
        }
        let (ours, peers) = all.split_at(OURS.len());
        for ((_, ours, unanswered), (_, how)) in ours.iter().zip(OURS) {
            for ((_, theirs, missed), name) in peers.iter().zip(["kea", "dnsmasq"]) {
                let what = format!(
                    "leases, DISCOVER to ACK, {UNDER_WAY} under way, {how} (unanswered: {unanswered}, {name} {missed})"
                );
                table.add(Row::more(what, ours).beside(name, theirs));
            }
        }
    }

    /// Leases a second, and clients that got none.
    fn under_way(&self, who: Who) -> (Figure, u64) {
        let mut running = self.start(who);
        let long = Duration::from_secs(SECONDS.into());
        let ask = || lease_load::run(&self.relay, RELAY, long);
        let (load, spent) = meter::during(running.id(), ask);
        let leases = load.leases as f64;
        let figure = Figure {
            value: leases / load.seconds,
            unit: "/s",
            cost: Some((spent.cpu * 1e5 / leases, "s/100k")),
        };
        (figure, load.lost)
    }
}
