//! A room of machines is switched on at once: the real server, beside a real DHCP server, and as many
//! clients as there are machines, each by the client of `bootjack probe`, over a cable that is as
//! slow and as bad as is wanted.
//!
//! * [`plan`]: what is played; [`lab`]: the LAN it is played on
//! * [`switch`]: all machines on one thread; [`link`]: one direction of the cable; [`card`]: frames
//! * [`player`]: one machine; [`web`], [`script`]: its HTTP
//! * [`report`]: what came of it; [`progress`]: how far it is; [`meter`]: what the server uses
//!
//! What is asserted is what no busy machine can break: that all boot. How long it took is printed;
//! `make storm` measures it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "helpers of tests may fail like tests; figures are rounded anyway"
)]
#![allow(dead_code, reason = "the storm and its tests use a part each")]

#[path = "room/card.rs"]
mod card;
#[path = "room/lab.rs"]
mod lab;
#[path = "room/link.rs"]
mod link;
#[path = "room/meter.rs"]
mod meter;
#[path = "room/plan.rs"]
mod plan;
#[path = "room/player.rs"]
mod player;
#[path = "room/progress.rs"]
mod progress;
#[path = "room/report.rs"]
mod report;
#[path = "room/script.rs"]
mod script;
mod support;
#[path = "room/switch.rs"]
mod switch;
#[path = "room/web.rs"]
mod web;

use std::time::Duration;

use bootjack::firmware::Kind;
use lab::Lab;
use link::Terms;
use plan::Plan;
use report::Report;

const BINARY: &str = env!("CARGO_BIN_EXE_bootjack");
/// How long a third of a room may take to get so far, on a busy machine.
const LONG: Duration = Duration::from_secs(120);

fn all_have_booted(report: &Report, of: usize) {
    println!("{report}");
    assert_eq!((report.failed, report.done), (0, of), "{report}");
}

#[test]
fn a_room_of_500_boots_with_1_percent_loss() {
    if support::left_out("a_room_of_500_boots_with_1_percent_loss") {
        return;
    }
    let plan = Plan {
        files: [256 << 10, 128 << 10],
        ..Plan::default()
    };
    let mut lab = Lab::new(BINARY, &plan);
    let report = lab.play(&plan);
    if std::env::var("DBG").is_ok() {
        let m = report.slowest.as_ref().unwrap().mac.to_string();
        for e in lab.appliance().timeline(&m) {
            println!("{e}");
        }
    }
    all_have_booted(&report, 500);
}

#[test]
fn two_thousand_that_ask_at_once_are_answered_before_they_ask_again() {
    if support::left_out("two_thousand_that_ask_at_once_are_answered_before_they_ask_again") {
        return;
    }
    let plan = Plan {
        machines: 2000,
        kinds: vec![Kind::EfiX64, Kind::Bios],
        cable: Terms {
            rate: 1_000_000_000,
            loss: 0.0,
            ..Plan::default().cable
        },
        spread: Duration::ZERO,
        only_offers: true,
        ..Plan::default()
    };
    let report = Lab::new(BINARY, &plan).play(&plan);
    println!("{report}");
    let (answered, times) = report.answered;
    assert_eq!(answered, 2000);
    assert!(times.max < 4.0, "the first window is over: {times:?}");
}
