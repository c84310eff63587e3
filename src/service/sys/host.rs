//! A host of our own making on one interface: frames that are sent with its hardware address, and
//! those that come to it or to everybody, ARP and UDP over IPv4 alone. The kernel's filter lets
//! nothing else through, so that a busy interface costs nothing.
//!
//! The card is told to take frames for that address until the socket is closed; frames that this
//! very host sends out are heard, too. Frames of other VLANs are not.
//!
//! Opening needs `CAP_NET_RAW`. Sending never waits.

use std::io;
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{MsgFlags, bind, recv, sendto};
use socket2::{Domain, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::packet::{address, join};
use super::udp::register;
use crate::wire::ether;

/// A host that is not in the runtime yet.
#[derive(Debug)]
pub struct Opened {
    socket: Socket,
    index: u32,
}

/// A host.
#[derive(Debug)]
pub struct Host {
    socket: AsyncFd<Socket>,
    index: u32,
}

/// Makes a host with this hardware address on the interface of this index.
///
/// # Errors
/// `PermissionDenied` without `CAP_NET_RAW`; no such interface.
pub fn open(index: u32, mac: [u8; 6]) -> io::Result<Opened> {
    // Protocol 0: nothing is heard before it is bound to its interface and filtered.
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    socket.set_nonblocking(true)?;
    socket.attach_filter(&filter(mac))?;
    bind(
        socket.as_raw_fd(),
        &address(index, libc::ETH_P_ALL as u16, ether::BROADCAST)?,
    )?;
    join(&socket, index, libc::PACKET_MR_UNICAST, mac)?;
    Ok(Opened { socket, index })
}

impl Host {
    /// Takes it into the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(opened: Opened) -> io::Result<Self> {
        Ok(Self {
            socket: register(opened.socket, Interest::READABLE)?,
            index: opened.index,
        })
    }

    /// Sends a whole frame.
    ///
    /// # Errors
    /// The interface is down; its queue is full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        let to = address(self.index, libc::ETH_P_ALL as u16, ether::BROADCAST)?;
        let socket = self.socket.get_ref().as_raw_fd();
        sendto(socket, frame, &to, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }

    /// Waits for the next frame; its length. What does not fit is cut off. Cancel-safe.
    ///
    /// # Errors
    /// The interface went down.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let read =
            |socket: &Socket| Ok(recv(socket.as_raw_fd(), &mut *buf, MsgFlags::MSG_DONTWAIT)?);
        self.socket.async_io(Interest::READABLE, read).await
    }
}

/// The filter, in the kernel's own small language: no VLAN; to this address or to everybody; ARP, or
/// UDP over IPv4.
fn filter(mac: [u8; 6]) -> [SockFilter; 16] {
    let [a, b, c, d, e, f] = mac;
    let (high, low) = (
        u32::from_be_bytes([a, b, c, d]),
        u32::from(u16::from_be_bytes([e, f])),
    );
    let op = |code: u32, k: u32, jt: u8, jf: u8| SockFilter::new(code as u16, jt, jf, k);
    let load = |size: u32, k: u32| op(libc::BPF_LD | size | libc::BPF_ABS, k, 0, 0);
    let equal = |k: u32, jt, jf| op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, jt, jf);
    let tagged = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG_PRESENT).cast_unsigned();
    let verdict = |k: u32| op(libc::BPF_RET | libc::BPF_K, k, 0, 0);
    [
        load(libc::BPF_W, tagged),
        equal(0, 0, 13), // else refuse
        load(libc::BPF_W, 0),
        equal(high, 0, 2), // else perhaps everybody
        load(libc::BPF_H, 4),
        equal(low, 3, 9), // what is it, or refuse
        equal(u32::MAX, 0, 8),
        load(libc::BPF_H, 4),
        equal(0xffff, 0, 6),
        load(libc::BPF_H, 12),
        equal(u32::from(ether::ARP), 3, 0),  // accept
        equal(u32::from(ether::IPV4), 0, 3), // else refuse
        load(libc::BPF_B, 23),
        equal(libc::IPPROTO_UDP.cast_unsigned(), 0, 1), // else refuse
        verdict(0x4_0000),
        verdict(0),
    ]
}
