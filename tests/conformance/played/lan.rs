//! The DHCP server beside bootjack, in the modes `proxy` and `colocated`: one address for everybody,
//! and what a case has it say beyond that.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bootjack::firmware::machine::Datagram;
use bootjack::wire::dhcp::{Kind, Message, Options};
use serde::Deserialize;

use super::{Mode, Sent};
use crate::asked::bytes;
use crate::server::US;

/// Where it is in mode `proxy`; in `colocated` it is on our host.
pub const DHCP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The address that it gives.
const GIVEN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);

/// What its OFFER and its ACK say beside the address.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Lan {
    /// It is switched off.
    pub silent: bool,
    pub siaddr: Option<Ipv4Addr>,
    pub file: String,
    /// In `colocated`, without any: what README has boot clients told.
    pub options: BTreeMap<u8, String>,
    /// In milliseconds.
    pub after: u64,
}

impl Lan {
    /// What it answers.
    pub fn hears(&self, mode: Mode, datagram: &Datagram) -> Option<Sent> {
        if self.silent || mode == Mode::Dhcp || datagram.to.port() != 67 {
            return None;
        }
        let us = if mode == Mode::Proxy { DHCP } else { US };
        let asked = Message::decode(&datagram.bytes).unwrap();
        let kind = match asked.kind() {
            Some(Kind::Discover) => 2,
            Some(Kind::Request) if asked.address(54) == Some(us) => 5,
            _ => return None,
        };
        Some(Sent {
            from: SocketAddrV4::new(us, 67),
            to: SocketAddrV4::new(Ipv4Addr::BROADCAST, 68),
            after: Duration::from_millis(self.after),
            bytes: self.reply(&asked, mode, (us, kind)).encode(),
        })
    }

    fn reply(&self, asked: &Message, mode: Mode, (us, kind): (Ipv4Addr, u8)) -> Message {
        let mut options = Options::default();
        options.push(53, &[kind]);
        options.push(54, &us.octets());
        options.push(51, &3600_u32.to_be_bytes());
        options.push(1, &[255, 255, 255, 0]);
        let told = (mode == Mode::Colocated && self.options.is_empty()).then(|| announced(asked));
        let (class, name) = told.flatten().unwrap_or(("", &self.file));
        if !class.is_empty() {
            options.push(60, class.as_bytes());
        }
        for (code, value) in &self.options {
            options.push(*code, &bytes(value));
        }
        let mut file = [0; 128];
        file[..name.len()].copy_from_slice(name.as_bytes());
        Message {
            op: 2,
            yiaddr: GIVEN,
            siaddr: self.siaddr.unwrap_or(Ipv4Addr::UNSPECIFIED),
            file,
            options,
            ..asked.clone()
        }
    }
}

/// Option 60 and the file of a boot client (README, "On the DHCP server's own host").
fn announced(asked: &Message) -> Option<(&'static str, &'static str)> {
    match asked.options.get(60)? {
        class if class.starts_with(b"PXEClient") => Some(("PXEClient", "")),
        class if class.starts_with(b"HTTPClient") => {
            Some(("HTTPClient", "http://10.0.0.2:8067/assets/snponly.efi"))
        }
        _ => None,
    }
}
