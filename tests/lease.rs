//! What clients get of the book of leases, situation by situation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "lease/choosing.rs"]
mod choosing;
#[path = "lease/ending.rs"]
mod ending;
#[path = "lease/identity.rs"]
mod identity;
#[path = "lease/requests.rs"]
mod requests;
#[path = "lease/size.rs"]
mod size;
#[path = "lease/storing.rs"]
mod storing;
#[path = "lease/world.rs"]
mod world;
