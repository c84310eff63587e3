//! Plays a machine of the room `firmware` on a real LAN, for `bootjack probe`.
//!
//! * [`place`]: on which interface, with which hardware address
//! * [`stack`]: its ARP, IPv4 and UDP, on frames with its own hardware address
//! * [`near`]: servers on this very host, which hear no frame of its own card
//! * [`taken`]: whether somebody has its address; [`give_back`]: what becomes of the lease
//! * [`control`]: whether silence is the LAN's
//! * [`web`]: HTTP, from this host's own address; `told`: what is told meanwhile
//!
//! It takes a lease as the machine would, answers ARP for that address and for no other, and gives it
//! back at the end, after an interruption too. What anybody sends is read by an unprivileged user:
//! [`Probe::open`] needs `CAP_NET_RAW`, [`Probe::run`] nothing.

mod control;
mod give_back;
mod near;
mod place;
pub mod stack;
mod taken;
mod told;
mod web;

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until, timeout};

use super::holder;
use super::interfaces;
use super::sys::arp;
use super::sys::host::{self, Host};
use crate::error::Error;
use crate::firmware::machine::web::{self as page, Answer, NoPage, Question};
use crate::firmware::machine::{Datagram, Setup, Step, Topic, Verdict};
use crate::firmware::reply::Incoming;
use crate::firmware::{Fault, Input, Machine, Output};
use near::Near;
pub use place::Place;
use stack::Stack;
use taken::Watch;
pub use told::{Kept, Told};
use web::Way;

/// How long it may take, without and with the loader whole: four windows for offers and four for the
/// lease (60 s each), the longest prompt (254 s), and boot servers and files (60 s).
pub const LONGEST: (Duration, Duration) = (Duration::from_secs(440), Duration::from_secs(1040));
/// The largest frame that is looked at.
const FRAME: usize = 65_536;

/// A probe whose sockets are open.
#[derive(Debug)]
pub struct Probe {
    place: Place,
    opened: host::Opened,
    arp: Option<arp::Opened>,
    near: near::Opened,
}

impl Probe {
    /// Opens what it takes, while the process may.
    ///
    /// # Errors
    /// No right to send and hear frames; the interface went away.
    pub fn open(place: Place) -> Result<Self, Error> {
        let name = place.interface.clone();
        let failed = |e: io::Error| {
            let remedy = match e.kind() {
                io::ErrorKind::PermissionDenied => {
                    "; run it as root (sudo), or give it CAP_NET_RAW"
                }
                _ => "",
            };
            Error::failed(format!(
                "cannot send and hear frames on {name}: {e}{remedy}"
            ))
        };
        let mac: [u8; 6] = place.mac.as_bytes().try_into().map_err(|_| {
            Error::usage(format!("{} has not the six bytes of Ethernet", place.mac))
        })?;
        let index = if_nametoindex(name.as_str()).map_err(|e| failed(e.into()))?;
        let opened = host::open(index, mac).map_err(failed)?;
        let arp = (!place.own_mac).then(|| arp::open(&name)).transpose();
        let arp = arp.map_err(failed)?;
        let near = near::Opened::open(&name, holder::udp_is_held(67));
        Ok(Self {
            place,
            opened,
            arp,
            near,
        })
    }

    /// Who serves DHCP or PXE on this very host, where somebody does.
    pub fn served_here() -> Option<String> {
        let holder = holder::of_udp(67).or_else(|| holder::of_udp(4011))?;
        Some(holder.to_string())
    }

    /// Plays the machine to its end.
    ///
    /// # Errors
    /// The interface went down; no runtime.
    pub fn run(
        self,
        setup: Setup,
        keeps: bool,
        tell: &mut dyn FnMut(Duration, Told<'_>),
    ) -> Result<Verdict, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|e| Error::failed(format!("no runtime: {e}")))?;
        let interface = self.place.interface.clone();
        let played = runtime.block_on(async {
            let mut play = Play::begin(self, setup, tell)?;
            let verdict = play.go_on().await?;
            play.give_back(keeps, &verdict).await;
            Ok(verdict)
        });
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        played.map_err(|e: io::Error| {
            Error::failed(format!("cannot go on probing on {interface}: {e}"))
        })
    }
}

/// What is fetched by HTTP.
type Fetching = Pin<Box<dyn Future<Output = (Answer, Option<web::Kept>)>>>;

/// A machine being played.
struct Play<'a> {
    machine: Machine,
    host: Host,
    stack: Stack,
    watch: Watch,
    near: Near,
    fetching: Option<Fetching>,
    connection: Option<web::Kept>,
    began: Instant,
    longest: Duration,
    place: Place,
    told_of_http: bool,
    tell: &'a mut dyn FnMut(Duration, Told<'_>),
    buf: Vec<u8>,
}

/// What happened next.
enum Event {
    Frame(usize),
    Near(near::Heard),
    Page(Answer, Option<web::Kept>),
    Taken(Fault),
    Timer,
    Interrupted,
}

impl<'a> Play<'a> {
    fn begin(
        probe: Probe,
        setup: Setup,
        tell: &'a mut dyn FnMut(Duration, Told<'_>),
    ) -> io::Result<Self> {
        let longest = if setup.fetch { LONGEST.1 } else { LONGEST.0 };
        Ok(Self {
            machine: Machine::new(setup),
            host: Host::new(probe.opened)?,
            stack: Stack::new(probe.place.mac),
            watch: Watch::new(probe.arp, probe.place.mac)?,
            near: Near::new(probe.near),
            fetching: None,
            connection: None,
            began: Instant::now(),
            longest,
            place: probe.place,
            told_of_http: false,
            tell,
            buf: vec![0; FRAME],
        })
    }

    async fn go_on(&mut self) -> io::Result<Verdict> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let outputs = self.machine.handle(Duration::ZERO, Input::Start);
        let mut over = self.act(outputs).await?;
        loop {
            if let Some(verdict) = over {
                let verdict = self.checked(verdict).await?;
                (self.tell)(self.began.elapsed(), Told::Verdict(&verdict));
                return Ok(verdict);
            }
            let event = tokio::select! {
                biased;
                _ = interrupt.recv() => Event::Interrupted,
                _ = terminate.recv() => Event::Interrupted,
                _ = hangup.recv() => Event::Interrupted,
                event = self.event() => event?,
            };
            over = self.take(event).await?;
        }
    }

    /// Waits for the next thing to happen. Cancel-safe.
    async fn event(&mut self) -> io::Result<Event> {
        let wakes = self.machine.wakes_at().unwrap_or(self.longest);
        let until = self.began + wakes.min(self.longest);
        let page = async {
            match self.fetching.as_mut() {
                Some(fetching) => fetching.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            found = self.watch.found() => found.map(Event::Taken),
            read = self.host.recv(&mut self.buf) => read.map(Event::Frame),
            heard = self.near.recv() => Ok(Event::Near(heard)),
            (answer, kept) = page => Ok(Event::Page(answer, kept)),
            () = sleep_until(until) => Ok(Event::Timer),
        }
    }

    async fn take(&mut self, event: Event) -> io::Result<Option<Verdict>> {
        let now = self.began.elapsed();
        let outputs = match event {
            Event::Interrupted => return Ok(Some(Verdict::Fails(Fault::Interrupted))),
            Event::Taken(fault) => return Ok(Some(Verdict::Fails(fault))),
            _ if now >= self.longest => {
                let fault = Fault::Endless(self.longest.as_secs());
                return Ok(Some(Verdict::Fails(fault)));
            }
            Event::Timer => self.machine.handle(now, Input::Timer),
            Event::Page(answer, kept) => {
                (self.fetching, self.connection) = (None, kept);
                self.machine.handle(now, Input::Web(answer))
            }
            Event::Near(heard) => {
                let incoming = heard.incoming();
                self.machine.handle(now, Input::Datagram(incoming))
            }
            Event::Frame(length) => {
                let frame = self.buf.get(..length).unwrap_or_default();
                if !self.place.own_mac && self.stack.is_of_another(frame) {
                    let fault = Fault::Running(self.place.mac);
                    return Ok(Some(Verdict::Fails(fault)));
                }
                let (heard, frames) = self.stack.hear(frame);
                let outputs = match heard {
                    Some(incoming) => self.machine.handle(now, Input::Datagram(incoming)),
                    None => Vec::new(),
                };
                self.transmit(&frames)?;
                outputs
            }
        };
        self.act(outputs).await
    }

    /// Does what the machine wants; its verdict, once it has one.
    async fn act(&mut self, outputs: Vec<Output>) -> io::Result<Option<Verdict>> {
        for output in outputs {
            match output {
                Output::Say(step) => (self.tell)(self.began.elapsed(), Told::Step(&step)),
                Output::Offered(address) => self.watch.ask(address)?,
                Output::Own(lease) => {
                    if let Some(fault) = self.watch.settled().await? {
                        return Ok(Some(Verdict::Fails(fault)));
                    }
                    self.stack.own(lease);
                }
                Output::Send(datagram) => self.send(&datagram)?,
                Output::Fetch(question) => self.fetch(question),
                Output::Done(verdict) => return Ok(Some(verdict)),
            }
        }
        Ok(None)
    }

    /// To a server on this host by a socket of this host, to all others by frames, to everybody
    /// both.
    fn send(&mut self, datagram: &Datagram) -> io::Result<()> {
        if self.near.has(*datagram.to.ip()) {
            if self.near.send(datagram) {
                let host = datagram.to.ip();
                self.note(format!(
                    "{host} is this host: asked from its own address, for frames do not reach it"
                ));
            }
            return Ok(());
        }
        if datagram.to.ip().is_broadcast() {
            self.near.broadcast(&datagram.bytes);
        }
        let frames = self.stack.send(datagram);
        self.transmit(&frames)
    }

    fn note(&mut self, text: String) {
        let topic = Topic::Note;
        (self.tell)(self.began.elapsed(), Told::Step(&Step { topic, text }));
    }

    fn transmit(&self, frames: &[Vec<u8>]) -> io::Result<()> {
        for frame in frames {
            match self.host.send(frame) {
                // It is sent again, as after a loss.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.raw_os_error() == Some(nix::libc::ENOBUFS) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// From this host itself.
    fn fetch(&mut self, question: Question) {
        let whole = self.longest;
        if !std::mem::replace(&mut self.told_of_http, true) {
            self.note("(HTTP is asked from this host's own address)".to_owned());
        }
        let way = self.way_to(question_host(&question));
        let mut kept = self.connection.take();
        let fetching = async move {
            let began = Instant::now();
            let outcome = match timeout(whole, web::ask(question, way, &mut kept)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(NoPage::Theirs("it took too long".to_owned())),
            };
            let took = began.elapsed();
            (Answer { outcome, took }, kept)
        };
        self.fetching = Some(Box::pin(fetching));
    }

    /// Through the interface where the server is in one of its subnets; elsewhere the routes
    /// decide.
    fn way_to(&self, server: Option<Ipv4Addr>) -> Way {
        let name = &self.place.interface;
        let nets = interfaces::now().into_iter().find(|i| i.name == *name);
        match (nets, server) {
            (_, Some(server)) if self.near.has(server) => Way::Routes,
            (None, _) => Way::None(format!("{name} has no IPv4 address")),
            (Some(own), Some(server)) if own.nets.iter().any(|net| net.contains(&server)) => {
                Way::Through(name.clone())
            }
            _ => Way::Routes,
        }
    }
}

/// The host of a URL where it is an address.
fn question_host(question: &Question) -> Option<Ipv4Addr> {
    page::host(&question.url)?.parse().ok()
}

/// A number that nobody can guess.
pub fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// A datagram as a machine takes it.
fn incoming(from: SocketAddrV4, port: u16, payload: &[u8], length: usize) -> Incoming<'_> {
    Incoming {
        from,
        port,
        payload,
        length,
    }
}

/// The addresses of this host.
fn own_addresses() -> Vec<Ipv4Addr> {
    interfaces::addresses()
}
