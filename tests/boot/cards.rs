//! BIOS machines with other network cards, each with the ROM that QEMU has for it: through bootjack,
//! beside somebody else's DHCP server, to a running kernel. And the UEFI machines that there is no
//! loader for: they are seen, told of, and left to whatever else may boot them.
//!
//! All of these ROMs are iPXE (told apart by the bus id in option 175), so what differs is the card:
//! the bytes that its driver loses or adds.

use crate::support::qemu::{Firmware, Machine, Pc};
use crate::{BOOT, Lab, install, says};

/// The kernel's first word on the serial port.
const KERNEL: &str = "Linux version ";

fn to_the_kernel(cards: &[(&'static str, u8)], loader: &str, menu: &str) {
    let lab = Lab::new(&[("lab.yaml", &install(loader))]);
    let machine = |&(card, number)| Machine::new(Firmware::Bios, number).card(card);
    let mut pcs = Machine::power_on_together(cards.iter().map(machine).collect(), &lab.lan);
    for pc in &mut pcs {
        pc.wait_for(&[KERNEL], BOOT);
        let linux = "sent images/debian-12/linux";
        lab.tells(
            pc,
            &["discover ipxe", "answer ", "leased 10.77.0.", menu, linux],
        );
    }
}

#[test]
fn rtl8139_and_virtio_by_ipxe_to_the_kernel() {
    as_root!("rtl8139_and_virtio_by_ipxe_to_the_kernel");
    to_the_kernel(&[("rtl8139", 30), ("virtio-net-pci", 31)], "", "menu boot/");
}

#[test]
#[ignore = "other cards' ROMs: make test-all"]
fn e1000e_vmxnet3_and_ne2k_by_ipxe_to_the_kernel() {
    as_root!("e1000e_vmxnet3_and_ne2k_by_ipxe_to_the_kernel");
    to_the_kernel(&[("e1000e", 32), ("vmxnet3", 33)], "", "menu boot/");
    to_the_kernel(&[("ne2k_pci", 34)], "", "menu boot/");
}

/// lpxelinux has its packets from the ROM one by one; with an rtl8139 of QEMU most of a burst is lost
/// on the way, and a kernel takes minutes over HTTP.
#[test]
#[ignore = "other cards' ROMs: make test-all"]
fn virtio_by_pxelinux_to_the_kernel_and_rtl8139_to_its_menu() {
    as_root!("virtio_by_pxelinux_to_the_kernel_and_rtl8139_to_its_menu");
    let loader = "loader: pxelinux";
    to_the_kernel(&[("virtio-net-pci", 35)], loader, "menu pxelinux.cfg/");
    let lab = Lab::new(&[("lab.yaml", &install(loader))]);
    let mut pc = Machine::new(Firmware::Bios, 36)
        .card("rtl8139")
        .power_on(&lab.lan);
    pc.wait_for(&["Test lab"], BOOT);
    let menu = "menu pxelinux.cfg/";
    lab.tells(
        &pc,
        &[
            "discover ipxe",
            "answer lpxelinux.0",
            "leased 10.77.0.",
            menu,
        ],
    );
}

/// These get their menu; a large file over HTTP stops halfway, whoever serves it (seen with Python's
/// `http.server` too): QEMU's card stops receiving when it was sent more than it has room for, and
/// iPXE's driver does not start it again.
#[test]
#[ignore = "other cards' ROMs: make test-all"]
fn eepro100_and_pcnet_to_their_menu() {
    as_root!("eepro100_and_pcnet_to_their_menu");
    let lab = Lab::new(&[("lab.yaml", &says("reached", ""))]);
    for (card, number) in [("i82557b", 37), ("i82559er", 38), ("pcnet", 39)] {
        let mut pc = Machine::new(Firmware::Bios, number)
            .card(card)
            .power_on(&lab.lan);
        pc.wait_for(&["===reached==="], BOOT);
        lab.tells(
            &pc,
            &["discover ipxe", "answer ", "leased 10.77.0.", "menu boot/"],
        );
    }
}

/// A program of ours that works through the card's own ROM, and asks for everything once more. QEMU has
/// no ROM but iPXE's to load it, so that is told to.
#[test]
fn undionly_through_the_cards_rom_to_its_script() {
    as_root!("undionly_through_the_cards_rom_to_its_script");
    let script = "iseq ${net0/chip} undionly && echo ===on undionly=== || \
                  chain tftp://10.77.0.2/undionly.kpxe";
    let profile = format!(
        "menu:\n  entries:\n    - id: go\n      ipxe: |\n        {script}\n        sleep 600\n"
    );
    let lab = Lab::new(&[("lab.yaml", &profile)]);
    let mut pc = Machine::new(Firmware::Bios, 44).power_on(&lab.lan);
    pc.wait_for(&["===on undionly==="], BOOT);
    let asks = ["discover ipxe", "answer ", "leased 10.77.0.", "menu boot/"];
    let own = [&asks[..], &["sent undionly.kpxe"], &asks[..]].concat();
    lab.tells(&pc, &own);
}

/// Everything that was said to a machine whose only loader is of no use to HTTP boot: nothing.
fn is_left_alone(lab: &Lab, pc: &Pc, stage: &str) {
    let discover = format!("discover {stage}");
    crate::support::poll::expect("two DISCOVERs", BOOT, || {
        let story = lab.story(pc);
        story.iter().filter(|line| **line == discover).count() >= 2
    });
    lab.tells(pc, &[&discover, "ignored no-loader"]);
    let events = lab.appliance.timeline(pc.mac());
    assert!(
        !events.iter().any(|event| event["event"] == "answer"),
        "{events:?}"
    );
}

/// GRUB is the loader of both, and HTTP boot leaves it without a network.
#[test]
#[ignore = "firmware that is slow to emulate: make test-all"]
fn http_boot_on_ia32_and_arm64_is_seen_and_left_alone() {
    as_root!("http_boot_on_ia32_and_arm64_is_seen_and_left_alone");
    let lab = Lab::new(&[("lab.yaml", &install(""))]);
    let machines = [(Firmware::Ia32Http, 41), (Firmware::Arm64Http, 43)];
    let machines = machines.map(|(firmware, number)| Machine::new(firmware, number));
    let pcs = Machine::power_on_together(machines.to_vec(), &lab.lan);
    for (pc, arch) in pcs.iter().zip([15, 19]) {
        is_left_alone(&lab, pc, "http-boot");
        let client = lab.appliance.api(&format!("clients/{}", pc.mac()));
        assert!(
            client.to_string().contains(&format!("\"archs\":[{arch}]")),
            "{client}"
        );
    }
}
