//! A room that is switched on at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::lab::{Lab, US, edk2, kind};
use crate::support::clients::BootClient;
use crate::support::dhcp_client::Reply;
use crate::support::servers::Server;

/// When EDK2 sends its DISCOVERs.
const ASKS: [u64; 4] = [0, 4, 12, 28];
const LONG: Duration = Duration::from_secs(60);

/// dnsmasq as distributions ship it is busy for twenty seconds then. Each machine waits for its lease, for what
/// shim and GRUB do with a proxy's OFFER alone is to stay at a prompt; and nobody is said to answer no relays.
#[test]
fn beside_a_dnsmasq_that_pings() {
    as_root!("beside_a_dnsmasq_that_pings");
    let lab = Lab::new();
    let _theirs = Server::dnsmasq_that_pings(&lab.lan.dhcp_host());
    let room: Vec<BootClient> = (1..=8).map(edk2).collect();
    let (began, mut asks) = (Instant::now(), ASKS.into_iter().peekable());
    let mut offered = BTreeSet::new();
    while offered.len() < room.len() && began.elapsed() < LONG {
        if asks
            .next_if(|at| began.elapsed() >= Duration::from_secs(*at))
            .is_some()
        {
            let waiting = room
                .iter()
                .filter(|machine| !offered.contains(&machine.xid));
            waiting.for_each(|machine| lab.card.broadcast(&machine.discover()));
        }
        let ours = |reply: &Reply| *reply.from.ip() == US && kind(reply) == 2;
        if let Some(offer) = lab.card.hear(Duration::from_millis(100), ours) {
            assert!(!offer.yiaddr().is_unspecified(), "a loader without a lease");
            offered.insert(offer.xid());
        }
    }
    println!("all have lease and loader after {:?}", began.elapsed());
    assert_eq!(offered.len(), room.len());
    for machine in &room {
        assert!(lab.events(machine, "no-lease").is_empty());
    }
}
