//! What can happen: one variant a kind. Its names are those of the JSON log and the API.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::told::{AnswerTold, BootTold, Guess, Unanswered, Unnamed};
use super::words;
use crate::lease::State;
use crate::tree::Door;
use crate::wire::{Arch, Mac};
use crate::yaml::Finding;

/// What happened. The names are those of the JSON log and the API (`"event": "offer"`).
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// A boot client asks for addresses and a loader.
    Discover {
        /// `discover`; in mode `dhcp` also `bootp`.
        message: &'static str,
        /// Who speaks: `rom`, `ipxe`, …
        stage: &'static str,
        /// Its architecture.
        arch: Arch,
        /// The interface it came by.
        interface: Arc<str>,
        /// The relay, when it came through one.
        #[serde(skip_serializing_if = "Option::is_none")]
        relay: Option<Ipv4Addr>,
    },
    /// A boot client asks our port 4011, or port 67 for an item of its menu.
    Request {
        /// The port it came to.
        port: u16,
        /// Who speaks.
        stage: &'static str,
        /// Its architecture.
        arch: Arch,
        /// Where it asks from.
        peer: SocketAddr,
    },
    /// We answered with boot data. Machines of a kind are told the same, and share it.
    Answer(Arc<AnswerTold>),
    /// What a client asks was handed on to the LAN's DHCP server, as by a relay agent.
    Forwarded {
        /// `discover`, `request`, `release` or `decline`.
        message: &'static str,
        /// To whom; none: to everybody on the link.
        servers: Vec<Ipv4Addr>,
    },
    /// No DHCP server has answered that in time: a DISCOVER, and the client gets a proxy's OFFER; or a REQUEST, and it
    /// gets nothing.
    NoLease(Box<Unanswered>),
    /// No lease is fetched for a client behind a relay, though it needs one with its boot data: nobody is named to ask.
    NoServerNamed(Unnamed),
    /// The DHCP server refuses a lease that was handed on, or has another address by now; the client was told.
    LeaseRefused {
        /// The server that has said so; none: the one that was asked offers another address.
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<Ipv4Addr>,
        /// Why, in the server's words.
        why: String,
    },
    /// A client has renewed such a lease by us; from now on it asks the server itself.
    Renewed {
        /// The address.
        address: Ipv4Addr,
        /// Whose lease it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<Ipv4Addr>,
    },
    /// Somebody chose an item of a menu that the firmware shows.
    Chosen {
        /// The entry's id.
        entry: String,
        /// Its line.
        title: String,
        /// Its boot server type.
        #[serde(rename = "type")]
        kind: u16,
        /// The profile whose menu it is.
        profile: String,
    },
    /// Mode `dhcp`: a client was told of an address, of options, or to start again.
    Granted {
        /// `offer`, `ack`, `nak`, `inform` or `bootp`.
        message: &'static str,
        /// The address, where it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<Ipv4Addr>,
        /// For how long, in words; of a NAK, why.
        detail: Box<str>,
        /// The network.
        network: Box<str>,
        /// Where the reply went.
        to: SocketAddrV4,
        /// The boot data in it, where the client boots.
        #[serde(skip_serializing_if = "Option::is_none")]
        boot: Option<Box<BootTold>>,
        /// Why there are none, where the client boots all the same.
        #[serde(skip_serializing_if = "Option::is_none")]
        no_boot: Option<Box<str>>,
        /// Options that the client's size limit had no room for.
        #[serde(skip_serializing_if = "<[u8]>::is_empty")]
        left_out: Box<[u8]>,
    },
    /// Mode `dhcp`: somebody uses an address that was not leased to him.
    Conflict {
        /// The address.
        address: Ipv4Addr,
        /// Whose it is, where ARP told.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Mac>,
        /// For so many seconds it is left alone.
        seconds: u64,
    },
    /// A boot client was answered, and nothing is kept of what it said: its machine is at another address.
    NotKept {
        /// The port it came to.
        port: u16,
        /// Where it came from.
        from: Ipv4Addr,
        /// The address that this machine has asked a DHCP server for.
        asked: Ipv4Addr,
    },
    /// A packet was not answered, and why.
    Ignored {
        /// The port it came to.
        port: u16,
        /// The reason as a word (`no-profile`, `malformed`, …).
        reason: &'static str,
        /// The reason in a sentence.
        detail: String,
        /// Whether it is of a machine that there is not: one that `doctor` or `probe` plays.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        played: bool,
    },
    /// A client was seen taking a lease from the LAN's DHCP server.
    Leased {
        /// The address it asked for.
        address: Ipv4Addr,
        /// The server it chose, where it said so.
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<Ipv4Addr>,
    },
    /// A client did not follow what it was offered; another shape is tried.
    Escalated {
        /// The shape that it did not follow.
        strategy: &'static str,
        /// How many times in a row.
        failures: u8,
        /// Whether it came to port 4011 the last time, and fetched nothing all the same.
        at_4011: bool,
        /// The shape from now on.
        next: &'static str,
    },
    /// A client did not follow the last shape that there is for it either; it is offered the first
    /// again, and none is tried for an hour.
    NothingLeft {
        /// The shape that it did not follow.
        strategy: &'static str,
        /// How many times in a row.
        failures: u8,
        /// Whether it came to port 4011 the last time, and fetched nothing all the same.
        at_4011: bool,
        /// Whether it asked for the lease that it was offered.
        leased: bool,
    },
    /// A client follows another shape than was known of it.
    Follows {
        /// The shape.
        strategy: &'static str,
        /// Whether that is remembered; what is offered first anyhow need not be.
        remembered: bool,
        /// Whether that could not be written, and lasts until bootjack ends.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        unwritten: bool,
    },
    /// A client does what a row of the quirk table asks for; it is remembered.
    Observed {
        /// What it does, as a word: `asks-4011-all-the-same`.
        behaviour: &'static str,
        /// Whether that could not be written, and lasts until bootjack ends.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        unwritten: bool,
    },
    /// A client did what it could not if what was observed of it were so; it is forgotten.
    Disproved {
        /// What it was taken to do, as a word: `secure-boot`.
        behaviour: &'static str,
    },
    /// A client was sent shim whole and came back without asking for what shim starts.
    ShimRefused,
    /// A client was sent iPXE again and again, and got no further; the loop is cut.
    LoopCut {
        /// What it is given instead, as a word: `script`, `other-loader`, `script-in-place`.
        cut: &'static str,
        /// How many times it was sent iPXE.
        rounds: u8,
    },
    /// An address changed its state (mode `dhcp`).
    Lease {
        /// The address.
        address: Ipv4Addr,
        /// Its state now.
        state: State,
        /// What it was.
        was: State,
        /// Until when, by the wall clock; none: for ever.
        #[serde(serialize_with = "words::maybe_rfc3339")]
        until: Option<SystemTime>,
        /// The network it is of; none where the networks changed meanwhile.
        #[serde(skip_serializing_if = "Option::is_none")]
        network: Option<Arc<str>>,
        /// The name given to the client: its reservation's, else the one it gave itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        host_name: Option<Box<str>>,
        /// Who has it, or had it: hardware address, and identifier where that tells it.
        holder: String,
    },
    /// A menu or script was rendered for a client.
    Menu {
        /// The door it left by.
        door: Door,
        /// The name asked for.
        path: String,
        /// `pxelinux`, `ipxe`, `grub`.
        dialect: &'static str,
        /// The profile.
        profile: String,
        /// Entries this client was shown.
        entries: usize,
    },
    /// A file began to leave.
    Started {
        /// The door.
        door: Door,
        /// The name asked for.
        path: String,
        /// The client's address.
        peer: IpAddr,
        /// Bytes to send.
        size: u64,
    },
    /// A file was sent whole.
    Sent {
        /// The door.
        door: Door,
        /// The name asked for.
        path: String,
        /// The client's address.
        peer: IpAddr,
        /// Bytes sent.
        size: u64,
        /// From request to last acknowledgement.
        #[serde(serialize_with = "words::seconds")]
        took: Duration,
    },
    /// The client ended a transfer by itself: a size probe, a menu that needs no more (quirk 39).
    Probed {
        /// The door.
        door: Door,
        /// The name asked for.
        path: String,
        /// The client's address.
        peer: IpAddr,
        /// Bytes acknowledged until then; 0 where only the size was asked for.
        sent: u64,
    },
    /// A transfer failed.
    Failed {
        /// The door.
        door: Door,
        /// The name asked for.
        path: String,
        /// The client's address.
        peer: IpAddr,
        /// Bytes acknowledged until then.
        sent: u64,
        /// Why, in a sentence.
        reason: String,
    },
    /// A loader looked for a file where it might be (quirks 37 and 38).
    Guessed(Guess),
    /// A name that leads nowhere.
    NotFound {
        /// The door.
        door: Door,
        /// The name asked for (printable, at most 160 characters).
        path: String,
        /// The client's address.
        peer: IpAddr,
        /// Why.
        reason: String,
        /// Whether who asks is known not to go on without.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        needed: bool,
    },
    /// A bound was reached; this request was refused, the rest is served.
    Refused {
        /// What was asked of: `tftp`, `http`, `dhcp`.
        service: &'static str,
        /// The client's address.
        peer: IpAddr,
        /// Which bound.
        limit: String,
    },
    /// A request no protocol allows.
    Malformed {
        /// What was asked of.
        service: &'static str,
        /// Where it came from.
        peer: SocketAddr,
        /// Whose it says it is, where its header is there (DHCP).
        #[serde(skip_serializing_if = "Option::is_none")]
        mac: Option<Mac>,
        /// What is wrong with it.
        reason: String,
    },
    /// A TLS handshake came to nothing.
    Handshake {
        /// The client's address.
        peer: IpAddr,
        /// The alert by which the client gave up: `unknown_ca`, …
        #[serde(skip_serializing_if = "Option::is_none")]
        alert: Option<String>,
        /// Why, and what to do.
        reason: String,
    },
    /// All sockets are open.
    Ready {
        /// `eth0 10.0.0.2`, one each.
        interfaces: Vec<String>,
        /// `dhcp 67, pxe 4011, tftp 69, http 8067`.
        ports: Vec<String>,
        /// The web page.
        url: String,
        /// Who the process is now.
        user: String,
    },
    /// A new set of profiles and networks is in force.
    Reloaded {
        /// Profiles in force.
        profiles: usize,
        /// Networks described.
        networks: usize,
        /// The operator's rows of the quirk table.
        quirks: usize,
        /// From the last change seen to in force.
        #[serde(serialize_with = "words::seconds")]
        took: Duration,
    },
    /// A set of profiles and networks was refused; the last good one stays.
    Rejected {
        /// What is wrong.
        findings: Vec<Finding>,
    },
    /// Something the operator should know.
    Notice {
        /// What, in a sentence.
        text: String,
    },
    /// Something the operator has to act on.
    Warning {
        /// What, and what to do.
        text: String,
    },
    /// Something of ours failed.
    Fault {
        /// What failed, on what, what to try.
        text: String,
    },
}
