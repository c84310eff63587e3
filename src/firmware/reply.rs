//! An answer as firmware reads it: where a boot file's name is looked for, and for what an answer is
//! thrown away.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::formats::bad_length;
use super::kind::Manner;
use super::vendor::{Option43, shown};
use crate::wire::dhcp::{self, BOOTREPLY, Kind, MAX_REPLY, Malformed, Message, code};
use crate::wire::pxe::{CLASS_HTTP, CLASS_PXE};
use crate::wire::{Mac, pxe};

/// Sub-option of 175: do not wait for a proxy.
const NO_PXEDHCP: u8 = 0xb0;
/// Sub-option of 175: how much an answer of this server counts.
const PRIORITY: u8 = 0x01;

/// A datagram that came to a machine.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Where it came from.
    pub from: SocketAddrV4,
    /// The port of ours that it came to.
    pub port: u16,
    /// The payload, or the part of it that the first fragment carries.
    pub payload: &'a [u8],
    /// Bytes of the whole payload.
    pub length: usize,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Where it came from.
    pub from: SocketAddrV4,
    /// The port of ours that it came to.
    pub port: u16,
    /// Bytes of the datagram's payload.
    pub length: usize,
    /// Whether the options end with the end mark.
    pub ended: bool,
    /// The message.
    pub message: Message,
    /// Option 43, where option 60 says `PXEClient`.
    pub vendor: Option43,
}

/// For what an answer is thrown away as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It cannot be read.
    #[error("it is no DHCP message: {0}")]
    Malformed(Malformed),
    /// It does not fit.
    #[error("it has {0} bytes, and more than 1472 are not read")]
    Long(usize),
    /// Options without END.
    #[error("its options have no END mark")]
    Unended,
    /// An option cannot have that length.
    #[error(
        "option {0} has a wrong length (EDK2 as in OVMF 2022.11; later versions skip that option)"
    )]
    Length(u8),
    /// No option 54.
    #[error("it has no option 54")]
    NoServerId,
    /// Only 1 to 5 in option 43.
    #[error("its option 43 has only the multicast sub-options 1 to 5")]
    MulticastOnly,
    /// BOOTP without a boot file.
    #[error("it is a BOOTP answer without a boot file")]
    BareBootp,
    /// Class `HTTPClient`, no URI.
    #[error("option 60 is HTTPClient, and there is no URI")]
    NoUri,
    /// Class `HTTPClient`, and the boot file is no URI.
    #[error("option 60 is HTTPClient, and the boot file \"{0}\" is no URI")]
    BadUri(String),
    /// No address, and nothing for HTTP boot.
    #[error("it has neither an address nor option 60 HTTPClient")]
    NotHttp,
}

/// The transaction of a reply to this hardware address; `None` for anything else.
pub fn transaction(payload: &[u8], mac: Mac) -> Option<u32> {
    let xid: [u8; 4] = payload.get(4..8)?.try_into().ok()?;
    let ours =
        payload.first() == Some(&BOOTREPLY) && payload.get(28..)?.starts_with(mac.as_bytes());
    ours.then_some(u32::from_be_bytes(xid))
}

/// Why a datagram is no answer to a machine's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// It is no reply of DHCP.
    NoReply,
    /// It is to another hardware address.
    OtherMachine,
    /// It is to a question that was not asked.
    OtherTransaction,
}

impl Stray {
    /// Why this is none to the machine with this hardware address, and this transaction.
    pub fn of(payload: &[u8], mac: Mac, xid: u32) -> Option<Self> {
        match transaction(payload, mac) {
            Some(answers) => (answers != xid).then_some(Self::OtherTransaction),
            None if payload.first() == Some(&BOOTREPLY) => Some(Self::OtherMachine),
            None => Some(Self::NoReply),
        }
    }
}

impl Reply {
    /// Reads a datagram.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn read(incoming: Incoming<'_>) -> Result<Self, Flaw> {
        if incoming.payload.len() < incoming.length {
            return Err(Flaw::Long(incoming.length));
        }
        let message = Message::decode(incoming.payload).map_err(Flaw::Malformed)?;
        let ended = dhcp::ended(incoming.payload);
        let Incoming {
            from, port, length, ..
        } = incoming;
        Ok(Self::heard(from, port, length, ended, message))
    }

    /// An answer that was read before: from where, to which port of ours, how long, whether it had
    /// its end mark.
    pub fn heard(
        from: SocketAddrV4,
        port: u16,
        length: usize,
        ended: bool,
        message: Message,
    ) -> Self {
        let class = message.options.get(code::VENDOR_CLASS);
        let is_pxe = class.is_some_and(|class| class.starts_with(CLASS_PXE));
        let vendor = message.options.get(code::VENDOR_SPECIFIC);
        let vendor = vendor.filter(|_| is_pxe).map(Option43::read);
        Self {
            from,
            port,
            length,
            ended,
            vendor: vendor.unwrap_or_default(),
            message,
        }
    }

    /// An option's value.
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.message.options.get(code)
    }

    /// Whether it gives boot data and no address.
    pub fn is_proxy(&self) -> bool {
        self.message.yiaddr.is_unspecified()
    }

    /// Whether option 60 begins `PXEClient`.
    pub fn is_pxe(&self) -> bool {
        self.class_is(CLASS_PXE)
    }

    /// Whether option 60 begins `HTTPClient`.
    pub fn is_http(&self) -> bool {
        self.class_is(CLASS_HTTP)
    }

    fn class_is(&self, class: &[u8]) -> bool {
        let told = self.option(code::VENDOR_CLASS);
        told.is_some_and(|told| told.starts_with(class))
    }

    /// Option 54, where it names a server.
    pub fn server_id(&self) -> Option<Ipv4Addr> {
        named(self.message.address(code::SERVER_ID)?)
    }

    /// The server: option 54, else where it came from.
    pub fn server(&self) -> Ipv4Addr {
        self.server_id().unwrap_or(*self.from.ip())
    }

    /// Whom iPXE takes it to be from: option 54, else the next server, else where it came from.
    pub fn pseudo_id(&self) -> Ipv4Addr {
        let next = named(self.message.siaddr);
        self.server_id().or(next).unwrap_or(*self.from.ip())
    }

    /// Where files are: the next server, else option 54.
    pub fn file_server(&self) -> Option<Ipv4Addr> {
        named(self.message.siaddr).or(self.server_id())
    }

    /// The name in the header.
    pub fn header_file(&self) -> Option<&[u8]> {
        up_to_nul(&self.message.file)
    }

    /// The boot file as EDK2 and GRUB look for it: option 67 first.
    pub fn file_of_option(&self) -> Option<&[u8]> {
        let option = self.option(code::BOOT_FILE).and_then(up_to_nul);
        option.or_else(|| self.header_file())
    }

    /// The boot file as iPXE and ROMs look for it: the header first.
    pub fn file_of_header(&self) -> Option<&[u8]> {
        let option = || self.option(code::BOOT_FILE).and_then(up_to_nul);
        self.header_file().or_else(option)
    }

    /// Whether iPXE need not ask port 4011: a server with a file, or a menu.
    pub fn has_pxe_options(&self) -> bool {
        let named = !self.message.siaddr.is_unspecified() && self.file_of_header().is_some();
        named || self.vendor.menu.is_some()
    }

    /// Whether iPXE is told not to look for a proxy (option 175, sub-option 176).
    pub fn forbids_proxy(&self) -> bool {
        self.ipxe(NO_PXEDHCP).is_some_and(|v| v != 0)
    }

    /// How much iPXE lets it count (option 175, sub-option 1).
    pub fn priority(&self) -> i8 {
        self.ipxe(PRIORITY).unwrap_or(0).cast_signed()
    }

    fn ipxe(&self, tag: u8) -> Option<u8> {
        let settings = self.option(code::ETHERBOOT)?;
        pxe::sub_option(settings, tag)?.first().copied()
    }

    /// For what this firmware throws an OFFER or ACK away.
    pub fn flaw(&self, manner: Manner) -> Option<Flaw> {
        match manner {
            Manner::Edk2 => self.edk2_flaw().or_else(|| self.pxe_flaw()),
            Manner::Edk2Http => self.edk2_flaw().or_else(|| self.http_flaw()),
            Manner::Rom if self.message.kind().is_some() && self.server_id().is_none() => {
                Some(Flaw::NoServerId)
            }
            Manner::Rom | Manner::Ipxe | Manner::Pi => None,
        }
    }

    /// What EDK2's DHCP driver checks (`DhcpValidateOptions`).
    fn edk2_flaw(&self) -> Option<Flaw> {
        let bootp = self.message.kind().is_none();
        if self.length > MAX_REPLY {
            Some(Flaw::Long(self.length))
        } else if !self.ended {
            Some(Flaw::Unended)
        } else if let Some(code) = bad_length(&self.message.options) {
            Some(Flaw::Length(code))
        } else if !bootp && self.server_id().is_none() {
            Some(Flaw::NoServerId)
        } else {
            None
        }
    }

    fn pxe_flaw(&self) -> Option<Flaw> {
        let bootp = self.message.kind().is_none();
        if bootp && self.file_of_option().is_none() {
            Some(Flaw::BareBootp)
        } else if self.vendor.multicasts && !self.vendor.discovers {
            Some(Flaw::MulticastOnly)
        } else {
            None
        }
    }

    fn http_flaw(&self) -> Option<Flaw> {
        match (self.is_http(), self.file_of_option()) {
            (true, None) => Some(Flaw::NoUri),
            (true, Some(uri)) if !is_uri(uri) => Some(Flaw::BadUri(shown(uri))),
            (false, _) if self.is_proxy() => Some(Flaw::NotHttp),
            _ => None,
        }
    }
}

/// `http://…` or `https://…`, with a host.
fn is_uri(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let known = ["http://", "https://"];
    known.iter().any(|scheme| text.starts_with(scheme))
        && super::machine::web::host(&text).is_some()
}

fn named(address: Ipv4Addr) -> Option<Ipv4Addr> {
    (!address.is_unspecified()).then_some(address)
}

fn up_to_nul(field: &[u8]) -> Option<&[u8]> {
    let text = field.split(|b| *b == 0).next().unwrap_or_default();
    (!text.is_empty()).then_some(text)
}

/// `OFFER from 10.0.0.1: 10.0.0.77, no boot file`
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.message.kind() {
            Some(Kind::Offer) if self.is_proxy() => "proxy OFFER",
            Some(Kind::Offer) => "OFFER",
            Some(Kind::Ack) => "ACK",
            Some(Kind::Nak) => "NAK",
            Some(_) => "answer",
            None => "BOOTP answer",
        };
        write!(f, "{kind} from {}: {}", self.who(), self.contents())
    }
}

impl Reply {
    /// The server, and the address it came from where that is another one.
    fn who(&self) -> String {
        let (server, source) = (self.server(), *self.from.ip());
        if server == source {
            server.to_string()
        } else {
            format!("{server} (sent by {source})")
        }
    }

    fn contents(&self) -> String {
        let mut parts = Vec::new();
        if !self.is_proxy() {
            parts.push(self.message.yiaddr.to_string());
        }
        if let Some(class) = self.option(code::VENDOR_CLASS) {
            parts.push(shown(class));
        }
        parts.push(match self.file_of_header() {
            Some(file) => self.named_file(&shown(file)),
            None => "no boot file".to_owned(),
        });
        if self.is_pxe() {
            parts.push(self.vendor_in_words());
        }
        parts.join(", ")
    }

    fn named_file(&self, file: &str) -> String {
        if self.message.siaddr.is_unspecified() {
            file.to_owned()
        } else {
            format!("{file} on {}", self.message.siaddr)
        }
    }

    fn vendor_in_words(&self) -> String {
        match self.option(code::VENDOR_SPECIFIC) {
            None => "no option 43".to_owned(),
            Some(_) if self.vendor.control.at_once() => "boot at once".to_owned(),
            Some(_) => match &self.vendor.menu {
                Some(items) => format!("a menu of {}", items.len()),
                None => "option 43 without a menu".to_owned(),
            },
        }
    }
}
