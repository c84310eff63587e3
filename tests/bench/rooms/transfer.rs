//! Whole files through the TFTP sender, in time that is made up: blocks a second that its decisions
//! allow, were reading and sending for nothing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bootjack::transfer::{Bounds, Ending, Input, Next, Run, Send, Sender, agree};
use bootjack::wire::tftp::Options;
use criterion::{BenchmarkId, Criterion, Throughput};

/// An initrd.
const SIZE: u64 = 32 << 20;
const BLKSIZE: u16 = 1468;
const WINDOWS: [u16; 3] = [1, 16, 64];
/// Of 1,000 packets, each way.
const LOST: [u64; 2] = [0, 10];
const TRIP: Duration = Duration::from_micros(100);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn all(c: &mut Criterion) {
    let mut group = c.benchmark_group("transfer");
    group.throughput(Throughput::Elements(SIZE / u64::from(BLKSIZE) + 1));
    let now = Instant::now();
    for windowsize in WINDOWS {
        for lost in LOST {
            let id = BenchmarkId::new(
                format!("window {windowsize}"),
                format!("{} % lost", lost / 10),
            );
            group.bench_function(id, |b| b.iter(|| whole(now, windowsize, lost)));
        }
    }
    group.finish();
}

/// One file, to its end.
fn whole(now: Instant, windowsize: u16, lost: u64) {
    let asked = Options {
        blksize: Some(BLKSIZE),
        windowsize: Some(windowsize),
        ..Options::default()
    };
    let terms = agree(&asked, SIZE, &Bounds::of_mtu(1500));
    let mut client = Client::new(windowsize, lost);
    let mut now = now;
    let (mut sender, mut step) = Sender::start(now, SIZE, terms, PATIENCE);
    loop {
        let wake = match step.next {
            Next::Wait(wake) => wake,
            Next::Done(ending) => break assert_eq!(ending, Ending::Sent),
        };
        let answer = step.send.and_then(|sent| client.hear(sent));
        step = if let Some(number) = answer {
            now += TRIP;
            sender.on(now, black_box(Input::Ack(number)))
        } else {
            now = wake;
            sender.on(now, Input::Timeout)
        };
    }
    assert_eq!(client.bytes, SIZE, "the whole file");
}

/// Who fetches it: an acknowledgement a window (RFC 7440), and one where blocks are missing.
struct Client {
    windowsize: u64,
    lost: u64,
    random: u64,
    /// The next block, counted without end.
    expected: u64,
    bytes: u64,
}

impl Client {
    const fn new(windowsize: u16, lost: u64) -> Self {
        Self {
            windowsize: windowsize as u64,
            lost,
            random: 1,
            expected: 1,
            bytes: 0,
        }
    }

    /// What is sent back, where anything comes of it.
    fn hear(&mut self, sent: Send) -> Option<u16> {
        let answers = match sent {
            Send::Oack => !self.is_lost(),
            Send::Blocks(run) => self.take(run),
        };
        (answers && !self.is_lost()).then(|| (self.expected - 1) as u16)
    }

    /// Whether there is something to say of these blocks.
    fn take(&mut self, run: Run) -> bool {
        let (before, mut gap) = (self.expected, false);
        for block in run.blocks() {
            if self.is_lost() {
                continue;
            }
            if block.number == self.expected as u16 {
                self.expected += 1;
                self.bytes += u64::from(block.len);
            } else {
                gap = true;
            }
        }
        let whole = self.expected - before == self.windowsize;
        gap || whole || self.bytes == SIZE
    }

    fn is_lost(&mut self) -> bool {
        if self.lost == 0 {
            return false;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 8) % 1000 < self.lost
    }
}
