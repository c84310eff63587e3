//! The last events of each machine, in bounded memory: the machine unheard of for longest leaves
//! first, and of one machine its oldest events. So many machines may not have so many events each:
//! the sum is bounded too.

use std::collections::VecDeque;

use super::Event;
use crate::client::Recent;
use crate::wire::Mac;

/// The timelines of all machines.
#[derive(Debug)]
pub struct Timeline {
    machines: usize,
    events: usize,
    in_all: usize,
    kept: usize,
    by_mac: Recent<Mac, VecDeque<Event>>,
}

impl Timeline {
    /// Room for this many machines, this many events each, and this many events in all.
    pub fn new(machines: usize, events: usize, in_all: usize) -> Self {
        Self {
            machines,
            events,
            in_all,
            kept: 0,
            by_mac: Recent::default(),
        }
    }

    /// Keeps an event that is about a machine.
    pub fn record(&mut self, event: Event) {
        let Some(mac) = event.client else { return };
        let Some(events) = self.by_mac.touch_or_insert(mac, VecDeque::new) else {
            return;
        };
        if events.len() >= self.events {
            events.pop_front();
        } else {
            self.kept += 1;
        }
        events.push_back(event);
        self.forget_oldest();
    }

    /// Whether a machine has events, and what stands last is no forgery in its name: those do not push out
    /// the rest.
    pub fn has_room_for_forgery(&self, mac: Mac) -> bool {
        let last = self.by_mac.get(&mac).and_then(VecDeque::back);
        last.is_some_and(|event| !event.what.is_forgery())
    }

    /// One machine's events, oldest first.
    pub fn of(&self, mac: Mac) -> impl Iterator<Item = &Event> {
        self.by_mac.get(&mac).into_iter().flatten()
    }

    /// Machines with events, the one heard of last first.
    pub fn machines(&self) -> impl Iterator<Item = Mac> {
        self.by_mac.iter().map(|(mac, _)| *mac)
    }

    fn forget_oldest(&mut self) {
        while self.by_mac.len() > self.machines || self.kept > self.in_all {
            let Some((_, gone)) = self.by_mac.pop_oldest() else {
                return;
            };
            self.kept = self.kept.saturating_sub(gone.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::event::What;

    fn event(machine: u8, text: &str) -> Event {
        let client = Some(Mac::ethernet([2, 0, 0, 0, 0, machine]));
        Event {
            at: SystemTime::now(),
            client,
            what: What::Notice { text: text.into() },
        }
    }

    #[test]
    fn both_bounds_hold_and_the_newest_stay() {
        let mut timeline = Timeline::new(2, 3, 9);
        for n in 0..5 {
            timeline.record(event(1, &n.to_string()));
        }
        timeline.record(event(2, "x"));
        timeline.record(event(1, "last"));
        timeline.record(event(3, "y"));
        assert_eq!(
            timeline
                .machines()
                .map(|m| m.as_bytes()[5])
                .collect::<Vec<_>>(),
            [3, 1]
        );
        let kept: Vec<String> = timeline
            .of(Mac::ethernet([2, 0, 0, 0, 0, 1]))
            .map(|e| format!("{:?}", e.what))
            .collect();
        assert_eq!(kept.len(), 3);
        assert!(kept[2].contains("last"));
    }

    #[test]
    fn forgeries_neither_make_a_machine_nor_push_out_its_events() {
        let mut timeline = Timeline::new(2, 3, 9);
        let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
        assert!(!timeline.has_room_for_forgery(mac));
        timeline.record(event(1, "x"));
        assert!(timeline.has_room_for_forgery(mac));
        for reason in ["not-its-address", "no-relay"] {
            let what = What::Ignored {
                port: 67,
                reason,
                detail: String::new(),
                played: false,
            };
            let forged = Event {
                what,
                ..event(1, "")
            };
            timeline.record(forged);
            assert!(!timeline.has_room_for_forgery(mac), "{reason}");
        }
        timeline.record(event(1, "y"));
        assert!(timeline.has_room_for_forgery(mac));
    }

    #[test]
    fn the_sum_of_all_events_is_bounded() {
        let mut timeline = Timeline::new(9, 4, 6);
        for n in 0..20 {
            timeline.record(event(n % 3, "x"));
            let held: usize = timeline.by_mac.iter().map(|(_, e)| e.len()).sum();
            assert!(held <= 6 && held == timeline.kept, "{held}");
        }
        assert!(timeline.of(Mac::ethernet([2, 0, 0, 0, 0, 1])).count() > 0);
    }
}
