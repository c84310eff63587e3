//! Frames of one interface, past the UDP sockets of this host: what is sent leaves whoever holds
//! the port, and everything is heard, also what programs on this host send (`PACKET_OUTGOING`,
//! which the kernel shows only to sockets of `ETH_P_ALL`).
//!
//! The kernel puts the link-layer header in front, with the interface's own address as source, and
//! takes it off what is heard. A filter in the kernel lets through what DHCP servers send to
//! clients, on demand what clients send to them or without what we send, and spanning tree, so that a
//! busy interface costs nothing.
//!
//! Needs `CAP_NET_RAW`. Sending and receiving never wait; [`Listening`] waits in the runtime.

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::libc;
use nix::sys::socket::{
    LinkAddr, MsgFlags, SockaddrLike, bind, recvfrom, sendto, setsockopt, sockopt,
};
use socket2::{Domain, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::udp::register;

/// The ports that DHCP servers and clients listen on, as the filter compares them.
const SERVER_PORT: i32 = 67;
const CLIENT_PORT: i32 = 68;
const BROADCAST: [u8; 6] = [0xff; 6];
/// Bytes of packets that the kernel may hold for an ear that a burst must not make deaf.
const BURST: usize = 1 << 20;

/// So many own addresses fit into a filter; what comes from further ones is heard.
const OWN: usize = 64;
/// Where the kernel finds the source of an IPv4 packet, and behind the length of its header the
/// address that a DHCP message gives its client.
const SOURCE: u32 = 12;
const YIADDR: u32 = 8 + 16;

/// What is let through, beside spanning tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears<'a> {
    /// What DHCP servers send to clients.
    Answers,
    /// Also what clients ask.
    Everything,
    /// What servers send to clients, but for what these addresses send them without an address for
    /// the client: OFFERs of our own as a proxy. Leases that another program of this host gives are
    /// heard.
    Others(&'a [Ipv4Addr]),
}

/// A packet socket on one interface.
#[derive(Debug)]
pub struct Ear {
    socket: Socket,
    index: u32,
}

/// A packet that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Bytes written to the caller's buffer.
    pub len: usize,
    /// The link-layer address it came from, where it has six bytes.
    pub source: Option<[u8; 6]>,
    /// What it is.
    pub kind: Kind,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4, from its header on
    Ipv4,
    /// IEEE 802.2, from its LLC header on: spanning tree
    Llc,
    /// Anything else
    Other,
}

impl Ear {
    /// Listens on the interface of this index.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_NET_RAW`; no such interface.
    pub fn open(index: u32, hears: Hears<'_>) -> io::Result<Self> {
        // Protocol 0: nothing is heard before it is bound to its interface and filtered.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&filter(hears))?;
        bind(
            socket.as_raw_fd(),
            &address(index, libc::ETH_P_ALL as u16, BROADCAST)?,
        )?;
        Ok(Self { socket, index })
    }

    /// Has the kernel hold more packets, for one that is not always at it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn hold_more(&self) -> io::Result<()> {
        setsockopt(&self.socket, sockopt::RcvBufForce, &BURST)
            .map_err(io::Error::from)
            .or_else(|_| self.socket.set_recv_buffer_size(BURST))
    }

    /// Also hears frames to the group that bridges send spanning tree to.
    pub fn hear_spanning_tree(&self) -> io::Result<()> {
        let bridges = [0x01, 0x80, 0xc2, 0, 0, 0];
        join(&self.socket, self.index, libc::PACKET_MR_MULTICAST, bridges)
    }

    /// Sends an IPv4 packet to everyone on the wire.
    pub fn broadcast(&self, packet: &[u8]) -> io::Result<()> {
        self.send(packet, BROADCAST)
    }

    /// Sends an IPv4 packet to one on the wire.
    pub fn send(&self, packet: &[u8], to: [u8; 6]) -> io::Result<()> {
        let to = address(self.index, libc::ETH_P_IP as u16, to)?;
        sendto(self.socket.as_raw_fd(), packet, &to, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }

    /// The next packet that waits; what does not fit into `buf` is cut off.
    ///
    /// # Errors
    /// `WouldBlock` when none does; `NetworkDown`, once, when the interface went down.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<Heard> {
        let (len, from) = recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buf)?;
        let protocol = from.map(|f| i32::from(u16::from_be(f.protocol())));
        Ok(Heard {
            len,
            source: from.filter(|f| f.halen() == 6).and_then(|f| f.addr()),
            kind: match protocol {
                Some(libc::ETH_P_IP) => Kind::Ipv4,
                Some(libc::ETH_P_802_2) => Kind::Llc,
                _ => Kind::Other,
            },
        })
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Ear {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl From<Ear> for OwnedFd {
    fn from(ear: Ear) -> Self {
        ear.socket.into()
    }
}

/// An ear in the runtime.
#[derive(Debug)]
pub struct Listening(AsyncFd<Ear>);

impl Listening {
    /// Takes it into the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(ear: Ear) -> io::Result<Self> {
        register(ear, Interest::READABLE).map(Self)
    }

    /// Waits for the next packet, as [`Ear::recv`]. Cancel-safe.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<Heard> {
        let read = |ear: &Ear| ear.recv(buf);
        self.0.async_io(Interest::READABLE, read).await
    }
}

/// An address of the link layer: interface, protocol, and whom to.
#[allow(unsafe_code)]
pub(super) fn address(index: u32, protocol: u16, to: [u8; 6]) -> io::Result<LinkAddr> {
    let mut sll_addr = [0; 8];
    sll_addr.iter_mut().zip(to).for_each(|(a, b)| *a = b);
    let raw = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
        sll_ifindex: i32::try_from(index).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr,
    };
    // SAFETY: the pointer is to a live sockaddr_ll with its family set, and the length is its own;
    // the bytes are copied before `raw` goes.
    let copied = unsafe {
        LinkAddr::from_raw(
            (&raw const raw).cast(),
            Some(size_of::<libc::sockaddr_ll>() as libc::socklen_t),
        )
    };
    copied.ok_or_else(|| io::Error::other("no link-layer address"))
}

/// Also hears what is sent to another address of the link layer, a group or a host
/// (`PACKET_MR_MULTICAST`, `PACKET_MR_UNICAST`), until the socket is closed.
#[allow(unsafe_code)]
pub(super) fn join(socket: &Socket, index: u32, kind: i32, whom: [u8; 6]) -> io::Result<()> {
    let mut mr_address = [0; 8];
    mr_address.iter_mut().zip(whom).for_each(|(a, b)| *a = b);
    let membership = libc::packet_mreq {
        mr_ifindex: i32::try_from(index).map_err(io::Error::other)?,
        mr_type: kind.cast_unsigned() as u16,
        mr_alen: 6,
        mr_address,
    };
    // SAFETY: the descriptor is open, the pointer is to a live packet_mreq and the length its own;
    // the kernel copies it and keeps no pointer.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            size_of::<libc::packet_mreq>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The filter, in the kernel's own small language: UDP to port 68, perhaps 67, over IPv4 (no
/// later fragments), and LLC frames; nothing else.
fn filter(hears: Hears<'_>) -> Vec<SockFilter> {
    let own = match hears {
        Hears::Others(own) => own.get(..OWN).unwrap_or(own),
        Hears::Answers | Hears::Everything => &[],
    };
    let second = match hears {
        Hears::Everything => SERVER_PORT,
        Hears::Answers | Hears::Others(_) => CLIENT_PORT,
    };
    let own_too = if own.is_empty() {
        0
    } else {
        own.len() as u8 + 3
    };
    let (accept, refuse) = (own_too, own_too + 1);
    let protocol = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL).cast_unsigned();
    let mut steps = vec![
        load(libc::BPF_H, libc::BPF_ABS, protocol),
        equal(libc::ETH_P_802_2, 9 + accept, 0),
        equal(libc::ETH_P_IP, 0, 8 + refuse),
        load(libc::BPF_B, libc::BPF_ABS, 9),
        equal(libc::IPPROTO_UDP, 0, 6 + refuse),
        load(libc::BPF_H, libc::BPF_ABS, 6),
        op(
            libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K,
            0x1fff,
            4 + refuse,
            0,
        ),
        op(libc::BPF_LDX | libc::BPF_MSH | libc::BPF_B, 0, 0, 0),
        load(libc::BPF_H, libc::BPF_IND, 2),
        equal(CLIENT_PORT, 1, 0),
        equal(second, 0, refuse),
    ];
    if !own.is_empty() {
        steps.extend(not_from(own));
    }
    steps.extend([0xffff, 0].map(|most| op(libc::BPF_RET | libc::BPF_K, most, 0, 0)));
    steps
}

/// Past the two steps behind these, or to the second of them: what has no address for its client and
/// comes from one of these.
fn not_from(own: &[Ipv4Addr]) -> impl Iterator<Item = SockFilter> {
    let left = own.len() as u8;
    let which = own.iter().zip((1..=left).rev());
    let is_own = which.map(|(own, left)| equal(own.to_bits().cast_signed(), left, 0));
    let nobodys = [
        load(libc::BPF_W, libc::BPF_IND, YIADDR),
        equal(0, 0, left + 1),
        load(libc::BPF_W, libc::BPF_ABS, SOURCE),
    ];
    nobodys.into_iter().chain(is_own)
}

const fn op(code: u32, k: u32, jt: u8, jf: u8) -> SockFilter {
    SockFilter::new(code as u16, jt, jf, k)
}

const fn load(size: u32, mode: u32, k: u32) -> SockFilter {
    op(libc::BPF_LD | size | mode, k, 0, 0)
}

/// Jumps over so many steps where it is this, and over so many where not.
const fn equal(k: i32, jt: u8, jf: u8) -> SockFilter {
    let code = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    op(code, k.cast_unsigned(), jt, jf)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use nix::net::if_::if_nametoindex;

    use super::*;

    const OWN: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 7, 7, 1), Ipv4Addr::new(127, 7, 7, 3)];
    const OTHER: Ipv4Addr = Ipv4Addr::new(127, 7, 7, 2);

    /// A reply on loopback, of an address that ends so (0: none), from this one.
    fn reply(from: Ipv4Addr, yiaddr: u8) {
        let mut bytes = [0; 300];
        (bytes[0], bytes[19]) = (2, yiaddr);
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.send_to(&bytes, (Ipv4Addr::LOCALHOST, 68)).unwrap();
    }

    /// The last bytes of source and yiaddr of what is heard up to what comes from another one.
    fn heard(ear: &Ear) -> Vec<(u8, u8)> {
        let (mut all, mut buffer) = (Vec::new(), [0; 2048]);
        while all.last() != Some(&(2, 0)) {
            match ear.recv(&mut buffer) {
                Ok(_) if buffer[12..15] == [127, 7, 7] => all.push((buffer[15], buffer[47])),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(e) => panic!("{e}"),
            }
        }
        all.dedup(); // loopback hears what leaves, and what arrives
        all
    }

    #[test]
    fn the_kernel_leaves_out_own_offers_and_nothing_else() {
        let lo = if_nametoindex("lo").unwrap();
        for (hears, expected) in [
            (
                Hears::Answers,
                &[(1, 0), (1, 9), (3, 0), (3, 9), (2, 9), (2, 0)][..],
            ),
            (
                Hears::Everything,
                &[(1, 0), (1, 9), (3, 0), (3, 9), (2, 9), (2, 0)],
            ),
            (
                Hears::Others(&[]),
                &[(1, 0), (1, 9), (3, 0), (3, 9), (2, 9), (2, 0)],
            ),
            (
                Hears::Others(&OWN[..1]),
                &[(1, 9), (3, 0), (3, 9), (2, 9), (2, 0)],
            ),
            (Hears::Others(&OWN), &[(1, 9), (3, 9), (2, 9), (2, 0)]),
            (
                Hears::Others(&[OWN[1]; 99]),
                &[(1, 0), (1, 9), (3, 9), (2, 9), (2, 0)],
            ),
        ] {
            let ear = match Ear::open(lo, hears) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                    return eprintln!("left out: raw sockets are root's");
                }
                ear => ear.unwrap(),
            };
            for from in [OWN[0], OWN[1]] {
                reply(from, 0);
                reply(from, 9);
            }
            reply(OTHER, 9);
            reply(OTHER, 0);
            assert_eq!(heard(&ear), expected, "{hears:?}");
        }
    }
}
