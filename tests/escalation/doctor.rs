//! `bootjack doctor` asks with this host's own MAC, as firmware would: that is no attempt to boot.

use crate::lab::Lab;
use crate::run::BOOTJACK;
use crate::support::clients::{BootClient, Speaker};

#[test]
fn what_doctor_asks_is_no_attempt_of_the_machine() {
    if crate::support::left_out("what_doctor_asks_is_no_attempt_of_the_machine") {
        return;
    }
    let lab = Lab::new();
    lab.pc.address("eth0", "10.77.0.9/24");
    let mut client = BootClient::new(Speaker::Edk2, 6);
    client.mac = lab.pc.mac("eth0");
    // Twice it stops at its lease; a DISCOVER of its own after the second would be the step.
    for _ in 0..2 {
        lab.stops_at_the_lease(&mut client);
        let output = lab.pc.attempt(BOOTJACK, &["doctor", "--json"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("10.77.0.2"), "bootjack answers it: {said}");
    }
    assert_eq!(lab.told("escalated"), None);
    lab.stops_at_the_lease(&mut client);
    assert!(
        lab.told("escalated").is_some(),
        "it was judged all the time"
    );
}
