//! Every socket, opened first and together, while the process may.
//!
//! A socket is bound to its interface, so that another server may keep the same port on another
//! interface of this host, and a reply to a broadcast leaves where the request came in (quirk 26).
//! It takes a port only while nobody has it; later it lets another server, which takes 67 or 69 on
//! all interfaces before it confines itself to another one (dnsmasq does), start after us.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::holder;
use super::interfaces::Interface;
use super::sys::outlet::Outlet;
use super::sys::udp;
use crate::config::Mode;
use crate::decide::Port;
use crate::error::Error;

const DHCP: u16 = Port::Dhcp.number();
/// The TFTP port.
pub const TFTP: u16 = 69;
const PRIVILEGES: &str =
    "run it as root (sudo), or give the service CAP_NET_BIND_SERVICE and CAP_NET_RAW";
const LOOPBACK: &str = "lo";
/// Connections the kernel holds for us before they are accepted.
const BACKLOG: i32 = 1024;

/// The sockets of one interface.
#[derive(Debug)]
pub struct Opened {
    /// The interface.
    pub interface: Interface,
    /// UDP 67; `None` where it is left to the DHCP server of this host.
    pub dhcp: Option<Door>,
    /// UDP 4011.
    pub pxe: Door,
    /// UDP 69.
    pub tftp: UdpSocket,
}

/// What DHCP is served with on one port of one interface.
#[derive(Debug)]
pub struct Door {
    /// Where messages come in, and what leaves at once goes out.
    pub socket: UdpSocket,
    /// What may wait for ARP in a subnet of the interface goes out here.
    pub near: Outlet,
    /// What may wait for ARP elsewhere goes out here.
    pub far: Outlet,
    /// For servers on other networks.
    pub routed: Outlet,
}

/// Opens 67 (but for mode `colocated`), 4011 and 69 on every interface.
///
/// # Errors
/// The first port that cannot be had: which, where, who holds it, what to do.
pub fn udp(mode: Mode, interfaces: &[Interface]) -> Result<Vec<Opened>, Error> {
    interfaces.iter().map(|i| open(mode, i)).collect()
}

fn open(mode: Mode, interface: &Interface) -> Result<Opened, Error> {
    let bind = |port| {
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        udp::open(any, Some(&interface.name), true)
            .and_then(|socket| lenient(socket, port))
            .map_err(|e| refused("UDP", port, &interface.name, &e, holder::of_udp(port)))
    };
    let door = |port| {
        let socket = bind(port)?;
        let outlet = |device| Outlet::open(device).map_err(|e| no_outlet(&interface.name, &e));
        let here = Some(interface.name.as_str());
        Ok(Door {
            socket,
            near: outlet(here)?,
            far: outlet(here)?,
            routed: outlet(None)?,
        })
    };
    let ours = mode != Mode::Colocated;
    Ok(Opened {
        dhcp: ours.then(|| door(DHCP)).transpose()?,
        pxe: door(Port::Pxe.number())?,
        tftp: bind(TFTP)?,
        interface: interface.clone(),
    })
}

/// Lets others have the port beside us from now on, where only root may: on 4011 anybody of this
/// host could take our packets.
fn lenient(socket: UdpSocket, port: u16) -> io::Result<UdpSocket> {
    if port < 1024 {
        SockRef::from(&socket).set_reuse_address(true)?;
    }
    Ok(socket)
}

/// Opens the port of HTTP or HTTPS on every interface, and on loopback: that is how this host asks itself, by
/// whichever of its addresses.
///
/// # Errors
/// As [`udp`].
pub fn http(port: u16, interfaces: &[Interface]) -> Result<Vec<TcpListener>, Error> {
    let names = interfaces.iter().map(|i| i.name.as_str()).chain([LOOPBACK]);
    names
        .map(|name| {
            listen(port, name).map_err(|e| refused("TCP", port, name, &e, holder::of_tcp(port)))
        })
        .collect()
}

/// Whether somebody has a UDP port on this interface, so that [`udp`] could not.
pub fn udp_is_taken(port: u16, interface: &str) -> bool {
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    in_use(udp::open(any, Some(interface), true).err())
}

/// Whether somebody has a TCP port on this interface, so that [`http`] could not.
pub fn tcp_is_taken(port: u16, interface: &str) -> bool {
    in_use(listen(port, interface).err())
}

fn in_use(why: Option<io::Error>) -> bool {
    why.is_some_and(|e| e.kind() == io::ErrorKind::AddrInUse)
}

fn listen(port: u16, interface: &str) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn refused(
    protocol: &str,
    port: u16,
    place: &str,
    why: &io::Error,
    holder: Option<holder::Holder>,
) -> Error {
    let (reason, remedy) = match why.kind() {
        io::ErrorKind::AddrInUse => (
            holder.map_or_else(
                || "address in use".to_owned(),
                |h| format!("address in use by {h}"),
            ),
            in_use_remedy(protocol, port),
        ),
        io::ErrorKind::PermissionDenied => ("permission denied".to_owned(), PRIVILEGES),
        _ => (why.to_string(), "check the interface with `ip addr`"),
    };
    Error::failed(format!(
        "cannot bind {protocol} {port} on {place}: {reason}; {remedy}"
    ))
}

fn no_outlet(place: &str, why: &io::Error) -> Error {
    Error::failed(format!(
        "cannot open a raw socket on {place}: {why}; {PRIVILEGES}"
    ))
}

fn in_use_remedy(protocol: &str, port: u16) -> &'static str {
    match (protocol, port) {
        ("TCP", _) => "stop it, or choose another port with --http-port (or --https-port)",
        (_, DHCP) => {
            "stop it, or serve other interfaces with --interface; \
             if it is the DHCP server of this LAN, leave it running and use --mode colocated"
        }
        _ => "stop it, or serve other interfaces with --interface",
    }
}
