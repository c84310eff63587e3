//! How much DHCP servers are asked in a second.

use std::time::{Duration, Instant};

use crate::wire::dhcp::Message;

/// Questions a second that DHCP servers are asked, whoever makes up machines: a room of 500 asks two each, and
/// dnsmasq that writes leases to a disk loses packets from 500 a second on.
pub const PER_SECOND: u32 = 1000;
const SECOND: Duration = Duration::from_secs(1);

/// When this second began, how many questions were asked in it, and how many of them for relayed machines.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<(Instant, [u32; 2])>);

impl Pace {
    /// One more question in this second; `None`: there is no room for it. Half of them are for machines of our
    /// own link: others are who says that he is a relay.
    pub fn takes(&mut self, now: Instant, message: &Message) -> Option<()> {
        let this = self
            .0
            .filter(|(began, _)| now.saturating_duration_since(*began) < SECOND);
        let (began, [asked, relayed]) = this.unwrap_or((now, [0, 0]));
        let beyond = u32::from(!message.giaddr.is_unspecified());
        let counts = [asked.saturating_add(1), relayed.saturating_add(beyond)];
        let room = asked < PER_SECOND && (beyond == 0 || relayed < PER_SECOND / 2);
        if room {
            self.0 = Some((began, counts));
        }
        room.then_some(())
    }
}
