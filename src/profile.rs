//! Whom a profile matches and what menu they get.
//!
//! ```text
//! YAML text → node (tree with places) → schema, document, clause, menu, entry (checked by their
//! shape) → compile (all files together) → Profiles, or findings
//! (client, Profiles) → select → profile and why
//! ```
//!
//! * [`model`]: the compiled forms; inside the program nothing re-checks them
//! * [`finding`]: what is wrong in a file, with line, column and remedy
//! * [`compile`]: texts → [`Profiles`]
//! * `node`, `syntax`: YAML with places; what its parser's errors mean
//! * `schema`, `words`, `similar`, `report`: keys, single values, "did you mean", findings of a file
//! * `document`, `clause`, `menu`, `entry`: the parts of a profile
//! * [`template`]: `{{ mac }}`: what it may say, and how it is filled
//! * `matching`, `pattern`, `ties`: whom a profile is for, and which two could both be meant
//! * `index`, [`select`]: which profile a client gets, and the trace of why
//! * [`snapshot`]: profiles and what else a decision depends on, in one immutable value
//!
//! Absent on purpose: files and watching (the service hands in texts), dialects (see `render`), and
//! whether a kernel or loader that is named exists (it may arrive later).

mod clause;
pub mod compile;
mod document;
mod entry;
pub mod finding;
mod index;
mod matching;
mod menu;
pub mod model;
mod node;
mod pattern;
mod report;
mod schema;
pub mod select;
pub(crate) mod similar;
pub mod snapshot;
mod syntax;
pub mod template;
mod ties;
mod words;

pub use compile::{Compiler, Source, compile};
pub use finding::{Finding, Severity};
pub use index::Profiles;
pub use model::{Action, ArchFilter, Entry, Loader, Menu, PerArch, Profile, Target, Template};
pub use node::MAX_FILE;
pub use select::{Considered, Selection, Subject, Verdict, select, trace};
pub use snapshot::{Installed, Snapshot};
pub use template::{RenderError, Values};
pub use words::is_id;
