//! What the kernel sends at most: a bare sender on the server's processor, one thread, a connected
//! socket for each client, whole windows by one call each (`UDP_SEGMENT`), packets as large as those
//! of the row, out of memory, without any protocol. Who receives only counts.
//!
//! So that nothing is lost, it waits where a receiver is far behind; it sees that in memory, not on
//! the wire.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, recvmmsg, sendmsg, setsockopt};

use super::Case;
use super::sides::{CLIENTS, Lab, rate};
use crate::machine;
use crate::meter::Spent;
use crate::table::Figure;

/// Of TFTP.
const HEADER: usize = 4;
/// The most bytes that one call can send.
const CALL: usize = 65_507;
/// So many packets may wait at a receiver.
const BEHIND: u64 = 1024;
const ROOM: usize = 8 << 20;
const BATCH: usize = 64;
/// A receiver looks so often whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// A receiver: its socket, and packets that it has counted.
struct Receiver {
    socket: UdpSocket,
    counted: AtomicU64,
}

/// Sends for this long to as many receivers as the row has clients.
pub fn measure(lab: &Lab, case: &Case, long: Duration) -> Figure {
    let over = AtomicBool::new(false);
    let receivers = lab.client.enter(|| {
        let sources = CLIENTS.iter().cycle().take(case.clients);
        sources
            .map(|source| Receiver::new((*source, 0).into()))
            .collect::<Vec<_>>()
    });
    let spent = std::thread::scope(|scope| {
        for receiver in &receivers {
            scope.spawn(|| receiver.count(&over));
        }
        let spent = lab.server.enter(|| send(case, &receivers, long));
        over.store(true, Ordering::Relaxed);
        spent
    });
    let counted: u64 = receivers
        .iter()
        .map(|r| r.counted.load(Ordering::Relaxed))
        .sum();
    rate(counted as f64 * case.terms.blksize as f64, &spent)
}

fn send(case: &Case, receivers: &[Receiver], long: Duration) -> Spent {
    machine::on_server_cpu();
    let packet = case.terms.blksize + HEADER;
    let most = CALL / packet;
    let bytes = vec![0; most * packet];
    let sockets: Vec<UdpSocket> = receivers.iter().map(Receiver::connected).collect();
    let mut sent = vec![0_u64; receivers.len()];
    let (began, cpu) = (Instant::now(), machine::thread_seconds());
    while began.elapsed() < long {
        for ((receiver, socket), sent) in receivers.iter().zip(&sockets).zip(&mut sent) {
            while *sent > receiver.counted.load(Ordering::Relaxed) + BEHIND {
                std::thread::yield_now();
            }
            let mut left = case.terms.windowsize as usize;
            while left > 0 {
                let packets = left.min(most);
                at_once(socket, &bytes[..packets * packet], packet as u16);
                *sent += packets as u64;
                left -= packets;
            }
        }
    }
    Spent {
        wall: began.elapsed().as_secs_f64(),
        cpu: machine::thread_seconds() - cpu,
    }
}

fn at_once(socket: &UdpSocket, bytes: &[u8], packet: u16) {
    let part = [IoSlice::new(bytes)];
    let cut = [ControlMessage::UdpGsoSegments(&packet)];
    let sent = sendmsg::<()>(socket.as_raw_fd(), &part, &cut, MsgFlags::empty(), None);
    sent.expect("sending");
}

impl Receiver {
    fn new(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).expect("a socket");
        socket.set_read_timeout(Some(LOOK)).expect("a time-out");
        setsockopt(&socket, RcvBufForce, &ROOM).expect("room");
        Self {
            socket,
            counted: AtomicU64::new(0),
        }
    }

    /// A sender's socket of its own.
    fn connected(&self) -> UdpSocket {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let address = self.socket.local_addr().expect("its address");
        socket.connect(address).expect("a route");
        socket
    }

    fn count(&self, over: &AtomicBool) {
        machine::on_client_cpu();
        let mut headers = [[0; HEADER]; BATCH];
        let mut room = MultiHeaders::<()>::preallocate(BATCH, None);
        let flags = MsgFlags::MSG_WAITFORONE | MsgFlags::MSG_TRUNC;
        loop {
            let parts = headers.iter_mut().map(|header| [IoSliceMut::new(header)]);
            let mut parts: Vec<_> = parts.collect();
            let socket = self.socket.as_raw_fd();
            let received = recvmmsg(socket, &mut room, parts.iter_mut(), flags, None);
            let packets = received.map_or(0, Iterator::count) as u64;
            self.counted.fetch_add(packets, Ordering::Relaxed);
            if packets == 0 && over.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}
