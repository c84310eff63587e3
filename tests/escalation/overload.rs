//! On the wire: machines that bootjack itself has no room for are moved to no other shape, while one
//! that is deaf to the first is.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bootjack::client::progress::SETTLE;
use bootjack::service::Limits;

use crate::lab::{Lab, US};
use crate::support::appliance::HTTP_PORT;
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient};
use crate::support::poll;
use crate::tftp_client::{ack, request};
use crate::wire::BYPASS;

/// The addresses of those that fetch by TFTP and by HTTP.
const BY_TFTP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 50);
const BY_HTTP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 51);
/// How often a transfer is held by one more block, a connection by one more request.
const HOLD: Duration = Duration::from_millis(500);

/// Something that takes all room there is for one address, until it is dropped.
struct Hog {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hog {
    fn new(mut hold: impl FnMut() + Send + 'static) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let ends = done.clone();
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                hold();
                std::thread::sleep(HOLD);
            }
        });
        Self {
            done,
            thread: Some(thread),
        }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|end| end.is_ok()) || std::thread::panicking());
    }
}

impl Lab {
    /// A request for the loader, from this address.
    fn asks_tftp(&self, from: Ipv4Addr) -> UdpSocket {
        let socket = self.pc.enter(|| UdpSocket::bind((from, 0)).unwrap());
        let packet = request(1, "snponly.efi", "octet", &[]);
        socket.send_to(&packet, (US, 69)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// A connection, from this address.
    fn opens_http(&self, from: Ipv4Addr) -> TcpStream {
        use socket2::{Domain, Socket, Type};
        let socket = (self.pc).enter(|| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap());
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        let to = SocketAddr::from((US, HTTP_PORT));
        socket.connect(&to.into()).unwrap();
        socket.into()
    }

    /// As many transfers as one address may have, each a block in a while.
    fn hogs_tftp(&self) -> Hog {
        let room = Limits::default().tftp_per_client;
        let sockets: Vec<_> = (0..room).map(|_| self.asks_tftp(BY_TFTP)).collect();
        let mut buffer = [0; 1500];
        poll::expect("all transfers", ANSWER, || {
            let began = |socket: &UdpSocket| socket.peek_from(&mut [0; 4]).is_ok();
            sockets.iter().all(began)
        });
        Hog::new(move || {
            for socket in &sockets {
                let mut last = None;
                while let Ok((4.., from)) = socket.recv_from(&mut buffer) {
                    last = Some((u16::from_be_bytes([buffer[2], buffer[3]]), from));
                }
                if let Some((block, from)) = last {
                    socket.send_to(&ack(block), from).unwrap();
                }
            }
        })
    }

    /// As many connections as one address may have, each with a request in a while.
    fn hogs_http(&self) -> Hog {
        let room = Limits::default().http_per_client;
        let mut streams: Vec<_> = (0..room).map(|_| self.opens_http(BY_HTTP)).collect();
        let mut buffer = [0; 4096];
        Hog::new(move || {
            for stream in &mut streams {
                stream.set_nonblocking(false).unwrap();
                let request = b"GET /healthz HTTP/1.1\r\nHost: bootjack\r\n\r\n";
                stream.write_all(request).unwrap();
                stream.set_nonblocking(true).unwrap();
                match stream.read(&mut buffer) {
                    Ok(0) => panic!("closed"),
                    Err(e) if e.kind() != ErrorKind::WouldBlock => panic!("{e}"),
                    _ => {}
                }
            }
        })
    }

    /// How often this address was told that there is no room for it.
    fn refusals(&self, service: &str, peer: Ipv4Addr) -> usize {
        let events = self.appliance.events();
        let refused = events.iter().filter(|event| {
            event["event"] == "refused"
                && event["service"] == service
                && event["peer"] == peer.to_string()
        });
        refused.count()
    }

    /// Option 43 of the OFFER to a machine's next attempt, which ends with the lease.
    fn next_attempt(&mut self, client: &mut BootClient) -> Option<Vec<u8>> {
        // What the card has heard meanwhile may be more than it holds.
        self.card = DhcpClient::new(&self.pc);
        client.xid += 0x100;
        self.lease(client, |packet| packet).0.option(43)
    }
}

#[test]
fn who_finds_no_room_is_moved_to_no_other_shape() {
    if crate::support::left_out("who_finds_no_room_is_moved_to_no_other_shape") {
        return;
    }
    let mut lab = Lab::beside(&[
        "--dhcp-host=52:54:00:78:00:06,10.77.0.50",
        "--dhcp-host=52:54:00:78:00:07,10.77.0.51",
    ]);
    let [mut tftp, mut http, mut deaf] = [6, 7, 8].map(|n| BootClient::new(Speaker::Edk2, n));
    lab.card.take(BY_TFTP);
    lab.card.take(BY_HTTP);
    let hogs = (lab.hogs_tftp(), lab.hogs_http());
    for round in 1..=2 {
        assert_eq!(lab.next_attempt(&mut tftp), None);
        let asked = lab.asks_tftp(BY_TFTP);
        assert_eq!(lab.next_attempt(&mut http), None);
        let opened = lab.opens_http(BY_HTTP);
        assert_eq!(lab.next_attempt(&mut deaf), None);
        poll::expect("both are refused", ANSWER, || {
            lab.refusals("tftp", BY_TFTP) == round && lab.refusals("http", BY_HTTP) == round
        });
        drop((asked, opened));
        std::thread::sleep(SETTLE + Duration::from_millis(500));
    }
    let moved = [&mut tftp, &mut http, &mut deaf].map(|client| lab.next_attempt(client));
    assert_eq!(moved, [None, None, Some(BYPASS.to_vec())]);
    drop(hogs);
}
