//! Many PXE machines that ask at once: as many transactions are under way as [`UNDER_WAY`], and
//! each answer makes the next machine ask. What is unanswered for [`PATIENCE`] is lost, and asked
//! anew.
//!
//! It must not be the limit, so what is there is taken and sent together, and of an answer only its
//! first bytes leave the kernel; and it says what it could ask by itself ([`Load::bound`]).

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Protocol, Socket, Type};

use super::support::clients::{BootClient, Speaker};
use super::support::lan::Host;
use super::{machine, sample};

/// Transactions under way; a power of two.
const UNDER_WAY: usize = 64;
const PATIENCE: Duration = Duration::from_millis(500);
/// Different machines that ask: so many are known to the server, whatever its profiles list.
pub const MACHINES: u32 = 1000;
/// After so many answers it is looked for transactions that got none.
const LOOK_EVERY: u64 = 4096;
/// What is looked at of an answer: `op` to `xid`.
const LOOKED_AT: usize = 8;
const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// OFFERs to what was asked.
    pub answers: u64,
    /// Transactions without an answer.
    pub lost: u64,
    /// From the first question to the last answer.
    pub seconds: f64,
    /// Processor time of those who ask, in seconds.
    pub cpu: f64,
}

impl Load {
    /// Answers a second that those who ask could take from a server that takes no time.
    pub fn bound(&self) -> f64 {
        self.answers as f64 / self.cpu
    }
}

/// Asks from a host of the lab for this long: [`MACHINES`] machines spread over the first `listed`.
pub fn run(host: &Host, long: Duration, listed: u32) -> Load {
    host.enter(|| {
        machine::on_client_cpu();
        let mut asking = Asking::new(card(), listed);
        let before = processor_time();
        asking.run(long);
        Load {
            cpu: processor_time() - before,
            ..asking.load
        }
    })
}

/// Of this thread, in seconds.
fn processor_time() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// A socket like that of a client: port 68, broadcasts out of the one cable.
fn card() -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
    socket.set_broadcast(true).expect("broadcasts");
    socket.bind_device(Some(b"eth0")).expect("the cable");
    socket
        .set_recv_buffer_size(4 << 20)
        .expect("room for answers");
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
    socket.bind(&any.into()).expect("port 68");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    socket.into()
}

struct Asking {
    card: UdpSocket,
    discovers: Vec<Vec<u8>>,
    /// The transaction under way in each place, and since when.
    places: [Option<(u32, Instant)>; UNDER_WAY],
    asked: u32,
    load: Load,
}

impl Asking {
    fn new(card: UdpSocket, listed: u32) -> Self {
        let step = (listed / MACHINES).max(1);
        let discover = |n: u32| {
            let mac = sample::mac(n * step);
            let machine = BootClient {
                mac,
                ..BootClient::new(Speaker::Intel, 1)
            };
            machine.discover().bytes()
        };
        Self {
            card,
            discovers: (0..MACHINES).map(discover).collect(),
            places: [None; UNDER_WAY],
            asked: 0,
            load: Load::default(),
        }
    }

    fn run(&mut self, long: Duration) {
        let began = Instant::now();
        let mut now = began;
        let mut look = LOOK_EVERY;
        self.ask(&(0..UNDER_WAY).collect::<Vec<_>>(), began);
        while now < began + long {
            let answered = self.hear();
            now = Instant::now();
            self.ask(&answered, now);
            if answered.is_empty() || self.load.answers >= look {
                look = self.load.answers + LOOK_EVERY;
                self.ask_again(now);
            }
        }
        self.load.seconds = now.duration_since(began).as_secs_f64();
        self.drain();
    }

    /// The next machines ask, one for each place; its transaction tells its place.
    fn ask(&mut self, places: &[usize], now: Instant) {
        let first = self.asked;
        for place in places {
            let xid = self.asked.wrapping_mul(UNDER_WAY as u32) + *place as u32;
            let discover = &mut self.discovers[(self.asked % MACHINES) as usize];
            discover[4..8].copy_from_slice(&xid.to_be_bytes());
            self.places[*place] = Some((xid, now));
            self.asked = self.asked.wrapping_add(1);
        }
        self.send(first, places.len());
    }

    /// The questions of so many machines, together.
    fn send(&self, first: u32, count: usize) {
        let discover = |n: u32| &self.discovers[(first.wrapping_add(n) % MACHINES) as usize];
        let parts = (0..count as u32).map(|n| [IoSlice::new(discover(n))]);
        let parts: Vec<_> = parts.collect();
        let to = vec![Some(SockaddrIn::from(SERVER)); count];
        let mut sent = 0;
        while sent < count {
            let mut messages = MultiHeaders::preallocate(count - sent, None);
            let (rest, to) = (&parts[sent..], &to[sent..]);
            let socket = self.card.as_raw_fd();
            let gone = sendmmsg(socket, &mut messages, rest, to, [], MsgFlags::empty());
            sent += gone.expect("sending DISCOVERs").count();
        }
    }

    /// The places of transactions that are answered now; none when all stay silent, or for answers
    /// that come too late.
    fn hear(&mut self) -> Vec<usize> {
        let mut heads = [[0; LOOKED_AT]; UNDER_WAY];
        let count = self.receive(&mut heads);
        let answered = heads[..count].iter().filter_map(|head| self.take(*head));
        let answered: Vec<usize> = answered.collect();
        self.load.answers += answered.len() as u64;
        answered
    }

    /// How many answers were there; their first bytes.
    fn receive(&self, heads: &mut [[u8; LOOKED_AT]]) -> usize {
        let mut messages = MultiHeaders::<()>::preallocate(heads.len(), None);
        let parts = heads.iter_mut().map(|head| [IoSliceMut::new(head)]);
        let mut parts: Vec<_> = parts.collect();
        let socket = self.card.as_raw_fd();
        let flags = MsgFlags::MSG_WAITFORONE;
        match recvmmsg(socket, &mut messages, parts.iter_mut(), flags, None) {
            Ok(received) => received.count(),
            Err(Errno::EAGAIN | Errno::EINTR) => 0,
            Err(error) => panic!("receiving: {error}"),
        }
    }

    /// The place that an answer is for, where it is awaited; it is free now.
    fn take(&mut self, head: [u8; LOOKED_AT]) -> Option<usize> {
        let [op, _, _, _, xid @ ..] = head;
        let xid = u32::from_be_bytes(xid);
        let place = xid as usize % UNDER_WAY;
        let awaited = self.places[place].is_some_and(|(awaited, _)| awaited == xid);
        (op == 2 && awaited).then(|| {
            self.places[place] = None;
            place
        })
    }

    fn ask_again(&mut self, now: Instant) {
        let overdue = |place: &usize| {
            let asked = self.places[*place];
            asked.is_some_and(|(_, since)| now - since >= PATIENCE)
        };
        let places: Vec<usize> = (0..UNDER_WAY).filter(overdue).collect();
        self.load.lost += places.len() as u64;
        self.ask(&places, now);
    }

    /// Answers still under way at the end are heard; what stays away is lost.
    fn drain(&mut self) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && self.places.iter().any(Option::is_some) {
            self.hear();
        }
        self.load.lost += self.places.iter().flatten().count() as u64;
    }
}
