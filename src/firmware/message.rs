//! What each firmware sends, option for option in its order (`tests/captures` has some of them as
//! they were on the wire).

use std::net::Ipv4Addr;

use super::kind::{Firmware, Manner};
use crate::wire::dhcp::{BROADCAST, Kind, Message, Options, code};
use crate::wire::pxe::SUB_BOOT_ITEM;
use crate::wire::{Mac, Uuid};

/// Option 97 of a Raspberry Pi 3: it has no UUID and sends this.
const PI_UUID: [u8; 16] = [0x44; 16];
/// Option 175 of QEMU's e1000 ROM: its bus id, version and features.
const IPXE_FEATURES: [u8; 48] = [
    0xb1, 5, 1, 0x80, 0x86, 0x10, 0x0e, 0xeb, 3, 1, 0, 0, 0x17, 1, 1, 0x22, 1, 1, 0x13, 1, 1, 0x11,
    1, 1, 0x27, 1, 1, 0x19, 1, 1, 0x29, 1, 1, 0x10, 1, 2, 0x21, 1, 1, 0x15, 1, 1, 0x18, 1, 1, 0x12,
    1, 1,
];

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its hardware address.
    pub mac: Mac,
    /// Its UUID; `None`: it sends zeros.
    pub uuid: Option<Uuid>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Who is there?
    Discover,
    /// I take this address of that server.
    Lease(Ipv4Addr, Ipv4Addr),
    /// What do I boot? To port 4011 of this server, from this address of mine.
    Boot(Ipv4Addr, Ipv4Addr),
    /// Who serves this item of the menu? From this address of mine; to everybody or not.
    Item(Ipv4Addr, u16, bool),
    /// I give this address back to that server.
    Release(Ipv4Addr, Ipv4Addr),
}

impl Purpose {
    const fn kind(self) -> Kind {
        match self {
            Self::Discover => Kind::Discover,
            Self::Release(..) => Kind::Release,
            _ => Kind::Request,
        }
    }

    /// The address it is sent from.
    pub const fn own(self) -> Ipv4Addr {
        match self {
            Self::Boot(_, own) | Self::Item(own, ..) | Self::Release(own, _) => own,
            Self::Discover | Self::Lease(..) => Ipv4Addr::UNSPECIFIED,
        }
    }

    /// Options that only this purpose has.
    fn own_options(self) -> Vec<(u8, [u8; 4])> {
        match self {
            Self::Lease(address, server) => vec![
                (code::SERVER_ID, server.octets()),
                (code::REQUESTED_ADDRESS, address.octets()),
            ],
            Self::Release(_, server) => vec![(code::SERVER_ID, server.octets())],
            _ => Vec::new(),
        }
    }
}

/// The message a firmware sends.
pub fn message(
    firmware: &Firmware,
    who: Identity,
    purpose: Purpose,
    xid: u32,
    secs: u16,
) -> Message {
    Message {
        secs,
        flags: flags(firmware, purpose),
        ciaddr: purpose.own(),
        options: options(firmware, who, purpose),
        ..Message::request(who.mac, xid)
    }
}

/// EDK2 asks everybody for broadcasts and one server for a unicast; iPXE the other way round.
fn flags(firmware: &Firmware, purpose: Purpose) -> u16 {
    let broadcast = match (firmware.manner, purpose) {
        (Manner::Ipxe, Purpose::Boot(..) | Purpose::Item(..)) => true,
        (_, Purpose::Item(_, _, everybody)) => everybody,
        (_, Purpose::Boot(..) | Purpose::Release(..)) => false,
        _ => firmware.broadcast,
    };
    if broadcast { BROADCAST } else { 0 }
}

fn options(firmware: &Firmware, who: Identity, purpose: Purpose) -> Options {
    let mut said = Said {
        firmware,
        who,
        options: Options::default(),
    };
    if let (Manner::Edk2, Purpose::Item(_, item, _)) = (firmware.manner, purpose) {
        said.item(item);
    }
    said.add(code::MESSAGE_TYPE, &[purpose.kind().number()]);
    match (firmware.manner, purpose) {
        (_, Purpose::Release(..)) => said.own(purpose),
        (Manner::Edk2, Purpose::Boot(..) | Purpose::Item(..)) => said.edk2_to_4011(),
        (Manner::Edk2 | Manner::Edk2Http, _) => said.edk2(purpose),
        (Manner::Ipxe, _) => said.ipxe(purpose),
        (Manner::Rom | Manner::Pi, _) => said.rom(purpose),
    }
    said.options
}

/// The options of a message under way.
struct Said<'a> {
    firmware: &'a Firmware,
    who: Identity,
    options: Options,
}

impl Said<'_> {
    fn add(&mut self, code: u8, value: &[u8]) {
        self.options.push(code, value);
    }

    fn size(&mut self, bytes: u16) {
        self.add(code::MAX_MESSAGE_SIZE, &bytes.to_be_bytes());
    }

    fn asks(&mut self) {
        self.add(code::PARAMETER_LIST, self.firmware.asks);
    }

    fn uuid(&mut self) {
        let none = if self.firmware.manner == Manner::Pi {
            PI_UUID
        } else {
            [0; 16]
        };
        let uuid = self.who.uuid.map_or(none, |uuid| *uuid.as_bytes());
        self.add(code::CLIENT_UUID, &[&[0][..], &uuid].concat());
    }

    fn undi(&mut self) {
        self.add(code::CLIENT_NDI, &self.firmware.undi);
    }

    fn arch(&mut self) {
        self.add(code::CLIENT_ARCH, &self.firmware.arch.0.to_be_bytes());
    }

    fn class(&mut self) {
        self.add(code::VENDOR_CLASS, self.firmware.class.as_bytes());
    }

    fn item(&mut self, item: u16) {
        let [high, low] = item.to_be_bytes();
        self.add(
            code::VENDOR_SPECIFIC,
            &[SUB_BOOT_ITEM, 4, high, low, 0, 0, 255],
        );
    }

    fn own(&mut self, purpose: Purpose) {
        for (code, value) in purpose.own_options() {
            self.add(code, &value);
        }
    }

    /// On 67. Of the lease REQUEST it says that it could take more than it can (facts A).
    fn edk2(&mut self, purpose: Purpose) {
        let discovers = purpose == Purpose::Discover;
        self.own(purpose);
        self.size(if discovers { 1472 } else { 0xff00 });
        self.asks();
        self.uuid();
        self.undi();
        self.arch();
        self.class();
    }

    /// Sorted by number, as `Dhcp4->Build` gives them out.
    fn edk2_to_4011(&mut self) {
        self.asks();
        self.size(1472);
        self.class();
        self.arch();
        self.undi();
        self.uuid();
    }

    fn ipxe(&mut self, purpose: Purpose) {
        self.size(1472);
        self.arch();
        self.undi();
        self.class();
        self.add(code::USER_CLASS, b"iPXE");
        self.asks();
        self.add(code::ETHERBOOT, &IPXE_FEATURES);
        let id = [&[1][..], self.who.mac.as_bytes()].concat();
        self.add(code::CLIENT_ID, &id);
        self.uuid();
        match purpose {
            Purpose::Boot(server, _) => self.add(code::SERVER_ID, &server.octets()),
            Purpose::Item(_, item, _) => self.item(item),
            _ => self.own(purpose),
        }
    }

    fn rom(&mut self, purpose: Purpose) {
        self.own(purpose);
        self.asks();
        self.size(1260);
        self.uuid();
        self.arch();
        self.undi();
        self.class();
        if let Purpose::Item(_, item, _) = purpose {
            self.item(item);
        }
    }
}
