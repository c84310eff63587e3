//! Many datagrams to one peer by one system call.
//!
//! With UDP segmentation (GSO, Linux 4.18) the kernel takes them as one buffer that passes its stack
//! once; without, `sendmmsg` saves the calls alone. Measured: 2,202 MB/s beside 1,228, at 0.34 CPU
//! seconds a GB beside 0.8 (facts, "Loss-free UDP bound"). Some ways refuse segments where the
//! kernel knows them (`IPsec`, a path with a smaller MTU than a datagram): then the same socket goes on
//! by `sendmmsg`.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::sockopt::UdpGsoSegment;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, sendmmsg, sendmsg, setsockopt,
};
use rustix::net::SendFlags;

/// How datagrams leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// As segments of one buffer.
    Segments,
    /// Each by itself, by one system call.
    Batches,
}

impl Bulk {
    /// Segments where they are wanted and this kernel has them, else batches.
    pub fn chosen(segments: bool) -> Self {
        if segments && kernel_has_segments() {
            Self::Segments
        } else {
            Self::Batches
        }
    }
}

fn kernel_has_segments() -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    socket.is_ok_and(|socket| setsockopt(&socket, UdpGsoSegment, &1472).is_ok())
}

/// Sends datagrams of `each` bytes, the last one as long as it is, on a connected socket. Bytes
/// that left; never waits.
///
/// # Errors
/// `WouldBlock` when the queue is full and nothing left.
pub(super) fn send(
    socket: &UdpSocket,
    bulk: &mut Bulk,
    bytes: &[u8],
    each: usize,
) -> io::Result<usize> {
    if bytes.len() <= each {
        return Ok(rustix::net::send(socket, bytes, SendFlags::DONTWAIT)?);
    }
    if *bulk == Bulk::Segments {
        match segments(socket, bytes, each) {
            // What an interface, a path or a policy says of segments, and of nothing else.
            Err(Errno::EINVAL | Errno::EIO | Errno::EMSGSIZE | Errno::EOPNOTSUPP) => {
                *bulk = Bulk::Batches;
            }
            other => return Ok(other?),
        }
    }
    batch(socket, bytes, each)
}

fn segments(socket: &UdpSocket, bytes: &[u8], each: usize) -> nix::Result<usize> {
    let size = u16::try_from(each).map_err(|_| Errno::EINVAL)?;
    sendmsg::<SockaddrIn>(
        socket.as_raw_fd(),
        &[IoSlice::new(bytes)],
        &[ControlMessage::UdpGsoSegments(&size)],
        MsgFlags::MSG_DONTWAIT,
        None,
    )
}

fn batch(socket: &UdpSocket, bytes: &[u8], each: usize) -> io::Result<usize> {
    let parts: Vec<[IoSlice<'_>; 1]> = bytes.chunks(each).map(|d| [IoSlice::new(d)]).collect();
    let nowhere: Vec<Option<SockaddrIn>> = vec![None; parts.len()];
    let mut headers = MultiHeaders::preallocate(parts.len(), None);
    let flags = MsgFlags::MSG_DONTWAIT;
    let sent = sendmmsg(
        socket.as_raw_fd(),
        &mut headers,
        &parts,
        &nowhere,
        [],
        flags,
    )?;
    Ok(sent.map(|message| message.bytes).sum())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What arrives of what is sent, and how it left.
    fn arrives(mut bulk: Bulk, bytes: &[u8], each: usize) -> (Vec<Vec<u8>>, Bulk) {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(peer.local_addr().unwrap()).unwrap();
        let gone = send(&socket, &mut bulk, bytes, each).unwrap();
        assert_eq!(gone, bytes.len());
        let mut room = vec![0; 65_536];
        let datagrams = bytes.len().div_ceil(each);
        let receive = |_| {
            let len = peer.recv(&mut room).unwrap();
            room[..len].to_vec()
        };
        ((0..datagrams).map(receive).collect(), bulk)
    }

    #[test]
    fn both_ways_send_the_same_datagrams() {
        let bytes: Vec<u8> = (0..100_u32 * 64).map(|n| (n / 100) as u8).collect();
        let expected: Vec<Vec<u8>> = bytes.chunks(100).map(<[u8]>::to_vec).collect();
        for bulk in [Bulk::chosen(true), Bulk::chosen(false)] {
            assert_eq!(arrives(bulk, &bytes, 100), (expected.clone(), bulk));
            let odd = &bytes[..250];
            assert_eq!(
                arrives(bulk, odd, 100).0,
                [&odd[..100], &odd[100..200], &odd[200..]]
            );
            assert_eq!(arrives(bulk, &bytes[..4], 100).0, [&bytes[..4]]);
        }
    }

    #[test]
    fn what_no_segment_may_be_goes_by_itself() {
        let bytes = vec![7; 2 * 60_000];
        let (arrived, bulk) = arrives(Bulk::chosen(true), &bytes, 60_000);
        assert_eq!(arrived.concat(), bytes);
        assert_eq!(
            bulk,
            Bulk::Batches,
            "two of them are longer than a send may be"
        );
    }
}
