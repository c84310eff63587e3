//! bootjack: a netboot appliance in one binary.
//!
//! # How data flows
//! One way, once per packet:
//!
//! ```text
//! socket → wire (bytes → message) → client (who asks, at which stage) → profile (which menu)
//!        → decide (what to answer, and why) → wire (message → bytes) → socket
//!                                           ↘ event → log · timeline · metrics · web
//! mode proxy, where a machine needs lease and loader in one: decide ⇄ relay ⇄ the LAN's DHCP server
//! mode dhcp: client + network + profile → decide ⇄ lease (whose address) → disk → wire → socket
//! TFTP / HTTP request → client → tree (path + client → asset | file | rendered menu)
//!                              → transfer → socket
//! ```
//!
//! # Rooms
//! * [`wire`]: bytes ↔ values
//! * [`client`]: who asks, at which stage; what is odd about it, and whether it follows
//! * [`firmware`]: the machines we serve: what each sends, waits for, takes and refuses
//! * [`network`]: subnets, pools, reservations, options
//! * [`yaml`]: what operators write → values with places, findings
//! * [`profile`]: which menu, and why
//! * [`lease`]: who has which address
//! * [`decide`]: what to answer, and why
//! * [`relay`]: the lease of the LAN's own DHCP server, with our boot data, for machines that need one reply
//! * [`render`]: menu → pxelinux, iPXE, GRUB
//! * [`tree`]: name + who asks → asset, file, or rendered text
//! * [`transfer`]: TFTP sending as a state machine
//! * [`doctor`]: what was observed of a LAN → what is wrong, and which mode to run
//! * [`event`]: everything an operator can see
//! * [`assets`]: the embedded boot loaders
//! * [`config`]: effective settings
//! * [`service`]: sockets, files, the clock: the only impure room
//! * [`cli`]: the commands
//!
//! # Invariants
//! * `wire`, `yaml`, `client`, `firmware`, `network`, `profile`, `lease`, `decide`, `relay`, `render`, `transfer`,
//!   `tree` and `doctor` are pure: no socket, no file, no clock, no randomness, no tokio (`tests/tidy.rs`
//!   holds them to it). One exception: `profile` compiles many files on several threads, which it
//!   joins.
//! * Imports run `wire ← assets ← yaml ← client ← firmware ← network ← profile ← lease ← decide ← relay ←
//!   render ← tree ← transfer ← doctor ← event ← config ← service ← cli` (`tests/tidy.rs` again).
//! * A request takes one `Arc` of the snapshot and keeps it to the end.
//! * What can go wrong with a request is a value with its reason and becomes an event.
//! * No input from the network can panic, block, or grow memory past a bound.

pub mod assets;
pub mod cli;
pub mod client;
pub mod config;
pub mod decide;
pub mod doctor;
pub mod error;
pub mod event;
pub mod firmware;
pub mod lease;
pub mod network;
pub mod profile;
pub mod relay;
pub mod render;
pub mod service;
pub mod transfer;
pub mod tree;
pub mod wire;
pub mod yaml;
