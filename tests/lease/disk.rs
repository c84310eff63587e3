//! The disk of the random walks: what is written, what is not, and what a restart finds.

use std::net::Ipv4Addr;

use bootjack::lease::{Book, FOREVER, Record, State};

use super::layout::limits;
use super::{Model, Promise, Write};

impl Model {
    /// A lease ended before its time: nobody has the address now.
    pub(super) fn written_at_leisure(&mut self, record: Record) {
        let address = record.address;
        for write in self
            .queue
            .iter_mut()
            .filter(|w| w.record.address == address)
        {
            write.void = true;
        }
        self.acked.remove(&address);
        self.offers.remove(&address);
        if record.state == State::Declined {
            self.seen.declined += 1;
            self.rights.remove(&address);
        }
        self.queue.push_back(Write {
            record,
            ack: None,
            void: false,
        });
    }

    pub(super) fn commit(&mut self, n: usize, works: bool) {
        for _ in 0..n {
            let Some(write) = self.queue.pop_front() else {
                return;
            };
            if works {
                self.write(&write);
            }
            let address = write.record.address;
            let Some((serial, promise)) = write.ack else {
                continue;
            };
            if !works {
                self.seen.unstored += 1;
                let changes = self.book.unstored(self.now, address, serial);
                self.replay(&changes);
                continue;
            }
            let later = self.queue.iter().rev();
            let mut later = later.filter(|w| w.record.address == address && w.ack.is_some());
            let newest = later.next().map_or(write.record.until, |w| w.record.until);
            let due = !write.void && (newest == FOREVER || newest >= self.now);
            assert_eq!(
                self.book.stored(address, serial),
                due,
                "whether the ACK may go out"
            );
            if due {
                self.acknowledged(address, promise);
            } else {
                self.seen.void += 1;
            }
        }
    }

    /// An ACK reaches its client.
    pub(super) fn acknowledged(&mut self, address: Ipv4Addr, promise: Promise) {
        self.seen.acks += 1;
        let on_disk = &self.disk[&address];
        let first = (on_disk.state, on_disk.until);
        assert_eq!(first, (State::Leased, promise.until), "on disk first");
        if let Some(old) = self.acked.get(&address).filter(|p| p.until >= self.now) {
            assert!(old.holder.is(&promise.holder), "{address} has two holders");
        }
        self.acked.insert(address, promise);
    }

    /// A record reaches the disk. A client that asks for less itself is promised no more.
    pub(super) fn write(&mut self, write: &Write) {
        let address = write.record.address;
        if let (Some(promise), Some(_)) = (self.acked.get_mut(&address), &write.ack) {
            promise.until = promise.until.min(write.record.until);
        }
        self.disk.insert(address, write.record.clone());
    }

    pub(super) fn restart(&mut self, written: usize) {
        for _ in 0..written {
            if let Some(write) = self.queue.pop_front() {
                self.write(&write);
            }
        }
        self.queue.clear();
        self.probes.clear();
        self.offers.clear();
        self.book = Book::new(limits());
        self.states.clear();
        for record in self.disk.values() {
            assert!(self.book.restore(self.now, record));
            let Some(lease) = self.book.get(record.address) else {
                assert_eq!(record.state, State::Declined);
                continue;
            };
            self.states.insert(record.address, lease.state);
            let rights = self.rights.entry(record.address).or_default();
            rights.push(lease.holder.clone());
        }
        let changes = self.book.set_networks(self.now, &self.networks);
        self.replay(&changes);
        for (address, promise) in self.acked.iter().filter(|(_, p)| p.until >= self.now) {
            let lease = self
                .book
                .get(*address)
                .expect("an acknowledged lease survives");
            assert_eq!(
                (lease.state, lease.until),
                (State::Leased, self.disk[address].until)
            );
            assert!(lease.holder.is(&promise.holder) && lease.until >= promise.until);
            self.seen.survived += 1;
        }
    }
}
