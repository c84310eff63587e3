//! A network card for whole frames: a packet socket in a host of the lab that has one cable and no
//! address, so that nobody else answers there.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{LinkAddr, MsgFlags, recv, sendto, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::support::lan::Host;

/// Every Ethernet frame (`ETH_P_ALL`), in the byte order the kernel wants.
const EVERY_FRAME: i32 = 0x0300;
const INTERFACE: &str = "eth0";
/// Bytes of frames that may wait to be taken: a server's burst is longer than a turn of ours.
const WAITING: usize = 32 << 20;
/// Longer than any frame.
const FRAME: usize = 2048;

/// The card on a host's first cable.
#[derive(Debug)]
pub struct Card {
    socket: Socket,
    way_out: LinkAddr,
    room: Vec<u8>,
}

impl Card {
    /// It hears from now on.
    pub fn new(host: &Host) -> Self {
        let (socket, way_out) = host.enter(|| {
            let every = Some(Protocol::from(EVERY_FRAME));
            let socket = Socket::new(Domain::PACKET, Type::RAW, every).expect("a packet socket");
            (socket, card_address())
        });
        socket.set_nonblocking(true).expect("a packet socket");
        setsockopt(&socket, RcvBufForce, &WAITING).expect("room for frames");
        Self {
            socket,
            way_out,
            room: vec![0; FRAME],
        }
    }

    /// The next frame that waits.
    pub fn hear(&mut self) -> Option<Vec<u8>> {
        match recv(
            self.socket.as_raw_fd(),
            &mut self.room,
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(length) => Some(self.room[..length].to_vec()),
            Err(Errno::EAGAIN | Errno::ENETDOWN) => None,
            Err(error) => panic!("hearing frames: {error}"),
        }
    }

    /// Sends a frame; one that finds the kernel's queue full is lost, as on any card.
    pub fn send(&self, frame: &[u8]) {
        let socket = self.socket.as_raw_fd();
        match sendto(socket, frame, &self.way_out, MsgFlags::MSG_DONTWAIT) {
            Ok(_) | Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENETDOWN) => {}
            Err(error) => panic!("sending a frame: {error}"),
        }
    }
}

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The card as the kernel names it in this namespace.
fn card_address() -> LinkAddr {
    let all = getifaddrs().expect("the interfaces of a host");
    let mut cards = all.filter(|entry| entry.interface_name == INTERFACE);
    let found = cards.find_map(|entry| entry.address?.as_link_addr().copied());
    found.expect("a card")
}
