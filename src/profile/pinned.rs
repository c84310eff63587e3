//! `strategy:` of a profile that firmware of its machines does not take: a warning when the profile is
//! loaded. What is pinned is all that is tried, so nothing would say it later but a machine that does
//! not boot.
//!
//! Absent on purpose: shapes that some boards take and others do not; those are for `quirks`, where the
//! next one is tried. And machines whose firmware is given a menu: there a pin has no effect (`fits`).

use super::matching::Match;
use super::model::{PerArch, Profile};
use crate::client::Shape;
use crate::wire::Platform;
use crate::yaml::{At, Report};

/// Reports what a proxy pins in vain; `at` is where `strategy:` stands.
pub(super) fn check(profile: &Profile, matching: &Match, at: At, report: &mut Report<'_>) {
    let Some(pinned) = &profile.strategy else {
        return;
    };
    let mut told: Vec<(Shape, &str, Vec<&str>)> = Vec::new();
    for platform in platforms(pinned, matching) {
        let shape = pinned
            .get(platform)
            .filter(|_| !profile.firmware_shows(platform));
        let Some((shape, why)) = shape.and_then(|s| Some((*s, refused(*s, platform, matching)?)))
        else {
            continue;
        };
        match told.iter_mut().find(|(s, w, _)| (*s, *w) == (shape, why)) {
            Some((.., platforms)) => platforms.push(platform.name()),
            None => told.push((shape, why, vec![platform.name()])),
        }
    }
    for (shape, why, platforms) in told {
        let platforms = platforms.join(", ");
        let message = format!("strategy {shape} is nothing for {platforms}: {why}");
        let hint = "leave strategy out, or pin another; a pinned one is the only one that is tried";
        report.warn(at, message, hint.to_owned());
    }
}

/// The platforms that it is pinned for. U-Boot alone is left out where a profile does not name it.
fn platforms(pinned: &PerArch<Shape>, matching: &Match) -> Vec<Platform> {
    let named: Vec<Platform> = matching.archs.iter().map(|(a, _)| a.platform()).collect();
    let usual = |p: Platform| p == Platform::Bios || p.is_efi();
    let is_meant = |p: &Platform| match pinned {
        PerArch::Each(each) if named.is_empty() => each.contains_key(p),
        PerArch::All(_) if named.is_empty() => usual(*p),
        _ => named.contains(p),
    };
    Platform::NAMED.into_iter().filter(is_meant).collect()
}

/// Why firmware of a platform does not take a proxy's OFFER of this shape.
fn refused(shape: Shape, platform: Platform, matching: &Match) -> Option<&'static str> {
    let u_boot = matches!(platform, Platform::UbootArm32 | Platform::UbootArm64);
    let any_machine =
        matching.macs.is_empty() && matching.patterns.is_empty() && matching.uuids.is_empty();
    match shape {
        Shape::HeaderOnly if !u_boot => {
            Some("a PXE ROM throws away a proxy's OFFER without option 60; U-Boot does not")
        }
        Shape::RaspberryPi
            if any_machine || (platform != Platform::Bios && !matching.archs.is_empty()) =>
        {
            Some("it is for a Raspberry Pi's boot ROM, which says bios; match it by its mac")
        }
        Shape::Bare4011 if u_boot => Some("U-Boot does not ask port 4011"),
        _ => None,
    }
}
