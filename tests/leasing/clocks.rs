//! The wall clock set by a day, while bootjack runs and between two runs: leases stay what they
//! are, the times shown are those of the clock as it goes now.
//!
//! The clock is set for bootjack alone: libfaketime answers for the C library's wall clock, and
//! leaves the two that count from the boot as they are, as the kernel does when a clock is set.

use std::fs;
use std::path::PathBuf;

use crate::house::{Imitated, SOON, at, row, setup};
use crate::support::appliance::Appliance;
use crate::support::lan::{Host, Lan};
use crate::support::lease_clients::{LeaseClient, Program};
use crate::support::poll;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const DAY: i64 = 86_400;
/// How far a time may be off that is one hour from now, on a busy machine.
const HOUR: std::ops::RangeInclusive<i64> = 3600 - 120..=3600;
const POOL: &str = "  networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.105 ] } ]\n";

/// bootjack, and the file that says how far its clock is off.
struct Lab {
    boot: Host,
    offset: PathBuf,
}

impl Lab {
    fn set(&self, offset: &str) {
        let draft = self.offset.with_extension("draft");
        fs::write(&draft, format!("{offset}\n")).unwrap();
        fs::rename(draft, &self.offset).unwrap();
    }

    fn start(&self) -> Appliance {
        let words = [
            "env".to_owned(),
            format!("LD_PRELOAD={LIBRARY}"),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.offset.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            "DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        setup(&self.boot, POOL).under(&words).start()
    }
}

/// Seconds from the real clock's now until the lease of an address ends, as the running bootjack
/// shows it.
fn until(appliance: &Appliance) -> i64 {
    let shown = appliance.api(&format!("leases/{}", at(100)));
    let row = &shown["leases"][0];
    assert_eq!(row["state"], "leased", "{shown}");
    let until: jiff::Timestamp = row["until"].as_str().unwrap().parse().unwrap();
    until.as_second() - jiff::Timestamp::now().as_second()
}

#[test]
fn a_wall_clock_set_by_a_day_moves_no_lease() {
    as_root!("a_wall_clock_set_by_a_day_moves_no_lease");
    let lan = Lan::new();
    let boot = lan.appliance_host();
    let lab = Lab {
        offset: boot.file("offset"),
        boot,
    };
    lab.set("+0");
    let mut appliance = lab.start();
    let mut client = LeaseClient::new(Program::Udhcpc, &lan.client("client"));
    assert_eq!(client.get().address, at(100));
    assert!(HOUR.contains(&until(&appliance)), "{}", until(&appliance));
    let stranger = Imitated::new(&lan.client("stranger"), 1);
    let mut told = Vec::new();
    for (restart, offset, days) in [
        (false, "+1d", 1),
        (false, "-1d", -1),
        (true, "+1d", 1),
        (true, "-1d", -1),
        (true, "+0", 0),
    ] {
        if restart {
            appliance.process().kill();
            lab.set(offset);
            appliance = lab.start();
        } else {
            lab.set(offset);
        }
        let shown = || HOUR.contains(&(until(&appliance) - days * DAY));
        poll::expect("the time of the clock as it goes now", SOON, shown);
        let wish = stranger.discover().with(50, &at(100).octets());
        assert_ne!(stranger.ask(&wish).yiaddr(), at(100), "{offset}");
        let lease = client.renew();
        assert_eq!(
            (lease.address, lease.seconds),
            (at(100), Some(3600)),
            "{offset}"
        );
        assert!(shown(), "{offset}: {}", until(&appliance));
        told.extend(appliance.events());
    }
    let ended = told
        .iter()
        .filter(|e| e["event"] == "lease" && e["state"] == "expired");
    assert_eq!(ended.count(), 0);
    assert_eq!(row(&lab.boot, at(100)).unwrap()["state"], "leased");
}
