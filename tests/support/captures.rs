//! The captures of real firmware: what each is of, and how it is taken.
//!
//! `make captures` takes them anew; `tests/captures.rs` holds what `bootjack explain --pcap` says of
//! each against the text beside it. On all of their LANs bootjack is 10.77.0.2, and dnsmasq is the
//! DHCP server 10.77.0.1 where it is not bootjack itself.

use super::qemu::Firmware;

/// One capture.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// `tests/captures/NAME.pcap` and `NAME.txt`.
    pub name: &'static str,
    /// The machine.
    pub firmware: Firmware,
    /// Its network card, where it is not the usual one.
    pub card: Option<&'static str>,
    /// The folder of profiles, below `tests/captures/`.
    pub profiles: &'static str,
    /// Whether bootjack gives the leases, and there is no other DHCP server.
    pub alone: bool,
    /// Whether what UEFI machines load is a GRUB that asks for an address by itself (`net_bootp`).
    pub grub_asks: bool,
    /// What has to be seen before it is complete.
    pub until: Until,
}

/// When a capture is complete.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// The machine's timeline has so many of this event, by its name and the beginning of its subject.
    Event(&'static str, usize),
    /// The capture has these bytes.
    Bytes(&'static str),
}

const SCRIPT: Until = Until::Event("menu boot/", 1);
const MENU_OF_GRUB: Until = Until::Event("menu /grub/", 1);
const SILENCE: Until = Until::Event("ignored no-loader", 2);

const fn scene(name: &'static str, firmware: Firmware, until: Until) -> Scene {
    Scene {
        name,
        firmware,
        card: None,
        profiles: "ipxe",
        alone: false,
        grub_asks: false,
        until,
    }
}

const fn card(name: &'static str, card: &'static str) -> Scene {
    Scene {
        card: Some(card),
        ..scene(name, Firmware::Bios, SCRIPT)
    }
}

/// All of them.
pub const SCENES: [Scene; 21] = [
    // SeaBIOS with each card that QEMU has a ROM for, all of them iPXE.
    card("bios-e1000", "e1000"),
    card("bios-e1000e", "e1000e"),
    card("bios-eepro100", "i82557b"),
    card("bios-i82559er", "i82559er"),
    card("bios-ne2k-pci", "ne2k_pci"),
    card("bios-pcnet", "pcnet"),
    card("bios-rtl8139", "rtl8139"),
    card("bios-virtio", "virtio-net-pci"),
    card("bios-vmxnet3", "vmxnet3"),
    // EDK2; the x64 ones go on with snponly.efi, the others with GRUB, which HTTP boot is not told of.
    scene("edk2-x64-pxe", Firmware::Uefi, SCRIPT),
    scene("edk2-x64-http", Firmware::UefiHttp, SCRIPT),
    scene("edk2-ia32-pxe", Firmware::Ia32, MENU_OF_GRUB),
    scene("edk2-ia32-http", Firmware::Ia32Http, SILENCE),
    scene("edk2-arm64-pxe", Firmware::Arm64, MENU_OF_GRUB),
    scene("edk2-arm64-http", Firmware::Arm64Http, SILENCE),
    // Loaders, and what they ask for.
    Scene {
        profiles: "pxelinux",
        ..scene(
            "pxelinux",
            Firmware::Bios,
            Until::Event("menu pxelinux.cfg/", 1),
        )
    },
    Scene {
        profiles: "undionly",
        ..scene("undionly", Firmware::Bios, Until::Event("leased", 2))
    },
    Scene {
        profiles: "grub",
        ..scene(
            "shim-grub",
            Firmware::Uefi,
            Until::Bytes("/grub/x86_64-efi/"),
        )
    },
    Scene {
        profiles: "grub",
        alone: true,
        ..scene(
            "shim-grub-dhcp",
            Firmware::Uefi,
            Until::Bytes("/grub/grub.cfg"),
        )
    },
    Scene {
        grub_asks: true,
        ..scene("grub-bootp", Firmware::Uefi, Until::Bytes("/after-bootp"))
    },
    Scene {
        grub_asks: true,
        alone: true,
        ..scene(
            "grub-bootp-dhcp",
            Firmware::Uefi,
            Until::Bytes("/after-bootp"),
        )
    },
];
