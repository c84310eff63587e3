//! The YAML of `option-43`: a word for what is made here, or bytes of the operator's own, which are sent
//! as they are and judged by what firmware makes of them.
//!
//! Bytes that no firmware can read to their end are errors. What some firmware is on record to choke on
//! is a warning, since this row may be about another.

use super::ROWS_SHAPES;
use crate::client::quirk::changes::{Option43, Vendor};
use crate::wire::from_hex;
use crate::wire::pxe::area::{Area, CONTROL, MENU, Odd, PROMPT};
use crate::yaml::{At, Node, Report, Section, Shape as Keys, Value, text, word_of};

/// What one option holds; EDK2 and iPXE read the first option 43 alone (facts B).
const MOST: usize = 255;
/// The most items that EDK2 shows.
const ITEMS: usize = 24;

pub(super) static BYTES: Keys = Keys {
    what: "option-43",
    keys: &["hex"],
    kin: ROWS_SHAPES,
    aliases: &[("bytes", "hex")],
};

pub(super) fn option_43(node: &Node, report: &mut Report<'_>) -> Option<Option43> {
    if !matches!(node.value, Value::Map(_)) {
        return word_of(node, "option-43", &Vendor::ALL, report).map(Option43::Made);
    }
    let section = Section::open(node, &BYTES, report)?;
    let node = section.need("hex", report)?;
    let bytes = bytes(node, report)?;
    let area = Area::read(&bytes);
    if let Some(Odd::Cut(tag)) = area.odd.iter().find(|odd| matches!(odd, Odd::Cut(_))) {
        let message = format!("option-43: sub-option {tag} is longer than what is left");
        let hint = "a sub-option is its number, its length, and so many bytes".to_owned();
        report.error(node.at, message, hint);
        return None;
    }
    warn(&area, node.at, report);
    Some(Option43::Bytes(bytes.into()))
}

fn bytes(node: &Node, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let word = text(node, "option-43", report)?;
    let Some(bytes) = from_hex(word) else {
        let message = format!("option-43: \"{}\" is no hex", word.escape_debug());
        let hint = "write two digits a byte, such as \"06 01 08 ff\"".to_owned();
        report.error(node.at, message, hint);
        return None;
    };
    let (message, hint) = match bytes.len() {
        0 => (
            "option-43: no bytes at all".to_owned(),
            "firmware drops a reply whose option 43 is empty; option-43: none leaves it out",
        ),
        1..=MOST => return Some(bytes),
        many => (
            format!("option-43: {many} bytes, and at most {MOST} are read"),
            "firmware reads the first option 43 alone",
        ),
    };
    report.error(node.at, message, hint.to_owned());
    None
}

/// What somebody's firmware is on record to choke on.
fn warn(area: &Area<'_>, at: At, report: &mut Report<'_>) {
    for (message, hint) in faults(area) {
        report.warn(at, format!("option-43: {message}"), hint.to_owned());
    }
}

/// Whether it is so, what is wrong then, and what to do.
type Known = (bool, &'static str, &'static str);

fn faults(area: &Area<'_>) -> Vec<(String, &'static str)> {
    let known = of_discovery(area).into_iter().chain(of_menu(area));
    let known = known.filter(|(is, ..)| *is);
    let known = known.map(|(_, message, hint)| (message.to_owned(), hint));
    known.chain(of_lengths(area)).collect()
}

fn of_discovery(area: &Area<'_>) -> [Known; 4] {
    let at_once = area.control.at_once();
    let servers = area.servers.as_deref().unwrap_or_default();
    [
        (
            area.odd.contains(&Odd::Unended),
            "it has no end mark",
            "firmware reads on past it (quirk 20); end it with ff",
        ),
        (
            area.multicasts() && !area.discovers(),
            "it has the multicast sub-options 1 to 5 and none of 6 to 10",
            "EDK2 drops an offer with these alone (quirk 9)",
        ),
        (
            at_once && !servers.is_empty(),
            "it lists servers (8) beside bit 3 of 6",
            "EDK2 takes its file from the first of them, not from here (edk2#8558)",
        ),
        (
            area.has(CONTROL) && !at_once && !area.has(MENU),
            "it has sub-option 6 without bit 3, and no menu (9)",
            "firmware ends with PXE-E21; set bit 3 (06 01 08), or add the menu",
        ),
    ]
}

fn of_menu(area: &Area<'_>) -> [Known; 4] {
    let at_once = area.control.at_once();
    let servers = area.servers.as_deref().unwrap_or_default();
    let lists = |kind: u16| servers.iter().any(|(listed, _)| *listed == kind);
    let items = area.items.as_deref().unwrap_or_default();
    // Type 0 is the local disk.
    let mut asked_for = items.iter().map(|(kind, _)| *kind).filter(|k| *k != 0);
    [
        (
            area.has(MENU) && !area.has(PROMPT),
            "it has a menu (9) without a prompt (10)",
            "firmware wants both (quirk 20)",
        ),
        (
            items.len() > ITEMS,
            "its menu has more than 24 items",
            "EDK2 shows 24 (quirk 10)",
        ),
        (
            !at_once && area.servers.is_some() && asked_for.clone().any(|kind| !lists(kind)),
            "its menu (9) has an item that its servers (8) do not list",
            "EDK2 looks for no server then; list each type in both",
        ),
        (
            !at_once
                && asked_for.next().is_some()
                && !area.control.forbids_multicast()
                && area.group.is_none(),
            "its menu (9) allows multicast (bit 1 of 6) and names no group (7)",
            "EDK2 tries no other way and fails; set bits 0 and 1 (06 01 03), or add the group",
        ),
    ]
}

fn of_lengths(area: &Area<'_>) -> impl Iterator<Item = (String, &'static str)> {
    let values = area.odd.iter().filter_map(|odd| match odd {
        Odd::Value(tag) => Some(*tag),
        Odd::Unended | Odd::Cut(_) => None,
    });
    let length = |tag| format!("sub-option {tag} has another length than such values have");
    values.map(move |tag| (length(tag), "look at its length, and at the counts in it"))
}
