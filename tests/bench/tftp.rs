//! TFTP beside tftpd-hpa, dnsmasq, atftpd and async-tftp: blocks of 1468 bytes, windows of 1, 16 and
//! 64 of them, 1, 8 and 64 clients. Of the peers, two know windows.
//!
//! Each server has a host of its own, and cuts what it sends in one call into frames of the wire
//! itself, as it would on most network cards. Before a row is measured every client fetches its file
//! once from each side and holds each byte against the pattern; while it is measured clients look at
//! headers and lengths alone, for they would be the limit else.
//!
//! * here: the rows and their goals; [`sides`]: the servers and their clients
//! * [`bound`]: what the kernel sends at most; [`loss`]: the same on a cable that loses packets;
//!   [`cores`]: on two processors

mod bound;
mod cores;
mod loss;
mod sides;

use std::time::Duration;

use super::Run;
use super::table::{Figure, Goal, Row, Table};
use super::tftp_client::Terms;
use sides::{Lab, Side};

/// Clients fetch files for this long in a round; the last ones are fetched to their ends.
const FETCHING: Duration = Duration::from_millis(600);
/// The name of [`bound`] in the table.
const BOUND: &str = "bare GSO";

/// One row: what is asked for, and by how many clients.
#[derive(Debug, Clone, Copy)]
struct Case {
    terms: Terms,
    clients: usize,
    /// Whether a quick run measures it.
    daily: bool,
}

const fn case(blksize: usize, windowsize: u64, clients: usize, daily: bool) -> Case {
    let terms = Terms {
        blksize,
        windowsize,
    };
    Case {
        terms,
        clients,
        daily,
    }
}

const CASES: [Case; 10] = [
    case(512, 1, 8, false),
    case(1468, 1, 1, false),
    case(1468, 1, 8, true),
    case(1468, 1, 64, false),
    case(1468, 16, 1, false),
    case(1468, 16, 8, true),
    case(1468, 16, 64, false),
    case(1468, 64, 1, false),
    case(1468, 64, 8, true),
    case(1468, 64, 64, true),
];

/// All of it.
pub fn run(run: &Run, table: &mut Table) {
    let lab = Lab::new(run);
    let cases = CASES.iter().filter(|case| case.daily || !run.quick);
    cases.for_each(|case| case.measure(run, &lab, table));
    loss::measure(run, &lab, table);
    drop(lab);
    cores::measure(run, table);
}

impl Case {
    fn name(&self) -> String {
        let Terms {
            blksize,
            windowsize,
        } = self.terms;
        let many = if self.clients == 1 { "" } else { "s" };
        format!(
            "TFTP, blksize {blksize}, window {windowsize}, {} client{many}",
            self.clients
        )
    }

    /// Rounds of all sides in turn, and of the bound where there is a goal for its share.
    fn measure(&self, run: &Run, lab: &Lab, table: &mut Table) {
        let windows = self.terms.windowsize > 1;
        let sides: Vec<&Side> = lab
            .sides
            .iter()
            .filter(|side| side.windows || !windows)
            .collect();
        for side in &sides {
            lab.verify(side, self);
        }
        let long = if run.quick { FETCHING / 2 } else { FETCHING };
        let bounded = self.terms.windowsize == 64 && self.clients > 1;
        let (mut all, mut bounds) = (vec![Vec::new(); sides.len()], Vec::new());
        for _ in 0..run.rounds(5) {
            for (side, rounds) in sides.iter().zip(&mut all) {
                rounds.push(lab.fetch(side, self, long));
            }
            if bounded {
                bounds.push(bound::measure(lab, self, long));
            }
        }
        let peers = sides.iter().zip(&all).skip(1);
        let row = peers.fold(Row::more(self.name(), &all[0]), |row, (side, rounds)| {
            row.beside(side.name, rounds)
        });
        table.add(self.goals().into_iter().fold(row, Row::goal));
        if bounded {
            table.add(self.share(&all[0], &bounds));
        }
    }

    fn goals(&self) -> Vec<Goal> {
        match (self.terms.windowsize, self.clients) {
            (64, 8..) => vec![
                Goal::times(2.5).against("atftpd"),
                Goal::cost(0.4).against("atftpd"),
            ],
            (16, _) => vec![Goal::times(2.3).against("atftpd")],
            (1, 8..) => vec![Goal::times(1.0), Goal::cost(1.0)],
            (1, _) => vec![Goal::times(PARITY)],
            _ => Vec::new(),
        }
    }

    fn share(&self, ours: &[Figure], bound: &[Figure]) -> Row {
        let row = Row::more(format!("{}: share of the bound", self.name()), ours);
        row.beside(BOUND, bound).goal(Goal::times(0.8))
    }
}

/// As fast as another one, as far as such a machine can tell.
const PARITY: f64 = 0.95;
