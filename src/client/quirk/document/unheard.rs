//! Changes that leave the machines of a row without an answer that they take: `port-4011: false` where
//! that port is all they have, and `option-60: false` in what a proxy offers.
//!
//! Absent on purpose: a shape that a profile pins, or a network's `pxe`: `explain` goes by them.

use super::super::tells::Tells;
use super::super::{CHANGING, Quirk, Replies};
use super::idle::part_of;
use super::loader::platforms;
use crate::client::{PxeShape, Shape, Stage};
use crate::wire::Platform;
use crate::yaml::{Node, Report};

/// What is wrong, and what to do.
type Said = (String, &'static str);

/// Warns of what cannot boot the machines of a row; `rows` are all of the file's.
pub(super) fn check(
    node: &Node,
    row: &Quirk,
    rows: &[Quirk],
    replies: Replies,
    report: &mut Report<'_>,
) {
    if !row.tells.stages().contains(&Stage::Rom) {
        return;
    }
    for (key, said) in [
        ("port-4011", closed(row, rows, replies)),
        ("option-60", classless(row, rows, replies)),
    ] {
        if let Some((message, hint)) = said {
            let at = part_of(node, "changes", key);
            report.warn(at, message, hint.to_owned());
        }
    }
}

/// Port 4011 does not answer whom only it could.
fn closed(row: &Quirk, rows: &[Quirk], replies: Replies) -> Option<Said> {
    if row.changes.answers_4011 != Some(false) {
        return None;
    }
    match replies {
        Replies::Port4011 => Some((
            "port 4011 is all that answers in mode colocated, and these machines are not"
                .to_owned(),
            "leave it out, unless they are to be left alone",
        )),
        Replies::Leases => (row.changes.pxe == Some(PxeShape::Offer4011)).then(|| {
            let message =
                "pxe offer-4011 sends these machines to port 4011, and it does not answer";
            (message.to_owned(), "leave one of the two out")
        }),
        Replies::Proxy => {
            let (platform, shape) = told(row, rows)
                .into_iter()
                .find(|(_, shape)| shape.asks_4011())?;
            let message = format!(
                "{shape}, which {platform} is offered, sends it to port 4011, and that does not answer: PXE-E16"
            );
            Some((
                message,
                "leave it out, or add strategies: self-sufficient for these machines",
            ))
        }
    }
}

/// A proxy's OFFER without option 60 is none to a PXE ROM (EDK2 `PxeBcParseDhcp4Packet`; quirk 33);
/// U-Boot reads no option (quirk 30).
fn classless(row: &Quirk, rows: &[Quirk], replies: Replies) -> Option<Said> {
    if row.changes.option_60 != Some(false) || replies != Replies::Proxy {
        return None;
    }
    let takes =
        |platform: Platform| matches!(platform, Platform::UbootArm32 | Platform::UbootArm64);
    let (platform, _) = told(row, rows)
        .into_iter()
        .find(|(platform, _)| !takes(*platform))?;
    let message =
        format!("a proxy's OFFER without option 60 is none to the firmware of {platform}: PXE-E53");
    Some((
        message,
        "leave it out, or give these machines their leases too (mode dhcp)",
    ))
}

/// The platforms that a row tells, and the shape of reply that each is offered first: by a row of the same
/// machines, or by ours.
fn told(row: &Quirk, rows: &[Quirk]) -> Vec<(Platform, Shape)> {
    let mut all = platforms(&row.tells);
    if all.is_empty() {
        all = Platform::NAMED.to_vec();
    }
    let mut same = rows.iter().filter(|other| other.tells == row.tells);
    let own = same.find_map(first);
    let offered = all.into_iter().filter_map(|platform| {
        let shape = own.or_else(|| usual(platform))?;
        Some((platform, shape))
    });
    offered.collect()
}

fn first(row: &Quirk) -> Option<Shape> {
    row.changes.strategies.as_ref()?.first().copied()
}

/// What firmware of a platform is offered by the row of ours that tells it by nothing else.
fn usual(platform: Platform) -> Option<Shape> {
    let plain = |row: &&Quirk| {
        let Tells { arch, stage, .. } = row.tells.clone();
        let of_it = arch.is_empty() || arch.iter().any(|arch| arch.platform() == platform);
        let of_roms = stage.is_empty() || stage.contains(&Stage::Rom);
        let else_nothing = Tells {
            arch,
            stage,
            ..Tells::default()
        };
        of_it && of_roms && row.tells == else_nothing
    };
    CHANGING.iter().copied().filter(plain).find_map(first)
}
