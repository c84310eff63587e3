//! A pool of one address, and two who want it; a pool that made-up clients close.

use std::time::Instant;

use crate::house::{Imitated, NAK, SOON, US, at, config, event, kind, logging, mac, row, setup};
use crate::support::appliance::Appliance;
use crate::support::dhcp_client::{DhcpClient, Reply};
use crate::support::lan::Lan;
use crate::support::lease_clients::{LeaseClient, Program};
use crate::support::packet::{DISCOVER, Packet};
use crate::support::poll;

const ONE: &str = "  conflict-check: off
  lease-time: { min: 2s, default: 4s }
  networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.100 ] } ]
";

/// Nothing was said to the first up to an answer to the second.
fn heard_nothing(client: &Imitated, marker: &Imitated) {
    let packet = marker.discover();
    marker.card.broadcast(&packet);
    let closing = |r: &Reply| r.xid() == packet.xid && r.from.port() == 67;
    let mut told = client.card.heard_until(closing);
    told.retain(|r| r.from.port() == 67 && r.to_client() == client.mac());
    assert!(told.is_empty(), "{told:?}");
}

fn exhausted(appliance: &Appliance, mac: &str) {
    let words = [("client", mac), ("reason", "exhausted")];
    let event = event(appliance, "ignored", &words);
    let detail = event["detail"].as_str().unwrap();
    assert!(
        !detail.contains(mac),
        "whose it is stands beside it: {event}"
    );
}

#[test]
fn of_two_that_race_for_the_last_address_one_gets_it() {
    as_root!("of_two_that_race_for_the_last_address_one_gets_it");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    // What is not heard of at this level nobody has to act on.
    let appliance = logging(&boot, "warn")
        .config(&config(&ONE.replace("4s", "1h")))
        .start();
    let racers = [1, 2].map(|n| Imitated::new(&lan.client(&format!("racer{n}")), n));
    let asked = racers.each_ref().map(Imitated::discover);
    for (racer, packet) in racers.iter().zip(&asked) {
        racer.card.broadcast(packet);
    }
    let has = |racer: &Imitated| {
        appliance
            .events()
            .iter()
            .any(|e| e["client"] == racer.mac())
    };
    poll::expect("one is told nothing", SOON, || racers.iter().any(has));
    let loser = racers.iter().position(has).unwrap();
    let (winner, loser) = (&racers[1 - loser], &racers[loser]);
    exhausted(&appliance, &loser.mac());
    let offer = winner.answer(&asked[usize::from(winner.mac() == racers[1].mac())]);
    assert_eq!(offer.yiaddr(), at(100));
    heard_nothing(loser, winner);
    // Asked for nevertheless, before and after the other has it.
    assert_eq!(kind(&loser.ask(&loser.request(at(100), US))), NAK);
    assert_eq!(winner.lease().1.yiaddr(), at(100));
    assert_eq!(kind(&loser.ask(&loser.request(at(100), US))), NAK);
    assert_eq!(row(&boot, at(100)).unwrap()["mac"], winner.mac());
}

/// Real clients: the second waits, is not answered, and is served when the first one's lease ends.
#[test]
fn an_exhausted_pool_serves_again_when_a_lease_ends() {
    as_root!("an_exhausted_pool_serves_again_when_a_lease_ends");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let appliance = setup(&boot, &ONE.replace("default: 4s", "default: 1h")).start();
    let (first, second) = (lan.client("first"), lan.client("second"));
    let mut holder = LeaseClient::new(Program::Dhcpcd, &first);
    assert_eq!(holder.get().address, at(100));
    let mut waiting = LeaseClient::new(Program::Udhcpc, &second);
    waiting.start();
    exhausted(&appliance, &mac(&second));
    assert_eq!(row(&boot, at(100)).unwrap()["mac"], mac(&first));
    holder.release();
    let lease = waiting
        .next_lease(SOON)
        .expect("the address that came free");
    assert_eq!(lease.address, at(100));
    waiting.crash();

    // And when one lapses: this holder has gone without a word.
    crate::house::edit(&boot, ONE);
    crate::house::count(&appliance, "reloaded", 1);
    let mut gone = LeaseClient::new(Program::Udhcpc, &second);
    assert_eq!(gone.get().seconds, Some(4));
    gone.crash();
    let third = lan.client("third");
    let mut waiting = LeaseClient::new(Program::Dhclient, &third);
    assert_eq!(waiting.get().address, at(100));
    exhausted(&appliance, &mac(&third));
}

const TEN: &str = "  conflict-check: off
  networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.109 ] } ]
";
const MADE_UP: u32 = 3000;

/// Each offer would hold its address for two minutes; and the log would have a line for each client
/// that there was nothing for.
#[test]
fn made_up_clients_close_a_pool_for_seconds_and_do_not_fill_the_log() {
    as_root!("made_up_clients_close_a_pool_for_seconds_and_do_not_fill_the_log");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let mut appliance = logging(&boot, "info").config(&config(TEN)).start();
    let stranger = lan.client("stranger");
    let card = DhcpClient::new(&stranger);
    let began = Instant::now();
    for n in 0..MADE_UP {
        let [_, _, a, b] = n.to_be_bytes();
        card.broadcast(&Packet::new(DISCOVER, [2, 0, 0, 9, a, b], n));
    }
    let lease = LeaseClient::new(Program::Udhcpc, &lan.client("honest")).get();
    assert!((100..110).contains(&lease.address.octets()[3]));
    let summed = || appliance.log().contains(" more like it in the last ");
    poll::expect("what was not logged is told", SOON, summed);

    let seconds = began.elapsed().as_secs() + 2;
    let log = appliance.log();
    let exhausted: Vec<&str> = log.lines().filter(|l| l.contains("exhausted")).collect();
    let (sums, lines): (Vec<&str>, Vec<&str>) = exhausted
        .iter()
        .partition(|l| l.contains(" more like it in the last "));
    let most = 5 * seconds as usize;
    assert!((5..=most).contains(&lines.len()), "{} lines", lines.len());
    assert!(sums.len() <= seconds as usize / 10 + 1, "{sums:?}");
    assert!(sums[0].contains(" s (ignored, exhausted)"), "{sums:?}");
    // What the counters say is exact.
    let metrics = appliance.get("/metrics");
    let series = "bootjack_dhcp_ignored_total{reason=\"exhausted\"} ";
    let counted = metrics.lines().find_map(|line| line.strip_prefix(series));
    let counted: usize = counted.unwrap().parse().unwrap();
    appliance.stop();
    let log = appliance.log();
    let sums = log.lines().filter_map(|l| {
        let sum = l.split("… and ").nth(1)?.split(" more like it").next()?;
        Some(sum.replace(',', "").parse::<usize>().unwrap()).filter(|_| l.contains("exhausted"))
    });
    let told = log
        .lines()
        .filter(|l| l.contains("\"reason\":\"exhausted\""))
        .count();
    assert_eq!(sums.sum::<usize>() + told, counted, "none is lost");
    let last = log.lines().last().unwrap();
    assert!(last.contains("stopped by SIGTERM after "), "{last}");
    assert!(
        last.contains("; 1 lease is kept for the next start"),
        "{last}"
    );
}
