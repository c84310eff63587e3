//! Menus on real loaders: every kind of entry does what a user expects, on pxelinux, iPXE and GRUB.
//!
//! Each test is a LAN with somebody else's DHCP server, bootjack and one machine, whose screen is
//! read and whose keys are pressed. Most machines have a disk that says a word when it is booted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod archs;
mod disks;
mod firmware;
mod grub;
mod ipxe;
mod others;
mod pxelinux;

use std::time::Duration;

use support::appliance::{Appliance, Setup};
use support::lan::Lan;
use support::poll;
use support::qemu::{Firmware, Machine, Pc};
use support::servers::Server;

/// Power-on to a menu, with room for a busy machine.
const MENU: Duration = Duration::from_secs(90);
/// Power-on to what was chosen in it.
const CHOSEN: Duration = Duration::from_secs(180);

/// A LAN with a DHCP server of its own, and bootjack beside it.
struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    appliance: Appliance,
    _dhcp: Option<Server>,
    lan: Lan,
}

impl Lab {
    /// With one profile, and a DHCP server that knows nothing of boot files.
    fn new(profile: &str) -> Self {
        Self::with(profile, &[], |setup| setup)
    }

    /// With flags for dnsmasq, and what else the appliance is to have.
    fn with(profile: &str, dnsmasq: &[&str], more: impl FnOnce(Setup) -> Setup) -> Self {
        let lan = Lan::new();
        let dhcp = Server::dnsmasq_with(&lan.dhcp_host(), dnsmasq);
        let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"));
        Self {
            appliance: more(setup.profile("lab.yaml", profile)).start(),
            lan,
            _dhcp: Some(dhcp),
        }
    }

    /// Where bootjack itself gives the leases.
    fn alone(profile: &str) -> Self {
        Self::on(profile, |setup, _| setup, false)
    }

    /// With what else the appliance is to have on this LAN, and a DHCP server beside it or none.
    fn on(profile: &str, more: impl FnOnce(Setup, &Lan) -> Setup, beside: bool) -> Self {
        const LEASES: &str = "mode: dhcp\ndhcp: { networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] } ] }\n";
        let lan = Lan::new();
        let dhcp = beside.then(|| Server::dnsmasq_with(&lan.dhcp_host(), &[]));
        let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"));
        let setup = more(setup.profile("lab.yaml", profile), &lan);
        let setup = if beside { setup } else { setup.config(LEASES) };
        Self {
            appliance: setup.start(),
            lan,
            _dhcp: dhcp,
        }
    }

    /// A machine with a disk that says [`disks::WORD`] when it is booted.
    fn machine(&self, firmware: Firmware, number: u8) -> Machine {
        let machine = Machine::new(firmware, number).memory(512);
        match firmware {
            Firmware::Bios => disks::bios(machine, &self.lan),
            Firmware::Ia32 => disks::efi(machine, &self.lan, "ia32"),
            Firmware::Arm64 | Firmware::Arm64Secure => disks::efi(machine, &self.lan, "aa64"),
            _ => disks::uefi(machine, &self.lan),
        }
    }

    /// How often an event happened to a machine, with a path that ends so.
    fn count(&self, pc: &Pc, event: &str, path: &str) -> usize {
        let events = self.appliance.timeline(pc.mac());
        let is = |e: &&serde_json::Value| {
            let ends = |text: &str| text.ends_with(path);
            e["event"] == event && e["path"].as_str().is_some_and(ends)
        };
        events.iter().filter(is).count()
    }

    /// By which door a machine was sent a file.
    fn door(&self, pc: &Pc, path: &str) -> String {
        let events = self.appliance.timeline(pc.mac());
        let sent = events.iter().find(|e| {
            let ends = |text: &str| text.ends_with(path);
            e["event"] == "sent" && e["path"].as_str().is_some_and(ends)
        });
        let event = sent.unwrap_or_else(|| panic!("{path} was not sent: {events:#?}"));
        event["door"].as_str().unwrap_or_default().to_owned()
    }
}

/// Moves down in a menu and chooses.
fn choose(pc: &Pc, downs: usize) {
    pc.monitor().press(&vec!["down"; downs]);
    pc.monitor().press(&["ret"]);
}

/// What a BIOS machine shows and has shown. Its serial port mirrors the screen, but may break a
/// text anywhere to move the cursor; the screen has it whole, for as long as it is there.
fn shown(pc: &Pc) -> String {
    let screen = pc.monitor().text().unwrap_or_default();
    pc.serial() + "\n--- screen\n" + &screen
}

/// Waits until a BIOS machine shows this.
fn wait_to_see(pc: &Pc, text: &str) {
    poll::expect(text, CHOSEN, || shown(pc).contains(text));
}
