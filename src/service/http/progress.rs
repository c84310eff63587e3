//! What one connection is doing, told by its body and its socket, read by its watchdog; and the
//! events that follow from it.
//!
//! A transfer runs from the request until its last byte was given to the kernel: then it is `Sent`,
//! and if the connection ends before, it `Failed`. The connection rests from the moment everything
//! was written until the next request's head is complete, and only then may the watchdog end it.
//! Ranges of one name after the first are counted but are no events: an ISO booted over HTTP is
//! read in thousands of them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::passing::Passing;
use crate::client::progress::Given;
use crate::event::metrics::Held;
use crate::event::{Event, What};
use crate::service::Shared;
use crate::tree::Door;
use crate::wire::Mac;

/// One response from the tree on its way.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The machine, where it is known.
    pub client: Option<Mac>,
    /// Its address.
    pub peer: IpAddr,
    /// The name asked for.
    pub path: Arc<str>,
    /// Bytes to send.
    pub size: u64,
    /// When it was asked for.
    pub began: Instant,
    /// What it is, for its first event.
    pub kind: Kind,
}

/// What a transfer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A whole body: `Started`, then `Sent`.
    Whole,
    /// A part of a body: the same, for the first part of a name on this connection.
    Part,
    /// A rendered menu, with its own first event.
    Menu(Box<crate::tree::Rendered>),
}

/// The state of one connection, shared by all who move it on.
pub struct Progress {
    shared: Arc<Shared>,
    passing: Option<Arc<Passing>>,
    state: Mutex<State>,
}

struct State {
    rest_since: Option<Instant>,
    heard: bool,
    responding: bool,
    /// Requests that hyper has heard.
    asked: u64,
    current: Option<Going>,
    written: Vec<Going>,
    last_part: Option<Arc<str>>,
    places: Vec<OwnedSemaphorePermit>,
}

struct Going {
    transfer: Transfer,
    sent: u64,
    quiet: bool,
    broken: Option<String>,
    _active: Held,
}

impl Progress {
    /// A connection that has not asked anything yet; `plain`: without TLS, so that the kernel sends
    /// files.
    pub fn new(shared: Arc<Shared>, plain: bool) -> Arc<Self> {
        let state = Mutex::new(State {
            rest_since: Some(Instant::now()),
            heard: false,
            responding: false,
            asked: 0,
            current: None,
            written: Vec::new(),
            last_part: None,
            places: Vec::new(),
        });
        Arc::new(Self {
            shared,
            passing: plain.then(Arc::default),
            state,
        })
    }

    /// Where files pass without coming into memory; `None` where they have to be enciphered.
    pub fn passing(&self) -> Option<&Arc<Passing>> {
        self.passing.as_ref()
    }

    /// The connection can be used only now: its handshake is done.
    pub fn begins_anew(&self) {
        self.lock().rest_since = Some(Instant::now());
    }

    /// A request's head is complete. hyper reads no head before the answer to the last one is with
    /// the kernel, so a client that asks and asks and reads nothing is not listened to.
    pub fn asked(&self) {
        let mut state = self.lock();
        state.asked += 1;
        state.responds();
    }

    /// A transfer begins whose request hyper has not heard: it is answered below it.
    pub fn begins_below(&self, transfer: Transfer) {
        self.lock().responds();
        self.begins(transfer);
    }

    /// The same, and it is sent already, `now`.
    pub fn sent_at_once(&self, transfer: &Transfer, now: Instant) {
        let mut state = self.lock();
        (state.rest_since, state.heard) = (Some(now), false);
        state.last_part = None;
        drop(state);
        self.tell_at_once(transfer, now);
    }

    fn tell_at_once(&self, transfer: &Transfer, now: Instant) {
        let took = now.saturating_duration_since(transfer.began);
        let metrics = &self.shared.metrics;
        metrics.transferred_at_once(Door::Http, transfer.size, took);
        if transfer.client.is_none() && LevelFilter::current() < Level::DEBUG {
            return (self.shared).tell_of_stranger(now, || last_event(transfer, took));
        }
        self.shared.fetched(transfer.peer, true);
        self.shared.sent(transfer.peer, given(transfer));
        let both = [first_event(transfer), last_event(transfer, took)];
        let event = |what| Event::now(transfer.client, what);
        self.shared.hand_out(both.map(event));
    }

    /// Its answer is a transfer.
    pub fn begins(&self, transfer: Transfer) {
        let quiet = self.lock().notes(&transfer);
        if !quiet {
            self.shared.emit(transfer.client, first_event(&transfer));
        }
        self.lock().current = Some(Going {
            transfer,
            sent: 0,
            quiet,
            broken: None,
            _active: self.shared.metrics.transfer(Door::Http),
        });
    }

    /// Its answer has a place among those that cost memory, and keeps it until it is written.
    pub fn keeps(&self, place: OwnedSemaphorePermit) {
        self.lock().places.push(place);
    }

    /// Bytes of the body are on their way: in the connection's memory, or with the kernel already
    /// where it sends the file.
    pub fn handed(&self, bytes: u64) {
        if let Some(going) = self.lock().going() {
            going.sent += bytes;
        }
    }

    /// The body cannot go on.
    pub fn broke(&self, reason: String) {
        if let Some(going) = self.lock().going() {
            going.broken = Some(reason);
        }
    }

    /// The body is done with, `complete` or not.
    pub fn body_ends(&self, complete: bool) {
        let mut state = self.lock();
        state.responding = false;
        if complete {
            let done = state.current.take();
            state.written.extend(done);
        }
    }

    /// Bytes came from the client.
    pub fn heard(&self) {
        self.lock().heard = true;
    }

    /// Everything so far is with the kernel. How many requests hyper has answered, where it is at none
    /// now.
    pub fn flushed(&self) -> Option<u64> {
        let mut state = self.lock();
        if !state.responding && state.rest_since.is_none() {
            state.rest_since = Some(Instant::now());
            state.heard = false;
        }
        state.places.clear();
        let answered = (!state.responding).then_some(state.asked);
        let written = std::mem::take(&mut state.written);
        drop(state);
        for going in &written {
            self.sent(going);
        }
        answered
    }

    /// Since when the connection waits for a request, and whether some of one has come.
    pub fn resting(&self) -> Option<(Instant, bool)> {
        let state = self.lock();
        state.rest_since.map(|since| (since, state.heard))
    }

    /// The connection is over: what was not written has failed.
    pub fn over(&self, reason: &str) {
        let mut state = self.lock();
        let mut lost = std::mem::take(&mut state.written);
        lost.extend(state.current.take());
        drop(state);
        for going in lost {
            self.failed(going, reason);
        }
    }

    fn sent(&self, going: &Going) {
        let (transfer, took) = (&going.transfer, going.transfer.began.elapsed());
        self.shared.sent(transfer.peer, given(transfer));
        if going.quiet {
            let metrics = &self.shared.metrics;
            return metrics.transferred(Door::Http, transfer.size, took);
        }
        (self.shared).emit(transfer.client, last_event(transfer, took));
    }

    fn failed(&self, going: Going, reason: &str) {
        let failed = What::Failed {
            door: Door::Http,
            path: going.transfer.path.to_string(),
            peer: going.transfer.peer,
            sent: going.sent,
            reason: going.broken.unwrap_or_else(|| reason.to_owned()),
        };
        self.shared.emit(going.transfer.client, failed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn responds(&mut self) {
        self.rest_since = None;
        self.responding = true;
    }

    /// The response whose bytes are on their way: hyper may have all of the last one's.
    fn going(&mut self) -> Option<&mut Going> {
        self.current.as_mut().or(self.written.last_mut())
    }

    /// Whether this is one more part of the name whose part was the last transfer.
    fn notes(&mut self, transfer: &Transfer) -> bool {
        let part = (transfer.kind == Kind::Part).then(|| transfer.path.clone());
        let more = part.is_some() && part == self.last_part;
        self.last_part = part;
        more
    }
}

fn given(transfer: &Transfer) -> Given {
    match transfer.kind {
        Kind::Whole => Given::of(&transfer.path),
        Kind::Menu(_) => Given::of_text(&transfer.path),
        Kind::Part => Given::Other,
    }
}

fn last_event(transfer: &Transfer, took: Duration) -> What {
    What::Sent {
        door: Door::Http,
        path: transfer.path.to_string(),
        peer: transfer.peer,
        size: transfer.size,
        took,
    }
}

fn first_event(transfer: &Transfer) -> What {
    let path = transfer.path.to_string();
    match &transfer.kind {
        Kind::Menu(rendered) => What::Menu {
            door: Door::Http,
            path,
            dialect: rendered.dialect,
            profile: rendered.profile.clone(),
            entries: rendered.entries,
        },
        Kind::Whole | Kind::Part => What::Started {
            door: Door::Http,
            path,
            peer: transfer.peer,
            size: transfer.size,
        },
    }
}
