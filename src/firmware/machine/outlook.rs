//! How far a firmware comes by offers alone: what it would do next, told by the machine itself.
//!
//! The ACK of its lease is taken to say what the OFFER said, which is what servers do.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Machine, Output, PXE, Phase, SERVER, Setup, Topic, Verdict};
use crate::firmware::Fault;
use crate::firmware::kind::{Firmware, Kind};
use crate::firmware::message::Identity;
use crate::firmware::reply::Reply;
use crate::firmware::select;
use crate::wire::Mac;

/// What it would do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook {
    /// Fetch its loader; from where
    Fetches(String),
    /// Ask port 4011 of this server
    Asks(Ipv4Addr),
    /// Show a menu, or ask the boot server of its first item
    Menu,
    /// End, and what its screen shows
    Ends(Fault, Option<String>),
}

impl Outlook {
    /// Of this firmware, after these answers to its DISCOVERs.
    pub fn of(kind: Kind, mac: Mac, answers: Vec<Reply>) -> Self {
        let mut machine = Machine::new(Setup {
            kind,
            identity: Identity { mac, uuid: None },
            seed: 0,
            fetch: false,
            choose: None,
        });
        let firmware = kind.firmware();
        let heard = answers.len();
        let taken = |answer: &Reply| answer.flaw(firmware.manner).is_none();
        machine.answers = answers.into_iter().filter(taken).collect();
        machine.tally.refused = heard - machine.answers.len();
        machine.phase = machine.decide(firmware);
        machine.next()
    }

    /// Whether it comes nearer to its loader.
    pub const fn goes_on(&self) -> bool {
        !matches!(self, Self::Ends(..))
    }
}

impl Machine {
    /// All windows at once.
    fn decide(&mut self, firmware: &Firmware) -> Phase {
        let windows = 0..firmware.windows.len();
        let mut picks = windows.map(|n| select::pick(firmware, &self.answers, n));
        let pick = picks.find_map(|pick| pick);
        let offer = pick.as_ref().and_then(|pick| self.answers.get(pick.lease));
        match (offer.cloned(), pick) {
            (Some(offer), Some(pick)) => self.bound(&offer.clone(), offer, pick.boot),
            _ => self.nobody(),
        }
    }

    /// The first thing it does beyond its lease.
    fn next(mut self) -> Outlook {
        let out = std::mem::take(&mut self.out);
        let screen = out.iter().rev().find_map(|output| match output {
            Output::Say(step) if step.topic == Topic::Screen => Some(step.text.clone()),
            _ => None,
        });
        let next = out.into_iter().find_map(|output| match output {
            Output::Send(datagram) => Some(self.sent_to(datagram.to)),
            Output::Fetch(question) => Some(Outlook::Fetches(question.url)),
            Output::Done(Verdict::Fails(Fault::MenuWaits)) => Some(Outlook::Menu),
            Output::Done(Verdict::Fails(fault)) => Some(Outlook::Ends(fault, screen.clone())),
            _ => None,
        });
        next.unwrap_or(Outlook::Menu)
    }

    fn sent_to(&self, to: SocketAddrV4) -> Outlook {
        match (&self.phase, to.port()) {
            (Phase::Load(transfer, _), _) => {
                let (server, name) = (transfer.server, transfer.shown());
                Outlook::Fetches(format!("tftp://{server}/{name}"))
            }
            (Phase::Seek(_), _) | (_, SERVER) => Outlook::Menu,
            (_, PXE) => Outlook::Asks(*to.ip()),
            _ => Outlook::Menu,
        }
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetches(url) => write!(f, "fetches {url}"),
            Self::Asks(server) => write!(f, "asks port 4011 of {server}"),
            Self::Menu => f.write_str("has a menu"),
            Self::Ends(fault, None) => write!(f, "would not boot: {fault}"),
            Self::Ends(fault, Some(screen)) => write!(f, "would not boot: {fault} ({screen})"),
        }
    }
}
