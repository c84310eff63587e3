//! How long to wait for an answer before sending again.
//!
//! Four smoothed round trips, at least 50 ms, 200 ms before the first is known: at 1 % loss this
//! took the slowest files from 13 s to 1.4 s, and a floor of 20 ms made needless duplicates at 64
//! clients (facts "What gave the win" 4). Each further silence doubles the wait, up to what the client
//! negotiated (RFC 2349), else up to the smallest interval that it could have named.

use std::time::Duration;

/// Before the first round trip is known.
pub const FIRST: Duration = Duration::from_millis(200);
/// The shortest wait.
pub const FLOOR: Duration = Duration::from_millis(50);
/// Where doubling ends unless the client named its own interval: RFC 2349's smallest.
pub const CEILING: Duration = Duration::from_secs(1);

/// The smoothed round trip of one transfer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rtt {
    smoothed: Option<Duration>,
}

impl Rtt {
    /// Takes in one round trip; only of packets sent once (Karn's rule).
    pub fn sample(&mut self, trip: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => trip,
            Some(old) => (old.saturating_mul(7).saturating_add(trip)) / 8,
        });
    }

    /// How long to wait where something already points to a loss: no floor.
    pub fn short_wait(&self) -> Duration {
        self.smoothed.map_or(FIRST, |trip| trip.saturating_mul(4))
    }

    /// How long to wait after `silences` waits in vain.
    pub fn wait(&self, silences: u32, negotiated: Option<Duration>) -> Duration {
        let base = self.short_wait().max(FLOOR);
        let longest = negotiated.unwrap_or(CEILING).max(base);
        base.saturating_mul(1 << silences.min(16)).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn waits_follow_the_round_trip_between_floor_and_ceiling() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.wait(0, None), ms(200));
        rtt.sample(ms(1));
        assert_eq!(rtt.wait(0, None), ms(50));
        assert_eq!(rtt.wait(2, None), ms(200));
        assert_eq!(rtt.wait(30, None), ms(1000));
        assert_eq!(rtt.wait(u32::MAX, Some(ms(5000))), ms(5000));
        let mut slow = Rtt::default();
        slow.sample(ms(800));
        assert_eq!(slow.wait(0, None), ms(3200));
        assert_eq!(slow.wait(5, Some(ms(1000))), ms(3200));
        for _ in 0..100 {
            slow.sample(ms(20));
        }
        assert!(slow.wait(0, None) < ms(100));
    }
}
