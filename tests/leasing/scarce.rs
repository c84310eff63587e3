//! A pool of one address, and two who want it.

use crate::house::{Imitated, NAK, SOON, US, at, config, event, kind, logging, mac, row, setup};
use crate::support::appliance::Appliance;
use crate::support::dhcp_client::Reply;
use crate::support::lan::Lan;
use crate::support::lease_clients::{LeaseClient, Program};
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
    event(appliance, "ignored", &words);
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
