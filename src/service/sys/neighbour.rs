//! What the kernel knows of its neighbours: whether a packet to one would have to wait for ARP, and
//! which machine has an address.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc::{self, arpreq, c_char, sockaddr};

use crate::wire::Mac;

/// The entry is complete: its hardware address is known (`linux/if_arp.h`).
const ATF_COM: libc::c_int = 0x02;

/// Whether the kernel has the hardware address of `address` on an interface, as it has of everybody
/// who has just asked for ours.
pub fn is_known(socket: &impl AsFd, interface: &str, address: Ipv4Addr) -> bool {
    entry(socket, interface, address).is_some()
}

/// The Ethernet address that the kernel has of `address` on an interface.
pub fn hardware_address(socket: &impl AsFd, interface: &str, address: Ipv4Addr) -> Option<Mac> {
    let entry = entry(socket, interface, address)?;
    let ethernet = entry.arp_ha.sa_family == libc::ARPHRD_ETHER;
    let [a, b, c, d, e, f, ..] = entry.arp_ha.sa_data.map(|c| c.to_ne_bytes()[0]);
    ethernet.then(|| Mac::ethernet([a, b, c, d, e, f]))
}

/// The kernel's complete entry (`SIOCGARP`, arp(7)). Takes no privilege; `socket` is any IPv4 one.
#[allow(unsafe_code)]
fn entry(socket: &impl AsFd, interface: &str, address: Ipv4Addr) -> Option<arpreq> {
    let mut request = request(interface, address);
    // SAFETY: the descriptor is open, and the pointer is to a live `arpreq`, which is what
    // SIOCGARP reads and writes; the kernel keeps no pointer.
    let result =
        unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCGARP, &raw mut request) };
    (result == 0 && request.arp_flags & ATF_COM != 0).then_some(request)
}

fn request(interface: &str, address: Ipv4Addr) -> arpreq {
    let [a, b, c, d] = address.octets();
    // A `sockaddr_in` from its port on.
    let protocol = [0, 0, a, b, c, d];
    let mut arp_dev = [0; 16];
    // The last byte stays NUL; no interface has a longer name.
    fill(&mut arp_dev[..15], interface.bytes());
    let mut arp_pa = empty(libc::AF_INET as u16);
    fill(&mut arp_pa.sa_data, protocol);
    arpreq {
        arp_pa,
        arp_ha: empty(libc::AF_UNSPEC as u16),
        arp_flags: 0,
        arp_netmask: empty(libc::AF_UNSPEC as u16),
        arp_dev,
    }
}

const fn empty(family: libc::sa_family_t) -> sockaddr {
    sockaddr {
        sa_family: family,
        sa_data: [0; 14],
    }
}

fn fill(to: &mut [c_char], from: impl IntoIterator<Item = u8>) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = c_char::from_ne_bytes([from]);
    }
}
