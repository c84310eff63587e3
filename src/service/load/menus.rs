//! Menus that leave a machine with nothing, and kernels that are named for a machine which they are not built for:
//! found by making each menu as such a machine would see it.
//!
//! All of it is warnings. Of a profile that names no architecture only what it says of Secure Boot is looked at,
//! on x64: that it has nothing for some machines is what its author may want. Absent on purpose: menus that the
//! firmware shows (`profile/fits`), and images, which the firmware itself starts (`profile/http_boot`).

use std::net::{IpAddr, Ipv4Addr};

use super::at::Pen;
use crate::client::Client;
use crate::profile::{Action, Entry, Loader, Part, PerArch, Profile, Snapshot, Target};
use crate::render::view::view;
use crate::render::{Dialect, Place};
use crate::wire::{Arch, ArchFilter, Mac, Platform};
use crate::yaml::Finding;

/// Whose menus are made: 32-bit, 64-bit and ARM UEFI, as it boots by PXE, and BIOS. That of x64 UEFI by HTTP boot is
/// the same, and is made where a profile is for that alone.
const ARCHS: [Arch; 4] = [Arch::BIOS, Arch(6), Arch::EFI_X64, Arch(11)];

/// What is wrong with the menus of this snapshot; `by_rows`: a row of `quirks:` names a loader, which may start
/// what ours cannot.
pub fn check(snapshot: &Snapshot, by_rows: bool, pen: &Pen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (profile, archs) in snapshot.profiles.with_archs() {
        let meant = |arch: &Arch| is_meant(profile, &archs, *arch);
        let by_http = Some(Arch::HTTP_X64).filter(|http| meant(http) && !meant(&Arch::EFI_X64));
        for arch in ARCHS.into_iter().filter(meant).chain(by_http) {
            let said = empty(snapshot, profile, arch, by_rows).into_iter();
            findings
                .extend(said.map(|(what, hint)| pen.warning((profile, Part::Menu), what, hint)));
        }
        for (number, entry) in profile.menu.entries.iter().enumerate() {
            let place = (profile, Part::Entry(number));
            let said = misnamed(snapshot, entry).into_iter();
            findings.extend(said.map(|what| pen.warning(place, what, MISNAMED)));
        }
    }
    findings
}

fn is_meant(profile: &Profile, archs: &[ArchFilter], arch: Arch) -> bool {
    if archs.is_empty() {
        return arch == Arch::EFI_X64 && profile.boots_by_shim(arch.platform());
    }
    archs.iter().any(|a| a.overlaps(ArchFilter::Exact(arch)))
}

/// A menu without an entry, and what to do.
fn empty(
    snapshot: &Snapshot,
    profile: &Profile,
    arch: Arch,
    by_rows: bool,
) -> Option<(String, &'static str)> {
    let platform = arch.platform();
    let shim = profile.boots_by_shim(platform);
    let dialect = dialect(profile, platform)?;
    let elsewhere = if arch.is_http() {
        // GRUB is of no use to it, so that it is named none.
        dialect == Dialect::Grub || profile.http_entry(platform, |_| true).is_some()
    } else {
        profile.firmware_shows(platform)
            || profile.raspberry_pi.is_some()
            || (!shim && has_image_by_http(profile, platform))
    };
    if elsewhere || (by_rows && !shim) || entries(snapshot, profile, arch, dialect) != Some(0) {
        return None;
    }
    let by_http = if arch.is_http() { " by HTTP boot" } else { "" };
    let secure = if shim { " with Secure Boot" } else { "" };
    let message = format!(
        "no entry of \"{}\" starts on {platform}{by_http}{secure}: the menu of such a machine is empty",
        profile.name
    );
    let hint = match dialect {
        Dialect::Grub => {
            "GRUB carries it there: it fetches from bootjack alone, runs no iPXE script, and starts what is built for the machine; put such a kernel below the image folder"
        }
        Dialect::Ipxe | Dialect::Pxelinux => {
            "give it an entry with a kernel or program that is built for this machine, or leave this architecture out of match:"
        }
    };
    Some((message, hint))
}

/// An image, which UEFI starts by HTTP boot; that it is in no menu of those that boot by PXE is told with it
/// (`profile/http_boot`).
fn has_image_by_http(profile: &Profile, platform: Platform) -> bool {
    let has_image = |e: &Entry| matches!(e.action, Action::Image(_));
    platform.is_efi() && profile.menu.entries.iter().any(has_image)
}

/// What carries the menu; `None` where there is no loader.
fn dialect(profile: &Profile, platform: Platform) -> Option<Dialect> {
    let loader = profile.loader.get(platform).copied().unwrap_or_default();
    loader.program(platform)?;
    Some(match (platform, loader) {
        _ if profile.boots_by_shim(platform) || loader.is_grub(platform) => Dialect::Grub,
        (Platform::Bios, Loader::Ipxe) | (Platform::EfiX64, _) => Dialect::Ipxe,
        _ => Dialect::Pxelinux,
    })
}

/// How many entries a machine sees; `None` where the menu cannot be made.
fn entries(snapshot: &Snapshot, profile: &Profile, arch: Arch, dialect: Dialect) -> Option<usize> {
    let client = Client {
        archs: vec![arch],
        ..Client::unknown(Mac::new(&[2, 0, 0, 0, 0, 1])?, Ipv4Addr::LOCALHOST)
    };
    let place = Place {
        server: IpAddr::V4(Ipv4Addr::LOCALHOST),
        http_port: snapshot.http_port,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tftp_only: false,
    };
    let view = view(snapshot, profile, &client, place, dialect).ok()?;
    Some(view.items.len())
}

/// What to do about such a kernel.
const MISNAMED: &str = "name one that is built for it, or take this architecture out of the entry";

/// Kernels and programs that are named for one platform and built for another.
fn misnamed(snapshot: &Snapshot, entry: &Entry) -> Vec<String> {
    let (targets, kernel) = match &entry.action {
        Action::Linux { kernel, .. } => (kernel, true),
        Action::Loader(target) | Action::Chain(target) => (target, false),
        _ => return Vec::new(),
    };
    let PerArch::Each(each) = targets else {
        return Vec::new();
    };
    let wrong = each.iter().filter_map(|(platform, target)| {
        let Target::Path(path) = target else {
            return None;
        };
        let name = snapshot.tree_name(path);
        let starts = if kernel {
            snapshot.boots_kernel(*platform, &name)
        } else {
            snapshot.starts_program(*platform, &name)
        };
        let message = format!(
            "\"{}\" names \"{}\" for {platform}, and it is built for another machine: the entry is not in the menu there",
            entry.id,
            path.escape_debug()
        );
        (!starts).then_some(message)
    });
    wrong.collect()
}
