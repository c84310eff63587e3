//! `make bench`: bootjack and its peers, measured side by side in one run and told as one table.
//!
//! Every server runs on the first processor and its clients on the second, in the laboratory's
//! network namespaces. Rounds of a peer and of ours take turns, and medians are told: of the rates,
//! and of what they cost the server's processor. Absolute figures move with what else the machine
//! does: the ratios are what counts. Nothing here passes or fails.
//!
//! ```text
//! bench [--quick] [--one-cpu] [start|decision|reload|store|leases|proxy|tftp|http|boot …]
//! ```
//!
//! * [`start`], [`decision`], [`reload`], [`store`]: bootjack alone
//! * [`leases`], [`proxy`], [`tftp`], [`http`]: beside Kea and dnsmasq, dnsmasq, tftpd-hpa, nginx
//! * [`boot`]: real firmware, by bootjack and by dnsmasq
//! * [`peers`]: how those are run; [`meter`]: processor time and memory out of `/proc`
//! * [`dhcp_load`], [`lease_load`], [`tftp_client`], [`http_client`]: the clients, the same for both sides
//! * [`table`]: what is printed; [`sample`]: profiles and files to measure with

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

mod boot;
mod decision;
mod dhcp_load;
mod http;
mod http_client;
mod lease_load;
mod leases;
mod machine;
mod meter;
mod peers;
mod proxy;
mod reload;
mod sample;
mod start;
mod store;
mod table;
mod tftp;
mod tftp_client;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use table::Table;

/// A benchmark: its name on the command line, and what it does.
type Bench = (&'static str, fn(&Run, &mut Table));

const ALL: [Bench; 9] = [
    ("start", start::run),
    ("decision", decision::run),
    ("reload", reload::run),
    ("store", store::run),
    ("leases", leases::run),
    ("proxy", proxy::run),
    ("tftp", tftp::run),
    ("http", http::run),
    ("boot", boot::run),
];

/// Less of everything; clients on the server's processor.
const FLAGS: [&str; 2] = ["--quick", "--one-cpu"];

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
    let known = |name: &String| ALL.iter().any(|(known, _)| known == name);
    let has = |wanted: &str| flags.iter().any(|flag| flag == wanted);
    let flag_known = |flag: &String| FLAGS.contains(&flag.as_str());
    if !flags.iter().all(flag_known) || !names.iter().all(known) {
        eprintln!(
            "usage: bench [--quick] [--one-cpu] [start|decision|reload|store|leases|proxy|tftp|http|boot …]"
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
    println!("{}", measured(&run, &names));
    ExitCode::SUCCESS
}

/// The table of the benchmarks named, of all where none is.
fn measured(run: &Run, names: &[String]) -> Table {
    let mut table = Table::new(machine::told());
    for (name, bench) in ALL {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            let began = Instant::now();
            eprint!("{name} … ");
            bench(run, &mut table);
            eprintln!("{:.0} s", began.elapsed().as_secs_f64());
        }
    }
    table
}

fn beside_this_program() -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    let folder = this.parent().and_then(std::path::Path::parent);
    folder.expect("cargo's folder").join("bootjack")
}
