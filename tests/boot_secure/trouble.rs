//! What may go wrong between firmware and its lease: the machine boots all the same, or is told of
//! with the remedy; nothing wrong is given out.

use std::time::Duration;

use crate::lab::{BOOT, CHAIN, CONFIRMED, Lab, SERVER, setup_signed};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::DhcpClient;
use crate::support::poll;
use crate::support::qemu::{Firmware, Machine, Pc};
use crate::support::servers::{Kind, Server};

/// Power-on to the first OFFER, on a busy machine.
const OFFER: Duration = Duration::from_secs(120);

/// A machine that has its first OFFER and has not asked for it yet: EDK2 collects OFFERs for four
/// seconds (facts C).
fn offered(lab: &Lab, number: u8) -> Pc {
    let pc = Machine::new(Firmware::SecureBoot, number).power_on(&lab.lan);
    poll::expect("an OFFER with a lease", OFFER, || {
        !leases(lab, &pc, "offer").is_empty()
    });
    pc
}

/// The addresses that it was told in replies of this type.
fn leases(lab: &Lab, pc: &Pc, message: &str) -> Vec<String> {
    let answers = lab.events(pc, "answer");
    let told = answers.iter().filter(|e| e["message"] == message);
    let addresses = told.filter_map(|e| e["lease"]["address"].as_str());
    addresses.map(str::to_owned).collect()
}

/// One address from its first OFFER to the kernel.
fn boots_with_its_lease(lab: &Lab, pc: &mut Pc, address: &str) {
    pc.wait_for(&[CONFIRMED], BOOT);
    lab.tells(pc, &CHAIN);
    let acks = leases(lab, pc, "ack");
    assert!(
        !acks.is_empty() && acks.iter().all(|a| a == address),
        "{acks:?}"
    );
    poll::expect("the lease is in the server's own book", BOOT, || {
        lab.server
            .lease_of(pc.mac())
            .map(|ip| ip.to_string())
            .as_deref()
            == Some(address)
    });
}

#[test]
fn the_dhcp_server_dies_between_offer_and_request() {
    as_root!("the_dhcp_server_dies_between_offer_and_request");
    let mut lab = Lab::new(|host| Kind::Dnsmasq.plain(host));
    let mut pc = offered(&lab, 20);
    let address = leases(&lab, &pc, "offer")[0].clone();
    lab.server.process().kill();
    let asks = |e: &serde_json::Value| e["message"] == "request";
    poll::expect("its REQUEST is handed on", OFFER, || {
        lab.events(&pc, "forwarded").iter().any(asks)
    });
    assert_eq!(
        leases(&lab, &pc, "ack"),
        [] as [String; 0],
        "nobody's lease"
    );
    // The firmware asks again.
    lab.server = Kind::Dnsmasq.plain(&lab.server_host);
    boots_with_its_lease(&lab, &mut pc, &address);
}

#[test]
fn bootjack_is_restarted_between_offer_and_request() {
    as_root!("bootjack_is_restarted_between_offer_and_request");
    let mut lab = Lab::new(|host| Kind::Isc.plain(host));
    let mut pc = offered(&lab, 21);
    let address = leases(&lab, &pc, "offer")[0].clone();
    lab.appliance.stop();
    lab.appliance = setup_signed(&lab.host).start();
    boots_with_its_lease(&lab, &mut pc, &address);
    assert_eq!(
        leases(&lab, &pc, "offer"),
        [] as [String; 0],
        "it remembers no OFFER"
    );
}

/// The signed chain as far as a proxy can bring it, and what the operator can do, once for the
/// machine and once for the server.
#[test]
fn a_dhcp_server_that_answers_no_relays_is_told_of_with_the_remedy() {
    as_root!("a_dhcp_server_that_answers_no_relays_is_told_of_with_the_remedy");
    let lab = Lab::new(Server::deaf_to_relays);
    let mut pc = Machine::new(Firmware::SecureBoot, 22).power_on(&lab.lan);
    pc.wait_for(&["Welcome to GRUB!"], BOOT);
    let by_itself = [
        "discover rom",
        "no-lease",
        "answer shimx64.efi",
        "leased 10.77.0.",
        "sent shimx64.efi",
        "sent grubx64.efi",
    ];
    lab.tells(&pc, &by_itself);
    let no_lease = &lab.events(&pc, "no-lease")[0];
    assert_eq!(no_lease["alive"], serde_json::json!([SERVER]), "{no_lease}");
    let answers = lab.events(&pc, "answer");
    assert!(answers.iter().all(|e| e["lease"].is_null()), "{answers:?}");
    // The second machine in a row: it is the server.
    let card = DhcpClient::new(&lab.lan.client("second"));
    let second = BootClient::new(Speaker::Edk2, 9);
    card.broadcast(&second.discover());
    let offer = card.answer([10, 77, 0, 2].into(), second.xid);
    assert_eq!(offer.file(), "shimx64.efi");
    let warning = lab
        .appliance
        .wait_for_event(OFFER, |e| e["event"] == "warning");
    let text = warning["text"].as_str().unwrap();
    for part in [
        SERVER,
        "no relays",
        "have it serve relay agents",
        "--mode colocated",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
