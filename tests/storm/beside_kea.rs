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

fn as_kea(load: impl Fn(u32) -> Load) {
    let (_lan, server, relay) = lan();
    let kea = |rate| kea(&server, &load(rate), &relay);
    let ours = |rate| ours(&server, &load(rate), &relay);
    if let Err(why) = as_good(kea, ours) {
        panic!("{why}");
    }
}

/// The highest rate that Kea holds, if we lose nothing at it either; in turns. Kea alone says that
/// a rate is too much for the machine now.
fn as_good(kea: impl Fn(u32) -> bool, ours: impl Fn(u32) -> bool) -> Result<u32, String> {
    for rate in RATES {
        for turn in 1..=TURNS {
            if !kea(rate) {
                break;
            }
            if ours(rate) {
                return Ok(rate);
            }
            if turn == TURNS {
                return Err(format!(
                    "at {rate}/s we lost something in {TURNS} turns, and Kea in none"
                ));
            }
        }
    }
    Err("no rate that Kea holds".to_owned())
}

/// We have to hold what Kea holds; what it does not hold is not asked of us.
#[test]
fn a_rate_that_kea_alone_holds_is_a_failure() {
    let below = |most: u32| move |rate: u32| rate <= most;
    assert_eq!(as_good(below(1000), below(1000)), Ok(1000));
    assert_eq!(as_good(below(500), below(500)), Ok(500));
    let why = as_good(below(700), below(300)).unwrap_err();
    assert!(why.contains("at 700/s"), "{why}");
    as_good(below(100), below(1000)).unwrap_err();
    // Our turn alone was disturbed, three times.
    let turn = std::cell::Cell::new(0);
    let late = |_| turn.replace(turn.get() + 1) == 3;
    assert_eq!(as_good(below(1000), late), Ok(1000));
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
