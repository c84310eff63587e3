//! What the standard library and tokio do not offer of the system: socket options and packet
//! information. The only room where `unsafe` may stand, each line with its reason.
//!
//! * [`udp`]: datagram sockets that know to which address and interface a packet came
//! * [`batch`]: many datagrams of many peers by one system call; `alike`: broadcasts among them, as segments
//! * [`connected`]: one transfer's socket; [`bulk`], [`inbox`]: many datagrams to one peer, and from it
//! * [`arp`], [`icmp`]: the packets that try an address
//! * [`file`]: reading what is in the page cache without waiting for what is not
//! * [`packet`]: frames of one interface, past the sockets of this host; [`host`]: a host of our own
//!   making among them
//! * [`outlet`]: datagrams that may have to wait for ARP; [`neighbour`]: which ones

mod alike;
pub mod arp;
pub mod batch;
pub mod bulk;
pub mod connected;
pub mod file;
pub mod host;
pub mod icmp;
pub mod inbox;
pub mod neighbour;
pub mod outlet;
pub mod packet;
pub mod udp;
