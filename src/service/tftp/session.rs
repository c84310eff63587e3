//! One transfer, from first packet to ending: what [`Sender`] says is done, what happens is told
//! to it.

use std::io;
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::files::Body;
use super::super::sys::connected::Connected;
use super::super::sys::inbox::Inbox;
use super::datagrams;
use super::report::{Report, printable};
use super::seats::Repeats;
use super::source::{Larder, Source};
use crate::transfer::{Ending, Input, Next, Run, Send, Sender, Step, Terms};
use crate::wire::tftp::{ErrorCode, Packet};
use tokio::time::Sleep;

/// What a transfer needs.
pub(super) struct Job {
    pub(super) socket: Connected,
    pub(super) peer: SocketAddrV4,
    pub(super) body: Body,
    pub(super) terms: Terms,
    /// The longest time without progress.
    pub(super) patience: Duration,
    pub(super) repeats: Repeats,
    /// Where there is room for what is read ahead.
    pub(super) larder: Arc<Larder>,
}

/// How it ended.
pub(super) struct Outcome {
    pub(super) ending: Ending,
    /// Bytes acknowledged.
    pub(super) acknowledged: u64,
    /// What the client said to it, where it said something.
    pub(super) words: String,
}

/// The body could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the file cannot be read: {error}")]
pub(super) struct Unreadable {
    /// Bytes acknowledged.
    pub(super) acknowledged: u64,
    error: io::Error,
}

/// One transfer under way.
struct Session<'a> {
    socket: Connected,
    inbox: Inbox,
    ears: Ears<'a>,
    source: Source,
    sender: Sender,
    repeats: Repeats,
    oack: Vec<u8>,
    /// Whether each block is answered.
    lock_step: bool,
    /// Whether sending has met a closed port.
    gone: bool,
    /// Ends a wait, at the latest when it should: it is set anew when it has run out, not at each
    /// packet, of which there are many more.
    alarm: Pin<Box<Sleep>>,
}

/// What makes sense of a client's packets.
struct Ears<'a> {
    peer: SocketAddrV4,
    report: &'a Report,
    /// The words of the client's ERROR.
    words: String,
}

/// Sends the body on these terms. Ends by itself after bounded time without progress.
///
/// # Errors
/// When the body cannot be read; the client was told.
pub(super) async fn run(job: Job, report: &Report) -> Result<Outcome, Unreadable> {
    let (terms, size) = (job.terms, job.body.len);
    let (sender, step) = Sender::start(Instant::now(), size, terms, job.patience);
    let oack = terms.oack.map(|options| Packet::Oack(options).encode());
    let session = Session {
        socket: job.socket,
        inbox: Inbox::new(),
        ears: Ears {
            peer: job.peer,
            report,
            words: String::new(),
        },
        source: Source::new(job.body.data, job.body.stamp, job.larder),
        sender,
        repeats: job.repeats,
        oack: oack.unwrap_or_default(),
        lock_step: terms.windowsize == 1,
        gone: false,
        alarm: Box::pin(tokio::time::sleep(Duration::ZERO)),
    };
    session.steps(step).await
}

impl Session<'_> {
    async fn steps(mut self, mut step: Step) -> Result<Outcome, Unreadable> {
        loop {
            if let Some(send) = step.send {
                if let Err(error) = self.transmit(send).await {
                    return Err(self.unreadable(error).await);
                }
                if self.lock_step {
                    self.inbox.expect();
                }
            }
            let input = match step.next {
                Next::Wait(until) => self.input(until).await,
                Next::Done(ending) => return Ok(self.outcome(ending)),
            };
            step = self.sender.on(Instant::now(), input);
        }
    }

    fn outcome(self, ending: Ending) -> Outcome {
        Outcome {
            ending,
            acknowledged: self.sender.acknowledged(),
            words: self.ears.words,
        }
    }

    async fn transmit(&mut self, send: Send) -> io::Result<()> {
        match send {
            Send::Oack => {
                let oack = std::mem::take(&mut self.oack);
                self.put(&oack).await;
                self.oack = oack;
                Ok(())
            }
            Send::Blocks(run) => self.blocks(run).await,
        }
    }

    async fn blocks(&mut self, run: Run) -> io::Result<()> {
        for piece in datagrams::pieces(&run) {
            self.piece(&piece).await?;
        }
        Ok(())
    }

    /// Fills and sends at once; where a disk or room in the queue has to be waited for, again after.
    async fn piece(&mut self, piece: &Run) -> io::Result<()> {
        let (whole, mut gone) = (datagrams::length(piece), 0);
        while gone < whole {
            match self.send_from(piece, gone)? {
                None => {
                    let least = piece.bytes() as usize; // a piece: what one send takes
                    self.source.fetch(piece.offset(), least).await?;
                }
                Some(Ok(more)) => gone += more,
                Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.source.let_go_of_little();
                    if self.socket.room().await.is_err() {
                        break; // lost, as below
                    }
                }
                Some(Err(e)) => {
                    self.lost(&e);
                    break;
                }
            }
        }
        self.source.let_go_of_little();
        Ok(())
    }

    /// Sends a piece's datagrams from this byte on, as far as they are there and there is room.
    fn send_from(&mut self, piece: &Run, gone: usize) -> io::Result<Option<io::Result<usize>>> {
        let socket = &mut self.socket;
        datagrams::at_once(&mut self.source, piece, |all| {
            socket.send_now(all.bytes.get(gone..).unwrap_or_default(), all.each)
        })
    }

    /// A datagram that cannot leave is a lost one; the sender's waits see to it.
    async fn put(&mut self, datagram: &[u8]) {
        if let Err(e) = self.socket.send(datagram, datagram.len()).await {
            self.lost(&e);
        }
    }

    fn lost(&mut self, error: &io::Error) {
        self.gone |= error.kind() == io::ErrorKind::ConnectionRefused;
    }

    async fn unreadable(mut self, error: io::Error) -> Unreadable {
        let told = Packet::Error {
            code: ErrorCode::UNDEFINED,
            text: b"the file cannot be read",
        };
        self.put(&told.encode()).await;
        Unreadable {
            acknowledged: self.sender.acknowledged(),
            error,
        }
    }

    /// What happens next, at the latest that the wait is over.
    async fn input(&mut self, until: Instant) -> Input {
        if std::mem::take(&mut self.gone) {
            return Input::Gone;
        }
        if until < self.alarm.deadline().into_std() {
            self.alarm.as_mut().reset(until.into());
        }
        loop {
            match self.event(until).await {
                Some(input) => return input,
                None if Instant::now() >= until => return self.passed_over(),
                None => {}
            }
        }
    }

    async fn event(&mut self, until: Instant) -> Option<Input> {
        tokio::select! {
            biased; // what has arrived comes before a wait that ended meanwhile
            heard = self.socket.hear(&mut self.inbox) => self.heard(heard),
            repeat = self.repeats.recv() => Some(match repeat {
                Some(()) => Input::Again,
                None => Input::Superseded,
            }),
            () = self.alarm.as_mut() => {
                self.alarm.as_mut().reset(until.into());
                None
            }
        }
    }

    fn heard(&mut self, heard: io::Result<()>) -> Option<Input> {
        match heard {
            Ok(()) => self.ears.understand(self.inbox.packet()),
            Err(e) => (e.kind() == io::ErrorKind::ConnectionRefused).then_some(Input::Gone),
        }
    }

    /// What was there and not looked at ([`Inbox::expect`]); else nothing came in time.
    fn passed_over(&mut self) -> Input {
        let heard = self.socket.look(&mut self.inbox);
        let input = heard.and_then(|heard| self.heard(heard));
        input.unwrap_or_else(|| {
            self.source.let_go();
            Input::Timeout
        })
    }
}

impl Ears<'_> {
    /// What a packet means in a transfer; nothing, if it has no business there.
    fn understand(&mut self, packet: &[u8]) -> Option<Input> {
        match Packet::decode(packet) {
            Ok(Packet::Ack(number)) => return Some(Input::Ack(number)),
            Ok(Packet::Error { code, text }) => {
                self.words = printable(text);
                return Some(Input::Error(code));
            }
            Ok(_) => self.report.malformed(self.peer, "no answer to a block"),
            Err(e) => self.report.malformed(self.peer, e.to_string()),
        }
        None
    }
}
