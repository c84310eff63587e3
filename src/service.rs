//! The shell around the pure rooms: receive, call, send. Sockets, files and the clock live here
//! and nowhere else.
//!
//! * [`supervise`]: start, signals, end
//! * [`interfaces`], [`open`], [`holder`], [`privilege`]: what happens before the first packet
//! * [`links`]: interfaces that change while running
//! * [`shared`]: what every service holds: snapshot, clients, events; [`limits`]: its bounds
//! * [`dhcp`], [`tftp`], [`http`]: the doors
//! * [`dhcp_servers`]: which of the LAN's DHCP servers answer relays
//! * [`giving`]: what mode `dhcp` needs to give out leases
//! * `groups`: the multicast groups that profiles name
//! * [`machines`]: whether machines follow what they are offered, and what was learnt of them
//! * [`control`]: how commands ask the running server
//! * [`overhear`]: what other servers answer them
//! * [`files`]: a name in the tree → bytes or an open file, never outside its folder
//! * [`load`], [`watch`]: folders → snapshot, now and whenever they change
//! * [`probe`]: a machine of the room `firmware` on a real LAN
//! * [`capture`]: packets that somebody has written down
//! * [`survey`]: this host and its LANs, asked as a machine that boots asks
//! * `journal`: which events are logged; `throttle`: a flood of packets is no flood of log lines
//! * [`once`]: what is told of an address once
//! * [`tls`]: the certificate of HTTPS
//! * [`sys`]: socket options, and every unsafe line

pub mod capture;
pub mod control;
pub mod dhcp;
pub mod dhcp_servers;
pub mod files;
pub mod giving;
mod groups;
pub mod holder;
pub mod http;
pub mod interfaces;
mod journal;
pub mod lease;
pub mod limits;
pub mod links;
pub mod load;
pub mod look_up;
pub mod machines;
pub mod once;
pub mod open;
pub mod overhear;
pub mod privilege;
pub mod probe;
pub mod shared;
pub mod supervise;
pub mod survey;
pub mod sys;
pub mod tftp;
mod throttle;
pub mod tls;
pub mod watch;

pub use limits::Limits;
pub use shared::Shared;
