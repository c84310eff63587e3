//! ICMP echo: a raw socket that hears replies alone.
//!
//! Opened while the process may ([`open`] takes `CAP_NET_RAW`), used asynchronously afterwards
//! ([`Echo`]).

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::udp::register;
use crate::wire::echo::{Reply, Token, request};

/// The longest IP header, and an answer.
const BUFFER: usize = 60 + 16;
/// `ICMP_FILTER` of raw(7): bits of the types that are not wanted. All but 0, echo reply.
const ICMP_FILTER: libc::c_int = 1;
const ALL_BUT_REPLIES: u32 = !1;

/// Opens a socket for ICMP echo.
///
/// # Errors
/// The process may not.
#[allow(unsafe_code)]
pub fn open() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    socket.set_nonblocking(true)?;
    let filter = ALL_BUT_REPLIES;
    // SAFETY: the descriptor is open, and the kernel reads four bytes from a value that lives.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_RAW,
            ICMP_FILTER,
            (&raw const filter).cast(),
            size_of::<u32>() as libc::socklen_t,
        )
    };
    if set == 0 {
        Ok(socket)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A socket of [`open`] in the runtime.
#[derive(Debug)]
pub struct Echo(AsyncFd<Socket>);

impl Echo {
    /// Takes the socket into the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(socket: Socket) -> io::Result<Self> {
        register(socket, Interest::READABLE).map(Self)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// There is no way to the address; a queue is full.
    pub fn ask(&self, address: Ipv4Addr, token: Token) -> io::Result<()> {
        let to = SocketAddrV4::new(address, 0).into();
        self.0.get_ref().send_to(&request(token), &to)?;
        Ok(())
    }

    /// Waits for the next packet; `None`: it is no reply that we could have caused. Cancel-safe.
    pub async fn recv(&self) -> io::Result<Option<Reply>> {
        let mut bytes = [0; BUFFER];
        let read = |socket: &Socket| {
            let got = recv(socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT)?;
            Ok(bytes.get(..got).and_then(Reply::decode))
        };
        self.0.async_io(Interest::READABLE, read).await
    }
}
