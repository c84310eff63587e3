//! `make bench`: bootjack and its peers, measured side by side in one run and told as one table.
//!
//! Every server runs on the first processor and its clients on the second, in the laboratory's
//! network namespaces. Rounds of the peers and of ours take turns, and medians are told: of the rates,
//! and of what they cost the server's processor. Absolute figures move with what else the machine
//! does: the ratios are what counts. Nothing here passes or fails; where there is a goal, the table
//! tells whether it was reached.
//!
//! ```text
//! bench [--quick] [--one-cpu] [--readme] [NAME …]
//! ```
//!
//! Without a name all are measured but those that take too long for it.
//!
//! * [`start`], [`decision`], [`reload`], [`store`]: bootjack alone
//! * [`leases`], [`proxy`], [`tftp`], [`http`]: beside Kea and dnsmasq, dnsmasq, four TFTP
//!   servers, nginx
//! * [`boot`]: real firmware, by bootjack and by dnsmasq
//! * [`peers`]: how those are run; [`meter`]: processor time and memory out of `/proc`
//! * [`dhcp_load`], [`lease_load`], [`tftp_client`], [`http_client`], [`tls_client`]: the
//!   clients, the same for all sides
//! * [`figure`], [`row`], [`goal`]: what was measured; [`table`]: how it is told; [`results`]: the
//!   same for programs; [`numbers`]: the same in README
//! * [`sample`]: profiles and files to measure with

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a benchmark that cannot be run says so and ends; figures are rounded anyway"
)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/authority.rs"]
mod authority;

mod boot;
mod decision;
mod dhcp_load;
mod figure;
mod goal;
mod http;
mod http_client;
mod lease_load;
mod leases;
mod machine;
mod meter;
mod numbers;
mod peers;
mod proxy;
mod reload;
mod results;
mod row;
mod sample;
mod start;
mod store;
mod table;
mod tftp;
mod tftp_client;
mod tls_client;

use std::path::PathBuf;
use std::process::ExitCode;

use machine::Machine;
use results::{Measured, Results};
use table::Table;

/// A benchmark: its name on the command line, and what it does.
type Bench = (&'static str, fn(&Run, &mut Table));

/// In the order of README.
const ALL: [Bench; 10] = [
    ("start", start::run),
    ("decision", decision::run),
    ("reload", reload::run),
    ("store", store::run),
    ("leases", leases::run),
    ("proxy", proxy::run),
    ("tftp", tftp::run),
    ("http", http::run),
    ("boot", boot::run),
    ("perfdhcp", leases::by_perfdhcp),
];

/// Those that take long and are measured only where they are named.
const BY_NAME: [&str; 2] = ["boot", "perfdhcp"];

/// Of all of them, in this order.
const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        names[at] = ALL[at].0;
        at += 1;
    }
    names
};

/// Less of everything; clients on the server's processor; README's numbers written anew.
const FLAGS: [&str; 3] = ["--quick", "--one-cpu", "--readme"];

/// What every benchmark is told.
struct Run {
    /// The bootjack binary built beside this program.
    binary: PathBuf,
    /// Less of everything: whether it works, not how fast.
    quick: bool,
}

impl Run {
    /// Rounds that are measured.
    fn rounds(&self, usual: usize) -> usize {
        if self.quick { 1 } else { usual }
    }

    /// An amount, or a tenth of it.
    fn amount(&self, usual: u64) -> u64 {
        if self.quick { usual / 10 } else { usual }
    }
}

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with('-'));
    let has = |wanted: &str| flags.iter().any(|flag| flag == wanted);
    if let Some(why) = refused(&flags, &names) {
        eprintln!(
            "{why}\nusage: bench [{}] [{}]",
            FLAGS.join("] ["),
            NAMES.join("|")
        );
        return ExitCode::from(2);
    }
    if support::left_out("the benchmarks; start them with sudo") {
        return ExitCode::FAILURE;
    }
    machine::before_all_others();
    let run = Run {
        binary: beside_this_program(),
        quick: has("--quick"),
    };
    if has("--one-cpu") {
        machine::share_one_cpu();
    }
    match measured(&run, &names, has("--readme")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Why this command line is none.
fn refused(flags: &[String], names: &[String]) -> Option<String> {
    let flag = flags.iter().find(|flag| !FLAGS.contains(&flag.as_str()));
    let name = names.iter().find(|name| !NAMES.contains(&name.as_str()));
    let unknown = flag.or(name).map(|word| format!("{word} is not known"));
    let quick = ["--quick", "--readme"]
        .iter()
        .all(|flag| flags.iter().any(|f| f == flag));
    unknown.or_else(|| quick.then(|| "a quick run is nothing for README".to_owned()))
}

/// Runs the benchmarks named, all where none is; prints each as it is measured, and keeps it.
fn measured(run: &Run, names: &[String], readme: bool) -> Result<(), String> {
    let (machine, versions) = (Machine::this(), peers::versions());
    let file = results::file(run.quick);
    let mut results = Results::read(&file);
    for (name, bench) in ALL {
        let usual = names.is_empty() && !BY_NAME.contains(&name);
        if usual || names.iter().any(|wanted| wanted == name) {
            let mut measured = Measured::begin(name, &machine, &versions);
            eprint!("{name} … ");
            measured.fill(|table| bench(run, table));
            eprintln!("{:.0} s", measured.seconds);
            println!("{}\n{}", measured.told(), measured.rows);
            results.put(measured, &NAMES);
            let kept = results.write(&file);
            kept.map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    println!(
        "{}\nAs a file: {}",
        results::explained(&machine, &versions),
        file.display()
    );
    if readme {
        numbers::write(&results)
    } else {
        Ok(())
    }
}

fn beside_this_program() -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    let folder = this.parent().and_then(std::path::Path::parent);
    folder.expect("cargo's folder").join("bootjack")
}
