//! What becomes of the lease.

use std::time::Duration;

use tokio::time::Instant;

use super::{Kept, Play, Told};
use crate::firmware::Fault;
use crate::firmware::machine::Verdict;

/// How long the server of the lease is looked for.
const PATIENCE: Duration = Duration::from_secs(1);

impl Play<'_> {
    /// Gives the lease back, unless it is to be kept, or is what this host or another machine lives
    /// by.
    pub(super) async fn give_back(&mut self, keeps: bool, verdict: &Verdict) {
        let Some(lease) = self.machine.lease() else {
            return;
        };
        let ours = self.place.own_mac || self.near.has(lease.address);
        let used = matches!(
            verdict,
            Verdict::Fails(Fault::InUse(..) | Fault::Running(_))
        );
        let kept = if keeps {
            Kept::AsWished
        } else if ours {
            Kept::OurOwn
        } else if used || self.place.given_mac {
            Kept::Theirs
        } else {
            self.release().await
        };
        (self.tell)(self.began.elapsed(), Told::Lease(lease, kept));
    }

    async fn release(&mut self) -> Kept {
        let Some(datagram) = self.machine.release() else {
            return Kept::NotFound;
        };
        if self.near.has(*datagram.to.ip()) {
            self.near.send(&datagram);
            return Kept::GivenBack;
        }
        // What waits for hosts that never answered goes nowhere any more.
        self.stack.give_up();
        let frames = self.stack.send(&datagram);
        let sent = self.transmit(&frames);
        let until = Instant::now() + PATIENCE;
        while self.stack.waits() && sent.is_ok() {
            let Ok(Ok(length)) =
                tokio::time::timeout_at(until, self.host.recv(&mut self.buf)).await
            else {
                break;
            };
            let frame = self.buf.get(..length).unwrap_or_default();
            let (_, frames) = self.stack.hear(frame);
            let _ = self.transmit(&frames);
        }
        if self.stack.waits() || sent.is_err() {
            Kept::NotFound
        } else {
            Kept::GivenBack
        }
    }
}
