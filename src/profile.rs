//! Whom a profile matches and what menu they get.
//!
//! ```text
//! YAML text → tree with places (room `yaml`) → schema, document, clause, menu, entry (checked by
//! their shape) → compile (all files together) → Profiles, or findings
//! (client, Profiles) → select → profile and why
//! ```
//!
//! * [`model`]: the compiled forms; inside the program nothing re-checks them
//! * [`compile`]: texts → [`Profiles`]
//! * `schema`, `words`: keys, single values
//! * `document`, `clause`, `menu`, `entry`, [`boot_server`]: the parts of a profile
//! * `named`: the files that a profile names, and where; `parts`: where its parts stand
//! * [`items`], `fits`: the menu as firmware shows it, and what no such menu can carry
//! * `raspberry_pi`: what boots without a menu
//! * `pxelinux`: what that loader is told by DHCP
//! * `pinned`: a shape of reply that no firmware of its machines takes
//! * [`template`]: `{{ mac }}`: what it may say, and how it is filled
//! * `matching`, `pattern`, `ties`: whom a profile is for, and which two could both be meant
//! * `index`, [`select`], `choose`: which profile a client gets, and the trace of why; `why`: as values
//! * [`http_boot`]: what firmware that boots by HTTP loads
//! * [`snapshot`]: profiles and what else a decision depends on, in one immutable value
//!
//! What a profile says of DHCP is read by room `network`.
//!
//! Absent on purpose: files and watching (the service hands in texts), dialects (see `render`), and
//! whether a kernel or loader that is named exists (the service looks, and it may arrive later).

pub mod boot_server;
mod choose;
mod clause;
pub mod compile;
mod document;
mod entry;
mod fits;
pub mod http_boot;
mod index;
pub mod items;
mod matching;
mod meant;
mod menu;
pub mod model;
mod named;
mod parts;
mod pattern;
mod pinned;
mod pxelinux;
mod raspberry_pi;
mod schema;
pub mod select;
pub mod snapshot;
pub mod template;
mod ties;
mod why;
mod words;

pub use choose::{choose, chosen, subject};
pub use compile::{Compiler, Source, compile};
pub use http_boot::HttpBoot;
pub use index::Profiles;
pub use model::{
    Action, BootServer, DeviceTree, Entry, Loader, Menu, PerArch, Profile, Pxelinux, RaspberryPi,
    Target, Template, U_BOOT_MENU,
};
pub use named::Named;
pub use parts::Part;
pub use select::{Considered, Selection, Subject, Verdict, select, trace};
pub use snapshot::{Https, Installed, Relays, Snapshot};
pub use template::{RenderError, Values};
pub use why::{Met, Why};
