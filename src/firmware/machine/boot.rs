//! What is booted: the data of the ACK or of a proxy's OFFER, or what port 4011 says.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::{CLIENT, Machine, PXE, Phase, Topic};
use crate::firmware::fault::Fault;
use crate::firmware::kind::Manner;
use crate::firmware::message::Purpose;
use crate::firmware::reply::{Incoming, Reply};
use crate::firmware::select::{Boot, OfferType, ipv6, is_ipv6};
use crate::firmware::vendor::shown;
use crate::wire::dhcp::Kind;

/// How long the specification and EDK2 wait after each REQUEST to port 4011 or to a boot server.
const PATIENCE: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
];
/// iPXE's timer: 0.25 s, doubled; it gives up at the first end after 2 s (3 s for a boot server).
const IPXE_PATIENCE: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Port 4011 of one server after another.
#[derive(Debug)]
pub(super) struct Ask {
    /// Offers whose servers are still to be asked, the first one now.
    offers: Vec<usize>,
    server: Ipv4Addr,
    tries: usize,
    /// What EDK2 has heard and takes at the end of the window.
    heard: Option<Reply>,
}

/// A file and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) server: Option<Ipv4Addr>,
    pub(super) name: Vec<u8>,
}

impl Machine {
    /// How long is waited after the nth REQUEST to a boot service.
    pub(super) fn patience(&self, tries: usize) -> Option<Duration> {
        let all = match self.manner() {
            Manner::Ipxe => IPXE_PATIENCE,
            _ => PATIENCE,
        };
        all.get(tries).copied()
    }

    /// The port that REQUESTs to a boot service come from (facts A).
    pub(super) fn service_port(&self) -> u16 {
        match self.manner() {
            Manner::Edk2 => PXE,
            _ => CLIENT,
        }
    }

    /// Boots from where the data is.
    pub(super) fn follow(&mut self, boot: Boot) -> Phase {
        match boot {
            Boot::Nothing => self.fail(Fault::NoBootFile),
            Boot::Ack => self.boot(),
            Boot::Offer(place) => {
                self.proxy = self.answers.get(place).cloned();
                self.boot()
            }
            Boot::Ask(offers) => self.ask_next(offers),
        }
    }

    /// EDK2 asks the next server, iPXE the one that it takes the answer to be from (facts A).
    fn ask_next(&mut self, offers: Vec<usize>) -> Phase {
        let Some(offer) = offers.first().and_then(|place| self.answers.get(*place)) else {
            return self.boot();
        };
        let server = match self.manner() {
            Manner::Edk2 => offer.file_server().unwrap_or(*offer.from.ip()),
            Manner::Ipxe => offer.pseudo_id(),
            _ => offer.server(),
        };
        if self.manner() == Manner::Edk2 {
            self.xid = self.roll() as u32;
        }
        self.ask(Ask {
            offers,
            server,
            tries: 0,
            heard: None,
        })
    }

    fn ask(&mut self, mut ask: Ask) -> Phase {
        let Some(patience) = self.patience(ask.tries) else {
            return self.unanswered(ask);
        };
        let purpose = Purpose::Boot(ask.server, self.own());
        let to = SocketAddrV4::new(ask.server, PXE);
        let secs = (0..ask.tries)
            .filter_map(|n| self.patience(n))
            .sum::<Duration>();
        self.send(self.service_port(), to, purpose, secs.as_secs() as u16);
        self.say(Topic::Sent, format!("REQUEST to {to}"));
        ask.tries += 1;
        self.wake_in(patience);
        Phase::Ask(ask)
    }

    pub(super) fn ask_again(&mut self, mut ask: Ask) -> Phase {
        match ask.heard.take() {
            Some(reply) => self.take_answer(ask, reply),
            None => self.ask(ask),
        }
    }

    /// EDK2 tries the next one; then it is over. To iPXE silence is nothing fatal.
    fn unanswered(&mut self, mut ask: Ask) -> Phase {
        let server = ask.server;
        if self.manner() == Manner::Ipxe {
            let text = format!("port 4011 of {server} is silent; it goes on without");
            self.say(Topic::Note, text);
            return self.boot();
        }
        ask.offers.remove(0);
        if ask.offers.is_empty() || self.manner() != Manner::Edk2 {
            return self.fail(Fault::Silent4011(server));
        }
        self.ask_next(ask.offers)
    }

    pub(super) fn ask_answered(&mut self, mut ask: Ask, incoming: Incoming<'_>) -> Phase {
        let port = self.service_port();
        let reply = (incoming.port == port).then(|| self.read(incoming));
        let Some(reply) = reply.flatten() else {
            return Phase::Ask(ask);
        };
        if let Some(why) = self.refusal(&ask, &reply) {
            self.refuse(format!("{reply}: {why}"));
            return Phase::Ask(ask);
        }
        if ask.heard.is_some() {
            self.overflows();
            return Phase::Ask(ask);
        }
        self.say(Topic::Heard, reply.to_string());
        if self.manner() == Manner::Edk2 {
            ask.heard = Some(reply); // it waits the window out
            return Phase::Ask(ask);
        }
        self.take_answer(ask, reply)
    }

    /// Why this answer is not taken for one to the REQUEST (facts A).
    fn refusal(&self, ask: &Ask, reply: &Reply) -> Option<&'static str> {
        let kind = reply.message.kind();
        match self.manner() {
            // To EDK2 neither type nor source matters.
            Manner::Ipxe | Manner::Rom if reply.from.port() != PXE => Some("not from port 4011"),
            Manner::Ipxe if !matches!(kind, Some(Kind::Offer | Kind::Ack)) => Some("no ACK"),
            Manner::Ipxe if reply.pseudo_id() != ask.server => Some("from another server"),
            Manner::Ipxe if !reply.has_pxe_options() => Some("no server with a boot file, no menu"),
            Manner::Rom if kind != Some(Kind::Ack) => Some("no ACK"),
            _ => None,
        }
    }

    fn take_answer(&mut self, mut ask: Ask, reply: Reply) -> Phase {
        self.wakes = None;
        let useful = match self.manner() {
            Manner::Edk2 => {
                OfferType::of(&reply) == OfferType::ProxyPxe10 || reply.file_of_option().is_some()
            }
            _ => reply.file_of_header().is_some() || reply.vendor.discovers,
        };
        if useful {
            self.proxy = Some(reply);
            return self.boot();
        }
        ask.offers.remove(0);
        if ask.offers.is_empty() || self.manner() != Manner::Edk2 {
            return self.fail(Fault::Useless4011(ask.server));
        }
        self.ask_next(ask.offers)
    }

    /// What there is to boot is known.
    fn boot(&mut self) -> Phase {
        match self.manner() {
            Manner::Ipxe => self.boot_ipxe(),
            Manner::Edk2Http => self.boot_uri(),
            Manner::Pi => self.boot_pi(),
            Manner::Edk2 | Manner::Rom => self.boot_pxe(),
        }
    }

    /// The answer with the boot data: the proxy's, else the ACK.
    pub(super) fn source(&self) -> Option<Reply> {
        self.proxy.clone().or_else(|| self.ack.clone())
    }

    fn boot_pxe(&mut self) -> Phase {
        let Some(source) = self.source() else {
            return self.fail(Fault::NoBootFile);
        };
        let named = self.file_of(&source).is_some();
        let of_pxe = matches!(
            OfferType::of(&source),
            OfferType::DhcpPxe10 | OfferType::ProxyPxe10
        );
        if !of_pxe || source.vendor.control.at_once() && named {
            return self.load_from(&source);
        }
        self.prompt(&source)
    }

    /// The boot file as this firmware looks for it.
    pub(super) fn file_of(&self, reply: &Reply) -> Option<Vec<u8>> {
        let file = match self.manner() {
            Manner::Edk2 | Manner::Edk2Http => reply.file_of_option(),
            _ => reply.file_of_header(),
        };
        file.map(<[u8]>::to_vec)
    }

    /// EDK2: with "boot at once" the first listed server comes before the next server.
    fn load_from(&mut self, source: &Reply) -> Phase {
        let Some(name) = self.file_of(source) else {
            return self.fail(Fault::NoBootFile);
        };
        let listed = source.vendor.first_server();
        let listed =
            listed.filter(|_| self.manner() == Manner::Edk2 && source.vendor.control.at_once());
        let server = listed.or(source.file_server());
        self.load(&Target { server, name })
    }

    /// A menu unless it is told to boot at once; else a file name, the ACK's before the proxy's
    /// (facts C).
    fn boot_ipxe(&mut self) -> Phase {
        let blocks = self.blocks();
        let menu = blocks.iter().find(|b| b.vendor.menu.is_some()).cloned();
        let named = blocks.iter().find(|b| b.file_of_header().is_some());
        if let Some(menu) = menu.filter(|m| !(m.vendor.control.at_once() && named.is_some())) {
            return self.prompt(&menu);
        }
        let target = named.and_then(|b| {
            let server = b.message.siaddr;
            Some(Target {
                server: (!server.is_unspecified()).then_some(server),
                name: b.file_of_header()?.to_vec(),
            })
        });
        match target {
            Some(target) => self.load(&target),
            None => self.fail(Fault::NoBootFile),
        }
    }

    /// iPXE's settings, the ones that count most first.
    fn blocks(&self) -> Vec<Reply> {
        let mut blocks: Vec<Reply> = self.ack.iter().chain(&self.proxy).cloned().collect();
        blocks.sort_by_key(|b| std::cmp::Reverse(b.priority()));
        blocks
    }

    /// HTTP boot: the URI of the offer.
    fn boot_uri(&mut self) -> Phase {
        let uri = self.source().and_then(|source| self.file_of(&source));
        match uri.map(|uri| shown(&uri)) {
            Some(uri) if is_ipv6(&uri) => self.fail(ipv6(uri)),
            Some(uri) => self.fetch(&uri),
            None => self.fail(Fault::NoBootFile),
        }
    }

    /// A Pi does not look at the file name: it wants `bootcode.bin` (facts C), and from the fourth on,
    /// which have that in flash memory, what that asks for.
    fn boot_pi(&mut self) -> Phase {
        let server = self.source().and_then(|s| pi_server(&s));
        let name = b"bootcode.bin".to_vec();
        let target = Target { server, name };
        if self.firmware.second.is_some() {
            return self.load(&target);
        }
        match self.reach(&target) {
            Ok(server) => self.pi_files(server, None),
            Err(fault) => self.fail(fault),
        }
    }
}

/// Option 66 where it is an address (quirk 28), else as others.
pub(super) fn pi_server(source: &Reply) -> Option<Ipv4Addr> {
    let named = source.option(crate::wire::dhcp::code::TFTP_SERVER);
    let named = named.and_then(|text| shown(text).parse().ok());
    named.or(source.file_server())
}
