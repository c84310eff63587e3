//! On the wire: machines that boot from another server are left to it.

use serde_json::Value;

use crate::lab::Lab;
use crate::run::{BOOTJACK, EVERYONE};
use crate::support::appliance::Setup;
use crate::support::clients::{BootClient, Speaker};

impl Lab {
    /// A machine that boots from elsewhere, again and again, is left to that server.
    fn leaves_to(&self, server: &str) {
        let mut client = BootClient::new(Speaker::Edk2, 5);
        for _ in 0..2 {
            assert_eq!(self.stops_at_the_lease(&mut client), None);
        }
        client.xid += 0x100;
        let (offer, _) = self.lease(&client, |packet| packet);
        assert_eq!(offer.option(43), None);
        assert_eq!(self.told("escalated"), None);
        let known = |event: &&Value| {
            let text = event["text"].as_str().unwrap_or_default();
            text.starts_with(&format!("another boot server, {server}, answers "))
        };
        let events = self.appliance.events();
        assert_eq!(events.iter().filter(known).count(), 1, "{events:?}");
    }
}

#[test]
fn machines_that_another_proxy_answers_are_left_to_it() {
    if crate::support::left_out("machines_that_another_proxy_answers_are_left_to_it") {
        return;
    }
    let lab = Lab::new();
    let rival = lab.lan.host("rival", "10.77.0.4/24");
    let rival = Setup::new(&rival, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .start();
    lab.leaves_to("10.77.0.4");
    let moved = |event: &Value| event["event"] == "escalated";
    assert!(!rival.events().iter().any(moved));
}

#[test]
fn machines_whose_dhcp_server_names_a_boot_file_are_left_to_it() {
    if crate::support::left_out("machines_whose_dhcp_server_names_a_boot_file_are_left_to_it") {
        return;
    }
    Lab::beside(&["--dhcp-boot=theirs.efi"]).leaves_to("10.77.0.1");
}
