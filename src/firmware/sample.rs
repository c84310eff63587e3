//! The message a machine would send, made from what an operator says of it: for `explain`, and for
//! asking a LAN what it answers.

use std::net::Ipv4Addr;

use super::kind::Kind;
use super::made_up;
use super::message::{self, Identity, Purpose};
use crate::client::Stage;
use crate::wire::dhcp::{self, BROADCAST, Message, Options, code};
use crate::wire::{Arch, Mac, Uuid};

/// The transaction of an operator's machine: always the same, so that what is shown is too.
const XID: u32 = 0x626a_0001;

/// A machine as an operator describes it.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its MAC.
    pub mac: Mac,
    /// Its architecture.
    pub arch: Arch,
    /// Its UUID, where told.
    pub uuid: Option<Uuid>,
    /// Who speaks.
    pub stage: Stage,
}

/// What kind of machine a LAN is asked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// An ordinary machine that only wants an address
    Plain,
    /// A BIOS machine's PXE ROM
    Bios,
    /// 64-bit x86 UEFI over PXE
    Uefi,
    /// 64-bit x86 UEFI over HTTP
    Http,
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Bios, Self::Uefi, Self::Http];

    /// The firmware of a machine that boots.
    pub const fn boots_as(self) -> Option<Kind> {
        match self {
            Self::Plain => None,
            Self::Bios => Some(Kind::Bios),
            Self::Uefi => Some(Kind::EfiX64),
            Self::Http => Some(Kind::HttpX64),
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "an ordinary machine",
            Self::Bios => "BIOS",
            Self::Uefi => "UEFI",
            Self::Http => "UEFI HTTP boot",
        }
    }
}

/// What an ordinary machine asks for (dhclient's list).
const PLAIN_LIST: [u8; 11] = [1, 3, 6, 12, 15, 26, 28, 42, 51, 119, 121];
/// What firmware asks for (EDK2's list), and iPXE's 175.
const BOOT_LIST: [u8; 36] = [
    1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66,
    67, 97, 128, 129, 130, 131, 132, 133, 134, 135, 175,
];

/// What the boot ROM of a Raspberry Pi asks for: not for a router, and it goes by the one it is told all
/// the same (raspberrypi/firmware#670).
pub const PI_LIST: [u8; 12] = [43, 60, 67, 128, 129, 130, 131, 132, 133, 134, 135, 66];

/// The DISCOVER of a machine of this kind, `secs` seconds after its first one, as its firmware sends
/// it, but for a parameter list that asks for what any firmware asks for. Its UUID is that of a machine
/// that is played: a bootjack that serves answers it, and learns nothing by it.
pub fn discover(flavour: Flavour, mac: Mac, xid: u32, secs: u16) -> Message {
    let kind = flavour.boots_as().unwrap_or(Kind::Bios);
    let who = Identity {
        mac,
        uuid: made_up::uuid_of(mac),
    };
    let mut message = message::message(kind.firmware(), who, Purpose::Discover, xid, secs);
    let sent = std::mem::take(&mut message.options);
    let list: &[u8] = match flavour {
        Flavour::Plain => &PLAIN_LIST,
        _ => &BOOT_LIST,
    };
    let asks = |code| match code {
        code::MESSAGE_TYPE | code::MAX_MESSAGE_SIZE | code::PARAMETER_LIST => true,
        _ => flavour != Flavour::Plain,
    };
    for (code, value) in sent.iter().filter(|(code, _)| asks(*code)) {
        let value = if code == code::PARAMETER_LIST {
            list
        } else {
            value
        };
        message.options.push(code, value);
    }
    message
}

/// The message such a machine sends to `67` (a DISCOVER) or to 4011 (a REQUEST), shaped as EDK2,
/// iPXE and PXE ROMs shape it (facts A).
pub fn message(machine: Described, kind: dhcp::Kind, address: Ipv4Addr) -> Message {
    let (flags, ciaddr) = match kind {
        dhcp::Kind::Discover => (BROADCAST, Ipv4Addr::UNSPECIFIED),
        _ => (0, address),
    };
    Message {
        flags,
        ciaddr,
        options: options(machine, kind),
        ..Message::request(machine.mac, XID)
    }
}

fn options(machine: Described, kind: dhcp::Kind) -> Options {
    let class = match machine.stage {
        Stage::HttpBoot => "HTTPClient",
        _ => "PXEClient",
    };
    let class = format!("{class}:Arch:{:05}:UNDI:003016", machine.arch.0);
    let mut options = Options::default();
    options.push(code::MESSAGE_TYPE, &[kind.number()]);
    options.push(code::MAX_MESSAGE_SIZE, &1472_u16.to_be_bytes());
    if let Some(uuid) = machine.uuid {
        options.push(code::CLIENT_UUID, &[&[0][..], uuid.as_bytes()].concat());
    }
    options.push(code::CLIENT_ARCH, &machine.arch.0.to_be_bytes());
    options.push(code::CLIENT_NDI, &[1, 3, 16]);
    options.push(code::VENDOR_CLASS, class.as_bytes());
    if machine.stage == Stage::Ipxe {
        options.push(code::USER_CLASS, b"iPXE");
        options.push(code::ETHERBOOT, &[0x13, 1, 1, 0xeb, 3, 1, 21, 1]);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Class, identify};

    #[test]
    fn each_flavour_is_taken_for_what_it_says_and_for_no_real_machine() {
        let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
        for (flavour, class) in [
            (Flavour::Plain, None),
            (Flavour::Bios, Some((Class::Pxe, Arch::BIOS))),
            (Flavour::Uefi, Some((Class::Pxe, Arch::EFI_X64))),
            (Flavour::Http, Some((Class::Http, Arch::HTTP_X64))),
        ] {
            let sent = discover(flavour, mac, 7, 3).encode();
            let message = Message::decode(&sent).unwrap();
            assert_eq!(
                (message.xid, message.secs, message.mac()),
                (7, 3, Some(mac))
            );
            assert_eq!(message.flags, BROADCAST);
            let client = identify(&message, Ipv4Addr::LOCALHOST).ok();
            assert!(client.as_ref().is_none_or(made_up::is_probe), "{flavour:?}");
            let boots = client.is_some();
            assert_eq!(made_up::is_played(&message), boots, "{flavour:?}");
            assert_eq!(client.map(|c| (c.class, c.arch())), class, "{flavour:?}");
        }
    }
}
