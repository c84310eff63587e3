//! What is told of a capture: one [`Event`] a packet, and the [`End`]. `text` puts them into words;
//! as JSON they are what they are here.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde::Serialize;

use crate::client::Client;
use crate::decide;
use crate::decide::menu::NoRoom;
use crate::decide::strategy::Strategy;
use crate::profile::Selection;
use crate::service::capture::Packet;
use crate::service::machines::row::Row;
use crate::wire::dhcp::{self, Message, code};
use crate::wire::tftp::Request;
use crate::wire::{self, Mac};

/// How many numbers of links that are not known are kept apart.
const LINKS: usize = 8;

/// One packet of the capture.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    /// Its number, as Wireshark counts.
    pub(super) packet: u64,
    /// Seconds since the first one told of.
    pub(super) seconds: Option<f64>,
    /// Its VLAN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vlan: Option<u16>,
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
    /// The machine it is about, where that is known.
    pub(super) mac: Option<Mac>,
    #[serde(flatten)]
    pub(super) said: Said,
}

/// What a packet says.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Said {
    /// A DHCP client asks.
    Asked {
        message: Box<Told>,
        /// Who, where it is one that boots.
        client: Option<Box<Client>>,
        /// What was learnt of it, which the answer heeds.
        #[serde(skip_serializing_if = "Option::is_none")]
        learnt: Option<Box<Row>>,
        answer: Answer,
    },
    /// A server of the capture answers.
    Replied { message: Box<Told> },
    /// TFTP: a file is wanted.
    Wanted {
        file: String,
        #[serde(flatten)]
        terms: Terms,
        answer: Found,
    },
    /// TFTP: one side ends the transfer.
    Aborted { code: u16, text: String },
    /// Bytes that are not what their port says.
    Unreadable { service: &'static str, why: String },
}

/// A DHCP message, decoded.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) kind: String,
    pub(super) xid: u32,
    pub(super) secs: u16,
    pub(super) flags: u16,
    pub(super) ciaddr: Ipv4Addr,
    pub(super) yiaddr: Ipv4Addr,
    pub(super) siaddr: Ipv4Addr,
    pub(super) giaddr: Ipv4Addr,
    pub(super) sname: String,
    pub(super) file: String,
    pub(super) options: Vec<Opt>,
}

/// One option.
#[derive(Debug, Serialize)]
pub(super) struct Opt {
    pub(super) code: u8,
    /// Empty where the number has none.
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// What this bootjack would answer to a DHCP message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Reply(Box<Reply>),
    Silence { reason: &'static str, why: String },
}

/// A reply of ours.
#[derive(Debug, Serialize)]
pub(super) struct Reply {
    pub(super) to: SocketAddrV4,
    pub(super) boot: Boot,
    /// Mode `dhcp`: which address, for how long, where nobody had one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease: Option<String>,
    /// Mode `proxy`: whose lease it is that the message goes with, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handed_on: Option<String>,
    pub(super) message: Told,
    /// The reply's bytes, in hex.
    pub(super) bytes: String,
}

impl Reply {
    /// Boot data beside the lease of another server, or that go with it.
    pub(super) fn beside(answer: &decide::Answer, handed_on: Option<String>) -> Self {
        Self {
            to: answer.to,
            boot: Boot::of(answer),
            lease: None,
            handed_on,
            message: Told::of(&answer.message),
            bytes: wire::hex_digits(&answer.bytes),
        }
    }
}

/// The boot data of a reply.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Boot {
    Data {
        profile: String,
        file: String,
        why: String,
        strategy: &'static str,
        evidence: &'static str,
        /// Who chose the strategy, where it does not follow from who asks.
        #[serde(skip_serializing_if = "Option::is_none")]
        chosen_by: Option<String>,
        /// Milliseconds that the reply waits.
        #[serde(skip_serializing_if = "is_nothing")]
        delay: u64,
        /// The entry that was chosen in a menu of the firmware.
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<String>,
        /// None where a menu is all that is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        loader: Option<String>,
        /// Why a menu that its firmware would show is left to the loader.
        #[serde(skip_serializing_if = "Option::is_none")]
        no_menu: Option<String>,
    },
    None {
        no_boot_data: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
const fn is_nothing(delay: &u64) -> bool {
    *delay == 0
}

/// What a TFTP request asks for beside the file.
#[derive(Debug, Serialize)]
pub(super) struct Terms {
    pub(super) write: bool,
    pub(super) mode: &'static str,
    pub(super) blksize: Option<u16>,
    pub(super) tsize: Option<u64>,
    pub(super) timeout: Option<u8>,
    pub(super) windowsize: Option<u16>,
}

/// What a file's name is for who asks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Found {
    /// An embedded loader.
    Asset { bytes: u64 },
    /// A file of the operator's.
    File { bytes: u64 },
    /// A menu made for the machine.
    Menu {
        dialect: &'static str,
        profile: String,
        entries: usize,
        bytes: u64,
    },
    /// Nothing.
    Missing { why: String },
}

/// What was in the capture.
#[derive(Debug, Default, Serialize)]
pub(super) struct End {
    /// Packets in all.
    pub(super) packets: u64,
    /// Packets that were told of.
    pub(super) explained: u64,
    /// Packets on the right ports, of machines that do not boot or were not asked for.
    pub(super) left_out: u64,
    /// Packets by the number of their link, where that is not known.
    pub(super) unknown_links: BTreeMap<i32, u64>,
    /// Packets of such links in all.
    #[serde(skip)]
    pub(super) unread: u64,
    /// Why what was learnt of machines cannot be told, where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_learnt: Option<String>,
    /// The machine that was asked for, where nothing is of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_in_it: Option<NotInIt>,
}

/// A machine that is not in the capture, and some that are.
#[derive(Debug, Serialize)]
pub(super) struct NotInIt {
    pub(super) mac: Mac,
    /// Machines that boot in it.
    pub(super) machines: Vec<Mac>,
    /// How many more there are.
    pub(super) more: usize,
}

impl End {
    /// Counts a packet of a link that is not known.
    pub(super) fn count_link(&mut self, packet: &Packet) {
        let Err(number) = packet.link else { return };
        self.unread += 1;
        if self.unknown_links.len() < LINKS || self.unknown_links.contains_key(&number) {
            *self.unknown_links.entry(number).or_default() += 1;
        }
    }

    /// Whether there are packets, and not one of them could be looked into.
    pub(super) const fn is_unread(&self) -> bool {
        self.unread > 0 && self.unread == self.packets
    }
}

impl Told {
    /// A message, with its options in the order they came.
    pub(super) fn of(message: &Message) -> Self {
        let options = message.options.iter().map(|(code, value)| {
            let (name, value) = dhcp::words(code, value);
            Opt { code, name, value }
        });
        Self {
            kind: kind(message),
            xid: message.xid,
            secs: message.secs,
            flags: message.flags,
            ciaddr: message.ciaddr,
            yiaddr: message.yiaddr,
            siaddr: message.siaddr,
            giaddr: message.giaddr,
            sname: text(&message.sname),
            file: text(&message.file),
            options: options.collect(),
        }
    }
}

/// `DISCOVER`, `OFFER`, …; `BOOTP` for a message without a type.
fn kind(message: &Message) -> String {
    let value = message.options.get(code::MESSAGE_TYPE);
    let named = value.and_then(|value| dhcp::names::Form::Message.show(value));
    named.unwrap_or_else(|| "BOOTP".to_owned())
}

/// A field's text, up to its NUL.
fn text(field: &[u8]) -> String {
    let text = field.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

impl Boot {
    /// What an answer beside another's leases says.
    pub(super) fn of(answer: &decide::Answer) -> Self {
        let (selection, loader) = (&answer.selection, answer.loader.as_ref());
        let by = Some(answer.by.to_string());
        let mut boot = Self::leased(
            selection,
            (answer.strategy, by),
            loader.map(ToString::to_string),
        );
        if let Self::Data { delay, entry, .. } = &mut boot {
            *entry = answer.chosen.as_ref().map(|chosen| chosen.title.clone());
            *delay = u64::try_from(answer.delay.as_millis()).unwrap_or(u64::MAX);
        }
        boot.left_to_its_loader(answer.no_menu.as_ref())
    }

    /// What a lease says.
    pub(super) fn leased(
        selection: &Selection,
        (strategy, chosen_by): (&'static Strategy, Option<String>),
        loader: Option<String>,
    ) -> Self {
        Self::Data {
            profile: selection.profile.name.to_string(),
            file: selection.profile.file.to_string(),
            why: selection.why.to_string(),
            strategy: strategy.name,
            evidence: strategy.evidence,
            chosen_by,
            delay: 0,
            entry: None,
            loader,
            no_menu: None,
        }
    }

    /// Where its firmware has no room for the menu.
    pub(super) fn left_to_its_loader(mut self, why: Option<&NoRoom>) -> Self {
        if let Self::Data { no_menu, .. } = &mut self {
            *no_menu = why.map(ToString::to_string);
        }
        self
    }
}

impl Terms {
    pub(super) const fn of(request: &Request<'_>, write: bool) -> Self {
        let options = request.options;
        Self {
            write,
            mode: request.mode.name(),
            blksize: options.blksize,
            tsize: options.tsize,
            timeout: options.timeout,
            windowsize: options.windowsize,
        }
    }
}
