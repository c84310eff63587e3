//! ProxyDHCP answers a second beside dnsmasq: each alone on the LAN, in turn.

use std::time::Duration;

use super::dhcp_load::{self, Load};
use super::machine::ON_SERVER_CPU;
use super::support::appliance::Setup;
use super::support::lan::{Host, Lan};
use super::table::{Figure, Table};
use super::{Run, meter, peers, sample};

/// How long machines ask in a round.
const ASKING: Duration = Duration::from_secs(1);
/// What both sides log: what they log by themselves, or no packets.
const LOGS: [(&str, bool); 2] = [
    ("log as it is by default, to a file", false),
    ("packets not logged", true),
];

pub fn run(run: &Run, table: &mut Table) {
    let lan = Lan::new();
    let server = lan.appliance_host();
    let client = lan.host("client", "10.77.0.50/24");
    for (what, quiet) in LOGS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..run.rounds(5) {
            ours.push(bootjack(run, &server, &client, quiet));
            theirs.push(dnsmasq(run, &server, &client, quiet));
        }
        let what = format!("ProxyDHCP, DISCOVER to OFFER, {what}");
        let lost =
            |rounds: &[(Load, Figure)]| -> u64 { rounds.iter().map(|(load, _)| load.lost).sum() };
        let what = match (lost(&ours), lost(&theirs)) {
            (0, 0) => what,
            (ours, theirs) => format!("{what} (unanswered: {ours}, peer {theirs})"),
        };
        let median = |rounds: Vec<(Load, Figure)>| {
            Figure::median(
                &rounds
                    .into_iter()
                    .map(|(_, figure)| figure)
                    .collect::<Vec<_>>(),
            )
        };
        table.beside(&what, &median(ours), "dnsmasq", &median(theirs));
    }
}

fn bootjack(run: &Run, server: &Host, client: &Host, quiet: bool) -> (Load, Figure) {
    let mut setup = Setup::new(server, &run.binary)
        .under(&ON_SERVER_CPU)
        .text_log()
        .profile("lab.yaml", &everyone());
    if quiet {
        setup = setup.flag("--log-level=warn");
    }
    let mut appliance = setup.start();
    let figure = ask(run, appliance.process().id(), client);
    appliance.stop();
    figure
}

fn dnsmasq(run: &Run, server: &Host, client: &Host, quiet: bool) -> (Load, Figure) {
    let mut process = peers::dnsmasq(server, quiet);
    let figure = ask(run, process.id(), client);
    process.stop();
    figure
}

/// One profile, for whom it may concern.
fn everyone() -> String {
    let one = sample::profile("everyone", 0, 1);
    let (head, menu) = (one.split("match:").next(), one.split("menu:").nth(1));
    format!(
        "{}menu:{}",
        head.unwrap_or_default(),
        menu.unwrap_or_default()
    )
}

fn ask(run: &Run, server: u32, client: &Host) -> (Load, Figure) {
    let long = if run.quick { ASKING / 4 } else { ASKING };
    let (load, spent) = meter::during(server, || dhcp_load::run(client, long));
    let figure = Figure {
        value: load.answers as f64 / load.seconds,
        unit: "/s",
        cost: Some((spent.cpu * 1e5 / load.answers as f64, "s/100k")),
    };
    (load, figure)
}
