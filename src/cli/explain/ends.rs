//! Where a machine does not get to its loader by what it is answered.
//!
//! Absent on purpose: shapes that some firmware takes and other firmware does not.

use std::fmt::Write as _;

use crate::client::{Client, Stage};
use crate::decide::Answer;
use crate::wire::Platform;
use crate::wire::dhcp::code;

/// Why firmware makes nothing of a proxy's OFFER, where a row takes option 60 out of one that has it.
pub(super) fn unheard(offer: &Answer, client: &Client) -> Option<&'static str> {
    let reads_options = !matches!(
        client.platform(),
        Platform::UbootArm32 | Platform::UbootArm64
    );
    let lacks = offer.strategy.class.is_some() && !offer.message.options.has(code::VENDOR_CLASS);
    (client.stage == Stage::Rom && reads_options && lacks)
        .then_some("a proxy's OFFER without option 60 is none to a PXE ROM (PXE-E53)")
}

/// Says so.
///
/// # Errors
/// Always: the machine does not boot.
pub(super) fn here(why: &str, out: &mut String) -> std::fmt::Result {
    writeln!(out, "it ends there: {why}")?;
    Err(std::fmt::Error)
}
