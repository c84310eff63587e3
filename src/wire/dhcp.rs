//! DHCPv4 messages (RFC 2131, 2132).
//!
//! Decoding is a pass of our own over the raw bytes, because a boot server must understand packets
//! that libraries stop at: an undecodable option before the class string must not hide the class
//! (facts "dhcproto as a decoder"). It is total and linear in the packet's length. Split options
//! are joined (RFC 3396), overloaded `file` and `sname` are read (RFC 2132 9.3), option 82 stays
//! verbatim (RFC 3046).
//!
//! Encoding writes options in the order given, which dhcproto (sorted by number) cannot: some
//! ROMs want 53 first and relays want 82 last (facts A "Safe order").
//!
//! * [`names`]: options by name, and in words
//! * [`values`]: domain names and routes as option values

mod encode;
pub mod names;
mod options;
pub mod values;

use std::net::Ipv4Addr;
use std::ops::Range;

use super::Mac;
use super::tlv::{self, Ending};

pub use names::{describe, in_line, words};
pub use options::{Options, code};

/// `op`, RFC 951.
pub const BOOTREQUEST: u8 = 1;
/// `op`, RFC 951.
pub const BOOTREPLY: u8 = 2;

/// Bytes before the options: the BOOTP header and the magic cookie.
const FIXED: usize = 240;
/// Where `chaddr` stands.
const CHADDR: Range<usize> = 28..44;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// The smallest reply sent, in bytes (facts A; relays and old clients drop less).
pub const MIN_REPLY: usize = 300;
/// The largest reply ever sent, in bytes of UDP payload (EDK2 drops more).
pub const MAX_REPLY: usize = 1472;
/// The largest reply to a client that sends no option 57, in bytes.
pub const DEFAULT_REPLY: usize = 548;

/// DHCP message type, option 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1
    Discover,
    /// 2
    Offer,
    /// 3
    Request,
    /// 4
    Decline,
    /// 5
    Ack,
    /// 6
    Nak,
    /// 7
    Release,
    /// 8
    Inform,
    /// Any other number
    Other(u8),
}

impl Kind {
    const fn from_number(n: u8) -> Self {
        match n {
            1 => Self::Discover,
            2 => Self::Offer,
            3 => Self::Request,
            4 => Self::Decline,
            5 => Self::Ack,
            6 => Self::Nak,
            7 => Self::Release,
            8 => Self::Inform,
            n => Self::Other(n),
        }
    }

    /// The number of option 53.
    pub const fn number(self) -> u8 {
        match self {
            Self::Discover => 1,
            Self::Offer => 2,
            Self::Request => 3,
            Self::Decline => 4,
            Self::Ack => 5,
            Self::Nak => 6,
            Self::Release => 7,
            Self::Inform => 8,
            Self::Other(n) => n,
        }
    }
}

/// A message, decoded or about to be encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// [`BOOTREQUEST`] or [`BOOTREPLY`].
    pub op: u8,
    /// Hardware type, copied into the reply.
    pub htype: u8,
    /// Hardware address length as sent: 0 to 16.
    pub hlen: u8,
    /// Relays passed.
    pub hops: u8,
    /// Transaction id.
    pub xid: u32,
    /// Seconds, or whatever the client puts there (iPXE: state bits).
    pub secs: u16,
    /// Bit 15: answer by broadcast.
    pub flags: u16,
    /// The client's address, where it has one.
    pub ciaddr: Ipv4Addr,
    /// The address given to the client.
    pub yiaddr: Ipv4Addr,
    /// The next server.
    pub siaddr: Ipv4Addr,
    /// The relay's address, or 0.
    pub giaddr: Ipv4Addr,
    /// All 16 bytes, copied into the reply.
    pub chaddr: [u8; 16],
    /// Server host name, NUL-padded.
    pub sname: [u8; 64],
    /// Boot file name, NUL-padded.
    pub file: [u8; 128],
    /// The options.
    pub options: Options,
}

/// The broadcast bit of `flags`.
pub const BROADCAST: u16 = 0x8000;

/// Bytes that are no DHCP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the fixed header and the cookie.
    #[error("shorter than a DHCP header (240 bytes)")]
    Short,
    /// Not the DHCP magic cookie (a BOOTP packet of 1985, or noise).
    #[error("no DHCP magic cookie")]
    Cookie,
    /// `hlen` over 16.
    #[error("hardware address longer than 16 bytes")]
    HardwareAddress,
    /// An option runs past the end of the packet.
    #[error("option {0} runs past the end of the packet")]
    Option(u8),
}

impl Message {
    /// What a machine sends of itself and its transaction, and nothing else yet.
    pub fn request(mac: Mac, xid: u32) -> Self {
        let nowhere = Ipv4Addr::UNSPECIFIED;
        Self {
            op: BOOTREQUEST,
            htype: 1,
            hlen: mac.as_bytes().len() as u8,
            hops: 0,
            xid,
            secs: 0,
            flags: 0,
            ciaddr: nowhere,
            yiaddr: nowhere,
            siaddr: nowhere,
            giaddr: nowhere,
            chaddr: mac.padded(),
            sname: [0; 64],
            file: [0; 128],
            options: Options::default(),
        }
    }

    /// Decodes a datagram. What follows the end option is ignored, a missing end option accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let fixed = bytes.get(..FIXED).ok_or(Malformed::Short)?;
        let mut reader = Reader(fixed);
        let message = reader.header();
        if reader.take::<4>() != COOKIE {
            return Err(Malformed::Cookie);
        }
        if usize::from(message.hlen) > Mac::MAX {
            return Err(Malformed::HardwareAddress);
        }
        let area = bytes.get(FIXED..).unwrap_or_default();
        let options = Options::decode(area, &message.file, &message.sname)?;
        Ok(Self { options, ..message })
    }

    /// The message type, where it has one.
    pub fn kind(&self) -> Option<Kind> {
        self.options
            .get(code::MESSAGE_TYPE)?
            .first()
            .copied()
            .map(Kind::from_number)
    }

    /// The client's hardware address. With `hlen` 0 there is none, whatever stands in the field: that is
    /// InfiniBand's way (RFC 4390 2.1), and DHCP servers tell such a client by its option 61. All zeros is
    /// no address, nor is one of a group (broadcast, multicast: the lowest bit of the first byte).
    pub fn mac(&self) -> Option<Mac> {
        hardware_address(self.hlen, &self.chaddr)
    }

    /// Whether it asks to be answered by broadcast.
    pub const fn wants_broadcast(&self) -> bool {
        self.flags & BROADCAST != 0
    }

    /// An option of exactly four bytes.
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = self.options.get(code)?.try_into().ok()?;
        Some(bytes.into())
    }

    /// How large a reply may be: min(option 57, 1472), or 548 without it (facts A). RFC 2132 9.10
    /// makes 576 the least that 57 may say, counted with IP and UDP headers by some clients and
    /// without by others; so nothing under 548 is believed.
    pub fn reply_limit(&self) -> usize {
        let asked = self
            .options
            .get(code::MAX_MESSAGE_SIZE)
            .and_then(|b| <[u8; 2]>::try_from(b).ok());
        asked.map_or(DEFAULT_REPLY, |b| {
            usize::from(u16::from_be_bytes(b)).clamp(DEFAULT_REPLY, MAX_REPLY)
        })
    }
}

/// Whose datagram this may be that is no DHCP message: `hlen` and `chaddr` stand where every message has
/// them. `None` where it is shorter than that, or has no address there.
pub fn sender(datagram: &[u8]) -> Option<Mac> {
    let (hlen, chaddr) = (datagram.get(2)?, datagram.get(CHADDR)?);
    hardware_address(*hlen, chaddr)
}

fn hardware_address(hlen: u8, chaddr: &[u8]) -> Option<Mac> {
    let bytes = chaddr.get(..usize::from(hlen))?;
    let nobody = bytes.iter().all(|b| *b == 0);
    let group = bytes.len() == 6 && bytes.first().is_some_and(|b| b & 1 == 1);
    Mac::new(bytes).filter(|_| !nobody && !group)
}

/// Whether a datagram's options end with the end mark, which [`Message::decode`] does without and
/// some firmware does not (facts A).
pub fn ended(datagram: &[u8]) -> bool {
    let area = datagram.get(FIXED..).unwrap_or_default();
    tlv::ending(area) == Ending::Marked
}

/// Reads fixed fields from a slice known to hold all of them; past its end it reads zeros.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let (head, rest) = self.0.split_at(N.min(self.0.len()));
        out.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
        self.0 = rest;
        out
    }

    fn address(&mut self) -> Ipv4Addr {
        self.take::<4>().into()
    }

    fn header(&mut self) -> Message {
        let [op, htype, hlen, hops] = self.take();
        Message {
            op,
            htype,
            hlen,
            hops,
            xid: u32::from_be_bytes(self.take()),
            secs: u16::from_be_bytes(self.take()),
            flags: u16::from_be_bytes(self.take()),
            ciaddr: self.address(),
            yiaddr: self.address(),
            siaddr: self.address(),
            giaddr: self.address(),
            chaddr: self.take(),
            sname: self.take(),
            file: self.take(),
            options: Options::default(),
        }
    }
}
