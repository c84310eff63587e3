//! Servers on this very host: they hear no frame that its own card sends out. Where somebody here has
//! UDP 67, what is for everybody is also sent by a broadcast of an ordinary socket (which the others
//! hear a second time). What is for an address of this host is sent by a socket with that address,
//! to which the answers come back; at port 4011 it then stands for the machine's (`ciaddr`).

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{incoming, own_addresses};
use crate::firmware::machine::Datagram;
use crate::firmware::reply::Incoming;

/// Where DHCP servers listen.
const SERVERS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
/// Sockets that are open at once, and answers that wait, at most.
const MOST: usize = 32;
/// The largest datagram.
const LARGEST: usize = 65_536;
/// Where `ciaddr` stands in a DHCP message.
const CIADDR: std::ops::Range<usize> = 12..16;

/// Opened while the process may: a socket that broadcasts on the interface.
#[derive(Debug)]
pub(super) struct Opened {
    broadcasts: Option<Socket>,
}

impl Opened {
    /// Without it only a server of this host is not reached.
    pub(super) fn open(interface: &str, served: bool) -> Self {
        let open = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_broadcast(true)?;
            socket.set_nonblocking(true)?;
            socket.bind_device(Some(interface.as_bytes()))?;
            Ok(socket)
        };
        Self {
            broadcasts: served.then(|| open().ok()).flatten(),
        }
    }
}

/// The ways to the servers of this host.
#[derive(Debug)]
pub(super) struct Near {
    broadcasts: Option<Socket>,
    addresses: Vec<Ipv4Addr>,
    /// By the machine's port.
    sockets: Vec<(u16, std::net::UdpSocket)>,
    told: bool,
    sender: Sender<Heard>,
    heard: Receiver<Heard>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Heard {
    from: SocketAddrV4,
    port: u16,
    bytes: Vec<u8>,
}

impl Heard {
    pub(super) fn incoming(&self) -> Incoming<'_> {
        incoming(self.from, self.port, &self.bytes, self.bytes.len())
    }
}

impl Near {
    pub(super) fn new(opened: Opened) -> Self {
        let (sender, heard) = channel(MOST);
        Self {
            broadcasts: opened.broadcasts,
            addresses: own_addresses(),
            sockets: Vec::new(),
            told: false,
            sender,
            heard,
        }
    }

    /// Whether this is an address of this host that others could reach.
    pub(super) fn has(&self, address: Ipv4Addr) -> bool {
        !address.is_loopback() && self.addresses.contains(&address)
    }

    /// To everybody on this host. The frame reaches everybody else.
    pub(super) fn broadcast(&self, bytes: &[u8]) {
        if let Some(socket) = &self.broadcasts {
            let _ = socket.send_to(bytes, &SERVERS.into());
        }
    }

    /// To a server of this host; whether it is the first time.
    pub(super) fn send(&mut self, datagram: &Datagram) -> bool {
        let port = datagram.from.port();
        let bytes = as_from(*datagram.to.ip(), datagram);
        // What is lost is sent again.
        let _ = self
            .socket(port)
            .and_then(|socket| socket.send_to(&bytes, datagram.to));
        !std::mem::replace(&mut self.told, true)
    }

    fn socket(&mut self, port: u16) -> io::Result<&std::net::UdpSocket> {
        let known = self.sockets.iter().position(|(p, _)| *p == port);
        if known.is_none() {
            let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.set_nonblocking(true)?;
            let reads = UdpSocket::from_std(socket.try_clone()?)?;
            tokio::spawn(read(reads, port, self.sender.clone()));
            self.sockets.truncate(MOST);
            self.sockets.insert(0, (port, socket));
        }
        let at = known.unwrap_or(0);
        let found = self.sockets.get(at).map(|(_, socket)| socket);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Waits for the next answer. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

/// Reads a socket until nobody wants it any more.
async fn read(socket: UdpSocket, port: u16, sender: Sender<Heard>) {
    let mut buf = vec![0; LARGEST];
    while let Ok((length, from)) = socket.recv_from(&mut buf).await {
        let SocketAddr::V4(from) = from else { continue };
        let bytes = buf.get(..length).unwrap_or_default().to_vec();
        if sender.send(Heard { from, port, bytes }).await.is_err() {
            return;
        }
    }
}

/// A request to a boot service says whom to answer: here this host. What gives a lease back names
/// the lease.
fn as_from(own: Ipv4Addr, datagram: &Datagram) -> Vec<u8> {
    const BOOT_SERVICE: u16 = 4011;
    let mut bytes = datagram.bytes.clone();
    if datagram.to.port() == BOOT_SERVICE
        && let Some(field) = bytes.get_mut(CIADDR)
    {
        field.copy_from_slice(&own.octets());
    }
    bytes
}
