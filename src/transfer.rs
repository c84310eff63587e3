//! Sending a file by TFTP, as a state machine: `(now, what happened) → what to send, how long to
//! wait`. RFC 1350, 2347, 2348, 2349, 7440, and what firmware needs beyond them (facts E, quirks
//! 39 to 43).
//!
//! ```text
//! options asked, size, bounds → agree → Terms
//! Sender::start(now)        ┐
//! Sender::on(now, Input)    ┘→ Step { send: OACK | blocks, next: wait until | done }
//! ```
//!
//! Invariants: a step sends at most one thing, and blocks as one contiguous [`Run`], so a shell may
//! put a whole window into one system call; the window and the block size never exceed the terms;
//! a transfer without progress ends after a bounded time.
//!
//! Absent on purpose: file data (a run is numbers and offsets), sockets, the clock.
//!
//! * [`terms`]: what of the options asked is granted
//! * [`run`]: blocks as numbers, offsets and lengths
//! * [`rtt`]: how long to wait for an answer
//! * [`sender`]: the state machine

pub mod rtt;
pub mod run;
pub mod sender;
pub mod terms;

pub use run::{Block, Run};
pub use sender::{Ending, Failure, Input, Next, Send, Sender, Step};
pub use terms::{Bounds, Terms, agree};
