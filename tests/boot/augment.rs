//! Lease and loader in one (strategy `augment`) for firmware that does without, too: a profile pins it, beside a
//! DHCP server that refuses in public whatever names another server (dnsmasq, authoritative).

use super::support::lan::Lan;
use super::support::qemu::{Firmware, Machine};
use super::support::servers::Server;
use super::{LOADER, Lab, says};

/// What EDK2 and iPXE make of a NAK from a server that they did not choose: nothing.
#[test]
fn every_firmware_takes_lease_and_loader_in_one() {
    as_root!("every_firmware_takes_lease_and_loader_in_one");
    let lan = Lan::new();
    let dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &["--dhcp-authoritative"]);
    let profile = says("in-one", "strategy: augment");
    let setup = Lab::setup(&lan.appliance_host(), &[("all.yaml", &profile)]);
    let lab = Lab::on(lan, dhcp, setup);
    let machines = [Firmware::Bios, Firmware::Uefi, Firmware::UefiHttp];
    let machines = (1..).zip(machines).map(|(n, f)| Machine::new(f, n));
    let mut pcs = Machine::power_on_together(machines.collect(), &lab.lan);
    for pc in &mut pcs {
        pc.wait_for(&["===in-one==="], 3 * LOADER);
    }
    for pc in &pcs {
        let timeline = lab.appliance.timeline(pc.mac());
        let answers: Vec<_> = timeline.iter().filter(|e| e["event"] == "answer").collect();
        assert!(
            answers.iter().all(|e| e["strategy"] == "augment"),
            "{answers:#?}"
        );
        assert!(
            answers.iter().any(|e| e["message"] == "ack"),
            "{answers:#?}"
        );
        let addresses: Vec<_> = answers
            .iter()
            .map(|e| e["lease"]["address"].clone())
            .collect();
        assert!(
            addresses
                .iter()
                .all(|a| a.is_string() && *a == addresses[0]),
            "{addresses:?}"
        );
    }
}

/// How long each shape takes to the loader's last byte, for the choice of what UEFI is offered first.
#[test]
#[ignore = "a measurement: cargo test --test boot -- --ignored --nocapture how_long"]
fn how_long_uefi_takes_to_its_loader() {
    as_root!("how_long_uefi_takes_to_its_loader");
    for round in 1..=5 {
        for shape in ["offer-4011", "augment"] {
            let profile = says("there", &format!("strategy: {shape}"));
            let lab = Lab::new(&[("all.yaml", &profile)]);
            let pc = Machine::new(Firmware::Uefi, round).power_on(&lab.lan);
            let at = |name: &str| {
                let timeline = lab.appliance.timeline(pc.mac());
                let event = timeline.iter().find(|e| e["event"] == name)?;
                event["at"].as_str()?.parse::<jiff::Timestamp>().ok()
            };
            super::support::poll::expect("the loader", 3 * LOADER, || at("sent").is_some());
            let (from, to) = (at("discover").unwrap(), at("sent").unwrap());
            println!(
                "{round} {shape}: {:.2} s from DISCOVER to loader",
                (to - from).total(jiff::Unit::Second).unwrap()
            );
        }
    }
}
