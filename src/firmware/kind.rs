//! The table: one row a firmware, with all by which it differs from the others as a client.

use std::time::Duration;

use crate::wire::{Arch, Platform};

/// A machine that can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A PXE 2.1 ROM of a BIOS machine, as Intel's boot agent
    Bios,
    /// One of PXE 2.0, build 071, that asks port 4011 whatever it was told
    Bios20,
    /// 64-bit x86 UEFI over PXE
    EfiX64,
    /// 64-bit ARM UEFI over PXE
    EfiArm64,
    /// 64-bit x86 UEFI over HTTP
    HttpX64,
    /// iPXE in a BIOS machine's network card
    Ipxe,
    /// The boot ROM of a Raspberry Pi 3
    Rpi3,
    /// The flash memory of a Raspberry Pi 4
    Rpi4,
    /// The flash memory of a Raspberry Pi 5
    Rpi5,
    /// 64-bit x86 UEFI that has loaded GRUB's signed network image
    Grub,
    /// 64-bit x86 UEFI that has loaded shim
    Shim,
}

/// Whose rules it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The PXE specification
    Rom,
    /// EDK2's `UefiPxeBcDxe`
    Edk2,
    /// EDK2's `HttpBootDxe`
    Edk2Http,
    /// iPXE
    Ipxe,
    /// The Raspberry Pi's boot ROM
    Pi,
}

/// How it fetches by TFTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tftp {
    /// `blksize` asked for, in bytes; 512: none is.
    pub block: u16,
    /// `windowsize` asked for.
    pub window: Option<u16>,
    /// Whether the size is asked for first, in a request of its own that ERROR 8 ends.
    pub probes: bool,
    /// Whether the size is asked for at all.
    pub sizes: bool,
    /// Whether it refuses an OACK with more in it than was asked for.
    pub strict: bool,
    /// How long it waits for an answer.
    pub patience: Patience,
}

/// How long an answer to each packet of TFTP is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    first: Duration,
    growth: Growth,
    times: u32,
    /// Whether an acknowledgement is sent again after each wait, and not the request alone.
    pub acknowledges_again: bool,
}

/// How each further wait comes out of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    By(Duration),
    Doubled,
}

impl Patience {
    /// How long is waited when a packet was sent once, and then so many times more; `None`: no
    /// longer.
    pub fn wait(self, again: u32) -> Option<Duration> {
        let wait = match self.growth {
            Growth::By(more) => self.first.saturating_add(more.saturating_mul(again)),
            Growth::Doubled => self.first.saturating_mul(2_u32.saturating_pow(again)),
        };
        (again < self.times).then_some(wait)
    }
}

/// EDK2's `Mtftp4` as `PxeBcDxe` sets it up: 4 s, six times.
const EDK2_PATIENCE: Patience = Patience {
    first: Duration::from_secs(4),
    growth: Growth::By(Duration::ZERO),
    times: 6,
    acknowledges_again: true,
};
/// iPXE's `retry.c` with the limits of `retry.h`, which `tftp.c` leaves as they are: 0.25 s, doubled
/// until it passes 10 s; 15.75 s in all.
const IPXE_PATIENCE: Patience = Patience {
    first: Duration::from_millis(250),
    growth: Growth::Doubled,
    times: 6,
    acknowledges_again: true,
};
/// GRUB's `tftp_open` and `grub_net_fs_read_real`: 0.4 s and 0.02 s more each time, 40 times
/// (`GRUB_NET_INTERVAL`, `GRUB_NET_INTERVAL_ADDITION`, `GRUB_NET_TRIES`); 31.6 s in all.
pub(super) const GRUB_PATIENCE: Patience = Patience {
    first: Duration::from_millis(400),
    growth: Growth::By(Duration::from_millis(20)),
    times: 40,
    acknowledges_again: false,
};
/// Of PXE ROMs and of the Raspberry Pi's no times are on record: EDK2's are assumed.
const ASSUMED_PATIENCE: Patience = EDK2_PATIENCE;

/// What the loader does next, where it is played on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// Asks for `grubx64.efi`
    Shim,
    /// Asks for `grub.cfg`
    Grub,
    /// `bootcode.bin` asks for `start.elf` and all that comes after it
    Pi,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub struct Firmware {
    /// Which one.
    pub kind: Kind,
    /// On the command line.
    pub name: &'static str,
    /// For people.
    pub words: &'static str,
    /// Option 93.
    pub arch: Arch,
    /// Option 60.
    pub class: &'static str,
    /// Option 94.
    pub undi: [u8; 3],
    /// Option 55.
    pub asks: &'static [u8],
    /// Whose rules it follows.
    pub manner: Manner,
    /// How long it waits after each DISCOVER, in seconds.
    pub windows: &'static [u64],
    /// Whether it asks for broadcast replies.
    pub broadcast: bool,
    /// How it fetches.
    pub tftp: Tftp,
    /// What its loader does, where it is one of ours to play.
    pub second: Option<Second>,
    /// Where this is on record.
    pub evidence: &'static str,
}

const EDK2_ASKS: [u8; 35] = [
    1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66,
    67, 97, 128, 129, 130, 131, 132, 133, 134, 135,
];
/// The place that `HttpBootDhcp4.c` forgets to fill holds whatever was in memory: 235 in OVMF's.
const HTTP_ASKS: [u8; 27] = [
    1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 235,
    67, 97,
];
const ROM_ASKS: [u8; 24] = [
    1, 2, 3, 5, 6, 11, 12, 13, 15, 16, 17, 18, 43, 54, 60, 67, 128, 129, 130, 131, 132, 133, 134,
    135,
];
const IPXE_ASKS: [u8; 23] = [
    1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175,
    203,
];
const PI_ASKS: [u8; 12] = [43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135];

/// PXE 2.1 and `mPxeDhcpTimeout` of EDK2.
const PXE_WINDOWS: [u64; 4] = [4, 8, 16, 32];
/// iPXE's timer: 1 s, doubled until it passes 10 s.
const IPXE_WINDOWS: [u64; 4] = [1, 2, 4, 8];

const EDK2_TFTP: Tftp = Tftp {
    block: 1468,
    window: Some(4),
    probes: true,
    sizes: true,
    strict: true,
    patience: EDK2_PATIENCE,
};
const ROM_TFTP: Tftp = Tftp {
    block: 1456,
    window: None,
    probes: true,
    sizes: true,
    strict: false,
    patience: ASSUMED_PATIENCE,
};

const EFI_X64: Firmware = Firmware {
    kind: Kind::EfiX64,
    name: "efi-x64",
    words: "64-bit x86 UEFI over PXE (EDK2)",
    arch: Arch::EFI_X64,
    class: "PXEClient:Arch:00007:UNDI:003000",
    undi: [1, 3, 0],
    asks: &EDK2_ASKS,
    manner: Manner::Edk2,
    windows: &PXE_WINDOWS,
    broadcast: true,
    tftp: EDK2_TFTP,
    second: None,
    evidence: "EDK2 PxeBcDhcp4.c and PxeBcBoot.c; OVMF 2022.11 on the wire and on its screen",
};

const BIOS: Firmware = Firmware {
    kind: Kind::Bios,
    name: "bios",
    words: "a BIOS machine's PXE 2.1 ROM",
    arch: Arch::BIOS,
    class: "PXEClient:Arch:00000:UNDI:002001",
    undi: [1, 2, 1],
    asks: &ROM_ASKS,
    manner: Manner::Rom,
    windows: &PXE_WINDOWS,
    broadcast: true,
    tftp: ROM_TFTP,
    second: None,
    evidence: "the PXE 2.1 specification, with the messages of Intel's boot agent; not measured, its times \
               are EDK2's",
};

const PI_3: Firmware = Firmware {
    kind: Kind::Rpi3,
    name: "rpi3",
    words: "the boot ROM of a Raspberry Pi 3",
    asks: &PI_ASKS,
    manner: Manner::Pi,
    windows: &[5, 5, 5, 5, 5],
    broadcast: false,
    tftp: Tftp {
        block: 512,
        window: None,
        probes: false,
        sizes: false,
        strict: false,
        patience: ASSUMED_PATIENCE,
    },
    second: Some(Second::Pi),
    evidence: "the maker's boot documentation, quirks 27 and 28; its times are not on record",
    ..BIOS
};
/// rpi-eeprom's release notes: blocks of 1024 bytes; the size is asked for (nobodd's documentation).
const PI_4_TFTP: Tftp = Tftp {
    block: 1024,
    sizes: true,
    ..PI_3.tftp
};

/// All of them.
pub static TABLE: [Firmware; 11] = [
    BIOS,
    Firmware {
        kind: Kind::Bios20,
        name: "bios-2.0",
        words: "a BIOS machine's PXE 2.0 ROM, build 071",
        class: "PXEClient:Arch:00000:UNDI:002000",
        undi: [1, 2, 0],
        evidence: "quirk 5 (danderson/netboot#132): it asks port 4011 although it was told to boot at once",
        ..BIOS
    },
    EFI_X64,
    Firmware {
        kind: Kind::EfiArm64,
        name: "efi-arm64",
        words: "64-bit ARM UEFI over PXE (EDK2)",
        arch: Arch(11),
        class: "PXEClient:Arch:00011:UNDI:003000",
        evidence: "EDK2 PxeBcDhcp4.c and PxeBcBoot.c",
        ..EFI_X64
    },
    Firmware {
        kind: Kind::HttpX64,
        name: "http-x64",
        words: "64-bit x86 UEFI over HTTP (EDK2)",
        arch: Arch::HTTP_X64,
        class: "HTTPClient:Arch:00016:UNDI:003000",
        asks: &HTTP_ASKS,
        manner: Manner::Edk2Http,
        evidence: "EDK2 HttpBootDhcp4.c; OVMF 2022.11 on the wire and on its screen",
        ..EFI_X64
    },
    Firmware {
        kind: Kind::Ipxe,
        name: "ipxe",
        words: "iPXE in a BIOS machine's network card",
        class: "PXEClient:Arch:00000:UNDI:002001",
        undi: [1, 2, 1],
        asks: &IPXE_ASKS,
        manner: Manner::Ipxe,
        windows: &IPXE_WINDOWS,
        broadcast: false,
        tftp: Tftp {
            block: 1432,
            window: None,
            probes: false,
            sizes: true,
            strict: false,
            patience: IPXE_PATIENCE,
        },
        evidence: "iPXE dhcp.c, autoboot.c, pxemenu.c, tftp.c and retry.c; QEMU's e1000 ROM on the wire",
        ..BIOS
    },
    PI_3,
    Firmware {
        kind: Kind::Rpi4,
        name: "rpi4",
        words: "the boot loader in the flash memory of a Raspberry Pi 4",
        tftp: PI_4_TFTP,
        second: None,
        evidence: "raspberrypi/documentation and rpi-eeprom, logs of TFTP servers; its times are not on record",
        ..PI_3
    },
    Firmware {
        kind: Kind::Rpi5,
        name: "rpi5",
        words: "the boot loader in the flash memory of a Raspberry Pi 5",
        tftp: PI_4_TFTP,
        second: None,
        evidence: "raspberrypi/documentation and rpi-eeprom; its times are not on record",
        ..PI_3
    },
    Firmware {
        kind: Kind::Grub,
        name: "grub",
        words: "64-bit x86 UEFI whose loader is GRUB's signed network image",
        second: Some(Second::Grub),
        evidence: "EDK2 as efi-x64; GRUB efinet.c, bootp.c and tftp.c, Debian's image on the wire",
        ..EFI_X64
    },
    Firmware {
        kind: Kind::Shim,
        name: "shim",
        words: "64-bit x86 UEFI whose loader is shim",
        second: Some(Second::Shim),
        evidence: "EDK2 as efi-x64; shim netboot.c, Debian's image on the wire",
        ..EFI_X64
    },
];

impl Kind {
    /// Its row.
    pub fn firmware(self) -> &'static Firmware {
        TABLE.iter().find(|f| f.kind == self).unwrap_or(&TABLE[0])
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = TABLE.iter().find(|f| f.name == name)?;
        Some(found.kind)
    }
}

impl Firmware {
    /// What its loader has to be built for.
    pub fn platform(&self) -> Platform {
        self.arch.platform()
    }

    /// Whether it is a PXE client, and not HTTP boot.
    pub fn is_pxe(&self) -> bool {
        self.manner != Manner::Edk2Http
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pxe::ClassString;

    #[test]
    fn every_kind_has_its_row_and_its_class_says_the_same() {
        for row in &TABLE {
            assert_eq!(row.kind.firmware(), row);
            assert_eq!(Kind::named(row.name), Some(row.kind));
            let said = ClassString::parse(row.class.as_bytes());
            let [_, major, minor] = row.undi;
            assert_eq!(said.arch, Some(row.arch), "{}", row.name);
            assert_eq!(said.undi, Some((major, minor)), "{}", row.name);
        }
        assert_eq!(Kind::named("toaster"), None);
    }
}
