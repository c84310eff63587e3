//! The whole conversation of one machine: inputs in, outputs out, nothing else.
//!
//! * [`Machine::handle`]: what happened → what to do; [`Machine::wakes_at`]: when to come back
//! * `lease`: DISCOVER, OFFER, REQUEST, ACK
//! * `heard`: which answers are for it, and what becomes of the others
//! * `boot`: what is booted, port 4011
//! * `menu`: prompt, items, and the boot servers behind them
//! * `load`: the loader by TFTP; [`web`]: by HTTP
//! * `pi`: the files of a Raspberry Pi
//! * `second`: what the loader asks for; [`Outlook`]: how far it comes by offers alone
//!
//! Invariants: it ends, whatever it hears: every wait has its time, and what it keeps its bound.
//! An address is its own only from the server's ACK on.

mod boot;
mod heard;
mod lease;
mod load;
mod menu;
mod outlook;
mod pi;
mod second;
pub mod web;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

pub use outlook::Outlook;

use super::fault::Fault;
use super::kind::{Firmware, Kind, Manner};
use super::message::{self, Identity, Purpose};
use super::reply::{Incoming, Reply};
use super::transfer::Transfer;

/// Answers that are kept (EDK2 keeps 16, too), and of those that are not, told.
const ANSWERS: usize = 16;
/// What belongs to no machine: the client's port, and the server's.
const CLIENT: u16 = 68;
const SERVER: u16 = 67;
/// The PXE boot service.
const PXE: u16 = 4011;

/// Who is played, and how.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Which firmware.
    pub kind: Kind,
    /// Who it is.
    pub identity: Identity,
    /// What is random about it: transactions and ports.
    pub seed: u64,
    /// Whether the loader is fetched whole.
    pub fetch: bool,
    /// The item of a menu that is chosen, from 1; `None`: nobody touches the keyboard.
    pub choose: Option<usize>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// It is switched on.
    Start,
    /// The time of [`Machine::wakes_at`] has come.
    Timer,
    /// A datagram came.
    Datagram(Incoming<'a>),
    /// The answer to [`Output::Fetch`].
    Web(web::Answer),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A datagram is to be sent.
    Send(Datagram),
    /// This address was offered to it.
    Offered(Ipv4Addr),
    /// This address is its own now.
    Own(Lease),
    /// This is to be fetched by HTTP.
    Fetch(web::Question),
    /// This is to be told.
    Say(Step),
    /// It is over.
    Done(Verdict),
}

/// A datagram to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// From this address and port.
    pub from: SocketAddrV4,
    /// To there: broadcast, a group, or one host.
    pub to: SocketAddrV4,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// An address, and how to reach others from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The subnet's mask.
    pub mask: Ipv4Addr,
    /// The router.
    pub router: Option<Ipv4Addr>,
    /// Who gave it.
    pub server: Ipv4Addr,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub topic: Topic,
    /// In words.
    pub text: String,
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// It has sent something
    Sent,
    /// It has heard something
    Heard,
    /// It has thrown something away
    Refused,
    /// It goes on in a certain way
    Note,
    /// Its screen shows this
    Screen,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The loader is there.
    Boots(Loader),
    /// It is not, for this reason.
    Fails(Fault),
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Loader {
    /// From where.
    pub from: String,
    /// Its size in bytes, where known.
    pub size: Option<u64>,
    /// Bytes fetched, and how long that took; `None`: only its size or its start was.
    pub fetched: Option<(u64, Duration)>,
    /// What it is, where it was fetched.
    pub image: Option<String>,
}

/// A machine.
#[derive(Debug)]
pub struct Machine {
    firmware: &'static Firmware,
    setup: Setup,
    dice: u64,
    now: Duration,
    wakes: Option<Duration>,
    xid: u32,
    phase: Phase,
    answers: Vec<Reply>,
    lease: Option<Lease>,
    /// What it has asked for, until that is its own or refused: a server may have bound it.
    asked: Option<Lease>,
    /// The ACK of the lease, the proxy's data, and a boot server's.
    ack: Option<Reply>,
    proxy: Option<Reply>,
    found: Option<Reply>,
    /// Whether a menu came up.
    prompted: bool,
    tally: heard::Tally,
    out: Vec<Output>,
}

/// Where it is.
#[derive(Debug)]
enum Phase {
    /// Before the start, and after the end
    Off,
    /// DISCOVER sent
    Discover(lease::Discover),
    /// REQUEST sent
    Request(lease::Request),
    /// Port 4011 asked
    Ask(boot::Ask),
    /// The prompt of a menu is shown: then this item
    Prompt(u16),
    /// A boot server is looked for
    Seek(menu::Seek),
    /// Something is fetched by TFTP
    Load(Box<Transfer>, load::Then),
    /// Something is fetched by HTTP
    Web(web::Question),
}

impl Machine {
    /// A machine that is off.
    pub fn new(setup: Setup) -> Self {
        Self {
            firmware: setup.kind.firmware(),
            setup,
            dice: setup.seed,
            now: Duration::ZERO,
            wakes: None,
            xid: 0,
            phase: Phase::Off,
            answers: Vec::new(),
            lease: None,
            asked: None,
            ack: None,
            proxy: None,
            found: None,
            prompted: false,
            tally: heard::Tally::default(),
            out: Vec::new(),
        }
    }

    /// When it wants [`Input::Timer`], on its own clock, which begins at 0.
    pub fn wakes_at(&self) -> Option<Duration> {
        self.wakes
    }

    /// The address it has taken, or asked for and perhaps been given, and not given back.
    pub fn lease(&self) -> Option<Lease> {
        self.lease.or(self.asked)
    }

    /// What happens at this time → what is to be done, in order.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Vec<Output> {
        self.now = self.now.max(now);
        let phase = std::mem::replace(&mut self.phase, Phase::Off);
        self.phase = match input {
            Input::Start => self.switch_on(),
            Input::Timer => self.time(phase),
            Input::Datagram(incoming) => self.hear(phase, incoming),
            Input::Web(answer) => self.web_answers(phase, answer),
        };
        std::mem::take(&mut self.out)
    }

    /// Gives the address back; to be sent when it is no longer needed.
    pub fn release(&mut self) -> Option<Datagram> {
        let lease = self.lease()?;
        (self.lease, self.asked) = (None, None);
        let purpose = Purpose::Release(lease.address, lease.server);
        let bytes = self.message(purpose, 0);
        Some(Datagram {
            from: SocketAddrV4::new(lease.address, CLIENT),
            to: SocketAddrV4::new(lease.server, SERVER),
            bytes,
        })
    }

    fn switch_on(&mut self) -> Phase {
        self.xid = self.roll() as u32;
        self.discover(lease::Discover::default())
    }

    fn time(&mut self, phase: Phase) -> Phase {
        if self.wakes.is_none_or(|at| at > self.now) {
            return phase;
        }
        self.wakes = None;
        match phase {
            Phase::Discover(discover) => self.window_ends(discover),
            Phase::Request(request) => self.request_again(request),
            Phase::Ask(ask) => self.ask_again(ask),
            Phase::Prompt(item) => self.seek(item),
            Phase::Seek(seek) => self.seek_again(seek),
            Phase::Load(transfer, then) => self.load_again(transfer, then),
            Phase::Off | Phase::Web(_) => phase,
        }
    }

    fn hear(&mut self, phase: Phase, incoming: Incoming<'_>) -> Phase {
        match phase {
            Phase::Load(transfer, then) => self.load_hears(transfer, then, incoming),
            Phase::Discover(discover) => self.offered(discover, incoming),
            Phase::Request(request) => self.confirmed(request, incoming),
            Phase::Ask(ask) => self.ask_answered(ask, incoming),
            Phase::Seek(seek) => self.seek_answered(seek, incoming),
            Phase::Off | Phase::Prompt(_) | Phase::Web(_) => phase,
        }
    }

    /// The next number that nobody can guess who does not know the seed (splitmix64).
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A port of its own for a transfer.
    fn any_port(&mut self) -> u16 {
        49152 + (self.roll() % 16000) as u16
    }

    fn wake_in(&mut self, delay: Duration) {
        self.wakes = Some(self.now + delay);
    }

    fn manner(&self) -> Manner {
        self.firmware.manner
    }

    /// The address of the lease, or none.
    fn own(&self) -> Ipv4Addr {
        self.lease
            .map_or(Ipv4Addr::UNSPECIFIED, |lease| lease.address)
    }

    fn say(&mut self, topic: Topic, text: impl Into<String>) {
        let text = text.into();
        self.out.push(Output::Say(Step { topic, text }));
    }

    fn message(&self, purpose: Purpose, secs: u16) -> Vec<u8> {
        let who = self.setup.identity;
        message::message(self.firmware, who, purpose, self.xid, secs).encode()
    }

    fn send(&mut self, port: u16, to: SocketAddrV4, purpose: Purpose, secs: u16) {
        let bytes = self.message(purpose, secs);
        let from = SocketAddrV4::new(purpose.own(), port);
        self.out.push(Output::Send(Datagram { from, to, bytes }));
    }

    fn fail(&mut self, fault: Fault) -> Phase {
        if fault.is_of_silence() {
            self.say_of_strays();
        }
        for line in fault.screen(self.manner()) {
            self.say(Topic::Screen, line);
        }
        self.end(Verdict::Fails(fault))
    }

    fn end(&mut self, verdict: Verdict) -> Phase {
        self.wakes = None;
        self.say_of_the_rest();
        if matches!(verdict, Verdict::Boots(_)) && self.setup.choose.is_some() && !self.prompted {
            let text = "no menu came up: nothing was chosen (--choose)";
            self.say(Topic::Note, text);
        }
        self.out.push(Output::Done(verdict));
        Phase::Off
    }
}
