//! One direction of a cable: a rate, a delay, a queue in front of it that drops what does not fit, and
//! what befalls frames on their way: loss, a second copy, being overtaken.
//!
//! Frames in, frames out, the time is an argument, and what happens by chance comes from a seed: the
//! same frames at the same times fare the same. Bytes are counted as they are on Ethernet, with what
//! is around each frame there ([`AROUND`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Preamble, checksum and the gap behind a frame, in bytes.
pub const AROUND: u64 = 24;

/// What a cable is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Bits a second.
    pub rate: u64,
    /// How long a frame is under way once it has left.
    pub delay: Duration,
    /// The share of frames that are lost, from 0 to 1.
    pub loss: f64,
    /// The share that comes twice.
    pub twice: f64,
    /// The share that is overtaken: it takes [`Terms::late`] longer.
    pub overtaken: f64,
    /// How much longer.
    pub late: Duration,
    /// Bytes that may wait in front of it.
    pub queue: u64,
}

/// What has passed, and what has not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that went onto the cable.
    pub frames: u64,
    /// Their bytes, with what is around them.
    pub bytes: u64,
    /// Frames that were lost on it.
    pub lost: u64,
    /// Frames that found the queue full.
    pub refused: u64,
}

/// A direction.
#[derive(Debug)]
pub struct Link {
    terms: Terms,
    dice: u64,
    /// When the last frame that waits will have left.
    free: Duration,
    sent: u64,
    due: BinaryHeap<Reverse<(Duration, u64, Vec<u8>)>>,
    tally: Tally,
}

impl Link {
    /// An idle one.
    pub fn new(terms: Terms, seed: u64) -> Self {
        Self {
            terms,
            dice: seed,
            free: Duration::ZERO,
            sent: 0,
            due: BinaryHeap::new(),
            tally: Tally::default(),
        }
    }

    /// What has passed so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// A frame is to be sent.
    pub fn take(&mut self, now: Duration, frame: Vec<u8>) {
        let bytes = frame.len() as u64 + AROUND;
        let begins = self.free.max(now);
        if self.waiting(begins.saturating_sub(now)) + bytes > self.terms.queue {
            self.tally.refused += 1;
            return;
        }
        self.free = begins + self.takes(bytes);
        self.tally.frames += 1;
        self.tally.bytes += bytes;
        if self.happens(self.terms.loss) {
            self.tally.lost += 1;
            return;
        }
        if self.happens(self.terms.twice) {
            self.arrives(self.free + self.terms.delay, frame.clone());
        }
        let late = self.happens(self.terms.overtaken);
        let late = if late {
            self.terms.late
        } else {
            Duration::ZERO
        };
        self.arrives(self.free + self.terms.delay + late, frame);
    }

    /// When the next frame arrives.
    pub fn next(&self) -> Option<Duration> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    /// A frame that has arrived by now.
    pub fn arrived(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.next().filter(|at| *at <= now)?;
        self.due.pop().map(|Reverse((.., frame))| frame)
    }

    fn arrives(&mut self, at: Duration, frame: Vec<u8>) {
        self.sent += 1;
        self.due.push(Reverse((at, self.sent, frame)));
    }

    /// How long the cable is busy with so many bytes.
    fn takes(&self, bytes: u64) -> Duration {
        Duration::from_nanos(bytes * 8 * 1_000_000_000 / self.terms.rate)
    }

    /// Bytes that leave in this time.
    fn waiting(&self, time: Duration) -> u64 {
        (time.as_nanos() * u128::from(self.terms.rate) / 8_000_000_000) as u64
    }

    /// The next throw of the dice (splitmix64).
    fn happens(&mut self, share: f64) -> bool {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) as f64) < share * (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    /// A frame of 976 bytes takes 1 ms.
    const PLAIN: Terms = Terms {
        rate: 8_000_000,
        delay: MS,
        loss: 0.0,
        twice: 0.0,
        overtaken: 0.0,
        late: MS,
        queue: 10_000,
    };

    /// When each of these frames, all sent at once, arrives.
    fn arrivals(terms: Terms, frames: u8) -> (Vec<(Duration, u8)>, Tally) {
        let mut link = Link::new(terms, 7);
        for number in 0..frames {
            link.take(Duration::ZERO, vec![number; 976]);
        }
        let mut arrived = Vec::new();
        while let Some(at) = link.next() {
            assert!(
                link.arrived(at.saturating_sub(Duration::from_nanos(1)))
                    .is_none()
            );
            arrived.push((at, link.arrived(at).unwrap()[0]));
        }
        (arrived, link.tally())
    }

    #[test]
    fn the_rate_spaces_frames_and_the_queue_drops_the_rest() {
        let (arrived, tally) = arrivals(PLAIN, 12);
        let spaced: Vec<_> = (0..10).map(|n| (MS * (n + 2), n as u8)).collect();
        assert_eq!(arrived, spaced);
        assert_eq!((tally.frames, tally.refused), (10, 2));
        assert_eq!(tally.bytes, 10_000);
    }

    #[test]
    fn frames_are_lost_doubled_and_overtaken() {
        let lossy = Terms { loss: 1.0, ..PLAIN };
        assert_eq!(arrivals(lossy, 9).0, []);
        assert_eq!(arrivals(lossy, 9).1.lost, 9);
        let doubling = Terms {
            twice: 1.0,
            ..PLAIN
        };
        assert_eq!(arrivals(doubling, 9).0.len(), 18);
        let mixing = Terms {
            overtaken: 0.3,
            late: MS * 2,
            ..PLAIN
        };
        let (arrived, _) = arrivals(mixing, 9);
        assert_eq!(arrived.len(), 9);
        assert!(!arrived.is_sorted_by_key(|(_, number)| *number));
    }

    #[test]
    fn the_share_that_is_lost_is_the_one_that_was_asked_for() {
        let terms = Terms {
            loss: 0.01,
            rate: 1_000_000_000,
            queue: u64::MAX,
            ..PLAIN
        };
        let mut link = Link::new(terms, 1);
        for _ in 0..100_000 {
            link.take(Duration::ZERO, vec![0; 10]);
        }
        assert!((900..1100).contains(&link.tally().lost));
    }
}
