//! A TFTP client that costs little: it looks at headers and lengths, the data stays in the kernel
//! (`MSG_TRUNC`). It holds each block's number and the length of the whole against what was agreed;
//! where it is to verify, it takes the data too and holds each byte against the file's pattern.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, setsockopt};

use super::sample;

/// After this much silence the last packet is sent again.
const SILENCE: Duration = Duration::from_secs(1);
/// So many times; then the server is gone.
const PATIENCE: usize = 30;
/// Datagrams taken from the kernel at once, at most.
const BATCH: usize = 64;
/// Room for what a window holds while this client waits for its processor.
const ROOM: usize = 8 << 20;
const HEADER: usize = 4;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Bytes a block (RFC 2348); 512 is not asked for.
    pub blksize: usize,
    /// Blocks an acknowledgement (RFC 7440); 1 is not asked for.
    pub windowsize: u64,
}

/// A file to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where.
    pub server: SocketAddr,
    /// Our own address.
    pub source: Ipv4Addr,
    /// What.
    pub file: &'a str,
    /// How.
    pub terms: Terms,
    /// Each byte is held against the pattern of the file with this number.
    pub verify: Option<u16>,
    /// Longer than this it is not waited for: what came until then counts.
    pub until: Option<Instant>,
}

/// What came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fetched {
    /// Bytes of the file.
    pub bytes: u64,
    /// Packets of ours that had to be sent again, and gaps that were told.
    pub repeated: u64,
}

/// Fetches a file; why it did not come.
pub fn fetch(ask: &Ask<'_>) -> Result<Fetched, String> {
    let socket = UdpSocket::bind((ask.source, 0)).expect("a socket");
    socket.set_read_timeout(Some(SILENCE)).expect("a time-out");
    setsockopt(&socket, RcvBufForce, &ROOM).expect("room for a window");
    let mut transfer = Transfer {
        socket,
        ask: *ask,
        next: 1,
        since_ack: 0,
        done: false,
        fetched: Fetched::default(),
    };
    transfer.open()?;
    transfer.receive()?;
    Ok(transfer.fetched)
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

struct Transfer<'a> {
    socket: UdpSocket,
    ask: Ask<'a>,
    /// The block to come, counted without end.
    next: u64,
    since_ack: u64,
    done: bool,
    fetched: Fetched,
}

impl Transfer<'_> {
    /// Asks, and speaks with the port that answers from then on.
    fn open(&mut self) -> Result<(), String> {
        let request = request(self.ask.file, self.ask.terms);
        let mut first = vec![0; HEADER + self.ask.terms.blksize.max(512)];
        let answer = (0..PATIENCE).find_map(|_| {
            self.socket
                .send_to(&request, self.ask.server)
                .expect("asking");
            self.socket.recv_from(&mut first).ok()
        });
        let (len, peer) = answer.ok_or("no answer")?;
        self.socket.connect(peer).expect("the server's port");
        self.take(&first[..len], len)
    }

    fn receive(&mut self) -> Result<(), String> {
        let batch = (self.ask.terms.windowsize as usize).min(BATCH);
        let data = self.ask.verify.map_or(0, |_| self.ask.terms.blksize);
        let mut packets = vec![vec![0; HEADER + data]; batch];
        let mut room = MultiHeaders::preallocate(batch, None);
        let mut silent = 0;
        while !self.done && !self.late() {
            let lengths = self.batch(&mut packets, &mut room)?;
            silent = if lengths.is_empty() { silent + 1 } else { 0 };
            if silent > 0 {
                self.fetched.repeated += 1;
                self.acknowledge();
            }
            if silent >= PATIENCE {
                return Err(format!("silence at block {}", self.next));
            }
            for (packet, len) in packets.iter().zip(lengths) {
                self.take(&packet[..len.min(packet.len())], len)?;
            }
        }
        self.hang_up();
        Ok(())
    }

    fn late(&self) -> bool {
        self.ask.until.is_some_and(|until| Instant::now() > until)
    }

    /// A transfer that is not waited for is ended as RFC 1350 has it.
    fn hang_up(&self) {
        if !self.done {
            let _ = self.socket.send(b"\0\x05\0\0enough\0");
        }
    }

    /// A packet, of which the first bytes are there, and its whole length.
    fn take(&mut self, packet: &[u8], len: usize) -> Result<(), String> {
        match packet {
            [0, 3, high, low, data @ ..] => {
                let number = u16::from_be_bytes([*high, *low]);
                self.block(number, data, len.saturating_sub(HEADER))
            }
            [0, 6, ..] => {
                self.acknowledge();
                Ok(())
            }
            other => Err(format!("it says {}", String::from_utf8_lossy(other))),
        }
    }

    /// What is there, and the lengths of the whole datagrams; nothing when it stays silent.
    fn batch(
        &self,
        packets: &mut [Vec<u8>],
        room: &mut MultiHeaders<()>,
    ) -> Result<Vec<usize>, String> {
        let parts = packets.iter_mut().map(|packet| [IoSliceMut::new(packet)]);
        let mut parts: Vec<_> = parts.collect();
        let flags = MsgFlags::MSG_WAITFORONE | MsgFlags::MSG_TRUNC;
        let socket = self.socket.as_raw_fd();
        match recvmmsg(socket, room, parts.iter_mut(), flags, None) {
            Ok(received) => Ok(received.map(|message| message.bytes).collect()),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Vec::new()),
            Err(error) => Err(format!("receiving: {error}")),
        }
    }

    fn block(&mut self, number: u16, data: &[u8], len: usize) -> Result<(), String> {
        if self.done || number != self.next as u16 {
            self.unexpected(number);
            return Ok(());
        }
        self.verify(data, len)?;
        self.fetched.bytes += len as u64;
        self.next += 1;
        self.since_ack += 1;
        self.done = len < self.ask.terms.blksize;
        if self.done || self.since_ack == self.ask.terms.windowsize {
            self.acknowledge();
        }
        Ok(())
    }

    fn verify(&self, data: &[u8], len: usize) -> Result<(), String> {
        let right = |number| data.len() == len && sample::holds(number, self.fetched.bytes, data);
        if self.ask.verify.is_none_or(right) {
            Ok(())
        } else {
            Err(format!("block {} is not the file's", self.next))
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

    /// Where the server has closed its port meanwhile, its silence tells.
    fn acknowledge(&mut self) {
        self.since_ack = 0;
        let [high, low] = ((self.next - 1) as u16).to_be_bytes();
        let _ = self.socket.send(&[0, 4, high, low]);
    }
}
