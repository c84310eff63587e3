//! The impure half of leases.
pub mod clock;
pub mod commit;
pub mod format;
pub mod probe;
mod salvage;
pub mod store;
