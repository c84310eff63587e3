//! Starting, running and ending: what an operator sees of the real binary.
//!
//! * `refused`: what keeps it from starting, in words that help
//! * `foretold`: what of that `check` finds before
//! * `running`: the ready line, privileges, signals
//! * `settings`: default < file < environment < flag, for every setting
//! * `tls`: HTTPS, its certificate and its key
//! * `commands`: check, assets, completions, man; wrong usage
//! * `explained`: explain, of a machine that is described
//! * `menus`: explain, of the menu and of DHCP servers that answer no relays
//! * `links`: interfaces that change while it runs
//! * `run`: the binary, outside the laboratory and inside

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

#[macro_use]
mod support;

#[path = "support/authority.rs"]
mod authority;
#[path = "start/commands.rs"]
mod commands;
#[path = "start/explained.rs"]
mod explained;
#[path = "start/foretold.rs"]
mod foretold;
#[path = "start/links.rs"]
mod links;
#[path = "start/menus.rs"]
mod menus;
#[path = "start/refused.rs"]
mod refused;
#[path = "start/run.rs"]
mod run;
#[path = "start/running.rs"]
mod running;
#[path = "start/settings.rs"]
mod settings;
#[path = "start/tls.rs"]
mod tls;
