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

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bootjack::firmware::Kind;
use lab::Lab;
use link::Terms;
use plan::Plan;
use report::Report;
use support::poll;

const BINARY: &str = env!("CARGO_BIN_EXE_bootjack");
/// How long a room may take to get so far, on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// One room at a time: each is a machine's fill.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn all_have_booted(report: &Report, of: usize) {
    println!("{report}");
    assert_eq!((report.failed, report.done), (0, of), "{report}");
}

#[test]
fn a_room_of_500_boots_with_1_percent_loss() {
    if support::left_out("a_room_of_500_boots_with_1_percent_loss") {
        return;
    }
    let _alone = alone();
    let plan = Plan {
        files: [256 << 10, 128 << 10],
        ..Plan::default()
    };
    let report = Lab::new(BINARY, &plan).play(&plan);
    all_have_booted(&report, 500);
}

#[test]
fn two_thousand_that_ask_at_once_are_all_heard_and_answered() {
    if support::left_out("two_thousand_that_ask_at_once_are_all_heard_and_answered") {
        return;
    }
    let _alone = alone();
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
    let mut lab = Lab::new(BINARY, &plan);
    let report = lab.play(&plan);
    println!("{report}");
    assert_eq!(report.answered.0, 2000);
    assert_eq!(lab.unheard(), 0, "its queue was too short for them");
    // The first window is 4 s long, of a processor that others want as well.
    assert!(report.cost.seconds < 4.0, "{report}");
}

/// In the middle of it profiles change, every third machine is pulled out of its socket, and bootjack
/// is ended and started again.
#[test]
fn a_restart_and_the_loss_of_a_third_leave_the_rest_to_finish() {
    if support::left_out("a_restart_and_the_loss_of_a_third_leave_the_rest_to_finish") {
        return;
    }
    let _alone = alone();
    let plan = Plan {
        machines: 90,
        files: [2 << 20, 1 << 20],
        ..Plan::default()
    };
    let mut lab = Lab::new(BINARY, &plan);
    let playing = lab.begin(&plan);
    poll::expect("many machines load their files", LONG, || {
        playing.progress.loading() >= 40
    });
    lab.change_profile("that is new");
    playing.cut((0..plan.machines).step_by(3).collect());
    lab.restart();
    let report = playing.ends(&mut lab);
    println!("{report}");
    assert_eq!(report.failed, 0, "{report}");
    assert_eq!(report.done + report.cut, 90, "{report}");
    assert!((1..=30).contains(&report.cut), "{report}");
}
