//! SIGKILL at any moment under load, a hundred times in a row on one state folder: every lease that
//! a client heard an ACK for is there afterwards, and nobody else was told that it is his.

use std::time::{Duration, Instant};

use crate::clients::{Clients, Random};
use crate::server::{exported, lan, setup, state};
use crate::support::left_out;
use crate::told::now;

const ROUNDS: u32 = 100;
/// Machines that are there at once; names under which they come; addresses for them (256 × 2).
const MACHINES: u32 = 200;
const NAMES: u32 = 600;
const LAST: &str = "10.77.2.255";
/// The variable that makes a run come again, as far as the server's timing does.
const SEED: &str = "STORM_SEED";

#[test]
fn no_acknowledged_lease_is_lost_in_a_hundred_kills() {
    if left_out("no_acknowledged_lease_is_lost_in_a_hundred_kills") {
        return;
    }
    let given = std::env::var(SEED).ok().map(|seed| seed.parse().unwrap());
    let seed: u64 = given.unwrap_or_else(|| now().cast_unsigned());
    eprintln!("{SEED}={seed}");
    let (_lan, server, relay) = lan();
    let mut clients = Clients::new(&relay, MACHINES, NAMES, seed);
    let mut random = Random(seed);
    let began = Instant::now();
    let mut naks = 0;
    for round in 0..ROUNDS {
        let mut appliance = setup(&server, LAST).start();
        if round % 2 == 1 {
            let rows = exported(&state(&server));
            let when = format!("STORM_SEED={seed}, the start after kill {round}");
            clients.told.is_kept_by(&rows, &when);
        }
        let moment = Duration::from_millis(5 + random.below(146));
        let mut first = None;
        let heard = clients.run(|heard| {
            if heard.acks > 0 {
                first.get_or_insert_with(Instant::now);
            }
            first.is_some_and(|first: Instant| first.elapsed() >= moment)
        });
        naks += heard.naks;
        appliance.process().kill();
        assert!(!appliance.log().contains("is damaged"), "round {round}");
        clients.hear_the_last();
        if round % 2 == 1 {
            let when = format!("STORM_SEED={seed}, kill {}", round + 1);
            clients.told.is_kept_by(&exported(&state(&server)), &when);
        }
    }
    let took = began.elapsed().as_secs_f64();
    let acks = clients.told.acks;
    eprintln!("{ROUNDS} kills, {acks} ACKs, {naks} NAKs of offers that died, {took:.0} s");
    assert!(acks > 20 * u64::from(ROUNDS), "{acks}: a storm it was not");
}
