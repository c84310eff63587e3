//! One machine of the room: the firmware's part by the client of `bootjack probe`, then iPXE as the
//! loader, which asks anew, gets its script by HTTP and with it the kernel and the initrd.
//!
//! What goes wrong is as with real machines: the boot fails, and somebody switches the machine on
//! again ([`AGAIN_AFTER`], [`BOOTS`]). Why it had to is kept.
//!
//! Absent on purpose: sockets and the clock. The loader iPXE is played as iPXE in a BIOS machine,
//! whichever machine has loaded it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bootjack::firmware::machine::web::{Answer, Question};
use bootjack::firmware::machine::{Loader, Setup};
use bootjack::firmware::message::Identity;
use bootjack::firmware::{Input, Kind, Machine, Output, Verdict};
use bootjack::service::probe::stack::Stack;
use bootjack::wire::Mac;

/// How often a machine is switched on, at most.
pub const BOOTS: u32 = 3;
/// Somebody sees that it has not booted.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// From the loader's last block to its first DISCOVER.
const LOADER_STARTS: Duration = Duration::from_millis(300);
/// What follows a fetch that failed.
pub const TRIED_AGAIN: &str = "its script began again";
/// The first bytes of every machine's hardware address; its number follows.
const MAKER: [u8; 4] = [0x52, 0x54, 0x00, 0x77];

/// What takes its time, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// From power-on to an address and what to boot
    Lease,
    /// The loader by TFTP
    Loader,
    /// The loader's own DHCP
    Ipxe,
    /// Its script by HTTP
    Menu,
    /// Initrd and kernel by HTTP, with what the menu waits
    Files,
}

/// All of them, with what they are called.
pub const STAGES: [(Stage, &str); 5] = [
    (Stage::Lease, "lease"),
    (Stage::Loader, "loader"),
    (Stage::Ipxe, "iPXE's lease"),
    (Stage::Menu, "menu"),
    (Stage::Files, "kernel, initrd"),
];

/// How it is with a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is switched on at this time.
    Off(Duration),
    /// It boots.
    Boots,
    /// It has all that it needs.
    Done,
    /// Nobody switches it on any more.
    Failed,
    /// Its plug was pulled.
    Cut,
}

/// What a machine wants of the room.
#[derive(Debug, Default)]
pub struct Wants {
    /// Frames that go out.
    pub frames: Vec<Vec<u8>>,
    /// This address is its own.
    pub owns: Option<Ipv4Addr>,
    /// This is to be fetched from that address.
    pub fetches: Option<(Ipv4Addr, Question)>,
}

/// A machine.
#[derive(Debug)]
pub struct Player {
    number: u16,
    kind: Kind,
    /// How it is.
    pub state: State,
    /// How often it was switched on.
    pub boots: u32,
    machine: Machine,
    stack: Stack,
    /// The stage it is in, and when that began.
    stage: (Stage, Duration),
    /// When the machine being played was switched on, on the room's clock.
    zero: Duration,
    /// When the first of all was, and when it had all.
    pub began: Option<Duration>,
    /// When it had all.
    pub ended: Option<Duration>,
    /// How long each stage took, of the last boot.
    pub took: [Option<Duration>; STAGES.len()],
    /// Bytes of the loader.
    pub loaded: u64,
    /// After its first DISCOVER, when the server under test answered.
    pub answered: Option<Duration>,
    /// Packets that it had to send again.
    pub again: u64,
    /// Why a boot failed, and what the machine had said last.
    pub faults: Vec<(String, String)>,
    last_sent: Vec<u8>,
    last_step: String,
    /// The next alarm that the room knows of.
    alarm: Option<Duration>,
}

impl Player {
    /// A machine that will be switched on.
    pub fn new(number: u16, kind: Kind, starts: Duration) -> Self {
        Self {
            number,
            kind,
            state: State::Off(starts),
            boots: 0,
            machine: machine(number, kind, 0),
            stack: Stack::new(Mac::ethernet(mac(number))),
            stage: (Stage::Lease, starts),
            zero: starts,
            began: None,
            ended: None,
            took: [None; STAGES.len()],
            loaded: 0,
            answered: None,
            again: 0,
            faults: Vec::new(),
            last_sent: Vec::new(),
            last_step: String::new(),
            alarm: Some(starts),
        }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its hardware address.
    pub fn mac(&self) -> [u8; 6] {
        mac(self.number)
    }

    /// Whether nothing happens to it any more.
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Done | State::Failed | State::Cut)
    }

    /// Whether anything goes through its cable. What was begun by TCP is ended when it is done, too.
    pub fn is_on(&self) -> bool {
        !matches!(self.state, State::Cut | State::Failed)
    }

    /// Whether it loads its kernel now.
    pub fn loads(&self) -> bool {
        self.state == State::Boots && self.stage.0 == Stage::Files
    }

    /// When [`Player::wake`] is due.
    pub fn wakes_at(&self) -> Option<Duration> {
        match self.state {
            State::Off(at) => Some(at),
            State::Boots => self.machine.wakes_at().map(|at| self.zero + at),
            _ => None,
        }
    }

    /// When the room is to wake it, where the room does not know yet: it wakes it at the earliest
    /// time it was told, and asks anew.
    pub fn alarm(&mut self) -> Option<Duration> {
        let wakes = self.wakes_at()?;
        let known = self.alarm.is_some_and(|alarm| alarm <= wakes);
        (!known).then(|| *self.alarm.insert(wakes))
    }

    /// An alarm rings; perhaps its time has come.
    pub fn wake(&mut self, now: Duration) -> Wants {
        if self.alarm.is_some_and(|alarm| alarm <= now) {
            self.alarm = None;
        }
        if self.wakes_at().is_none_or(|at| at > now) {
            return Wants::default();
        }
        if self.state == State::Boots {
            return self.input(now, Input::Timer);
        }
        let fresh = self.boots == 0 || self.stage.0 == Stage::Lease;
        self.state = State::Boots;
        self.zero = now;
        self.stage.1 = now;
        self.began.get_or_insert(now);
        self.boots += u32::from(fresh);
        self.input(now, Input::Start)
    }

    /// A frame came.
    pub fn hear(&mut self, now: Duration, frame: &[u8], server: Ipv4Addr) -> Wants {
        let (incoming, frames) = self.stack.hear(frame);
        let mut wants = Wants {
            frames,
            ..Wants::default()
        };
        let Some(incoming) = incoming.filter(|_| self.state == State::Boots) else {
            return wants;
        };
        if self.answered.is_none() && *incoming.from.ip() == server && incoming.port == 68 {
            self.answered = self.began.map(|began| now.saturating_sub(began));
        }
        let outputs = self
            .machine
            .handle(now.saturating_sub(self.zero), Input::Datagram(incoming));
        self.act(now, outputs, &mut wants);
        wants
    }

    /// The script came, or did not.
    pub fn web(&mut self, now: Duration, answer: Answer) -> Wants {
        self.input(now, Input::Web(answer))
    }

    /// Kernel and initrd are there.
    pub fn has_all(&mut self, now: Duration) {
        self.passes(now, Stage::Files);
        self.ended = Some(now);
        self.state = State::Done;
    }

    /// One of them did not come; its script will try again.
    pub fn stumbles(&mut self, why: String) {
        self.last_step.clone_from(&why);
        self.faults.push((why, TRIED_AGAIN.to_owned()));
    }

    /// They never came.
    pub fn gives_up(&mut self, now: Duration, why: String) -> Wants {
        self.fails(now, why);
        Wants::default()
    }

    /// Its plug is pulled.
    pub fn cut(&mut self) {
        self.state = State::Cut;
    }

    fn input(&mut self, now: Duration, input: Input<'_>) -> Wants {
        let mut wants = Wants::default();
        let outputs = self.machine.handle(now.saturating_sub(self.zero), input);
        self.act(now, outputs, &mut wants);
        wants
    }

    fn act(&mut self, now: Duration, outputs: Vec<Output>, wants: &mut Wants) {
        for output in outputs {
            match output {
                Output::Say(step) => self.last_step = step.text,
                Output::Offered(_) => {}
                Output::Own(lease) => {
                    self.stack.own(lease);
                    wants.owns = Some(lease.address);
                }
                Output::Send(datagram) => {
                    self.notes(now, datagram.to, &datagram.bytes);
                    wants.frames.extend(self.stack.send(&datagram));
                }
                Output::Fetch(question) => {
                    let address = self.machine.lease().map(|lease| lease.address);
                    self.passes(now, self.stage.0);
                    self.stage.0 = Stage::Menu;
                    wants.fetches = address.map(|address| (address, question));
                }
                Output::Done(Verdict::Boots(loader)) => self.loaded(now, &loader),
                Output::Done(Verdict::Fails(fault)) => self.fails(now, fault.to_string()),
            }
        }
    }

    /// The first request for a file ends the stage of the lease; what was sent before is a
    /// repetition.
    fn notes(&mut self, now: Duration, to: SocketAddrV4, bytes: &[u8]) {
        if to.port() == 69 && self.stage.0 == Stage::Lease {
            self.passes(now, Stage::Lease);
            self.stage.0 = Stage::Loader;
        }
        // DHCP says how long it has been asking.
        let (head, tail) = (bytes.get(..8), bytes.get(10..));
        let dhcp = to.port() != 69 && bytes.len() > 200;
        let same = if dhcp {
            self.last_sent.get(..8) == head && self.last_sent.get(10..) == tail
        } else {
            self.last_sent == bytes
        };
        self.again += u64::from(same);
        self.last_sent = bytes.to_vec();
    }

    /// The ROM's loader starts; or the loader has its script.
    fn loaded(&mut self, now: Duration, loader: &Loader) {
        self.passes(now, self.stage.0);
        if self.stage.0 == Stage::Menu {
            self.stage.0 = Stage::Files;
            return;
        }
        self.loaded = loader.size.unwrap_or_default();
        self.stage.0 = Stage::Ipxe;
        self.machine = machine(self.number, Kind::Ipxe, self.boots);
        self.state = State::Off(now + LOADER_STARTS);
        self.stack = Stack::new(Mac::ethernet(mac(self.number)));
    }

    fn fails(&mut self, now: Duration, why: String) {
        self.faults.push((why, self.last_step.clone()));
        self.stage = (Stage::Lease, now);
        self.took = [None; STAGES.len()];
        self.machine = machine(self.number, self.kind, self.boots);
        self.stack = Stack::new(Mac::ethernet(mac(self.number)));
        self.state = if self.boots < BOOTS {
            State::Off(now + AGAIN_AFTER)
        } else {
            State::Failed
        };
    }

    fn passes(&mut self, now: Duration, stage: Stage) {
        self.took[stage as usize] = Some(now.saturating_sub(self.stage.1));
        self.stage.1 = now;
    }
}

/// The hardware address of this machine.
pub fn mac(number: u16) -> [u8; 6] {
    let [a, b, c, d] = MAKER;
    let [e, f] = number.to_be_bytes();
    [a, b, c, d, e, f]
}

/// The machine of this hardware address.
pub fn number(mac: &[u8]) -> Option<u16> {
    let number = mac.strip_prefix(&MAKER)?;
    Some(u16::from_be_bytes(number.try_into().ok()?))
}

fn machine(number: u16, kind: Kind, boots: u32) -> Machine {
    // As real firmware has one; what bootjack learns of these machines counts.
    let uuid = format!("6a1f0c52-1b5e-4c77-8d31-52540077{number:04x}");
    let uuid = Some(uuid.parse().expect("a UUID"));
    Machine::new(Setup {
        kind,
        identity: Identity {
            mac: Mac::ethernet(mac(number)),
            uuid,
        },
        seed: u64::from(number) << 32 | u64::from(boots) << 8 | u64::from(kind == Kind::Ipxe),
        fetch: true,
        choose: None,
    })
}
