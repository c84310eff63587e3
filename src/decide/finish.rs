//! The end of every decision about boot data: what a reply is made of → the answer, encoded.
//!
//! Invariant: what leaves here fits the client's limit.

use std::time::Duration;

use super::form::Form;
use super::loader::Named;
use super::reply;
use super::strategy::{By, Strategy};
use super::{Answer, Excess, Ignore, Incoming, Port};
use crate::client::quirk::Treatment;
use crate::profile::Selection;
use crate::wire::dhcp::{Kind, Message};

/// What a reply is made of.
pub(super) struct Parts<'a> {
    /// What it answers.
    pub incoming: Incoming<'a>,
    /// OFFER or ACK.
    pub kind: Kind,
    /// The shape.
    pub strategy: &'static Strategy,
    /// The shape with what quirks change in it.
    pub form: Form<'a>,
    /// What it names.
    pub loader: Option<Named>,
}

/// The answer, to where a reply of its kind goes. Of an OFFER nothing is said yet of what else may
/// be tried, nor of what was chosen.
pub(super) fn finish(
    parts: Parts<'_>,
    (selection, by): (Selection, By),
) -> Result<Box<Answer>, Ignore> {
    let Parts {
        incoming,
        kind,
        strategy,
        form,
        loader,
    } = parts;
    let message = reply::build(incoming, kind, strategy, &form, loader.as_ref())?;
    let bytes = encoded(&message, Some(&form), incoming.message.reply_limit())?;
    Ok(Box::new(Answer {
        message,
        bytes,
        to: reply::destination(incoming, &form),
        strategy,
        by,
        offered: None,
        delay: delay(kind, &form),
        selection,
        loader,
        chosen: None,
        no_menu: None,
        padded: form.padding,
        otherwise: None,
        unleased: None,
    }))
}

/// OFFERs alone wait (quirk 27).
fn delay(kind: Kind, form: &Form<'_>) -> Duration {
    match kind {
        Kind::Offer => form.delay,
        _ => Duration::ZERO,
    }
}

/// The bytes of a reply that may have so many.
pub(super) fn encoded(
    message: &Message,
    form: Option<&Form<'_>>,
    limit: usize,
) -> Result<Vec<u8>, Ignore> {
    let bytes = form.map_or_else(|| message.encode(), |form| form.encode(message));
    match Excess::of(message, bytes.len(), limit) {
        Some(excess) => Err(Ignore::TooLarge(excess)),
        None => Ok(bytes),
    }
}

/// Whether a quirk keeps port 4011 from answering this machine.
pub(super) fn answers_there(
    incoming: Incoming<'_>,
    treatment: &Treatment<'_>,
) -> Result<(), Ignore> {
    match treatment.first(|changes| changes.answers_4011) {
        Some((false, row)) if incoming.port == Port::Pxe => Err(Ignore::Quirk(row.name.clone())),
        _ => Ok(()),
    }
}
