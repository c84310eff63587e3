//! A reply that a client has no room for: by how much, and what in it is the largest.

use std::fmt;

use crate::wire::dhcp::names::named;
use crate::wire::dhcp::{Message, Options};

/// So many parts are named.
const NAMED: usize = 3;

/// Why a reply does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// The reply, in bytes.
    pub bytes: usize,
    /// What the client takes, in bytes.
    pub limit: usize,
    /// The largest options, each with the bytes of its value.
    pub largest: Vec<(u8, usize)>,
}

impl Excess {
    /// Of a reply; `None` where it fits.
    pub(super) fn of(reply: &Message, bytes: usize, limit: usize) -> Option<Box<Self>> {
        (bytes > limit).then(|| Box::new(Self::with(&reply.options, bytes, limit)))
    }

    /// Of a reply with these options among others.
    pub(super) fn with(options: &Options, bytes: usize, limit: usize) -> Self {
        let mut largest: Vec<(u8, usize)> = options.iter().map(|(c, v)| (c, v.len())).collect();
        largest.sort_by_key(|(code, length)| (std::cmp::Reverse(*length), *code));
        largest.truncate(NAMED);
        Self {
            bytes,
            limit,
            largest,
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, limit, .. } = self;
        let over = bytes.saturating_sub(*limit);
        write!(
            f,
            "the reply would have {bytes} bytes, {over} more than the {limit} that the client takes; the largest parts: "
        )?;
        for (number, (code, length)) in self.largest.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            let name = named(*code).map_or_else(String::new, |n| format!(" ({})", n.name));
            write!(f, "{comma}option {code}{name} {length}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_parts_are_named() {
        let options: Options = [
            (3, &[0; 8][..]),
            (82, &[0; 200]),
            (224, &[0; 90]),
            (61, &[0; 7]),
        ]
        .into_iter()
        .collect();
        let excess = Excess::with(&options, 600, 576);
        assert_eq!(
            excess.to_string(),
            "the reply would have 600 bytes, 24 more than the 576 that the client takes; \
             the largest parts: option 82 (relay agent) 200, option 224 90, option 3 (routers) 8"
        );
    }
}
