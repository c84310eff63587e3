//! What leaves together: the answers to the messages of one batch, by one call; and what is told of them, after it.
//!
//! Whatever else a message makes leave goes by itself, and after what stands here: who handles such a
//! message empties this first ([`Outbox::leave`]). So a machine hears its answers in the order of its
//! questions, and its events are told in that of what happened.
//!
//! Bounded by the batch: an answer a message, and a handful of events.

use std::io;
use std::net::SocketAddrV4;

use super::Door;
use super::told::Last;
use crate::client::progress::Firmware;
use crate::decide::Answer;
use crate::event::{Event, What};
use crate::service::Shared;
use crate::service::sys::batch::Outgoing;
use crate::service::sys::udp::Received;
use crate::wire::Mac;

/// Answers that are to leave, and events that are to be told.
#[derive(Debug, Default)]
pub struct Outbox {
    replies: Vec<Reply>,
    events: Vec<Event>,
    last: Last,
}

/// An answer that waits for no neighbour.
#[derive(Debug)]
pub struct Reply {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whom it is for.
    pub to: SocketAddrV4,
    /// What it answers.
    pub received: Received,
    /// Whose firmware is judged by it.
    pub firmware: Option<Firmware>,
    /// The place of the event that tells of it.
    event: usize,
}

impl Outbox {
    /// Tells of something, after what was told before.
    pub fn tell(&mut self, mac: Option<Mac>, what: What) {
        self.events.push(Event::now(mac, what));
    }

    /// What is in an answer that leaves with others.
    pub fn answered(&mut self, answer: &Answer) -> What {
        self.last.answered(answer)
    }

    /// Puts an answer to the others. The last event tells of it, where it leaves.
    pub fn put(
        &mut self,
        (bytes, to): (Vec<u8>, SocketAddrV4),
        received: Received,
        firmware: Option<Firmware>,
    ) {
        let event = self.events.len().saturating_sub(1);
        self.replies.push(Reply {
            bytes,
            to,
            received,
            firmware,
            event,
        });
    }

    /// Has everything leave, then tells of it.
    pub fn leave(&mut self, door: &Door, shared: &Shared) {
        for (at, error) in self.send(door) {
            let Some(reply) = self.replies.get(at) else {
                continue;
            };
            shared.machines.unanswered(reply.firmware);
            if let Some(event) = self.events.get_mut(reply.event) {
                event.what = door.unsent(reply.to, &error);
            }
        }
        self.replies.clear();
        if !self.events.is_empty() {
            shared.emit_all(self.events.drain(..));
        }
    }

    /// What could not be sent, by its place, and why.
    fn send(&self, door: &Door) -> Vec<(usize, io::Error)> {
        let mut failed = Vec::new();
        let all: Vec<Outgoing<'_>> = self.replies.iter().map(Reply::outgoing).collect();
        (door.listener).send_all(&all, |at, error| failed.push((at, error)));
        failed
    }
}

impl Reply {
    fn outgoing(&self) -> Outgoing<'_> {
        Outgoing {
            bytes: &self.bytes,
            to: self.to,
            from: self.received.local,
            interface: self.received.interface,
        }
    }
}
