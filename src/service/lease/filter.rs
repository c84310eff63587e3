//! Which leases are meant: filters of lists, and the words that tell a machine. The command and the
//! API ask the same way.
//!
//! A network that nobody knows is a mistake, not a list without lines ([`Filter::check`]).

use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::row::Row;
use crate::lease::State;
use crate::network::Networks;
use crate::wire::{Mac, hex_digits};
use crate::yaml::similar;

/// The states that a listed address can have.
pub const LISTED: [State; 5] = [
    State::Offered,
    State::Leased,
    State::Expired,
    State::Released,
    State::Declined,
];

/// Which leases of a list; what is not set leaves none out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those in one of these states.
    pub states: Vec<State>,
    /// Those of this network.
    pub network: Option<NetworkLike>,
    /// Those of this machine.
    pub mac: Option<MacLike>,
    /// Those with this host name, which ends in `*` where it goes on in any way.
    pub host_name: Option<String>,
}

/// A network by its name, or addresses by their prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkLike {
    text: String,
    prefix: Option<Ipv4Net>,
}

/// A hardware address, or how some begin: `a4:bb:6d:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacLike(String);

/// A network that leases can be of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub network: String,
    /// Its subnets.
    pub subnets: Vec<Ipv4Net>,
}

/// Words that tell an address, a machine or a host name; some can be more than one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whom {
    text: String,
    address: Option<Ipv4Addr>,
    /// A hardware address or client identifier, two digits a byte.
    hex: Option<String>,
    name: Option<String>,
}

/// The networks in force.
pub fn known(networks: &Networks) -> Vec<Known> {
    let all = networks.all.iter();
    all.map(|network| Known {
        network: network.name.to_string(),
        subnets: network.subnets.iter().map(|subnet| subnet.net).collect(),
    })
    .collect()
}

impl Filter {
    /// Whether a lease is one of those meant.
    pub fn takes(&self, row: &Row) -> bool {
        let named = |like: &String| row.names().any(|name| is_like(like, name));
        (self.states.is_empty() || self.states.contains(&row.state))
            && self.network.as_ref().is_none_or(|place| place.has(row))
            && self.mac.as_ref().is_none_or(|mac| mac.has(row))
            && self.host_name.as_ref().is_none_or(named)
    }

    /// For a list without a lease: whether there can be one.
    ///
    /// # Errors
    /// There is no such network; those that there are.
    pub fn check(&self, known: &[Known]) -> Result<(), String> {
        let Some(NetworkLike { text, prefix }) = &self.network else {
            return Ok(());
        };
        let names = || known.iter().map(|known| known.network.as_str());
        let overlaps = |prefix: &Ipv4Net| {
            let mut subnets = known.iter().flat_map(|known| &known.subnets);
            subnets.any(|net| net.contains(prefix) || prefix.contains(net))
        };
        let found = names().any(|name| name == text) || prefix.as_ref().is_some_and(overlaps);
        if found {
            return Ok(());
        }
        if known.is_empty() {
            return Err(format!("no network \"{text}\": none is described"));
        }
        let hint = similar::hint(text, names());
        Err(format!("no network \"{text}\"; {hint}"))
    }
}

impl Row {
    fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.host_name.iter().chain(&self.client_name);
        names.map(String::as_str)
    }
}

impl NetworkLike {
    fn has(&self, row: &Row) -> bool {
        let inside = |prefix: &Ipv4Net| prefix.contains(&row.address);
        row.network.as_deref() == Some(&self.text) || self.prefix.as_ref().is_some_and(inside)
    }
}

impl From<&str> for NetworkLike {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            prefix: text.parse().ok(),
        }
    }
}

impl MacLike {
    fn has(&self, row: &Row) -> bool {
        let mut macs = row.mac.iter().chain(&row.meant_for);
        macs.any(|mac| self.is(mac))
    }

    /// Whether it is this one, or this one begins so.
    pub fn is(&self, mac: &str) -> bool {
        is_like(&self.0, mac)
    }
}

impl FromStr for MacLike {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(mac) = text.parse::<Mac>() {
            return Ok(Self(mac.to_string()));
        }
        let begin = text.strip_suffix('*').map(|b| b.replace('-', ":"));
        let fits = |begin: &String| begin.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
        let begin = begin.filter(fits).ok_or_else(|| {
            format!("\"{text}\" is no MAC address; write it as 52:54:00:12:34:56, or a4:bb:6d:*")
        })?;
        Ok(Self(format!("{begin}*")))
    }
}

/// Whether a text is, but for case, the one asked for, or begins so where that ends in `*`.
fn is_like(like: &str, text: &str) -> bool {
    match like.strip_suffix('*') {
        Some(begin) => text
            .get(..begin.len())
            .is_some_and(|own| own.eq_ignore_ascii_case(begin)),
        None => text.eq_ignore_ascii_case(like),
    }
}

impl Whom {
    /// Whether a lease is of the address, of the machine (also one meant for it), or of the name.
    pub fn is(&self, row: &Row) -> bool {
        let meant = row.meant_for.as_ref().is_some_and(|mac| self.is_mac(mac));
        let named = |own: &String| row.names().any(|name| name.eq_ignore_ascii_case(own));
        self.address == Some(row.address)
            || self.holds(row)
            || meant
            || self.name.as_ref().is_some_and(named)
    }

    /// Whether the machine has a lease, or had it last.
    pub fn holds(&self, row: &Row) -> bool {
        let by_id = self.hex.is_some() && self.hex == row.client_id;
        by_id || row.mac.as_ref().is_some_and(|mac| self.is_mac(mac))
    }

    /// The address, where it is one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.address
    }

    /// The hardware address, where it can be one.
    pub fn mac(&self) -> Option<Mac> {
        self.text.parse().ok()
    }

    /// Whether it may be a machine's hardware address or client identifier.
    pub fn is_machine(&self) -> bool {
        self.hex.is_some()
    }

    /// Also a client identifier that says no more than the hardware address (RFC 2132 9.14).
    fn is_mac(&self, mac: &str) -> bool {
        let digits = mac.replace(':', "");
        let own = self.hex.as_deref();
        own == Some(&digits) || own.and_then(|hex| hex.strip_prefix("01")) == Some(&digits)
    }
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Whom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address: Option<Ipv4Addr> = text.parse().ok();
        let hex = digits(text).filter(|_| address.is_none());
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let name = (!text.is_empty() && text.chars().all(fit) && address.is_none())
            .then(|| text.to_owned());
        if address.is_none() && hex.is_none() && name.is_none() {
            return Err(format!(
                "\"{text}\" is no IPv4 address, MAC address, client identifier in hex or host name"
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            address,
            hex,
            name,
        })
    }
}

/// The digits of a hardware address or client identifier: `52:54:00:12:34:56`, `0x0102`, `0102`.
fn digits(text: &str) -> Option<String> {
    if let Ok(mac) = text.parse::<Mac>() {
        return Some(hex_digits(mac.as_bytes()));
    }
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let digits = digits.replace([':', '-'], "").to_ascii_lowercase();
    let even = !digits.is_empty() && digits.len().is_multiple_of(2);
    (even && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digits)
}
