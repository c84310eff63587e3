//! The networks, clients and addresses of the random walks.

use std::net::Ipv4Addr;

use bootjack::lease::Limits;
use bootjack::network::{Networks, Reservation, Whom};

use crate::world::{
    Client, DEFAULT, MAX, MIN, client, ip, mac, network, networks, pool, range, reserved, subnet,
};

pub const CLIENTS: usize = 6;
pub const CONFIGS: usize = 3;
pub const OFFERS: usize = 4;

/// Three layouts: as it begins; with a smaller pool, an exclusion and reservations; with a pool
/// gone and another reservation.
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
            ];
        }
        _ => {
            second.clear();
            reservations = vec![reserved(mac(2), "10.0.0.50"), reserved(mac(1), "10.9.0.5")];
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

/// The clients: two machines; one behind whose address two systems live; one machine whose system
/// has an identifier and whose firmware has none; one that wants a fast pool.
pub fn clients(n: usize) -> Client {
    match n {
        0 => client(1),
        1 => client(2),
        2 => client(3).with_id(b"\0x"),
        3 => client(3).with_id(b"\0y"),
        4 => client(1).with_id(b"\0z"),
        _ => {
            let mut fast = client(4);
            fast.criteria.include.insert("fast".into());
            fast
        }
    }
}

/// Few offers at once, for a minute.
pub fn limits() -> Limits {
    Limits {
        offers: OFFERS,
        offer: 60,
    }
}

/// For how long a client gets an address.
pub fn granted(sender: &Client) -> u32 {
    sender.seconds.map_or(DEFAULT, |s| s.clamp(MIN, MAX))
}

/// What is reserved for a client in its network.
pub fn own_reservation<'n>(networks: &'n Networks, sender: &Client) -> Option<&'n Reservation> {
    let here = &networks.all[sender.network];
    networks.reservations.iter().find(|r| {
        let address = r.address.unwrap();
        r.whom == Whom::Mac(sender.holder.mac) && here.subnet_of(address).is_some()
    })
}
