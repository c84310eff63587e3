//! The TFTP client of a firmware (facts E): one transfer, sans-io.
//!
//! It asks as its firmware asks, takes what its firmware takes, and keeps of the file only its first
//! bytes ([`image::HEAD`](super::image::HEAD)) and how long it was. What comes from another address
//! is not looked at; what comes out of order costs one acknowledgement.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::fault::Fault;
use super::image::HEAD;
use super::kind::{Patience, Tftp};
use super::vendor::shown;
use crate::wire::tftp::{ErrorCode, Mode, Options, Packet, Request};

/// The port of TFTP.
const PORT: u16 = 69;
/// A block without options, in bytes.
const PLAIN: u16 = 512;
/// The largest file that is fetched, in bytes.
pub const LARGEST: u64 = 256 << 20;

/// How much of the file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Its size: ended by ERROR 8 after the OACK
    Size,
    /// Its first block, ended by ERROR 0: whether it is there
    Start,
    /// All of it
    Whole,
}

/// What becomes of a packet or a time-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing
    Quiet,
    /// This is to be sent.
    Send(SocketAddrV4, Vec<u8>),
    /// It has what it wanted; this is still to be sent.
    Done(SocketAddrV4, Vec<u8>),
    /// It has failed.
    Failed(Fault),
}

/// A transfer under way.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The server.
    pub server: Ipv4Addr,
    /// Our port.
    pub port: u16,
    name: Vec<u8>,
    want: Want,
    asked: Options,
    strict: bool,
    /// The server's port, once it has answered.
    peer: Option<u16>,
    block: u16,
    window: u64,
    /// Blocks that have come in order.
    blocks: u64,
    /// The last one that was acknowledged.
    acknowledged: u64,
    /// Behind which block one was missing last.
    missed: Option<u64>,
    last: Vec<u8>,
    patience: Patience,
    /// How often the last packet was waited for.
    waited: u32,
    /// The first bytes of the file.
    pub head: Vec<u8>,
    /// Bytes that have come.
    pub received: u64,
    /// Its size, where told.
    pub size: Option<u64>,
    /// When it began.
    pub began: Duration,
    /// When it is time for [`Transfer::timed_out`].
    pub until: Duration,
}

impl Transfer {
    /// Begins a transfer from our `port`; the request is to be sent.
    pub fn begin(
        now: Duration,
        from: (Ipv4Addr, &[u8]),
        port: u16,
        client: Tftp,
        want: Want,
    ) -> (Self, Step) {
        let (server, name) = from;
        let asked = asked(client, want);
        let mut transfer = Self {
            server,
            port,
            name: name.to_vec(),
            want,
            asked,
            strict: client.strict,
            peer: None,
            block: PLAIN,
            window: 1,
            blocks: 0,
            acknowledged: 0,
            missed: None,
            last: Vec::new(),
            patience: client.patience,
            waited: 0,
            head: Vec::new(),
            received: 0,
            size: None,
            began: now,
            until: now,
        };
        let request = Packet::Read(Request {
            name,
            mode: Mode::Octet,
            options: asked,
        });
        let step = transfer.send(now, request.encode());
        (transfer, step)
    }

    /// The file's name, for people.
    pub fn shown(&self) -> String {
        shown(&self.name)
    }

    fn server(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.server, self.peer.unwrap_or(PORT))
    }

    fn send(&mut self, now: Duration, bytes: Vec<u8>) -> Step {
        self.last.clone_from(&bytes);
        self.waits_anew(now);
        Step::Send(self.server(), bytes)
    }

    /// From the first wait on.
    fn waits_anew(&mut self, now: Duration) {
        self.waited = 0;
        self.until = now + self.next_wait().unwrap_or_default();
    }

    /// How long is waited now; `None`: no longer.
    fn next_wait(&mut self) -> Option<Duration> {
        let wait = self.patience.wait(self.waited);
        self.waited = self.waited.saturating_add(1);
        wait
    }

    /// Nothing came: once more, or never.
    pub fn timed_out(&mut self, now: Duration) -> Step {
        let (server, received) = (self.server(), self.received);
        let begun = self.peer.is_some();
        match self.next_wait() {
            None if begun => Step::Failed(Fault::Stalled { server, received }),
            None => Step::Failed(Fault::NoTftp(server)),
            Some(wait) => {
                self.until = now + wait;
                if begun && !self.patience.acknowledges_again {
                    return Step::Quiet;
                }
                Step::Send(server, self.last.clone())
            }
        }
    }

    /// Takes a datagram that came to our port.
    pub fn take(&mut self, now: Duration, from: SocketAddrV4, bytes: &[u8]) -> Step {
        let stranger = *from.ip() != self.server || self.peer.is_some_and(|p| p != from.port());
        if stranger {
            return Step::Quiet;
        }
        let Ok(packet) = Packet::decode(bytes) else {
            return Step::Quiet;
        };
        match packet {
            Packet::Oack(granted) if self.blocks == 0 => self.granted(now, from, bytes, granted),
            Packet::Data { block, bytes } => self.data(now, from, block, bytes),
            Packet::Error { code, text } => Step::Failed(Fault::Tftp {
                server: self.server,
                name: shown(&self.name),
                code: code.0,
                text: shown(text),
            }),
            _ => Step::Quiet,
        }
    }

    fn granted(
        &mut self,
        now: Duration,
        from: SocketAddrV4,
        bytes: &[u8],
        granted: Options,
    ) -> Step {
        if self.peer.is_some() {
            // Our acknowledgement was lost: EDK2 (`Mtftp4RrqHandleOack`) and iPXE send it again.
            return self.send(now, Packet::Ack(0).encode());
        }
        let good = is_subset(granted, self.asked) && bytes.last() == Some(&0);
        if self.strict && !good {
            return Step::Failed(Fault::BadGrant(self.server));
        }
        self.peer = Some(from.port());
        self.block = granted.blksize.unwrap_or(PLAIN);
        self.window = u64::from(granted.windowsize.unwrap_or(1));
        self.size = granted.tsize;
        if self.size.is_some_and(|size| size > LARGEST) {
            return Step::Failed(Fault::TooLarge(LARGEST));
        }
        match (self.want, self.size) {
            (Want::Size, Some(_)) => self.stop(ErrorCode::OPTIONS, b"User aborted the transfer"),
            (Want::Size, None) if names_size(bytes) => Step::Failed(Fault::BadSize(self.server)),
            (Want::Size, None) => Step::Failed(Fault::NoSize(self.server)),
            _ => self.send(now, Packet::Ack(0).encode()),
        }
    }

    fn data(&mut self, now: Duration, from: SocketAddrV4, number: u16, bytes: &[u8]) -> Step {
        if self.want == Want::Size {
            // It ignored the options: the size is not to be had so.
            return Step::Failed(Fault::NoSize(self.server));
        }
        self.peer = Some(from.port());
        if number != (self.blocks + 1) as u16 {
            return self.out_of_order(now, number);
        }
        self.blocks += 1;
        self.keep(bytes);
        let last = bytes.len() < usize::from(self.block);
        if self.received > LARGEST {
            return Step::Failed(Fault::TooLarge(LARGEST));
        }
        if self.want == Want::Start {
            return self.stop(ErrorCode::UNDEFINED, b"enough");
        }
        if last {
            return Step::Done(self.server(), Packet::Ack(number).encode());
        }
        if self.blocks - self.acknowledged < self.window {
            self.waits_anew(now);
            self.last = Packet::Ack(number).encode();
            return Step::Quiet;
        }
        self.acknowledged = self.blocks;
        self.send(now, Packet::Ack(number).encode())
    }

    /// A block is missing: the server is told the last one there is, once a gap. That one itself, when
    /// it comes again, is acknowledged again, as EDK2 (`Mtftp4RrqHandleData`), iPXE and GRUB do: our
    /// acknowledgement was lost. What was there before that is not answered.
    fn out_of_order(&mut self, now: Duration, number: u16) -> Step {
        let ahead = number.wrapping_sub(self.blocks as u16);
        if ahead == 0 && self.blocks > 0 {
            self.acknowledged = self.blocks;
            return self.send(now, Packet::Ack(number).encode());
        }
        let lost = u64::from(ahead) <= self.window && ahead > 1;
        if !lost || self.missed == Some(self.blocks) {
            return Step::Quiet;
        }
        self.missed = Some(self.blocks);
        self.acknowledged = self.blocks;
        self.send(now, Packet::Ack(self.blocks as u16).encode())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.received += bytes.len() as u64;
    }

    fn stop(&mut self, code: ErrorCode, text: &[u8]) -> Step {
        Step::Done(self.server(), Packet::Error { code, text }.encode())
    }
}

fn asked(client: Tftp, want: Want) -> Options {
    let size = match want {
        Want::Size => true,
        // EDK2 and ROMs know it from their first request.
        Want::Start | Want::Whole => client.sizes && !client.probes,
    };
    Options {
        blksize: (client.block != PLAIN).then_some(client.block),
        tsize: size.then_some(0),
        timeout: None,
        windowsize: client.window,
    }
}

/// Whether there is an option `tsize`, whatever its value.
fn names_size(oack: &[u8]) -> bool {
    let mut words = oack.get(2..).unwrap_or_default().split(|byte| *byte == 0);
    words.any(|word| word.eq_ignore_ascii_case(b"tsize"))
}

/// Whether only what was asked for is granted, and no more of it.
fn is_subset(granted: Options, asked: Options) -> bool {
    let within = |granted: Option<u16>, asked: Option<u16>| {
        granted.is_none_or(|granted| asked.is_some_and(|asked| granted <= asked))
    };
    within(granted.blksize, asked.blksize)
        && within(granted.windowsize, asked.windowsize)
        && (granted.tsize.is_none() || asked.tsize.is_some())
        && granted.timeout.is_none()
}
