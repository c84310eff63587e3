//! The message a machine would send, made from what an operator says of it: for `explain`.

use crate::client::Stage;
use crate::wire::dhcp::{BOOTREQUEST, BROADCAST, Kind, Message, Options, code};
use crate::wire::{Arch, Mac, Uuid};

/// A machine as an operator describes it.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Its MAC.
    pub mac: Mac,
    /// Its architecture.
    pub arch: Arch,
    /// Its UUID, where told.
    pub uuid: Option<Uuid>,
    /// Who speaks.
    pub stage: Stage,
}

/// The message such a machine sends to `67` (a DISCOVER) or to 4011 (a REQUEST), shaped as EDK2,
/// iPXE and PXE ROMs shape it (facts A).
pub fn message(machine: Machine, kind: Kind, address: std::net::Ipv4Addr) -> Message {
    let mac = machine.mac.as_bytes();
    let mut chaddr = [0; 16];
    chaddr
        .iter_mut()
        .zip(mac)
        .for_each(|(to, from)| *to = *from);
    let nowhere = std::net::Ipv4Addr::UNSPECIFIED;
    Message {
        op: BOOTREQUEST,
        htype: 1,
        hlen: mac.len() as u8,
        hops: 0,
        xid: 0x626a_0001,
        secs: 0,
        flags: if kind == Kind::Discover { BROADCAST } else { 0 },
        ciaddr: if kind == Kind::Discover {
            nowhere
        } else {
            address
        },
        yiaddr: nowhere,
        siaddr: nowhere,
        giaddr: nowhere,
        chaddr,
        sname: [0; 64],
        file: [0; 128],
        options: options(machine, kind),
    }
}

fn options(machine: Machine, kind: Kind) -> Options {
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
