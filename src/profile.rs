//! Whom a profile matches and what menu they get.
//!
//! ```text
//! YAML text → schema (serde shape, positions kept) → compile → Profiles, or findings
//! (client, Profiles) → select → profile and why
//! ```
//!
//! * [`model`]: the compiled forms; inside the program nothing re-checks them
//! * [`finding`]: what is wrong in a file, with line, column and remedy
//! * [`compile`]: texts → [`Profiles`]
//! * [`select`]: which profile a client gets, and the trace of why
//! * [`snapshot`]: profiles and what else a decision depends on, in one immutable value
//!
//! Absent on purpose: files and watching (the service hands in texts), dialects (see `render`).

pub mod compile;
pub mod finding;
pub mod model;
mod schema;
pub mod select;
pub mod snapshot;

pub use compile::{Profiles, Source, compile};
pub use finding::{Finding, Severity};
pub use model::{Action, ArchFilter, Entry, Loader, Menu, PerArch, Profile, Target, Template};
pub use select::{Selection, Subject, select};
pub use snapshot::{Installed, Snapshot};
