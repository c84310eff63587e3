//! Which platforms a profile is written for, as far as it says so.
//!
//! A profile that matches everybody is seldom written with ARM64 or IA32 in mind, which few machines are: they
//! count where `match: { arch: … }` names them, or a value of its own for them does.

use std::collections::BTreeSet;

use super::matching::Match;
use super::model::{PerArch, Profile};
use super::{Profiles, model::Loader};
use crate::client::Shape;
use crate::wire::Platform;

impl Profiles {
    /// Each profile, with the platforms that it means.
    pub fn with_platforms(&self) -> impl Iterator<Item = (&Profile, BTreeSet<Platform>)> {
        let each = self.each();
        each.map(|(profile, matching)| (profile.as_ref(), platforms(profile, matching)))
    }
}

fn platforms(profile: &Profile, matching: &Match) -> BTreeSet<Platform> {
    let archs = matching.archs.iter().map(|(arch, _)| arch.platform());
    let named: BTreeSet<_> = archs.collect();
    if !named.is_empty() {
        return named;
    }
    let loaders = own::<Loader>(Some(&profile.loader));
    let shapes = own::<Shape>(profile.strategy.as_ref());
    let usual = [Platform::Bios, Platform::EfiX64];
    usual.into_iter().chain(loaders).chain(shapes).collect()
}

/// Those that have a value of their own.
fn own<T>(each: Option<&PerArch<T>>) -> impl Iterator<Item = Platform> {
    let each = match each {
        Some(PerArch::Each(each)) => Some(each),
        _ => None,
    };
    each.into_iter().flat_map(|each| each.keys().copied())
}
