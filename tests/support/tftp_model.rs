//! A TFTP client and a bad network in virtual time, to hold the sender against.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use bootjack::transfer::{Bounds, Ending, Failure, Input, Next, Send, Sender, Step, agree};
use bootjack::wire::tftp::Options;

/// How a client answers blocks it did not expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// One ACK a gap, one when the block before comes again (RFC 1350, 7440)
    Quiet,
    /// An ACK for each of them (EDK2)
    Echoing,
}

/// What is fetched, how, and through what.
#[derive(Debug, Clone)]
pub struct Case {
    pub size: u64,
    pub asked: Options,
    pub manner: Manner,
    /// Of 1,000 packets, how many are lost, doubled, delayed (and so overtaken).
    pub lost: u64,
    pub doubled: u64,
    pub delayed: u64,
    /// Only the first so many packets suffer.
    pub until: u64,
    pub seed: u64,
}

impl Case {
    /// A faultless network.
    pub fn clean(size: u64, asked: Options, manner: Manner) -> Self {
        Self {
            size,
            asked,
            manner,
            lost: 0,
            doubled: 0,
            delayed: 0,
            until: u64::MAX,
            seed: 1,
        }
    }
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    pub ending: Ending,
    pub bytes: Vec<u8>,
    /// DATA packets sent.
    pub blocks: u64,
    /// The highest block sent more than once, counted without end; 0: none was.
    pub repeated: u64,
    /// OACKs sent.
    pub oacks: u64,
    /// Packets that were lost, doubled or delayed.
    pub harmed: u64,
    pub took: Duration,
}

/// The model file; no two neighbouring blocks are alike.
pub fn file(size: u64) -> Vec<u8> {
    let words = (0..=size / 4).map(|n| (n as u32).wrapping_mul(0x9e37_79b1));
    let mut bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    bytes.truncate(size as usize);
    bytes
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Packet {
    Request,
    Oack,
    Data(u16, Vec<u8>),
    Ack(u16),
}

/// Something due at a time; the number keeps the order of equals.
type Due = Reverse<(Duration, u64, Arrival)>;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    AtServer(Packet),
    AtClient(Packet),
    ServerTimer,
    ClientTimer(u64),
}

struct Client {
    manner: Manner,
    blksize: usize,
    windowsize: u64,
    oack: bool,
    started: bool,
    /// The next block, counted without end.
    expected: u64,
    since_ack: u64,
    reported: Option<u64>,
    bytes: Vec<u8>,
    complete: bool,
    heard: u64,
}

impl Client {
    fn take(&mut self, packet: Packet) -> Option<Packet> {
        self.heard += 1;
        match packet {
            Packet::Oack if self.oack && self.expected == 1 => {
                self.started = true;
                Some(Packet::Ack(0))
            }
            Packet::Data(number, bytes) if self.started || !self.oack => {
                self.started = true;
                self.data(number, &bytes)
            }
            _ => None,
        }
    }

    fn data(&mut self, number: u16, bytes: &[u8]) -> Option<Packet> {
        if self.complete || number != self.expected as u16 {
            return self.unexpected(number);
        }
        self.bytes.extend_from_slice(bytes);
        self.expected += 1;
        self.since_ack += 1;
        self.complete = bytes.len() < self.blksize;
        (self.complete || self.since_ack == self.windowsize).then(|| self.ack())
    }

    fn unexpected(&mut self, number: u16) -> Option<Packet> {
        let ahead = number.wrapping_sub(self.expected as u16) < 0x8000 && !self.complete;
        let gap = ahead && self.reported != Some(self.expected);
        let last_again = self.started && number == (self.expected - 1) as u16;
        (self.manner == Manner::Echoing || gap || last_again).then(|| {
            self.reported = Some(self.expected);
            self.ack()
        })
    }

    fn ack(&mut self) -> Packet {
        self.since_ack = 0;
        Packet::Ack((self.expected - 1) as u16)
    }

    fn silence(&mut self) -> Option<Packet> {
        match (self.complete, self.started) {
            (true, _) => None,
            (false, true) => Some(self.ack()),
            (false, false) => Some(Packet::Request),
        }
    }
}

struct World {
    case: Case,
    file: Vec<u8>,
    epoch: Instant,
    now: Duration,
    queue: BinaryHeap<Due>,
    count: u64,
    random: u64,
    sender: Option<Sender>,
    deadline: Option<Duration>,
    client: Client,
    ending: Option<Ending>,
    blocks: u64,
    highest: u64,
    repeated: u64,
    oacks: u64,
    harmed: u64,
}

const TRIP: Duration = Duration::from_micros(100);
const CLIENT_WAITS: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a case to its end.
pub fn run(case: &Case) -> Outcome {
    let terms = agree(&case.asked, case.size, &bounds());
    let mut world = World {
        case: case.clone(),
        file: file(case.size),
        epoch: Instant::now(),
        now: Duration::ZERO,
        queue: BinaryHeap::new(),
        count: 0,
        random: case.seed | 1,
        sender: None,
        deadline: None,
        client: Client {
            manner: case.manner,
            blksize: terms.blksize.into(),
            windowsize: terms.windowsize.into(),
            oack: terms.oack.is_some(),
            started: false,
            expected: 1,
            since_ack: 0,
            reported: None,
            bytes: Vec::new(),
            complete: false,
            heard: 0,
        },
        ending: None,
        blocks: 0,
        highest: 0,
        repeated: 0,
        oacks: 0,
        harmed: 0,
    };
    world.transmit(Arrival::AtServer(Packet::Request));
    world.watch_client();
    while world.step() {}
    Outcome {
        ending: world.ending.expect("the sender ends"),
        bytes: world.client.bytes,
        blocks: world.blocks,
        repeated: world.repeated,
        oacks: world.oacks,
        harmed: world.harmed,
        took: world.now,
    }
}

/// Everything the wire can say.
pub fn bounds() -> Bounds {
    Bounds {
        blksize: Options::MAX_BLKSIZE,
        windowsize: 64,
    }
}

impl World {
    /// One event; `false` when the transfer is over or an hour has passed.
    fn step(&mut self) -> bool {
        let Some(Reverse((at, _, arrival))) = self.queue.pop() else {
            return false;
        };
        self.now = at;
        match arrival {
            Arrival::AtServer(packet) => self.serve(&packet),
            Arrival::AtClient(packet) => {
                let answer = self.client.take(packet);
                self.answer(answer);
                self.watch_client();
            }
            Arrival::ServerTimer if self.deadline == Some(at) => self.input(Input::Timeout),
            Arrival::ClientTimer(heard) if heard == self.client.heard => {
                let answer = self.client.silence();
                self.answer(answer);
                self.watch_client();
            }
            Arrival::ServerTimer | Arrival::ClientTimer(_) => {}
        }
        let over = self.ending.is_some_and(|e| e != NEVER_HEARD);
        !over && at < Duration::from_secs(3600)
    }

    fn serve(&mut self, packet: &Packet) {
        match packet {
            Packet::Request if self.sender.is_none() => {
                let terms = agree(&self.case.asked, self.case.size, &bounds());
                let (sender, step) =
                    Sender::start(self.epoch + self.now, self.case.size, terms, PATIENCE);
                (self.sender, self.ending) = (Some(sender), None);
                self.act(step);
            }
            Packet::Request => self.input(Input::Again),
            Packet::Ack(number) => self.input(Input::Ack(*number)),
            Packet::Oack | Packet::Data(..) => unreachable!("a client does not send these"),
        }
    }

    fn input(&mut self, input: Input) {
        let now = self.epoch + self.now;
        if let Some(sender) = &mut self.sender {
            let step = sender.on(now, input);
            self.act(step);
        }
    }

    fn act(&mut self, step: Step) {
        match step.send {
            Some(Send::Oack) => {
                self.oacks += 1;
                self.transmit(Arrival::AtClient(Packet::Oack));
            }
            Some(Send::Blocks(run)) => {
                if run.first() <= self.highest {
                    self.repeated = self.repeated.max(self.highest.min(run.last()));
                }
                self.highest = self.highest.max(run.last());
                for block in run.blocks() {
                    self.blocks += 1;
                    let from = block.offset as usize;
                    let bytes = self.file[from..from + usize::from(block.len)].to_vec();
                    let data = Packet::Data(block.number, bytes);
                    self.transmit(Arrival::AtClient(data));
                }
            }
            None => {}
        }
        match step.next {
            Next::Wait(until) => {
                let at = until.saturating_duration_since(self.epoch).max(self.now);
                self.deadline = Some(at);
                self.push(at, Arrival::ServerTimer);
            }
            Next::Done(ending) => (self.ending, self.sender) = (Some(ending), None),
        }
    }

    fn answer(&mut self, packet: Option<Packet>) {
        if let Some(packet) = packet {
            self.transmit(Arrival::AtServer(packet));
        }
    }

    fn watch_client(&mut self) {
        self.client.heard += 1;
        let timer = Arrival::ClientTimer(self.client.heard);
        self.push(self.now + CLIENT_WAITS, timer);
    }

    fn transmit(&mut self, arrival: Arrival) {
        let bad = self.count < self.case.until;
        let (lost, doubled, delayed) = (self.case.lost, self.case.doubled, self.case.delayed);
        if bad && self.chance(lost) {
            self.harmed += 1;
            return;
        }
        let mut delay = TRIP;
        if bad && self.chance(delayed) {
            self.harmed += 1;
            delay += Duration::from_micros(self.next_random() % 400);
        }
        if bad && self.chance(doubled) {
            self.harmed += 1;
            let twin = match &arrival {
                Arrival::AtServer(packet) => Arrival::AtServer(packet.clone()),
                Arrival::AtClient(packet) => Arrival::AtClient(packet.clone()),
                Arrival::ServerTimer | Arrival::ClientTimer(_) => unreachable!("no packets"),
            };
            self.push(self.now + delay, twin);
        }
        self.push(self.now + delay, arrival);
    }

    fn push(&mut self, at: Duration, arrival: Arrival) {
        self.count += 1;
        self.queue.push(Reverse((at, self.count, arrival)));
    }

    fn chance(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.next_random() % 1000 < per_mille
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 8
    }
}

const NEVER_HEARD: Ending = Ending::Failed(Failure::NeverHeard);
