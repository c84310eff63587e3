//! Datagram sockets that know to which address a packet was sent and by which interface it came,
//! and that answer from there. Shared by DHCP and TFTP.
//!
//! Opened synchronously while the process may still bind low ports ([`open`]), used asynchronously
//! afterwards ([`Listener`]). A listener is registered for reading alone: armed for writing, every
//! datagram sent would wake the runtime (facts "What gave the win" 2). Sending never waits; a full
//! queue is `WouldBlock`, and datagrams may be lost anyway.
//!
//! Absent on purpose: IPv6, and any idea of what the packets mean.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, RecvMsg, SockaddrIn, recvmsg, sendmsg,
    setsockopt, sockopt,
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::alike::{self, Segments};
use super::batch::{self, Inbox, Outgoing};

/// Bytes of packets the kernel may hold for a listener; it drops what comes beyond. The kernel takes
/// this twice and counts some 1,280 bytes for a DISCOVER: 6,500 machines that are switched on at once,
/// or the tenth of a second of the fastest storm in which somebody else may have the processor. With a
/// quarter of it 362 of 2,000 were not heard (measured); of Debian's `net.core.rmem_max` (212,992), which
/// root may exceed, the hundredth of a second. Memory is taken only while packets wait.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A datagram as it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes written to the caller's buffer.
    pub len: usize,
    /// Whether the datagram was longer than the buffer; what did not fit is lost.
    pub truncated: bool,
    /// Who sent it.
    pub from: SocketAddrV4,
    /// The address in the packet: one of ours, or a broadcast address.
    pub to: Ipv4Addr,
    /// The address of ours that an answer should carry (`ipi_spec_dst`).
    pub local: Ipv4Addr,
    /// The index of the interface it came by.
    pub interface: u32,
}

/// A bound, non-blocking IPv4 datagram socket with packet information on and the DF bit off
/// (quirk 41).
///
/// With `device`, only packets of that interface are taken; with `broadcast`, it may send to
/// broadcast addresses. An address in use is an error: `SO_REUSEADDR` would let two servers of the
/// same port share it silently.
pub fn open(addr: SocketAddrV4, device: Option<&str>, broadcast: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_broadcast(broadcast)?;
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
        .map_err(io::Error::from)
        .or_else(|_| socket.set_recv_buffer_size(RECEIVE_BUFFER))?;
    socket.bind_device(device.map(str::as_bytes))?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// A socket of [`open`] in the runtime.
#[derive(Debug)]
pub struct Listener {
    socket: AsyncFd<UdpSocket>,
    segments: Segments,
}

impl Listener {
    /// Takes a non-blocking socket into the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self {
            socket: register(socket, Interest::READABLE)?,
            segments: Segments::new(false),
        })
    }

    /// Has broadcasts that are sent together and are alike leave as segments of one buffer, where the kernel
    /// takes them.
    #[must_use]
    pub fn with_segments(self, wanted: bool) -> Self {
        Self {
            segments: Segments::new(wanted),
            ..self
        }
    }

    /// Waits for the next datagram. Cancel-safe: a dropped call has taken nothing.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<Received> {
        self.socket
            .async_io(Interest::READABLE, |socket| receive(socket, buf))
            .await
    }

    /// Waits for datagrams and takes those that are there, as many as the inbox holds. A batch that does
    /// not fill it has emptied the queue, which saves the call that would say so. Cancel-safe.
    pub async fn recv_all<const SIZE: usize>(&self, inbox: &mut Inbox<SIZE>) -> io::Result<()> {
        loop {
            let mut ready = self.socket.readable().await?;
            match batch::receive(ready.get_inner(), inbox) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Ok(()) if !inbox.is_full() => {
                    ready.clear_ready();
                    return Ok(());
                }
                other => return other,
            }
        }
    }

    /// Sends datagrams, in their order; `failed` hears of each that could not be sent, by its place, and
    /// why (see [`Listener::send`]).
    pub fn send_all(&self, all: &[Outgoing<'_>], failed: impl FnMut(usize, io::Error)) {
        alike::send(self.socket.get_ref(), &self.segments, all, failed);
    }

    /// Sends one datagram from this address of ours out of this interface (0: as routed).
    ///
    /// # Errors
    /// `WouldBlock` when the interface's queue is full.
    pub fn send(
        &self,
        bytes: &[u8],
        to: SocketAddrV4,
        from: Ipv4Addr,
        interface: u32,
    ) -> io::Result<()> {
        sendmsg(
            self.socket.as_raw_fd(),
            &[IoSlice::new(bytes)],
            &[ControlMessage::Ipv4PacketInfo(&origin(from, interface)?)],
            MsgFlags::MSG_DONTWAIT,
            Some(&SockaddrIn::from(to)),
        )?;
        Ok(())
    }

    /// The interface it is bound to, where it is bound to one.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        SockRef::from(self.socket.get_ref()).device()
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.socket.get_ref().local_addr()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }
}

#[allow(unsafe_code)]
pub(super) fn register<S>(socket: S, interest: Interest) -> io::Result<AsyncFd<S>>
where
    S: AsRawFd + Into<OwnedFd>,
{
    // SAFETY: the socket owns its descriptor (it can become an OwnedFd), moves into the AsyncFd and is
    // lent out only by shared reference, so the descriptor stays open and the same until the AsyncFd
    // drops it.
    unsafe { AsyncFd::register_with_interest(socket, interest) }.map_err(Into::into)
}

fn receive(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<Received> {
    let mut control = nix::cmsg_space!(libc::in_pktinfo);
    let mut parts = [IoSliceMut::new(buf)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message: RecvMsg<SockaddrIn> =
        recvmsg(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let (to, local, interface) = packet_info(&message)?;
    Ok(Received {
        len: message.bytes,
        truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
        from: message.address.ok_or(io::ErrorKind::InvalidData)?.into(),
        to,
        local,
        interface,
    })
}

/// Destination, our address, interface.
fn packet_info(message: &RecvMsg<SockaddrIn>) -> io::Result<(Ipv4Addr, Ipv4Addr, u32)> {
    let info = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
        _ => None,
    });
    let info = info.ok_or_else(|| io::Error::other("packet information is off on this socket"))?;
    let interface = u32::try_from(info.ipi_ifindex).map_err(io::Error::other)?;
    let (to, local) = (from_kernel(info.ipi_addr), from_kernel(info.ipi_spec_dst));
    Ok((to, local, interface))
}

/// What the kernel is told of where a packet comes from.
pub(super) fn origin(from: Ipv4Addr, interface: u32) -> io::Result<libc::in_pktinfo> {
    Ok(libc::in_pktinfo {
        ipi_ifindex: i32::try_from(interface).map_err(io::Error::other)?,
        ipi_spec_dst: to_kernel(from),
        ipi_addr: to_kernel(Ipv4Addr::UNSPECIFIED),
    })
}

pub(super) fn to_kernel(addr: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from(addr).to_be(),
    }
}

pub(super) fn from_kernel(addr: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(u32::from_be(addr.s_addr))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

    fn listener(addr: SocketAddrV4, device: Option<&str>) -> (Listener, u16) {
        let listener = Listener::new(open(addr, device, false).unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn client(addr: [u8; 4]) -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind((Ipv4Addr::from(addr), 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let std::net::SocketAddr::V4(addr) = socket.local_addr().unwrap() else {
            panic!("bound to IPv4");
        };
        (socket, addr)
    }

    #[tokio::test]
    async fn the_address_asked_and_the_interface_are_known() {
        let (listener, port) = listener(ANY, None);
        let (socket, addr) = client([127, 0, 0, 7]);
        for asked in [[127, 0, 0, 2], [127, 0, 0, 3]].map(Ipv4Addr::from) {
            socket.send_to(b"hello", (asked, port)).unwrap();
            let mut buf = [0; 64];
            let got = listener.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..got.len], b"hello");
            assert_eq!((got.from, got.to, got.local), (addr, asked, asked));
            assert!(!got.truncated);
            assert_eq!(got.interface, nix::net::if_::if_nametoindex("lo").unwrap());
        }
    }

    #[tokio::test]
    async fn an_answer_leaves_from_the_address_asked() {
        let (listener, port) = listener(ANY, Some("lo"));
        let (socket, addr) = client([127, 0, 0, 1]);
        socket.send_to(b"?", ("127.0.0.9", port)).unwrap();
        let mut buf = [0; 64];
        let got = listener.recv(&mut buf).await.unwrap();
        listener
            .send(b"answer", addr, got.local, got.interface)
            .unwrap();
        let (len, from) = socket.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..len], b"answer");
        assert_eq!(from, (Ipv4Addr::new(127, 0, 0, 9), port).into());
    }

    #[tokio::test]
    async fn a_datagram_longer_than_the_buffer_is_flagged() {
        let (listener, port) = listener(ANY, None);
        let (socket, _) = client([127, 0, 0, 1]);
        socket.send_to(&[7; 100], ("127.0.0.1", port)).unwrap();
        socket.send_to(&[7; 40], ("127.0.0.1", port)).unwrap();
        let mut buf = [0; 40];
        let (long, exact) = (
            listener.recv(&mut buf).await.unwrap(),
            listener.recv(&mut buf).await.unwrap(),
        );
        assert_eq!((long.len, long.truncated), (40, true));
        assert_eq!((exact.len, exact.truncated), (40, false));
    }

    #[test]
    fn an_address_in_use_and_a_missing_device_are_errors() {
        let first = open(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), None, false).unwrap();
        let std::net::SocketAddr::V4(addr) = first.local_addr().unwrap() else {
            panic!("bound to IPv4");
        };
        let error = open(addr, None, false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(open(ANY, Some("no-such-dev0"), false).is_err());
    }

    #[test]
    fn path_mtu_discovery_is_off_and_broadcast_as_asked() {
        let socket = open(ANY, None, true).unwrap();
        let mode = rustix::net::sockopt::ip_mtu_discover(&socket).unwrap();
        assert_eq!(mode, Ipv4PathMtuDiscovery::DONT);
        assert!(socket.broadcast().unwrap());
        assert!(!open(ANY, None, false).unwrap().broadcast().unwrap());
    }
}
