//! Options asked → terms granted (RFC 2347: only what was asked, nothing larger than asked).

use std::time::Duration;

use crate::client::quirk::Treatment;
use crate::wire::tftp::Options;

/// Payload of a block where `blksize` was not asked, in bytes (RFC 1350).
pub const DEFAULT_BLKSIZE: u16 = 512;

/// Bytes of a block up to which the whole window is granted. Of larger blocks it holds fewer: 64 of
/// 65,464 bytes overrun a client's receive buffer (212,992 bytes on Linux), and what is sent again
/// overruns it again.
const WHOLE_WINDOW_BLKSIZE: u32 = 2048;

/// The most that may be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of payload a block. The path's MTU − 32 (quirk 41); see [`Bounds::of_mtu`].
    pub blksize: u16,
    /// Blocks an acknowledgement, 1 to [`Bounds::MAX_WINDOWSIZE`].
    pub windowsize: u16,
}

impl Bounds {
    /// Half of the block numbers: beyond, an old acknowledgement could pass for a new one.
    pub const MAX_WINDOWSIZE: u16 = 32767;

    /// What some clients fail beyond (quirk 43).
    pub const DEFAULT_WINDOWSIZE: u16 = 64;

    /// The default window, and blocks that need no fragment: IP header 20, UDP 8, TFTP 4 bytes.
    pub fn of_mtu(mtu: u32) -> Self {
        let blksize = u16::try_from(mtu.saturating_sub(32)).unwrap_or(u16::MAX);
        Self {
            blksize: blksize.clamp(Options::MIN_BLKSIZE, Options::MAX_BLKSIZE),
            windowsize: Self::DEFAULT_WINDOWSIZE,
        }
    }

    /// No more than a client's quirks allow (quirks 41 and 43).
    #[must_use]
    pub fn within(self, quirks: &Treatment<'_>) -> Self {
        let blksize = quirks.set(|changes| changes.block_size);
        let windowsize = quirks.set(|changes| changes.window);
        Self {
            blksize: self.blksize.min(blksize.unwrap_or(u16::MAX)),
            windowsize: self.windowsize.min(windowsize.unwrap_or(u16::MAX)),
        }
    }

    /// The most blocks of `blksize` bytes that an acknowledgement may cover, at least one.
    fn window_of(self, blksize: u16) -> u16 {
        let window = self.windowsize.clamp(1, Self::MAX_WINDOWSIZE);
        let bytes = u32::from(window).saturating_mul(WHOLE_WINDOW_BLKSIZE);
        let blocks = bytes.checked_div(blksize.into()).unwrap_or(1);
        u16::try_from(blocks).unwrap_or(window).clamp(1, window)
    }
}

/// How this file is sent to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Bytes of payload a block.
    pub blksize: u16,
    /// Blocks an acknowledgement.
    pub windowsize: u16,
    /// The longest wait before a packet is repeated, where the client named it.
    pub timeout: Option<Duration>,
    /// What the OACK says; `None`: nothing was asked, so there is none.
    pub oack: Option<Options>,
}

/// The terms for a body of `size` bytes.
pub fn agree(asked: &Options, size: u64, bounds: &Bounds) -> Terms {
    let blksize = asked.blksize.map(|wish| wish.min(bounds.blksize));
    let payload = blksize.unwrap_or(DEFAULT_BLKSIZE).max(1);
    let largest_window = bounds.window_of(payload);
    let granted = Options {
        blksize,
        tsize: asked.tsize.map(|_| size),
        timeout: asked.timeout,
        windowsize: asked.windowsize.map(|wish| wish.min(largest_window)),
    };
    Terms {
        blksize: payload,
        windowsize: granted.windowsize.unwrap_or(1).max(1),
        timeout: granted.timeout.map(|s| Duration::from_secs(s.into())),
        oack: (!granted.is_empty()).then_some(granted),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::client::Client;
    use crate::client::quirk::{self, Table};
    use crate::wire::Mac;

    const ALL: Options = Options {
        blksize: Some(1468),
        tsize: Some(0),
        timeout: Some(3),
        windowsize: Some(4),
    };

    #[test]
    fn only_what_was_asked_is_in_the_oack() {
        let bounds = Bounds::of_mtu(1500);
        assert_eq!(agree(&Options::default(), 9, &bounds).oack, None);
        let asked = Options {
            tsize: Some(0),
            ..Options::default()
        };
        let terms = agree(&asked, 9, &bounds);
        let granted = Options {
            tsize: Some(9),
            ..Options::default()
        };
        assert_eq!(terms.oack, Some(granted));
        assert_eq!((terms.blksize, terms.windowsize), (512, 1));
        let terms = agree(&ALL, 9, &bounds);
        let granted = Options {
            tsize: Some(9),
            ..ALL
        };
        assert_eq!(terms.oack, Some(granted));
        assert_eq!(terms.timeout, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_quirk_bounds_blocks_and_windows() {
        let rows = "quirks: [{ name: old, changes: { block-size: 1024, window: 2 } }]";
        let table = Table::with(quirk::compile("quirks.yaml", rows).0.unwrap());
        let client = Client::unknown(Mac::ethernet([2; 6]), Ipv4Addr::LOCALHOST);
        let bounds = Bounds::of_mtu(1500).within(&table.treat(&client));
        let terms = agree(&ALL, 9, &bounds);
        assert_eq!((terms.blksize, terms.windowsize), (1024, 2));
        let small = Options {
            blksize: Some(512),
            ..ALL
        };
        assert_eq!(agree(&small, 9, &bounds).blksize, 512);
    }

    #[test]
    fn nothing_exceeds_the_bounds_or_the_wish() {
        let wish = Options {
            blksize: Some(65464),
            windowsize: Some(65535),
            ..Options::default()
        };
        let terms = agree(&wish, 0, &Bounds::of_mtu(1500));
        assert_eq!((terms.blksize, terms.windowsize), (1468, 64));
        let terms = agree(&ALL, 0, &Bounds::of_mtu(9000));
        assert_eq!((terms.blksize, terms.windowsize), (1468, 4));
        for (mtu, windowsize) in [(2080, 64), (9000, 14), (65536, 2)] {
            assert_eq!(agree(&wish, 0, &Bounds::of_mtu(mtu)).windowsize, windowsize);
        }
        assert_eq!(Bounds::of_mtu(65536).blksize, 65464);
        assert_eq!(Bounds::of_mtu(0).blksize, 8);
    }
}
