//! What clients were told, and whether it holds: the promises of an ACK.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::Row;

/// Leases begin and are shown in whole seconds of two clocks.
const ROUNDING: i64 = 3;

/// Who was last told that an address is his.
#[derive(Debug, Clone)]
struct Held {
    mac: [u8; 6],
    until: i64,
    /// A RELEASE was sent; whether it was heard nobody knows.
    given_up: bool,
}

/// Every ACK so far.
#[derive(Debug, Default)]
pub struct Told {
    held: HashMap<Ipv4Addr, Held>,
    /// How many there were.
    pub acks: u64,
}

impl Told {
    /// A client asked at `since` and heard an ACK for so many seconds. Panics where another one
    /// was told that it has the address.
    pub fn acked(&mut self, address: Ipv4Addr, mac: [u8; 6], since: i64, seconds: u32) {
        self.acks += 1;
        let held = Held {
            mac,
            until: since + i64::from(seconds),
            given_up: false,
        };
        if let Some(before) = self.held.insert(address, held) {
            let ended = before.given_up || before.until < now() - ROUNDING;
            let (old, new) = (colons(before.mac), colons(mac));
            assert!(
                ended || old == new,
                "{address} is acknowledged to {new} while {old} has it"
            );
        }
    }

    /// A client gives its address back.
    pub fn given_up(&mut self, address: Ipv4Addr) {
        if let Some(held) = self.held.get_mut(&address) {
            held.given_up = true;
        }
    }

    /// Every lease that was acknowledged and not given back is there, as long as it was told.
    pub fn is_kept_by(&self, rows: &[(Ipv4Addr, Row)], when: &str) {
        let rows: HashMap<_, _> = rows.iter().cloned().collect();
        for (address, held) in self.held.iter().filter(|(_, held)| !held.given_up) {
            let mac = colons(held.mac);
            let row = rows.get(address);
            let kept = row.is_some_and(|row| {
                row.mac == mac && row.state == "leased" && row.until >= held.until - ROUNDING
            });
            let until = held.until;
            assert!(
                kept,
                "{when}: {address} of {mac} until {until}: stored is {row:?}"
            );
        }
    }
}

/// By the wall clock, in whole seconds since 1970.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().cast_signed()
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}
