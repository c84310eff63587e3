//! Many PXE machines that ask at once: as many transactions are under way as [`UNDER_WAY`], and
//! each answer makes the next machine ask. What is unanswered for [`PATIENCE`] is lost, and asked
//! anew.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::support::clients::{BootClient, Speaker};
use super::support::lan::Host;
use super::{machine, sample};

/// Transactions under way; a power of two.
const UNDER_WAY: usize = 64;
const PATIENCE: Duration = Duration::from_millis(500);
/// Different machines that ask.
const MACHINES: u32 = 1024;
/// After so many answers it is looked for transactions that got none.
const LOOK_EVERY: u64 = 4096;

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// OFFERs to what was asked.
    pub answers: u64,
    /// Transactions without an answer.
    pub lost: u64,
    /// From the first question to the last answer.
    pub seconds: f64,
}

/// Asks from a host of the lab for this long.
pub fn run(host: &Host, long: Duration) -> Load {
    host.enter(|| {
        machine::on_client_cpu();
        Asking::new(card()).run(long)
    })
}

/// A socket like that of a client: port 68, broadcasts out of the one cable.
fn card() -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
    socket.set_broadcast(true).expect("broadcasts");
    socket.bind_device(Some(b"eth0")).expect("the cable");
    socket
        .set_recv_buffer_size(4 << 20)
        .expect("room for answers");
    let any = std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
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
    fn new(card: UdpSocket) -> Self {
        let discover = |n| {
            let mac = sample::mac(n);
            BootClient {
                mac,
                ..BootClient::new(Speaker::Intel, 1)
            }
            .discover()
            .bytes()
        };
        Self {
            card,
            discovers: (0..MACHINES).map(discover).collect(),
            places: [None; UNDER_WAY],
            asked: 0,
            load: Load::default(),
        }
    }

    fn run(mut self, long: Duration) -> Load {
        let began = Instant::now();
        let mut now = began;
        (0..UNDER_WAY).for_each(|place| self.ask(place, began));
        while now < began + long {
            if let Some(place) = self.hear() {
                self.load.answers += 1;
                now = Instant::now();
                self.ask(place, now);
                if self.load.answers.is_multiple_of(LOOK_EVERY) {
                    self.ask_again(now);
                }
            } else {
                now = Instant::now();
                self.ask_again(now);
            }
        }
        self.load.seconds = now.duration_since(began).as_secs_f64();
        self.drain();
        self.load
    }

    /// The next machine asks; its transaction tells its place.
    fn ask(&mut self, place: usize, now: Instant) {
        self.asked = self.asked.wrapping_add(1);
        let xid = self.asked * UNDER_WAY as u32 + place as u32;
        let discover = &mut self.discovers[(self.asked % MACHINES) as usize];
        discover[4..8].copy_from_slice(&xid.to_be_bytes());
        let sent = self.card.send_to(discover, (Ipv4Addr::BROADCAST, 67));
        sent.expect("sending a DISCOVER");
        self.places[place] = Some((xid, now));
    }

    /// The place of a transaction that was answered now; `None` when it stays silent, or for an
    /// answer that comes too late.
    fn hear(&mut self) -> Option<usize> {
        let mut buffer = [0; 1500];
        let len = self.card.recv(&mut buffer).ok()?;
        let xid = u32::from_be_bytes(buffer[..len].get(4..8)?.try_into().ok()?);
        let place = xid as usize % UNDER_WAY;
        let awaited = self.places[place].is_some_and(|(awaited, _)| awaited == xid);
        (buffer[0] == 2 && awaited).then(|| {
            self.places[place] = None;
            place
        })
    }

    fn ask_again(&mut self, now: Instant) {
        for place in 0..UNDER_WAY {
            if self.places[place].is_some_and(|(_, since)| now - since >= PATIENCE) {
                self.load.lost += 1;
                self.ask(place, now);
            }
        }
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
