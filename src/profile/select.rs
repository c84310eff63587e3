//! Client → profile: the most specific match wins.
//!
//! From the most to the least specific: whole MAC, UUID, MAC pattern (more fixed digits first),
//! subnet (longest prefix first), architecture (number before platform), everyone. Of two profiles
//! that are equal in the first of these the next one decides, down to the order of the files.

use std::cmp::Reverse;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::Serialize;

use super::matching::{Match, Rank};
use super::{Profile, Profiles, Why};
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

/// The profile chosen and the reason.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What the client gets.
    pub profile: Arc<Profile>,
    /// Why it is this one.
    pub why: Why,
}

/// What became of one profile in a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The client gets it.
    Chosen,
    /// It matches, but a more specific one is chosen.
    Outranked,
    /// It does not match.
    Missed,
}

/// One line of a [`trace`].
#[derive(Debug, Clone)]
pub struct Considered {
    /// The profile.
    pub profile: Arc<Profile>,
    /// What became of it.
    pub verdict: Verdict,
    /// The keys that met, or the first one that did not.
    pub why: String,
}

/// The most specific profile that matches, in time independent of how many MACs are listed.
pub fn select(profiles: &Profiles, subject: &Subject<'_>) -> Option<Selection> {
    let candidates = profiles.candidates(subject).into_iter();
    let matching = candidates.filter_map(|number| {
        let rank = profiles.get(number)?.1.rank(subject).ok()?;
        Some((rank, Reverse(number)))
    });
    let (rank, Reverse(number)) = matching.max()?;
    let (profile, matching) = profiles.get(number)?;
    Some(Selection {
        profile: profile.clone(),
        why: matching.met(subject, rank),
    })
}

/// Every profile and why it did or did not match: the chosen one first, then the others that match
/// from the most specific on, then the rest in file order. It looks at each of them: for
/// explanations, not for packets.
pub fn trace(profiles: &Profiles, subject: &Subject<'_>) -> Vec<Considered> {
    let mut lines: Vec<(Option<Rank>, Considered)> = profiles
        .each()
        .map(|(profile, matching)| consider(profile, matching, subject))
        .collect();
    // Stable: equal ranks stay in file order.
    lines.sort_by_key(|(rank, _)| Reverse(*rank));
    let mut lines: Vec<Considered> = lines.into_iter().map(|(_, line)| line).collect();
    if let Some(first) = lines.first_mut().filter(|l| l.verdict != Verdict::Missed) {
        first.verdict = Verdict::Chosen;
    }
    lines
}

fn consider(
    profile: &Arc<Profile>,
    matching: &Match,
    subject: &Subject<'_>,
) -> (Option<Rank>, Considered) {
    let rank = matching.rank(subject);
    let (verdict, why) = match rank {
        Ok(rank) => (Verdict::Outranked, matching.met(subject, rank).to_string()),
        Err(miss) => (Verdict::Missed, matching.objection(subject, miss)),
    };
    let profile = profile.clone();
    let line = Considered {
        profile,
        verdict,
        why,
    };
    (rank.ok(), line)
}
