//! `bootjack explain --pcap`: a user's own capture, packet by packet.
//!
//! * `file`: captures made here of packets of real firmware, in every form that tools write
//! * `told`: what a user is told of a conversation
//! * `learnt`: what was learnt of its machines before
//! * `hostile`: captures that are cut off, damaged, huge, or something else

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

#[path = "pcap/file.rs"]
mod file;
#[path = "pcap/hostile.rs"]
mod hostile;
#[path = "pcap/learnt.rs"]
mod learnt;
#[path = "start/run.rs"]
#[allow(dead_code, reason = "this test needs a part of it")]
mod run;
#[path = "pcap/told.rs"]
mod told;

use run::{Said, bootjack, folder};

/// The packets' machine.
const MAC: &str = "52:54:00:77:00:07";

/// A menu for everyone.
const PROFILE: &str =
    "name: Lab\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

/// `explain --pcap` of these bytes, by an appliance at 10.77.0.2.
fn explain(capture: &[u8], more: &[&str]) -> Said {
    let home = folder();
    let file = home.path().join("capture");
    std::fs::write(&file, capture).unwrap();
    by(&home, &file.display().to_string(), more)
}

fn by(home: &tempfile::TempDir, file: &str, more: &[&str]) -> Said {
    let profiles = home.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    std::fs::write(profiles.join("lab.yaml"), PROFILE).unwrap();
    let line = ["explain", "--pcap", file, "--profiles", "profiles"];
    let here = ["--state", "state", "--server", "10.77.0.2"];
    let args = [&line[..], &here, more].concat();
    let mut command = bootjack(home.path(), &args);
    command.current_dir(home.path()).output().unwrap().into()
}
