//! Whether the loader that a row names can run on the machines that the row tells, as far as its name
//! and theirs say.
//!
//! Absent on purpose: what the file holds. It may come later, and a file of the operator's may stand in
//! for one of ours by the same name, so that all of this is a warning.

use super::super::tells::Tells;
use super::super::words::Glob;
use crate::assets;
use crate::wire::Platform;
use crate::wire::pxe::ClassString;
use crate::yaml::{At, Report};

/// What a loader is built for.
#[derive(Clone, Copy)]
enum For {
    /// One platform.
    One(Platform),
    /// UEFI of some instruction set.
    Efi,
}

/// How UEFI programs of one instruction set end (UEFI specification, 3.5.1.1, default boot files).
const EFI_ENDINGS: [(&str, Platform); 6] = [
    ("x64.efi", Platform::EfiX64),
    ("ia32.efi", Platform::EfiIa32),
    ("aa64.efi", Platform::EfiArm64),
    ("arm64.efi", Platform::EfiArm64),
    ("riscv64.efi", Platform::EfiRiscv64),
    ("loongarch64.efi", Platform::EfiLoongarch64),
];
/// How network boot programs for BIOS end.
const BIOS_ENDINGS: [&str; 4] = [".0", ".kpxe", ".kkpxe", ".pxe"];

impl For {
    /// By its name; `None` where that does not say.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |ending: &&str| name.ends_with(*ending);
        let (ours, is_efi) = (assets::get(&name).is_some(), ends(&".efi"));
        let set = EFI_ENDINGS.iter().find(|(ending, _)| ends(ending));
        match set {
            Some((_, platform)) => Some(Self::One(*platform)),
            // Those that come with bootjack are for x64 and for BIOS.
            None if ours && is_efi => Some(Self::One(Platform::EfiX64)),
            None if ours || BIOS_ENDINGS.iter().any(ends) => Some(Self::One(Platform::Bios)),
            None => is_efi.then_some(Self::Efi),
        }
    }

    /// Whether it may run there. U-Boot starts UEFI programs too (`bootefi`); of what has no name here
    /// nothing is known.
    fn runs_on(self, platform: Platform) -> bool {
        let like = match platform {
            Platform::UbootArm64 => Platform::EfiArm64,
            Platform::UbootArm32 => Platform::EfiArm32,
            other => other,
        };
        match self {
            _ if like == Platform::Other => true,
            Self::One(built) => built == like,
            Self::Efi => like != Platform::Bios,
        }
    }
}

impl std::fmt::Display for For {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(platform) => platform.fmt(f),
            Self::Efi => f.write_str("UEFI"),
        }
    }
}

/// Warns of a loader that some machine of the row cannot run.
pub(super) fn check(name: &str, tells: &Tells, at: At, report: &mut Report<'_>) {
    let Some(built) = For::of(name) else { return };
    let mut wrong = platforms(tells);
    wrong.retain(|platform| !built.runs_on(*platform));
    if wrong.is_empty() {
        return;
    }
    let wrong: Vec<&str> = wrong.iter().map(|p| p.name()).collect();
    let wrong = wrong.join(" and ");
    let message = format!("{name} is a loader for {built}, and this quirk tells {wrong}");
    let hint = format!("name one that is built for {wrong}, or give them a row of their own");
    report.warn(at, message, hint);
}

/// The platforms that a row names, each once: by `arch`, else by the classes where all of them do.
pub(super) fn platforms(tells: &Tells) -> Vec<Platform> {
    let named: Vec<Platform> = match tells.arch.as_slice() {
        [] => {
            let all = tells.class.iter().map(of_class);
            all.collect::<Option<_>>().unwrap_or_default()
        }
        archs => archs.iter().map(|arch| arch.platform()).collect(),
    };
    let mut once = Vec::new();
    for platform in named {
        if !once.contains(&platform) {
            once.push(platform);
        }
    }
    once
}

/// `PXEClient:Arch:00011*`
fn of_class(class: &Glob) -> Option<Platform> {
    let arch = ClassString::parse(class.beginning().as_bytes()).arch?;
    Some(arch.platform())
}
