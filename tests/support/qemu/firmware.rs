//! Firmware: what QEMU is told to run it, and the network card that goes with it.
//!
//! KVM is used only with `BOOTJACK_LAB_KVM=1`: a paravirtual KVM hangs firmware without a word.

use std::fs;
use std::path::Path;
use std::process::Command;

const OVMF: [&str; 2] = [
    "/usr/share/OVMF/OVMF_CODE_4M.fd",
    "/usr/share/OVMF/OVMF_VARS_4M.fd",
];
/// With Microsoft's keys in its variables, so that Secure Boot is on.
const OVMF_MS: [&str; 2] = [
    "/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
    "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
];
const OVMF32: [&str; 2] = [
    "/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd",
    "/usr/share/OVMF/OVMF32_VARS_4M.fd",
];
const AAVMF: [&str; 2] = [
    "/usr/share/AAVMF/AAVMF_CODE.fd",
    "/usr/share/AAVMF/AAVMF_VARS.fd",
];
const AAVMF_SECURE: [&str; 2] = [
    "/usr/share/AAVMF/AAVMF_CODE.ms.fd",
    "/usr/share/AAVMF/AAVMF_VARS.ms.fd",
];

const U_BOOT: &str = "/usr/lib/u-boot/qemu_arm64/u-boot.bin";

/// The firmware of a machine, and the network card that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS with an e1000, whose ROM is iPXE.
    Bios,
    /// OVMF with EDK2's own PXE client on virtio-net.
    Uefi,
    /// OVMF with HTTP boot only.
    UefiHttp,
    /// OVMF with Microsoft's keys and Secure Boot on, which starts nothing that they have not signed.
    SecureBoot,
    /// OVMF of 32 bits.
    Ia32,
    /// OVMF of 32 bits with HTTP boot only.
    Ia32Http,
    /// EDK2 on 64-bit ARM.
    Arm64,
    /// EDK2 on 64-bit ARM with HTTP boot only.
    Arm64Http,
    /// U-Boot on 64-bit ARM.
    UBoot,
    /// EDK2 on 64-bit ARM with Microsoft's keys and Secure Boot on.
    Arm64Secure,
}

impl Firmware {
    /// QEMU's program.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Arm64 | Self::Arm64Http | Self::Arm64Secure | Self::UBoot => {
                "qemu-system-aarch64"
            }
            _ => "qemu-system-x86_64",
        }
    }

    /// The network card; `romfile=` keeps iPXE out of it, so that EDK2 speaks itself.
    pub(super) fn card(self, wanted: Option<&str>) -> String {
        match (self, wanted) {
            (Self::Bios, wanted) => wanted.unwrap_or("e1000").to_owned(),
            (_, wanted) => format!("{},romfile=", wanted.unwrap_or("virtio-net-pci")),
        }
    }

    /// The board, the processor, the firmware's code and a copy of its variables.
    pub(super) fn describe(self, qemu: &mut Command, vars: &Path) {
        match self {
            // `graphics=off` makes SeaBIOS mirror the screen to the serial port.
            Self::Bios => qemu.args(["-M", "pc,graphics=off", "-vga", "std"]),
            Self::Uefi | Self::UefiHttp => qemu.args(["-M", "q35", "-vga", "std"]),
            // Secure Boot's lock on the variables is SMM's; Debian has 32 bits with it alone.
            Self::SecureBoot | Self::Ia32 | Self::Ia32Http => qemu
                .args(["-M", "q35,smm=on", "-vga", "std"])
                .args(["-global", "driver=cfi.pflash01,property=secure,value=on"]),
            Self::Arm64 | Self::Arm64Http | Self::Arm64Secure => qemu.args(["-M", "virt"]),
            Self::UBoot => qemu.args(["-M", "virt", "-bios", U_BOOT]),
        };
        self.processor(qemu);
        if let Some([code, fresh]) = self.flash() {
            flash(qemu, code, fresh, vars);
        }
        if matches!(self, Self::UefiHttp | Self::Ia32Http | Self::Arm64Http) {
            http_only(qemu);
        }
    }

    const fn flash(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Bios | Self::UBoot => None,
            Self::Uefi | Self::UefiHttp => Some(OVMF),
            Self::SecureBoot => Some(OVMF_MS),
            Self::Ia32 | Self::Ia32Http => Some(OVMF32),
            Self::Arm64 | Self::Arm64Http => Some(AAVMF),
            Self::Arm64Secure => Some(AAVMF_SECURE),
        }
    }

    /// Software emulation of every feature but five-level page tables, which slow it by 5 %.
    fn processor(self, qemu: &mut Command) {
        let kvm = std::env::var("BOOTJACK_LAB_KVM").is_ok_and(|on| on == "1");
        match self {
            Self::Arm64 | Self::Arm64Http | Self::Arm64Secure | Self::UBoot => {
                qemu.args(["-accel", "tcg", "-cpu", "cortex-a57"])
            }
            _ if kvm => qemu.args(["-accel", "kvm", "-cpu", "host"]),
            _ => qemu.args(["-accel", "tcg", "-cpu", "max,la57=off"]),
        };
    }
}

fn flash(qemu: &mut Command, code: &str, fresh: &str, vars: &Path) {
    fs::copy(fresh, vars)
        .unwrap_or_else(|e| panic!("cannot copy {fresh}: {e}; tests/support/setup.sh brings it"));
    qemu.arg("-drive")
        .arg(format!("if=pflash,format=raw,readonly=on,file={code}"))
        .arg("-drive")
        .arg(format!("if=pflash,format=raw,file={}", vars.display()));
}

fn http_only(qemu: &mut Command) {
    for family in ["IPv4", "IPv6"] {
        let name = format!("name=opt/org.tianocore/{family}PXESupport,string=n");
        qemu.args(["-fw_cfg", &name]);
    }
}
