//! What other servers answer the machines that we answer, heard on the wire: whether a machine was
//! offered a lease, and whether another server boots it. Only then can be said that it did not
//! follow us (`client::progress`).
//!
//! Mode `proxy` alone. A packet socket an interface, opened while the process may; the kernel lets
//! through what is sent to port 68, without our own OFFERs. Heard is what is broadcast, as answers to clients that ask so are
//! (EDK2 does) and all of a proxy's; not what a switch carries to the machine's port alone, and
//! nothing behind a relay.
//!
//! Nothing is answered and nothing kept here. Bounded: so many packets a second, the rest of which
//! is known to be missed.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;
use nix::net::if_::if_nametoindex;

use super::Shared;
use super::interfaces::{Host, Interface};
use super::sys::packet::{Ear, Hears, Kind, Listening};
use crate::client::progress::Overheard;
use crate::config::Mode;
use crate::event::What;
use crate::wire::dhcp::Message;
use crate::wire::frame::Datagram;

/// Longer packets than any client takes are none for it.
const BUFFER: usize = 2048;
/// Packets a second that are looked at on one interface: four each for a room of 500 machines.
const MOST: u32 = 2000;
const SECOND: Duration = Duration::from_secs(1);
/// How long a failing socket rests.
const REST: Duration = Duration::from_millis(200);
/// The port of DHCP servers.
const SERVERS: u16 = 67;

/// Opens an ear on each interface, in mode `proxy`; and what the operator has to know where one
/// cannot be had.
pub fn open(mode: Mode, interfaces: &[Interface]) -> (Vec<Ear>, Vec<What>) {
    let proxy = interfaces.iter().filter(|_| mode == Mode::Proxy);
    let (mut ears, mut deaf) = (Vec::new(), Vec::new());
    for interface in proxy {
        match ear(interface) {
            Ok(ear) => ears.push(ear),
            Err(why) => deaf.push(unheard(&interface.name, &why)),
        }
    }
    (ears, deaf)
}

fn ear(interface: &Interface) -> io::Result<Ear> {
    let own: Vec<Ipv4Addr> = interface.nets.iter().map(Ipv4Net::addr).collect();
    let index = if_nametoindex(interface.name.as_str())?;
    let ear = Ear::open(index, Hears::Others(&own))?;
    ear.hold_more()?;
    Ok(ear)
}

fn unheard(interface: &str, why: &io::Error) -> What {
    What::Warning {
        text: format!(
            "cannot hear what other servers answer on {interface}: {why}; machines there are moved to no other shape of reply; give the process CAP_NET_RAW"
        ),
    }
}

/// Listens on one interface until the task is dropped.
///
/// # Errors
/// The runtime takes no socket.
pub async fn listen(ear: Ear, shared: Arc<Shared>) -> io::Result<()> {
    let (ear, own) = (Listening::new(ear)?, Host::default());
    let mut buffer = vec![0; BUFFER];
    let (mut second, mut count) = (Instant::now(), 0);
    loop {
        let Ok(heard) = ear.recv(&mut buffer).await else {
            rest(&shared, REST).await;
            continue;
        };
        if second.elapsed() >= SECOND {
            (second, count) = (Instant::now(), 0);
        }
        count += 1;
        if count > MOST {
            rest(&shared, SECOND.saturating_sub(second.elapsed())).await;
            continue;
        }
        let packet = buffer.get(..heard.len).unwrap_or_default();
        if heard.kind == Kind::Ipv4
            && let Some(heard) = read(packet, &own)
        {
            shared.overheard(heard);
        }
    }
}

/// Whatever comes meanwhile may be lost.
async fn rest(shared: &Shared, how_long: Duration) {
    shared.machines.missed();
    tokio::time::sleep(how_long).await;
    shared.machines.missed();
}

fn read(packet: &[u8], own: &Host) -> Option<Overheard> {
    let datagram = Datagram::decode(packet).ok()?;
    // No router hands a broadcast on: what was sent to us alone may come from anywhere.
    if !datagram.to.ip().is_broadcast() {
        return None;
    }
    if datagram.from.port() != SERVERS || datagram.length != datagram.payload.len() {
        return None;
    }
    let (message, server) = (Message::decode(datagram.payload).ok()?, *datagram.from.ip());
    Overheard::of(&message, server, own.has(server))
}
