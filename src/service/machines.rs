//! Whether machines follow what they are offered, in the running server: what the doors see goes to
//! [`Progress`], what that says becomes events and rows on the disk.
//!
//! The doors only take a lock for a look-up. Rows are written on a thread for such things, once a
//! second at most, whatever has changed meanwhile at once; an event that says `remembered` comes when
//! they are. A state folder that cannot be written is a warning, once, and what is learnt lasts until
//! the end of the process.
//!
//! * `keep`: what waits for the disk, and how it is told
//! * `row`: what was learnt, as it is kept and shown
//! * [`store`]: the file
//! * [`control`]: how commands ask

pub mod control;
mod keep;
pub mod row;
pub mod store;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::Notify;

use self::keep::{Pending, told, unwritten};
use self::row::Row;
use self::store::Store;
use super::Shared;
use super::control as socket;
use super::privilege;
use crate::client::progress::{
    Firmware, Given, Memory, Now, Offered, Overheard, Progress, Step, Turn,
};
use crate::client::{Client, Side, Stage};
use crate::error::why;
use crate::event::What;
use crate::firmware::is_probe;
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

/// Firmwares of which something is kept.
const KEPT: usize = 100_000;

/// What is known of machines, and what is to be written of it.
pub struct Machines {
    progress: Mutex<Progress>,
    pending: Mutex<Pending>,
    store: Mutex<Option<Store>>,
    /// Whether there is a store.
    kept: AtomicBool,
    failing: AtomicBool,
    wake: Notify,
}

/// What was opened beside the store.
pub struct Opened {
    /// Where commands ask.
    pub socket: Option<UnixListener>,
    /// What the operator has to know.
    pub notices: Vec<What>,
}

fn opened(said: impl IntoIterator<Item = String>, socket: io::Result<UnixListener>) -> Opened {
    let refused = socket.as_ref().err().map(|e| {
        format!(
            "cannot make the control socket of `bootjack machines`: {}; what was learnt is shown by /api/v1/clients/MAC alone, and forgotten by a new start",
            why(e)
        )
    });
    let said = said.into_iter().chain(refused);
    Opened {
        socket: socket.ok(),
        notices: said.map(|text| What::Warning { text }).collect(),
    }
}

/// A socket without a file. No mount hides it, so that nobody has none: in another container of this
/// network he is somebody else.
fn stand_in(folder: &Path, user: Option<&str>) -> io::Result<UnixListener> {
    if privilege::is_anybodys(user) {
        let text = "the state folder takes none, and one without a file would be open to all that run as user nobody (set `user`, or a `state` that takes files)";
        return Err(io::Error::other(text));
    }
    socket::stand_in(folder, control::FILE)
}

impl Machines {
    /// Nothing known, and nothing kept.
    pub fn new(machines: usize) -> Self {
        let memory = Memory::new(KEPT, []);
        Self {
            progress: Mutex::new(Progress::new(machines, memory)),
            pending: Mutex::default(),
            store: Mutex::default(),
            kept: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Reads what was kept in the state folder, and keeps it there from now on. Never fatal.
    /// `learns`: something may be kept there often; else the file is opened when there is. `user`: the one that is
    /// named to serve as.
    pub fn open(&self, folder: &Path, machines: usize, learns: bool, user: Option<&str>) -> Opened {
        let (store, rows, notice) = match Store::open(folder) {
            Ok(found) => found,
            Err(why) => {
                let text = format!(
                    "cannot keep what is learnt of machines in {}: {why}; it lasts until bootjack ends; make the folder writable for the user that bootjack runs as, or set `state`",
                    folder.display()
                );
                // A socket that is in the folder may be that of the bootjack that has the store.
                let socket = stand_in(folder, user);
                return opened([text], socket);
            }
        };
        let kept = rows.iter().filter_map(Row::learnt);
        *self.progress() = Progress::new(machines, Memory::new(KEPT, kept));
        *locked(&self.store) = Some(store);
        if !learns {
            // A file that is open for writing would keep its disk from being mounted read-only.
            locked(&self.store).iter_mut().for_each(Store::close);
        }
        self.kept.store(true, Ordering::Relaxed);
        let path = folder.join(control::FILE);
        let socket = socket::open(&path).or_else(|_| stand_in(folder, user));
        opened(notice, socket)
    }

    /// The client, with what is known of it beside what its message shows.
    pub fn remembering(&self, client: Client) -> Client {
        let past = self.progress().past(&client);
        Client { past, ..client }
    }

    /// What is known, by machine.
    pub fn rows(&self) -> Vec<Row> {
        let all = self.progress().all();
        all.known().iter().map(Row::of).collect()
    }

    /// Of how many firmwares something is kept.
    pub fn remembered(&self) -> usize {
        self.progress().remembered()
    }

    /// What is known of one machine.
    pub fn rows_of(&self, mac: Mac) -> Vec<Row> {
        let known = self.progress().known_of(mac);
        known.iter().map(Row::of).collect()
    }

    /// It was answered with this OFFER. Other boot servers that it was heard to be answered by, those
    /// seen for the first time.
    pub fn offered(
        &self,
        client: &Client,
        message: &Message,
        offered: Option<Offered>,
    ) -> Vec<Ipv4Addr> {
        let firmware = Firmware::judged(client);
        firmware.map_or_else(Vec::new, |firmware| {
            (self.progress()).offered(now(), firmware, message.xid, offered)
        })
    }

    /// A REQUEST on port 67: it takes a lease.
    pub fn requested(&self, client: &Client, message: &Message) {
        if let Some(firmware) = Firmware::judged(client) {
            let renews = Some(message.ciaddr).filter(|a| !a.is_unspecified());
            let address = message.address(code::REQUESTED_ADDRESS).or(renews);
            (self.progress()).requested(now(), firmware, message.xid, address);
        }
    }

    /// An answer to it could not be sent, or not at its time.
    pub fn unanswered(&self, firmware: Option<Firmware>) {
        if let Some(firmware) = firmware {
            self.progress().unanswered(firmware);
        }
    }

    /// What other servers answer machines was not all heard.
    pub fn missed(&self) {
        self.progress().missed(now());
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        locked(&self.progress)
    }

    /// Puts the rows of a turn to those that are to be written; gives the event that is to be told at once. To be
    /// called while what is known is still locked: rows are written in the order in which they came to be.
    fn settle(&self, mac: Mac, Turn { step, rows }: Turn) -> Option<What> {
        let of_a_row = step.is_some_and(Step::is_seen);
        let what = step.map(told);
        if rows.is_empty() {
            // There was no room for its row.
            return what.map(|what| if of_a_row { unwritten(what) } else { what });
        }
        if !self.kept.load(Ordering::Relaxed) {
            return what.map(unwritten);
        }
        let mut pending = locked(&self.pending);
        pending.rows.extend(rows);
        self.wake.notify_one();
        let waits = !self.failing.load(Ordering::Relaxed);
        let at_once = what.clone().filter(|_| !waits).map(unwritten);
        let later = what.filter(|_| waits);
        pending.told.extend(later.map(|what| (mac, what)));
        at_once
    }
}

impl Shared {
    /// What is known of a client that asks, after what its DISCOVER says of the attempt before.
    pub fn asks_again(&self, client: Client, message: &Message) -> Client {
        let discovers = message.kind() == Some(Kind::Discover) && client.side == Side::Link;
        let firmware = Firmware::of(&client).filter(|_| discovers);
        self.asks(client, message, firmware)
    }

    /// What is known of a client that asks for boot data, after what that says of the loader that its
    /// machine was sent before. Of whatever is heard of a machine on our link: in mode `colocated` its
    /// REQUEST at port 4011, else its DISCOVER too. One that `bootjack probe` plays is no evidence.
    pub fn asks_for_boot_data(&self, client: Client, message: &Message) -> Client {
        self.asks(client, message, None)
    }

    /// All of that under one lock, at one time: it is asked of every packet.
    fn asks(&self, client: Client, message: &Message, again: Option<Firmware>) -> Client {
        let (mac, now) = (client.mac, now());
        let asks = matches!(message.kind(), Some(Kind::Discover | Kind::Request));
        let asks = asks && client.side == Side::Link && !is_probe(&client);
        let (client, told) = {
            let mut progress = self.machines.progress();
            let first = again.map(|firmware| progress.discovered(now, firmware, message.xid));
            let first = first.and_then(|turn| self.machines.settle(mac, turn));
            let then = asks.then(|| begun(&mut progress, now, &client));
            let then = then.and_then(|turn| self.machines.settle(mac, turn));
            let past = progress.past(&client);
            (Client { past, ..client }, [first, then])
        };
        for what in told.into_iter().flatten() {
            self.emit(Some(mac), what);
        }
        client
    }

    /// A client was answered with this OFFER.
    pub fn offered(&self, client: &Client, message: &Message, offered: Option<Offered>) {
        self.beside(self.machines.offered(client, message, offered));
    }

    /// Another server has answered a machine.
    pub fn overheard(&self, heard: Overheard) {
        if heard.lease && !heard.whole {
            let asked = (heard.mac, heard.xid);
            (self.relay()).heard(Instant::now(), heard.named, asked);
        }
        let new = self.machines.progress().overheard(now(), heard);
        self.beside(new);
    }

    /// What firmware was said to be offered was another OFFER.
    pub fn offers_instead(&self, firmware: Firmware, message: &Message, offered: Option<Offered>) {
        let new = (self.machines.progress()).offered(now(), firmware, message.xid, offered);
        self.beside(new);
    }

    /// Other boot servers, each told of once.
    fn beside(&self, servers: impl IntoIterator<Item = Ipv4Addr>) {
        for server in servers {
            let text = format!(
                "another boot server, {server}, answers here; machines that it answers are left to it, and moved to no other shape of reply"
            );
            self.emit(None, What::Notice { text });
        }
    }

    /// A client has come to port 4011, from this address, and is answered.
    pub fn asked_4011(&self, client: &Client, from: Ipv4Addr) {
        if let Some(firmware) = Firmware::judged(client) {
            self.with_progress(client.mac, |progress, now| {
                progress.asked_4011(now, firmware, from)
            });
        }
    }

    /// The machine at an address asks TFTP or HTTP for something, whatever becomes of that.
    pub fn asks_for_a_file(&self, peer: IpAddr) {
        let mac = self.clients().on_link(peer);
        if let Some(mac) = mac {
            (self.machines.progress()).asks_for_a_file(now(), mac);
        }
    }

    /// The machine at an address asks for a file; `found`: it gets it.
    pub fn fetched(&self, peer: IpAddr, found: bool) {
        let mac = self.clients().on_link(peer);
        if let Some(mac) = mac {
            self.with_progress(mac, |progress, now| progress.fetched(now, mac, found));
        }
    }

    /// The machine at an address was sent a file whole.
    pub fn sent(&self, peer: IpAddr, given: Given) {
        let mac = self.clients().on_link(peer);
        if let Some(mac) = mac {
            self.with_progress(mac, |progress, now| progress.sent(now, mac, given));
        }
    }

    /// What is said of a machine becomes rows and an event: once they are written, where they are.
    fn with_progress(&self, mac: Mac, say: impl FnOnce(&mut Progress, Now) -> Turn) {
        let what = {
            let mut progress = self.machines.progress();
            let turn = say(&mut progress, now());
            self.machines.settle(mac, turn)
        };
        if let Some(what) = what {
            self.emit(Some(mac), what);
        }
    }
}

/// What a client that asks for boot data says of the loader that its machine was sent before.
fn begun(progress: &mut Progress, now: Now, client: &Client) -> Turn {
    let (mac, stage) = (client.mac, client.stage);
    let turn = if stage == Stage::Rom {
        Turn::default()
    } else {
        progress.other_stage(now, mac, stage)
    };
    let firmware = Firmware::that_boots(client);
    firmware.map_or(turn, |firmware| progress.begins(now, firmware))
}

fn now() -> Now {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Now {
        at: Instant::now(),
        wall: wall.unwrap_or_default().as_secs(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
