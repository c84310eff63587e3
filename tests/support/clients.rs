//! Boot clients as their firmware speaks, byte for byte.
//!
//! Where a capture exists (`tests/captures`), a test below holds the builder against it. The Intel
//! ROM and the bare class have none: they follow what is known of such clients.

use std::net::Ipv4Addr;

use super::packet::{DISCOVER, Packet, REQUEST};

/// The programs that can be imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// OVMF's PXE client, arch 7.
    Edk2,
    /// OVMF's HTTP boot, arch 16.
    Edk2Http,
    /// The iPXE in an e1000's ROM, arch 0.
    IpxeRom,
    /// iPXE as `snponly.efi`, arch 7.
    Snponly,
    /// An Intel boot agent of PXE 2.1, arch 0 (no capture).
    Intel,
    /// A PXE client that gives its class as the bare word and neither 93, 94 nor 97 (no capture).
    Bare,
    /// busybox' DHCP client: boots nothing.
    Udhcpc,
}

/// One imitated machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootClient {
    /// Who speaks.
    pub speaker: Speaker,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Its UUID, in the order of the wire.
    pub uuid: [u8; 16],
    /// The transaction it is in.
    pub xid: u32,
}

const EDK2_ASKS: [u8; 35] = [
    1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66,
    67, 97, 128, 129, 130, 131, 132, 133, 134, 135,
];
const EDK2_HTTP_ASKS: [u8; 27] = [
    1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 235,
    67, 97,
];
const IPXE_ASKS: [u8; 23] = [
    1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175,
    203,
];
/// Bus id of an e1000, version, then one triple a feature; 0x13 is HTTP.
const ROM_FEATURES: [u8; 48] = [
    0xb1, 5, 1, 0x80, 0x86, 0x10, 0x0e, 0xeb, 3, 1, 0, 0, 0x17, 1, 1, 0x22, 1, 1, 0x13, 1, 1, 0x11,
    1, 1, 0x27, 1, 1, 0x19, 1, 1, 0x29, 1, 1, 0x10, 1, 2, 0x21, 1, 1, 0x15, 1, 1, 0x18, 1, 1, 0x12,
    1, 1,
];
const SNPONLY_FEATURES: [u8; 36] = [
    0xb1, 5, 1, 0x1a, 0xf4, 0x10, 0, 0xeb, 3, 1, 0, 0, 0x17, 1, 1, 0x24, 1, 1, 0x13, 1, 1, 0x11, 1,
    1, 0x27, 1, 1, 0x29, 1, 1, 0x15, 1, 1, 0x12, 1, 1,
];
const INTEL_ASKS: [u8; 24] = [
    1, 2, 3, 5, 6, 11, 12, 13, 15, 16, 17, 18, 43, 54, 60, 67, 128, 129, 130, 131, 132, 133, 134,
    135,
];
const UDHCPC_ASKS: [u8; 7] = [1, 3, 6, 12, 15, 28, 42];

impl BootClient {
    /// A machine with a MAC and UUID that end in `number`.
    pub fn new(speaker: Speaker, number: u8) -> Self {
        let mac = [0x52, 0x54, 0, 0x78, 0, number];
        let mut uuid = [0x42; 16];
        uuid[15] = number;
        // Each stage of one machine has a transaction of its own: an answer to another is not taken for its.
        let xid = 0x6a6b_0000 | (speaker as u32) << 8 | u32::from(number);
        Self {
            speaker,
            mac,
            uuid,
            xid,
        }
    }

    /// Its DISCOVER.
    pub fn discover(&self) -> Packet {
        let packet = self.message(DISCOVER);
        let class = self.class();
        match self.speaker {
            Speaker::Edk2 => self.edk2(packet, &EDK2_ASKS, 1472, class),
            Speaker::Edk2Http => self.edk2(packet, &EDK2_HTTP_ASKS, 1472, class),
            Speaker::IpxeRom | Speaker::Snponly => self.ipxe(packet, class),
            Speaker::Intel => self.intel(packet, class),
            Speaker::Bare => packet.with(55, &INTEL_ASKS).with(60, class),
            Speaker::Udhcpc => self.udhcpc(packet),
        }
    }

    /// Its REQUEST for a lease, broadcast to port 67: no business of a ProxyDHCP.
    pub fn lease_request(&self, address: Ipv4Addr, server: Ipv4Addr) -> Packet {
        let packet = self.message(REQUEST);
        let (address, server) = (address.octets(), server.octets());
        let class = self.class();
        let chosen: [(u8, &[u8]); 2] = [(54, &server), (50, &address)];
        match self.speaker {
            Speaker::Edk2 => self.edk2(packet.with_all(&chosen), &EDK2_ASKS, 0xff00, class),
            Speaker::Edk2Http => {
                self.edk2(packet.with_all(&chosen), &EDK2_HTTP_ASKS, 0xff00, class)
            }
            Speaker::IpxeRom | Speaker::Snponly => Packet {
                secs: 11,
                ..self.ipxe(packet, class)
            }
            .with_all(&chosen),
            Speaker::Intel => self.intel(packet.with_all(&chosen), class),
            Speaker::Bare => packet.with_all(&chosen).with(60, class),
            Speaker::Udhcpc => self.udhcpc(packet.with_all(&chosen)),
        }
    }

    /// Its REQUEST to the proxy's port 4011, from [`BootClient::port_to_4011`] of its address.
    pub fn proxy_request(&self, address: Ipv4Addr, proxy: Ipv4Addr) -> Packet {
        let packet = Packet {
            ciaddr: address,
            flags: 0,
            ..self.message(REQUEST)
        };
        let class = self.class();
        match self.speaker {
            Speaker::Edk2 | Speaker::Edk2Http => packet
                .with(55, &EDK2_ASKS)
                .with(57, &1472_u16.to_be_bytes())
                .with(60, class)
                .with(93, &self.arch())
                .with(94, &[1, 3, 0])
                .with(97, &self.guid()),
            Speaker::IpxeRom | Speaker::Snponly => {
                let packet = Packet {
                    secs: 15,
                    flags: 0x8000,
                    ..packet
                };
                self.ipxe(packet, class).with(54, &proxy.octets())
            }
            Speaker::Intel => self.intel(packet, class),
            Speaker::Bare | Speaker::Udhcpc => packet.with(60, class),
        }
    }

    /// The boot-server discovery of an iPXE ROM: it asks 4011 for an item of a menu, with
    /// transaction 0 and the class of the answer it had.
    pub fn boot_server_request(&self, address: Ipv4Addr, item: u16) -> Packet {
        let packet = Packet {
            ciaddr: address,
            ..self.message(REQUEST)
        };
        let packet = Packet {
            xid: 0,
            flags: 0x8000,
            ..packet
        };
        let [high, low] = item.to_be_bytes();
        self.ipxe(packet, b"PXEClient")
            .with(43, &[71, 4, high, low, 0, 0, 255])
    }

    /// The port it asks 4011 from.
    pub fn port_to_4011(&self) -> u16 {
        match self.speaker {
            Speaker::Edk2 | Speaker::Edk2Http => 4011,
            _ => 68,
        }
    }

    /// Its vendor class, option 60.
    pub fn class(&self) -> &'static [u8] {
        match self.speaker {
            Speaker::Edk2 => b"PXEClient:Arch:00007:UNDI:003000",
            Speaker::Edk2Http => b"HTTPClient:Arch:00016:UNDI:003000",
            Speaker::Snponly => b"PXEClient:Arch:00007:UNDI:003010",
            Speaker::IpxeRom | Speaker::Intel => b"PXEClient:Arch:00000:UNDI:002001",
            Speaker::Bare => b"PXEClient",
            Speaker::Udhcpc => b"udhcp 1.35.0",
        }
    }

    fn message(&self, kind: u8) -> Packet {
        let packet = Packet::new(kind, self.mac, self.xid);
        match self.speaker {
            Speaker::Edk2 | Speaker::Edk2Http => Packet {
                flags: 0x8000,
                ..packet
            },
            Speaker::Intel | Speaker::Bare => Packet {
                flags: 0x8000,
                secs: 4,
                pad: 548,
                ..packet
            },
            Speaker::IpxeRom | Speaker::Snponly => Packet { secs: 4, ..packet },
            Speaker::Udhcpc => Packet { pad: 300, ..packet },
        }
    }

    fn arch(&self) -> [u8; 2] {
        match self.speaker {
            Speaker::Edk2 | Speaker::Snponly => [0, 7],
            Speaker::Edk2Http => [0, 16],
            _ => [0, 0],
        }
    }

    /// Option 97: type 0 and the UUID.
    fn guid(&self) -> [u8; 17] {
        let mut guid = [0; 17];
        guid[1..].copy_from_slice(&self.uuid);
        guid
    }

    fn edk2(&self, packet: Packet, asks: &[u8], size: u16, class: &[u8]) -> Packet {
        packet
            .with(57, &size.to_be_bytes())
            .with(55, asks)
            .with(97, &self.guid())
            .with(94, &[1, 3, 0])
            .with(93, &self.arch())
            .with(60, class)
    }

    fn ipxe(&self, packet: Packet, class: &[u8]) -> Packet {
        let (undi, features): ([u8; 3], &[u8]) = match self.speaker {
            Speaker::Snponly => ([1, 3, 10], &SNPONLY_FEATURES),
            _ => ([1, 2, 1], &ROM_FEATURES),
        };
        let [a, b, c, d, e, f] = self.mac;
        packet
            .with(57, &1472_u16.to_be_bytes())
            .with(93, &self.arch())
            .with(94, &undi)
            .with(60, class)
            .with(77, b"iPXE")
            .with(55, &IPXE_ASKS)
            .with(175, features)
            .with(61, &[1, a, b, c, d, e, f])
            .with(97, &self.guid())
    }

    fn intel(&self, packet: Packet, class: &[u8]) -> Packet {
        packet
            .with(55, &INTEL_ASKS)
            .with(57, &1260_u16.to_be_bytes())
            .with(97, &self.guid())
            .with(93, &self.arch())
            .with(94, &[1, 2, 1])
            .with(60, class)
    }

    fn udhcpc(&self, packet: Packet) -> Packet {
        let [a, b, c, d, e, f] = self.mac;
        packet
            .with(57, &576_u16.to_be_bytes())
            .with(55, &UDHCPC_ASKS)
            .with(60, self.class())
            .with(61, &[1, a, b, c, d, e, f])
    }
}
