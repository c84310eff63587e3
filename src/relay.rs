//! The augmenting relay: lease and boot data in one OFFER and one ACK, with nobody's DHCP server touched.
//!
//! ```text
//! a client's DISCOVER ─► forward (as a relay agent) ─► the LAN's DHCP server
//!       the client ◄─ hand (lease + boot data) ◄─ its OFFER, believed where it answers what we asked
//! ```
//!
//! Much firmware ignores or mishandles a separate proxy's OFFER (quirks 3, 5, 8, 12, 13, 14, 17), and shim
//! and GRUB ask the server of their lease for files (quirk 37). So the lease is fetched, as a relay agent on
//! the client's link does (RFC 1542 4.1), from the server that would have given it anyway, and handed to
//! the client with our boot data and us as its server (54). Its REQUEST then names us; with the
//! server's own identifier put back it goes the same way. The lease is that server's; the operating system asks
//! it directly, and who renews with us (his ACK named us) is relayed too and told the server's own name.
//!
//! * [`forward`]: what a client asks → the message of a relay agent
//! * [`hand`]: a lease and boot data → the message that the client gets
//! * [`meant`]: what else is meant for us, since we have handed on a lease
//! * [`servers`]: which DHCP servers there are, and which of them answer no relay
//! * [`Relay`]: what was asked for whom; `transaction`: what may answer it; `came`: what comes of it
//! * [`Question`]: what a client says, and how it goes on; `pace`: how much of that in a second
//! * `open`, `offers`: what is under way, and what was offered; `aged`: room for so much
//!
//! Invariants: nothing is handed to a client but what answers a transaction of ours, by its number, its
//! hardware address, our address and the kind of message; each is answered once. What is kept is bounded;
//! the oldest leaves first. An address is never made up here, and no lease is kept: without an answer there
//! is none. Pure: time and numbers come in.

mod aged;
mod came;
pub mod forward;
pub mod hand;
pub mod meant;
mod offers;
mod open;
mod pace;
mod patience;
mod question;
pub mod servers;
mod table;
mod transaction;

pub use came::{Came, Forward, NotGivenBack, Overdue};
pub use offers::OFFERS;
pub use pace::PER_SECOND;
pub use patience::{Due, LONGEST, WAIT};
pub use question::Question;
pub use table::Relay;
pub use transaction::{Asks, Stray};
