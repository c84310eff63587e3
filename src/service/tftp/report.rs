//! Events of packets that get no transfer, and of what failed. How many of them become log lines
//! is [`Shared::emit`]'s to bound.

use std::net::SocketAddrV4;
use std::sync::Arc;

use super::super::Shared;
use crate::event::What;
use crate::wire::Mac;

/// Reports of one service.
pub(super) struct Report {
    shared: Arc<Shared>,
}

impl Report {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A packet that no protocol allows.
    pub(super) fn malformed(&self, peer: SocketAddrV4, reason: impl Into<String>) {
        let what = What::Malformed {
            service: "tftp",
            peer: peer.into(),
            mac: None,
            reason: reason.into(),
        };
        self.shared.emit(self.machine(peer), what);
    }

    /// A request past a bound, or one that this server never grants.
    pub(super) fn refused(&self, peer: SocketAddrV4, limit: impl Into<String>) {
        let what = What::Refused {
            service: "tftp",
            peer: (*peer.ip()).into(),
            limit: limit.into(),
        };
        self.shared.emit(self.machine(peer), what);
    }

    /// Something of ours failed.
    pub(super) fn fault(&self, text: impl Into<String>) {
        self.shared.emit(None, What::Fault { text: text.into() });
    }

    fn machine(&self, peer: SocketAddrV4) -> Option<Mac> {
        let client = self.shared.clients().by_ip((*peer.ip()).into());
        client.map(|client| client.mac)
    }
}

/// What a stranger wrote, fit for an event: one line, at most 160 characters.
pub(super) fn printable(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let visible = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(visible).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_is_one_short_line() {
        assert_eq!(printable(b"a\nb\x1b[31m\xff"), "a?b?[31m\u{fffd}");
        assert_eq!(printable(&[b'x'; 500]).len(), 160);
    }
}
