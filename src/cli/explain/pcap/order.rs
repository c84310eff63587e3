//! Datagrams in the order of time, where a file has them a little out of it. Bounded: so many wait,
//! and the earliest of them leaves when one more comes. One without a time stays where it is.

use std::collections::BTreeMap;
use std::time::Duration;

use super::datagram::Heard;

/// Datagrams that wait for earlier ones.
pub(super) struct Sorted {
    room: usize,
    latest: Duration,
    waiting: BTreeMap<(Duration, u64), Heard>,
}

impl Sorted {
    /// Room for so many; with none, each leaves at once.
    pub(super) const fn new(room: usize) -> Self {
        Self {
            room,
            latest: Duration::ZERO,
            waiting: BTreeMap::new(),
        }
    }

    /// Takes one more; those that leave.
    pub(super) fn push(&mut self, heard: Heard) -> Vec<Heard> {
        let at = heard.at.unwrap_or(self.latest);
        self.latest = self.latest.max(at);
        self.waiting.insert((at, heard.number), heard);
        let surplus = self.waiting.len().saturating_sub(self.room);
        (0..surplus)
            .filter_map(|_| self.waiting.pop_first())
            .map(|(_, heard)| heard)
            .collect()
    }

    /// All that still wait.
    pub(super) fn rest(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::pcap::datagram::Topic;

    fn heard(number: u64, seconds: Option<u64>) -> Heard {
        let nobody = std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0);
        Heard {
            number,
            at: seconds.map(Duration::from_secs),
            vlan: None,
            from: nobody,
            to: nobody,
            payload: Vec::new(),
            length: 0,
            topic: Topic::Dhcp,
        }
    }

    fn order(room: usize, times: &[Option<u64>]) -> Vec<u64> {
        let mut sorted = Sorted::new(room);
        let all = (1..).zip(times).map(|(number, at)| heard(number, *at));
        let mut out: Vec<Heard> = all.flat_map(|heard| sorted.push(heard)).collect();
        out.extend(sorted.rest());
        out.iter().map(|heard| heard.number).collect()
    }

    #[test]
    fn what_is_a_little_late_is_put_in_its_place() {
        let times = [Some(1), Some(4), Some(2), None, Some(3), Some(5)];
        assert_eq!(order(4, &times), [1, 3, 5, 2, 4, 6]);
        assert_eq!(order(0, &times), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn no_more_wait_than_there_is_room() {
        let times: Vec<_> = (0..100).rev().map(Some).collect();
        let mut sorted = Sorted::new(3);
        for (number, at) in (1..).zip(times) {
            sorted.push(heard(number, at));
            assert!(sorted.waiting.len() <= 3);
        }
    }
}
