//! What was fetched: whether a firmware could run it, by its first bytes.
//!
//! A cheap look (PE/COFF: the machine number), no proof: Secure Boot and the rest of the file are
//! not looked at.

use crate::wire::Platform;

/// Bytes of a file that are looked at, at most.
pub const HEAD: usize = 4096;
/// The largest loader that a ROM has room for: what is left of the first 640 KiB.
const BASE_MEMORY: u64 = 512 * 1024;

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// An EFI program for this machine (PE/COFF `Machine`)
    Efi(u16),
    /// A program for DOS or Windows, or a broken EFI one
    Exe,
    /// An ELF file
    Elf,
    /// A script for iPXE
    Script,
    /// A page of HTML
    Html,
    /// Text
    Text,
    /// An ISO or something else with nothing known in front: a ROM runs anything
    Other,
}

/// Why a firmware cannot run it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A program for another machine.
    #[error("{0}, and this machine is {1}")]
    Machine(String, Platform),
    /// No EFI program.
    #[error("{0}, no EFI program")]
    NotEfi(String),
    /// An EFI program, on a BIOS.
    #[error("{0}, and this machine has a BIOS")]
    Efi(String),
    /// No program for a BIOS.
    #[error("{0}, no program that a BIOS machine can run")]
    NoProgram(String),
    /// Too large for a ROM.
    #[error("{0} bytes do not fit into a BIOS machine's base memory")]
    Large(u64),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
}

impl Image {
    /// Reads the first bytes.
    pub fn read(head: &[u8]) -> Self {
        match head {
            [0x7f, b'E', b'L', b'F', ..] => Self::Elf,
            [b'M', b'Z', ..] => machine(head).map_or(Self::Exe, Self::Efi),
            _ if head.starts_with(b"#!ipxe") => Self::Script,
            _ if !is_text(head) => Self::Other,
            _ if head.trim_ascii_start().starts_with(b"<") => Self::Html,
            _ => Self::Text,
        }
    }

    /// Whether a machine can boot it as its Linux kernel. Kernels for x64 run on UEFI of 32 bits too, where
    /// the processor has 64 (`CONFIG_EFI_MIXED`, which Debian's have), and both kinds start on BIOS; 64-bit
    /// UEFI starts none of 32 bits. What is no EFI program may be anything: a compressed kernel, an old one.
    pub const fn boots_as_kernel(self, platform: Platform) -> bool {
        let Self::Efi(machine) = self else {
            return true;
        };
        match platform {
            Platform::Bios | Platform::EfiIa32 => matches!(machine, 0x8664 | 0x014c),
            platform => Self::Efi(machine).starts_as_program(platform),
        }
    }

    /// Whether a machine can start it as a program, as far as that is told by the architecture: a BIOS may
    /// find what it can start in a file that is an EFI program too.
    pub const fn starts_as_program(self, platform: Platform) -> bool {
        let platform = match platform {
            Platform::UbootArm32 => Platform::EfiArm32,
            Platform::UbootArm64 => Platform::EfiArm64,
            other => other,
        };
        match (self, wanted(platform)) {
            (Self::Efi(machine), Some(wanted)) => machine == wanted,
            _ => true,
        }
    }

    /// For people.
    pub fn words(self) -> String {
        let text = match self {
            Self::Efi(0x8664) => "an EFI program for x64",
            Self::Efi(0x014c) => "an EFI program for IA32",
            Self::Efi(0xaa64) => "an EFI program for ARM64",
            Self::Efi(0x01c2 | 0x01c0) => "an EFI program for ARM32",
            Self::Efi(0x5064) => "an EFI program for RISC-V 64",
            Self::Efi(0x6264) => "an EFI program for LoongArch 64",
            Self::Efi(machine) => return format!("an EFI program for machine {machine:#06x}"),
            Self::Exe => "a program for DOS or Windows",
            Self::Elf => "an ELF file",
            Self::Script => "an iPXE script",
            Self::Html => "a page of HTML",
            Self::Text => "a text",
            Self::Other => "a plain binary",
        };
        text.to_owned()
    }
}

/// Nothing but what is printed: no machine has a program without a single other byte.
fn is_text(head: &[u8]) -> bool {
    let printed = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    !head.is_empty() && head.iter().all(printed)
}

/// The machine number of a PE file: at the place that the word at 0x3c names, behind `PE\0\0`.
fn machine(head: &[u8]) -> Option<u16> {
    let at = u32::from_le_bytes(*head.get(0x3c..)?.first_chunk()?);
    let header = head.get(usize::try_from(at).ok()?..)?;
    let rest = header.strip_prefix(b"PE\0\0")?;
    Some(u16::from_le_bytes(*rest.first_chunk()?))
}

/// The number of a platform's EFI programs.
const fn wanted(platform: Platform) -> Option<u16> {
    Some(match platform {
        Platform::EfiX64 => 0x8664,
        Platform::EfiIa32 => 0x014c,
        Platform::EfiArm64 => 0xaa64,
        Platform::EfiArm32 => 0x01c2,
        Platform::EfiRiscv64 => 0x5064,
        Platform::EfiLoongarch64 => 0x6264,
        _ => return None,
    })
}

/// Whether iPXE or a Raspberry Pi can make something of a file that begins so: the one runs a
/// BIOS program or a script, the other a program of its own.
///
/// # Errors
/// Why not.
pub fn is_something(head: &[u8]) -> Result<Image, Wrong> {
    match Image::read(head) {
        image @ (Image::Html | Image::Text) => Err(Wrong::NoProgram(image.words())),
        image => Ok(image),
    }
}

/// Whether firmware of this platform can run a file of this size that begins so.
///
/// # Errors
/// Why not.
pub fn fits(platform: Platform, head: &[u8], size: Option<u64>) -> Result<Image, Wrong> {
    let image = Image::read(head);
    if head.is_empty() {
        return Err(Wrong::Empty);
    }
    match (wanted(platform), image) {
        (Some(wanted), Image::Efi(machine)) if machine == wanted => Ok(image),
        (Some(_), Image::Efi(_)) => Err(Wrong::Machine(image.words(), platform)),
        (Some(_), _) => Err(Wrong::NotEfi(image.words())),
        (None, Image::Efi(_)) => Err(Wrong::Efi(image.words())),
        (None, Image::Exe | Image::Html | Image::Text | Image::Script) => {
            Err(Wrong::NoProgram(image.words()))
        }
        (None, _) => match size {
            Some(size) if platform == Platform::Bios && size > BASE_MEMORY => {
                Err(Wrong::Large(size))
            }
            _ => Ok(image),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pe(machine: u16) -> Vec<u8> {
        let mut file = vec![0; 0x100];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x80;
        file[0x80..0x84].copy_from_slice(b"PE\0\0");
        file[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
        file
    }

    #[test]
    fn a_loader_is_for_one_machine() {
        let x64 = pe(0x8664);
        assert_eq!(fits(Platform::EfiX64, &x64, None), Ok(Image::Efi(0x8664)));
        for (platform, file, why) in [
            (
                Platform::EfiArm64,
                &x64[..],
                "an EFI program for x64, and this machine is efi-arm64",
            ),
            (
                Platform::EfiX64,
                &pe(0x14c),
                "an EFI program for IA32, and this machine is efi-x64",
            ),
            (
                Platform::Bios,
                &x64,
                "an EFI program for x64, and this machine has a BIOS",
            ),
            (
                Platform::EfiX64,
                b"\xea\x05\0\xc0",
                "a plain binary, no EFI program",
            ),
            (
                Platform::EfiX64,
                b"MZ",
                "a program for DOS or Windows, no EFI program",
            ),
            (Platform::Bios, b"", "it is empty"),
            (
                Platform::Bios,
                b"MZ\0\0",
                "a program for DOS or Windows, no program that a BIOS machine can run",
            ),
            (
                Platform::Bios,
                b"<html>404",
                "a page of HTML, no program that a BIOS machine can run",
            ),
            (
                Platform::Bios,
                b"not here\r\n",
                "a text, no program that a BIOS machine can run",
            ),
            (
                Platform::Bios,
                b"#!ipxe\nautoboot\n",
                "an iPXE script, no program that a BIOS machine can run",
            ),
            (
                Platform::EfiX64,
                b"\n<!DOCTYPE html>",
                "a page of HTML, no EFI program",
            ),
        ] {
            let wrong = fits(platform, file, None).unwrap_err();
            assert_eq!(wrong.to_string(), why);
        }
        assert!(is_something(b"<html>").is_err() && is_something(b"oops").is_err());
        assert_eq!(is_something(b"#!ipxe\n"), Ok(Image::Script));
        let rom = b"\xea\x05\0\xc0";
        assert_eq!(fits(Platform::Bios, rom, Some(90_000)), Ok(Image::Other));
        assert_eq!(
            fits(Platform::Bios, rom, Some(1 << 20)),
            Err(Wrong::Large(1 << 20))
        );
    }

    #[test]
    fn a_kernel_is_for_the_machines_that_can_boot_it() {
        use Platform::{Bios, EfiArm64, EfiIa32, EfiRiscv64, EfiX64, UbootArm64};
        for (machine, kernel, program) in [
            (0x8664, &[Bios, EfiIa32, EfiX64][..], &[Bios, EfiX64][..]),
            (0x014c, &[Bios, EfiIa32], &[Bios, EfiIa32]),
            (
                0xaa64,
                &[EfiArm64, UbootArm64],
                &[Bios, EfiArm64, UbootArm64],
            ),
            (0x5064, &[EfiRiscv64], &[Bios, EfiRiscv64]),
        ] {
            let image = Image::read(&pe(machine));
            for platform in [Bios, EfiIa32, EfiX64, EfiArm64, UbootArm64, EfiRiscv64] {
                let told = (
                    image.boots_as_kernel(platform),
                    image.starts_as_program(platform),
                );
                let wanted = (kernel.contains(&platform), program.contains(&platform));
                assert_eq!(told, wanted, "{machine:#x} {platform}");
            }
        }
        let gzipped = Image::read(b"\x1f\x8b\x08\0");
        assert!(gzipped.boots_as_kernel(EfiArm64) && gzipped.starts_as_program(EfiX64));
    }

    proptest! {
        #[test]
        fn any_file_is_something(head in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Image::read(&[b"MZ", &head[..]].concat()).words();
        }
    }
}
