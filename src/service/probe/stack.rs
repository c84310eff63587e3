//! ARP, IPv4 and UDP of one host, on frames: enough for a machine that boots.
//!
//! It answers for its own address once it has one, finds the next hop as its lease says, and keeps
//! what waits for it, within bounds. Fragments are not put together: firmware does not either
//! (facts, quirk 41).
//!
//! Pure: frames in, frames out.

use std::net::Ipv4Addr;

use super::incoming;
use crate::firmware::machine::{Datagram, Lease};
use crate::firmware::reply::Incoming;
use crate::wire::arp::{self, Arp};
use crate::wire::ether::{self, Frame};
use crate::wire::{Mac, frame};

/// Neighbours that are known, and packets that wait for one, at most.
const MOST: usize = 64;

/// A host.
#[derive(Debug)]
pub struct Stack {
    mac: [u8; 6],
    lease: Option<Lease>,
    neighbours: Vec<(Ipv4Addr, [u8; 6])>,
    waiting: Vec<(Ipv4Addr, Vec<u8>)>,
}

impl Stack {
    /// A host without an address yet.
    pub fn new(mac: Mac) -> Self {
        Self {
            mac: mac.as_bytes().try_into().unwrap_or_default(),
            lease: None,
            neighbours: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// This address is its own from now on.
    pub fn own(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Whether something waits for a neighbour that has not answered yet.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets what waits.
    pub fn give_up(&mut self) {
        self.waiting.clear();
    }

    /// Whether a frame is of another machine with this hardware address: it has an address that is
    /// not this host's (what a switch sends back is this host's own).
    pub fn is_of_another(&self, bytes: &[u8]) -> bool {
        let Some(frame) = Frame::decode(bytes).filter(|frame| frame.from == self.mac) else {
            return false;
        };
        let sender = match frame.kind {
            ether::ARP => frame
                .packet
                .get(..arp::LEN)
                .and_then(Arp::decode)
                .map(|arp| arp.sender),
            ether::IPV4 => frame::Datagram::decode(frame.packet)
                .ok()
                .map(|d| *d.from.ip()),
            _ => None,
        };
        let sender = sender.filter(|sender| !sender.is_unspecified());
        sender.is_some() && sender != self.address()
    }

    /// The frames that a datagram takes: itself, or the question for its next hop.
    pub fn send(&mut self, datagram: &Datagram) -> Vec<Vec<u8>> {
        let (from, to) = (datagram.from, datagram.to);
        let packet = frame::Datagram::new(from, to, &datagram.bytes).encode();
        let Ok(packet) = packet else {
            return Vec::new();
        };
        let address = *to.ip();
        if address.is_broadcast() {
            return vec![self.frame(ether::BROADCAST, ether::IPV4, &packet)];
        }
        if address.is_multicast() {
            return vec![self.frame(ether::group(address), ether::IPV4, &packet)];
        }
        let hop = self.next_hop(address);
        if let Some(mac) = self.neighbour(hop) {
            return vec![self.frame(mac, ether::IPV4, &packet)];
        }
        if self.waiting.len() < MOST {
            self.waiting.push((hop, packet));
        }
        let own = self.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let question = Arp::request(self.mac, own, hop);
        vec![self.frame(ether::BROADCAST, ether::ARP, &question)]
    }

    /// The destination itself in the lease's subnet, else the router.
    fn next_hop(&self, to: Ipv4Addr) -> Ipv4Addr {
        let Some(lease) = self.lease else { return to };
        let near = (to & lease.mask) == (lease.address & lease.mask);
        lease.router.filter(|_| !near).unwrap_or(to)
    }

    fn neighbour(&self, address: Ipv4Addr) -> Option<[u8; 6]> {
        let found = self.neighbours.iter().find(|(ip, _)| *ip == address)?;
        Some(found.1)
    }

    fn address(&self) -> Option<Ipv4Addr> {
        self.lease.map(|lease| lease.address)
    }

    fn frame(&self, to: [u8; 6], kind: u16, packet: &[u8]) -> Vec<u8> {
        let from = self.mac;
        Frame {
            to,
            from,
            kind,
            packet,
        }
        .encode()
    }

    /// Takes a frame: the datagram in it that is for this host, and the frames it takes in turn.
    pub fn hear<'a>(&mut self, bytes: &'a [u8]) -> (Option<Incoming<'a>>, Vec<Vec<u8>>) {
        let nothing = (None, Vec::new());
        let Some(frame) = Frame::decode(bytes) else {
            return nothing;
        };
        let ours = frame.to == self.mac || frame.to == ether::BROADCAST;
        match frame.kind {
            ether::ARP if ours => (None, self.hear_arp(frame.packet)),
            ether::IPV4 if ours => (self.hear_ip(frame.packet), Vec::new()),
            _ => nothing,
        }
    }

    fn hear_ip<'a>(&self, packet: &'a [u8]) -> Option<Incoming<'a>> {
        let datagram = frame::Datagram::decode(packet).ok()?;
        let to = *datagram.to.ip();
        // Before it has an address it takes what is sent to the one that is offered.
        let ours = self.address().is_none_or(|own| own == to) || to.is_broadcast();
        ours.then(|| {
            let (from, port) = (datagram.from, datagram.to.port());
            incoming(from, port, datagram.payload, datagram.length)
        })
    }

    /// Answers a question for its own address; learns only whom it has asked for, and who asks.
    fn hear_arp(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let Some(heard) = packet.get(..arp::LEN).and_then(Arp::decode) else {
            return Vec::new();
        };
        let for_us = Some(heard.target) == self.address();
        let awaited = self.waiting.iter().any(|(hop, _)| *hop == heard.sender);
        if awaited || for_us && heard.asks && !heard.sender.is_unspecified() {
            self.learn(heard.sender, heard.from);
        }
        let mut frames = self.released_for(heard.sender);
        if heard.asks && for_us && heard.from != self.mac {
            frames.push(self.frame(heard.from, ether::ARP, &heard.answer(self.mac)));
        }
        frames
    }

    fn learn(&mut self, address: Ipv4Addr, mac: [u8; 6]) {
        self.neighbours.retain(|(ip, _)| *ip != address);
        if self.neighbours.len() >= MOST {
            self.neighbours.remove(0);
        }
        self.neighbours.push((address, mac));
    }

    /// What has waited for this neighbour.
    fn released_for(&mut self, address: Ipv4Addr) -> Vec<Vec<u8>> {
        let Some(mac) = self.neighbour(address) else {
            return Vec::new();
        };
        let ready: Vec<_> = self
            .waiting
            .extract_if(.., |(hop, _)| *hop == address)
            .collect();
        let framed = ready.iter().map(|(_, p)| self.frame(mac, ether::IPV4, p));
        framed.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);
    const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 9];

    fn stack() -> Stack {
        let mut stack = Stack::new(Mac::ethernet(MAC));
        stack.own(Lease {
            address: OWN,
            mask: [255, 255, 255, 0].into(),
            router: Some(ROUTER),
            server: ROUTER,
        });
        stack
    }

    fn datagram(to: [u8; 4]) -> Datagram {
        Datagram {
            from: SocketAddrV4::new(OWN, 2000),
            to: SocketAddrV4::new(to.into(), 69),
            bytes: b"rrq".to_vec(),
        }
    }

    fn arp(packet: &[u8], to: [u8; 6]) -> Vec<u8> {
        Frame {
            to,
            from: OTHER,
            kind: ether::ARP,
            packet,
        }
        .encode()
    }

    #[test]
    fn the_next_hop_is_asked_for_and_then_it_goes_out() {
        for (to, hop) in [
            ([10, 0, 0, 2], [10, 0, 0, 2]),
            ([10, 9, 0, 2], [10, 0, 0, 1]),
        ] {
            let mut stack = stack();
            let asked = stack.send(&datagram(to));
            let asked = Frame::decode(&asked[0]).unwrap();
            let question = Arp::decode(&asked.packet[..arp::LEN]).unwrap();
            assert!(question.asks && stack.waits());
            assert_eq!((question.sender, question.target), (OWN, hop.into()));
            let (_, sent) = stack.hear(&arp(&question.answer(OTHER), MAC));
            let sent = Frame::decode(&sent[0]).unwrap();
            assert_eq!((sent.to, sent.kind), (OTHER, ether::IPV4));
            assert!(!stack.waits());
            assert_eq!(
                Frame::decode(&stack.send(&datagram(to))[0]).unwrap().to,
                OTHER
            );
        }
    }

    #[test]
    fn it_answers_for_its_own_address_and_for_no_other() {
        let asks = |target: Ipv4Addr| arp(&Arp::request(OTHER, ROUTER, target), ether::BROADCAST);
        let mut before = Stack::new(Mac::ethernet(MAC));
        assert!(before.hear(&asks(OWN)).1.is_empty(), "not its own yet");
        let (_, answers) = stack().hear(&asks(OWN));
        let answer = Frame::decode(&answers[0]).unwrap();
        let said = Arp::decode(&answer.packet[..arp::LEN]).unwrap();
        assert_eq!((answer.to, said.sender, said.from), (OTHER, OWN, MAC));
        assert!(stack().hear(&asks([10, 0, 0, 78].into())).1.is_empty());
        assert!(stack().hear(&asks(OWN)[..20]).1.is_empty());
    }

    #[test]
    fn another_machine_with_its_hardware_address_is_noticed() {
        let says = |from: [u8; 6], address: Ipv4Addr| {
            let packet = &Arp::request(from, address, ROUTER)[..];
            let to = ether::BROADCAST;
            let kind = ether::ARP;
            Frame {
                to,
                from,
                kind,
                packet,
            }
            .encode()
        };
        let new = Stack::new(Mac::ethernet(MAC));
        let other = Ipv4Addr::new(10, 0, 0, 50);
        assert!(new.is_of_another(&says(MAC, OWN)) && stack().is_of_another(&says(MAC, other)));
        assert!(!stack().is_of_another(&says(MAC, OWN)), "sent back");
        assert!(!new.is_of_another(&says(MAC, Ipv4Addr::UNSPECIFIED)));
        assert!(!new.is_of_another(&says(OTHER, other)));
    }

    #[test]
    fn unasked_answers_are_not_believed() {
        let mut stack = stack();
        let lie = Arp::decode(&Arp::request(MAC, OWN, ROUTER))
            .unwrap()
            .answer(OTHER);
        stack.hear(&arp(&lie, MAC));
        let asked = stack.send(&datagram(ROUTER.octets()));
        assert_eq!(Frame::decode(&asked[0]).unwrap().kind, ether::ARP);
        for n in 0..200 {
            stack.send(&datagram([10, 0, 0, n]));
        }
        assert!(stack.waiting.len() <= MOST);
    }

    #[test]
    fn datagrams_for_others_are_not_heard() {
        let hears = |stack: &mut Stack, to: [u8; 4]| {
            let from = SocketAddrV4::new(ROUTER, 67);
            let packet = frame::Datagram::new(from, SocketAddrV4::new(to.into(), 68), b"x");
            let packet = packet.encode().unwrap();
            let frame = Frame {
                to: MAC,
                from: OTHER,
                kind: ether::IPV4,
                packet: &packet,
            };
            stack.hear(&frame.encode()).0.is_some()
        };
        let mut new = Stack::new(Mac::ethernet(MAC));
        assert!(hears(&mut new, [10, 0, 0, 99]), "offered by unicast");
        let mut bound = stack();
        assert!(hears(&mut bound, OWN.octets()) && hears(&mut bound, [255; 4]));
        assert!(!hears(&mut bound, [10, 0, 0, 99]));
    }
}
