//! Is an address in use? Tried before it is offered to somebody new.
//!
//! ARP on our own links, ICMP echo behind relays. The sockets are opened while the process may
//! ([`open`]); afterwards one task for each reads, and hands what shows an address in use to whoever
//! tries that address. Everything else that comes is dropped: hostile packets cost a look-up.
//!
//! Both kinds are opened whatever the setting: it may change while the process runs. Where an address
//! cannot be tried (no Ethernet, an interface that is down, no way there), it is offered untried,
//! and that is an event, once in [`AGAIN`] for each link.
//!
//! At most [`MOST`] tries are under way at once, of different addresses or of one: a client can have
//! itself offered the same one again and again. Beyond, an address is offered untried, and that is an
//! event: a queue would be filled by a flood of DISCOVERs with made-up addresses, and an OFFER
//! after the client has given up is none. Whom an untried address disturbs can still DECLINE it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::Socket;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Emit;
use crate::error::Error;
use crate::event::What;
use crate::network::ConflictMethod;
use crate::service::interfaces::{Host, Interface};
use crate::service::sys::{arp, icmp};
use crate::wire::Mac;
use crate::wire::echo::Token;

/// Tries under way at once.
pub const MOST: usize = 256;
/// How long nothing more is said of a link on which addresses cannot be tried.
pub const AGAIN: Duration = Duration::from_secs(600);
/// How long a failing socket rests.
const REST: Duration = Duration::from_millis(200);

/// What trying an address showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nobody answered.
    Free,
    /// Somebody did; ARP shows his hardware address.
    Used(Option<Mac>),
    /// It could not be tried.
    Unknown,
}

/// How to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// ARP, on our own link.
    Arp,
    /// ICMP echo.
    Ping,
}

impl Method {
    /// What a setting means for a client on our own link, or behind a relay.
    pub const fn of(setting: ConflictMethod, relayed: bool) -> Option<Self> {
        match (setting, relayed) {
            (ConflictMethod::Auto | ConflictMethod::Arp, false) => Some(Self::Arp),
            (ConflictMethod::Auto, true) | (ConflictMethod::Ping, _) => Some(Self::Ping),
            (ConflictMethod::Arp, true) | (ConflictMethod::Off, _) => None,
        }
    }
}

/// The sockets, open and not yet in the runtime.
#[derive(Debug, Default)]
pub struct Opened {
    links: Vec<(Interface, Option<arp::Opened>)>,
    echo: Option<Socket>,
}

/// Opens what trying takes, on these interfaces. One that is no Ethernet is left out: addresses
/// there are offered untried.
///
/// # Errors
/// The process may not; nobody minds where nothing is to be tried.
pub fn open(setting: ConflictMethod, interfaces: &[Interface]) -> Result<Opened, Error> {
    let may_not = |e: io::Error| {
        Error::failed(format!(
            "cannot open a raw socket for conflict detection: {e}; run as root, give the service CAP_NET_RAW, or set `conflict-check` of `dhcp` to off"
        ))
    };
    let needed = setting != ConflictMethod::Off;
    let link = |interface: &Interface| match arp::open(&interface.name) {
        Err(e) if needed && e.kind() == io::ErrorKind::PermissionDenied => Err(may_not(e)),
        other => Ok((interface.clone(), other.ok())),
    };
    let echo = match icmp::open() {
        Err(e) if needed => return Err(may_not(e)),
        other => other.ok(),
    };
    Ok(Opened {
        links: interfaces.iter().map(link).collect::<Result<_, _>>()?,
        echo,
    })
}

/// Where an answer has to come from: by this interface (0: by ICMP), from this address.
type Place = (u32, Ipv4Addr);

/// One who waits: which, and how to tell him who uses the address.
type Waiter = (u64, oneshot::Sender<Option<Mac>>);

/// The addresses being tried, each with those who wait.
#[derive(Default)]
struct Tried {
    count: u64,
    /// Tries under way, those among them that have their answer.
    seats: usize,
    waiting: HashMap<Place, Vec<Waiter>>,
}

/// Shared by the readers and those who wait.
#[derive(Default)]
struct Board(Mutex<Tried>);

/// One try; dropping it ends that.
struct Seat<'b> {
    board: &'b Board,
    place: Place,
    number: u64,
}

/// Tries addresses.
pub struct Prober {
    links: HashMap<String, Arc<arp::Link>>,
    own: Host,
    echo: Option<Arc<icmp::Echo>>,
    keys: RandomState,
    board: Arc<Board>,
    emit: Emit,
    /// When it was last said that addresses cannot be tried: by ARP on an interface, by ping.
    told: Mutex<HashMap<Option<String>, Instant>>,
    _readers: JoinSet<()>,
}

impl Prober {
    /// Takes the sockets into the current runtime and begins to read.
    ///
    /// # Errors
    /// The runtime takes no socket.
    pub fn start(opened: Opened, emit: Emit) -> io::Result<Self> {
        let (board, mut readers) = (Arc::<Board>::default(), JoinSet::new());
        let mut links = HashMap::new();
        for (interface, socket) in opened.links {
            let Some(socket) = socket else { continue };
            let link = Arc::new(arp::Link::new(socket)?);
            readers.spawn(read_arp(link.clone(), board.clone()));
            links.insert(interface.name, link);
        }
        let keys = RandomState::new();
        let echo = opened.echo.map(icmp::Echo::new).transpose()?.map(Arc::new);
        if let Some(echo) = &echo {
            readers.spawn(read_echo(echo.clone(), board.clone(), keys.clone()));
        }
        Ok(Self {
            links,
            own: Host::default(),
            echo,
            keys,
            board,
            emit,
            told: Mutex::default(),
            _readers: readers,
        })
    }

    /// Whether an address is one of this host's now: its kernel does not answer our questions.
    pub fn is_own(&self, address: Ipv4Addr) -> bool {
        self.own.has(address)
    }

    /// Whether anybody answers from an address within `wait`. An address of ours is in use,
    /// whether it is to be tried or not.
    pub async fn try_address(
        &self,
        interface: &str,
        address: Ipv4Addr,
        method: Option<Method>,
        wait: Duration,
    ) -> Answer {
        if self.is_own(address) {
            return Answer::Used(None);
        }
        let Some(method) = method else {
            return Answer::Unknown;
        };
        let answer = self.attempt(method, interface, address, wait).await;
        answer.unwrap_or_else(|why| {
            self.cannot(method, interface, address, &why);
            Answer::Unknown
        })
    }

    async fn attempt(
        &self,
        method: Method,
        interface: &str,
        address: Ipv4Addr,
        wait: Duration,
    ) -> io::Result<Answer> {
        match (method, self.links.get(interface), &self.echo) {
            (Method::Arp, Some(link), _) => {
                let send = || link.probe(address);
                self.ask((link.index, address), send, wait).await
            }
            (Method::Ping, _, Some(echo)) => {
                let send = || echo.ask(address, token(&self.keys, address));
                self.ask((0, address), send, wait).await
            }
            _ => Err(io::Error::other("there is no socket for it")),
        }
    }

    /// Asks twice in that time: the first packet may be lost, or wake a sleeping host.
    async fn ask(
        &self,
        place: Place,
        send: impl Fn() -> io::Result<()>,
        wait: Duration,
    ) -> io::Result<Answer> {
        let Some((_seat, mut answer)) = self.board.sit(place) else {
            self.skipped(place.1);
            return Ok(Answer::Unknown);
        };
        for _ in 0..2 {
            send()?;
            if let Ok(used) = timeout(wait / 2, &mut answer).await {
                return Ok(used.map_or(Answer::Unknown, Answer::Used));
            }
        }
        Ok(Answer::Free)
    }

    /// An address is offered untried: said once in a while, not of each.
    fn cannot(&self, method: Method, interface: &str, address: Ipv4Addr, why: &io::Error) {
        let on = (method == Method::Arp).then(|| interface.to_owned());
        let how = on.as_ref().map(|on| format!("ARP on {on}"));
        let how = how.unwrap_or_else(|| "ping".to_owned());
        if !self.to_be_told(on) {
            return;
        }
        let text = format!(
            "cannot try {address} by {how}: {why}; until that is mended, addresses are offered untried there"
        );
        (self.emit)(None, What::Warning { text });
    }

    fn to_be_told(&self, on: Option<String>) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = told.get(&on).is_some_and(|last| last.elapsed() < AGAIN);
        if !lately {
            told.insert(on, Instant::now());
        }
        !lately
    }

    fn skipped(&self, address: Ipv4Addr) {
        let refused = What::Refused {
            service: "probe",
            peer: IpAddr::V4(address),
            limit: format!("{MOST} addresses tried at once; this one is offered untried"),
        };
        (self.emit)(None, refused);
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Tried> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` where too many tries are under way.
    fn sit(&self, place: Place) -> Option<(Seat<'_>, oneshot::Receiver<Option<Mac>>)> {
        let mut tried = self.lock();
        if tried.seats >= MOST {
            return None;
        }
        tried.seats += 1;
        let (told, answer) = oneshot::channel();
        tried.count += 1;
        let number = tried.count;
        tried.waiting.entry(place).or_default().push((number, told));
        let seat = Seat {
            board: self,
            place,
            number,
        };
        Some((seat, answer))
    }

    /// Tells all who try this address that it is used.
    fn used(&self, place: Place, by: Option<Mac>) {
        for (_, told) in self.lock().waiting.remove(&place).into_iter().flatten() {
            let _ = told.send(by);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut tried = self.board.lock();
        tried.seats = tried.seats.saturating_sub(1);
        if let Some(waiting) = tried.waiting.get_mut(&self.place) {
            waiting.retain(|(number, _)| *number != self.number);
            if waiting.is_empty() {
                tried.waiting.remove(&self.place);
            }
        }
    }
}

/// What an answer has to carry: nobody guesses it who has not heard the request.
fn token(keys: &RandomState, address: Ipv4Addr) -> Token {
    keys.hash_one(address).to_be_bytes()
}

async fn read_arp(link: Arc<arp::Link>, board: Arc<Board>) {
    loop {
        match link.recv().await {
            Ok(arp) => {
                if let Some((address, by)) = arp.and_then(|arp| arp.claims(link.own)) {
                    board.used((link.index, address), Some(by));
                }
            }
            Err(_) => sleep(REST).await,
        }
    }
}

async fn read_echo(echo: Arc<icmp::Echo>, board: Arc<Board>, keys: RandomState) {
    loop {
        match echo.recv().await {
            Ok(Some(reply)) if reply.token == token(&keys, reply.from) => {
                board.used((0, reply.from), None);
            }
            Ok(_) => {}
            Err(_) => sleep(REST).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_choose_the_method() {
        use ConflictMethod::{Arp, Auto, Off, Ping};
        for (setting, here, relayed) in [
            (Auto, Some(Method::Arp), Some(Method::Ping)),
            (Arp, Some(Method::Arp), None),
            (Ping, Some(Method::Ping), Some(Method::Ping)),
            (Off, None, None),
        ] {
            let got = (Method::of(setting, false), Method::of(setting, true));
            assert_eq!(got, (here, relayed), "{setting:?}");
        }
    }

    #[test]
    fn only_so_many_tries_are_under_way_and_a_seat_comes_free() {
        let place = |n: u32| (1, Ipv4Addr::from(n));
        for same in [0, 1] {
            let board = Board::default();
            let seat = |n: u32| board.sit(place(n * same));
            let mut seats: Vec<_> = (0..256).map(|n| seat(n).unwrap()).collect();
            assert!(seat(300).is_none());
            board.used(place(0), None);
            assert!(seat(300).is_none(), "who is told has yet to rise");
            seats.remove(0);
            assert!(seat(300).is_some());
            drop(seats);
            assert!(board.lock().waiting.is_empty());
            assert_eq!(board.lock().seats, 0);
        }
    }
}
