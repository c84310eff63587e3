//! HTTP clients that cost little: the head of a response is read, its body stays in the kernel
//! (`MSG_TRUNC`). Status, length and count of bytes are held against each other. Where it is to be
//! verified, the body is taken too, and each byte held against the file's pattern.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Socket, Type};

use super::sample;

/// Bytes of a body taken from the kernel at once.
const PIECE: usize = 1 << 20;
/// Larger than any head.
const HEAD: usize = 4096;
/// A server that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// A file to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where.
    pub server: SocketAddr,
    /// Our own address.
    pub source: Ipv4Addr,
    /// What.
    pub path: &'a str,
}

/// Fetches a file over a connection of its own; bytes of the body.
pub fn fetch(ask: &Ask<'_>) -> u64 {
    let mut connection = Connection::open(ask);
    connection.ask();
    let (whole, head) = connection.head();
    let mut room = vec![0; PIECE];
    while connection.left > 0 {
        let taken = connection.take(&mut room);
        assert!(taken > 0, "{} is silent", ask.server);
    }
    whole - head
}

/// Fetches a file so many times over one connection and holds each byte against the pattern of the
/// file of this number and size.
pub fn verify(ask: &Ask<'_>, (number, size): (u16, u64), times: u32) {
    let mut stream = connected(ask);
    for _ in 0..times {
        stream
            .write_all(&request(ask, "keep-alive"))
            .expect("asking");
        verify_response(&mut stream, &ask.server, (number, size));
    }
}

/// Reads one response and holds each byte against the pattern.
pub fn verify_response(stream: &mut impl Read, server: &SocketAddr, (number, size): (u16, u64)) {
    let (read, length, end) = head(stream);
    assert_eq!(length, size, "{server} sends another size");
    let (mut at, mut piece) = (0, read[end..].to_vec());
    loop {
        assert!(sample::holds(number, at, &piece), "{server}: wrong at {at}");
        at += piece.len() as u64;
        if at >= length {
            assert_eq!(at, length, "{server} sends more");
            return;
        }
        let left = usize::try_from(length - at).unwrap_or(PIECE);
        piece.resize(left.min(PIECE), 0);
        let len = stream.read(&mut piece).expect("a body");
        assert!(len > 0, "{server} hung up at {at}");
        piece.truncate(len);
    }
}

/// A connection from that address.
pub fn connected(ask: &Ask<'_>) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let source = SocketAddr::new(IpAddr::V4(ask.source), 0);
    socket.bind(&source.into()).expect("our address");
    socket.connect(&ask.server.into()).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(SILENCE)).expect("a time-out");
    stream
}

/// A request, and what is to become of the connection.
pub fn request(ask: &Ask<'_>, then: &str) -> Vec<u8> {
    let Ask { server, path, .. } = ask;
    format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: {then}\r\n\r\n").into_bytes()
}

/// What was read, the length that it tells, and where its body begins.
fn head(stream: &mut impl Read) -> (Vec<u8>, u64, usize) {
    let mut read = Vec::new();
    let end = loop {
        let mut piece = [0; HEAD];
        let len = stream.read(&mut piece).expect("a response");
        assert!(len > 0 && read.len() < HEAD, "no head of a response");
        read.extend_from_slice(&piece[..len]);
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|n| n.parse().ok()).expect("Content-Length");
    (read, length, end)
}

/// What came over many connections.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// Complete responses.
    pub responses: u64,
    /// From the first request to the last response.
    pub seconds: f64,
}

/// Asks again and again over many connections at once, each request after the response before it.
pub fn many(asks: &[Ask<'_>], long: Duration) -> Served {
    let mut connections: Vec<Connection> = asks.iter().map(Connection::open).collect();
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
        assert!(ready > 0, "{} is silent", asks[0].server);
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
    fn open(ask: &Ask<'_>) -> Self {
        Self {
            stream: connected(ask),
            request: request(ask, "keep-alive"),
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
        let (read, length, end) = head(&mut self.stream);
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
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let dropped = drop_bytes(&self.stream, room, most);
        assert_ne!(
            dropped,
            Some(0),
            "it hung up with {} bytes to come",
            self.left
        );
        let len = dropped.unwrap_or(0);
        self.left -= len as u64;
        len
    }
}

/// Drops at most so many bytes of what came; 0 when the other side has hung up, `None` where
/// nothing is there yet.
pub fn drop_bytes(stream: &TcpStream, room: &mut [u8], most: usize) -> Option<usize> {
    let most = room.len().min(most);
    match recv(stream.as_raw_fd(), &mut room[..most], MsgFlags::MSG_TRUNC) {
        Ok(len) => Some(len),
        Err(Errno::EAGAIN) => None,
        Err(error) => panic!("receiving: {error}"),
    }
}
