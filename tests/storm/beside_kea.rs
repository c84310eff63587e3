//! A thousand clients from DISCOVER to ACK without a drop, at a rate that Kea on the same machine
//! holds at that moment; the same for renewals. Told by perfdhcp.

use crate::server::{lan, setup};
use crate::support::lan::Host;
use crate::support::left_out;
use crate::support::perfdhcp::Load;
use crate::support::servers::Server;

/// Exchanges a second, the most moderate last: what Kea does not hold now is not asked of us.
const RATES: [u32; 5] = [1000, 700, 500, 300, 150];
/// Of us at a rate; the machine may have been busy in our turn alone.
const TURNS: u32 = 4;
const CLIENTS: u32 = 1000;

/// Whether a server answers everything; what it did not answer is said.
fn holds(who: &str, load: &Load, relay: &Host) -> bool {
    let asked = load.run(relay);
    let lost: Vec<String> = asked
        .iter()
        .filter(|asked| asked.lost() > 0)
        .map(|asked| format!("{} of {} {}", asked.lost(), asked.sent, asked.what))
        .collect();
    eprintln!("{who} at {}/s: lost {}", load.rate, lost.join(", "));
    let renewed = load.renewals == 0
        || asked
            .iter()
            .any(|a| a.what.contains("renewal") && a.sent > 500);
    let all = asked
        .iter()
        .all(|a| a.what.contains("renewal") || a.sent >= u64::from(CLIENTS));
    lost.is_empty() && all && renewed
}

fn kea(server: &Host, load: &Load, relay: &Host) -> bool {
    let _kea = Server::kea_for_thousands(server);
    holds("Kea", load, relay)
}

fn ours(server: &Host, load: &Load, relay: &Host) -> bool {
    let _ours = setup(server, "10.77.200.255").start();
    holds("bootjack", load, relay)
}

/// From the highest rate that Kea holds on, in turns.
fn as_kea(load: impl Fn(u32) -> Load) {
    let (_lan, server, relay) = lan();
    for rate in RATES {
        let load = load(rate);
        for _ in 0..TURNS {
            if !kea(&server, &load, &relay) {
                break;
            }
            if ours(&server, &load, &relay) {
                return;
            }
        }
    }
    panic!("no rate at which we lose as little as Kea");
}

#[test]
fn a_thousand_clients_get_leases_at_keas_rate_without_a_drop() {
    if left_out("a_thousand_clients_get_leases_at_keas_rate_without_a_drop") {
        return;
    }
    as_kea(|rate| Load {
        rate,
        clients: CLIENTS,
        exchanges: Some(CLIENTS),
        ..Load::default()
    });
}

#[test]
fn a_thousand_clients_renew_at_keas_rate_without_a_drop() {
    if left_out("a_thousand_clients_renew_at_keas_rate_without_a_drop") {
        return;
    }
    as_kea(|rate| Load {
        rate,
        renewals: rate,
        clients: CLIENTS,
        exchanges: Some(2 * CLIENTS),
        ..Load::default()
    });
}
