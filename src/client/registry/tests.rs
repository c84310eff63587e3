//! What is kept of machines, and whom an address belongs to.

use super::*;
use crate::client::{Choice, KnownBy};

fn machine(n: u8, ip: Option<[u8; 4]>) -> Client {
    let mac = Mac::ethernet([2, 0, 0, 0, 0, n]);
    Client {
        ip: ip.map(Ipv4Addr::from),
        ..Client::unknown(mac, Ipv4Addr::UNSPECIFIED)
    }
}

#[test]
fn an_address_finds_its_machine_and_moves_with_it() {
    let mut registry = Registry::new(4);
    registry.saw(machine(1, None)).unwrap();
    assert!(registry.has_address(machine(1, None).mac, Side::Link, [10, 0, 0, 9].into()));
    registry.saw(machine(1, None)).unwrap();
    assert_eq!(
        registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
        machine(1, None).mac
    );
    registry.saw(machine(2, Some([10, 0, 0, 9]))).unwrap();
    assert_eq!(
        registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
        machine(2, None).mac
    );
    registry.saw(machine(1, Some([10, 0, 0, 8]))).unwrap();
    assert_eq!(
        registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
        machine(2, None).mac
    );
}

#[test]
fn a_machine_that_moves_leaves_its_old_address_to_whoever_has_it_now() {
    let mut registry = Registry::new(4);
    registry.saw(machine(1, Some([10, 0, 0, 9]))).unwrap();
    registry.saw(machine(2, Some([10, 0, 0, 9]))).unwrap();
    registry.has_address(machine(1, None).mac, Side::Link, [10, 0, 0, 8].into());
    for (ip, number) in [(9, 2), (8, 1)] {
        let found = registry.by_ip([10, 0, 0, ip].into()).unwrap();
        assert_eq!(found.mac, machine(number, None).mac);
    }
}

#[test]
fn a_machine_that_comes_back_does_not_take_its_old_address_from_the_one_that_has_it_now() {
    let mut registry = Registry::new(4);
    registry.saw(machine(1, Some([10, 0, 0, 9]))).unwrap();
    registry.saw(machine(2, Some([10, 0, 0, 9]))).unwrap();
    registry.saw(machine(1, None)).unwrap();
    assert_eq!(
        registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
        machine(2, None).mac
    );
    registry.saw(machine(1, Some([10, 0, 0, 60]))).unwrap();
    assert_eq!(
        registry.by_ip([10, 0, 0, 9].into()).unwrap().mac,
        machine(2, None).mac
    );
}

#[test]
fn what_a_discover_shows_is_known_until_the_next_one() {
    let shows = |circuit: Option<&[u8]>, id: Option<&[u8]>| Client {
        known_by: KnownBy {
            circuit: circuit.map(Into::into),
            client_id: id.map(Into::into),
        },
        ..machine(1, None)
    };
    let mut registry = Registry::new(4);
    assert_eq!(registry.going_on(shows(None, None)), shows(None, None));
    registry.saw(shows(Some(b"port7"), Some(b"red"))).unwrap();
    let goes_on = registry.going_on(shows(None, None));
    assert_eq!(goes_on, shows(Some(b"port7"), Some(b"red")));
    let renamed = registry.going_on(shows(None, Some(b"blue")));
    assert_eq!(renamed, shows(Some(b"port7"), Some(b"blue")));
    registry.saw(goes_on).unwrap();
    registry.saw(shows(Some(b"port8"), None)).unwrap();
    assert_eq!(
        registry.going_on(shows(None, None)),
        shows(Some(b"port8"), None)
    );
}

/// Speaks from beyond our link.
fn beyond(n: u8, ip: Option<[u8; 4]>) -> Client {
    Client {
        side: Side::Beyond,
        ..machine(n, ip)
    }
}

fn having_chosen(client: Client) -> Client {
    let choice = Choice {
        profile: "Lab".into(),
        entry: "wipe".into(),
        by_loader: true,
    };
    Client {
        chosen: Some(choice),
        ..client
    }
}

#[test]
fn who_is_beyond_our_link_changes_nothing_of_who_is_on_it() {
    let (mac, own) = (machine(1, None).mac, [10, 0, 0, 9]);
    let mut registry = Registry::new(4);
    registry.saw(machine(1, None)).unwrap();
    registry.has_address(mac, Side::Link, own.into());
    registry
        .saw(having_chosen(beyond(1, Some([10, 8, 0, 5]))))
        .unwrap();
    assert!(!registry.has_address(mac, Side::Beyond, own.into()));
    registry.saw(beyond(1, Some(own))).unwrap();
    for peer in [own, [10, 0, 0, 60]] {
        let known = registry.as_asked_from(mac, IpAddr::from(peer)).unwrap();
        assert_eq!((known.side, known.chosen), (Side::Link, None), "{peer:?}");
    }
    let shown: Vec<Side> = registry.all().map(|client| client.side).collect();
    assert_eq!(shown, [Side::Beyond], "each machine once");
    // And the other way round: whoever is on our link has what he is seen with.
    registry.saw(machine(2, Some([10, 8, 0, 5]))).unwrap();
    assert_eq!(
        registry.by_ip([10, 8, 0, 5].into()).unwrap().mac,
        machine(2, None).mac
    );
}

#[test]
fn the_address_that_was_asked_for_goes_before_what_is_claimed_later() {
    let (mac, own, other) = (machine(1, None).mac, [10, 0, 0, 9], [10, 0, 0, 66]);
    let mut registry = Registry::new(4);
    registry.saw(machine(1, None)).unwrap();
    registry.has_address(mac, Side::Link, own.into());
    let kept = registry.saw(having_chosen(machine(1, Some(other))));
    assert_eq!(kept, Err(own.into()));
    assert_eq!(registry.by_mac(mac).unwrap().chosen, None);
    assert_eq!(registry.saw(machine(1, Some(own))), Ok(()));
    // Until it asks for another one, or another machine has it.
    registry.has_address(mac, Side::Link, other.into());
    assert_eq!(registry.saw(machine(1, Some(other))), Ok(()));
    registry.saw(machine(2, Some(other))).unwrap();
    assert_eq!(registry.saw(machine(1, Some(own))), Ok(()));
}

/// Firmware and iPXE may have two addresses of one machine: what was chosen goes with it.
#[test]
fn a_choice_is_for_the_address_that_made_it() {
    let (mac, own, other) = (machine(1, None).mac, [10, 0, 0, 9], [10, 0, 0, 66]);
    let asked = |registry: &Registry, peer: [u8; 4]| {
        let client = registry.as_asked_from(mac, peer.into()).unwrap();
        client.chosen.is_some()
    };
    let mut registry = Registry::new(4);
    registry.saw(having_chosen(machine(1, Some(own)))).unwrap();
    assert!(asked(&registry, own));
    assert!(asked(&registry, other), "nobody heard who asks for what");
    registry.saw(machine(2, Some(other))).unwrap();
    assert!(!asked(&registry, other), "another machine's");
    registry.has_address(mac, Side::Link, own.into());
    assert!(asked(&registry, own));
    assert!(!asked(&registry, [10, 0, 0, 67]));
    registry.has_address(mac, Side::Link, [10, 0, 0, 10].into());
    assert!(asked(&registry, [10, 0, 0, 10]), "its loader's address");
    // What was chosen by an address that it never asked for does not go along.
    let mut registry = Registry::new(4);
    registry
        .saw(having_chosen(machine(1, Some(other))))
        .unwrap();
    registry.has_address(mac, Side::Link, own.into());
    assert!(!asked(&registry, own));
}

#[test]
fn a_machine_boots_until_its_system_asks() {
    let mac = machine(1, None).mac;
    let mut registry = Registry::new(1);
    registry.has_booted(mac, Side::Link);
    assert!(!registry.is_booting(mac), "a stranger");
    registry.saw(machine(1, None)).unwrap();
    assert!(registry.is_booting(mac));
    registry.has_booted(mac, Side::Link);
    assert!(registry.has_address(mac, Side::Link, [10, 0, 0, 9].into()));
    assert!(!registry.is_booting(mac), "its lease is its system's");
    registry.saw(machine(1, None)).unwrap();
    assert!(registry.is_booting(mac), "started again");
    registry.has_booted(mac, Side::Link);
    registry.saw(machine(2, None)).unwrap();
    assert_eq!(
        (registry.booted.len(), registry.is_booting(mac)),
        (0, false)
    );
}

#[test]
fn each_time_it_asks_for_boot_data_is_another_boot() {
    let (mac, ip) = (machine(1, None).mac, [10, 0, 0, 9]);
    let mut registry = Registry::new(2);
    let boot = |registry: &Registry| registry.boot(ip.into());
    assert_eq!(boot(&registry), None, "a stranger");
    registry.saw(machine(1, Some(ip))).unwrap();
    let first = boot(&registry);
    registry.has_address(mac, Side::Link, ip.into());
    registry.saw(machine(2, None)).unwrap();
    assert!(first.is_some() && boot(&registry) == first);
    registry.saw(machine(1, None)).unwrap();
    assert_ne!(boot(&registry), first);
}

#[test]
fn a_uuid_that_two_machines_have_names_neither() {
    let uuid: Uuid = "03000200-0400-0500-0006-000700080009".parse().unwrap();
    let with = |n| Client {
        uuid: Some(uuid),
        ..machine(n, None)
    };
    let mut registry = Registry::new(4);
    registry.saw(with(1)).unwrap();
    assert_eq!(
        registry.by_uuid(uuid.swapped()).unwrap(),
        machine(1, None).mac
    );
    registry.saw(with(2)).unwrap();
    assert_eq!(registry.by_uuid(uuid), None);
}

#[test]
fn the_machine_unseen_for_longest_leaves_first() {
    let mut registry = Registry::new(3);
    for n in 0..3 {
        registry.saw(machine(n, Some([10, 0, 0, n]))).unwrap();
    }
    registry.saw(machine(0, None)).unwrap();
    registry.saw(machine(9, None)).unwrap();
    assert!(registry.by_mac(machine(1, None).mac).is_none());
    assert_eq!(registry.by_ip([10, 0, 0, 1].into()), None);
    assert_eq!(
        registry
            .all()
            .map(|c| c.mac.as_bytes()[5])
            .collect::<Vec<_>>(),
        [9, 0, 2]
    );
    assert_eq!(registry.seen.iter().count(), 3);
}
