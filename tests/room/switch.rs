//! The room's switch: all machines on one side, the cable to the servers on the other, one thread.
//!
//! ```text
//! servers' segment ── card ── link down ──► machine: its own stack (ARP, UDP), or the kernel's (TCP)
//!                      └───── link up ◄──── what machines send
//! ```
//!
//! TCP is the kernel's, in a host that has all addresses of the room: its frames get the hardware
//! address of the machine whose address they carry, and those for a machine get the host's. What is
//! for a machine that is off goes nowhere.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use bootjack::wire::ether::{self, Frame};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::card::Card;
use super::link::{Link, Tally};
use super::plan::Plan;
use super::player::{self, Player, State, Wants};
use super::progress::{Command, Progress};
use super::web::{News, Web, Which};

/// Frames taken from a card in one turn.
const BATCH: usize = 256;
/// A turn comes at least so often: news of HTTP wakes nobody.
const TURN: Duration = Duration::from_millis(1);
/// Where things are in an Ethernet frame with an IPv4 header without options.
const PROTOCOL: usize = 23;
const SOURCE: usize = 26;
const CHADDR: usize = 14 + 20 + 8 + 28;
const ARP_TARGET: usize = 14 + 24;
const TCP: u8 = 6;
/// From the end of a boot to the next one, where machines boot again and again.
const PAUSE: Duration = Duration::from_secs(3);

/// What connects the room.
#[derive(Debug)]
pub struct Cables {
    /// To the servers.
    pub servers: Card,
    /// To the host that speaks TCP, and that host's hardware address.
    pub tcp: (Card, [u8; 6]),
    /// The server under test.
    pub server: Ipv4Addr,
}

/// A room that is being played.
#[derive(Debug)]
pub struct Switch {
    plan: Plan,
    cables: Cables,
    web: Web,
    down: Link,
    up: Link,
    players: Vec<Player>,
    /// Those that have ended and boot again.
    before: Vec<Player>,
    addresses: HashMap<Ipv4Addr, u16>,
    alarms: BinaryHeap<Reverse<(Duration, u16)>>,
    began: Instant,
    progress: Arc<Progress>,
    commands: Receiver<Command>,
}

/// What came of it.
#[derive(Debug)]
pub struct Played {
    /// Every machine; where they boot again and again, every boot.
    pub players: Vec<Player>,
    /// What went over the cable to the machines, and from them.
    pub down: Tally,
    /// From them.
    pub up: Tally,
    /// How long it took.
    pub long: Duration,
}

impl Switch {
    /// A room whose machines are off.
    pub fn new(
        plan: Plan,
        cables: Cables,
        web: Web,
        progress: Arc<Progress>,
        commands: Receiver<Command>,
    ) -> Self {
        let player = |number| Player::new(number, plan.kind(number), plan.starts(number));
        let players: Vec<Player> = (0..plan.machines).map(player).collect();
        let alarms = (0..plan.machines).map(|number| Reverse((plan.starts(number), number)));
        Self {
            cables,
            web,
            down: Link::new(plan.cable, plan.seed),
            up: Link::new(plan.cable, !plan.seed),
            alarms: alarms.collect(),
            players,
            before: Vec::new(),
            addresses: HashMap::new(),
            began: Instant::now(),
            progress,
            commands,
            plan,
        }
    }

    /// Plays to the end of all machines.
    pub fn play(mut self) -> Played {
        self.began = Instant::now();
        while !self.is_over() {
            self.turn();
            self.rest();
        }
        self.before.append(&mut self.players);
        Played {
            players: self.before,
            down: self.down.tally(),
            up: self.up.tally(),
            long: self.began.elapsed(),
        }
    }

    fn is_over(&self) -> bool {
        let over = |player: &Player| {
            player.is_settled() || self.plan.only_offers && player.answered.is_some()
        };
        self.players.iter().all(over)
    }

    fn turn(&mut self) {
        let now = self.began.elapsed();
        self.hear(now);
        while let Some(frame) = self.down.arrived(now) {
            self.deliver(now, frame);
        }
        self.alarms_ring(now);
        self.news(now);
        self.obey(now);
        while let Some(frame) = self.up.arrived(now) {
            self.cables.servers.send(&frame);
        }
        self.progress.tell(&self.players);
    }

    /// Until something comes or is due.
    fn rest(&self) {
        let now = self.began.elapsed();
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        let next = [self.down.next(), self.up.next(), alarm];
        let next = next.into_iter().flatten().min();
        let wait = next.map_or(TURN, |at| at.saturating_sub(now).min(TURN));
        let cards = [&self.cables.servers, &self.cables.tcp.0];
        let mut fds = cards.map(|card| PollFd::new(card.as_fd(), PollFlags::POLLIN));
        let _ = ppoll(&mut fds, Some(TimeSpec::from(wait)), None);
    }

    fn hear(&mut self, now: Duration) {
        for _ in 0..BATCH {
            let Some(frame) = self.cables.servers.hear() else {
                break;
            };
            if is_for_us(&frame) {
                self.down.take(now, frame);
            }
        }
        for _ in 0..BATCH {
            let Some(mut frame) = self.cables.tcp.0.hear() else {
                break;
            };
            if let Some(number) = self.sender(&frame) {
                frame[6..12].copy_from_slice(&player::mac(number));
                self.up.take(now, frame);
            }
        }
    }

    /// The machine that a frame of the kernel's TCP is of.
    fn sender(&self, frame: &[u8]) -> Option<u16> {
        let tcp = frame.get(12..14) == Some(&ether::IPV4.to_be_bytes())
            && frame.get(PROTOCOL) == Some(&TCP);
        let number = *self.addresses.get(&address(frame, SOURCE)?)?;
        (tcp && self.players[usize::from(number)].is_on()).then_some(number)
    }

    fn deliver(&mut self, now: Duration, mut frame: Vec<u8>) {
        let Some(number) = self.receiver(&frame) else {
            return;
        };
        let Some(player) = self.players.get_mut(usize::from(number)) else {
            return;
        };
        if !player.is_on() {
            return;
        }
        let ip = frame[12..14] == ether::IPV4.to_be_bytes();
        if ip && frame.get(PROTOCOL) == Some(&TCP) {
            frame[..6].copy_from_slice(&self.cables.tcp.1);
            return self.cables.tcp.0.send(&frame);
        }
        let wants = player.hear(now, &frame, self.cables.server);
        self.act(now, number, wants);
    }

    /// Whom a frame is for; broadcasts are those of DHCP, which name the machine, and of ARP, which
    /// name its address.
    fn receiver(&self, bytes: &[u8]) -> Option<u16> {
        let frame = Frame::decode(bytes)?;
        if frame.to != ether::BROADCAST {
            return player::number(&frame.to);
        }
        match frame.kind {
            ether::ARP => self.addresses.get(&address(bytes, ARP_TARGET)?).copied(),
            _ => player::number(bytes.get(CHADDR..CHADDR + 6)?),
        }
    }

    fn alarms_ring(&mut self, now: Duration) {
        while let Some(Reverse((at, number))) = self.alarms.peek().copied() {
            if at > now {
                return;
            }
            self.alarms.pop();
            let wants = self.players[usize::from(number)].wake(now);
            self.act(now, number, wants);
        }
    }

    fn act(&mut self, now: Duration, number: u16, wants: Wants) {
        for frame in wants.frames {
            self.up.take(now, frame);
        }
        if let Some(address) = wants.owns {
            self.addresses.insert(address, number);
        }
        let player = &mut self.players[usize::from(number)];
        if let Some((from, question)) = wants.fetches {
            self.web.begin((number, player.boots), from, question.url);
        }
        if let Some(alarm) = player.alarm() {
            self.alarms.push(Reverse((alarm, number)));
        }
        if player.is_settled() {
            self.settles(now, number);
        }
    }

    fn news(&mut self, now: Duration) {
        while let Some((which, news)) = self.web.news() {
            self.take_news(now, which, news);
        }
    }

    fn take_news(&mut self, now: Duration, (number, boot): Which, news: News) {
        let player = &mut self.players[usize::from(number)];
        if player.boots != boot || player.state != State::Boots {
            return;
        }
        let wants = match news {
            News::Page(answer) => player.web(now, answer),
            News::Stumbled(why) => {
                player.stumbles(why);
                Wants::default()
            }
            News::All => {
                player.has_all(now);
                Wants::default()
            }
            News::Never(why) => player.gives_up(now, why),
        };
        self.act(now, number, wants);
    }

    /// Where machines boot again and again, another boot begins.
    fn settles(&mut self, now: Duration, number: u16) {
        self.web.end(number);
        if self.plan.lasts.is_none_or(|lasts| now > lasts) {
            return;
        }
        let starts = now + PAUSE + self.plan.starts(number);
        let fresh = Player::new(number, self.plan.kind(number), starts);
        let ended = std::mem::replace(&mut self.players[usize::from(number)], fresh);
        self.before.push(ended);
        self.alarms.push(Reverse((starts, number)));
    }

    fn obey(&mut self, now: Duration) {
        while let Ok(Command::Cut(numbers)) = self.commands.try_recv() {
            for number in numbers {
                let player = &mut self.players[usize::from(number)];
                if !player.is_settled() {
                    player.cut();
                    self.settles(now, number);
                }
            }
        }
    }
}

fn address(frame: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = frame.get(at..at + 4)?.try_into().ok()?;
    Some(octets.into())
}

/// What this very host's kernel sends, and IPv6, is none of the room's.
fn is_for_us(frame: &[u8]) -> bool {
    let known = [ether::IPV4, ether::ARP].map(u16::to_be_bytes);
    let kind = frame.get(12..14);
    known.iter().any(|known| kind == Some(known)) && player::number(&frame[6..12]).is_none()
}
