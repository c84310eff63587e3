//! Client architectures: option 93's numbers (IANA "Processor Architecture Types", facts D) and
//! the [`Platform`] behind them, which is what a profile speaks of.
//!
//! Several numbers mean the same machine: 7 and 9 are swapped in RFC 4578's text, VMware sends 9
//! (quirk 6), and 16 is the same x64 UEFI asking over HTTP. The table has every number that IANA
//! names, so that logs can name it; most of them are [`Platform::Other`], for which nobody makes
//! a loader any more, or has one yet.

mod filter;

use std::fmt;
use std::str::FromStr;

pub use filter::ArchFilter;

/// An architecture number from option 93.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Arch(pub u16);

/// What runs the loader: firmware kind and instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// x86 BIOS
    Bios,
    /// 32-bit x86 UEFI
    EfiIa32,
    /// 64-bit x86 UEFI (7, 9, and 16 or 17 over HTTP)
    EfiX64,
    /// 32-bit ARM UEFI
    EfiArm32,
    /// 64-bit ARM UEFI
    EfiArm64,
    /// 64-bit RISC-V UEFI
    EfiRiscv64,
    /// 64-bit LoongArch UEFI
    EfiLoongarch64,
    /// U-Boot on 32-bit ARM
    UbootArm32,
    /// U-Boot on 64-bit ARM
    UbootArm64,
    /// What a profile does not speak of: no loader of it is known here
    Other,
}

/// number, its name, its platform, whether the client fetches by HTTP
type Row = (u16, &'static str, Platform, bool);

const TABLE: &[Row] = &[
    (0, "bios", Platform::Bios, false),
    (1, "pc98", Platform::Other, false),
    (2, "itanium", Platform::Other, false),
    (3, "alpha", Platform::Other, false),
    (4, "arc-x86", Platform::Other, false),
    (5, "lean-client", Platform::Other, false),
    (6, "efi-ia32", Platform::EfiIa32, false),
    (7, "efi-x64", Platform::EfiX64, false),
    (8, "efi-xscale", Platform::Other, false),
    (9, "efi-bc", Platform::EfiX64, false),
    (10, "efi-arm32", Platform::EfiArm32, false),
    (11, "efi-arm64", Platform::EfiArm64, false),
    (12, "powerpc", Platform::Other, false),
    (13, "powerpc-epapr", Platform::Other, false),
    (14, "power-opal", Platform::Other, false),
    (15, "http-ia32", Platform::EfiIa32, true),
    (16, "http-x64", Platform::EfiX64, true),
    (17, "http-bc", Platform::EfiX64, true),
    (18, "http-arm32", Platform::EfiArm32, true),
    (19, "http-arm64", Platform::EfiArm64, true),
    (20, "http-bios", Platform::Bios, true),
    (21, "uboot-arm32", Platform::UbootArm32, false),
    (22, "uboot-arm64", Platform::UbootArm64, false),
    (23, "uboot-http-arm32", Platform::UbootArm32, true),
    (24, "uboot-http-arm64", Platform::UbootArm64, true),
    (25, "efi-riscv32", Platform::Other, false),
    (26, "http-riscv32", Platform::Other, true),
    (27, "efi-riscv64", Platform::EfiRiscv64, false),
    (28, "http-riscv64", Platform::EfiRiscv64, true),
    (29, "efi-riscv128", Platform::Other, false),
    (30, "http-riscv128", Platform::Other, true),
    (31, "s390-basic", Platform::Other, false),
    (32, "s390-extended", Platform::Other, false),
    (33, "efi-mips32", Platform::Other, false),
    (34, "efi-mips64", Platform::Other, false),
    (35, "efi-sunway32", Platform::Other, false),
    (36, "efi-sunway64", Platform::Other, false),
    (37, "efi-loongarch32", Platform::Other, false),
    (38, "http-loongarch32", Platform::Other, true),
    (39, "efi-loongarch64", Platform::EfiLoongarch64, false),
    (40, "http-loongarch64", Platform::EfiLoongarch64, true),
    (41, "rpiboot", Platform::Other, false),
];

/// iPXE's `${platform}-${buildarch}`, and the machine it runs on.
const IPXE_BUILDS: &[(&str, Arch)] = &[
    ("pcbios-i386", Arch(0)),
    ("pcbios-x86_64", Arch(0)),
    ("efi-i386", Arch(6)),
    ("efi-x86_64", Arch(7)),
    ("efi-arm32", Arch(10)),
    ("efi-arm64", Arch(11)),
];

impl Arch {
    /// x86 BIOS
    pub const BIOS: Self = Self(0);
    /// 64-bit x86 UEFI over PXE
    pub const EFI_X64: Self = Self(7);
    /// 64-bit x86 UEFI over HTTP
    pub const HTTP_X64: Self = Self(16);

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.0 == self.0)
    }

    /// The machine behind iPXE's `${platform}-${buildarch}`.
    pub fn of_ipxe_build(build: &str) -> Option<Self> {
        let row = IPXE_BUILDS.iter().find(|(name, _)| *name == build)?;
        Some(row.1)
    }

    /// Whether IANA's table has the number.
    pub fn is_named(self) -> bool {
        self.row().is_some()
    }

    /// The machine behind the number.
    pub fn platform(self) -> Platform {
        self.row().map_or(Platform::Other, |row| row.2)
    }

    /// Whether firmware of this number fetches its loader by HTTP.
    pub fn is_http(self) -> bool {
        self.row().is_some_and(|row| row.3)
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => write!(f, "{} ({})", row.1, row.0),
            None => write!(f, "arch {}", self.0),
        }
    }
}

impl fmt::Debug for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arch({self})")
    }
}

/// The text names no architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no architecture; use bios, efi-x64, efi-ia32, efi-arm64, … or option 93's number"
)]
pub struct BadArch(pub String);

impl FromStr for Arch {
    type Err = BadArch;

    /// A name of the table or a number.
    fn from_str(text: &str) -> Result<Self, BadArch> {
        let named = TABLE
            .iter()
            .find(|row| row.1.eq_ignore_ascii_case(text))
            .map(|row| Self(row.0));
        named
            .or_else(|| text.parse().ok().map(Self))
            .ok_or_else(|| BadArch(text.to_owned()))
    }
}

impl Platform {
    /// Every platform that has a name, in the order that help and messages list them.
    pub const NAMED: [Self; 9] = [
        Self::Bios,
        Self::EfiX64,
        Self::EfiIa32,
        Self::EfiArm64,
        Self::EfiArm32,
        Self::EfiRiscv64,
        Self::EfiLoongarch64,
        Self::UbootArm64,
        Self::UbootArm32,
    ];

    /// The name a profile uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::EfiIa32 => "efi-ia32",
            Self::EfiX64 => "efi-x64",
            Self::EfiArm32 => "efi-arm32",
            Self::EfiArm64 => "efi-arm64",
            Self::EfiRiscv64 => "efi-riscv64",
            Self::EfiLoongarch64 => "efi-loongarch64",
            Self::UbootArm32 => "uboot-arm32",
            Self::UbootArm64 => "uboot-arm64",
            Self::Other => "other",
        }
    }

    /// The platform of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMED
            .into_iter()
            .find(|p| p.name().eq_ignore_ascii_case(name))
    }

    /// What iPXE calls itself there, `${platform}-${buildarch}`; `None` where we serve no iPXE.
    pub fn ipxe_build(self) -> Option<&'static str> {
        let row = IPXE_BUILDS
            .iter()
            .find(|(_, arch)| arch.platform() == self)?;
        Some(row.0)
    }

    /// Whether the firmware is U-Boot.
    pub const fn is_u_boot(self) -> bool {
        matches!(self, Self::UbootArm32 | Self::UbootArm64)
    }

    /// Whether the firmware is UEFI.
    pub const fn is_efi(self) -> bool {
        !matches!(
            self,
            Self::Bios | Self::UbootArm32 | Self::UbootArm64 | Self::Other
        )
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_machine_share_a_platform() {
        for number in [7, 9, 16, 17] {
            assert_eq!(Arch(number).platform(), Platform::EfiX64, "{number}");
        }
        assert_eq!(Arch(0).platform(), Platform::Bios);
        assert_eq!(Arch(999).platform(), Platform::Other);
    }

    #[test]
    fn every_number_of_the_registry_has_one_name_in_its_place() {
        for (number, row) in (0_u16..).zip(TABLE) {
            assert_eq!(row.0, number, "{}", row.1);
            assert_eq!(row.1.parse(), Ok(Arch(number)), "{}", row.1);
            assert_eq!(Arch(number).to_string(), format!("{} ({number})", row.1));
            assert_eq!(Arch(number).is_http(), row.1.contains("http"), "{}", row.1);
        }
        assert_eq!(TABLE.len(), 42);
        assert!(Arch(41).is_named() && !Arch(42).is_named());
        assert_eq!(Arch(42).to_string(), "arch 42");
    }

    #[test]
    fn names_and_numbers_parse() {
        assert_eq!("efi-x64".parse(), Ok(Arch(7)));
        assert_eq!("BIOS".parse(), Ok(Arch(0)));
        assert_eq!("16".parse(), Ok(Arch::HTTP_X64));
        assert_eq!("efi-x46".parse::<Arch>(), Err(BadArch("efi-x46".into())));
    }

    #[test]
    fn every_named_platform_is_found_by_its_name() {
        for platform in Platform::NAMED {
            assert_eq!(Platform::from_name(platform.name()), Some(platform));
        }
    }
}
