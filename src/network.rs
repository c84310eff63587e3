//! The networks that `dhcp:` of the config file describes: which addresses there are, who has one
//! reserved, and what clients are told beside their address.
//!
//! ```text
//! config file's text → tree with places (room `yaml`) → checked by shape → Networks, or findings
//! ```
//!
//! * [`model`]: the compiled forms; inside the program nothing re-checks them
//!
//! Absent on purpose: leases (see `lease`), and whether an interface exists for a network (the
//! service knows).

pub mod model;

pub use model::{
    Conflict, ConflictMethod, Criteria, LeaseTimes, Network, Networks, Opt, Pool, PxeShape, Range,
    Reservation, Reservations, Subnet, Terms, Who, Whom,
};
