//! One answer to a DISCOVER.
//!
//! Beside the decoded message it keeps what decoding forgives and firmware does not: a missing end
//! mark, and how long the datagram was.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::firmware::Reply;
use crate::firmware::sample::Flavour;
use crate::wire::dhcp::{self, Kind, Message, Options, code};
use crate::wire::pxe::area::Area;
use crate::wire::{Mac, pxe};

/// The ports of a DHCP server and of its clients.
const DHCP: u16 = 67;
const CLIENT: u16 = 68;

/// An OFFER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What we had asked as.
    pub flavour: Flavour,
    /// The address it came from.
    pub source: Ipv4Addr,
    /// The hardware address it came from.
    pub source_mac: Option<Mac>,
    /// Since the first DISCOVER of this flavour.
    pub after: Duration,
    /// Bytes of the datagram's payload.
    pub length: usize,
    /// Whether the options end with the end mark.
    pub ended: bool,
    /// The message.
    pub message: Message,
}

/// An answer that cannot be decoded, whatever it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What we had asked as.
    pub flavour: Flavour,
    /// The address it came from.
    pub source: Ipv4Addr,
    /// Bytes of the datagram's payload.
    pub length: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A datagram on its way to becoming one of both.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// The address it came from.
    pub source: Ipv4Addr,
    /// The hardware address it came from.
    pub source_mac: Option<Mac>,
    /// The payload, or the part of it that the first fragment carries.
    pub payload: &'a [u8],
    /// Bytes of the whole payload.
    pub length: usize,
    /// Since the first DISCOVER of the flavour.
    pub after: Duration,
}

impl Offer {
    /// Reads an answer to our transaction; `None` for another kind of message.
    pub fn read(flavour: Flavour, from: Datagram<'_>) -> Option<Result<Self, Unreadable>> {
        let message = match Message::decode(from.payload) {
            Ok(message) => message,
            Err(why) => {
                return Some(Err(Unreadable {
                    flavour,
                    source: from.source,
                    length: from.length,
                    why: why.to_string(),
                }));
            }
        };
        let offered = message.kind() == Some(Kind::Offer);
        offered.then(|| {
            Ok(Self {
                flavour,
                source: from.source,
                source_mac: from.source_mac,
                after: from.after,
                length: from.length,
                ended: dhcp::ended(from.payload),
                message,
            })
        })
    }

    /// The server: option 54, or the address it came from.
    pub fn server(&self) -> Ipv4Addr {
        let named = self.message.address(code::SERVER_ID);
        named.unwrap_or(self.source)
    }

    /// The server for people: its address, and its hardware address where known.
    pub fn who(&self) -> String {
        let mac = self.source_mac.map(|m| format!(" ({m})"));
        format!("{}{}", self.server(), mac.unwrap_or_default())
    }

    /// Whether it gives boot data and no address.
    pub fn is_proxy(&self) -> bool {
        self.message.yiaddr.is_unspecified()
    }

    /// Whether option 60 begins so.
    pub fn class_is(&self, class: &[u8]) -> bool {
        let told = self.option(code::VENDOR_CLASS);
        told.is_some_and(|told| told.starts_with(class))
    }

    /// An option's value.
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.message.options.get(code)
    }

    fn options(&self) -> &Options {
        &self.message.options
    }

    /// Whether `file` holds options and no name.
    fn file_is_overloaded(&self) -> bool {
        let overload = self.options().get(code::OVERLOAD);
        overload.and_then(|v| v.first()).is_some_and(|v| v & 1 != 0)
    }

    /// The boot file: the header's `file`, else option 67.
    pub fn boot_file(&self) -> Option<String> {
        let header = text(&self.message.file).filter(|_| !self.file_is_overloaded());
        header.or_else(|| text(self.option(code::BOOT_FILE)?))
    }

    /// Where the boot file is to be fetched: `siaddr`, else option 66.
    pub fn boot_server(&self) -> Option<String> {
        let siaddr = self.message.siaddr;
        if siaddr.is_unspecified() {
            text(self.option(code::TFTP_SERVER)?)
        } else {
            Some(siaddr.to_string())
        }
    }

    /// Sub-options of 43, in their order.
    pub fn vendor(&self) -> Vec<(u8, &[u8])> {
        let area = self.option(code::VENDOR_SPECIFIC).unwrap_or_default();
        pxe::sub_options(area).collect()
    }

    /// Whether 43 has one of 6 to 10: what makes an offer a PXE offer (facts, section C).
    pub fn has_pxe_data(&self) -> bool {
        self.option(code::VENDOR_SPECIFIC)
            .is_some_and(|option_43| Area::read(option_43).discovers())
    }

    /// The answer as firmware has it before itself.
    pub fn reply(&self) -> Reply {
        let from = SocketAddrV4::new(self.source, DHCP);
        Reply::heard(from, CLIENT, self.length, self.ended, self.message.clone())
    }
}

/// Text up to its NUL; `None` where there is none.
pub fn text(field: &[u8]) -> Option<String> {
    let text = field.split(|b| *b == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text).into_owned();
    (!text.is_empty()).then_some(text)
}

/// Offers made by hand, for the tests of the judges.
#[cfg(test)]
pub(super) mod made {
    use super::*;
    use crate::firmware::sample;
    use crate::wire::dhcp::BOOTREPLY;

    pub(crate) const MAC: Mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);

    /// A lease of 10.0.0.57 from 10.0.0.1, decoded from its bytes; `change` may spoil it first.
    pub(crate) fn offer(flavour: Flavour, change: impl FnOnce(&mut Message)) -> Offer {
        let mut message = sample::discover(flavour, MAC, 7, 0);
        message.op = BOOTREPLY;
        message.yiaddr = [10, 0, 0, 57].into();
        message.options = [
            (code::MESSAGE_TYPE, &[2][..]),
            (code::SERVER_ID, &[10, 0, 0, 1]),
            (code::SUBNET_MASK, &[255, 255, 255, 0]),
            (code::ROUTER, &[10, 0, 0, 1]),
            (code::LEASE_TIME, &[0, 0, 14, 16]),
        ]
        .into_iter()
        .collect();
        change(&mut message);
        read(flavour, &message.encode()).unwrap().unwrap()
    }

    /// The same without an address.
    pub(crate) fn proxy(flavour: Flavour, server: [u8; 4]) -> Offer {
        offer(flavour, |m| {
            m.yiaddr = Ipv4Addr::UNSPECIFIED;
            m.options = [
                (code::MESSAGE_TYPE, &[2][..]),
                (code::SERVER_ID, &server),
                (code::VENDOR_CLASS, b"PXEClient"),
            ]
            .into_iter()
            .collect();
        })
    }

    pub(crate) fn read(flavour: Flavour, bytes: &[u8]) -> Option<Result<Offer, Unreadable>> {
        let from = Datagram {
            source: [10, 0, 0, 1].into(),
            source_mac: Some(Mac::ethernet([2, 0, 0, 0, 0, 9])),
            payload: bytes,
            length: bytes.len(),
            after: Duration::from_millis(3),
        };
        Offer::read(flavour, from)
    }
}

#[cfg(test)]
mod tests {
    use super::made::{MAC, offer, read};
    use super::*;
    use crate::firmware::reply::transaction;

    #[test]
    fn only_answers_to_us_are_read() {
        let bytes = offer(Flavour::Bios, |_| {}).message.encode();
        assert_eq!(transaction(&bytes, MAC), Some(7));
        assert_eq!(transaction(&bytes, Mac::ethernet([9; 6])), None);
        assert_eq!(transaction(&bytes[..30], MAC), None);
        let mut request = bytes.clone();
        request[0] = 1;
        assert_eq!(transaction(&request, MAC), None);
        let mut ack = bytes.clone();
        ack[242] = 5;
        assert_eq!(read(Flavour::Bios, &ack), None, "an ACK is no offer");
        let broken = read(Flavour::Bios, &bytes[..245]).unwrap().unwrap_err();
        assert!(
            broken.why.contains("option 54 runs past the end"),
            "{broken:?}"
        );
    }

    #[test]
    fn the_end_mark_is_looked_for() {
        let mut bytes = offer(Flavour::Bios, |_| {}).message.encode();
        let end = bytes.iter().rposition(|b| *b == 255).unwrap();
        assert!(read(Flavour::Bios, &bytes).unwrap().unwrap().ended);
        bytes[end] = 0;
        assert!(!read(Flavour::Bios, &bytes).unwrap().unwrap().ended);
    }

    #[test]
    fn the_boot_file_is_the_headers_or_option_67() {
        let with = |change: fn(&mut Message)| offer(Flavour::Bios, change);
        let plain = with(|_| {});
        assert_eq!((plain.boot_file(), plain.boot_server()), (None, None));
        let both = with(|m| {
            m.file[..3].copy_from_slice(b"a.0");
            m.siaddr = [10, 0, 0, 9].into();
            m.options.push(code::BOOT_FILE, b"b.0\0");
        });
        assert_eq!(both.boot_file().as_deref(), Some("a.0"));
        assert_eq!(both.boot_server().as_deref(), Some("10.0.0.9"));
        let option = with(|m| {
            m.options.push(code::BOOT_FILE, b"b.0\0");
            m.options.push(code::TFTP_SERVER, b"tftp.example");
        });
        assert_eq!(option.boot_file().as_deref(), Some("b.0"));
        assert_eq!(option.boot_server().as_deref(), Some("tftp.example"));
        let overloaded = with(|m| {
            m.file[..4].copy_from_slice(&[12, 1, b'h', 255]);
            m.options.push(code::OVERLOAD, &[1]);
        });
        assert_eq!(overloaded.boot_file(), None);
    }
}
