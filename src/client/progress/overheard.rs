//! What other servers answer machines, as it is heard on the wire: whether a machine was offered a
//! lease, and whether somebody else has told it what to boot.
//!
//! Without the first nobody knows whether it could have followed us; after the second it may have
//! followed him. Answers may come before we have seen the DISCOVER, by another socket: so the last
//! ones are kept for two seconds, of whomever. What is known to be incomplete is as good as unheard.
//!
//! Everything here may be forged. Bounded: so many answers, so many names of servers.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREPLY, Kind, Message, code};
use crate::wire::pxe::area::Area;
use crate::wire::pxe::{CLASS_HTTP, CLASS_PXE};

/// So long an answer may be ahead of the DISCOVER.
const AHEAD: Duration = Duration::from_secs(2);
/// So long after our OFFER another server may answer the same DISCOVER.
const BESIDE: Duration = Duration::from_secs(30);
/// Answers kept.
const KEPT: usize = 1024;
/// Servers told of.
const SERVERS: usize = 32;

/// An OFFER or ACK of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overheard {
    /// Whom it is for.
    pub mac: Mac,
    /// Its transaction.
    pub xid: u32,
    /// The address it came from.
    pub server: Ipv4Addr,
    /// The server's own name (54), which behind a relay is another; else that address.
    pub named: Ipv4Addr,
    /// Whether it has an address for the machine.
    pub lease: bool,
    /// Whether lease and loader are in it, from one server: there is nothing to be added, and who says so may
    /// be another bootjack that hands on a lease.
    pub whole: bool,
    /// Whether a machine may boot by it, or goes and asks its sender.
    pub boots: bool,
}

impl Overheard {
    /// What a message says, sent from this address, which may be one of `ours`; `None`: nothing, or
    /// it is of our own: mode `proxy` has port 67 to itself, and hands on leases of others.
    pub fn of(message: &Message, server: Ipv4Addr, ours: bool) -> Option<Self> {
        let answers = matches!(message.kind(), None | Some(Kind::Offer | Kind::Ack));
        let lease = !message.yiaddr.is_unspecified();
        if message.op != BOOTREPLY || !answers || ours {
            return None;
        }
        let boots = boots(message);
        (lease || boots).then_some(Self {
            mac: message.mac()?,
            xid: message.xid,
            server,
            named: message.address(code::SERVER_ID).unwrap_or(server),
            lease,
            whole: lease && is_whole(message),
            boots,
        })
    }
}

fn is_whole(message: &Message) -> bool {
    let class = message.options.get(code::VENDOR_CLASS).unwrap_or_default();
    let boots = class.starts_with(CLASS_PXE) || class.starts_with(CLASS_HTTP);
    boots && message.address(code::SERVER_ID) == Some(message.siaddr)
}

/// Whether there is anything in it for firmware to boot by: a file, a server of files, a menu or
/// servers to ask (43.6 to 10), or a class that sends it to port 4011 (quirk 7).
fn boots(message: &Message) -> bool {
    let options = &message.options;
    let overload = options.get(code::OVERLOAD).and_then(|v| v.first().copied());
    let file = message.file.first().is_some_and(|b| *b != 0) && overload.unwrap_or(0) & 1 == 0;
    let class = options.get(code::VENDOR_CLASS).unwrap_or_default();
    let vendor = options.get(code::VENDOR_SPECIFIC).unwrap_or_default();
    file || options.has(code::TFTP_SERVER)
        || options.has(code::BOOT_FILE)
        || class.starts_with(CLASS_PXE)
        || class.starts_with(CLASS_HTTP)
        || Area::read(vendor).discovers()
}

/// What was heard of late, and from whom.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    last: VecDeque<(Instant, Overheard)>,
    /// Whose answers are among those.
    heard: Counted,
    /// When something was last missed.
    missed: Option<Instant>,
    servers: BTreeSet<Ipv4Addr>,
    /// Whom we have answered of late, in which transaction.
    answered: VecDeque<(Instant, Mac, u32)>,
    /// Who is among those.
    told: Counted,
}

/// How often a machine's transaction stands in a list that is looked through only where it does: most
/// machines are in none, and in a storm the lists are full.
#[derive(Debug, Default)]
struct Counted(HashMap<(Mac, u32), u16>);

impl Counted {
    fn add(&mut self, whose: (Mac, u32)) {
        let count = self.0.entry(whose).or_default();
        *count = count.saturating_add(1);
    }

    fn remove(&mut self, whose: (Mac, u32)) {
        if let Entry::Occupied(mut count) = self.0.entry(whose) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn has(&self, whose: (Mac, u32)) -> bool {
        self.0.contains_key(&whose)
    }
}

impl Hearing {
    pub(super) fn keep(&mut self, at: Instant, heard: Overheard) {
        if self.last.len() >= KEPT
            && let Some((_, gone)) = self.last.pop_front()
        {
            self.heard.remove((gone.mac, gone.xid));
        }
        self.heard.add((heard.mac, heard.xid));
        self.last.push_back((at, heard));
    }

    /// What came ahead of a DISCOVER.
    pub(super) fn ahead(&self, now: Instant, mac: Mac, xid: u32) -> Vec<Overheard> {
        if !self.heard.has((mac, xid)) {
            return Vec::new();
        }
        let fresh = |at: &Instant| now.saturating_duration_since(*at) < AHEAD;
        let last = self.last.iter().rev().take_while(|(at, _)| fresh(at));
        last.map(|(_, heard)| *heard)
            .filter(|heard| heard.mac == mac && heard.xid == xid)
            .collect()
    }

    /// We have answered a machine.
    pub(super) fn answers(&mut self, at: Instant, mac: Mac, xid: u32) {
        if self.answered.len() >= KEPT
            && let Some((_, mac, xid)) = self.answered.pop_front()
        {
            self.told.remove((mac, xid));
        }
        self.told.add((mac, xid));
        self.answered.push_back((at, mac, xid));
    }

    /// Whether a machine that we answer too is answered by another server.
    pub(super) fn is_shared(&self, now: Instant, heard: Overheard) -> bool {
        if !self.told.has((heard.mac, heard.xid)) {
            return false;
        }
        let fresh = |at: &Instant| now.saturating_duration_since(*at) < BESIDE;
        let last = self.answered.iter().rev();
        let mut last = last.take_while(|(at, ..)| fresh(at));
        last.any(|(_, mac, xid)| (*mac, *xid) == (heard.mac, heard.xid))
    }

    pub(super) const fn miss(&mut self, at: Instant) {
        self.missed = Some(at);
    }

    /// Whether everything was heard of what began then.
    pub(super) fn is_whole_since(&self, began: Instant) -> bool {
        let missed = self.missed.and_then(|at| at.checked_add(AHEAD));
        missed.is_none_or(|until| until < began)
    }

    /// A boot server that was not told of before.
    pub(super) fn is_new(&mut self, server: Ipv4Addr) -> bool {
        self.servers.len() < SERVERS && self.servers.insert(server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    /// An OFFER with these options, of an address or none.
    fn offer(address: [u8; 4], options: &[(u8, &[u8])]) -> Message {
        let mut bytes = vec![0; 240];
        bytes[..3].copy_from_slice(&[BOOTREPLY, 1, 6]);
        bytes[16..20].copy_from_slice(&address);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
        for (code, value) in [(53, &[2][..])].iter().chain(options) {
            bytes.extend([*code, value.len() as u8]);
            bytes.extend(*value);
        }
        Message::decode(&bytes).unwrap()
    }

    fn heard(message: &Message, ours: bool) -> Option<(bool, bool)> {
        let heard = Overheard::of(message, SERVER, ours);
        heard.map(|heard| (heard.lease, heard.boots))
    }

    #[test]
    fn what_a_machine_may_boot_by() {
        let (leased, none) = ([10, 0, 0, 7], [0; 4]);
        let plain: [(u8, &[u8]); 2] = [(1, &[255, 255, 255, 0]), (54, &[10, 0, 0, 1])];
        assert_eq!(heard(&offer(leased, &plain), false), Some((true, false)));
        assert_eq!(heard(&offer(none, &plain), false), None);
        let boots: [(u8, &[u8]); 6] = [
            (60, b"PXEClient"),
            (60, b"HTTPClient"),
            (66, b"10.0.0.1"),
            (67, b"a.efi"),
            (43, &[6, 1, 3, 255]),
            (43, &[1, 1, 1, 10, 2, 0, 65, 255]),
        ];
        for option in boots {
            for (address, lease) in [(leased, true), (none, false)] {
                let message = offer(address, &[option]);
                assert_eq!(heard(&message, false), Some((lease, true)), "{option:?}");
            }
            // Our own, with a lease that we hand on or without.
            assert_eq!(heard(&offer(none, &[option]), true), None);
            assert_eq!(heard(&offer(leased, &[option]), true), None);
        }
        let other: [(u8, &[u8]); 3] = [(43, &[1, 4, 10, 0, 0, 9]), (60, b"ubnt"), (52, &[1])];
        for option in other {
            let mut message = offer(leased, &[option]);
            assert_eq!(heard(&message, false), Some((true, false)), "{option:?}");
            message.file[0] = b'a';
            let named = option.0 != 52;
            assert_eq!(heard(&message, false), Some((true, named)), "{option:?}");
        }
    }

    #[test]
    fn requests_and_refusals_say_nothing() {
        let mut message = offer([10, 0, 0, 7], &[]);
        message.op = 1;
        assert_eq!(heard(&message, false), None);
        let mut nak = offer([10, 0, 0, 7], &[]);
        nak.options = [(53, &[6][..])].into_iter().collect();
        assert_eq!(heard(&nak, false), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut hearing, now) = (Hearing::default(), Instant::now());
        let told = (0..1000).filter(|n| hearing.is_new(Ipv4Addr::from(*n)));
        assert_eq!(told.count(), SERVERS);
        let heard = Overheard::of(&offer([10, 0, 0, 7], &[]), SERVER, false).unwrap();
        for _ in 0..3 * KEPT {
            hearing.keep(now, heard);
        }
        let (mac, later) = (heard.mac, now + AHEAD);
        assert_eq!(hearing.ahead(now, mac, 0).len(), KEPT);
        assert_eq!(hearing.ahead(now, mac, 1), []);
        assert_eq!(hearing.ahead(later, mac, 0), []);
        for n in 0..3 * KEPT as u32 {
            hearing.keep(now, Overheard { xid: n, ..heard });
            hearing.answers(now, mac, n);
        }
        assert_eq!((hearing.heard.0.len(), hearing.told.0.len()), (KEPT, KEPT));
        let last = 3 * KEPT as u32 - 1;
        for (xid, known) in [(0, false), (last, true)] {
            assert_eq!(hearing.ahead(now, mac, xid).len(), usize::from(known));
            assert_eq!(hearing.is_shared(now, Overheard { xid, ..heard }), known);
        }
    }
}
