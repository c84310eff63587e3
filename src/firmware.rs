//! The machines we serve: what each firmware sends, waits for, takes and refuses.
//!
//! ```text
//! Machine::new(setup) ── handle(now, Start | Timer | Datagram | Web)
//!     ──► Send · Offered · Own · Fetch · Say · Done(Verdict)
//! ```
//!
//! * [`sample`]: the message a machine would send, made from what an operator says of it
//! * [`made_up`]: who is played where nobody says
//! * [`kind`]: the table: one row a firmware; [`message`]: what it sends
//! * [`reply`]: an answer as firmware reads it, [`formats`]: how long its options may be;
//!   [`vendor`]: its option 43
//! * [`select`]: which of the answers it boots from
//! * [`machine`]: the whole conversation, as a state machine
//! * [`transfer`]: the TFTP client of a firmware; [`image`]: what it has fetched
//! * [`secure`]: what firmware and shim start under Secure Boot
//! * [`fault`]: how it ends, with what the screen shows
//!
//! Invariants: the same inputs give the same outputs (time and the seed of what is random come in);
//! a machine keeps a bounded number of answers of bounded size; no answer can keep it from ending.
//!
//! Absent on purpose: sockets (the service has them), IPv6, and anything about what is right: the
//! rules here are those of the firmware, wrong or not.

pub mod fault;
pub mod formats;
pub mod image;
pub mod kind;
pub mod machine;
pub mod made_up;
pub mod message;
pub mod reply;
pub mod sample;
pub mod secure;
pub mod select;
pub mod transfer;
pub mod vendor;

pub use fault::Fault;
pub use kind::{Firmware, Kind};
pub use machine::{Input, Machine, Outlook, Output, Verdict};
pub use made_up::is_probe;
pub use reply::Reply;
