//! Many ordinary clients behind one relay that take a lease each, DISCOVER to ACK: as many are under
//! way as [`UNDER_WAY`], and each ACK makes the next client begin. What is unanswered for
//! [`PATIENCE`] is lost, and another client begins.
//!
//! It costs a third of what perfdhcp costs, so that the server is the limit and not the load.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use super::support::lan::Host;
use super::{machine, sample};

/// Clients under way; a power of two.
pub const UNDER_WAY: usize = 256;
const PATIENCE: Duration = Duration::from_millis(500);
/// After so many answers it is looked for clients that got none.
const LOOK_EVERY: u64 = 4096;
/// The least BOOTP message.
const LEN: usize = 300;
/// Where options begin.
const OPTIONS: usize = 240;
/// [`super::support::lan::APPLIANCE_IP`]
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const OFFER: u8 = 2;
const ACK: u8 = 5;

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Clients that were told ACK.
    pub leases: u64,
    /// Clients that gave up.
    pub lost: u64,
    /// From the first question to the last answer.
    pub seconds: f64,
}

/// Asks for this long, as the relay at `relay` on a host of the lab.
pub fn run(host: &Host, relay: Ipv4Addr, long: Duration) -> Load {
    host.enter(|| {
        machine::on_client_cpu();
        Asking::new(relay).run(long)
    })
}

struct Asking {
    socket: UdpSocket,
    relay: Ipv4Addr,
    /// The client under way in each place, and since when.
    places: Vec<Option<(u32, Instant)>>,
    begun: u32,
    load: Load,
}

impl Asking {
    fn new(relay: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind(SocketAddrV4::new(relay, 67)).expect("port 67");
        socket.connect((SERVER, 67)).expect("a route");
        socket2::SockRef::from(&socket)
            .set_recv_buffer_size(4 << 20)
            .expect("room for answers");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self {
            socket,
            relay,
            places: vec![None; UNDER_WAY],
            begun: 0,
            load: Load::default(),
        }
    }

    fn run(mut self, long: Duration) -> Load {
        let began = Instant::now();
        (0..UNDER_WAY).for_each(|place| self.begin(place, began));
        let (mut now, mut heard) = (began, 0_u64);
        while now < began + long {
            let answered = self.hear();
            heard += 1;
            if let Some(place) = answered {
                now = Instant::now();
                self.load.leases += 1;
                self.begin(place, now);
            }
            if heard.is_multiple_of(LOOK_EVERY) {
                now = Instant::now();
                self.give_up(now);
            }
        }
        self.load.seconds = now.duration_since(began).as_secs_f64();
        self.load
    }

    /// The next client begins; its transaction tells its place.
    fn begin(&mut self, place: usize, now: Instant) {
        self.begun += 1;
        let client = self.begun * UNDER_WAY as u32 + place as u32;
        self.places[place] = Some((client, now));
        self.send(client, &[53, 1, 1, 55, 4, 1, 3, 6, 15, 255]);
    }

    fn send(&self, client: u32, options: &[u8]) {
        let mut packet = [0; LEN];
        packet[..4].copy_from_slice(&[1, 1, 6, 1]);
        packet[4..8].copy_from_slice(&client.to_be_bytes());
        packet[24..28].copy_from_slice(&self.relay.octets());
        packet[28..34].copy_from_slice(&sample::mac(client / UNDER_WAY as u32));
        packet[236..OPTIONS].copy_from_slice(&[99, 130, 83, 99]);
        packet[OPTIONS..OPTIONS + options.len()].copy_from_slice(options);
        self.socket.send(&packet).expect("sending");
    }

    /// The place of a client that has its lease now. One that is offered an address asks for it.
    fn hear(&mut self) -> Option<usize> {
        let mut buffer = [0; 1500];
        let len = self.socket.recv(&mut buffer).ok()?;
        let answer = buffer.get(..len.max(OPTIONS + 3))?;
        let client = u32::from_be_bytes(answer[4..8].try_into().ok()?);
        let place = client as usize % UNDER_WAY;
        let awaited = self.places[place].is_some_and(|(awaited, _)| awaited == client);
        // Every server here puts the message type first.
        match answer[OPTIONS..OPTIONS + 3] {
            [53, 1, OFFER] if awaited => {
                let (ip, server) = (&answer[16..20], SERVER.octets());
                let mut options = [53, 1, 3, 54, 4, 0, 0, 0, 0, 50, 4, 0, 0, 0, 0, 255];
                options[5..9].copy_from_slice(&server);
                options[11..15].copy_from_slice(ip);
                self.send(client, &options);
                None
            }
            [53, 1, ACK] if awaited => Some(place),
            _ => None,
        }
    }

    fn give_up(&mut self, now: Instant) {
        for place in 0..UNDER_WAY {
            if self.places[place].is_some_and(|(_, since)| now - since >= PATIENCE) {
                self.load.lost += 1;
                self.begin(place, now);
            }
        }
    }
}
