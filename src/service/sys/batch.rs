//! Datagrams by the batch: as many as are there by one call, and as many answers (recvmmsg(2),
//! sendmmsg(2)). Of a batch of one it is what recvmsg(2) and sendmsg(2) would be.
//!
//! Invariants: a batch is received in the order of its arrival and sent in the order given; a datagram
//! that cannot be sent keeps no other back. Memory is an [`Inbox`]'s: [`MOST`] buffers, made once.
//!
//! Absent on purpose: waiting ([`super::udp`]), and what the packets mean.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::{from_mut, null_mut};

use nix::errno::Errno;
use nix::libc::{self, in_pktinfo, iovec, mmsghdr, sockaddr_in};

use super::udp::{Received, from_kernel, origin, to_kernel};

/// So many datagrams at a time. Some twenty microseconds' worth of deciding: what came first waits no
/// longer for what came last.
pub const MOST: usize = 32;

/// Bytes for one control message with packet information.
#[allow(unsafe_code)]
// SAFETY: a calculation with a length; it reads nothing.
const ROOM: usize = unsafe { libc::CMSG_SPACE(size_of::<in_pktinfo>() as u32) } as usize;
const NAME: libc::socklen_t = size_of::<sockaddr_in>() as libc::socklen_t;

/// Room for packet information, where the kernel wants it to begin.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; ROOM]);

/// What was received last, `SIZE` bytes of each datagram at most.
#[derive(Debug)]
pub struct Inbox<const SIZE: usize> {
    buffers: Vec<[u8; SIZE]>,
    received: Vec<Received>,
}

/// A datagram to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Whom it is for.
    pub to: SocketAddrV4,
    /// The address of ours that it comes from.
    pub from: Ipv4Addr,
    /// The index of the interface it leaves by; 0: as routed.
    pub interface: u32,
}

impl<const SIZE: usize> Default for Inbox<SIZE> {
    fn default() -> Self {
        Self {
            buffers: vec![[0; SIZE]; MOST],
            received: Vec::with_capacity(MOST),
        }
    }
}

impl<const SIZE: usize> Inbox<SIZE> {
    /// The datagrams, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&Received, &[u8])> {
        let all = self.received.iter().zip(&self.buffers);
        all.map(|(received, buffer)| (received, buffer.get(..received.len).unwrap_or_default()))
    }

    /// Whether there may be more where this came from: a batch that is not full has emptied the queue.
    pub const fn is_full(&self) -> bool {
        self.received.len() == MOST
    }
}

/// Receives what is there, and does not wait for any.
///
/// # Errors
/// `WouldBlock` when there is nothing.
#[allow(unsafe_code)]
pub(super) fn receive<const SIZE: usize>(
    socket: &impl AsFd,
    inbox: &mut Inbox<SIZE>,
) -> io::Result<()> {
    inbox.received.clear();
    let mut names = [nobody(); MOST];
    let mut controls = [Control([0; ROOM]); MOST];
    let mut parts = inbox.buffers.iter_mut().map(|buffer| part(buffer));
    let mut parts: [iovec; MOST] = std::array::from_fn(|_| parts.next().unwrap_or_else(nothing));
    let mut headers = headers();
    for (((header, part), name), control) in headers
        .iter_mut()
        .zip(&mut parts)
        .zip(&mut names)
        .zip(&mut controls)
    {
        point(header, name, part, control);
    }
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: MOST headers, each of which points to a name, a part and a control buffer of this frame;
    // each part to a buffer of its own in the inbox, or to nothing; their lengths are given beside
    // them. All of them outlive the call, and the kernel keeps no pointer.
    let count = unsafe {
        libc::recvmmsg(
            fd,
            headers.as_mut_ptr(),
            MOST as libc::c_uint,
            libc::MSG_DONTWAIT,
            null_mut(),
        )
    };
    let count = counted(count)?;
    for (header, name) in headers.iter().zip(&names).take(count) {
        inbox.received.push(received(header, name, SIZE)?);
    }
    Ok(())
}

/// Sends datagrams, in their order; says of each that could not be sent why. Does not wait.
pub(super) fn send(
    socket: &impl AsFd,
    all: &[Outgoing<'_>],
    mut failed: impl FnMut(usize, io::Error),
) {
    let mut sent = 0;
    while let Some(rest) = all.get(sent..).filter(|rest| !rest.is_empty()) {
        match send_some(socket, rest) {
            Ok(count) => sent += count,
            Err(error) => {
                // Of the first: one that stands further behind ends the call before it.
                failed(sent, error);
                sent += 1;
            }
        }
    }
}

/// How many of the first were sent; one at least.
#[allow(unsafe_code)]
fn send_some(socket: &impl AsFd, all: &[Outgoing<'_>]) -> io::Result<usize> {
    let mut names = [nobody(); MOST];
    let mut controls = [Control([0; ROOM]); MOST];
    let mut parts: [iovec; MOST] = std::array::from_fn(|_| nothing());
    let mut headers = headers();
    let mut ready = 0;
    for ((((one, header), part), name), control) in all
        .iter()
        .zip(&mut headers)
        .zip(&mut parts)
        .zip(&mut names)
        .zip(&mut controls)
    {
        *name = address(one.to);
        *part = iovec {
            // Sending does not write to it.
            iov_base: one.bytes.as_ptr().cast_mut().cast(),
            iov_len: one.bytes.len(),
        };
        point(header, name, part, control);
        comes_from(header, &origin(one.from, one.interface)?);
        ready += 1;
    }
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the first `ready` headers, no more than MOST, each of which points to a name, a part and a
    // control buffer of this frame, and each part to bytes that are lent to us; their lengths are given
    // beside them. The kernel only reads, and keeps no pointer.
    let count = unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), ready, libc::MSG_DONTWAIT) };
    counted(count)
}

/// What the kernel has said: a number of datagrams, or that there is an error.
fn counted(said: libc::c_int) -> io::Result<usize> {
    usize::try_from(Errno::result(said)?).map_err(io::Error::other)
}

#[allow(unsafe_code)]
fn headers() -> [mmsghdr; MOST] {
    // SAFETY: numbers and pointers, for which zeros are values: none, and nowhere.
    unsafe { zeroed() }
}

const fn nobody() -> sockaddr_in {
    sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: 0 },
        sin_zero: [0; 8],
    }
}

fn address(of: SocketAddrV4) -> sockaddr_in {
    sockaddr_in {
        sin_port: of.port().to_be(),
        sin_addr: to_kernel(*of.ip()),
        ..nobody()
    }
}

const fn nothing() -> iovec {
    iovec {
        iov_base: null_mut(),
        iov_len: 0,
    }
}

fn part(buffer: &mut [u8]) -> iovec {
    iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    }
}

fn point(header: &mut mmsghdr, name: &mut sockaddr_in, part: &mut iovec, control: &mut Control) {
    let header = &mut header.msg_hdr;
    header.msg_name = from_mut(name).cast();
    header.msg_namelen = NAME;
    header.msg_iov = from_mut(part);
    header.msg_iovlen = 1;
    header.msg_control = from_mut(control).cast();
    header.msg_controllen = ROOM as _;
}

/// Writes the packet information of one to be sent; its control buffer holds nothing else.
#[allow(unsafe_code)]
fn comes_from(header: &mut mmsghdr, origin: &in_pktinfo) {
    let length = size_of::<in_pktinfo>() as u32;
    // SAFETY: `point` has given the header a control buffer that is aligned for a control message, with
    // room for one that carries packet information, so that the first is there, whole, and so are its
    // data, which need not be aligned.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const header.msg_hdr);
        (*first).cmsg_level = libc::IPPROTO_IP;
        (*first).cmsg_type = libc::IP_PKTINFO;
        (*first).cmsg_len = libc::CMSG_LEN(length) as _;
        libc::CMSG_DATA(first)
            .cast::<in_pktinfo>()
            .write_unaligned(*origin);
    }
}

fn received(header: &mmsghdr, name: &sockaddr_in, size: usize) -> io::Result<Received> {
    let info = packet_info(header);
    let info = info.ok_or_else(|| io::Error::other("packet information is off on this socket"))?;
    Ok(Received {
        len: (header.msg_len as usize).min(size),
        truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        from: SocketAddrV4::new(from_kernel(name.sin_addr), u16::from_be(name.sin_port)),
        to: from_kernel(info.ipi_addr),
        local: from_kernel(info.ipi_spec_dst),
        interface: u32::try_from(info.ipi_ifindex).map_err(io::Error::other)?,
    })
}

/// The first control message, where it is that: these sockets ask for no other.
#[allow(unsafe_code)]
fn packet_info(header: &mmsghdr) -> Option<in_pktinfo> {
    // SAFETY: the control buffer of the header is still that of `receive`, of which the kernel has filled
    // `msg_controllen` bytes: with control messages that are whole, or with none, where the first is null.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const header.msg_hdr).as_ref()?;
        let is = first.cmsg_level == libc::IPPROTO_IP && first.cmsg_type == libc::IP_PKTINFO;
        is.then(|| libc::CMSG_DATA(first).cast::<in_pktinfo>().read_unaligned())
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::service::sys::udp::{Listener, open};

    const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

    fn listener() -> (Listener, u16) {
        let listener = Listener::new(open(ANY, None, false).unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn client() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind((HOME, 0)).unwrap();
        let long = std::time::Duration::from_secs(30);
        socket.set_read_timeout(Some(long)).unwrap();
        let port = socket.local_addr().unwrap().port();
        (socket, SocketAddrV4::new(HOME, port))
    }

    #[tokio::test]
    async fn what_is_there_comes_in_its_order_with_where_it_came_from() {
        let (listener, port) = listener();
        let (socket, addr) = client();
        let all = MOST as u8 + 3;
        for n in 0..all {
            let to = (Ipv4Addr::new(127, 0, 0, 1 + n % 2), port);
            socket.send_to(&[n; 9][..=usize::from(n % 9)], to).unwrap();
        }
        let mut inbox = Inbox::<8>::default();
        let mut sizes = Vec::new();
        let mut heard = 0;
        while heard < all {
            listener.recv_all(&mut inbox).await.unwrap();
            sizes.push(inbox.iter().count());
            for (received, bytes) in inbox.iter() {
                let long = usize::from(heard % 9) == 8;
                assert_eq!((received.from, received.truncated), (addr, long));
                assert_eq!(bytes, &[heard; 8][..8.min(1 + usize::from(heard % 9))]);
                let asked = Ipv4Addr::new(127, 0, 0, 1 + heard % 2);
                assert_eq!((received.to, received.local), (asked, asked));
                assert_eq!(
                    received.interface,
                    nix::net::if_::if_nametoindex("lo").unwrap()
                );
                heard += 1;
            }
        }
        assert!(sizes.iter().all(|size| *size <= MOST), "{sizes:?}");
        assert!(sizes.len() < usize::from(all), "{sizes:?}");
    }

    #[tokio::test]
    async fn a_lone_datagram_waits_for_no_other() {
        let (listener, port) = listener();
        let (socket, _) = client();
        let mut inbox = Inbox::<64>::default();
        for n in 0..3 {
            socket.send_to(&[n], (HOME, port)).unwrap();
            listener.recv_all(&mut inbox).await.unwrap();
            let all: Vec<_> = inbox.iter().map(|(_, bytes)| bytes).collect();
            assert_eq!(all, [[n]]);
            assert!(!inbox.is_full());
        }
    }

    #[tokio::test]
    async fn one_that_cannot_be_sent_keeps_no_other_back() {
        let (listener, port) = listener();
        let (socket, to) = client();
        let bytes: Vec<[u8; 1]> = (0..=2 * MOST as u8).map(|n| [n]).collect();
        let bytes: &'static [[u8; 1]] = bytes.leak();
        let (first, middle, last) = (0, MOST + 3, 2 * MOST);
        let nobody = SocketAddrV4::new(HOME, 0);
        let outgoing = |(n, bytes): (usize, &'static [u8])| Outgoing {
            bytes,
            to: if [first, middle, last].contains(&n) {
                nobody
            } else {
                to
            },
            from: Ipv4Addr::new(127, 0, 0, 9),
            interface: 0,
        };
        let all: Vec<_> = bytes
            .iter()
            .map(|b| &b[..])
            .enumerate()
            .map(outgoing)
            .collect();
        let mut refused = Vec::new();
        listener.send_all(&all, |at, _| refused.push(at));
        assert_eq!(refused, [first, middle, last]);
        for n in (0..=2 * MOST).filter(|n| !refused.contains(n)) {
            let mut got = [0; 2];
            let (len, from) = socket.recv_from(&mut got).unwrap();
            assert_eq!(
                (&got[..len], from),
                (&bytes[n][..], (Ipv4Addr::new(127, 0, 0, 9), port).into())
            );
        }
        listener.send_all(&[], |_, _| unreachable!("nothing was to be sent"));
    }
}
