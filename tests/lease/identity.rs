//! Who is who: client identifiers and hardware addresses mixed.

use bootjack::lease::{Kind, Nak, State, Verdict};
use bootjack::network::Whom;

use super::world::*;

#[test]
fn a_machine_keeps_its_address_from_firmware_to_operating_system_and_back() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let (firmware, system) = (client(1), client(1).with_id(b"\xff system"));
    let a = world.lease(&firmware);
    assert_eq!(world.lease(&system), a);
    assert_eq!(world.book.get(a).unwrap().holder, system.holder);
    world.acked(&system, Kind::Renewing, a);
    assert_eq!(world.lease(&firmware), a);
    assert_eq!(world.book.get(a).unwrap().holder, firmware.holder);
    assert_eq!(world.book.iter().count(), 1);
}

#[test]
fn two_identifiers_behind_one_hardware_address_are_two_clients() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let (one, two) = (client(1).with_id(b"\0one"), client(1).with_id(b"\0two"));
    let (a, b) = (world.lease(&one), world.lease(&two));
    assert_ne!(a, b);
    let theirs = world.ask(&two, Kind::Renewing, Some(a)).verdict;
    assert_eq!(theirs, Verdict::Nak(Nak::Taken));
    assert_eq!((world.lease(&one), world.lease(&two)), (a, b));
    assert_eq!(world.book.of_mac(mac(1)).count(), 2);
}

#[test]
fn one_identifier_on_two_network_cards_is_one_client() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let (wire, dock) = (client(1).with_id(b"\0me"), client(2).with_id(b"\0me"));
    let a = world.lease(&wire);
    assert_eq!(world.lease(&dock), a);
    assert_eq!(world.book.of_mac(mac(1)).count(), 0);
    assert_eq!(world.book.of_mac(mac(2)).count(), 1);
    // The first card without its identifier is a stranger now.
    assert_ne!(world.lease(&client(1)), a);
}

#[test]
fn the_identifier_goes_before_the_hardware_address() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let me = client(1).with_id(b"\0me");
    let a = world.lease(&me.clone());
    let mut moved = me.clone();
    moved.holder.mac = mac(2);
    let b = world.lease(&client(2));
    assert_ne!(a, b);
    assert_eq!(world.lease(&moved), a);
    assert_eq!(world.state(&b.to_string()), State::Leased);
}

#[test]
fn who_goes_on_with_a_lease_may_not_end_it_for_the_other() {
    let (firmware, system) = (client(1), client(1).with_id(b"\xff system"));
    for (has, ends) in [(&firmware, &system), (&system, &firmware)] {
        let mut world = World::simple("10.0.0.10", "10.0.0.19");
        let a = world.lease(has);
        world.ask(ends, Kind::Release, Some(a));
        assert_eq!(world.state("10.0.0.10"), State::Leased);
        world.ask(has, Kind::Release, Some(a));
        assert_eq!(world.state("10.0.0.10"), State::Released);
    }
}

#[test]
fn an_identifier_longer_than_an_option_is_not_looked_at() {
    let mut world = World::simple("10.0.0.10", "10.0.0.19");
    let longest = client(1).with_id(&[7; 255]);
    let (long, other) = (client(2).with_id(&[7; 256]), client(2).with_id(&[8; 256]));
    assert_eq!(longest.holder.id.as_deref(), Some(&[7; 255][..]));
    assert_eq!(long.holder, client(2).holder);
    assert_eq!(world.lease(&long), world.lease(&other));
}

#[test]
fn a_holder_keeps_what_was_reserved_for_what_it_does_not_show_any_longer() {
    let machine = Whom::Uuid(uuid(1));
    let mut world = World::reserving(vec![
        reserved_for(circuit("eth1"), "10.0.0.50"),
        reserved_for(machine, "10.0.0.51"),
    ]);
    for (shows, at) in [
        (client(1).on_circuit("eth1"), "10.0.0.50"),
        (client(2).with_uuid(1), "10.0.0.51"),
    ] {
        let mut silent = shows.clone().with_id(b"\0system");
        (silent.uuid, silent.circuit) = (None, None);
        assert_eq!(world.lease(&shows), ip(at));
        for kind in [Kind::Renewing, Kind::Rebinding, Kind::InitReboot] {
            world.acked(&silent, kind, ip(at));
        }
        assert_eq!(world.offer(&silent).unwrap().address, ip(at));
        world.pass(5000);
        assert_eq!(world.lease(&silent), ip(at), "also when it was off");
        let strange = shows.with_uuid(9).on_circuit("eth9");
        let revoked = world.verdict(&strange, Kind::Renewing, at);
        assert_eq!(revoked, Verdict::Nak(Nak::Revoked), "shows another");
        assert_ne!(world.offer(&strange).unwrap().address, ip(at));
    }
}

#[test]
fn a_holder_loses_what_is_reserved_for_it_no_longer() {
    let mut world = World::reserving(vec![reserved_for(circuit("eth1"), "10.0.0.50")]);
    let a = world.lease(&client(1).on_circuit("eth1"));
    let lan = |reservations| networks(World::reserving(vec![]).networks.all, reservations);
    for (reservation, next) in [
        (reserved_for(circuit("eth2"), "10.0.0.50"), "10.0.0.10"),
        (reserved_for(circuit("eth1"), "10.0.0.51"), "10.0.0.51"),
    ] {
        world.reload(lan(vec![reservation]));
        let revoked = world.verdict(&client(1), Kind::Renewing, &a.to_string());
        assert_eq!(revoked, Verdict::Nak(Nak::Revoked));
        assert_eq!(world.offer(&client(1)).unwrap().address, ip(next));
        world.ask(&client(1), Kind::Selecting { ours: false }, None);
    }
}

#[test]
fn what_is_reserved_for_what_it_shows_goes_before_what_its_lease_was_given_by() {
    let mut world = World::reserving(vec![
        reserved_for(circuit("eth1"), "10.0.0.50"),
        reserved_for(circuit("eth2"), "10.0.0.51"),
    ]);
    assert_eq!(world.lease(&client(1).on_circuit("eth1")), ip("10.0.0.50"));
    assert_eq!(world.lease(&client(1).on_circuit("eth2")), ip("10.0.0.51"));
    // Without a circuit: the lease that the message is about tells.
    world.acked(&client(1), Kind::Renewing, ip("10.0.0.51"));
    world.acked(&client(1), Kind::Renewing, ip("10.0.0.50"));
}

#[test]
fn a_collector_of_identifiers_does_not_hide_a_client_without_one() {
    let subnets = vec![subnet("10.0.0.0/16", vec![pool("10.0.0.1", "10.0.9.255")])];
    let mut world = World::new(networks(vec![network("lan", subnets)], vec![]));
    for n in 0..200_u16 {
        world.lease(&client(1).with_id(&n.to_be_bytes()));
    }
    let mut own = client(1);
    let first = world.lease(&own);
    own.seconds = Some(MAX);
    for _ in 0..3 {
        assert_eq!(world.lease(&own), first);
    }
}
