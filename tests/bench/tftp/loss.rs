//! A cable that loses 1 % of packets each way: how long files of 1 MiB take with one block a window,
//! and what passes with 64.
//!
//! With one block a window a transfer waits for lost packets nearly all of its time, and costs next to
//! nothing: so all servers are asked at the same time, each by its own 64 clients. Time-outs are the
//! servers'; a client repeats its acknowledgement after a second of silence, and begins again where
//! the server gave up. Every byte is verified while it is measured.

use std::time::{Duration, Instant};

use super::sides::{LOSSY, Lab, Side, asked, rate};
use super::{Case, case};
use crate::table::{Figure, Goal, Row, Table};
use crate::tftp_client::{Ask, fetch};
use crate::{Run, machine, meter};

/// Of 1,000 packets, each way.
const LOST: u32 = 10;
const ALONE: Case = case(1468, 1, 64, false);
const WINDOWS: Case = case(1468, 64, 8, false);
/// How long files are fetched with windows, in a round of each server: much longer than its time-outs,
/// for until the first of them all are fast.
const FETCHING: Duration = Duration::from_secs(12);
/// Each client fetches so many files with one block a window.
const FILES: usize = 2;
/// A file that takes longer never comes.
const NEVER: Duration = Duration::from_secs(300);

/// Both rows; from here on the LAN loses packets.
pub fn measure(run: &Run, lab: &Lab, table: &mut Table) {
    lab.lan.loss(LOST);
    if !run.quick {
        times(run, lab, table);
    }
    rates(run, lab, table);
}

fn times(run: &Run, lab: &Lab, table: &mut Table) {
    let rounds: Vec<Vec<Figure>> = (0..run.rounds(2)).map(|_| of_all(lab)).collect();
    let of = |n: usize| {
        rounds
            .iter()
            .map(|round| round[n].clone())
            .collect::<Vec<_>>()
    };
    let what = "TFTP, 1 % lost each way, window 1, 64 clients: p99 of 1 MiB files";
    let peers = (1..).zip(&lab.sides[1..]);
    let row = peers.fold(Row::less(what, &of(0)), |row, (n, side)| {
        row.beside(side.name, &of(n))
    });
    table.add(row.goal(Goal::times(1.0 / 9.0)));
}

/// The time of the slowest files from each server.
fn of_all(lab: &Lab) -> Vec<Figure> {
    std::thread::scope(|scope| {
        let times = |side| move || slowest(lab, side);
        let all: Vec<_> = lab
            .sides
            .iter()
            .map(|side| scope.spawn(times(side)))
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("clients"))
            .collect()
    })
}

fn slowest(lab: &Lab, side: &Side) -> Figure {
    let case = (&ALONE, LOSSY.0);
    let files = |ask: Ask<'_>| [(); FILES].map(|()| until_it_came(ask));
    let times = asked(&lab.client, machine::on_client_cpu, side, case, files);
    let mut times = times.concat();
    times.sort_by(f64::total_cmp);
    let place = (times.len() * 99).div_ceil(100) - 1;
    Figure::plain(times[place], "s")
}

/// Seconds, however often it has to be begun.
fn until_it_came(ask: Ask<'_>) -> f64 {
    let began = Instant::now();
    let ask = Ask {
        verify: Some(LOSSY.0),
        ..ask
    };
    while !fetch(&ask).is_ok_and(|fetched| fetched.bytes == LOSSY.1) {
        assert!(
            began.elapsed() < NEVER,
            "{} sends no whole file",
            ask.server
        );
    }
    began.elapsed().as_secs_f64()
}

fn rates(run: &Run, lab: &Lab, table: &mut Table) {
    let long = if run.quick { FETCHING / 3 } else { FETCHING };
    let sides: Vec<&Side> = lab.sides.iter().filter(|side| side.windows).collect();
    let mut all = vec![Vec::new(); sides.len()];
    for _ in 0..run.rounds(2) {
        for (side, rounds) in sides.iter().zip(&mut all) {
            rounds.push(rate_of(lab, side, long));
        }
    }
    let what = "TFTP, 1 % lost each way, window 64, 8 clients";
    let peers = sides.iter().zip(&all).skip(1);
    let row = peers.fold(Row::more(what, &all[0]), |row, (side, rounds)| {
        row.beside(side.name, rounds)
    });
    table.add(row.goal(Goal::times(15.0)));
}

/// What came in this time, of files that are not waited for longer.
fn rate_of(lab: &Lab, side: &Side, long: Duration) -> Figure {
    let until = Instant::now() + long;
    let one = |ask: Ask<'_>| {
        let ask = Ask {
            verify: Some(LOSSY.0),
            until: Some(until),
            ..ask
        };
        let mut bytes = 0;
        while Instant::now() < until {
            bytes += fetch(&ask).map_or(0, |fetched| fetched.bytes);
        }
        bytes
    };
    let case = (&WINDOWS, LOSSY.0);
    let work = || asked(&lab.client, machine::on_client_cpu, side, case, one);
    let (bytes, spent) = meter::during(side.id, work);
    rate(bytes.iter().sum::<u64>() as f64, &spent)
}
