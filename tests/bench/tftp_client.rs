//! A TFTP client that costs little: it looks at headers and lengths, the data stays in the kernel
//! (`MSG_TRUNC`). It holds each block's number and the size of the whole against what was agreed.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, setsockopt};

/// After this much silence the last packet is sent again.
const SILENCE: Duration = Duration::from_secs(1);
/// So many times; then the server is gone.
const PATIENCE: usize = 10;
/// Datagrams taken from the kernel at once, at most.
const BATCH: usize = 64;
const HEADER: usize = 4;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Bytes a block (RFC 2348); 512 is not asked for.
    pub blksize: usize,
    /// Blocks an acknowledgement (RFC 7440); 1 is not asked for.
    pub windowsize: u64,
}

/// What came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fetched {
    /// Bytes of the file.
    pub bytes: u64,
    /// Packets of ours that had to be sent again, and gaps that were told.
    pub repeated: u64,
}

/// Fetches a file.
pub fn fetch(server: SocketAddr, file: &str, terms: Terms) -> Fetched {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.set_read_timeout(Some(SILENCE)).expect("a time-out");
    setsockopt(&socket, RcvBufForce, &(8 << 20)).expect("room for a window");
    let mut transfer = Transfer {
        socket,
        terms,
        next: 1,
        since_ack: 0,
        done: false,
        fetched: Fetched::default(),
    };
    transfer.open(server, &request(file, terms));
    transfer.receive();
    transfer.fetched
}

fn request(file: &str, terms: Terms) -> Vec<u8> {
    let mut words = vec![file.to_owned(), "octet".to_owned()];
    if terms.blksize != 512 {
        words.extend(["blksize".to_owned(), terms.blksize.to_string()]);
    }
    if terms.windowsize != 1 {
        words.extend(["windowsize".to_owned(), terms.windowsize.to_string()]);
    }
    [&[0, 1], (words.join("\0") + "\0").as_bytes()].concat()
}

struct Transfer {
    socket: UdpSocket,
    terms: Terms,
    /// The block to come, counted without end.
    next: u64,
    since_ack: u64,
    done: bool,
    fetched: Fetched,
}

impl Transfer {
    /// Asks, and speaks with the port that answers from then on.
    fn open(&mut self, server: SocketAddr, request: &[u8]) {
        let mut first = vec![0; HEADER + self.terms.blksize];
        let answer = (0..PATIENCE).find_map(|_| {
            self.socket.send_to(request, server).expect("asking");
            self.socket.recv_from(&mut first).ok()
        });
        let (len, peer) = answer.unwrap_or_else(|| panic!("no answer from {server}"));
        self.socket.connect(peer).expect("the server's port");
        match first[..len] {
            [0, 6, ..] => self.acknowledge(),
            [0, 3, high, low, ..] => self.block(u16::from_be_bytes([high, low]), len),
            _ => panic!(
                "{server} answers {}",
                String::from_utf8_lossy(&first[..len])
            ),
        }
    }

    fn receive(&mut self) {
        let batch = (self.terms.windowsize as usize).min(BATCH);
        let mut headers = [[0; HEADER]; BATCH];
        let mut silent = 0;
        while !self.done {
            let lengths = self.batch(&mut headers[..batch]);
            silent = if lengths.is_empty() { silent + 1 } else { 0 };
            assert!(
                silent < PATIENCE,
                "the server is silent at block {}",
                self.next
            );
            if silent > 0 {
                self.fetched.repeated += 1;
                self.acknowledge();
            }
            for (header, len) in headers.iter().zip(lengths) {
                match *header {
                    [0, 3, high, low] => self.block(u16::from_be_bytes([high, low]), len),
                    [0, 6, ..] => self.acknowledge(),
                    other => panic!("the server sends {other:?}"),
                }
            }
        }
    }

    /// The headers of the datagrams that are there, and the lengths of the whole datagrams; none
    /// when it stays silent.
    fn batch(&self, headers: &mut [[u8; HEADER]]) -> Vec<usize> {
        let mut messages = MultiHeaders::<()>::preallocate(headers.len(), None);
        let mut parts: Vec<_> = headers
            .iter_mut()
            .map(|header| [IoSliceMut::new(header)])
            .collect();
        let flags = MsgFlags::MSG_WAITFORONE | MsgFlags::MSG_TRUNC;
        match recvmmsg(
            self.socket.as_raw_fd(),
            &mut messages,
            parts.iter_mut(),
            flags,
            None,
        ) {
            Ok(received) => received.map(|message| message.bytes).collect(),
            Err(Errno::EAGAIN | Errno::EINTR) => Vec::new(),
            Err(error) => panic!("receiving: {error}"),
        }
    }

    fn block(&mut self, number: u16, len: usize) {
        if self.done || number != self.next as u16 {
            return self.unexpected(number);
        }
        let data = len - HEADER;
        self.fetched.bytes += data as u64;
        self.next += 1;
        self.since_ack += 1;
        self.done = data < self.terms.blksize;
        if self.done || self.since_ack == self.terms.windowsize {
            self.acknowledge();
        }
    }

    /// The first of a run of unexpected blocks is answered with what is there (RFC 7440); so is the last
    /// one that was expected, which comes again where its acknowledgement was lost (RFC 1350).
    fn unexpected(&mut self, number: u16) {
        if self.since_ack > 0 || number == (self.next - 1) as u16 {
            self.fetched.repeated += 1;
            self.acknowledge();
        }
    }

    fn acknowledge(&mut self) {
        self.since_ack = 0;
        let [high, low] = ((self.next - 1) as u16).to_be_bytes();
        self.socket.send(&[0, 4, high, low]).expect("acknowledging");
    }
}
