//! Leases that do not come: what their machines get instead, and who is told of what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::relay::{named, word};
use crate::event::{Unanswered, What};
use crate::relay::Overdue;
use crate::service::Shared;

/// Between two looks whether a machine still waits.
const AGAIN: Duration = Duration::from_millis(500);

/// Why nobody is waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The time is over.
    Time,
    /// Too many wait.
    Full,
    /// All are known to answer no relays.
    Known,
    /// It is time, and the machine is one that doctor or probe plays: no evidence of any server.
    Played,
}

impl Shared {
    /// Nobody is waited for any longer.
    pub(super) fn overdue(self: &Arc<Self>, xid: u32, over: Over) {
        let no_evidence = match over {
            Over::Time | Over::Known => None,
            Over::Full => Some((
                "too-many",
                "too many machines wait for a lease; this one is not waited for",
            )),
            Over::Played => Some(("no-lease", "no lease came; nothing is learnt from that")),
        };
        if let Some((reason, detail)) = no_evidence {
            let carried = self.relay().not_waited_for(xid);
            let Some(carried) = carried else { return };
            carried.ignored(self, reason, detail);
            return carried.without_lease(self);
        }
        let known = over == Over::Known;
        let overdue = self.relay().overdue(Instant::now(), xid);
        let Some(Overdue {
            carried,
            asked,
            alive,
            unasked,
            stray,
            news,
        }) = overdue
        else {
            return;
        };
        let what = What::NoLease(Unanswered {
            message: word(carried.request.kind()),
            asked: named(&asked),
            alive,
            unasked,
            not_believed: stray.map(|(of, stray)| format!("{of} answered: {stray}")),
            known,
        });
        self.emit(carried.mac, what);
        for news in news.into_iter().filter(|_| !known) {
            self.heed(Some(news));
        }
        carried.without_lease(self);
    }

    /// The same when a lease has had its time; `place`: among those who wait.
    pub(super) fn overdue_after_its_time(
        self: &Arc<Self>,
        (xid, over): (u32, Over),
        first: Duration,
        place: OwnedSemaphorePermit,
    ) {
        let shared = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(first).await;
            while shared.relay().waits_on(Instant::now(), xid) {
                tokio::time::sleep(AGAIN).await;
            }
            shared.overdue(xid, over);
            drop(place);
        });
    }
}
