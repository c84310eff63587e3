//! HTTP clients that cost little: the head of a response is read, its body stays in the kernel
//! (`MSG_TRUNC`). Status, length and count of bytes are held against each other.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, recv};

/// Bytes of a body taken from the kernel at once.
const PIECE: usize = 1 << 20;
/// Larger than any head.
const HEAD: usize = 4096;
/// A server that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(10);

/// Fetches a file over a connection of its own; bytes of the body.
pub fn fetch(server: SocketAddr, path: &str) -> u64 {
    let mut connection = Connection::open(server, path);
    connection.ask();
    let (whole, head) = connection.head();
    let mut room = vec![0; PIECE];
    while connection.left > 0 {
        let taken = connection.take(&mut room);
        assert!(taken > 0, "{server} is silent");
    }
    whole - head
}

/// What came over many connections.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// Complete responses.
    pub responses: u64,
    /// From the first request to the last response.
    pub seconds: f64,
}

/// Asks for a file again and again over many connections at once, each request after the response
/// before it.
pub fn many(server: SocketAddr, path: &str, connections: usize, long: Duration) -> Served {
    let open = |_| Connection::open(server, path);
    let mut connections: Vec<Connection> = (0..connections).map(open).collect();
    let whole = connections[0].measure();
    let epoll = Epoll::new(EpollCreateFlags::empty()).expect("an epoll");
    for (number, connection) in connections.iter_mut().enumerate() {
        connection.stream.set_nonblocking(true).expect("a socket");
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
        epoll.add(&connection.stream, event).expect("an epoll");
    }
    let began = Instant::now();
    let mut responses = 0;
    for connection in &mut connections {
        connection.begin(whole);
    }
    let mut room = vec![0; PIECE];
    let mut events = vec![EpollEvent::empty(); connections.len()];
    let patience = EpollTimeout::try_from(SILENCE).expect("a time-out");
    while began.elapsed() < long {
        let ready = epoll.wait(&mut events, patience).expect("an epoll");
        assert!(ready > 0, "{server} is silent");
        for event in &events[..ready] {
            let connection = &mut connections[event.data() as usize];
            if connection.goes_on(whole, &mut room) {
                responses += 1;
                connection.begin(whole);
            }
        }
    }
    Served {
        responses,
        seconds: began.elapsed().as_secs_f64(),
    }
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    /// Bytes of the response that are still to come.
    left: u64,
}

impl Connection {
    fn open(server: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(SILENCE)).expect("a time-out");
        Self {
            stream,
            request: format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").into_bytes(),
            left: 0,
        }
    }

    fn ask(&mut self) {
        self.stream.write_all(&self.request).expect("asking");
    }

    fn begin(&mut self, whole: u64) {
        self.ask();
        self.left = whole;
    }

    /// Length of a whole response, found out by one.
    fn measure(&mut self) -> u64 {
        self.ask();
        let (whole, _) = self.head();
        let mut room = vec![0; PIECE];
        while self.left > 0 {
            self.take(&mut room);
        }
        whole
    }

    /// Reads the head; lengths of the whole response and of its head.
    fn head(&mut self) -> (u64, u64) {
        let mut read = Vec::new();
        let end = loop {
            let mut piece = [0; HEAD];
            let len = self.stream.read(&mut piece).expect("a response");
            assert!(len > 0 && read.len() < HEAD, "no head of a response");
            read.extend_from_slice(&piece[..len]);
            if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: u64 = length.and_then(|n| n.parse().ok()).expect("Content-Length");
        let whole = length + end as u64;
        self.left = whole - read.len() as u64;
        (whole, end as u64)
    }

    /// Takes what is there of a response, its status first; whether it is complete.
    fn goes_on(&mut self, whole: u64, room: &mut [u8]) -> bool {
        if self.left == whole {
            let len = self.stream.read(&mut room[..HEAD]).expect("a response");
            assert!(room[..len].starts_with(b"HTTP/1.1 200 "), "not 200");
            self.left -= len as u64;
        }
        if self.left > 0 {
            self.take(room);
        }
        self.left == 0
    }

    /// Drops what is there of a body; bytes, 0 where nothing is there yet.
    fn take(&mut self, room: &mut [u8]) -> usize {
        let most = room
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        match recv(
            self.stream.as_raw_fd(),
            &mut room[..most],
            MsgFlags::MSG_TRUNC,
        ) {
            Ok(0) => panic!("the server hung up with {} bytes to come", self.left),
            Ok(len) => {
                self.left -= len as u64;
                len
            }
            Err(Errno::EAGAIN) => 0,
            Err(error) => panic!("receiving: {error}"),
        }
    }
}
