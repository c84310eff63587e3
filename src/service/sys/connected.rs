//! One transfer's socket: bound to the address that was asked, connected to the peer.
//!
//! Because it is connected, the kernel keeps strangers away (they hear ICMP port unreachable) and
//! says when the peer's port is closed. Sends many datagrams by one system call ([`super::bulk`]) and
//! hears one by one ([`super::inbox`]). Not registered for writing (see [`super::udp`]); only when the
//! send queue is full a duplicate of it is watched for writing.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use nix::sys::socket::{getsockopt, sockopt};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;

use super::bulk::{self, Bulk};
use super::inbox::Inbox;
use super::udp::register;

/// A queue that has not moved for so long is taken for a dead link, and the datagram for lost.
const STUCK: Duration = Duration::from_secs(1);

/// A packet, or the news that the peer's port is closed; epoll does not call the latter readable.
const HEARD: Interest = Interest::READABLE.add(Interest::ERROR);

/// A connected datagram socket in the runtime.
#[derive(Debug)]
pub struct Connected {
    socket: AsyncFd<UdpSocket>,
    bulk: Bulk,
}

impl Connected {
    /// From a port of the kernel's choice at `local` to `peer`, through `device` where one is given.
    /// What is sent by the dozen leaves as `bulk` says, as far as the path allows.
    pub fn open(
        local: Ipv4Addr,
        peer: SocketAddrV4,
        device: Option<&[u8]>,
        bulk: Bulk,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Without privileges only Linux 5.7 and later allow it; before, the routes decide.
        let _ = socket.bind_device(device);
        set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
        socket.bind(&SocketAddrV4::new(local, 0).into())?;
        socket.connect(&peer.into())?;
        let socket = register(socket.into(), HEARD)?;
        Ok(Self { socket, bulk })
    }

    /// Bytes of an IP packet that reach the peer whole, as far as the routes know.
    pub fn mtu(&self) -> io::Result<u32> {
        let mtu = getsockopt(self.socket.get_ref(), sockopt::IpMtu)?;
        u32::try_from(mtu).map_err(io::Error::other)
    }

    /// Waits until the next packet is in the inbox; what does not fit there is cut off. Cancel-safe. A peer
    /// who answers at once again and again, or never stops talking, does not keep the thread from others.
    ///
    /// # Errors
    /// `ConnectionRefused` when the peer's port is closed.
    pub async fn hear(&self, inbox: &mut Inbox) -> io::Result<()> {
        loop {
            if !inbox.has_more() {
                // Before the look: what comes after it is told again.
                self.socket.ready(HEARD).await?.clear_ready();
            } else if inbox.was_at_once() {
                yield_now().await; // the others' turn
            }
            if let Some(heard) = self.look(inbox) {
                return heard;
            }
        }
    }

    /// The next packet, if one is there, into the inbox.
    pub fn look(&self, inbox: &mut Inbox) -> Option<io::Result<()>> {
        match inbox.fill(self.socket.get_ref()) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
            other => Some(other),
        }
    }

    /// Sends datagrams of `each` bytes, the last one as long as it is, as far as there is room in the
    /// queue: bytes that left. Never waits.
    ///
    /// # Errors
    /// `WouldBlock` when nothing left for want of room: [`Connected::room`].
    pub fn send_now(&mut self, bytes: &[u8], each: usize) -> io::Result<usize> {
        loop {
            match bulk::send(self.socket.get_ref(), &mut self.bulk, bytes, each) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// The same, waiting for room.
    pub async fn send(&mut self, mut bytes: &[u8], each: usize) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.send_now(bytes, each) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                gone => bytes = bytes.get(gone?..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// Waits for room in the queue.
    ///
    /// # Errors
    /// `TimedOut` where there is none for long: what waits is lost then.
    pub async fn room(&self) -> io::Result<()> {
        let socket = register(self.socket.get_ref().try_clone()?, Interest::WRITABLE)?;
        tokio::time::timeout(STUCK, socket.writable())
            .await?
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let std::net::SocketAddr::V4(addr) = socket.local_addr().unwrap() else {
            panic!("bound to IPv4");
        };
        (socket, addr)
    }

    #[tokio::test]
    async fn it_speaks_from_the_address_asked_to_its_peer_alone() {
        let (socket, addr) = peer();
        let local = Ipv4Addr::new(127, 0, 0, 42);
        let mut connected = Connected::open(local, addr, Some(b"lo"), Bulk::Batches).unwrap();
        connected.send(b"block", 5).await.unwrap();
        let mut buf = [0; 16];
        let (len, from) = socket.recv_from(&mut buf).unwrap();
        assert_eq!((&buf[..len], from.ip()), (&b"block"[..], local.into()));
        let (stranger, _) = peer();
        stranger.send_to(b"not for it", from).unwrap();
        let said: [&[u8]; 4] = [b"ack", b"once", b"more", b"again"];
        let mut inbox = Inbox::new();
        for turn in said.chunks(2) {
            // All that is there, what comes after the queue was empty, and after it was not looked at.
            socket.send_to(turn[0], from).unwrap();
            socket.send_to(turn[1], from).unwrap();
            socket.send_to(b"last", from).unwrap();
            for expected in [turn[0], turn[1], b"last"] {
                connected.hear(&mut inbox).await.unwrap();
                assert_eq!(inbox.packet(), expected);
            }
            inbox.expect();
        }
        assert!(connected.look(&mut inbox).is_none());
        assert!(connected.mtu().unwrap() >= 1500, "loopback's is large");
    }

    #[tokio::test]
    async fn a_closed_port_is_heard_of() {
        let (socket, addr) = peer();
        let mut connected =
            Connected::open(Ipv4Addr::LOCALHOST, addr, None, Bulk::Batches).unwrap();
        drop(socket);
        connected.send(b"?", 1).await.unwrap();
        let error = connected.hear(&mut Inbox::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
