//! ARP on one interface: a packet socket that hears no other protocol.
//!
//! Opened while the process may ([`open`] takes `CAP_NET_RAW`), used asynchronously afterwards
//! ([`Link`]). The kernel makes and takes off the Ethernet header.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::udp::register;
use crate::wire::arp::{Arp, LEN};

/// ARP's number on Ethernet.
const ETH_P_ARP: u16 = 0x0806;
const BROADCAST: [u8; 6] = [0xff; 6];

/// A socket that is open and not yet in the runtime.
#[derive(Debug)]
pub struct Opened {
    socket: Socket,
    index: u32,
    own: [u8; 6],
}

/// Opens a socket for ARP on an interface.
///
/// # Errors
/// There is no such interface, it is no Ethernet, or the process may not.
pub fn open(interface: &str) -> io::Result<Opened> {
    let index = if_nametoindex(interface)?;
    let own = hardware_address(interface)?;
    // Bound before it hears anything: protocol 0 is none.
    let socket = Socket::new(Domain::from(libc::AF_PACKET), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&link_address(index, BROADCAST)?)?;
    Ok(Opened { socket, index, own })
}

fn hardware_address(interface: &str) -> io::Result<[u8; 6]> {
    let mut all = getifaddrs()?.filter(|entry| entry.interface_name == interface);
    let address = all.find_map(|entry| {
        let link = *entry.address?.as_link_addr()?;
        (link.hatype() == libc::ARPHRD_ETHER).then(|| link.addr())?
    });
    address.ok_or_else(|| io::Error::other("it is no Ethernet"))
}

/// An opened socket in the runtime.
#[derive(Debug)]
pub struct Link {
    socket: AsyncFd<Socket>,
    /// The interface's index.
    pub index: u32,
    /// Its hardware address.
    pub own: [u8; 6],
}

impl Link {
    /// Takes the socket into the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(opened: Opened) -> io::Result<Self> {
        Ok(Self {
            socket: register(opened.socket, Interest::READABLE)?,
            index: opened.index,
            own: opened.own,
        })
    }

    /// Asks everybody whether he uses an address.
    ///
    /// # Errors
    /// The interface is down; its queue is full.
    pub fn probe(&self, address: Ipv4Addr) -> io::Result<()> {
        let everybody = link_address(self.index, BROADCAST)?;
        let packet = Arp::probe(self.own, address);
        self.socket.get_ref().send_to(&packet, &everybody)?;
        Ok(())
    }

    /// Waits for the next packet; `None`: it is no ARP of IPv4 on Ethernet. Cancel-safe.
    pub async fn recv(&self) -> io::Result<Option<Arp>> {
        let mut bytes = [0; LEN];
        let read = |socket: &Socket| {
            let got = recv(socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT)?;
            Ok(bytes.get(..got).and_then(Arp::decode))
        };
        self.socket.async_io(Interest::READABLE, read).await
    }
}

/// `sockaddr_ll` for ARP on an interface (packet(7)).
#[allow(unsafe_code)]
fn link_address(index: u32, hardware: [u8; 6]) -> io::Result<SockAddr> {
    let [a, b, c, d, e, f] = hardware;
    let link = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ETH_P_ARP.to_be(),
        sll_ifindex: i32::try_from(index).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [a, b, c, d, e, f, 0, 0],
    };
    // SAFETY: the storage is at least as large and as aligned as any socket address, `sockaddr_ll`
    // is one, and the length told is that of what was written.
    let made = unsafe {
        SockAddr::try_init(|storage, len| {
            storage.cast::<libc::sockaddr_ll>().write(link);
            *len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })
    };
    made.map(|((), address)| address)
}
