//! The shell around the pure rooms: receive, call, send. Sockets, files and the clock live here
//! and nowhere else.
//!
//! * [`shared`]: what every service holds: snapshot, clients, events, limits
//! * [`files`]: a name in the tree → bytes or an open file, never outside its folder
//! * [`dhcp`], [`tftp`], [`http`]: the three doors
//! * [`watch`]: profile folder → snapshot
//! * [`privilege`]: from root to nobody, once the sockets are open
//! * [`supervise`]: start, ready line, signals, end
//! * [`sys`]: socket options and every ioctl

pub mod files;
pub mod shared;
pub mod sys;
pub mod tftp;

pub use shared::{Limits, Shared};
