//! The sender's state machine: one input in, one step out.
//!
//! Four rules carry it:
//! * **Progress** moves the window; each silence repeats what is outstanding, after longer and
//!   longer waits; without progress it ends ([`TRIES`], patience).
//! * **Sorcerer's apprentice**: with a window of one, a duplicate ACK sends nothing (facts E).
//! * **Gap** (RFC 7440): an ACK below the window's end means that the next block was lost, so all
//!   from there is sent again at once. But once blocks have been sent twice, such an ACK may merely
//!   be the echo of a duplicate (EDK2 acknowledges every block that it did not expect), and
//!   answering echoes with duplicates would double all traffic to the end. So below the first block
//!   not sent twice (`clear_from`) such an ACK only moves the window on and raises a `doubt`: if
//!   four round trips bring no progress, it was a loss.
//! * **End**: ERROR 0 or 8 after an OACK is a probe (quirk 39); a last ACK that never comes is a
//!   finished transfer (quirk 42).
//!
//! Absent on purpose: file data. A [`Run`] says which bytes; the shell has them.

use std::time::{Duration, Instant};

use super::rtt::{FLOOR, Rtt};
use super::run::{Run, Shape};
use super::terms::Terms;
use crate::wire::tftp::ErrorCode;

/// How often a first or last packet is repeated into silence: as often as EDK2 repeats its own
/// request (facts E). It keeps small what a request with a forged sender makes us send.
pub const TRIES: u32 = 5;

/// More patience than any client needs; it keeps the sums of times in range.
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The client acknowledged this block (0: the OACK)
    Ack(u16),
    /// The client ended it
    Error(ErrorCode),
    /// The same request came again from the same port
    Again,
    /// Another request came from the same port
    Superseded,
    /// The client's port is closed (ICMP)
    Gone,
    /// The time to wait for has come
    Timeout,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What to send first.
    pub send: Option<Send>,
    /// What then.
    pub next: Next,
}

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Send {
    /// The options granted
    Oack,
    /// These blocks, in order
    Blocks(Run),
}

/// What comes after sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Wait for a packet, or for this time and then [`Input::Timeout`]
    Wait(Instant),
    /// It is over
    Done(Ending),
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The file was sent whole
    Sent,
    /// The client had seen enough (quirk 39)
    Probed,
    /// It broke off
    Failed(Failure),
}

/// Why a transfer broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No packet ever came back.
    #[error("the client never answered; does a firewall stop UDP above port 1023?")]
    NeverHeard,
    /// Packets came back for a while.
    #[error("the client fell silent")]
    Silent,
    /// An ERROR packet.
    #[error("the client reported {0}")]
    Told(ErrorCode),
    /// ICMP port unreachable.
    #[error("the client closed its port")]
    Gone,
    /// Another request from the same port.
    #[error("the client asked for something else")]
    Superseded,
}

/// What the client has acknowledged so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing; the OACK was sent.
    Greeting,
    /// Nothing; without options the first block was sent.
    Opening,
    /// The OACK or a block.
    Running,
}

/// One file on its way to one client.
#[derive(Debug, Clone)]
pub struct Sender {
    shape: Shape,
    terms: Terms,
    patience: Duration,
    rtt: Rtt,
    phase: Phase,
    /// All blocks up to here have arrived.
    acked: u64,
    /// All blocks up to here have been sent.
    sent: u64,
    /// Acknowledgements from here on cannot be echoes of duplicates.
    clear_from: u64,
    /// Whether what was sent last had not been sent before.
    fresh: bool,
    /// Whether an acknowledgement came that was an echo or a loss.
    doubt: bool,
    /// Waits in vain since the last progress.
    silences: u32,
    sent_at: Instant,
    progress_at: Instant,
}

impl Sender {
    /// A sender of `size` bytes that waits at most `patience` for progress; and its first step.
    pub fn start(now: Instant, size: u64, terms: Terms, patience: Duration) -> (Self, Step) {
        let blksize = terms.blksize.max(1);
        let mut sender = Self {
            shape: Shape { size, blksize },
            terms,
            patience: patience.min(LONGEST_PATIENCE),
            rtt: Rtt::default(),
            phase: Phase::Opening,
            acked: 0,
            sent: 0,
            clear_from: 0,
            fresh: true,
            doubt: false,
            silences: 0,
            sent_at: now,
            progress_at: now,
        };
        let send = sender.begin(now);
        let step = sender.wait(send);
        (sender, step)
    }

    /// Takes one input. After [`Next::Done`] there is nothing more to ask.
    pub fn on(&mut self, now: Instant, input: Input) -> Step {
        let send = match input {
            Input::Ack(number) => self.ack(now, number),
            Input::Again => self.again(now),
            Input::Timeout => match self.timeout(now) {
                Ok(send) => send,
                Err(ending) => return done(ending),
            },
            Input::Error(code) => return done(self.told(code)),
            Input::Superseded => return done(self.broken_off(Failure::Superseded)),
            Input::Gone => return done(self.broken_off(Failure::Gone)),
        };
        if self.acked >= self.shape.last() {
            return done(Ending::Sent);
        }
        if now >= self.progress_at + self.patience {
            return done(self.broken_off(Failure::Silent));
        }
        self.wait(send)
    }

    /// Bytes that the client has acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.shape.bytes_through(self.acked)
    }

    /// From the beginning: the OACK, or the first block where there is none.
    fn begin(&mut self, now: Instant) -> Option<Send> {
        (self.acked, self.sent, self.clear_from) = (0, 0, 0);
        (self.doubt, self.silences, self.progress_at) = (false, 0, now);
        if self.terms.oack.is_some() {
            self.phase = Phase::Greeting;
            Some(self.greet(now, true))
        } else {
            self.phase = Phase::Opening;
            self.send_from(now, 0)
        }
    }

    fn greet(&mut self, now: Instant, fresh: bool) -> Send {
        (self.sent_at, self.fresh) = (now, fresh);
        if !fresh {
            self.clear_from = 1;
        }
        Send::Oack
    }

    /// Sends the blocks after `from`, up to the window's end.
    fn send_from(&mut self, now: Instant, from: u64) -> Option<Send> {
        let end = self.acked.saturating_add(self.terms.windowsize.into());
        let run = self.shape.run(from + 1, end)?;
        self.fresh = from == self.sent;
        if !self.fresh {
            self.clear_from = self.sent + 1;
        }
        self.sent = self.sent.max(run.last());
        self.sent_at = now;
        Some(Send::Blocks(run))
    }

    fn ack(&mut self, now: Instant, number: u16) -> Option<Send> {
        let ahead = number.wrapping_sub(self.acked as u16); // both modulo 65,536
        let block = self.acked + u64::from(ahead);
        if block > self.sent {
            return None; // older than the window, or of nothing sent
        }
        if self.phase == Phase::Greeting || block > self.acked {
            return self.progress(now, block);
        }
        self.gap(now, block)
    }

    /// An ACK below the window's end: the block after it was lost, or it is an echo.
    fn gap(&mut self, now: Instant, block: u64) -> Option<Send> {
        if self.terms.windowsize == 1 {
            return None;
        }
        if block >= self.clear_from {
            return self.send_from(now, block);
        }
        self.doubt = self.silences == 0; // once a position, whatever a client repeats
        self.slide(now)
    }

    fn progress(&mut self, now: Instant, block: u64) -> Option<Send> {
        let whole = block == self.sent;
        if self.fresh && whole {
            self.rtt.sample(now.saturating_duration_since(self.sent_at));
        }
        self.phase = Phase::Running;
        (self.silences, self.doubt) = (0, false);
        (self.acked, self.progress_at) = (block, now);
        if whole {
            self.slide(now)
        } else {
            self.gap(now, block)
        }
    }

    /// Sends what the window holds beyond what was sent before.
    fn slide(&mut self, now: Instant) -> Option<Send> {
        let in_flight = self.sent > self.acked;
        let send = self.send_from(now, self.sent);
        self.fresh = self.fresh && !in_flight; // else its acknowledgement tells no round trip
        send
    }

    /// The same request again: the first answer was lost, or the client starts over (GRUB, facts E).
    /// One that follows sooner than any client would ask again was doubled by the network.
    fn again(&mut self, now: Instant) -> Option<Send> {
        let quiet = now.saturating_duration_since(self.progress_at.max(self.sent_at));
        match self.phase {
            Phase::Running if quiet >= self.rtt.wait(0, None) => self.begin(now),
            Phase::Greeting | Phase::Opening if quiet >= FLOOR => self.repeat(now),
            _ => None,
        }
    }

    fn repeat(&mut self, now: Instant) -> Option<Send> {
        if self.phase == Phase::Greeting {
            Some(self.greet(now, false))
        } else {
            self.send_from(now, self.acked)
        }
    }

    fn timeout(&mut self, now: Instant) -> Result<Option<Send>, Ending> {
        if now < self.due() {
            return Ok(None);
        }
        let at_an_end = self.phase != Phase::Running || self.all_sent();
        if at_an_end && self.silences >= TRIES {
            return Err(self.broken_off(Failure::Silent));
        }
        self.silences += 1;
        self.doubt = false;
        Ok(self.repeat(now))
    }

    fn told(&self, code: ErrorCode) -> Ending {
        let enough = [ErrorCode::UNDEFINED, ErrorCode::OPTIONS].contains(&code);
        if enough && self.terms.oack.is_some() {
            Ending::Probed
        } else {
            Ending::Failed(Failure::Told(code))
        }
    }

    /// What it means that no more will come from the client.
    fn broken_off(&self, why: Failure) -> Ending {
        match why {
            _ if self.phase == Phase::Running && self.all_sent() => Ending::Sent,
            Failure::Silent if self.phase != Phase::Running => Ending::Failed(Failure::NeverHeard),
            Failure::Gone | Failure::Superseded if self.phase == Phase::Greeting => Ending::Probed,
            why => Ending::Failed(why),
        }
    }

    fn all_sent(&self) -> bool {
        self.sent == self.shape.last()
    }

    /// When the next [`Input::Timeout`] has something to do.
    fn due(&self) -> Instant {
        let wait = if self.doubt {
            self.rtt.short_wait()
        } else {
            self.rtt.wait(self.silences, self.terms.timeout)
        };
        (self.sent_at + wait).min(self.progress_at + self.patience)
    }

    fn wait(&self, send: Option<Send>) -> Step {
        let next = Next::Wait(self.due());
        Step { send, next }
    }
}

fn done(ending: Ending) -> Step {
    Step {
        send: None,
        next: Next::Done(ending),
    }
}
