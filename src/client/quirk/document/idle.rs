//! What can hardly be meant so: rows that tell nobody or everybody, that change nothing, or something
//! that cannot act on whom they tell. A part that is wrong has been told of already.

use super::super::acts::{Answered, Idle, Replies, idle};
use super::super::{HEADER_ROOM, Quirk};
use super::{loader, says_nothing, unheard};
use crate::client::Shape;
use crate::client::quirk::changes::{Changes, FileIn, NameForm};
use crate::yaml::{At, Node, Report};

/// What one option can carry that firmware reads to its end: it takes no second one for more of the
/// first.
const OPTION_ROOM: usize = 255;
/// What a whole URL has before a loader's name, with the longest address of ours.
const BEFORE_NAME: usize = "tftp://255.255.255.255/".len();

/// Warns of what does nothing; a loader that nobody can be told is wrong.
pub(super) fn check(
    items: &[&Node],
    rows: &[Quirk],
    replies: Option<Replies>,
    report: &mut Report<'_>,
) {
    for (node, row) in items.iter().zip(rows) {
        warn_of_nobody(node, row, report);
        let answered = Answered::by_row(row, rows, replies);
        for (key, _) in row.changes.said() {
            if let Some(why) = idle(key, &row.changes, &answered) {
                warn_of_key(node, (key, &why), &answered, report);
            }
        }
        if let Some(replies) = replies {
            unheard::check(node, row, rows, replies, report);
        }
        if let Some(name) = &row.changes.loader {
            let at = part_of(node, "changes", "loader");
            loader::check(name, &row.tells, at, report);
            refuse_long_name(name, &row.changes, at, report);
        }
    }
}

/// Warns of a row that is for everybody, or for nothing.
pub(super) fn warn_of_parts(node: &Node, report: &mut Report<'_>) {
    if says_nothing(node.get("changes")) {
        let hint = "say below \"changes\" what is to be different".to_owned();
        report.warn(node.at, "this quirk changes nothing", hint);
    }
    for key in ["built-in", "quirks"] {
        if let Some(node) = node.get(key) {
            let message =
                format!("{key} speaks of what comes with bootjack, and does nothing here");
            let hint = "leave it out, or say it in \"record\"".to_owned();
            report.warn(node.at, message, hint);
        }
    }
    if says_nothing(node.get("tells")) {
        let hint = "say below \"tells\" which machines it is about".to_owned();
        report.warn(node.at, "this quirk is for every machine", hint);
    }
}

fn warn_of_nobody(node: &Node, row: &Quirk, report: &mut Report<'_>) {
    if row.tells.stages().is_empty() {
        let at = node.get("tells").map_or(node.at, |node| node.at);
        let hint = "the stage rom has the class PXEClient…, http-boot HTTPClient… and the architectures http-…, ipxe both classes; seen is of the stage rom, asks-4011-all-the-same of its BIOS, secure-boot of efi-x64, efi-ia32 and efi-arm64, and of http-boot too".to_owned();
        report.warn(at, "no machine is all of this: it tells nobody", hint);
    }
}

fn warn_of_key(
    node: &Node,
    (key, why): (&str, &Idle),
    answered: &Answered,
    report: &mut Report<'_>,
) {
    let told: Vec<&str> = answered.stages.iter().map(|stage| stage.name()).collect();
    let (instead, hint) = match (why, answered.replies) {
        // That has been said.
        (Idle::Stages(_), _) if told.is_empty() => return,
        (Idle::Stages(_), _) => (
            format!(", and this quirk tells {}", told.join(" and ")),
            "leave it out, or tell that stage",
        ),
        (Idle::Modes(_), Some(replies)) => (
            format!(", and the mode is {}", replies.mode()),
            "it does nothing until the mode is another one",
        ),
        (Idle::Option67, _) => (
            String::new(),
            "add file: option or file: both, or leave it out",
        ),
        (Idle::Port4011, _) => (String::new(), "leave one of the two out"),
        (Idle::Class, _) => (String::new(), "tell them by mac, arch or uuid instead"),
        (Idle::Modes(_), None) => (String::new(), "leave it out"),
    };
    let at = part_of(node, "changes", key);
    report.warn(at, format!("{key} is for {why}{instead}"), hint.to_owned());
}

/// Nobody whom it tells would be answered, or read all of it.
fn refuse_long_name(name: &str, changes: &Changes, at: At, report: &mut Report<'_>) {
    let before = match changes.name {
        Some(NameForm::Url) => BEFORE_NAME,
        Some(NameForm::Plain) | None => 0,
    };
    let ending = changes.ending.map_or(1, |ending| ending.bytes().len());
    let shapes = changes.strategies.iter().flatten();
    let header_alone = changes.file == Some(FileIn::Header)
        || (changes.file.is_none() && shapes.into_iter().any(|s| *s == Shape::HeaderOnly));
    let (place, room) = if header_alone {
        ("the header", HEADER_ROOM)
    } else {
        ("option 67", OPTION_ROOM - ending)
    };
    let length = before + name.len();
    if length > room {
        let message = format!("{length} bytes of a loader's name, and {place} has room for {room}");
        let hint = "give it a shorter name at the TFTP root".to_owned();
        report.error(at, message, hint);
    }
}

/// Where a key below another one has its value; else that one; else the row.
pub(super) fn part_of(row: &Node, key: &str, below: &str) -> At {
    let outer = row.get(key).unwrap_or(row);
    outer.get(below).unwrap_or(outer).at
}
