//! The networks that `dhcp:` of the config file describes: which addresses there are, who has one
//! reserved, and what clients are told beside their address.
//!
//! ```text
//! config file's text → tree with places (room `yaml`) → checked by shape → Networks, or findings
//! ```
//!
//! * [`model`]: the compiled forms; inside the program nothing re-checks them
//! * [`compile`]: text → [`Networks`]; `dhcp:` of a profile
//! * `schema`, `words`: keys, single values
//! * `networks`, `pools`, `reservations`: the parts, in the order they are read
//! * `terms`, `options`, `custom`: what clients are told, layer by layer
//! * `hosts`: what no host can have
//! * `ground`: where everything lies, and what overlaps
//! * [`links`], [`reserved`]: an address → its network; a client → what is reserved for it
//!
//! Absent on purpose: leases (see `lease`), and whether an interface exists for a network (the
//! service knows).

pub mod compile;
mod custom;
mod ground;
mod hosts;
pub mod links;
pub mod model;
mod networks;
mod options;
mod pools;
mod reservations;
pub mod reserved;
mod schema;
mod terms;
mod words;

pub use compile::{Beside, CONFIG_FILE, compile, of_config, of_profile};
pub use links::Links;
pub use model::{
    Conflict, ConflictMethod, Criteria, LeaseTimes, Network, Networks, Opt, Pool, Range,
    Reservation, Subnet, Syncing, Terms, Who, Whom,
};
pub use reserved::{BadWhom, Reservations};
pub use schema::{PROFILE_DHCP, SHAPES};
