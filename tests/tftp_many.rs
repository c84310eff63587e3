//! As many TFTP transfers as there may be, none of whose clients goes on: what they hold, and that they
//! cost nobody else anything. Alone in its process, for it looks at the memory of all of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "support/tftp_client.rs"]
mod client;
#[path = "support/tftp_server.rs"]
mod server;
mod support;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use bootjack::service::Limits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt};

use client::{ack, get, next, request};
use server::{Server, Untelling};

/// What one transfer holds at most, in bytes, and what is read ahead for all of them (README, "Safety").
const EACH: u64 = 16 << 10;
const AHEAD: u64 = 36 << 20;

/// Memory of this process that is really there, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// A transfer that has sent its first window, and whose client says no more.
struct Waiting {
    socket: UdpSocket,
    transfer: SocketAddr,
}

impl Waiting {
    fn new(from: Ipv4Addr, server: SocketAddr, asked: &[u8]) -> Self {
        let socket = client::socket(from);
        setsockopt(&socket, sockopt::RcvBuf, &4096).unwrap(); // what comes is of no use
        socket.send_to(asked, server).unwrap();
        let (packet, transfer) = next(&socket);
        assert_eq!(packet[1], 6, "an OACK");
        socket.send_to(&ack(0), transfer).unwrap();
        assert_eq!(next(&socket).0[1], 3, "a block");
        Self { socket, transfer }
    }
}

fn allow_files(count: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, count, most.max(count)).unwrap();
}

#[test]
fn as_many_transfers_as_there_may_be_hold_bounded_memory_and_hold_nobody_up() {
    let name = "as_many_transfers_as_there_may_be_hold_bounded_memory_and_hold_nobody_up";
    if support::left_out(name) {
        return;
    }
    let limits = Limits::default();
    let (count, of_each) = (limits.tftp_transfers - 1, limits.tftp_per_client);
    allow_files(4 * limits.tftp_transfers as u64); // a socket a side, and the file
    let server = Server::start();
    // A file system that cannot tell what is cached: each transfer has to read ahead.
    let _tmpfs = Untelling::at(server.folder.path());
    let bytes = server.file("file", 4_000_000);
    let options = [("blksize", "1468"), ("windowsize", "4")];
    let asked = request(1, "file", "octet", &options);
    let before = resident();
    let mut most = before;
    let waiting = (0..count).map(|n| {
        let [.., high, low] = (n / of_each + 1).to_be_bytes();
        let waiting = Waiting::new(Ipv4Addr::new(127, 1, high, low), server.at(1), &asked);
        most = most.max(resident());
        waiting
    });
    let waiting: Vec<Waiting> = waiting.collect();
    let got = get(Ipv4Addr::LOCALHOST, server.at(1), "file", &options).unwrap();
    assert!(got.bytes == bytes, "one more is served beside them");
    most = most.max(resident());
    let grown = most - before;
    eprintln!("{count} transfers took {} KiB", grown >> 10);
    assert!(grown < AHEAD + count as u64 * EACH, "{} KiB", grown >> 10);
    for one in &waiting {
        one.socket
            .send_to(b"\0\x05\0\0enough\0", one.transfer)
            .unwrap();
    }
}
