//! A way out that hears nothing: whole datagrams, with the headers made here, by a raw socket
//! (raw(7), `IPPROTO_RAW`).
//!
//! For replies that may have to wait in the kernel until ARP has found whom they are for: they wait
//! in this socket's small buffer, and keep no other reply in. A second UDP socket of the port could
//! do it too, but two of them share a port only where anybody may share it, and packets that are
//! meant for the first have to be kept from the second.
//!
//! Needs `CAP_NET_RAW` to open. Sending never waits.

use std::io;
use std::io::IoSlice;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::udp::origin;
use crate::wire::frame::Datagram;

/// Bytes of packets that may wait; the kernel doubles it. Some sixty small replies: the next is
/// refused. It also bounds the neighbours that a stranger makes the kernel look for, of which its
/// table holds 1024 (`gc_thresh3`).
const WAITING: usize = 32 << 10;

/// A raw socket on one interface, or on all, for sending alone.
#[derive(Debug)]
pub struct Outlet(Socket);

impl Outlet {
    /// Opens one on an interface; `None`: by whichever the routes name.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_NET_RAW`; no such interface.
    pub fn open(device: Option<&str>) -> io::Result<Self> {
        let raw = Some(Protocol::from(libc::IPPROTO_RAW));
        let socket = Socket::new(Domain::IPV4, Type::RAW, raw)?;
        // Packets of IP protocol 255 would be queued for it; nobody reads them.
        socket.attach_filter(&[SockFilter::new(
            (libc::BPF_RET | libc::BPF_K) as u16,
            0,
            0,
            0,
        )])?;
        socket.set_nonblocking(true)?;
        socket.set_send_buffer_size(WAITING)?;
        socket.bind_device(device.map(str::as_bytes))?;
        Ok(Self(socket))
    }

    /// Sends one datagram. False: it is longer than a packet of this interface may be, and a raw
    /// socket makes no fragments.
    ///
    /// # Errors
    /// `WouldBlock` when too many wait already; without an interface, `NetworkUnreachable` where no route leads
    /// there.
    pub fn send(&self, bytes: &[u8], from: SocketAddrV4, to: SocketAddrV4) -> io::Result<bool> {
        let packet = Datagram::new(from, to, bytes).encode();
        let packet = packet.map_err(io::Error::other)?;
        let sent = sendmsg(
            self.0.as_raw_fd(),
            &[IoSlice::new(&packet)],
            &[ControlMessage::Ipv4PacketInfo(&origin(*from.ip(), 0)?)],
            MsgFlags::MSG_DONTWAIT,
            Some(&SockaddrIn::from(to)),
        );
        match sent {
            Err(Errno::EMSGSIZE) => Ok(false),
            other => Ok(other.map(|_| true)?),
        }
    }
}
