//! How events read: one line of text, and the forms that JSON takes.

use std::time::{Duration, SystemTime};

use serde::Serializer;

/// Wall clock as RFC 3339 in UTC with milliseconds.
pub(super) fn rfc3339<S: Serializer>(at: &SystemTime, s: S) -> Result<S::Ok, S::Error> {
    let stamp = jiff::Timestamp::try_from(*at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    s.collect_str(&format_args!("{stamp:.3}"))
}

/// A duration as seconds.
pub(super) fn seconds<S: Serializer>(took: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(took.as_secs_f64())
}
