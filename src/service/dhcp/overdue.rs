//! Leases that do not come: what their machines get instead, and who is told of what.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::relay::{named, word};
use crate::event::{Unanswered, What};
use crate::relay::{Due, Overdue};
use crate::service::Shared;

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
        let what = What::NoLease(Box::new(Unanswered {
            message: word(carried.request.kind()),
            asked: named(&asked),
            alive,
            unasked,
            not_believed: stray.map(|(of, stray)| format!("{of} answered: {stray}")),
            known,
        }));
        self.emit(carried.mac, what);
        for news in news.into_iter().filter(|_| !known) {
            self.heed(Some(news));
        }
        carried.without_lease(self);
    }

    /// The same when a lease has had its time, in which it is asked for again; `place`: among those who wait.
    pub(super) fn overdue_after_its_time(
        self: &Arc<Self>,
        (xid, over): (u32, Over),
        place: OwnedSemaphorePermit,
    ) {
        let shared = self.clone();
        tokio::spawn(async move {
            while let Some(due) = shared.due(xid) {
                match due {
                    Due::In(time) => tokio::time::sleep(time).await,
                    Due::Again => shared.ask_again(xid),
                    Due::Over => {
                        shared.overdue(xid, over);
                        break;
                    }
                }
            }
            drop(place);
        });
    }

    fn due(&self, xid: u32) -> Option<Due> {
        self.relay().due(Instant::now(), xid)
    }

    fn ask_again(&self, xid: u32) {
        let again = self.relay().ask_again(Instant::now(), xid);
        if let Some((carried, forward)) = again {
            carried.asks_again(self, &forward);
        }
    }
}
