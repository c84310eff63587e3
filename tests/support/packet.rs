//! DHCP messages made of bytes, one field after the other, with nothing checked: what real and
//! broken clients send. Layout: RFC 2131 section 2; options: RFC 2132.

use std::net::Ipv4Addr;

/// DISCOVER, option 53.
pub const DISCOVER: u8 = 1;
/// REQUEST, option 53.
pub const REQUEST: u8 = 3;
/// INFORM, option 53.
pub const INFORM: u8 = 8;

const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];

/// A message under construction. Every field is open: a test may break any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// 1 from clients, 2 from servers.
    pub op: u8,
    /// 1 for Ethernet.
    pub htype: u8,
    /// Length of the hardware address.
    pub hlen: u8,
    /// Relays passed.
    pub hops: u8,
    /// Transaction.
    pub xid: u32,
    /// Seconds since the client began; iPXE keeps state bits in it.
    pub secs: u16,
    /// 0x8000 asks for a broadcast answer.
    pub flags: u16,
    /// The client's address, when it has one.
    pub ciaddr: Ipv4Addr,
    /// The relay's address.
    pub giaddr: Ipv4Addr,
    /// Hardware address, padded.
    pub chaddr: [u8; 16],
    /// Options in the order sent, without the END mark.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Zeros follow the END mark up to this length.
    pub pad: usize,
}

impl Packet {
    /// A message of a type (option 53) from an Ethernet address.
    pub fn new(kind: u8, mac: [u8; 6], xid: u32) -> Self {
        let mut chaddr = [0; 16];
        chaddr[..6].copy_from_slice(&mac);
        Self {
            op: 1,
            htype: 1,
            hlen: 6,
            hops: 0,
            xid,
            secs: 0,
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr,
            options: vec![(53, vec![kind])],
            pad: 0,
        }
    }

    /// Appends an option.
    pub fn with(mut self, code: u8, data: &[u8]) -> Self {
        self.options.push((code, data.to_vec()));
        self
    }

    /// Appends options.
    pub fn with_all(mut self, options: &[(u8, &[u8])]) -> Self {
        let owned = options.iter().map(|(code, data)| (*code, data.to_vec()));
        self.options.extend(owned);
        self
    }

    /// Removes an option.
    pub fn without(mut self, code: u8) -> Self {
        self.options.retain(|(c, _)| *c != code);
        self
    }

    /// The UDP payload.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.op, self.htype, self.hlen, self.hops];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend(self.ciaddr.octets());
        bytes.extend([0; 8]);
        bytes.extend(self.giaddr.octets());
        bytes.extend(self.chaddr);
        bytes.extend([0; 64 + 128]);
        bytes.extend(COOKIE);
        for (code, data) in &self.options {
            bytes.extend([*code, data.len() as u8]);
            bytes.extend(data);
        }
        bytes.push(255);
        bytes.resize(bytes.len().max(self.pad), 0);
        bytes
    }
}

/// The bytes of a capture below `tests/captures` (`edk2-pxe-discover`): hex digits, `#` comments.
pub fn capture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/captures/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: String = lines.collect();
    let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex digits");
    (0..digits.len()).step_by(2).map(octet).collect()
}
