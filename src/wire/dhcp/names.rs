//! DHCP options by name: number, name, and the form of the value (IANA "BOOTP Vendor Extensions
//! and DHCP Options").
//!
//! [`SETTABLE`] is what an operator may set by name; [`OWN`] is what the protocol or bootjack
//! decides, or what only clients send. Everything else has a number alone. [`describe`] puts any
//! of them into words.

use std::net::Ipv4Addr;

use super::values::{Route, read_names, read_routes};
use super::{Kind, code};
use crate::wire::hex;

/// What the value of an option is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One IPv4 address
    Address,
    /// One or more IPv4 addresses
    Addresses,
    /// Text
    Text,
    /// One domain name, as text
    Domain,
    /// One or more domain names, compressed (RFC 3397)
    Domains,
    /// Routes with any prefix length (RFC 3442)
    Routes,
    /// Yes or no, one byte
    Flag,
    /// A number of 8 bits
    U8,
    /// A number of 16 bits
    U16,
    /// A number of 32 bits
    U32,
    /// A signed number of 32 bits
    I32,
    /// A message type
    Message,
    /// Bytes whose meaning is not told here
    Bytes,
}

/// An option with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Its number.
    pub code: u8,
    /// Its name.
    pub name: &'static str,
    /// What its value is made of.
    pub form: Form,
}

const fn row(code: u8, name: &'static str, form: Form) -> Named {
    Named { code, name, form }
}

/// What may be set by name, by number.
pub const SETTABLE: [Named; 39] = [
    row(2, "time-offset", Form::I32),
    row(code::ROUTER, "routers", Form::Addresses),
    row(4, "time-servers", Form::Addresses),
    row(code::DNS, "dns", Form::Addresses),
    row(7, "log-servers", Form::Addresses),
    row(9, "lpr-servers", Form::Addresses),
    row(code::DOMAIN, "domain", Form::Domain),
    row(17, "root-path", Form::Text),
    row(19, "ip-forwarding", Form::Flag),
    row(23, "default-ttl", Form::U8),
    row(code::MTU, "mtu", Form::U16),
    row(code::BROADCAST_ADDRESS, "broadcast", Form::Address),
    row(31, "router-discovery", Form::Flag),
    row(40, "nis-domain", Form::Domain),
    row(41, "nis-servers", Form::Addresses),
    row(code::NTP, "ntp", Form::Addresses),
    row(44, "netbios-name-servers", Form::Addresses),
    row(45, "netbios-dd-servers", Form::Addresses),
    row(code::NETBIOS_NODE, "netbios-node-type", Form::U8),
    row(47, "netbios-scope", Form::Text),
    row(48, "font-servers", Form::Addresses),
    row(49, "x-display-managers", Form::Addresses),
    row(64, "nisplus-domain", Form::Domain),
    row(65, "nisplus-servers", Form::Addresses),
    row(code::TFTP_SERVER, "tftp-server", Form::Text),
    row(code::BOOT_FILE, "boot-file", Form::Text),
    row(69, "smtp-servers", Form::Addresses),
    row(70, "pop3-servers", Form::Addresses),
    row(72, "www-servers", Form::Addresses),
    row(100, "posix-timezone", Form::Text),
    row(101, "timezone", Form::Text),
    row(108, "ipv6-only-wait", Form::U32),
    row(114, "captive-portal", Form::Text),
    row(code::DOMAIN_SEARCH, "search", Form::Domains),
    row(code::STATIC_ROUTES, "static-routes", Form::Routes),
    row(138, "capwap-controllers", Form::Addresses),
    row(150, "tftp-server-addresses", Form::Addresses),
    row(249, "ms-static-routes", Form::Routes),
    row(252, "wpad", Form::Text),
];

/// What nobody sets: it is part of the protocol, or of what bootjack decides for each machine.
pub const OWN: [Named; 26] = [
    row(code::PAD, "padding", Form::Bytes),
    row(code::SUBNET_MASK, "subnet mask", Form::Address),
    row(code::HOST_NAME, "host name", Form::Text),
    row(code::VENDOR_SPECIFIC, "PXE sub-options", Form::Bytes),
    row(code::REQUESTED_ADDRESS, "requested address", Form::Address),
    row(code::LEASE_TIME, "lease time", Form::U32),
    row(code::OVERLOAD, "overload", Form::U8),
    row(code::MESSAGE_TYPE, "message type", Form::Message),
    row(code::SERVER_ID, "server identifier", Form::Address),
    row(code::PARAMETER_LIST, "wanted options", Form::Bytes),
    row(code::MESSAGE, "message", Form::Text),
    row(code::MAX_MESSAGE_SIZE, "message size", Form::U16),
    row(code::RENEWAL_TIME, "renewal time", Form::U32),
    row(code::REBINDING_TIME, "rebinding time", Form::U32),
    row(code::VENDOR_CLASS, "vendor class", Form::Text),
    row(code::CLIENT_ID, "client identifier", Form::Bytes),
    row(code::USER_CLASS, "user class", Form::Text),
    row(81, "client domain name", Form::Bytes),
    row(code::RELAY_AGENT, "relay agent", Form::Bytes),
    row(90, "authentication", Form::Bytes),
    row(code::CLIENT_ARCH, "architecture", Form::U16),
    row(code::CLIENT_NDI, "network interface", Form::Bytes),
    row(code::CLIENT_UUID, "client UUID", Form::Bytes),
    row(118, "subnet selection", Form::Address),
    row(code::ETHERBOOT, "iPXE settings", Form::Bytes),
    row(code::END, "end", Form::Bytes),
];

/// What is known of an option by its number.
pub fn named(code: u8) -> Option<&'static Named> {
    SETTABLE.iter().chain(&OWN).find(|n| n.code == code)
}

impl Form {
    /// The value in words; `None` where it has not this form.
    pub fn show(self, value: &[u8]) -> Option<String> {
        match self {
            Self::Address => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).to_string()),
            Self::Addresses => addresses(value),
            Self::Text | Self::Domain => Some(format!("{:?}", String::from_utf8_lossy(value))),
            Self::Domains => Some(read_names(value)?.join(" ")),
            Self::Routes => Some(joined(read_routes(value)?.iter().map(Route::to_string))),
            Self::Flag => match value {
                [0] => Some("no".to_owned()),
                [1] => Some("yes".to_owned()),
                _ => None,
            },
            Self::U8 => Some(u8::from_be_bytes(value.try_into().ok()?).to_string()),
            Self::U16 => Some(u16::from_be_bytes(value.try_into().ok()?).to_string()),
            Self::U32 => Some(u32::from_be_bytes(value.try_into().ok()?).to_string()),
            Self::I32 => Some(i32::from_be_bytes(value.try_into().ok()?).to_string()),
            Self::Message => {
                let kind = Kind::from_number(*value.first()?);
                Some(format!("{kind:?}").to_uppercase())
            }
            Self::Bytes => Some(hex(value)),
        }
    }

    /// What it is made of, for messages ("holds addresses").
    pub const fn holds(self) -> &'static str {
        match self {
            Self::Address => "one IPv4 address",
            Self::Addresses => "IPv4 addresses",
            Self::Text => "text",
            Self::Domain => "a domain name",
            Self::Domains => "compressed domain names",
            Self::Routes => "routes",
            Self::Flag => "one byte, 0 or 1",
            Self::U8 => "a number of 8 bits",
            Self::U16 => "a number of 16 bits",
            Self::U32 | Self::I32 => "a number of 32 bits",
            Self::Message => "a message type",
            Self::Bytes => "bytes",
        }
    }
}

/// An option's name, empty where it has none, and its value; in hex where it is not known, or not what
/// it should be.
pub fn words(code: u8, value: &[u8]) -> (&'static str, String) {
    let known = named(code);
    let shown = known.and_then(|n| n.form.show(value));
    let name = known.map_or("", |n| n.name);
    (name, shown.unwrap_or_else(|| hex(value)))
}

/// An option for people: [`words`] in a line.
pub fn describe(code: u8, value: &[u8]) -> String {
    let (name, value) = words(code, value);
    in_line(name, &value)
}

/// A name and a value, such that the values of several lines stand below each other.
pub fn in_line(name: &str, value: &str) -> String {
    format!("{name:<18} {value}")
}

fn addresses(value: &[u8]) -> Option<String> {
    let (all, rest) = value.as_chunks::<4>();
    let whole = rest.is_empty() && !all.is_empty();
    whole.then(|| joined(all.iter().map(|b| Ipv4Addr::from(*b).to_string())))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_name_and_every_name_one_number() {
        let all: Vec<Named> = SETTABLE.into_iter().chain(OWN).collect();
        for (n, one) in all.iter().enumerate() {
            for other in &all[n + 1..] {
                assert!(one.code != other.code && one.name != other.name, "{one:?}");
            }
        }
    }

    #[test]
    fn options_are_put_into_words() {
        for (code, value, words) in [
            (53, &[2][..], "message type       OFFER"),
            (54, &[10, 0, 0, 2], "server identifier  10.0.0.2"),
            (
                6,
                &[10, 0, 0, 2, 10, 0, 0, 3],
                "dns                10.0.0.2 10.0.0.3",
            ),
            (6, &[10, 0, 0], "dns                0a 00 00"),
            (15, b"lab.example", "domain             \"lab.example\""),
            (51, &[0, 0, 14, 16], "lease time         3600"),
            (2, &[255, 255, 255, 255], "time-offset        -1"),
            (19, &[1], "ip-forwarding      yes"),
            (
                119,
                b"\x03lab\x00\x01a\xc0\x00",
                "search             lab a.lab",
            ),
            (
                121,
                &[16, 10, 9, 10, 1, 0, 254, 0, 10, 1, 0, 1],
                "static-routes      10.9.0.0/16 via 10.1.0.254 0.0.0.0/0 via 10.1.0.1",
            ),
            (97, &[0, 1], "client UUID        00 01"),
            (222, &[1, 2], "                   01 02"),
        ] {
            assert_eq!(describe(code, value), words);
        }
    }
}
