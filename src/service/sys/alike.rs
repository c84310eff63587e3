//! Broadcasts that are alike, as segments of one buffer (`UDP_SEGMENT`, GSO, Linux 4.18): they pass the kernel's
//! stack once for all of them, and are cut into datagrams at its lower end.
//!
//! A broadcast costs more than any other datagram: it is handed back to this host too, and to everybody who listens.
//! In a storm it is most of what an answer costs, and the offers of a batch differ in nothing but their bytes.
//!
//! Invariants: datagrams leave in the order given; what the kernel refuses as segments leaves by itself, and what
//! it refuses of itself keeps no other back.
//!
//! Absent on purpose: what goes to one host. Whoever listens to frames there (a relay in a container of this host,
//! behind a bridge of ours) would see the buffer before it is cut; firmware is never so near.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};

use super::batch::{self, Outgoing};
use super::udp::origin;

/// Fewer leave by themselves: only in a storm does it count what one costs, and whoever listens to frames
/// on this host (`bootjack doctor`, tcpdump) sees datagrams uncut that leave as segments.
const FEW: usize = 8;
/// As many datagrams as one buffer may be cut into (`UDP_MAX_SEGMENTS` is 64 at least).
const MOST: usize = 64;
/// Bytes that one send may have, with headers to spare.
const ROOM: usize = 60_000;

/// Whether the kernel has not refused segments yet.
#[derive(Debug)]
pub(super) struct Segments(AtomicBool);

impl Segments {
    /// As they are wanted.
    pub const fn new(wanted: bool) -> Self {
        Self(AtomicBool::new(wanted))
    }

    fn are_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What an interface, a path or a policy says of segments, and of nothing else.
    fn refused(&self, error: Errno) {
        let of_segments = matches!(
            error,
            Errno::EINVAL | Errno::EIO | Errno::EMSGSIZE | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT
        );
        if of_segments {
            self.0.store(false, Ordering::Relaxed);
        }
    }
}

/// Sends datagrams, in their order; says of each that could not be sent why. Does not wait.
pub(super) fn send(
    socket: &impl AsFd,
    segments: &Segments,
    all: &[Outgoing<'_>],
    mut failed: impl FnMut(usize, io::Error),
) {
    // Those from here on wait for a run that ends them.
    let (mut waiting, mut at) = (0, 0);
    let mut by_themselves = |from: usize, to: usize| {
        let some = all.get(from..to).unwrap_or_default();
        batch::send(socket, some, |place, error| failed(from + place, error));
    };
    while segments.are_taken()
        && let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty())
    {
        let run = rest.get(..alike(rest)).unwrap_or(rest);
        if run.len() >= FEW {
            by_themselves(waiting, at);
            waiting = at;
            match send_run(socket, run) {
                Ok(()) => waiting = at + run.len(),
                Err(error) => segments.refused(error),
            }
        }
        at += run.len();
    }
    by_themselves(waiting, all.len());
}

/// How many of the first are broadcasts that differ in their bytes alone; one at least.
fn alike(all: &[Outgoing<'_>]) -> usize {
    let Some(first) = all.first().filter(|first| first.to.ip().is_broadcast()) else {
        return 1;
    };
    let same = |one: &&Outgoing<'_>| {
        one.bytes.len() == first.bytes.len()
            && (one.to, one.from, one.interface) == (first.to, first.from, first.interface)
    };
    let most = MOST.min(ROOM / first.bytes.len().max(1)).max(1);
    all.iter().take(most).take_while(same).count()
}

fn send_run(socket: &impl AsFd, run: &[Outgoing<'_>]) -> nix::Result<()> {
    let first = run.first().ok_or(Errno::EINVAL)?;
    let size = u16::try_from(first.bytes.len()).map_err(|_| Errno::EINVAL)?;
    let origin = origin(first.from, first.interface).map_err(|_| Errno::EINVAL)?;
    let parts: Vec<IoSlice<'_>> = run.iter().map(|one| IoSlice::new(one.bytes)).collect();
    let with = [
        ControlMessage::Ipv4PacketInfo(&origin),
        ControlMessage::UdpGsoSegments(&size),
    ];
    let to = SockaddrIn::from(first.to);
    let flags = MsgFlags::MSG_DONTWAIT;
    sendmsg(socket.as_fd().as_raw_fd(), &parts, &with, flags, Some(&to)).map(drop)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::service::sys::udp::open;

    const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

    fn outgoing(bytes: &[u8], to: SocketAddrV4) -> Outgoing<'_> {
        Outgoing {
            bytes,
            to,
            from: HOME,
            interface: 0,
        }
    }

    #[test]
    fn broadcasts_that_differ_in_their_bytes_alone_are_alike() {
        let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 68);
        let other = SocketAddrV4::new(Ipv4Addr::BROADCAST, 69);
        let one = SocketAddrV4::new(HOME, 68);
        let (short, long) = (vec![1; 300], vec![2; 301]);
        let of = |bytes, to| outgoing(bytes, to);
        for (all, first) in [
            (vec![of(&short, everybody); 3], 3),
            (vec![of(&short, everybody); MOST + 1], MOST),
            (vec![of(&short, one); 3], 1),
            (vec![of(&short, everybody), of(&short, other)], 1),
            (vec![of(&short, everybody), of(&long, everybody)], 1),
            (vec![of(&[], everybody); 2], 2),
        ] {
            assert_eq!(alike(&all), first, "{all:?}");
        }
        let elsewhere = Outgoing {
            interface: 7,
            ..of(&short, everybody)
        };
        assert_eq!(alike(&[of(&short, everybody), elsewhere]), 1);
        let large = vec![3; 1472];
        assert_eq!(alike(&vec![of(&large, everybody); 50]), 40);
    }

    /// On loopback a broadcast comes back to whoever listens there.
    #[test]
    fn segments_and_what_stands_between_them_arrive_in_their_order() {
        let ear = open(
            SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            Some("lo"),
            true,
        )
        .unwrap();
        ear.set_nonblocking(false).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let port = ear.local_addr().unwrap().port();
        let socket: UdpSocket = open(SocketAddrV4::new(HOME, 0), Some("lo"), true).unwrap();
        let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, port);
        let (home, nowhere) = (SocketAddrV4::new(HOME, port), SocketAddrV4::new(HOME, 0));
        let lo = nix::net::if_::if_nametoindex("lo").unwrap();
        for wanted in [true, false] {
            let segments = Segments::new(wanted);
            let plan = [
                (FEW, everybody),
                (2, nowhere),
                (FEW - 1, everybody),
                (3, home),
                (70, everybody),
                (1, everybody),
            ];
            let to: Vec<SocketAddrV4> = plan.iter().flat_map(|(n, to)| vec![*to; *n]).collect();
            let bytes: Vec<[u8; 30]> = (0..to.len() as u8).map(|n| [n; 30]).collect();
            let all: Vec<Outgoing<'_>> = to
                .iter()
                .zip(&bytes)
                .map(|(to, bytes)| Outgoing {
                    interface: lo,
                    ..outgoing(bytes, *to)
                })
                .collect();
            let mut refused = Vec::new();
            send(&socket, &segments, &all, |at, _| refused.push(at));
            assert_eq!(refused, [FEW, FEW + 1]);
            assert_eq!(segments.are_taken(), wanted);
            for n in (0..to.len()).filter(|n| !refused.contains(n)) {
                let mut got = [0; 40];
                let (len, _) = ear.recv_from(&mut got).unwrap();
                assert_eq!(&got[..len], &bytes[n][..]);
            }
        }
    }

    #[test]
    fn what_is_refused_as_segments_leaves_by_itself_from_then_on() {
        let segments = Segments::new(true);
        segments.refused(Errno::ENOBUFS);
        assert!(segments.are_taken());
        segments.refused(Errno::EIO);
        assert!(!segments.are_taken());
    }
}
