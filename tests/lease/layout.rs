//! The networks, clients and addresses of the random walks.

use std::net::Ipv4Addr;

use bootjack::lease::Limits;
use bootjack::network::{Networks, Reservation, Whom};

use crate::world::{
    Client, DEFAULT, MAX, MIN, circuit, client, ip, mac, network, networks, pool, range, reserved,
    reserved_for, subnet, uuid,
};

pub const CLIENTS: usize = 8;
pub const CONFIGS: usize = 3;
pub const OFFERS: usize = 4;

/// Three layouts: one without reservations; with a smaller pool, an exclusion and reservations;
/// with a pool gone and other reservations.
pub fn config(n: usize) -> Networks {
    let mut fast = pool("10.0.1.10", "10.0.1.11");
    fast.tags = ["fast".to_owned()].into();
    let mut one = pool("10.9.0.5", "10.9.0.5");
    one.bootp = true;
    let mut first = pool("10.0.0.10", "10.0.0.13");
    let mut reservations = Vec::new();
    let mut second = vec![fast];
    match n {
        0 => (),
        1 => {
            first = pool("10.0.0.10", "10.0.0.12");
            first.exclude = vec![range("10.0.0.12", "10.0.0.12")];
            reservations = vec![
                reserved(mac(2), "10.0.0.11"),
                reserved(mac(4), "10.9.0.200"),
                reserved_for(Whom::Uuid(uuid(1)), "10.0.0.10"),
                reserved_for(circuit("eth1"), "10.0.0.50"),
            ];
        }
        _ => {
            second.clear();
            reservations = vec![
                reserved(mac(2), "10.0.0.50"),
                reserved(mac(6), "10.9.0.5"),
                reserved_for(Whom::Uuid(uuid(1)), "10.0.0.77"),
                reserved_for(circuit("eth1"), "10.0.0.13"),
                reserved_for(circuit("eth1"), "10.9.0.200"),
            ];
        }
    }
    let subnets = vec![
        subnet("10.0.0.0/24", vec![first]),
        subnet("10.0.1.0/24", second),
    ];
    let all = vec![
        network("a", subnets),
        network("b", vec![subnet("10.9.0.0/24", vec![one])]),
    ];
    networks(all, reservations)
}

/// Every address that a message may name: given, reserved, and strange ones.
pub fn universe(n: usize) -> Ipv4Addr {
    ip([
        "10.0.0.10",
        "10.0.0.11",
        "10.0.0.12",
        "10.0.0.13",
        "10.0.0.50",
        "10.0.0.77",
        "10.0.1.10",
        "10.0.1.11",
        "10.9.0.5",
        "10.9.0.200",
        "192.0.2.1",
        "0.0.0.0",
    ][n])
}

/// The clients: two machines; one behind whose address two systems live, on a circuit; one machine
/// whose system has an identifier and whose firmware has none, but a UUID, and another machine
/// behind the same address; one that wants a fast pool; one on the same circuit. All that they can
/// show beside their identity.
pub fn clients(n: usize) -> Client {
    match n {
        0 => client(1).with_uuid(1),
        1 => client(2),
        2 => client(3).with_id(b"\0x").on_circuit("eth1"),
        3 => client(3).with_id(b"\0y").on_circuit("eth1"),
        4 => client(1).with_id(b"\0z"),
        5 => client(1).with_uuid(2),
        6 => client(5).on_circuit("eth1"),
        _ => {
            let mut fast = client(4);
            fast.criteria.include.insert("fast".into());
            fast
        }
    }
}

/// Few offers at once, for a minute, and ten seconds at least.
pub fn limits() -> Limits {
    Limits {
        offers: OFFERS,
        offer: 60,
        unclaimed: 10,
    }
}

/// For how long a client gets an address.
pub fn granted(sender: &Client) -> u32 {
    sender.seconds.map_or(DEFAULT, |s| s.clamp(MIN, MAX))
}

/// What is reserved in its network for what a client shows.
pub fn own_reservation<'n>(networks: &'n Networks, sender: &Client) -> Option<&'n Reservation> {
    let here = &networks.all[sender.network];
    networks.reservations.iter().find(|r| {
        let address = r.address.unwrap();
        fits(&r.whom, sender) == Some(true) && here.subnet_of(address).is_some()
    })
}

/// What is reserved in a network for whom this tells.
pub fn reservation_of<'n>(
    networks: &'n Networks,
    network: usize,
    whom: &Whom,
) -> Option<&'n Reservation> {
    let here = |r: &&Reservation| {
        let address = r.address.unwrap();
        networks.all[network].subnet_of(address).is_some()
    };
    let mut all = networks.reservations.iter().filter(here);
    all.find(|r| r.whom == *whom)
}

/// Whether a client shows that it is the one, or that it is not.
pub fn fits(whom: &Whom, sender: &Client) -> Option<bool> {
    match whom {
        Whom::Mac(mac) => Some(*mac == sender.holder.mac),
        Whom::Uuid(uuid) => sender.uuid.map(|shown| shown == *uuid),
        Whom::Circuit(id) => sender.circuit.as_deref().map(|shown| *shown == **id),
        Whom::ClientId(_) => panic!("nothing is reserved by identifier here"),
    }
}
