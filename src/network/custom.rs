//! `custom:`: options by number, each with exactly one of `ip`, `text`, `hex`, `u8`, `u16`, `u32`.

use super::model::Opt;
use super::options::{Placed, each, number, plain_text, warn_of_trouble};
use super::schema::{CUSTOM, FORMS};
use super::words::address;
use crate::wire::dhcp::code;
use crate::wire::dhcp::names::{Form, named};
use crate::wire::from_hex;
use crate::yaml::{Node, Report, Section, Value, kind, text, yes_no};

/// The longest value: more than this fits no message (see `terms`).
const MAX_VALUE: usize = 2048;

/// Reads the list.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Vec<Placed> {
    let Value::List(items) = &node.value else {
        let message = format!("custom must be a list, not {}", kind(node));
        let hint = "write it as [{ code: 224, text: hello }]".to_owned();
        report.error(node.at, message, hint);
        return Vec::new();
    };
    items.iter().filter_map(|item| one(item, report)).collect()
}

fn one(node: &Node, report: &mut Report<'_>) -> Option<Placed> {
    let section = Section::open(node, &CUSTOM, report)?;
    let written = section.need("code", report);
    let code = written.and_then(|n| option_code(n, report));
    let always = section.or("always", false, |n| yes_no(n, "always", report));
    let value = value(&section, report);
    let (code, value, always) = (code?, value?, always?);
    fits(code, &value, &section, report);
    let at = written?.at;
    warn_of_trouble(code, at, report);
    let value = value.into();
    let option = Opt {
        code,
        value,
        always,
    };
    Some(Placed { option, at })
}

/// A number that is free to be set.
fn option_code(node: &Node, report: &mut Report<'_>) -> Option<u8> {
    let word = text(node, "code", report)?;
    let Ok(code) = word.parse::<u8>() else {
        let message = format!("code: \"{}\" is out of range", word.escape_debug());
        report.error(node.at, message, "write 2 to 254".to_owned());
        return None;
    };
    let Some(hint) = refusal(code) else {
        return Some(code);
    };
    let name = named(code).map_or("", |n| n.name);
    let message = format!("option {code} ({name}) is not for a configuration to set");
    report.error(node.at, message, hint.to_owned());
    None
}

/// What to do instead, for an option that bootjack or the protocol decides.
pub(super) fn refusal(code: u8) -> Option<&'static str> {
    Some(match code {
        code::PAD | code::END => "it only marks where options end; leave it out",
        code::SUBNET_MASK => "clients are told the mask of their subnet",
        code::HOST_NAME => "write host-name in a reservation",
        code::LEASE_TIME | code::RENEWAL_TIME | code::REBINDING_TIME => "write lease-time",
        code::OVERLOAD => "boot firmware misreads overloaded messages, so bootjack sends none",
        code::REQUESTED_ADDRESS..=code::MAX_MESSAGE_SIZE => "it is a part of the protocol itself",
        code::ETHERBOOT => "bootjack sets it for each iPXE",
        code::CLIENT_UUID | code::RELAY_AGENT => "clients and relays send it, and get it back",
        code::CLIENT_ID | code::USER_CLASS | code::CLIENT_ARCH | code::CLIENT_NDI => {
            "only clients send it"
        }
        81 | 90 | 118 => "bootjack does not speak of it",
        _ => return None,
    })
}

/// What the one key that gives the value says.
fn value(section: &Section<'_>, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let mut given = FORMS.iter().filter_map(|name| section.field(name));
    let Some((key, node)) = given.next() else {
        let message = "the option has no value; give it one of ip, text, hex, u8, u16, u32";
        report.error(section.at, message, None);
        return None;
    };
    if let Some((other, _)) = given.next() {
        let message = format!(
            "the option has both \"{}\" and \"{}\"",
            key.text, other.text
        );
        report.error(other.at, message, "keep one of the two".to_owned());
    }
    match key.text.as_str() {
        "ip" => {
            let all = each(node, "ip", report, |n, r| address(n, "ip", r))?;
            Some(all.iter().flat_map(std::net::Ipv4Addr::octets).collect())
        }
        "text" => plain_text(node, "text", report),
        "hex" => bytes(node, report),
        "u8" => numbers(node, "u8", 1, report),
        "u16" => numbers(node, "u16", 2, report),
        _ => numbers(node, "u32", 4, report),
    }
}

fn numbers(node: &Node, what: &str, bytes: usize, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let most = (1 << (8 * bytes)) - 1;
    let read = |n, r: &mut Report<'_>| number(n, what, (0, most), bytes, r);
    Some(each(node, what, report, read)?.concat())
}

fn bytes(node: &Node, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let word = text(node, "hex", report)?;
    let bytes = from_hex(word).filter(|b| (1..=MAX_VALUE).contains(&b.len()));
    if bytes.is_none() {
        let shown: String = word.escape_debug().take(80).collect();
        let message = format!("hex: \"{shown}\" is no value in hexadecimal digits");
        report.error(node.at, message, "write it as \"01 02 ff\"".to_owned());
    }
    bytes
}

/// Holds a value to the form that is known of its number.
fn fits(code: u8, value: &[u8], section: &Section<'_>, report: &mut Report<'_>) {
    let Some(known) = named(code) else { return };
    let given = FORMS.iter().find(|form| section.get(form).is_some());
    let meant = given.is_some_and(|given| suits(given, known.form));
    if meant && known.form.show(value).is_some() {
        return;
    }
    let form = known.form.holds();
    let message = format!("option {code} ({}) holds {form}", known.name);
    let hint = format!(
        "write {}: below options, or a value of that form",
        known.name
    );
    report.error(section.at, message, hint);
}

/// Whether a value that is written so can be meant for an option of this form.
fn suits(given: &str, form: Form) -> bool {
    match (given, form) {
        ("hex", _) | (_, Form::Bytes) => true,
        ("text", form) => matches!(form, Form::Text | Form::Domain),
        ("ip", form) => matches!(form, Form::Address | Form::Addresses),
        (_, form) => matches!(
            form,
            Form::Flag | Form::U8 | Form::U16 | Form::U32 | Form::I32
        ),
    }
}
